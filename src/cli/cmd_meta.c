/* masa meta: the method's rewards and decisions by themselves, on recorded rollouts. */
#include "commands.h"
#include "meta_print.h"
#include "options.h"
#include "text_model.h"

#include <masa/config_meta.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/text.h>

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    masa_meta_options meta;
    masa_cutoff_statistic statistic;
    double sigma, tolerance, margin, threshold;
    long hint;
    bool forecast, prompts;
    const char *length_rule, *notion_rule, *difficulty_rule, *notion_test, *statistic_name;
    const char *template_path;
    masa_text template_text;
} settings;

/* One line of the file; the strings belong to its JSON. */
typedef struct problem_line {
    const char *problem;
    masa_solutions solutions;
    const char **texts, **answers; /* responses; meta responses */
    bool *correct;
    long *lengths;
    size_t n_answers;
} problem_line;

static void line_deinit(problem_line *line)
{
    free(line->texts);
    free(line->answers);
    free(line->correct);
    free(line->lengths);
}

static masa_status read_texts(const char ***out, size_t *n, const json_t *json,
                              const char *name, masa_error *err)
{
    const json_t *list = json_object_get(json, name);
    if (!json_is_array(list))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"%s\" must be a list of strings", name);
    *n = json_array_size(list);
    *out = masa_alloc(*n + 1, sizeof **out);
    for (size_t i = 0; i < *n; i++)
        if (!((*out)[i] = json_string_value(json_array_get(list, i))))
            return MASA_FAIL(err, MASA_ERR_DATA, "\"%s\"[%zu] is not a string", name, i);
    return MASA_OK;
}

/* "correct" and "lengths", which must fit the n responses. Other trainers' rewards 0 and
 * 1 do for "correct". */
static masa_status read_outcomes(problem_line *out, const json_t *json, size_t n,
                                 masa_error *err)
{
    const json_t *correct = json_object_get(json, "correct"),
                 *lengths = json_object_get(json, "lengths");
    if (!json_is_array(correct) || !json_is_array(lengths))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"correct\" and \"lengths\" must be lists");
    if (json_array_size(correct) != n || json_array_size(lengths) != n)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "%zu \"responses\", but %zu in \"correct\" and %zu in \"lengths\"", n,
                         json_array_size(correct), json_array_size(lengths));
    out->correct = masa_alloc(n + 1, sizeof *out->correct);
    out->lengths = masa_alloc(n + 1, sizeof *out->lengths);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(correct, i), *l = json_array_get(lengths, i);
        double value = json_number_value(c);
        if (!json_is_boolean(c) && !(json_is_number(c) && (value == 0 || value == 1)))
            return MASA_FAIL(err, MASA_ERR_DATA, "\"correct\"[%zu] must be true or false", i);
        if (!json_is_integer(l) || json_integer_value(l) < 0)
            return MASA_FAIL(err, MASA_ERR_DATA, "\"lengths\"[%zu] must be a number of tokens",
                             i);
        out->correct[i] = json_is_true(c) || value == 1;
        out->lengths[i] = (long)json_integer_value(l);
    }
    return MASA_OK;
}

/* On failure too, out is to be freed with line_deinit. */
static masa_status read_line(problem_line *out, const json_t *json, bool problem_alone,
                             masa_error *err)
{
    size_t n = 0;
    masa_status st = MASA_OK;
    *out = (problem_line){.problem = json_string_value(json_object_get(json, "problem"))};
    if (!out->problem) return MASA_FAIL(err, MASA_ERR_DATA, "\"problem\" must be a string");
    if (problem_alone) return MASA_OK;
    if ((st = read_texts(&out->texts, &n, json, "responses", err)) != MASA_OK ||
        (st = read_outcomes(out, json, n, err)) != MASA_OK)
        return st;
    out->solutions = (masa_solutions){n, out->texts, out->correct, out->lengths, NULL};
    return read_texts(&out->answers, &out->n_answers, json, "meta_responses", err);
}

/* An object that carries the line's id, to tell which line it answers. */
static json_t *answer_to(const json_t *json)
{
    json_t *out = json_object();
    json_t *id = json_object_get(json, "id");
    if (id) json_object_set(out, "id", id);
    return out;
}

static json_t *text_list(char *const *items, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(items[i]));
    return list;
}

static void set_cause(json_t *causes, const char *name, masa_meta_cause cause)
{
    if (cause != MASA_META_VALID)
        json_object_set_new(causes, name, json_string(masa_meta_cause_text(cause)));
}

