/* masa inspect MODEL: the description of a model and, on request, its tensors. */
#include "cmd_inspect.h"

#include <masa/file.h>
#include <masa/gguf.h>
#include <masa/memory.h>
#include <masa/model_file.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_model(const char *path)
{
    char *config = masa_path_join(path, "config.json");
    bool is = masa_path_is_folder(path) ? masa_path_exists(config) : masa_gguf_detect(path);
    free(config);
    return is;
}

/* Parameters, and how many tensors and bytes there are of each stored type. */
typedef struct census {
    size_t parameters;
    struct {
        size_t tensors, bytes;
    } types[MASA_TENSOR_BF16 + 1];
} census;

static census count(const masa_model_file *file)
{
    census c = {0};
    size_t n;
    const masa_tensor_info *infos = masa_model_file_tensors(file, &n);
    for (size_t i = 0; i < n; i++) {
        const masa_tensor_layout *layout = masa_tensor_type_layout(infos[i].type);
        size_t elements = infos[i].rows * infos[i].cols;
        c.parameters += elements;
        c.types[infos[i].type].tensors++;
        c.types[infos[i].type].bytes += elements / layout->block * layout->bytes;
    }
    return c;
}

static void print_text(const masa_model_file *file, const census *n)
{
    const masa_model_config *c = masa_model_file_config(file);
    printf("%s, %s, %.1f million parameters\n", masa_model_file_format(file),
           masa_architecture_name(c->architecture), (double)n->parameters / 1e6);
    printf("  layers          %zu\n", c->n_layers);
    printf("  hidden          %zu\n", c->hidden_size);
    printf("  feed-forward    %zu\n", c->intermediate_size);
    printf("  heads           %zu of %zu, %zu for keys and values\n", c->n_heads, c->head_dim,
           c->n_kv_heads);
    printf("  vocabulary      %zu%s\n", c->vocab_size,
           c->tied_embeddings ? ", the head is tied to the embeddings" : "");
    printf("  context         %zu tokens\n", c->max_positions);
    printf("  rotary base     %g", (double)c->rope_theta);
    if (c->rope_scaled)
        printf(", scaled by %g from %zu tokens (low %g, high %g)", (double)c->rope_factor,
               c->rope_original_positions, (double)c->rope_low_freq_factor,
               (double)c->rope_high_freq_factor);
    printf("\n  RMS norm eps    %g\n", (double)c->rms_norm_eps);
    printf("  special tokens  bos %d, eos %d, pad %d (-1: none)\n", (int)c->bos_token,
           (int)c->eos_token, (int)c->pad_token);
    for (uint32_t t = 0; t <= MASA_TENSOR_BF16; t++)
        if (n->types[t].tensors)
            printf("  %-6s          %zu tensors, %.1f MB\n", masa_tensor_type_layout(t)->name,
                   n->types[t].tensors, (double)n->types[t].bytes / 1e6);
}

static void print_json(const char *path, const masa_model_file *file, const census *n)
{
    const masa_model_config *c = masa_model_file_config(file);
    masa_text out = {0};
    masa_text_add(&out, "{\"path\":");
    masa_text_add_json(&out, path, strlen(path));
    masa_text_addf(&out, ",\"format\":\"%s\",\"architecture\":\"%s\",\"parameters\":%zu",
                   masa_model_file_format(file), masa_architecture_name(c->architecture),
                   n->parameters);
    masa_text_addf(&out, ",\"layers\":%zu,\"hidden\":%zu,\"intermediate\":%zu,\"heads\":%zu",
                   c->n_layers, c->hidden_size, c->intermediate_size, c->n_heads);
    masa_text_addf(&out, ",\"kv_heads\":%zu,\"head_dim\":%zu,\"vocab\":%zu,\"context\":%zu",
                   c->n_kv_heads, c->head_dim, c->vocab_size, c->max_positions);
    masa_text_addf(&out, ",\"tied\":%s,\"rope_theta\":%.9g,\"rms_norm_eps\":%.9g",
                   c->tied_embeddings ? "true" : "false", (double)c->rope_theta,
                   (double)c->rms_norm_eps);
    if (c->rope_scaled)
        masa_text_addf(&out,
                       ",\"rope_factor\":%.9g,\"rope_low_freq_factor\":%.9g,"
                       "\"rope_high_freq_factor\":%.9g,\"rope_original\":%zu",
                       (double)c->rope_factor, (double)c->rope_low_freq_factor,
                       (double)c->rope_high_freq_factor, c->rope_original_positions);
    masa_text_addf(&out, ",\"bos\":%d,\"eos\":%d,\"pad\":%d,\"stored\":{", (int)c->bos_token,
                   (int)c->eos_token, (int)c->pad_token);
    const char *separator = "";
    for (uint32_t t = 0; t <= MASA_TENSOR_BF16; t++) {
        if (!n->types[t].tensors) continue;
        masa_text_addf(&out, "%s\"%s\":{\"tensors\":%zu,\"bytes\":%zu}", separator,
                       masa_tensor_type_layout(t)->name, n->types[t].tensors,
                       n->types[t].bytes);
        separator = ",";
    }
    masa_text_add(&out, "}}\n");
    fputs(out.data, stdout);
    masa_text_deinit(&out);
}

