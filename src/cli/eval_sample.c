/* masa eval with a model: from the command line to samples in a file. */
#include "cmd_eval.h"

#include "masa_version.h"
#include "output.h"
#include "training.h"

#include <masa/dist.h>
#include <masa/eval.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that samples and verdicts depend on, but for how many there are. */
static char *settings_of(const eval_command *c, const eval_subject *of,
                         const masa_eval_options *o)
{
    char weights[32];
    snprintf(weights, sizeof weights, "%016llx",
             (unsigned long long)masa_model_fingerprint(c->text.model));
    json_t *s = json_object();
    json_object_set_new(s, "model", json_string(c->text.path));
    json_object_set_new(s, "weights", json_string(weights));
    json_object_set_new(s, "compute",
                        json_string(masa_model_dtype(o->model) == MASA_F32 ? "f32" : "bf16"));
    json_object_set_new(s, "chat_template",
                        json_string(o->raw ? "raw" : masa_chat_name(o->chat)));
    json_object_set_new(s, "system", json_string(o->system ? o->system : ""));
    json_object_set_new(s, "temperature", json_real(c->temperature));
    json_object_set_new(s, "top_p", json_real(c->top_p));
    json_object_set_new(s, "max_tokens", json_integer((json_int_t)o->max_tokens));
    json_object_set_new(s, "seed", json_integer(c->seed));
    json_object_set_new(s, "answer_rules",
                        json_string(c->rules ? c->rules : "the benchmark's"));
    json_object_set_new(s, "own_answer_rules", json_string(of->config.data.answer_rules));
    json_object_set_new(s, "meta_max_tokens", json_integer((json_int_t)o->meta_max_tokens));
    json_object_set_new(s, "length_min", json_integer(o->meta.length_min));
    json_object_set_new(s, "length_max", json_integer(o->meta.length_max));
    json_object_set_new(
        s, "meta_template",
        json_string(o->meta_template ? o->meta_template : masa_meta_template(&o->meta)));
    /* Else the length of right solutions is asked for. */
    if (o->meta.length_rule == MASA_LENGTH_QUANTILE)
        json_object_set_new(s, "length_rule", json_string("quantile"));
    if (o->meta_system) json_object_set_new(s, "meta_system", json_string(o->meta_system));
    if (o->predictor) json_object_set_new(s, "predictor", json_string(of->predictor));
    char *text = json_dumps(s, JSON_COMPACT);
    json_decref(s);
    return text;
}

/* A benchmark and its problems. */
typedef struct task {
    masa_benchmark *benchmark;
    masa_problems problems;
} task;

typedef struct tasks {
    task *items;
    size_t n, capacity;
} tasks;

static masa_status add_task(tasks *out, masa_benchmark *b, const char *rules,
                            const char *folder, const eval_command *c, masa_error *err)
{
    task t = {.benchmark = b};
    if (rules) {
        free(b->rules);
        b->rules = masa_strdup(rules);
    }
    masa_status st = masa_benchmark_load(&t.problems, b, folder, (size_t)c->limit, err);
    MASA_PUSH(out->items, out->n, out->capacity, t);
    return st;
}

/* The user's file, then the benchmarks of the list: before the model is loaded, so that
 * a missing file is told at once. */
static masa_status open_tasks(tasks *out, const eval_command *c, const eval_subject *of,
                              masa_error *err)
{
    masa_status st = MASA_OK;
    if (c->problems)
        st = add_task(
            out, masa_benchmark_for_file(c->problems, c->suffix, of->config.data.code_suffix),
            c->rules ? c->rules : of->config.data.answer_rules, NULL, c, err);
    for (const char *p = c->benchmarks ? c->benchmarks : ""; st == MASA_OK && *p;) {
        size_t size = strcspn(p, ",");
        char *name = masa_strndup(p, size);
        masa_benchmark *b = NULL;
        st = masa_benchmark_open(&b, name, err);
        if (st == MASA_OK) st = add_task(out, b, c->rules, c->data, c, err);
        free(name);
        p += size + (p[size] == ',');
    }
    return st;
}

static void close_tasks(tasks *all)
{
    for (size_t i = 0; i < all->n; i++) {
        masa_benchmark_close(all->items[i].benchmark);
        masa_problems_deinit(&all->items[i].problems);
    }
    free(all->items);
}

