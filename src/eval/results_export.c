/* The sample files of lm-evaluation-harness (lm_eval/evaluator.py writes doc_id ...
 * target_hash, lm_eval/loggers/evaluation_tracker.py names the arguments and the files).
 */
#include "sha256.h"

#include <masa/eval_export.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/summary.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Models write bytes that are no UTF-8; JSON has none: they become U+FFFD. */
static json_t *json_bytes(const char *s, size_t n)
{
    masa_text quoted = {0};
    masa_text_add_json(&quoted, s, n);
    json_t *value =
        json_loadb(quoted.data, quoted.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    masa_text_deinit(&quoted);
    return value;
}

static json_t *json_text(const char *s)
{
    return json_bytes(s, strlen(s));
}

static json_t *json_hash(const char *s)
{
    char hash[65];
    eval_sha256(hash, s, strlen(s));
    return json_string(hash);
}

/* The harness hashes the document's JSON with an indent of two. */
static json_t *document_hash(const json_t *doc)
{
    char *text = json_dumps(doc, JSON_INDENT(2));
    json_t *hash = json_hash(text);
    free(text);
    return hash;
}

static json_t *gen_kwargs(const json_t *settings)
{
    json_t *kwargs = json_object();
    double temperature = json_number_value(json_object_get(settings, "temperature"));
    json_object_set_new(kwargs, "until", json_array());
    json_object_set_new(kwargs, "do_sample", json_boolean(temperature > 0));
    json_object_set(kwargs, "temperature", json_object_get(settings, "temperature"));
    json_object_set(kwargs, "top_p", json_object_get(settings, "top_p"));
    json_object_set(kwargs, "max_gen_toks", json_object_get(settings, "max_tokens"));
    return kwargs;
}

static json_t *sample_line(const masa_result_problem *p, size_t number, const json_t *settings)
{
    json_t *line = json_object(), *doc = json_object(), *responses = json_array(),
           *answers = json_array();
    double right = 0;
    json_object_set_new(doc, "id", json_text(p->id));
    json_object_set_new(doc, "question", json_text(p->question));
    json_object_set_new(doc, "answer", json_text(p->gold));
    for (size_t i = 0; i < p->n_samples; i++) {
        const masa_result_sample *s = &p->samples[i];
        json_array_append_new(responses, json_bytes(s->text, s->text_size));
        json_array_append_new(answers, json_text(s->answer ? s->answer : "[invalid]"));
        right += s->right;
    }
    json_object_set_new(line, "doc_id", json_integer((json_int_t)number));
    json_object_set_new(line, "target", json_text(p->gold));
    json_object_set_new(line, "arguments",
                        json_pack("{s:{s:o,s:o}}", "gen_args_0", "arg_0", json_text(p->prompt),
                                  "arg_1", gen_kwargs(settings)));
    json_object_set_new(line, "resps", json_pack("[o]", responses));
    json_object_set_new(line, "filtered_resps", json_pack("[o]", answers));
    json_object_set_new(line, "filter", json_string("masa"));
    json_object_set_new(line, "metrics", json_pack("[s]", "exact_match"));
    json_object_set_new(line, "doc_hash", document_hash(doc));
    json_object_set_new(line, "doc", doc);
    json_object_set_new(line, "prompt_hash", json_hash(p->prompt));
    json_object_set_new(line, "target_hash", json_hash(p->gold));
    json_object_set_new(line, "exact_match", json_real(right / (double)p->n_samples));
    return line;
}

static masa_status write_samples(const char *path, const masa_result_set *set,
                                 const json_t *settings, masa_error *err)
{
    masa_output out;
    masa_status st = masa_file_begin(&out, path, err);
    if (st != MASA_OK) return st;
    for (size_t i = 0, number = 0; i < set->n; i++) {
        if (!masa_result_complete(set, &set->problems[i])) continue;
        json_t *line = sample_line(&set->problems[i], number++, settings);
        json_dumpf(line, out.file, JSON_COMPACT);
        fputc('\n', out.file);
        json_decref(line);
    }
    return masa_file_commit(&out, err);
}

static void add_result(json_t *results, json_t *counts, const masa_result_set *set,
                       const masa_bootstrap_options *bootstrap)
{
    masa_eval_summary s;
    masa_eval_summarise(&s, set, bootstrap);
    double *shares = masa_alloc(set->n, sizeof *shares);
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const masa_result_problem *p = &set->problems[i];
        if (!masa_result_complete(set, p)) continue;
        for (size_t k = 0; k < p->n_samples; k++)
            shares[n] += (double)p->samples[k].right / (double)p->n_samples;
        n++;
    }
    json_t *result = json_pack("{s:s}", "alias", set->benchmark);
    double error = masa_deviation(shares, n) / sqrt((double)n);
    if (s.problems) json_object_set_new(result, "exact_match,masa", json_real(s.accuracy));
    json_object_set_new(result, "exact_match_stderr,masa",
                        isnan(error) ? json_string("N/A") : json_real(error));
    json_object_set_new(results, set->benchmark, result);
    json_object_set_new(counts, set->benchmark,
                        json_pack("{s:I,s:I}", "original", (json_int_t)set->wanted_problems,
                                  "effective", (json_int_t)s.problems));
    free(shares);
}

static masa_status write_results(const char *path, const masa_result_sets *sets,
                                 const json_t *settings,
                                 const masa_bootstrap_options *bootstrap, masa_error *err)
{
    json_t *results = json_object(), *counts = json_object();
    for (size_t i = 0; i < sets->n; i++)
        add_result(results, counts, &sets->items[i], bootstrap);
    json_t *all =
        json_pack("{s:o,s:o,s:O,s:O?}", "results", results, "n-samples", counts, "config",
                  settings, "model_name", json_object_get(settings, "model"));
    char *text = json_dumps(all, JSON_INDENT(2));
    masa_status st = masa_file_write(path, text, strlen(text), err);
    free(text);
    json_decref(all);
    return st;
}

masa_status masa_eval_export(const char *folder, const masa_result_sets *sets,
                             const char *settings, const masa_bootstrap_options *bootstrap,
                             masa_error *err)
{
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    strftime(date, sizeof date, "%Y-%m-%dT%H-%M-%S", gmtime_r(&now, &parts));
    json_t *json = json_loads(settings, 0, NULL);
    masa_status st = masa_folder_create(folder, err);
    for (size_t i = 0; st == MASA_OK && i < sets->n; i++) {
        masa_text path = {0};
        masa_text_addf(&path, "%s/samples_%s_%s.jsonl", folder, sets->items[i].benchmark, date);
        st = write_samples(masa_text_get(&path), &sets->items[i], json, err);
        masa_text_deinit(&path);
    }
    masa_text path = {0};
    masa_text_addf(&path, "%s/results_%s.json", folder, date);
    if (st == MASA_OK) st = write_results(masa_text_get(&path), sets, json, bootstrap, err);
    masa_text_deinit(&path);
    json_decref(json);
    return st;
}
