/* masa eval: its options; what is in files of results. */
#include "commands.h"
#include "cmd_eval.h"
#include "options.h"

#include <masa/benchmark.h>
#include <masa/config_meta.h>
#include <masa/dist.h>
#include <masa/eval_export.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- files of results ---- */

static masa_status show_file(const eval_command *c, const char *path, masa_error *err)
{
    masa_result_sets sets = {0};
    char *settings = NULL;
    masa_status st = eval_read_file(&sets, &settings, path, err);
    if (st == MASA_OK) {
        masa_meta_judge judge = eval_judge(c, settings);
        eval_print_sets(&sets, path, &judge, c->json);
    }
    if (st == MASA_OK && c->export_folder) {
        st = masa_eval_export(c->export_folder, &sets, settings, &MASA_BOOTSTRAP_DEFAULTS, err);
        if (st == MASA_OK && !c->quiet)
            fprintf(stderr, "masa: exported to %s\n", c->export_folder);
    }
    masa_result_sets_deinit(&sets);
    free(settings);
    return st;
}

static const masa_result_set *find_set(const masa_result_sets *sets, const char *benchmark)
{
    for (size_t i = 0; i < sets->n; i++)
        if (strcmp(sets->items[i].benchmark, benchmark) == 0) return &sets->items[i];
    return NULL;
}

static masa_status compare_files(const eval_command *c, char *const *paths, masa_error *err)
{
    masa_result_sets sets[2] = {{0}, {0}};
    char *settings[2] = {NULL, NULL};
    size_t both = 0;
    masa_status st = eval_read_file(&sets[0], &settings[0], paths[0], err);
    if (st == MASA_OK) st = eval_read_file(&sets[1], &settings[1], paths[1], err);
    if (st == MASA_OK && !c->json) printf("A is %s, B is %s\n", paths[0], paths[1]);
    for (size_t i = 0; st == MASA_OK && i < sets[0].n; i++) {
        masa_contrast contrasts[MASA_CONTRASTS];
        size_t n, unmatched;
        const masa_result_set *a = &sets[0].items[i], *b = find_set(&sets[1], a->benchmark);
        if (!b) continue;
        masa_meta_judge judge = eval_judge(c, settings[0]);
        st = masa_eval_contrast(contrasts, &n, &unmatched, a, b, &judge,
                                &MASA_BOOTSTRAP_DEFAULTS, err);
        if (st != MASA_OK) break;
        eval_print_contrast(a->benchmark, contrasts, n, unmatched, c->json);
        both++;
    }
    if (st == MASA_OK && both == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s and %s have no benchmark in common", paths[0],
                       paths[1]);
    for (int i = 0; i < 2; i++) {
        masa_result_sets_deinit(&sets[i]);
        free(settings[i]);
    }
    return st;
}

/* ---- the list ---- */

static masa_status list_benchmarks(const eval_command *c, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && masa_benchmark_name(i); i++) {
        masa_benchmark *b = NULL;
        st = masa_benchmark_open(&b, masa_benchmark_name(i), err);
        if (st != MASA_OK) break;
        if (c->json) {
            json_t *o =
                json_pack("{s:s,s:s,s:s,s:i,s:s?,s:s?,s:s?,s:s?}", "name", b->name, "title",
                          b->title, "file", b->file, "problems", b->lines, "kind", b->kind,
                          "licence", b->licence, "source", b->source, "form", b->form);
            json_print_line(o);
            json_decref(o);
        } else {
            char *path = masa_path_join(c->data, b->file);
            printf("%-18s %-12s %-27s %s%s\n", b->name, b->kind, b->file, b->title,
                   masa_path_exists(path) ? "" : " (no file)");
            free(path);
        }
        masa_benchmark_close(b);
    }
    return st;
}

/* ---- the command ---- */

