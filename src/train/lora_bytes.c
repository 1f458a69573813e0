/* What factors take, from a model's description alone. */
#include <masa/lora.h>

#include <stdlib.h>

#include "lora_internal.h"

/* A layer's products: which slots' matrices they are made of is masa_model_map's to say. */
enum { QKV, OUT, GATE_UP, DOWN, PRODUCTS };

static int product_of(masa_slot slot)
{
    switch (slot) {
    case MASA_SLOT_Q:
    case MASA_SLOT_K:
    case MASA_SLOT_V: return QKV;
    case MASA_SLOT_OUT: return OUT;
    case MASA_SLOT_GATE:
    case MASA_SLOT_UP: return GATE_UP;
    default: return DOWN;
    }
}

typedef struct product {
    size_t in, out, factors;
} product;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Of a layer's pairs of thin maps: packed, and their gradients. */
static size_t pair_bytes(const product products[PRODUCTS], size_t rank, masa_dtype compute)
{
    size_t packed = masa_dtype_size(compute) * masa_device_sizes_get().trainable_copies, n = 0;
    for (int i = 0; i < PRODUCTS; i++)
        n += products[i].factors * rank * (products[i].in + products[i].out);
    return n * (packed + sizeof(float));
}

/* What all pairs share: lora_thin.c. */
static size_t scratch_bytes(const product products[PRODUCTS], size_t rank, masa_dtype compute)
{
    size_t most_rank = 0, staged = 0;
    for (int i = 0; i < PRODUCTS; i++) {
        size_t all = products[i].factors * rank;
        most_rank = larger(most_rank, all);
        staged = larger(staged, all * larger(products[i].in, products[i].out));
    }
    return MASA_FACTOR_ROWS * most_rank * masa_dtype_size(compute) + staged * sizeof(float);
}

/* One float32 map for every width of A: lora.c. */
static size_t map_bytes(const product products[PRODUCTS], size_t rank)
{
    size_t n = 0;
    for (int i = 0; i < PRODUCTS; i++) {
        bool seen = products[i].factors == 0;
        for (int j = 0; j < i; j++)
            seen = seen || (products[j].factors && products[j].in == products[i].in);
        if (!seen) n += products[i].in;
    }
    return rank * n * sizeof(float) * masa_device_sizes_get().trainable_copies;
}

size_t masa_lora_bytes_needed(const masa_model_config *config, const masa_lora_options *options,
                              masa_dtype compute, bool frozen)
{
    size_t n, count = masa_lora_count_needed(config, options), scaled = 0, rank = options->rank;
    product products[PRODUCTS] = {0};
    masa_parameter *parameters = masa_parameters_make(config, &n);
    size_t total = masa_parameters_total(parameters, n);
    for (size_t i = 0; i < n; i++) {
        const masa_parameter *p = &parameters[i];
        bool target = lora_is_target(p, options->targets);
        if (target) scaled = larger(scaled, rank * p->cols);
        if (p->vector || p->layer != 0) continue; /* the other layers are like it */
        product *of = &products[product_of(p->slot)];
        of->in = p->cols;
        of->out += p->rows;
        of->factors += target;
    }
    free(parameters);
    size_t bytes = (2 * count + scaled) * sizeof(float) + map_bytes(products, rank);
    if (!frozen) return bytes + total * sizeof(float);
    return bytes + config->n_layers * pair_bytes(products, rank, compute) +
           scratch_bytes(products, rank, compute);
}

size_t masa_lora_count_needed(const masa_model_config *config, const masa_lora_options *options)
{
    size_t n, count = 0;
    masa_parameter *parameters = masa_parameters_make(config, &n);
    for (size_t i = 0; i < n; i++)
        if (lora_is_target(&parameters[i], options->targets))
            count += options->rank * (parameters[i].rows + parameters[i].cols);
    free(parameters);
    return count;
}
