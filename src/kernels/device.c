/* The choice of the device, and its memory. */
#include <masa/device.h>

#include <masa/memory.h>
#include <masa/plugin.h>

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

static const struct backend *chosen;

static masa_status start_plugin(const struct backend **out, size_t index, bool round,
                                masa_error *err)
{
    void *plugin = masa_plugin_open("libmasa_cuda.so"); /* its code is what computes */
    if (!plugin)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "no device cuda: its plugin cannot be opened (%s); --device cpu "
                         "computes on the processor",
                         dlerror());
    const struct backend *(*get)(void);
    *(void **)&get = dlsym(plugin, "masa_backend");
    const struct backend *backend = get ? get() : NULL;
    if (!backend || backend->version != BACKEND_VERSION)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "no device cuda: libmasa_cuda.so is of another version of masa");
    masa_status st = backend->start(index, round, err);
    if (st == MASA_OK) *out = backend;
    return st;
}

/* N of "cuda:N"; -1: it is no such name. */
static long cuda_index(const char *name)
{
    char *end;
    if (strncmp(name, "cuda:", 5) != 0 || name[5] < '0' || name[5] > '9') return -1;
    long index = strtol(name + 5, &end, 10);
    return *end || index > 1024 ? -1 : index;
}

masa_status masa_device_start(const char *name, size_t turn, masa_error *err)
{
    if (!name) name = getenv("MASA_DEVICE");
    if (!name || !*name) name = "auto";
    bool automatic = strcmp(name, "auto") == 0, any = automatic || strcmp(name, "cuda") == 0;
    long index = any ? (long)turn : cuda_index(name);
    if (index < 0 && strcmp(name, "cpu") != 0)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "no device '%s'; there are auto, cpu, cuda and cuda:N", name);
    if (chosen)
        return MASA_FAIL(err, MASA_ERR_USAGE, "the device was chosen already: %s",
                         chosen->kind);
    const struct backend *found = NULL;
    masa_status st = MASA_OK;
    if (index >= 0) st = start_plugin(&found, (size_t)index, any, automatic ? NULL : err);
    if (st != MASA_OK && !automatic) return st;
    if (!found) {
        found = &backend_cpu;
        st = found->start(0, false, err);
    }
    if (st == MASA_OK) chosen = found;
    return st;
}

const struct backend *backend_get(void)
{
    if (chosen) return chosen;
    masa_error err = {0};
    if (masa_device_start(NULL, 0, &err)) {
        fprintf(stderr, "masa: %s\n", err.message);
        exit(1);
    }
    return chosen;
}

const char *masa_device_kind(void)
{
    return backend_get()->kind;
}

const char *masa_device_name(void)
{
    return backend_get()->name();
}

const char *masa_device_facts(void)
{
    return backend_get()->facts();
}

masa_dtype masa_device_compute(void)
{
    return backend_get()->compute();
}

bool masa_device_rows_agree(masa_dtype compute)
{
    return backend_get()->rows_agree(compute);
}

size_t masa_device_available(void)
{
    return backend_get()->available();
}

size_t masa_device_peak(void)
{
    return backend_get()->peak();
}

masa_device_sizes masa_device_sizes_get(void)
{
    return backend_get()->sizes();
}

static masa_status take(void DEVICE **out, size_t count, size_t size, bool zeroed,
                        const char *what, masa_error *err)
{
    size_t bytes;
    void DEVICE *p = NULL;
    if (masa_size_mul(count, size, &bytes)) p = backend_get()->alloc(bytes ? bytes : 1, zeroed);
    if (!p)
        return MASA_FAIL(err, MASA_ERR_MEMORY, "not enough memory for %s (%.0f MiB)", what,
                         (double)count * (double)size / (1 << 20));
    *out = p;
    return MASA_OK;
}

masa_status masa_device_alloc(void DEVICE **out, size_t count, size_t size, const char *what,
                              masa_error *err)
{
    return take(out, count, size, true, what, err);
}

masa_status masa_device_reserve(void DEVICE **out, size_t count, size_t size, const char *what,
                                masa_error *err)
{
    return take(out, count, size, false, what, err);
}

void masa_device_free(void DEVICE *p)
{
    if (p) backend_get()->release(p);
}

void masa_device_put(void DEVICE *to, const void *from_host, size_t bytes)
{
    if (bytes) backend_get()->put(to, from_host, bytes);
}

void masa_device_get(void *to_host, const void DEVICE *from, size_t bytes)
{
    if (bytes) backend_get()->get(to_host, from, bytes);
}

void masa_device_copy(void DEVICE *to, const void DEVICE *from, size_t bytes)
{
    if (bytes) backend_get()->copy(to, from, bytes, bytes, 1);
}

void masa_device_copy_planes(void DEVICE *to, const void DEVICE *from, size_t pitch,
                             size_t bytes, size_t n)
{
    if (bytes && n) backend_get()->copy(to, from, pitch, bytes, n);
}

void masa_device_zero(void DEVICE *to, size_t bytes)
{
    if (bytes) backend_get()->zero(to, bytes);
}

/* ---- recordings ---- */

struct masa_recording {
    void *made; /* the device's */
    unsigned long date;
};
static unsigned long date; /* what is older is out of date */

void device_outdate(void)
{
    date++;
}

bool masa_device_records(void)
{
    return backend_get()->record != NULL;
}

void masa_device_record(void)
{
    backend_get()->record();
}

masa_recording *masa_device_record_end(void)
{
    masa_recording *r = masa_alloc(1, sizeof *r);
    *r = (masa_recording){backend_get()->record_end(), date};
    return r;
}

bool masa_device_replay(masa_recording *r)
{
    return r->date == date && r->made && backend_get()->replay(r->made);
}

void masa_recording_destroy(masa_recording *r)
{
    if (!r) return;
    if (r->made) backend_get()->record_drop(r->made);
    free(r);
}

masa_status masa_device_map(void **host, void DEVICE *p, size_t bytes, bool write,
                            const char *what, masa_error *err)
{
    if (backend_get()->host_memory) {
        *host = (void *)(uintptr_t)p;
        return MASA_OK;
    }
    masa_status st = masa_alloc_large(host, bytes, 1, what, err);
    if (st == MASA_OK && !write) masa_device_get(*host, p, bytes);
    return st;
}

void masa_device_unmap(void *host, void DEVICE *p, size_t bytes, bool write)
{
    if (!host || backend_get()->host_memory) return;
    if (write) masa_device_put(p, host, bytes);
    free(host);
}
