/* GGUF writing, version 3: metadata as llama.cpp's loader asks for it. */
#include <masa/gguf_write.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/parameters.h>
#include <masa/text.h>

#include "rotary.h"
#include "tensor_write.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32, VERSION = 3 };

typedef struct writer {
    const masa_model_config *config;
    const formats_tensor_list *list;
    masa_tensor_type matrix_type;
    masa_parameter *parameters; /* [n_parameters] */
    size_t *index;              /* [n_parameters] where each is in the list */
    size_t n_parameters;
    float *divisors; /* of a scaled rope, else NULL */
    masa_text meta;
    uint64_t n_meta;
} writer;

static void put(masa_text *t, const void *data, size_t n)
{
    masa_text_append(t, data, n);
}

static void put_u32(masa_text *t, uint32_t v)
{
    put(t, &v, sizeof v);
}

static void put_u64(masa_text *t, uint64_t v)
{
    put(t, &v, sizeof v);
}

static void put_string(masa_text *t, const char *s, size_t n)
{
    put_u64(t, n);
    put(t, s, n);
}

static void key(writer *w, const char *name, masa_gguf_type type)
{
    put_string(&w->meta, name, strlen(name));
    put_u32(&w->meta, type);
    w->n_meta++;
}

static void add_string(writer *w, const char *name, const char *value)
{
    key(w, name, MASA_GGUF_STRING);
    put_string(&w->meta, value, strlen(value));
}

static void add_u32(writer *w, const char *name, size_t value)
{
    key(w, name, MASA_GGUF_U32);
    put_u32(&w->meta, (uint32_t)value);
}

static void add_bool(writer *w, const char *name, bool value)
{
    key(w, name, MASA_GGUF_BOOL);
    put(&w->meta, value ? "\1" : "", 1);
}

/* ARCHITECTURE.name */
static const char *own(const writer *w, char buffer[96], const char *name)
{
    snprintf(buffer, 96, "%s.%s", masa_architecture_name(w->config->architecture), name);
    return buffer;
}

static void add_own_u32(writer *w, const char *name, size_t value)
{
    char buffer[96];
    add_u32(w, own(w, buffer, name), value);
}

static void add_own_f32(writer *w, const char *name, float value)
{
    char buffer[96];
    key(w, own(w, buffer, name), MASA_GGUF_F32);
    put(&w->meta, &value, sizeof value);
}

static void add_model(writer *w, masa_save_dtype dtype)
{
    /* llama.cpp's file types; the number only informs. */
    static const uint32_t file_types[] = {
        [MASA_SAVE_F32] = 0, [MASA_SAVE_F16] = 1, [MASA_SAVE_BF16] = 32};
    const masa_model_config *c = w->config;
    add_string(w, "general.architecture", masa_architecture_name(c->architecture));
    add_string(w, "general.type", "model");
    add_u32(w, "general.file_type", file_types[dtype]);
    add_own_u32(w, "block_count", c->n_layers);
    add_own_u32(w, "context_length", c->max_positions);
    add_own_u32(w, "embedding_length", c->hidden_size);
    add_own_u32(w, "feed_forward_length", c->intermediate_size);
    add_own_u32(w, "attention.head_count", c->n_heads);
    add_own_u32(w, "attention.head_count_kv", c->n_kv_heads);
    add_own_u32(w, "attention.key_length", c->head_dim);
    add_own_u32(w, "attention.value_length", c->head_dim);
    add_own_f32(w, "attention.layer_norm_rms_epsilon", c->rms_norm_eps);
    add_own_f32(w, "rope.freq_base", c->rope_theta);
    add_own_u32(w, "rope.dimension_count", c->head_dim);
    add_own_u32(w, "vocab_size", c->vocab_size);
}

