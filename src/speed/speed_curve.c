/*
 * Speed: the cost of a token by the context it stands in, decoding and training.
 * Attention is measured once more by itself, with the same shapes and memory: what is
 * left of the whole should not depend on the context.
 */
#include "speed_internal.h"

#include <masa/attention.h>
#include <masa/clock.h>
#include <masa/decode.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8, BLOCK = 16, REPEATS = 8, PASS = 2048 };

/* Seconds per token. */
struct cost {
    double whole, attention;
};

/* Small numbers that are no zeros, whatever the type. */
static void fill(void DEVICE *memory, size_t bytes)
{
    char numbers[4096];
    memset(numbers, 0x3c, sizeof numbers);
    for (size_t done = 0; done < bytes; done += sizeof numbers)
        masa_device_put((char DEVICE *)memory + done, numbers,
                        bytes - done < sizeof numbers ? bytes - done : sizeof numbers);
}

/* Device memory of `bytes` filled so, in *left of a block that has them all. */
static void DEVICE *take(char DEVICE **left, size_t bytes)
{
    char DEVICE *p = *left;
    *left += (bytes + 63) / 64 * 64;
    fill(p, bytes);
    return p;
}

static masa_attention_shape shape_of(const speed *b)
{
    const masa_model_config *c = masa_model_get_config(b->model);
    return (masa_attention_shape){.q_heads = c->n_heads,
                                  .kv_heads = c->n_kv_heads,
                                  .head_dim = c->head_dim,
                                  .stride = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim,
                                  .scale = 0.125f,
                                  .dtype = b->compute};
}

/* ---- decoding ---- */

/* A step of BATCH sequences, each with blocks of its own, at the end of its context. */
struct decoding {
    masa_decoder *decoder;
    masa_kv_store store;
    int32_t tokens[BATCH], positions[BATCH], rows[BATCH];
    int32_t *tables; /* [BATCH, blocks] */
    size_t blocks;
    void DEVICE *memory;
    float DEVICE *logits;   /* [BATCH, vocab] */
    void DEVICE *qkv, *out; /* [BATCH, stride] of attention by itself */
    masa_cached_rows cached;
};

/* The step as attention by itself takes it. */
static void put_rows(struct decoding *d, size_t context, char DEVICE **left)
{
    int32_t lengths[BATCH], runs[BATCH + 1];
    size_t tables = BATCH * d->blocks * sizeof *d->tables;
    for (int32_t i = 0; i <= BATCH; i++) runs[i] = i;
    for (int32_t i = 0; i < BATCH; i++) lengths[i] = (int32_t)context;
    int32_t DEVICE *to[] = {take(left, sizeof d->rows), take(left, sizeof lengths),
                            take(left, sizeof runs), take(left, tables)};
    masa_device_put(to[0], d->rows, sizeof d->rows);
    masa_device_put(to[1], lengths, sizeof lengths);
    masa_device_put(to[2], runs, sizeof runs);
    masa_device_put(to[3], d->tables, tables);
    d->cached = (masa_cached_rows){.rows = BATCH,
                                   .n_runs = BATCH,
                                   .longest_run = 1,
                                   .longest_context = context,
                                   .max_blocks = d->blocks,
                                   .sequences = to[0],
                                   .lengths = to[1],
                                   .runs = to[2],
                                   .block_tables = to[3]};
}

static masa_status decoding_init(struct decoding *d, speed *b, size_t context, masa_error *err)
{
    const masa_model_config *c = masa_model_get_config(b->model);
    size_t stride = shape_of(b).stride * masa_dtype_size(b->compute);
    size_t logits = BATCH * c->vocab_size * sizeof(float);
    d->blocks = (context + BLOCK - 1) / BLOCK;
    d->tables = masa_alloc(BATCH * d->blocks, sizeof *d->tables);
    speed_tokens(b, d->tokens, BATCH, context);
    for (int32_t i = 0; i < BATCH; i++) {
        d->rows[i] = i;
        d->positions[i] = (int32_t)context - 1;
        for (size_t k = 0; k < d->blocks; k++)
            d->tables[(size_t)i * d->blocks + k] = (int32_t)k * BATCH + i;
    }
    size_t bytes = logits + 2 * BATCH * stride + BATCH * d->blocks * sizeof *d->tables + 1024;
    masa_status st = masa_device_alloc(&d->memory, bytes, 1, "a step's arrays", err);
    if (!st) st = masa_kv_store_init(&d->store, b->model, BATCH * d->blocks, BLOCK, err);
    if (st) return st;
    char DEVICE *left = d->memory;
    d->logits = take(&left, logits);
    d->qkv = take(&left, BATCH * stride);
    d->out = take(&left, BATCH * stride);
    put_rows(d, context, &left);
    fill(d->store.memory, masa_kv_store_bytes(c, b->compute, BATCH * d->blocks, BLOCK));
    masa_decoder_sizes sizes = {.rows = BATCH, .sequences = BATCH, .blocks = d->blocks};
    return masa_decoder_create(&d->decoder, b->model, &sizes, err);
}

static void decoding_deinit(struct decoding *d)
{
    masa_decoder_destroy(d->decoder);
    masa_kv_store_deinit(&d->store);
    masa_device_free(d->memory);
    free(d->tables);
}

static void decoding_attention(const speed *b, const struct decoding *d)
{
    masa_attention_shape shape = shape_of(b);
    size_t layers = masa_model_get_config(b->model)->n_layers;
    size_t plane = d->store.n_blocks * d->store.block_bytes;
    for (size_t l = 0; l < layers; l++) {
        char DEVICE *k = (char DEVICE *)d->store.memory + 2 * l * plane;
        masa_kv_layer layer = {k,          k + plane, BLOCK, shape.kv_heads, shape.head_dim,
                               shape.dtype};
        masa_attention_cached(d->out, NULL, d->qkv, &layer, &d->cached, &shape);
    }
}