static void print_answer(const json_t *json, size_t index, const masa_prediction *p,
                         const masa_meta_reward *r)
{
    json_t *out = answer_to(json), *causes = json_object();
    json_object_set_new(out, "meta_response", json_integer((json_int_t)index));
    if (p->pass_rate_cause == MASA_META_VALID)
        json_object_set_new(out, "pass_rate", json_integer(p->pass_rate));
    if (p->length_cause == MASA_META_VALID)
        json_object_set_new(out, "solution_length", json_integer(p->length));
    if (p->notion_cause == MASA_META_VALID)
        json_object_set_new(out, "math_notion", text_list(p->notions, p->n_notions));
    json_object_set_new(out, "difficulty", json_real(r->difficulty));
    json_object_set_new(out, "length", json_real(r->length));
    json_object_set_new(out, "notion", json_real(r->notion));
    json_object_set_new(out, "total", json_real(r->total));
    set_cause(causes, "difficulty", r->difficulty_cause);
    set_cause(causes, "length", r->length_cause);
    set_cause(causes, "notion", r->notion_cause);
    json_object_set_new(out, "zero", causes);
    json_print_line(out);
    json_decref(out);
}

/* What MASA-efficient would do with the problem, and the text to clone. */
static void print_forecast(const json_t *json, const masa_forecast *f, const settings *s,
                           bool closed, const masa_text *expert)
{
    json_t *out = answer_to(json);
    masa_text hint = {0};
    size_t cutoff = masa_cutoff_tokens(f, s->margin, (size_t)s->meta.length_max);
    masa_hint_add(&hint, f, (size_t)s->hint);
    json_object_set_new(out, "gate_closed", json_boolean(closed));
    if (f->n_pass_rates) {
        json_object_set_new(out, "pass_rate_mean", json_real(f->pass_rate_mean));
        json_object_set_new(out, "pass_rate_deviation", json_real(f->pass_rate_deviation));
    }
    if (f->n_lengths) json_object_set_new(out, "solution_length", json_real(f->length));
    json_object_set_new(out, "cutoff", json_integer((json_int_t)cutoff));
    json_object_set_new(out, "notions", text_list(f->notions, f->n_notions));
    if (hint.size) json_object_set_new(out, "hint", json_string(hint.data));
    if (expert->size)
        json_object_set_new(out, "expert", json_stringn(expert->data, expert->size));
    json_print_line(out);
    masa_text_deinit(&hint);
    json_decref(out);
}

static void score_line(const json_t *json, const problem_line *line, const settings *s,
                       meta_summary *summary)
{
    masa_statistics *statistics =
        masa_statistics_create(line->problem, &line->solutions, s->meta.notion_rule);
    masa_statistics_summary truth = masa_statistics_get(statistics);
    masa_prediction *predictions = masa_alloc(line->n_answers + 1, sizeof *predictions);
    double *notion_rewards = masa_alloc(line->n_answers + 1, sizeof *notion_rewards);
    for (size_t i = 0; i < line->n_answers; i++) {
        masa_prediction_parse(&predictions[i], line->answers[i], strlen(line->answers[i]),
                              &s->meta);
        masa_meta_reward r = masa_meta_score(&predictions[i], statistics, &s->meta);
        notion_rewards[i] = r.notion;
        meta_summary_add_reward(summary, &r);
        print_answer(json, i, &predictions[i], &r);
    }
    masa_forecast forecast;
    masa_forecast_init(&forecast, predictions, line->n_answers, s->statistic);
    bool closed = masa_gate_closed(&forecast, s->sigma, s->tolerance);
    meta_summary_add_problem(summary, &forecast, &line->solutions, &truth, closed);
    if (s->forecast) {
        masa_text expert = {0};
        size_t best = masa_expert_pick(notion_rewards, line->n_answers, s->threshold);
        if (best < line->n_answers)
            masa_expert_text(&expert, line->answers[best], strlen(line->answers[best]),
                             &predictions[best], statistics, &s->meta);
        print_forecast(json, &forecast, s, closed, &expert);
        masa_text_deinit(&expert);
    }
    masa_forecast_deinit(&forecast);
    for (size_t i = 0; i < line->n_answers; i++) masa_prediction_deinit(&predictions[i]);
    free(predictions);
    free(notion_rewards);
    masa_statistics_destroy(statistics);
}