static masa_status check(const eval_command *c, masa_error *err)
{
    unsigned rules;
    const struct {
        const char *name;
        long value;
    } positive[] = {{"samples", c->samples},
                    {"max-tokens", c->max_tokens},
                    {"batch", c->batch},
                    {"cache", c->cache},
                    {"meta-samples", c->meta_samples}};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (positive[i].value < 1 || positive[i].value > 1 << 24)
            return MASA_FAIL(err, MASA_ERR_USAGE, "--%s must be from 1 to %d", positive[i].name,
                             1 << 24);
    if (c->limit < 0 || c->meta_max_tokens < 0 || c->length_min < 0 || c->length_max < 0)
        return MASA_FAIL(
            err, MASA_ERR_USAGE,
            "--limit, --meta-max-tokens, --length-min and --length-max must not be "
            "negative");
    if (!(c->temperature == 0 || (c->temperature >= 1e-4 && c->temperature <= 1e4)))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--temperature must be 0 or from 0.0001 to 10000");
    if (!(c->top_p > 0 && c->top_p <= 1))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--top-p must be over 0 and at most 1");
    if (!(c->sigma >= 0 && c->tolerance >= 0))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--sigma and --tolerance must not be negative");
    if (c->temperature == 0 && c->samples > 1)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "at temperature 0 all samples are the same; give --samples 1");
    if (c->rules && masa_extract_rules_parse(&rules, c->rules, err) != MASA_OK) {
        masa_error_context(err, "--answer-rules");
        if (err) err->code = MASA_ERR_USAGE;
        return MASA_ERR_USAGE;
    }
    return MASA_OK;
}

static masa_status run(eval_command *c, int n_files, char **files, masa_error *err)
{
    bool sampling = c->benchmarks || c->problems;
    masa_status st = MASA_OK;
    if (c->list) return list_benchmarks(c, err);
    if (c->compare && (n_files != 2 || sampling))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--compare takes two files of results");
    if (c->compare) return compare_files(c, files, err);
    if (c->gain && sampling)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--gain takes files of results");
    if (c->gain) return eval_gain(c, n_files, files, err);
    if (sampling == (n_files > 0))
        return MASA_FAIL(
            err, MASA_ERR_USAGE,
            "give --benchmark NAMES or --problems FILE to evaluate a model, or files "
            "of results to show");
    if (c->export_folder && n_files > 1)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--export takes one file of results");
    for (int i = 0; st == MASA_OK && i < n_files; i++) {
        if (n_files > 1 && !c->json) printf("%s%s\n", i ? "\n" : "", files[i]);
        st = show_file(c, files[i], err);
    }
    if (st == MASA_OK && n_files && c->figure) st = eval_figure(c, n_files, files, err);
    if (!sampling || st != MASA_OK) return st;
    st = eval_sample(c, err);
    if (masa_dist_rank() > 0) return st;
    if (st == MASA_ERR_INTERRUPTED) {
        fprintf(stderr, "masa: %s keeps what is done; the same command goes on\n", c->out);
        show_file(c, c->out, NULL);
        return st;
    }
    if (st == MASA_OK) st = show_file(c, c->out, err);
    char *results = (char *)c->out;
    return st == MASA_OK && c->figure ? eval_figure(c, 1, &results, err) : st;
}

static const char details[] =
    "Every sample is kept in the file --out (SQLite); the same command goes on where it "
    "was\n"
    "broken off, and FILE... shows files again. Only --samples, --meta-samples, --limit "
    "and\n"
    "the benchmarks may differ between commands on one file.\n"
    "\n"
    "  masa eval --benchmark gsm8k,math500 --data-dir data --model MODEL\n"
    "  masa eval --problems mine.jsonl --answer-rules any --model runs/a\n"
    "  masa eval --compare before.sqlite after.sqlite\n"
    "  masa eval --gain step0.sqlite step20.sqlite step40.sqlite step60.sqlite\n"
    "\n"
    "MODEL may be the folder of a run or one of its checkpoints: then that run's "
    "settings are\n"
    "the defaults of template, system, suffix, answer rules and predictions; else masa "
    "train's.\n"
    "`mpirun -n N masa eval ...` divides the problems among N processes.\n"
    "docs/evaluation.md explains the numbers, and how to describe a benchmark of your "
    "own.";

/* The defaults of the method: masa train's. */
static masa_status take_method(eval_command *c, masa_error *err)
{
    masa_config config;
    masa_status st = masa_config_load(&config, NULL, NULL, NULL, 0, err);
    if (st != MASA_OK) return st;
    c->method = masa_config_meta_options(&config);
    c->sigma = config.meta.gate_sigma;
    c->tolerance = config.meta.gate_tolerance;
    masa_config_deinit(&config);
    return MASA_OK;
}

