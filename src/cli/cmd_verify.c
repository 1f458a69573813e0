/* masa verify: checks answers in a file. */
#include "commands.h"
#include "options.h"

#include <masa/memory.h>
#include <masa/text.h>
#include <masa/verify.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES = 9 }; /* masa_extract_rule has one bit each */

static masa_status parse_kind(masa_answer_kind *out, const char *name, masa_status code,
                              masa_error *err)
{
    if (masa_answer_kind_find(out, name)) return MASA_OK;
    return MASA_FAIL(err, code, "no kind '%s'; the kinds are math, numeric, choice, code_output",
                     name);
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
    masa_text_addf(&out, ",\"extraction\":\"%s\",\"rule\":",
                   masa_extract_rule_text(r->extraction.rule));
    masa_text_add_json(&out, r->rule, strlen(r->rule));
    masa_text_add(&out, "}\n");
    fwrite(out.data, 1, out.size, stdout);
    masa_text_deinit(&out);
}

/* What came out of a file: how many verdicts of each kind, and what each rule found. */
typedef struct tally {
    size_t verdicts[MASA_VERDICT_BAD_GOLD + 1];
    size_t found[RULES], right[RULES];
} tally;

static void count(tally *t, const masa_verify_result *r)
{
    t->verdicts[r->verdict]++;
    for (unsigned k = 0; k < RULES; k++) {
        if (r->extraction.rule != 1u << k) continue;
        t->found[k]++;
        t->right[k] += r->verdict == MASA_VERDICT_EQUAL;
    }
}

static masa_status verify_line(const char *text, size_t size,
                               const masa_verify_options *defaults, tally *counts,
                               masa_error *err)
{
    json_error_t problem;
    masa_verify_options o = *defaults;
    masa_status st = MASA_OK;
    json_t *line = json_loadb(text, size, JSON_ALLOW_NUL, &problem);
    if (!json_is_object(line)) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s",
                       line ? "the line is not a JSON object" : problem.text);
        goto out;
    }
    const json_t *prediction = json_object_get(line, "prediction");
    const json_t *gold = json_object_get(line, "gold");
    if (!json_is_string(prediction) || !json_is_string(gold)) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "\"prediction\" and \"gold\" must be strings");
        goto out;
    }
    if ((st = line_options(&o, line, err)) != MASA_OK) goto out;
    masa_verify_result result;
    masa_verify_span(json_string_value(prediction), json_string_length(prediction),
                     json_string_value(gold), &o, &result);
    count(counts, &result);
    print_result(line, &result);
out:
    if (o.choices != defaults->choices) free((void *)o.choices);
    json_decref(line);
    return st;
}

static masa_status verify_file(FILE *file, const char *path, const masa_verify_options *o,
                               tally *counts, masa_error *err)
{
    char *line = NULL;
    size_t capacity = 0, number = 0, answers = 0;
    masa_status st = MASA_OK;
    for (ssize_t n; st == MASA_OK && (n = getline(&line, &capacity, file)) > 0;) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)n) continue;
        answers++;
        st = verify_line(line, (size_t)n, o, counts, err);
        if (st != MASA_OK) masa_error_at(err, path, number);
    }
    if (st == MASA_OK && ferror(file)) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot read: %s", strerror(errno));
        masa_error_at(err, path, 0);
    }
    if (st == MASA_OK && answers == 0) {
        st = MASA_FAIL(err, MASA_ERR_DATA, "no answers; each is a JSON object on a line");
        masa_error_at(err, path, 0);
    }
    free(line);
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
    separator = "\nfound by ";
    for (unsigned k = 0; k < RULES; k++) {
        if (!t->found[k]) continue;
        fprintf(stderr, "%s%s: %zu (%zu equal)", separator,
                masa_extract_rule_text((masa_extract_rule)(1u << k)), t->found[k], t->right[k]);
        separator = ", ";
    }
    fprintf(stderr, "\n");
}

masa_status cli_verify(int argc, char **argv, masa_error *err)
{
    masa_verify_options o = MASA_VERIFY_DEFAULTS;
    const char *rules = "any", *kind = "math";
    bool helped;
    const cli_option options[] = {
        CLI_STRING("rules", 'r', &rules, "RULES",
                   "where answers may stand, comma-separated: tags, boxed, phrase, hashes, bold, "
                   "formula, bare, number, whole, any"),
        CLI_STRING("kind", 'k', &kind, "KIND", "math, numeric, choice or code_output, where a line says none"),
        CLI_DOUBLE("tolerance", 't', &o.tolerance, "T",
                   "relative tolerance of numbers, where a line says none"),
        CLI_END,
    };
    const cli_usage usage = {
        "verify", "[OPTIONS] FILE.jsonl",
        "Checks answers: for every line with \"prediction\" and \"gold\" (and maybe \"kind\", "
        "\"options\",\n\"tolerance\", \"truncated\", \"id\") writes a line with the verdict.",
        "FILE may be - for standard input. Verdicts: equal, different, undecided, no_answer, "
        "bad_gold.\nThe summary goes to standard error.", 1, 1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if (masa_extract_rules_parse(&o.rules, rules, err) != MASA_OK) {
        if (err) err->code = MASA_ERR_USAGE;
        return MASA_ERR_USAGE;
    }
    if ((st = parse_kind(&o.kind, kind, MASA_ERR_USAGE, err)) != MASA_OK) return st;
    if (o.tolerance < 0) return MASA_FAIL(err, MASA_ERR_USAGE, "--tolerance must not be negative");
    FILE *file = strcmp(argv[0], "-") == 0 ? stdin : fopen(argv[0], "r");
    if (!file) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot open: %s", strerror(errno));
        masa_error_at(err, argv[0], 0);
        return st;
    }
    tally counts = {0};
    st = verify_file(file, argv[0], &o, &counts, err);
    if (file != stdin) fclose(file);
    if (st == MASA_OK) print_summary(&counts);
    return st;
}