static void add_tokens(writer *w, const masa_gguf_vocab *v)
{
    size_t n = w->config->vocab_size;
    key(w, "tokenizer.ggml.tokens", MASA_GGUF_ARRAY);
    put_u32(&w->meta, MASA_GGUF_STRING);
    put_u64(&w->meta, n);
    for (size_t i = 0; i < n; i++) {
        char padding[32];
        int length = snprintf(padding, sizeof padding, "[PAD%zu]", i);
        if (i < v->n) put_string(&w->meta, v->tokens[i].data, v->tokens[i].size);
        else put_string(&w->meta, padding, (size_t)length);
    }
    key(w, "tokenizer.ggml.token_type", MASA_GGUF_ARRAY);
    put_u32(&w->meta, MASA_GGUF_I32);
    put_u64(&w->meta, n);
    for (size_t i = 0; i < n; i++)
        put_u32(&w->meta, i < v->n ? (uint32_t)v->types[i] : MASA_GGUF_TOKEN_UNUSED);
    key(w, "tokenizer.ggml.merges", MASA_GGUF_ARRAY);
    put_u32(&w->meta, MASA_GGUF_STRING);
    put_u64(&w->meta, v->n_merges);
    for (size_t i = 0; i < v->n_merges; i++)
        put_string(&w->meta, v->merges[i].data, v->merges[i].size);
}

static void add_vocab(writer *w, const masa_gguf_vocab *v)
{
    add_string(w, "tokenizer.ggml.model", "gpt2"); /* byte-level BPE */
    add_string(w, "tokenizer.ggml.pre", v->pre);
    add_tokens(w, v);
    if (v->bos >= 0) add_u32(w, "tokenizer.ggml.bos_token_id", (size_t)v->bos);
    if (v->eos >= 0) add_u32(w, "tokenizer.ggml.eos_token_id", (size_t)v->eos);
    if (v->unknown >= 0) add_u32(w, "tokenizer.ggml.unknown_token_id", (size_t)v->unknown);
    if (v->pad >= 0) add_u32(w, "tokenizer.ggml.padding_token_id", (size_t)v->pad);
    add_bool(w, "tokenizer.ggml.add_space_prefix", false);
    add_bool(w, "tokenizer.ggml.add_bos_token", v->add_bos);
    if (v->chat_template) add_string(w, "tokenizer.chat_template", v->chat_template);
}

/* Finds each tensor of the layout in the caller's list. */
static masa_status match_tensors(writer *w, masa_error *err)
{
    w->parameters = masa_parameters_make(w->config, &w->n_parameters);
    w->index = masa_alloc(w->n_parameters, sizeof *w->index);
    for (size_t i = 0; i < w->n_parameters; i++) {
        size_t j = 0;
        while (j < w->list->n && strcmp(w->list->tensors[j].name, w->parameters[i].name) != 0)
            j++;
        if (j == w->list->n)
            return MASA_FAIL(err, MASA_ERR_DATA, "no tensor '%s' to write",
                             w->parameters[i].name);
        const masa_named_tensor *t = &w->list->tensors[j];
        if (t->rows != w->parameters[i].rows || t->cols != w->parameters[i].cols)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "tensor '%s' to write has shape [%zu, %zu], expected [%zu, %zu]",
                             t->name, t->rows, t->cols, w->parameters[i].rows,
                             w->parameters[i].cols);
        w->index[i] = j;
    }
    return MASA_OK;
}