masa_status cli_eval(int argc, char **argv, masa_error *err)
{
    eval_command c = {.text = TEXT_MODEL_DEFAULTS,
                      .data = ".",
                      .out = eval_default_out,
                      .samples = 32,
                      .temperature = 0.6,
                      .top_p = 1,
                      .max_tokens = 16384,
                      .seed = 1,
                      .batch = 64,
                      .cache = 2048,
                      .meta_samples = 8};
    masa_status st = take_method(&c, err);
    if (st != MASA_OK) return st;
    bool helped;
    const cli_option options[] = {
        CLI_STRING("benchmark", 'b', &c.benchmarks, "NAMES",
                   "comma-separated: of --list, or description files (.yaml)"),
        CLI_STRING("data-dir", 'd', &c.data, "DIR", "where the benchmarks' files are"),
        CLI_STRING("problems", 'f', &c.problems, "FILE",
                   "your own problems: JSON Lines with \"problem\" and \"answer\""),
        CLI_STRING("suffix", 0, &c.suffix, "TEXT",
                   "goes behind each of your own problems; default: data.suffix"),
        CLI_STRING(
            "answer-rules", 0, &c.rules, "RULES",
            "where answers may stand: tags, boxed, phrase, hashes, bold, formula, bare, number, "
            "whole, any"),
        TEXT_MODEL_OPTIONS(&c.text),
        CLI_STRING("out", 'o', &c.out, "FILE", "results; goes on with what is in it"),
        CLI_LONG("samples", 'n', &c.samples, "N", "responses to each problem"),
        CLI_DOUBLE("temperature", 't', &c.temperature, "T", "0 is greedy"),
        CLI_DOUBLE("top-p", 'p', &c.top_p, "P", "only the likeliest tokens that make up P"),
        CLI_LONG("max-tokens", 'l', &c.max_tokens, "N", "longest response"),
        CLI_LONG("limit", 0, &c.limit, "N", "only the first N problems; 0: all"),
        CLI_LONG("seed", 0, &c.seed, "N", "same seed, same responses"),
        CLI_LONG("batch", 0, &c.batch, "N", "sequences decoded at once"),
        CLI_LONG("cache", 0, &c.cache, "MIB", "most memory for keys and values"),
        CLI_FLAG("meta", 0, &c.meta, "also ask for predictions and measure them"),
        CLI_LONG("meta-samples", 0, &c.meta_samples, "M", "predictions for each problem"),
        CLI_LONG("meta-max-tokens", 0, &c.meta_max_tokens, "N",
                 "longest prediction; 0: meta.max_tokens"),
        CLI_LONG("length-min", 0, &c.length_min, "N",
                 "least valid predicted length; 0: meta.length_min"),
        CLI_LONG("length-max", 0, &c.length_max, "N",
                 "greatest; 0: a run's rollout.max_tokens, else the longest response"),
        CLI_STRING("meta-template", 0, &c.template_path, "FILE",
                   "of the meta prompt, or problem-first; default: meta.template"),
        CLI_DOUBLE("sigma", 0, &c.sigma, "S",
                   "the gate needs predicted pass rates that deviate less"),
        CLI_DOUBLE("tolerance", 0, &c.tolerance, "T", "and whose mean is this near to 0 or 1"),
        CLI_FLAG("compare", 0, &c.compare, "two files: paired differences"),
        CLI_FLAG("gain", 0, &c.gain,
                 "files of a run's checkpoints, first to last: what goes with the accuracy"),
        CLI_STRING("export", 0, &c.export_folder, "FOLDER",
                   "also write lm-evaluation-harness' sample files"),
        CLI_STRING("figure", 0, &c.figure, "FILE",
                   "also draw predicted against true pass rates, as SVG"),
        CLI_QUIET(&c.quiet),
        CLI_FLAG("json", 'j', &c.json, "JSON Lines instead of tables"),
        CLI_FLAG("list", 0, &c.list, "the benchmarks, their files, where to get them (--json)"),
        CLI_END,
    };
    const cli_usage usage = {"eval",
                             "[FILE...]",
                             "Evaluates a model on benchmarks or on your own problems; "
                             "shows and compares results.",
                             details,
                             0,
                             -1};
    st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    st = check(&c, err);
    return st == MASA_OK ? run(&c, argc, argv, err) : st;
}