typedef struct statistics {
    double mean, deviation, least, most;
    size_t not_finite;
} statistics;

/* Over the finite values; all zero when there are none. */
static statistics measure(const float *values, size_t n)
{
    statistics s = {.least = INFINITY, .most = -INFINITY};
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double v = (double)values[i];
        if (!isfinite(v)) {
            s.not_finite++;
            continue;
        }
        sum += v, square += v * v;
        s.least = fmin(s.least, v), s.most = fmax(s.most, v);
    }
    size_t finite = n - s.not_finite;
    if (finite == 0) return (statistics){.not_finite = s.not_finite};
    s.mean = sum / (double)finite;
    s.deviation = sqrt(fmax(0, square / (double)finite - s.mean * s.mean));
    return s;
}

static void print_tensor(const masa_tensor_info *t, const statistics *s, bool json)
{
    char shape[48];
    const char *type = masa_tensor_type_layout(t->type)->name;
    if (t->vector) snprintf(shape, sizeof shape, "%zu", t->cols);
    else snprintf(shape, sizeof shape, "%zu%s%zu", t->rows, json ? "," : " x ", t->cols);
    if (json)
        printf("{\"tensor\":\"%s\",\"shape\":[%s],\"type\":\"%s\",\"mean\":%.6g,"
               "\"deviation\":%.6g,\"least\":%.6g,\"most\":%.6g,\"not_finite\":%zu}\n",
               t->name, shape, type, s->mean, s->deviation, s->least, s->most, s->not_finite);
    else
        printf("%-48s %-14s %-5s mean %9.2e  deviation %8.2e  in [%.4g, %.4g]%s\n", t->name,
               shape, type, s->mean, s->deviation, s->least, s->most,
               s->not_finite ? "  NOT FINITE" : "");
}

static masa_status print_tensors(const masa_model_file *file, bool json, masa_error *err)
{
    size_t n;
    const masa_tensor_info *infos = masa_model_file_tensors(file, &n);
    for (size_t i = 0; i < n; i++) {
        size_t elements = infos[i].rows * infos[i].cols;
        void *values = NULL;
        masa_status st = masa_alloc_large(&values, elements, sizeof(float), "a tensor", err);
        if (st == MASA_OK)
            st = masa_model_file_read(file, infos[i].name, values, infos[i].rows, infos[i].cols,
                                      err);
        if (st == MASA_OK) {
            statistics s = measure(values, elements);
            print_tensor(&infos[i], &s, json);
        }
        free(values);
        if (st != MASA_OK) return st;
    }
    return MASA_OK;
}

masa_status cli_inspect_model(const char *path, const cli_inspect_options *options,
                              masa_error *err)
{
    masa_model_file *file = NULL;
    masa_status st = masa_model_file_open(&file, path, err);
    if (st != MASA_OK) return st;
    census n = count(file);
    if (options->json) print_json(path, file, &n);
    else print_text(file, &n);
    if (options->tensors) st = print_tensors(file, options->json, err);
    masa_model_file_close(file);
    return st;
}
