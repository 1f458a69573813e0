/* masa verify: checks answers in a file. */
#include "commands.h"
#include "cmd_inspect.h"
#include "options.h"
#include "verify_audit.h"

#include <masa/config.h>
#include <masa/file.h>
#include <masa/generate.h>
#include <masa/memory.h>
#include <masa/problems.h>
#include <masa/run_folder.h>
#include <masa/store.h>
#include <masa/text.h>
#include <masa/verify.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static masa_status parse_kind(masa_answer_kind *out, const char *name, masa_status code,
                              masa_error *err)
{
    if (masa_answer_kind_find(out, name)) return MASA_OK;
    return MASA_FAIL(err, code,
                     "no kind '%s'; the kinds are math, numeric, choice, code_output", name);
}

/* The optional members of a line, on top of the command's own options. The strings
 * belong to the line. */
static masa_status line_options(masa_verify_options *o, const json_t *line, masa_error *err)
{
    const json_t *kind = json_object_get(line, "kind");
    const json_t *choices = json_object_get(line, "options");
    const json_t *tolerance = json_object_get(line, "tolerance");
    const json_t *truncated = json_object_get(line, "truncated");
    if (kind && !json_is_string(kind))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"kind\" must be a string");
    if (tolerance && (!json_is_number(tolerance) || json_number_value(tolerance) < 0))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"tolerance\" must be a number from 0 up");
    if (choices && !json_is_array(choices))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"options\" must be a list of strings");
    if (tolerance) o->tolerance = json_number_value(tolerance);
    if (truncated) o->truncated = json_is_true(truncated);
    if (choices && json_array_size(choices) > 0) {
        size_t n = json_array_size(choices);
        const char **items = masa_alloc(n, sizeof *items);
        o->choices = items;
        o->n_choices = n;
        for (size_t i = 0; i < n; i++)
            if (!(items[i] = json_string_value(json_array_get(choices, i))))
                return MASA_FAIL(err, MASA_ERR_DATA, "\"options\" must be a list of strings");
    }
    return kind ? parse_kind(&o->kind, json_string_value(kind), MASA_ERR_DATA, err) : MASA_OK;
}

static void print_result(const json_t *line, const masa_verify_result *r)
{
    masa_text out = {0};
    masa_text_add(&out, "{");
    const json_t *id = json_object_get(line, "id");
    if (json_is_string(id)) {
        masa_text_add(&out, "\"id\":");
        masa_text_add_json(&out, json_string_value(id), json_string_length(id));
        masa_text_add(&out, ",");
    }
    masa_text_addf(&out, "\"equal\":%s,\"verdict\":\"%s\",\"extracted\":",
                   r->verdict == MASA_VERDICT_EQUAL ? "true" : "false",
                   masa_verdict_text(r->verdict));
    if (r->extracted) masa_text_add_json(&out, r->extracted, r->extraction.size);
    else masa_text_add(&out, "null");
    masa_text_addf(
        &out, ",\"extraction\":\"%s\",\"rule\":", masa_extract_rule_text(r->extraction.rule));
    masa_text_add_json(&out, r->rule, strlen(r->rule));
    masa_text_add(&out, "}\n");
    fwrite(out.data, 1, out.size, stdout);
    masa_text_deinit(&out);
}

/* What came out of a file: how many verdicts of each kind, and what each rule found. */
typedef struct tally {
    size_t verdicts[MASA_VERDICT_BAD_GOLD + 1];
    masa_found found;
} tally;

static void count(tally *t, const masa_verify_result *r)
{
    t->verdicts[r->verdict]++;
    masa_found_add(&t->found, r->extraction.rule, r->verdict == MASA_VERDICT_EQUAL);
}

/* What checks a file or a run: options, the count, and in an audit the near answers. */
typedef struct checker {
    masa_verify_options options;
    tally counts;
    cli_audit *audit; /* NULL: every verdict is printed */
} checker;

static void check(checker *c, const json_t *line, const char *where, const char *text,
                  size_t size, const char *gold, const masa_verify_options *o)
{
    masa_verify_result result;
    masa_verify_span(text, size, gold, o, &result);
    count(&c->counts, &result);
    if (c->audit) cli_audit_note(c->audit, where, text, size, gold, o, &result);
    else print_result(line, &result);
}

/* A member of a line by its name, or by that of `masa inspect --json`. */
static const json_t *member(const json_t *line, const char *name, const char *other)
{
    const json_t *value = json_object_get(line, name);
    return value ? value : json_object_get(line, other);
}

