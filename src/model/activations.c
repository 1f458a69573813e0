/* A token's activations are one record, layer after layer, and each layer's parts are
 * neighbours: they are written and read together. */
#include "activations_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "placer.h"

enum { PARTS = 6 };

/* Bytes of each part of a layer, in the order of pass_layer, and where it begins. */
typedef struct layout {
    size_t width[PARTS], at[PARTS];
    size_t layer, row; /* of a whole layer; of a token: the layers and the last residual */
    size_t n_layers;
} layout;

struct masa_activations {
    layout layout;
    char DEVICE *memory; /* [capacity] records */
    size_t capacity, used, promised;
    size_t touched; /* rows whose memory the system has given */
    size_t limit;   /* rows, of the capacity */
};

static layout plan(const masa_model_config *c, masa_dtype compute)
{
    model_dims d = model_dims_of(c);
    size_t size = masa_dtype_size(compute);
    layout l = {.width = {d.hidden * sizeof(float), d.qkv * size, d.q * size,
                          c->n_heads * sizeof(float), d.hidden * sizeof(float),
                          2 * d.intermediate * size},
                .n_layers = c->n_layers};
    placer p = {0}, row = {0};
    for (size_t i = 0; i < PARTS; i++) {
        l.at[i] = p.used;
        placer_take(&p, l.width[i], 1);
    }
    l.layer = p.used;
    placer_take(&row, c->n_layers, l.layer);
    placer_take(&row, l.width[0], 1);
    l.row = row.used;
    return l;
}

size_t masa_activations_bytes(const masa_model_config *config, masa_dtype compute, size_t rows)
{
    size_t bytes;
    return masa_size_mul(plan(config, compute).row, rows, &bytes) ? bytes : SIZE_MAX;
}

masa_status masa_activations_create(masa_activations **out, const masa_model *model,
                                    size_t rows, masa_error *err)
{
    void DEVICE *memory = NULL;
    char what[64];
    snprintf(what, sizeof what, "the activations of %zu tokens", rows);
    size_t row = rows <= INT32_MAX ? plan(&model->config, model->compute).row : SIZE_MAX;
    /* Not cleared: what no token uses takes no memory. */
    masa_status st = masa_device_reserve(&memory, rows, row, what, err);
    if (st != MASA_OK) return st;
    masa_activations *kept = masa_alloc(1, sizeof *kept);
    *kept = (masa_activations){.layout = plan(&model->config, model->compute),
                               .memory = memory,
                               .capacity = rows,
                               .touched = strcmp(masa_device_kind(), "cpu") ? rows : 0,
                               .limit = rows};
    *out = kept;
    return MASA_OK;
}

void masa_activations_destroy(masa_activations *kept)
{
    if (!kept) return;
    masa_device_free(kept->memory);
    free(kept);
}

void masa_activations_clear(masa_activations *kept)
{
    kept->used = kept->promised = 0;
}

size_t masa_activations_used(const masa_activations *kept)
{
    return kept->used;
}

void masa_activations_limit(masa_activations *kept, size_t room)
{
    size_t more = room / kept->layout.row, left = kept->capacity - kept->touched;
    kept->limit = kept->touched + (more < left ? more : left);
}

bool masa_activations_promise(masa_activations *kept, size_t n)
{
    size_t taken = kept->used + kept->promised;
    if (taken > kept->limit || n > kept->limit - taken) return false;
    kept->promised += n;
    return true;
}

void masa_activations_release(masa_activations *kept, size_t n)
{
    assert(n <= kept->promised);
    kept->promised -= n;
}

int32_t masa_activations_take(masa_activations *kept)
{
    assert(kept->promised > 0);
    kept->promised--;
    if (kept->used == kept->touched) kept->touched++;
    return (int32_t)kept->used++;
}

/* Parts [first, end) of a layer, between records and buffers of n rows. */
static void move(const masa_activations *kept, const int32_t DEVICE *rows, size_t n, size_t l,
                 const pass_layer *buffers, size_t first, size_t end, bool read)
{
    const layout *p = &kept->layout;
    void DEVICE *const arrays[PARTS] = {buffers->input, buffers->qkv,    buffers->attn,
                                        buffers->lse,   buffers->middle, buffers->gate_up};
    masa_record_part parts[PARTS];
    for (size_t i = first; i < end; i++)
        parts[i] = (masa_record_part){arrays[i], p->at[i], p->width[i]};
    char DEVICE *records = kept->memory + l * p->layer;
    if (read) masa_records_read(records, p->row, rows, n, parts + first, end - first);
    else masa_records_write(records, p->row, rows, n, parts + first, end - first);
}

void activations_keep_input(masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                            size_t l, const float DEVICE *input)
{
    pass_layer layer = {.input = (float DEVICE *)(uintptr_t)input};
    move(kept, rows, n, l, &layer, 0, 1, false);
}

void activations_keep_rest(masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                           size_t l, const pass_layer *layer)
{
    move(kept, rows, n, l, layer, 1, PARTS, false);
}

void activations_recall(const masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                        size_t l, const pass_layer *layer)
{
    move(kept, rows, n, l, layer, 0, l < kept->layout.n_layers ? PARTS : 1, true);
}
