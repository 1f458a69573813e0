#include <masa/lora.h>

#include <masa/memory.h>
#include <masa/random.h>

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <masa/rows.h>

#include "lora_internal.h"

/* "model.layers.0.self_attn.q_proj.weight" is one of `name` "q_proj". */
static bool is_named(const masa_parameter *p, const char *name, size_t n)
{
    const char *end = strrchr(p->name, '.');
    if (p->vector || !end || strncmp(p->name, "model.layers.", 13) != 0) return false;
    if (n == 10 && memcmp(name, "all-linear", n) == 0) return true;
    const char *start = end;
    while (start > p->name && start[-1] != '.') start--;
    return (size_t)(end - start) == n && memcmp(name, start, n) == 0;
}

/* The next name of "q_proj, v_proj" from *at on, its length to *n; NULL after the last.
 */
static const char *next_name(const char **at, size_t *n)
{
    const char *start = *at + strspn(*at, ", ");
    *n = strcspn(start, ", ");
    *at = start + *n;
    return *n ? start : NULL;
}

bool lora_is_target(const masa_parameter *p, const char *targets)
{
    size_t n;
    for (const char *name; (name = next_name(&targets, &n));)
        if (is_named(p, name, n)) return true;
    return false;
}

/* The matrices of a layer, which all supported architectures have. */
static const char *const matrices[] = {"all-linear", "q_proj",    "k_proj",  "v_proj",
                                       "o_proj",     "gate_proj", "up_proj", "down_proj"};

/* Every name is that of some matrix: a misspelt one would silently train less. */
masa_status masa_lora_check_targets(const char *targets, masa_error *err)
{
    size_t n, names = 0;
    const char *at = targets;
    for (const char *name; (name = next_name(&at, &n)); names++) {
        bool known = false;
        for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
            known |= strlen(matrices[i]) == n && memcmp(matrices[i], name, n) == 0;
        if (!known)
            return MASA_FAIL(
                err, MASA_ERR_CONFIG,
                "lora.targets: a model has no matrix '%.*s'; use all-linear, or of "
                "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj",
                (int)n, name);
    }
    if (names > 0) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "lora.targets names no matrix; use all-linear, or names like "
                     "q_proj,v_proj");
}

static void find_factors(masa_lora *lora)
{
    size_t n, at = 0, rank = lora->options.rank;
    const masa_parameter *parameters = masa_model_parameters(lora->model, &n);
    for (size_t i = 0; i < n; i++) {
        const masa_parameter *p = &parameters[i];
        if (!lora_is_target(p, lora->options.targets)) continue;
        lora_factor f = {.parameter = p, .a = at, .b = at + rank * p->cols};
        at = f.b + p->rows * rank;
        MASA_PUSH(lora->factors, lora->n_factors, lora->capacity, f);
    }
    lora->count = at;
}

/* B is 0. */
static masa_status init_values(masa_lora *lora, masa_error *err)
{
    void *host = NULL;
    size_t bytes = lora->count * sizeof(float);
    masa_status st = masa_device_map(&host, lora->values, bytes, true, "LoRA's factors", err);
    if (st != MASA_OK) return st;
    float *values = memset(host, 0, bytes);
    masa_random random = masa_random_init(lora->options.seed, MASA_STREAM_INIT);
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        double bound = 1 / sqrt((double)f->parameter->cols);
        for (size_t i = f->a; i < f->b; i++)
            values[i] = (float)(bound * (2 * masa_random_uniform(&random) - 1));
    }
    masa_device_unmap(host, lora->values, bytes, true);
    return MASA_OK;
}

/* The map of A's shape, which all factors of that shape share. */
static masa_linear *find_map(const masa_lora *lora, const lora_factor *f)
{
    for (size_t i = 0; i < lora->n_maps; i++)
        if (masa_linear_in_features(lora->maps[i]) == f->parameter->cols) return lora->maps[i];
    return NULL;
}

static masa_status make_maps(masa_lora *lora, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t k = 0; st == MASA_OK && k < lora->n_factors; k++) {
        masa_linear *map;
        if (find_map(lora, &lora->factors[k])) continue;
        st = masa_linear_create(&map, lora->options.rank, lora->factors[k].parameter->cols,
                                MASA_F32, true, err);
        if (st == MASA_OK) MASA_PUSH(lora->maps, lora->n_maps, lora->maps_capacity, map);
    }
    return st;
}

static masa_status allocate(masa_lora *lora, masa_error *err)
{
    void DEVICE *base = NULL, *values = NULL, *scaled = NULL;
    size_t most = 0;
    for (size_t k = 0; k < lora->n_factors; k++) {
        size_t n = lora->factors[k].b - lora->factors[k].a;
        if (n > most) most = n;
    }
    masa_status st = MASA_OK;
    if (!masa_model_is_frozen(lora->model))
        st = masa_device_alloc(&base, masa_model_parameter_count(lora->model), sizeof(float),
                               "LoRA's base weights", err);
    if (st == MASA_OK)
        st = masa_device_alloc(&values, 2 * lora->count, sizeof(float), "LoRA's factors", err);
    if (st == MASA_OK)
        st = masa_device_alloc(&scaled, most, sizeof(float), "LoRA's factors", err);
    lora->base = base;
    lora->values = values;
    lora->scaled = scaled;
    if (values) lora->grads = lora->values + lora->count;
    return st;
}

static size_t model_bytes(const masa_lora *lora)
{
    return masa_model_parameter_count(lora->model) * sizeof(float);
}