/* Whether a response ended by itself: what was cut off has no answer. */
static bool ended(const char *cause)
{
    return strcmp(cause, masa_stop_cause_name(MASA_STOP_EOS)) == 0 ||
           strcmp(cause, masa_stop_cause_name(MASA_STOP_STRING)) == 0;
}

/* Whether a line is a rollout of `masa inspect --json`; *skip: one of predictions, or cut
 * off. */
static bool is_rollout(const json_t *line, bool *skip)
{
    const char *kind = json_string_value(json_object_get(line, "kind"));
    const char *cause = json_string_value(json_object_get(line, "cause"));
    *skip = kind && strcmp(kind, "meta") == 0;
    *skip |= cause && !ended(cause);
    return cause && json_object_get(line, "text") && json_object_get(line, "answer");
}

static masa_status verify_line(const char *text, size_t size, const char *where, checker *c,
                               masa_error *err)
{
    json_error_t problem;
    masa_verify_options o = c->options;
    masa_status st = MASA_OK;
    json_t *line = json_loadb(text, size, JSON_ALLOW_NUL, &problem);
    if (!json_is_object(line)) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s",
                       line ? "the line is not a JSON object" : problem.text);
        goto out;
    }
    const json_t *prediction = member(line, "prediction", "text");
    const json_t *gold = member(line, "gold", "answer");
    if (!json_is_string(prediction) || !json_is_string(gold)) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "\"prediction\" and \"gold\" must be strings");
        goto out;
    }
    bool skip = false, rollout = is_rollout(line, &skip);
    if (rollout && skip) goto out;
    if (!rollout && (st = line_options(&o, line, err)) != MASA_OK) goto out;
    check(c, line, where, json_string_value(prediction), json_string_length(prediction),
          json_string_value(gold), &o);
out:
    if (o.choices != c->options.choices) free((void *)o.choices);
    json_decref(line);
    return st;
}

static masa_status verify_lines(FILE *file, const char *path, checker *c, masa_error *err)
{
    char where[40];
    masa_text line = {0};
    size_t number = 0, answers = 0;
    masa_status st = MASA_OK;
    for (bool more = true; st == MASA_OK && more;) {
        st = masa_line_read(file, &line, &more, err);
        size_t mark = 0;
        if (number++ == 0 && st == MASA_OK)
            st = masa_utf8_mark(&mark, masa_text_get(&line), line.size, err);
        const char *text = masa_text_get(&line) + mark;
        if (st == MASA_OK && strspn(text, " \t\r") < line.size - mark) {
            answers++;
            snprintf(where, sizeof where, "line %zu", number);
            st = verify_line(text, line.size - mark, where, c, err);
        }
        if (st != MASA_OK) masa_error_at(err, path, number);
    }
    if (st == MASA_OK && answers == 0) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "no answers; each is a JSON object on a line");
        masa_error_at(err, path, 0);
    }
    masa_text_deinit(&line);
    return st;
}

static masa_status verify_file(const char *path, checker *c, masa_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!file) {
        masa_status st = MASA_FAIL(err, MASA_ERR_IO, "cannot open: %s", strerror(errno));
        masa_error_at(err, path, 0);
        return st;
    }
    masa_status st = verify_lines(file, path, c, err);
    if (file != stdin) fclose(file);
    return st;
}

static masa_status verify_rollout(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)err;
    checker *c = context;
    char where[160];
    if (!ended(r->cause)) return MASA_OK;
    snprintf(where, sizeof where, "step %ld, prompt %ld, sample %ld (%.80s)", r->step,
             r->prompt, r->sample, r->problem);
    check(c, NULL, where, r->text, strlen(r->text), r->answer, &c->options);
    return MASA_OK;
}

/* The rules of the run in the folder: of its settings, or of its problems' lines. */
static masa_status rules_of_run(unsigned *out, const char *folder, masa_error *err)
{
    masa_config config = {0};
    masa_problems problems = {0};
    char *path = masa_run_config_path(folder);
    masa_status st = masa_config_load(&config, path, NULL, NULL, 0, err);
    if (st == MASA_OK) st = masa_problem_rules_parse(out, config.data.answer_rules, err);
    if (st == MASA_OK && *out == 0) {
        masa_problem_reader reader = {.fields = {.problem = config.data.problem_key,
                                                 .answer = config.data.answer_key,
                                                 .kind = config.data.kind_key},
                                      .unjudged = true};
        st = masa_problems_load(&problems, config.data.train, &reader, 0, err);
        if (st != MASA_OK)
            masa_error_context(err, "the run's rules are its problems'; or give "
                                    "--rules");
        else *out = masa_problems_rules(&problems);
    }
    masa_problems_deinit(&problems);
    masa_config_deinit(&config);
    free(path);
    return st;
}