static size_t aligned(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static masa_tensor_type type_of(const writer *w, const masa_parameter *p)
{
    return p->vector ? MASA_TENSOR_F32 : w->matrix_type;
}

static size_t bytes_of(const writer *w, const masa_parameter *p)
{
    return p->rows * p->cols * masa_tensor_type_layout(type_of(w, p))->bytes;
}

static void add_info(masa_text *t, const char *name, size_t rows, size_t cols, bool vector,
                     masa_tensor_type type, size_t offset)
{
    put_string(t, name, strlen(name));
    put_u32(t, vector ? 1 : 2);
    put_u64(t, cols);
    if (!vector) put_u64(t, rows);
    put_u32(t, type);
    put_u64(t, offset);
}

/* Everything before the data. */
static void make_header(writer *w, masa_text *out)
{
    put(out, "GGUF", 4);
    put_u32(out, VERSION);
    put_u64(out, w->n_parameters + (w->divisors ? 1 : 0));
    put_u64(out, w->n_meta);
    put(out, w->meta.data, w->meta.size);
    size_t offset = 0, n_divisors = w->config->head_dim / 2;
    if (w->divisors) {
        add_info(out, "rope_freqs.weight", 1, n_divisors, true, MASA_TENSOR_F32, offset);
        offset += aligned(n_divisors * sizeof(float));
    }
    for (size_t i = 0; i < w->n_parameters; i++) {
        const masa_parameter *p = &w->parameters[i];
        add_info(out, p->gguf_name, p->rows, p->cols, p->vector, type_of(w, p), offset);
        offset += aligned(bytes_of(w, p));
    }
    while (out->size % ALIGNMENT) put(out, "", 1);
}

static void pad(FILE *file, size_t bytes)
{
    static const char zeros[ALIGNMENT];
    fwrite(zeros, 1, aligned(bytes) - bytes, file);
}

static masa_status write_data(const writer *w, FILE *file, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n_divisors = w->config->head_dim / 2;
    if (w->divisors) {
        fwrite(w->divisors, sizeof(float), n_divisors, file);
        pad(file, n_divisors * sizeof(float));
    }
    for (size_t i = 0; i < w->n_parameters && st == MASA_OK; i++) {
        const masa_parameter *p = &w->parameters[i];
        st =
            formats_tensor_write(file, w->list, w->index[i], type_of(w, p), p->rotary_dim, err);
        pad(file, bytes_of(w, p));
    }
    return st;
}

static masa_status write_model(const char *path, const masa_model_config *config,
                               const formats_tensor_list *list, masa_save_dtype dtype,
                               const masa_gguf_vocab *vocab, masa_error *err)
{
    writer w = {.config = config, .list = list, .matrix_type = formats_stored_type(dtype)};
    masa_output sink;
    masa_text header = {0};
    masa_status st = MASA_OK;
    if (vocab->n > config->vocab_size) {
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "the tokenizer has %zu tokens, the model only %zu; they do not belong "
                       "together",
                       vocab->n, config->vocab_size);
        goto out;
    }
    st = match_tensors(&w, err);
    if (st != MASA_OK) goto out;
    if (config->rope_scaled) {
        w.divisors = masa_alloc(config->head_dim / 2, sizeof *w.divisors);
        formats_rope_divisors(w.divisors, config);
    }
    add_model(&w, dtype);
    add_vocab(&w, vocab);
    make_header(&w, &header);
    st = masa_file_begin(&sink, path, err);
    if (st != MASA_OK) goto out;
    fwrite(header.data, 1, header.size, sink.file);
    st = write_data(&w, sink.file, err);
    if (st == MASA_OK) st = masa_file_commit(&sink, err);
    else masa_file_abort(&sink);
out:
    masa_text_deinit(&header);
    masa_text_deinit(&w.meta);
    free(w.parameters);
    free(w.index);
    free(w.divisors);
    return st;
}

masa_status masa_gguf_write(const char *path, const masa_model_config *config,
                            const masa_named_tensor *tensors, size_t n, masa_save_dtype dtype,
                            const masa_gguf_vocab *vocab, masa_error *err)
{
    formats_tensor_list list = {.tensors = tensors, .n = n};
    return write_model(path, config, &list, dtype, vocab, err);
}

masa_status masa_gguf_write_file(const char *path, const masa_model_file *source,
                                 masa_save_dtype dtype, const masa_gguf_vocab *vocab,
                                 masa_error *err)
{
    formats_tensor_list list = formats_tensor_list_of(source);
    masa_status st =
        write_model(path, masa_model_file_config(source), &list, dtype, vocab, err);
    free((void *)(uintptr_t)list.tensors);
    return st;
}
