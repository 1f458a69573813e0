/* masa eval with a model: from the command line to samples in a file. */
#include "eval.h"

#include "training.h"

#include <masa/eval.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run's folder stands for its newest checkpoint. *folder is to be freed. */
static masa_status find_checkpoint(text_model *text, char **folder, masa_error *err)
{
    if (!text->path) return MASA_OK;
    char *checkpoints = masa_path_join(text->path, "checkpoints");
    masa_run_state state = {0};
    masa_status st = MASA_OK;
    if (masa_path_is_folder(checkpoints)) {
        st = masa_run_checkpoint_find(text->path, folder, &state, err);
        if (st == MASA_OK && !*folder)
            st = MASA_FAIL(err, MASA_ERR_DATA, "%s has no checkpoint yet", text->path);
        if (*folder) text->path = *folder;
        masa_run_state_deinit(&state);
    }
    free(checkpoints);
    return st;
}

/* FNV-1a over every 997th weight: tells models apart, not bit flips. */
static uint64_t fingerprint(masa_model *model)
{
    const float *values = masa_model_values(model);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < masa_model_parameter_count(model); i += 997) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

/* Everything that samples and verdicts depend on, but for how many there are. */
static char *settings_of(const eval_command *c, const masa_eval_options *o)
{
    char weights[32];
    snprintf(weights, sizeof weights, "%016llx",
             (unsigned long long)fingerprint(c->text.model));
    json_t *s = json_object();
    json_object_set_new(s, "model", json_string(c->text.path));
    json_object_set_new(s, "weights", json_string(weights));
    json_object_set_new(
        s, "compute",
        json_string(masa_model_dtype(o->model) == MASA_F32 ? "float32" : "bfloat16"));
    json_object_set_new(s, "chat_template",
                        json_string(o->raw ? "raw" : masa_chat_family_name(o->family)));
    json_object_set_new(s, "system", json_string(o->system ? o->system : ""));
    json_object_set_new(s, "temperature", json_real(c->temperature));
    json_object_set_new(s, "top_p", json_real(c->top_p));
    json_object_set_new(s, "max_tokens", json_integer((json_int_t)o->max_tokens));
    json_object_set_new(s, "seed", json_integer(c->seed));
    json_object_set_new(s, "answer_rules",
                        json_string(c->rules ? c->rules : "the benchmark's"));
    json_object_set_new(s, "meta_max_tokens",
                        json_integer((json_int_t)o->meta_max_tokens));
    json_object_set_new(s, "length_min", json_integer(o->meta.length_min));
    json_object_set_new(s, "length_max", json_integer(o->meta.length_max));
    json_object_set_new(
        s, "meta_template",
        json_string(o->meta_template ? o->meta_template : masa_meta_template));
    char *text = json_dumps(s, JSON_COMPACT);
    json_decref(s);
    return text;
}

static masa_status evaluate(const eval_command *c, masa_results *results,
                            masa_benchmark *b, const masa_eval_options *o,
                            masa_error *err)
{
    masa_eval_problems problems = {0};
    if (c->rules) {
        free(b->rules);
        b->rules = masa_strdup(c->rules);
    }
    const char *folder =
        c->problems && strcmp(b->file, c->problems) == 0 ? NULL : c->data;
    masa_status st = masa_benchmark_load(&problems, b, folder, (size_t)c->limit, err);
    if (st == MASA_OK) st = masa_eval_run(results, b, &problems, o, err);
    masa_eval_problems_deinit(&problems);
    return st;
}

/* The user's file, then the benchmarks of the list. */
static masa_status open_benchmarks(masa_benchmark ***out, size_t *n,
                                   const eval_command *c, masa_error *err)
{
    size_t capacity = 0;
    masa_status st = MASA_OK;
    if (c->problems)
        MASA_PUSH(*out, *n, capacity, masa_benchmark_for_file(c->problems, c->suffix));
    for (const char *p = c->benchmarks ? c->benchmarks : ""; st == MASA_OK && *p;) {
        size_t size = strcspn(p, ",");
        char *name = masa_strndup(p, size);
        masa_benchmark *b = NULL;
        st = masa_benchmark_open(&b, name, err);
        if (st == MASA_OK) MASA_PUSH(*out, *n, capacity, b);
        free(name);
        p += size + (p[size] == ',');
    }
    return st;
}

