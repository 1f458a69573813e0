/* One view of a model on disk over its two formats. Opening resolves every tensor the
 * description demands to bytes in a mapping; reading dequantises rows in parallel. */
#include <masa/model_file.h>
#include <masa/file.h>
#include <masa/gguf.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/parameters.h>
#include <masa/safetensors.h>

#include "gguf_config.h"
#include "hf_folder.h"
#include "rotary.h"

#include <stdlib.h>
#include <string.h>

struct masa_model_file {
    char *path;
    masa_model_config config;
    masa_gguf *gguf; /* one of the two */
    formats_hf_folder folder;
    masa_parameter *parameters; /* [n] */
    const uint8_t **data;       /* [n] */
    masa_tensor_info *infos;    /* [n] */
    size_t n;
};

static masa_status fail_missing(const char *name, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_FORMAT,
                     "tensor '%s' is missing; this is not a whole "
                     "model of the architecture it states",
                     name);
}

static masa_status fail_shape(const char *name, size_t rows, size_t cols, size_t want_rows,
                              size_t want_cols, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_FORMAT,
                     "tensor '%s' has shape [%zu, %zu], expected [%zu, %zu]", name, rows, cols,
                     want_rows, want_cols);
}

static masa_status resolve(masa_model_file *f, size_t i, masa_error *err)
{
    const masa_parameter *p = &f->parameters[i];
    masa_tensor_type type;
    size_t rows, cols;
    unsigned n_dims;
    if (f->gguf) {
        const masa_gguf_tensor *t = masa_gguf_find_tensor(f->gguf, p->gguf_name);
        if (!t) return fail_missing(p->gguf_name, err);
        type = t->type, f->data[i] = t->data;
        n_dims = t->n_dims, rows = t->n / t->dims[0], cols = t->dims[0];
    } else {
        const masa_safetensors_tensor *t = formats_hf_folder_find(&f->folder, p->name);
        if (!t) return fail_missing(p->name, err);
        type = t->type, f->data[i] = t->data;
        n_dims = t->n_dims, cols = n_dims ? t->dims[n_dims - 1] : 1;
        rows = cols ? t->n / cols : 0;
    }
    if (rows != p->rows || cols != p->cols || n_dims != (p->vector ? 1u : 2u))
        return fail_shape(f->gguf ? p->gguf_name : p->name, rows, cols, p->rows, p->cols, err);
    if (p->vector && f->gguf && p->rotary_dim && masa_tensor_type_layout(type)->block > 1)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "tensor '%s' is quantised; biases are not",
                         p->gguf_name);
    f->infos[i] = (masa_tensor_info){p->name, p->rows, p->cols, p->vector, type};
    return MASA_OK;
}

/* A tensor that nothing reads would mean that the model computes something else. */
static masa_status refuse_others(const masa_model_file *f, masa_error *err)
{
    if (!f->gguf) return formats_hf_folder_refuse_others(&f->folder, f->parameters, f->n, err);
    size_t known = f->n + (masa_gguf_find_tensor(f->gguf, "rope_freqs.weight") ? 1 : 0);
    size_t n = masa_gguf_tensor_count(f->gguf);
    if (n <= known) return MASA_OK;
    for (size_t i = 0; i < n; i++) {
        masa_gguf_string name = masa_gguf_get_tensor(f->gguf, i)->name;
        bool used = masa_gguf_string_is(name, "rope_freqs.weight");
        for (size_t j = 0; j < f->n && !used; j++)
            used = masa_gguf_string_is(name, f->parameters[j].gguf_name);
        if (!used)
            return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                             "tensor '%.*s' has no place in a %s model as supported",
                             (int)(name.size < 80 ? name.size : 80), name.data,
                             masa_architecture_name(f->config.architecture));
    }
    return MASA_OK;
}

static masa_status load_format(masa_model_file *f, const char *path, masa_error *err)
{
    if (masa_path_is_folder(path))
        return formats_hf_folder_open(&f->folder, path, &f->config, err);
    if (masa_path_exists(path) && !masa_gguf_detect(path))
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "%s is neither a GGUF file nor a folder with a config.json", path);
    masa_status st = f->folder.copy ? masa_gguf_load(&f->gguf, path, err)
                                    : masa_gguf_open(&f->gguf, path, err);
    return st == MASA_OK ? formats_gguf_config(&f->config, f->gguf, err) : st;
}

