#include "optimizer_moments.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* Numbers that are staged, or converted, at once. */
enum { PIECE = 1 << 20 };

size_t moments_bytes(size_t n, masa_dtype dtype, bool on_host)
{
    return 2 * n * masa_dtype_size(dtype) + (on_host ? 2 * PIECE * sizeof(float) : 0);
}

masa_status moments_init(moments *out, size_t n, masa_dtype dtype, bool on_host,
                         masa_error *err)
{
    static const char what[] = "the optimiser's state";
    moments m = {.dtype = dtype, .n = n};
    void *staged = NULL;
    size_t count = n ? 2 * n : 1, size = masa_dtype_size(dtype);
    masa_status st = on_host ? masa_alloc_large(&m.host, count, size, what, err)
                             : masa_device_alloc(&m.device, count, size, what, err);
    if (st == MASA_OK && on_host)
        st = masa_alloc_large(&staged, 2 * PIECE, sizeof(float), what, err);
    m.staged = staged;
    if (st == MASA_OK) *out = m;
    else moments_deinit(&m);
    return st;
}

void moments_deinit(moments *m)
{
    masa_device_free(m->device);
    free(m->host);
    free(m->staged);
    *m = (moments){0};
}

/* Bytes from the beginning of the array to a moment. */
static size_t place(const moments *m, bool second, size_t at)
{
    return ((second ? m->n : 0) + at) * masa_dtype_size(m->dtype);
}

static void step_here(const moments *m, float DEVICE *w, const float DEVICE *grad, size_t at,
                      size_t n, masa_adamw options)
{
    float *weights = m->staged, *gradient = weights + PIECE;
    char *host = m->host;
    for (size_t done = 0, now; done < n; done += now) {
        now = n - done < PIECE ? n - done : PIECE;
        masa_device_get(weights, w + done, now * sizeof *weights);
        masa_device_get(gradient, grad + done, now * sizeof *gradient);
        masa_adamw_update_host(weights, host + place(m, false, at + done),
                               host + place(m, true, at + done), gradient, now, &options);
        masa_device_put(w + done, weights, now * sizeof *weights);
        options.first += now;
    }
}

void moments_step(const moments *m, float DEVICE *w, const float DEVICE *grad, size_t at,
                  size_t n, const masa_adamw *options)
{
    masa_adamw o = *options;
    char DEVICE *device = m->device;
    o.moments = m->dtype;
    if (m->host) step_here(m, w, grad, at, n, o);
    else
        masa_adamw_update(w, device + place(m, false, at), device + place(m, true, at), grad, n,
                          &o);
}

/* Bytes of the array, from or to the host. */
static void fetch(const moments *m, void *to, size_t from, size_t bytes)
{
    if (m->host) memcpy(to, (const char *)m->host + from, bytes);
    else masa_device_get(to, (const char DEVICE *)m->device + from, bytes);
}

static void store(const moments *m, size_t to, const void *from, size_t bytes)
{
    if (m->host) memcpy((char *)m->host + to, from, bytes);
    else masa_device_put((char DEVICE *)m->device + to, from, bytes);
}

void moments_get(const moments *m, float *to, bool second, size_t at, size_t n)
{
    if (m->dtype == MASA_F32) {
        fetch(m, to, place(m, second, at), n * sizeof *to);
        return;
    }
    uint16_t *halves = masa_alloc(n < PIECE ? n + 1 : PIECE, sizeof *halves);
    for (size_t done = 0, now; done < n; done += now) {
        now = n - done < PIECE ? n - done : PIECE;
        fetch(m, halves, place(m, second, at + done), now * sizeof *halves);
        for (size_t i = 0; i < now; i++) to[done + i] = masa_bf16_to_f32(halves[i]);
    }
    free(halves);
}

void moments_put(const moments *m, const float *from, bool second, size_t at, size_t n)
{
    if (m->dtype == MASA_F32) {
        store(m, place(m, second, at), from, n * sizeof *from);
        return;
    }
    uint16_t *halves = masa_alloc(n < PIECE ? n + 1 : PIECE, sizeof *halves);
    for (size_t done = 0, now; done < n; done += now) {
        now = n - done < PIECE ? n - done : PIECE;
        for (size_t i = 0; i < now; i++) halves[i] = masa_f32_to_bf16(from[done + i]);
        store(m, place(m, second, at + done), halves, now * sizeof *halves);
    }
    free(halves);
}