static masa_status measure_decoding(speed *b, size_t context, struct cost *cost,
                                    masa_error *err)
{
    struct decoding d = {0};
    struct cost best = {1e30, 1e30};
    masa_status st = decoding_init(&d, b, context, err);
    masa_decode_batch batch = {.rows = BATCH,
                               .tokens = d.tokens,
                               .positions = d.positions,
                               .sequences = d.rows,
                               .block_tables = d.tables,
                               .max_blocks = d.blocks,
                               .n_logits = BATCH,
                               .logit_rows = d.rows};
    for (int i = 0; !st && i < REPEATS; i++) {
        double start = masa_clock();
        masa_decoder_run(d.decoder, &d.store, &batch, d.logits);
        speed_wait(d.logits);
        double middle = masa_clock();
        decoding_attention(b, &d);
        speed_wait(d.out);
        double end = masa_clock();
        if (middle - start < best.whole) best.whole = middle - start;
        if (end - middle < best.attention) best.attention = end - middle;
    }
    decoding_deinit(&d);
    *cost = (struct cost){best.whole / BATCH, best.attention / BATCH};
    return st;
}

/* ---- training ---- */

/* Forward and backward attention of one layer over a packed pass: seconds. */
static masa_status training_attention(double *seconds, const speed *b, masa_speed_pass pass,
                                      masa_error *err)
{
    masa_attention_shape shape = shape_of(b);
    size_t rows = pass.count * pass.length, size = masa_dtype_size(b->compute);
    size_t width = shape.q_heads * shape.head_dim, stride = shape.stride * size;
    size_t keys = width * size, values = keys + shape.kv_heads * shape.head_dim * size;
    size_t lses = rows * shape.q_heads * sizeof(float);
    size_t floats = masa_attention_backward_floats(rows, shape.q_heads, shape.head_dim);
    size_t bytes = 2 * rows * (stride + keys) + lses + floats * sizeof(float) + 1024;
    void DEVICE *memory = NULL;
    masa_attention_plan *plan = NULL;
    masa_segment *segments = masa_alloc(pass.count, sizeof *segments);
    for (size_t i = 0; i < pass.count; i++)
        segments[i] = (masa_segment){(int32_t)(i * pass.length), (int32_t)pass.length, -1};
    masa_status st = masa_device_alloc(&memory, bytes, 1, "a pass's attention", err);
    if (!st) st = masa_attention_plan_create(&plan, pass.count, err);
    *seconds = 1e30;
    for (int i = 0; !st && i < 2; i++) {
        char DEVICE *left = memory, *qkv = take(&left, rows * stride);
        char DEVICE *d_qkv = take(&left, rows * stride), *out = take(&left, rows * keys);
        void DEVICE *d_out = take(&left, rows * keys);
        float DEVICE *lse = take(&left, lses), *parts = (float DEVICE *)left;
        masa_attention_plan_set(plan, segments, pass.count);
        double start = masa_clock();
        masa_attention_forward(out, lse, qkv, qkv + keys, qkv + values, plan, &shape);
        masa_attention_backward(d_qkv, d_qkv + keys, d_qkv + values, parts, d_out, out, lse,
                                qkv, qkv + keys, qkv + values, plan, &shape);
        speed_wait(d_qkv);
        double taken = masa_clock() - start;
        if (taken < *seconds) *seconds = taken;
    }
    masa_attention_plan_destroy(plan);
    masa_device_free(memory);
    free(segments);
    return st;
}

static masa_status measure_training(speed *b, size_t context, struct cost *cost,
                                    masa_error *err)
{
    /* A target of its own follows the last token. */
    size_t length = speed_fits(b, context + 1) ? context : context - 1;
    masa_speed_pass pass = {length < PASS ? PASS / length : 1, length};
    double seconds = 0, layer = 0, tokens = (double)(pass.count * pass.length);
    double layers = (double)masa_model_get_config(b->model)->n_layers;
    masa_status st = speed_measure_pass(b, pass, 1, &seconds, err);
    if (!st) st = training_attention(&layer, b, pass, err);
    *cost = (struct cost){seconds / tokens, layers * layer / tokens};
    return st;
}

masa_status speed_curve(speed *b, masa_error *err)
{
    static const size_t all[] = {256, 512, 1024, 2048, 4096, 8192}, quick[] = {64, 256};
    const masa_model_config *config = masa_model_get_config(b->model);
    const size_t *contexts = b->options->quick ? quick : all;
    size_t n = b->options->quick ? sizeof quick / sizeof *quick : sizeof all / sizeof *all;
    double none = masa_model_flops(config, 0, false);
    masa_status st = MASA_OK;
    if (b->options->n_contexts) contexts = b->options->contexts, n = b->options->n_contexts;
    for (int training = 0; training < 2; training++)
        for (size_t i = 0; !st && i < n; i++) {
            double context = (double)contexts[i];
            double seen = training ? context / 2 : context;
            double flops = masa_model_flops(config, seen, false) - none;
            struct cost cost;
            if (!speed_fits(b, contexts[i])) continue;
            st = training ? measure_training(b, contexts[i], &cost, err)
                          : measure_decoding(b, contexts[i], &cost, err);
            if (st == MASA_OK && b->report->cost)
                b->report->cost(
                    b->report->context,
                    &(masa_speed_cost){.training = training,
                                       .context = contexts[i],
                                       .seconds = cost.whole,
                                       .attention = cost.attention,
                                       .attention_flops = training ? 3 * flops : flops});
        }
    return st;
}
