/* What Linux says of a process's memory and the machine's. */
#include <masa/memory.h>

#include <stdint.h>
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

/* ---- control groups ---- */

/* Where the memory's controller lies in each of the two versions, and what it calls its files. */
typedef struct controller {
    const char *line; /* in /proc/self/cgroup, before the group's path */
    const char *root, *limit, *used, *cache[2];
} controller;
static const controller controllers[] = {
    {"0::",
     "/sys/fs/cgroup",
     "memory.max",
     "memory.current",
     {"inactive_file ", "active_file "}},
    {":memory:",
     "/sys/fs/cgroup/memory",
     "memory.limit_in_bytes",
     "memory.usage_in_bytes",
     {"total_inactive_file ", "total_active_file "}},
};

/* The group of the process below the controller's root, as "/a/b"; false: it is in none. */
static bool find_group(char out[1024], const controller *c)
{
    char line[1100];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *at = strstr(line, c->line);
        found = at && (at == line || c->line[0] == ':') && at[strlen(c->line)] == '/';
        if (found) snprintf(out, 1024, "%.1000s", at + strlen(c->line));
    }
    if (file) fclose(file);
    if (found) out[strcspn(out, "\n")] = '\0';
    return found;
}

/* Bytes of the file cache that a group has: they are given up when others are asked for. */
static size_t read_cache(const controller *c, const char *path)
{
    char line[128];
    size_t bytes = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        for (int i = 0; i < 2; i++) {
            size_t n = strlen(c->cache[i]);
            unsigned long long value;
            if (strncmp(line, c->cache[i], n) == 0 && sscanf(line + n, "%llu", &value) == 1)
                bytes += (size_t)value;
        }
    if (file) fclose(file);
    return bytes;
}

static size_t group_room(const controller *c, const char *group)
{
    char path[1200];
    snprintf(path, sizeof path, "%s%s/%s", c->root, group, c->limit);
    size_t limit = read_number(path);
    snprintf(path, sizeof path, "%s%s/%s", c->root, group, c->used);
    size_t used = read_number(path);
    snprintf(path, sizeof path, "%s%s/memory.stat", c->root, group);
    size_t cache = read_cache(c, path);
    if (limit == 0) return SIZE_MAX;
    used = used > cache ? used - cache : 0;
    return limit > used ? limit - used : 0;
}

/* What the process's group and those that it lies in leave; in a container only the last of them
 * may be there to be read, as the root. */
static size_t groups_room(const controller *c)
{
    char group[1024];
    size_t least = SIZE_MAX;
    if (!find_group(group, c)) return least;
    for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
        *end = '\0';
        size_t room = group_room(c, group);
        if (room < least) least = room;
    }
    return least;
}

size_t masa_memory_available(void)
{
    size_t available = read_kib("/proc/meminfo", "MemAvailable:");
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
        size_t room = groups_room(&controllers[i]);
        if (room < available) available = room;
    }
    return available;
}
