#include <masa/lora.h>

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lora_internal.h"

/* "model.layers.0.self_attn.q_proj.weight" is "q_proj". */
static bool is_target(const masa_parameter *p, const char *targets)
{
    const char *end = strrchr(p->name, '.');
    if (p->vector || !end || strncmp(p->name, "model.layers.", 13) != 0) return false;
    if (strcmp(targets, "all-linear") == 0) return true;
    const char *start = end;
    while (start > p->name && start[-1] != '.') start--;
    size_t n = (size_t)(end - start);
    for (const char *t = targets; *t; t += strcspn(t, ","), t += *t == ',')
        if (strcspn(t, ",") == n && memcmp(t, start, n) == 0) return true;
    return false;
}

static void find_factors(masa_lora *lora)
{
    size_t n, at = 0, rank = lora->options.rank;
    const masa_parameter *parameters = masa_model_parameters(lora->model, &n);
    for (size_t i = 0; i < n; i++) {
        const masa_parameter *p = &parameters[i];
        if (!is_target(p, lora->options.targets)) continue;
        lora_factor f = {.parameter = p, .a = at, .b = at + rank * p->cols};
        at = f.b + p->rows * rank;
        MASA_PUSH(lora->factors, lora->n_factors, lora->capacity, f);
    }
    lora->count = at;
}

static void init_values(masa_lora *lora)
{
    masa_random random = masa_random_init(lora->options.seed, MASA_STREAM_INIT);
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        double bound = 1 / sqrt((double)f->parameter->cols);
        for (size_t i = f->a; i < f->b; i++)
            lora->values[i] = (float)(bound * (2 * masa_random_uniform(&random) - 1));
    }
}

masa_status masa_lora_create(masa_lora **out, masa_model *model,
                             const masa_lora_options *options, masa_error *err)
{
    masa_lora *lora = masa_alloc(1, sizeof *lora);
    *lora = (masa_lora){.model = model, .options = *options};
    lora->targets = masa_strdup(options->targets);
    lora->options.targets = lora->targets;
    find_factors(lora);
    size_t n = masa_model_parameter_count(model);
    void *base = NULL, *values = NULL;
    masa_status st = MASA_OK;
    if (lora->count == 0)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "lora.targets '%s' names no matrix of the model; use all-linear, or "
                       "names like q_proj,v_proj",
                       options->targets);
    if (st == MASA_OK)
        st = masa_alloc_large(&base, n, sizeof(float), "LoRA's base weights", err);
    lora->base = base;
    if (st == MASA_OK)
        st = masa_alloc_large(&values, 2 * lora->count, sizeof(float), "LoRA's factors", err);
    lora->values = values;
    lora->grads = lora->values + lora->count;
    if (st == MASA_OK) {
        memcpy(lora->base, masa_model_values(model), n * sizeof(float));
        init_values(lora);
        *out = lora;
    } else {
        masa_lora_destroy(lora);
    }
    return st;
}

void masa_lora_destroy(masa_lora *lora)
{
    if (!lora) return;
    free(lora->base);
    free(lora->values);
    free(lora->factors);
    free(lora->targets);
    free(lora);
}

size_t masa_lora_count(const masa_lora *lora)
{
    return lora->count;
}

float *masa_lora_values(masa_lora *lora)
{
    return lora->values;
}

float *masa_lora_grads(masa_lora *lora)
{
    return lora->grads;
}

static float lora_scale(const masa_lora *lora)
{
    return (float)(lora->options.alpha / (double)lora->options.rank);
}

/* dB [rows, r] = s dW A^T;  dA [r, cols] = s B^T dW. */
static void project_factor(const masa_lora *lora, const lora_factor *f)
{
    size_t rows = f->parameter->rows, cols = f->parameter->cols, r = lora->options.rank;
    float scale = lora_scale(lora);
    const float *dw = masa_model_grads(lora->model) + f->parameter->offset;
    const float *a = lora->values + f->a, *b = lora->values + f->b;
    float *da = lora->grads + f->a, *db = lora->grads + f->b;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < rows; o++) {
        for (size_t j = 0; j < r; j++) {
            float dot = 0;
#pragma omp simd reduction(+ : dot)
            for (size_t i = 0; i < cols; i++) dot += dw[o * cols + i] * a[j * cols + i];
            db[o * r + j] = scale * dot;
        }
    }
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < r; j++) {
        memset(da + j * cols, 0, cols * sizeof *da);
        for (size_t o = 0; o < rows; o++) {
            float weight = scale * b[o * r + j];
#pragma omp simd
            for (size_t i = 0; i < cols; i++) da[j * cols + i] += weight * dw[o * cols + i];
        }
    }
}

void masa_lora_project(masa_lora *lora)
{
    for (size_t k = 0; k < lora->n_factors; k++) project_factor(lora, &lora->factors[k]);
}

void masa_lora_merge(masa_lora *lora)
{
    float *values = masa_model_values(lora->model), scale = lora_scale(lora);
    size_t r = lora->options.rank;
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const float *a = lora->values + f->a, *b = lora->values + f->b;
        size_t rows = f->parameter->rows, cols = f->parameter->cols;
        float *w = values + f->parameter->offset;
        const float *base = lora->base + f->parameter->offset;
#pragma omp parallel for schedule(static)
        for (size_t o = 0; o < rows; o++) {
            memcpy(w + o * cols, base + o * cols, cols * sizeof *w);
            for (size_t j = 0; j < r; j++) {
                float weight = scale * b[o * r + j];
#pragma omp simd
                for (size_t i = 0; i < cols; i++) w[o * cols + i] += weight * a[j * cols + i];
            }
        }
    }
}