/* The solutions of a run, by the run's own rules unless others are given. */
static masa_status verify_run(const char *path, const char *rules, checker *c, masa_error *err)
{
    masa_store *store = NULL;
    masa_store_filter filter = MASA_STORE_ALL;
    char *store_path = masa_run_store_path(path);
    filter.kind = "solution";
    masa_status st = rules ? MASA_OK : rules_of_run(&c->options.rules, path, err);
    if (st == MASA_OK) st = masa_store_open(&store, store_path, MASA_STORE_READ, err);
    if (st == MASA_OK) st = masa_store_rollouts(store, &filter, verify_rollout, c, err);
    masa_store_close(store);
    free(store_path);
    return st;
}

static void print_summary(const tally *t)
{
    size_t total = 0;
    for (int v = 0; v <= MASA_VERDICT_BAD_GOLD; v++) total += t->verdicts[v];
    fprintf(stderr, "%zu answers", total);
    const char *separator = ": ";
    for (int v = 0; v <= MASA_VERDICT_BAD_GOLD; v++) {
        if (!t->verdicts[v] && v != MASA_VERDICT_EQUAL) continue;
        fprintf(stderr, "%s%zu %s (%.1f %%)", separator, t->verdicts[v],
                masa_verdict_text((masa_verdict)v),
                total ? 100.0 * (double)t->verdicts[v] / (double)total : 0.0);
        separator = ", ";
    }
    masa_text found = {0};
    masa_found_text(&found, &t->found);
    fprintf(stderr, "\n%s\n", masa_text_get(&found));
    masa_text_deinit(&found);
}

masa_status cli_verify(int argc, char **argv, masa_error *err)
{
    checker c = {.options = MASA_VERIFY_DEFAULTS};
    masa_verify_options *o = &c.options;
    const char *rules = NULL, *kind = "math";
    cli_audit audit = {0};
    long limit = 20;
    bool helped, audited = false;
    const cli_option options[] = {
        CLI_STRING(
            "rules", 'r', &rules, "RULES",
            "where answers may stand, comma-separated: tags, boxed, phrase, hashes, bold, "
            "formula, bare, number, whole, any (any; of a run: its data.answer_rules)"),
        CLI_STRING("kind", 'k', &kind, "KIND",
                   "math, numeric, choice or code_output, where a line says none"),
        CLI_DOUBLE("tolerance", 't', &o->tolerance, "T",
                   "relative tolerance of numbers, where a line says none"),
        CLI_FLAG("audit", 'a', &audited,
                 "show the answers that are not equal but near, in place of all verdicts"),
        CLI_LONG("limit", 'n', &limit, "N", "with --audit: how many to show (20)"),
        CLI_END,
    };
    const cli_usage usage = {
        "verify",
        "[OPTIONS] FILE.jsonl|RUN",
        "Checks answers: for every line with \"prediction\" and \"gold\" (and maybe \"kind\", "
        "\"options\",\n\"tolerance\", \"truncated\", \"id\") writes a line with the verdict.",
        "FILE may be - for standard input, and hold the lines of masa inspect --rollouts --json.\n"
        "Verdicts: equal, different, undecided, no_answer, bad_gold. The summary goes to standard\n"
        "error. Near are answers that another rule finds equal, that are equal to 1 %, or that have\n"
        "the gold's numbers: look at them before a run whose rewards depend on them.\n\n"
        "  masa verify --audit rollouts.jsonl\n"
        "  masa verify --audit --limit 50 runs/a",
        1,
        1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if (masa_extract_rules_parse(&o->rules, rules ? rules : "any", err) != MASA_OK) {
        if (err) err->code = MASA_ERR_USAGE;
        return MASA_ERR_USAGE;
    }
    if ((st = parse_kind(&o->kind, kind, MASA_ERR_USAGE, err)) != MASA_OK) return st;
    if (o->tolerance < 0)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--tolerance must not be negative");
    if (limit < 0) return MASA_FAIL(err, MASA_ERR_USAGE, "--limit must not be negative");
    bool run = cli_is_run(argv[0]);
    if (run && !audited)
        return MASA_FAIL(err, MASA_ERR_USAGE, "%s is a run: give --audit as well", argv[0]);
    if (audited) c.audit = &audit;
    st = run ? verify_run(argv[0], rules, &c, err) : verify_file(argv[0], &c, err);
    if (st == MASA_OK && audited) cli_audit_print(&audit, (size_t)limit, stdout);
    if (st == MASA_OK) print_summary(&c.counts);
    cli_audit_deinit(&audit);
    return st;
}
