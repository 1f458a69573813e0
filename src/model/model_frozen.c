/* Loading weights that stay as they are: each parameter goes through float32 memory for the largest
 * product, and stays in what products compute with. */
#include <math.h>
#include <stdlib.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "model_internal.h"

/* The parameters of a product are neighbours: they are put together until the last is there. */
typedef struct loader {
    masa_model *model;
    float DEVICE *product; /* rows of the largest product, or of the embedding */
    float *host;           /* one parameter */
    double squares;
} loader;

static masa_status open_loader(loader *l, masa_model *m, masa_error *err)
{
    model_dims d = model_dims_of(&m->config);
    const size_t sizes[] = {d.vocab * d.hidden, d.qkv * d.hidden, d.hidden * d.q,
                            2 * d.intermediate * d.hidden};
    void *host = NULL;
    void DEVICE *product = NULL;
    size_t most = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > most) most = sizes[i];
    masa_status st = masa_device_reserve(&product, most, sizeof(float), "a product", err);
    if (!st) st = masa_alloc_large(&host, most, sizeof(float), "a parameter", err);
    *l = (loader){m, product, host, 0};
    return st;
}

static void close_loader(loader *l)
{
    masa_device_free(l->product);
    free(l->host);
}

static void take_embedding(const loader *l, const masa_parameter *p)
{
    masa_model *m = l->model;
    size_t n = p->rows * p->cols;
    masa_device_put(l->product, l->host, n * sizeof(float));
    masa_convert(m->embedding, m->compute, l->product, MASA_F32, n);
    if (m->config.tied_embeddings) masa_linear_pack(m->head, l->product);
}

static void take_matrix(const loader *l, const masa_parameter *p)
{
    size_t first = 0;
    masa_linear *map =
        p->slot == MASA_SLOT_HEAD ? l->model->head : masa_model_map(l->model, p, &first);
    masa_device_put(l->product + first * p->cols, l->host, p->rows * p->cols * sizeof(float));
    if (first + p->rows == masa_linear_out_features(map)) masa_linear_pack(map, l->product);
}

static void take_vector(const loader *l, const masa_parameter *p)
{
    const masa_model *m = l->model;
    const model_offsets *offsets =
        p->layer == MASA_NO_LAYER ? &m->offsets : &m->layers[p->layer].offsets;
    masa_device_put(model_values(m, offsets, p->slot), l->host, p->cols * sizeof(float));
}

static void take(loader *l, const masa_parameter *p)
{
    masa_model *m = l->model;
    size_t n = p->rows * p->cols;
    for (size_t i = 0; i < n; i++) l->squares += (double)l->host[i] * (double)l->host[i];
    m->fingerprint = model_hash(m->fingerprint, l->host, p->offset, n);
    if (p->vector) take_vector(l, p);
    else if (p->slot == MASA_SLOT_EMBEDDING) take_embedding(l, p);
    else take_matrix(l, p);
}

masa_status masa_model_load_frozen(masa_model **out, const char *path,
                                   const masa_model_options *options, masa_error *err)
{
    masa_model_file *file = NULL;
    masa_model *m = NULL;
    loader l = {0};
    masa_status st = masa_model_file_open(&file, path, err);
    if (!st) st = model_allocate(&m, masa_model_file_config(file), options, true, err);
    if (!st) st = open_loader(&l, m, err);
    if (!st) m->fingerprint = MODEL_HASH;
    for (size_t i = 0; !st && i < m->n_parameters; i++) {
        const masa_parameter *p = &m->parameters[i];
        st = masa_model_file_read(file, p->name, l.host, p->rows, p->cols, err);
        if (!st) take(&l, p);
    }
    if (!st) m->finite = isfinite(l.squares);
    close_loader(&l);
    masa_model_file_close(file);
    if (!st) *out = m;
    else masa_model_destroy(m);
    return st;
}