static masa_status print_prompt(const json_t *json, const problem_line *line, const settings *s,
                                masa_error *err)
{
    masa_text prompt = {0};
    const char *template_text = s->template_path ? masa_text_get(&s->template_text) : NULL;
    masa_status st = masa_meta_prompt(&prompt, template_text, line->problem, &s->meta, err);
    if (st == MASA_OK) {
        json_t *out = answer_to(json);
        json_object_set_new(out, "system", json_string(masa_meta_system));
        json_object_set_new(out, "prompt", json_string(prompt.data));
        json_print_line(out);
        json_decref(out);
    }
    masa_text_deinit(&prompt);
    return st;
}

/* All lines are checked before the first is answered: a bad file gives no half answer. */
static masa_status answer_file(const char *path, const settings *s, masa_error *err)
{
    json_lines lines = {0};
    meta_summary summary = {0};
    masa_status st = json_lines_read(&lines, path, err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; st == MASA_OK && i < lines.n; i++) {
            problem_line line;
            st = read_line(&line, lines.items[i], s->prompts, err);
            if (st != MASA_OK) masa_error_at(err, path, lines.numbers[i]);
            else if (pass == 1 && s->prompts) st = print_prompt(lines.items[i], &line, s, err);
            else if (pass == 1) score_line(lines.items[i], &line, s, &summary);
            line_deinit(&line);
        }
    if (st == MASA_OK && !s->prompts) meta_summary_print(&summary);
    meta_summary_deinit(&summary);
    json_lines_deinit(&lines);
    return st;
}

/* The index of a value among the names of an option. */
static masa_status choose(int *out, const char *option, const char *value,
                          const char *const *names, masa_error *err)
{
    masa_text all = {0};
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            *out = i;
            masa_text_deinit(&all);
            return MASA_OK;
        }
        masa_text_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    masa_status st = MASA_FAIL(err, MASA_ERR_USAGE, "--%s is one of %s, not '%s'", option,
                               masa_text_get(&all), value);
    masa_text_deinit(&all);
    return st;
}

static masa_status check_numbers(const settings *s, masa_error *err)
{
    const masa_meta_options *m = &s->meta;
    if (!(m->base > 0 && m->base <= 1))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--base must be over 0 and at most 1");
    if (!(m->weight_difficulty >= 0 && m->weight_length >= 0 && m->weight_notion >= 0 &&
          m->weight_difficulty + m->weight_length + m->weight_notion > 0))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "the weights must not be negative, and one must be over 0");
    if (m->length_min < 1 || m->length_max < m->length_min)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--length-min must be at least 1 and at most --length-max");
    if (!(s->sigma >= 0 && s->tolerance >= 0 && s->margin >= 0 && s->hint >= 0))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--sigma, --tolerance, --margin and --hint must not be negative");
    return MASA_OK;
}

static const char *const length_rules[] = {"inclusive", "strict", "quantile", NULL},
                         *const notion_rules[] = {"lemma", "substring", NULL},
                         *const statistics[] = {"median", "mean", "max", NULL},
                         *const difficulty_rules[] = {"power", "brier", NULL},
                         *const notion_tests[] = {"counts", "rates", NULL};

/* Names to what they stand for, and the ranges of the numbers. */
static masa_status check_settings(settings *s, masa_error *err)
{
    int length = 0, notion = 0, statistic = 0, difficulty = 0, test = 0;
    masa_status st = choose(&length, "length-rule", s->length_rule, length_rules, err);
    if (st == MASA_OK) st = choose(&notion, "notion-rule", s->notion_rule, notion_rules, err);
    if (st == MASA_OK)
        st = choose(&statistic, "cutoff-statistic", s->statistic_name, statistics, err);
    if (st == MASA_OK)
        st = choose(&difficulty, "difficulty-rule", s->difficulty_rule, difficulty_rules, err);
    if (st == MASA_OK) st = choose(&test, "notion-test", s->notion_test, notion_tests, err);
    if (st != MASA_OK) return st;
    s->meta.difficulty_rule = (masa_difficulty_rule)difficulty;
    s->meta.notion_test = (masa_notion_test)test;
    s->meta.length_rule = (masa_length_rule)length;
    s->meta.notion_rule = (masa_notion_rule)notion;
    s->statistic = (masa_cutoff_statistic)statistic;
    return check_numbers(s, err);
}

static const cli_usage usage = {
    "meta",
    "[OPTIONS] FILE.jsonl",
    "The method's rewards by themselves: for every line with \"problem\", \"responses\", "
    "\"correct\", \"lengths\"\n(tokens) and \"meta_responses\" writes one line a meta "
    "response with what it predicts and earns.",
    "FILE may be - for standard input. \"zero\" names why a reward is 0. The summary "
    "goes to "
    "standard\nerror. docs/method.md explains every option.",
    1,
    1};

