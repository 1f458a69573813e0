#include <masa/plugin.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void *masa_plugin_open(const char *name)
{
    static const char *const folders[] = {"/", "/../lib/masa/"};
    char program[4096], path[4096 + 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    for (size_t i = 0; slash && i < 2; i++) {
        snprintf(path, sizeof path, "%s%s%s", program, folders[i], name);
        if (access(path, R_OK) == 0) return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}