static masa_eval_options options_of(const eval_command *c, const eval_subject *of,
                                    masa_lora *predictor)
{
    size_t most = masa_model_get_config(c->text.model)->max_positions;
    masa_eval_options o = {
        .model = c->text.model,
        .tokenizer = c->text.tokenizer,
        .chat = c->text.chat,
        .raw = c->text.raw,
        .system = c->text.system,
        .samples = (size_t)c->samples,
        .max_tokens = (size_t)c->max_tokens,
        .meta_samples = c->meta ? (size_t)c->meta_samples : 0,
        .meta_max_tokens = (size_t)c->meta_max_tokens,
        .meta = c->method,
        .meta_template = of->meta_template,
        .meta_system = of->meta_system,
        .predictor = predictor,
        .sampling = {(float)c->temperature, 0, (float)c->top_p, 0},
        .seed = (uint64_t)c->seed,
        .batch = (size_t)c->batch,
        .cache_bytes = (size_t)c->cache << 20,
        .stop = &cli_stop_asked,
        .status = &cli_status_asked,
        .progress = c->quiet || masa_dist_rank() > 0 ? NULL : cli_output_progress(),
    };
    if (o.max_tokens > most && masa_dist_rank() == 0)
        fprintf(stderr,
                "masa: responses end at the model's context of %zu tokens, prompt "
                "included, not "
                "at %zu\n",
                most, o.max_tokens);
    if (o.max_tokens > most) o.max_tokens = most;
    if (o.meta_max_tokens > most) o.meta_max_tokens = most;
    o.meta.length_min = c->length_min;
    o.meta.length_max = c->length_max ? c->length_max : (long)o.max_tokens;
    return o;
}

/* Of all processes; setting by setting, so that an error names the one that differs. */
static masa_status check_same(const char *settings, masa_error *err)
{
    char *lines = masa_strdup(settings);
    for (char *p = lines; *p; p++)
        if (*p == ',') *p = '\n';
    masa_status st = masa_dist_same(lines, err);
    free(lines);
    return st;
}

static masa_status sample_all(const eval_command *c, const tasks *all, const eval_subject *of,
                              masa_lora *predictor, masa_error *err)
{
    masa_results *results = NULL;
    masa_eval_options o = options_of(c, of, predictor);
    masa_status st = MASA_OK;
    if (c->meta && o.meta.length_max < o.meta.length_min)
        st = MASA_FAIL(err, MASA_ERR_USAGE,
                       "--length-min %ld is over the longest response, %ld tokens",
                       o.meta.length_min, o.meta.length_max);
    char *settings = settings_of(c, of, &o);
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = check_same(settings, err);
    cli_catch_signals(CLI_ENDED "; the same command goes on with what the file has\n");
    cli_heed_stops();
    if (masa_dist_rank() == 0) {
        if (st == MASA_OK)
            st = masa_results_open(&results, c->out, MASA_RESULTS_WRITE, &cli_stop_asked, err);
        if (st == MASA_OK) st = masa_results_bind(results, settings, err);
    }
    st = masa_dist_agree(st, NULL, err);
    for (size_t i = 0; st == MASA_OK && i < all->n; i++)
        st = masa_eval_run(results, all->items[i].benchmark, &all->items[i].problems, &o, err);
    masa_results_close(results);
    free(settings);
    return st;
}

/* The factors of the run's predictions, on the model and detached; NULL: it has none. */
static masa_status open_predictor(masa_lora **out, const eval_command *c,
                                  const eval_subject *of, masa_error *err)
{
    if (!c->meta || !of->predictor) return MASA_OK;
    masa_status st = masa_lora_open(out, c->text.model, of->predictor, err);
    if (st != MASA_OK) return st;
    masa_lora_detach(*out);
    masa_model_refresh(c->text.model);
    return MASA_OK;
}

masa_status eval_sample(eval_command *c, masa_error *err)
{
    tasks all = {0};
    eval_subject of = {0};
    masa_lora *predictor = NULL;
    masa_status st = masa_dist_open(MASA_VERSION, err);
    if (st == MASA_OK) st = eval_subject_open(&of, c, err);
    if (st == MASA_OK) st = open_tasks(&all, c, &of, err);
    if (st == MASA_OK) st = text_model_open(&c->text, err);
    if (st == MASA_OK) st = open_predictor(&predictor, c, &of, err);
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = sample_all(c, &all, &of, predictor, err);
    masa_lora_destroy(predictor);
    text_model_close(&c->text);
    close_tasks(&all);
    eval_subject_close(&of);
    return st;
}
