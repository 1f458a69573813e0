/* A plugin as libmasa_cuda.so is one, for tests of how it is found, refused and started. It
 * computes nothing. PLUGIN_VERSION in the environment makes it one of another build, and
 * PLUGIN_DEVICES is how many devices it says it has. */
#include "backend.h"

#include <stdio.h>
#include <stdlib.h>

const struct backend *masa_backend(void);
static int started = -1;

static int environment(const char *name, int otherwise)
{
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static masa_status start(size_t index, bool round, masa_error *err)
{
    size_t n = (size_t)environment("PLUGIN_DEVICES", 2);
    if (n == 0 || (!round && index >= n)) {
        if (err) snprintf(err->message, sizeof err->message, "there is no device %zu", index);
        return MASA_ERR_UNSUPPORTED;
    }
    started = (int)(index % n);
    return MASA_OK;
}

static const char *name(void)
{
    static char text[32];
    snprintf(text, sizeof text, "plugin's device %d", started);
    return text;
}

const struct backend *masa_backend(void)
{
    static struct backend table;
    table =
        (struct backend){.version = (unsigned)environment("PLUGIN_VERSION", BACKEND_VERSION),
                         .kind = "cuda",
                         .start = start,
                         .name = name};
    return &table;
}