static void keep_base(masa_lora *lora)
{
    masa_device_copy(lora->base, masa_model_values(lora->model), model_bytes(lora));
}

masa_status masa_lora_create(masa_lora **out, masa_model *model,
                             const masa_lora_options *options, masa_error *err)
{
    assert(options->rank > 0);
    masa_lora *lora = masa_alloc(1, sizeof *lora);
    *lora = (masa_lora){.model = model, .options = *options};
    lora->targets = masa_strdup(options->targets);
    lora->options.targets = lora->targets;
    masa_status st = masa_lora_check_targets(lora->targets, err);
    if (st == MASA_OK) {
        find_factors(lora);
        st = allocate(lora, err);
    }
    if (st == MASA_OK) st = make_maps(lora, err);
    if (st == MASA_OK) st = init_values(lora, err);
    if (st == MASA_OK && masa_model_is_frozen(model)) st = lora_thin_create(lora, err);
    else if (st == MASA_OK) keep_base(lora);
    if (st == MASA_OK) *out = lora;
    else masa_lora_destroy(lora);
    return st;
}

void masa_lora_destroy(masa_lora *lora)
{
    if (!lora) return;
    lora_thin_destroy(lora);
    for (size_t i = 0; i < lora->n_maps; i++) masa_linear_destroy(lora->maps[i]);
    free(lora->maps);
    masa_device_free(lora->base);
    masa_device_free(lora->values);
    masa_device_free(lora->scaled);
    free(lora->factors);
    free(lora->targets);
    free(lora);
}

size_t masa_lora_count(const masa_lora *lora)
{
    return lora->count;
}

float DEVICE *masa_lora_values(masa_lora *lora)
{
    return lora->values;
}

float DEVICE *masa_lora_grads(masa_lora *lora)
{
    return lora->grads;
}

float lora_scale(const masa_lora *lora)
{
    return (float)(lora->options.alpha / (double)lora->options.rank);
}

/* The map x -> x (sA)^T of a factor, packed. */
static masa_linear *pack_map(const masa_lora *lora, const lora_factor *f)
{
    masa_linear *map = find_map(lora, f);
    masa_scale(lora->scaled, lora->values + f->a, lora_scale(lora), f->b - f->a);
    masa_linear_pack(map, lora->scaled);
    return map;
}

/*
 * A's map is all it takes: dB [rows, r] = dW (sA)^T is its forward product, and
 * dA [r, cols] = s B^T dW the gradient of its weights for inputs dW and output
 * gradients B.
 */
void masa_lora_project(masa_lora *lora)
{
    if (masa_model_is_frozen(lora->model)) {
        lora_thin_project(lora);
        return;
    }
    assert(masa_model_grads(lora->model));
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const float DEVICE *dw = masa_model_grads(lora->model) + f->parameter->offset;
        float DEVICE *da = lora->grads + f->a, *db = lora->grads + f->b;
        size_t rows = f->parameter->rows, n = f->b - f->a;
        masa_linear *map = pack_map(lora, f);
        masa_linear_forward(map, db, MASA_F32, dw, NULL, rows, false);
        masa_device_zero(da, n * sizeof(float));
        masa_linear_backward_weight(map, da, NULL, lora->values + f->b, dw, rows);
        masa_scale(da, da, lora_scale(lora), n);
    }
}

void masa_lora_clear(masa_lora *lora)
{
    if (lora->thin_grads) masa_device_zero(lora->thin_grads, lora->thin_count * sizeof(float));
}

/* w [rows, cols] += B (sA): the gradient that the map gives its inputs for B. */
static void add_product(const masa_lora *lora, const lora_factor *f, float DEVICE *w)
{
    masa_linear_backward_input(pack_map(lora, f), w, MASA_F32, lora->values + f->b,
                               f->parameter->rows, true);
}

void masa_lora_merge(masa_lora *lora)
{
    if (masa_model_is_frozen(lora->model)) {
        lora_thin_pack(lora);
        return;
    }
    float DEVICE *values = masa_model_values(lora->model);
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const masa_parameter *p = f->parameter;
        masa_convert(values + p->offset, MASA_F32, lora->base + p->offset, MASA_F32,
                     p->rows * p->cols);
        add_product(lora, f, values + p->offset);
    }
}

masa_status masa_lora_add(const masa_lora *lora, const char *name, float *weights,
                          masa_error *err)
{
    const lora_factor *f = NULL;
    void DEVICE *memory = NULL;
    for (size_t k = 0; k < lora->n_factors && !f; k++)
        if (strcmp(lora->factors[k].parameter->name, name) == 0) f = &lora->factors[k];
    if (!f) return MASA_OK;
    size_t n = f->parameter->rows * f->parameter->cols;
    masa_status st = masa_device_reserve(&memory, n, sizeof(float), "a merged matrix", err);
    if (st != MASA_OK) return st;
    masa_device_put(memory, weights, n * sizeof(float));
    add_product(lora, f, memory);
    masa_device_get(weights, memory, n * sizeof(float));
    masa_device_free(memory);
    return MASA_OK;
}

void masa_lora_attach(masa_lora *lora)
{
    if (masa_model_is_frozen(lora->model)) {
        lora_thin_attach(lora, true);
        return;
    }
    keep_base(lora);
    masa_lora_merge(lora);
}

void masa_lora_detach(masa_lora *lora)
{
    if (masa_model_is_frozen(lora->model)) lora_thin_attach(lora, false);
    else masa_device_copy(masa_model_values(lora->model), lora->base, model_bytes(lora));
}