/* Those of masa train, so that both score alike. */
static masa_status defaults(settings *s, masa_error *err)
{
    masa_config config;
    masa_status st = masa_config_load(&config, NULL, NULL, NULL, 0, err);
    if (st != MASA_OK) return st;
    *s = (settings){.meta = masa_config_meta_options(&config),
                    .sigma = config.meta.gate_sigma,
                    .tolerance = config.meta.gate_tolerance,
                    .margin = config.meta.cutoff_margin,
                    .threshold = config.meta.bc_threshold,
                    .hint = MASA_HINT_NOTIONS,
                    .difficulty_rule = difficulty_rules[config.meta.difficulty_rule],
                    .notion_test = notion_tests[config.meta.notion_test],
                    .length_rule = length_rules[config.meta.length_rule],
                    .notion_rule = notion_rules[config.meta.notion_rule],
                    .statistic_name = statistics[config.meta.cutoff_statistic]};
    masa_config_deinit(&config);
    return MASA_OK;
}

masa_status cli_meta(int argc, char **argv, masa_error *err)
{
    settings s;
    masa_status st = defaults(&s, err);
    if (st != MASA_OK) return st;
    masa_meta_options *m = &s.meta;
    bool helped;
    const cli_option options[] = {
        CLI_DOUBLE("base", 'b', &m->base, "B", "difficulty reward B^|p - p^|"),
        CLI_STRING("difficulty-rule", 0, &s.difficulty_rule, "RULE",
                   "power, or brier: difficulty reward 1 - |p - p^|^2"),
        CLI_DOUBLE("weight-difficulty", 0, &m->weight_difficulty, "W", "weight in the total"),
        CLI_DOUBLE("weight-length", 0, &m->weight_length, "W", "weight in the total"),
        CLI_DOUBLE("weight-notion", 0, &m->weight_notion, "W", "weight in the total"),
        CLI_STRING("length-rule", 0, &s.length_rule, "RULE",
                   "inclusive, strict or quantile, as meta.length_rule"),
        CLI_STRING("notion-rule", 0, &s.notion_rule, "RULE", "lemma or substring"),
        CLI_STRING("notion-test", 0, &s.notion_test, "TEST",
                   "a notion helps that is in more right responses than wrong ones: counts, or "
                   "rates, the shares of each"),
        CLI_LONG("length-min", 0, &m->length_min, "N", "least valid solution_length"),
        CLI_LONG("length-max", 0, &m->length_max, "N", "greatest, and the response limit"),
        CLI_FLAG("forecast", 'f', &s.forecast,
                 "after a problem's lines, one with the gate, the cutoff, the hint and the "
                 "expert text"),
        CLI_DOUBLE("sigma", 0, &s.sigma, "S",
                   "the gate needs predicted pass rates that deviate less"),
        CLI_DOUBLE("tolerance", 0, &s.tolerance, "T", "and whose mean is this near to 0 or 1"),
        CLI_DOUBLE("margin", 0, &s.margin, "M",
                   "cut solutions at M times the predicted length; 0: never"),
        CLI_STRING("cutoff-statistic", 0, &s.statistic_name, "NAME",
                   "median, mean or max of the predicted lengths"),
        CLI_LONG("hint", 0, &s.hint, "N", "name at most N notions in the hint"),
        CLI_DOUBLE("expert-threshold", 0, &s.threshold, "R",
                   "least notion reward of a text to clone"),
        CLI_FLAG("expert-hopeless", 0, &m->expert_hopeless,
                 "clone on problems without a right solution too: pass rate 0"),
        CLI_FLAG("prompts", 'p', &s.prompts,
                 "write the meta prompt of each problem instead; lines need \"problem\" "
                 "alone"),
        CLI_STRING("template", 0, &s.template_path, "FILE",
                   "of the meta prompt, with {problem}, {length_min}, {max_response_length}, "
                   "{length_meaning}"),
        CLI_END,
    };
    st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if ((st = check_settings(&s, err)) != MASA_OK) return st;
    if (s.template_path) st = masa_file_read(&s.template_text, s.template_path, err);
    if (st == MASA_OK && s.template_path) masa_meta_follow(m, masa_text_get(&s.template_text));
    if (st == MASA_OK) st = answer_file(argv[0], &s, err);
    masa_text_deinit(&s.template_text);
    return st;
}
