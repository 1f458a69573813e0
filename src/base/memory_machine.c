/* What Linux says of a process's memory and the machine's. */
#include <masa/memory.h>

#include <stdio.h>
#include <string.h>

/* The line "NAME  N kB" of a file in /proc, in bytes; 0: there is none. */
static size_t read_kib(const char *path, const char *name)
{
    char line[128];
    unsigned long long kib = 0;
    size_t n = strlen(name);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, n) == 0 && sscanf(line + n, "%llu", &kib) == 1) break;
    if (file) fclose(file);
    return (size_t)kib << 10;
}

/* A number in a one-line file, or 0 ("max" too). */
static size_t read_number(const char *path)
{
    unsigned long long value = 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%llu", &value) != 1) value = 0;
    fclose(file);
    return (size_t)value;
}

size_t masa_memory_peak(void)
{
    return read_kib("/proc/self/status", "VmHWM:");
}

size_t masa_memory_used(void)
{
    return read_kib("/proc/self/status", "VmRSS:");
}

size_t masa_memory_available(void)
{
    size_t available = read_kib("/proc/meminfo", "MemAvailable:");
    size_t limit = read_number("/sys/fs/cgroup/memory.max");
    size_t used = read_number("/sys/fs/cgroup/memory.current");
    size_t left = limit > used ? limit - used : 0;
    return limit && left < available ? left : available;
}