/* A missing file or a broken description is told before the model is loaded. */
static masa_status check_data(masa_benchmark *const *benchmarks, size_t n,
                              const eval_command *c, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        masa_eval_problems problems = {0};
        const char *folder = c->problems && i == 0 ? NULL : c->data;
        st = masa_benchmark_load(&problems, benchmarks[i], folder, (size_t)c->limit, err);
        masa_eval_problems_deinit(&problems);
    }
    return st;
}

static masa_eval_options options_of(const eval_command *c, const char *template_text)
{
    size_t most = masa_model_get_config(c->text.model)->max_positions;
    masa_eval_options o = {
        .model = c->text.model,
        .tokenizer = c->text.tokenizer,
        .family = c->text.family,
        .raw = c->text.raw,
        .system = c->text.system,
        .samples = (size_t)c->samples,
        .max_tokens = (size_t)c->max_tokens,
        .meta_samples = c->meta ? (size_t)c->meta_samples : 0,
        .meta_max_tokens = (size_t)c->meta_max_tokens,
        .meta = MASA_META_DEFAULTS,
        .meta_template = template_text,
        .sampling = {(float)c->temperature, 0, (float)c->top_p, 0},
        .seed = (uint64_t)c->seed,
        .batch = (size_t)c->batch,
        .cache_bytes = (size_t)c->cache << 20,
        .stop = &cli_stop_asked,
        .progress = stderr,
    };
    if (o.max_tokens > most) {
        fprintf(stderr,
                "masa: responses end at the model's context of %zu tokens, prompt "
                "included, not "
                "at %zu\n",
                most, o.max_tokens);
        o.max_tokens = most;
    }
    if (o.meta_max_tokens > most) o.meta_max_tokens = most;
    o.meta.length_min = c->length_min;
    o.meta.length_max = c->length_max ? c->length_max : (long)o.max_tokens;
    return o;
}

static masa_status sample_all(eval_command *c, masa_benchmark *const *benchmarks,
                              size_t n, const char *template_text, masa_error *err)
{
    masa_results *results = NULL;
    masa_eval_options o = options_of(c, template_text);
    if (c->meta && o.meta.length_max < o.meta.length_min)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--length-min %ld is over the longest response, %ld tokens",
                         o.meta.length_min, o.meta.length_max);
    char *settings = settings_of(c, &o);
    masa_status st = masa_results_open(&results, c->out, MASA_RESULTS_WRITE, err);
    if (st == MASA_OK) st = masa_results_bind(results, settings, err);
    if (st == MASA_OK) cli_catch_signals();
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        st = evaluate(c, results, benchmarks[i], &o, err);
    masa_results_close(results);
    free(settings);
    return st;
}

masa_status eval_sample(eval_command *c, masa_error *err)
{
    masa_benchmark **benchmarks = NULL;
    size_t n = 0;
    char *folder = NULL;
    masa_text template_text = {0};
    masa_status st = open_benchmarks(&benchmarks, &n, c, err);
    if (st == MASA_OK) st = check_data(benchmarks, n, c, err);
    if (st == MASA_OK && c->template_path)
        st = masa_file_read(&template_text, c->template_path, err);
    if (st == MASA_OK) st = find_checkpoint(&c->text, &folder, err);
    if (st == MASA_OK) st = text_model_open(&c->text, err);
    if (st == MASA_OK)
        st = sample_all(c, benchmarks, n,
                        c->template_path ? masa_text_get(&template_text) : NULL, err);
    text_model_close(&c->text);
    free(folder);
    for (size_t i = 0; i < n; i++) masa_benchmark_close(benchmarks[i]);
    free(benchmarks);
    masa_text_deinit(&template_text);
    return st;
}