static masa_status open_file(masa_model_file **out, const char *path, bool copy,
                             masa_error *err)
{
    masa_model_file *f = masa_alloc(1, sizeof *f);
    f->path = masa_strdup(path);
    f->folder.copy = copy;
    masa_status st = load_format(f, path, err);
    if (st == MASA_OK) {
        f->parameters = masa_parameters_make(&f->config, &f->n);
        f->data = masa_alloc(f->n, sizeof *f->data);
        f->infos = masa_alloc(f->n, sizeof *f->infos);
    }
    for (size_t i = 0; i < f->n && st == MASA_OK; i++) st = resolve(f, i, err);
    if (st == MASA_OK) st = refuse_others(f, err);
    if (st == MASA_OK) {
        *out = f;
    } else {
        if (err && !err->path[0] && err->code != MASA_ERR_IO) masa_error_at(err, path, 0);
        masa_model_file_close(f);
    }
    return st;
}

masa_status masa_model_file_open(masa_model_file **out, const char *path, masa_error *err)
{
    return open_file(out, path, false, err);
}

masa_status masa_model_file_load(masa_model_file **out, const char *path, masa_error *err)
{
    return open_file(out, path, true, err);
}

void masa_model_file_close(masa_model_file *file)
{
    if (!file) return;
    masa_gguf_close(file->gguf);
    formats_hf_folder_close(&file->folder);
    free(file->parameters);
    free(file->data);
    free(file->infos);
    free(file->path);
    free(file);
}

const masa_model_config *masa_model_file_config(const masa_model_file *file)
{
    return &file->config;
}

const masa_tensor_info *masa_model_file_tensors(const masa_model_file *file, size_t *n)
{
    *n = file->n;
    return file->infos;
}

const char *masa_model_file_format(const masa_model_file *file)
{
    return file->gguf ? "GGUF" : "Hugging Face folder";
}

struct reading {
    float *out;
    const uint8_t *data;
    masa_tensor_type type;
    size_t rows, cols, rotary_dim;
};

/* Rows of about so many elements at a time. */
enum { PIECE = 1 << 16 };

static size_t piece_rows(const struct reading *r)
{
    return 1 + PIECE / (1 + r->cols);
}

static void read_piece(void *call, size_t piece)
{
    const struct reading *r = call;
    const masa_tensor_layout *layout = masa_tensor_type_layout(r->type);
    size_t stride = r->cols / layout->block * layout->bytes, many = piece_rows(r);
    for (size_t i = piece * many; i < r->rows && i < (piece + 1) * many; i++) {
        size_t row = r->rotary_dim ? formats_rotary_row(i, r->rotary_dim) : i;
        masa_tensor_dequantize(r->out + i * r->cols, r->type, r->data + row * stride, r->cols);
    }
}

static void read_rows(float *out, const uint8_t *data, masa_tensor_type type,
                      const masa_parameter *p, size_t rotary_dim)
{
    struct reading r = {out, data, type, p->rows, p->cols, rotary_dim};
    if (p->vector && rotary_dim) r.rows = p->cols, r.cols = 1; /* a bias is as its rows */
    masa_parallel((r.rows + piece_rows(&r) - 1) / piece_rows(&r), read_piece, &r);
}

masa_status masa_model_file_read(const masa_model_file *file, const char *name, float *data,
                                 size_t rows, size_t cols, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; i < file->n; i++) {
        const masa_parameter *p = &file->parameters[i];
        if (strcmp(p->name, name) != 0) continue;
        if (p->rows == rows && p->cols == cols)
            read_rows(data, file->data[i], file->infos[i].type, p,
                      file->gguf ? p->rotary_dim : 0);
        else st = fail_shape(name, p->rows, p->cols, rows, cols, err);
        if (st != MASA_OK) masa_error_at(err, file->path, 0);
        return st;
    }
    st = fail_missing(name, err);
    masa_error_at(err, file->path, 0);
    return st;
}
