/* Problems of a benchmark from its data file. */
#include "problem.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

const char *masa_eval_kind_name(masa_eval_kind kind)
{
    return kind == MASA_EVAL_CODE ? "code"
                                  : masa_answer_kind_text((masa_answer_kind)kind);
}

bool eval_kind_find(masa_eval_kind *out, const char *name)
{
    masa_answer_kind kind = MASA_ANSWER_MATH;
    bool code = strcmp(name, "code") == 0;
    if (!code && !masa_answer_kind_find(&kind, name)) return false;
    *out = code ? MASA_EVAL_CODE : (masa_eval_kind)kind;
    return true;
}

void eval_problem_deinit(masa_eval_problem *p)
{
    free(p->id);
    free(p->question);
    free(p->prompt);
    free(p->gold);
    for (size_t i = 0; i < p->n_choices; i++) free(p->choices[i]);
    free(p->choices);
    free(p->preamble);
    free(p->entry_point);
    free(p->tests);
    *p = (masa_eval_problem){0};
}

void masa_eval_problems_deinit(masa_eval_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) eval_problem_deinit(&problems->items[i]);
    free(problems->items);
    *problems = (masa_eval_problems){0};
}

/* ---- members of a line ---- */

static const json_t *member(const eval_reader *r, const json_t *line, size_t offset,
                            const char *name)
{
    const masa_benchmark_fields *fields = r->benchmark->fields;
    const char *own = fields ? *(char *const *)((const char *)fields + offset) : NULL;
    const json_t *value = json_object_get(line, own ? own : name);
    return json_is_null(value) ? NULL : value;
}
#define MEMBER(r, line, name)                                                            \
    member(r, line, offsetof(masa_benchmark_fields, name), #name)

/* A string as it is, a number as it is written in JSON; else NULL. Caller frees. */
static char *text_of(const json_t *value)
{
    if (json_is_string(value))
        return masa_strndup(json_string_value(value), json_string_length(value));
    if (!json_is_number(value)) return NULL;
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *copy = masa_strdup(dumped);
    free(dumped);
    return copy;
}

bool eval_line_counts(const masa_benchmark *benchmark, const json_t *line)
{
    if (!benchmark->only) return true;
    size_t n = strcspn(benchmark->only, "=");
    char *name = masa_strndup(benchmark->only, n);
    char *value = text_of(json_object_get(line, name));
    bool counts = value && strcmp(value, benchmark->only + n + 1) == 0;
    free(name);
    free(value);
    return counts;
}

/* ---- choices ---- */

static masa_status read_choices(masa_eval_problem *p, const json_t *list, masa_error *err)
{
    size_t n = json_array_size(list);
    if (!list) return MASA_OK; /* letters alone */
    if (n < 2 || n > 26)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "\"options\" must be a list of 2 to 26 strings");
    p->choices = masa_alloc(n, sizeof *p->choices);
    for (; p->n_choices < n; p->n_choices++) {
        const char *s = json_string_value(json_array_get(list, p->n_choices));
        if (!s)
            return MASA_FAIL(err, MASA_ERR_DATA, "\"options\" must hold strings alone");
        char letter = (char)('A' + p->n_choices);
        bool lettered = s[0] == letter && s[1] && strchr(").:", s[1]);
        masa_text text = {0};
        if (!lettered) masa_text_addf(&text, "%c) ", letter);
        masa_text_add(&text, s);
        p->choices[p->n_choices] = masa_text_take(&text);
    }
    if (strlen(p->gold) != 1 || p->gold[0] < 'A' || p->gold[0] >= (char)('A' + n))
        return MASA_FAIL(
            err, MASA_ERR_DATA,
            "\"answer\" must be the letter of one of the %zu options, not '%.20s'", n,
            p->gold);
    return MASA_OK;
}

static char *join(char *const *items, size_t n)
{
    masa_text text = {0};
    for (size_t i = 0; i < n; i++) masa_text_addf(&text, "%s%s", i ? "\n" : "", items[i]);
    return masa_text_take(&text);
}

/* ---- programs ---- */

/* Appends a Python literal of a list of strings; JSON's strings are Python's. */
static masa_status add_strings(masa_text *out, const json_t *list, masa_error *err)
{
    size_t i;
    const json_t *item;
    masa_text_add(out, "[");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item))
            return MASA_FAIL(
                err, MASA_ERR_DATA,
                "\"tests\", \"inputs\" and \"outputs\" must be lists of strings");
        masa_text_add_json(out, json_string_value(item), json_string_length(item));
        masa_text_add(out, ", ");
    }
    masa_text_add(out, "]");
    return MASA_OK;
}

/* Asks the program (see judge.c) for what it prints of each input, and compares that line
 * by line, without the space at the ends of lines. */
static const char stdio_tests[] =
    "def __lines(s):\n"
    "    return [line.rstrip() for line in s.rstrip().split('\\n')]\n"
    "for __input, __output in zip(__inputs, __outputs):\n"
    "    assert __lines(__run(__input)) == __lines(__output), 'wrong output'\n";

static masa_status read_stdio(masa_eval_problem *p, const json_t *inputs,
                              const json_t *outputs, masa_error *err)
{
    masa_text text = {0};
    masa_status st = MASA_OK;
    if (json_array_size(inputs) == 0 ||
        json_array_size(inputs) != json_array_size(outputs))
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "\"inputs\" and \"outputs\" must be lists of equal length");
    masa_text_add(&text, "__inputs = ");
    if (st == MASA_OK) st = add_strings(&text, inputs, err);
    masa_text_add(&text, "\n__outputs = ");
    if (st == MASA_OK) st = add_strings(&text, outputs, err);
    masa_text_addf(&text, "\n%s", stdio_tests);
    if (st == MASA_OK) p->tests = masa_text_take(&text);
    masa_text_deinit(&text);
    return st;
}

/* What a model that is asked to go on with `problem` may leave out: all before the entry
 * point's own line. */
static char *preamble_of(const char *problem, const char *entry_point)
{
    masa_text head = {0};
    masa_text_addf(&head, "def %s(", entry_point);
    const char *at = NULL;
    for (const char *p = problem; (p = strstr(p, masa_text_get(&head))); p++)
        if (p == problem || p[-1] == '\n') at = p;
    masa_text_deinit(&head);
    return at ? masa_strndup(problem, (size_t)(at - problem)) : NULL;
}

static masa_status read_code(masa_eval_problem *p, const eval_reader *r,
                             const json_t *line, const char *problem, masa_error *err)
{
    const json_t *tests = MEMBER(r, line, tests), *inputs = MEMBER(r, line, inputs),
                 *item;
    p->entry_point = text_of(MEMBER(r, line, entry_point));
    p->stdio = inputs != NULL;
    if (inputs) return read_stdio(p, inputs, MEMBER(r, line, outputs), err);
    if (json_array_size(tests) == 0)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the line has neither \"tests\" nor \"inputs\" and \"outputs\"");
    masa_text text = {0};
    char *setup = text_of(MEMBER(r, line, test_setup_code));
    if (setup) masa_text_addf(&text, "%s\n", setup);
    free(setup);
    size_t i;
    json_array_foreach(tests, i, item)
    {
        if (!json_is_string(item)) {
            masa_text_deinit(&text);
            return MASA_FAIL(err, MASA_ERR_DATA, "\"tests\" must be a list of strings");
        }
        masa_text_addf(&text, "%s\n", json_string_value(item));
    }
    p->tests = masa_text_take(&text);
    if (p->entry_point && (p->preamble = preamble_of(problem, p->entry_point))) {
        /* Then the problem is the beginning of the program. */
        masa_text whole = {0};
        masa_text_addf(&whole, "%s%s", problem, p->gold);
        free(p->gold);
        p->gold = masa_text_take(&whole);
    }
    return MASA_OK;
}

/* ---- a line ---- */

static void write_prompt(masa_eval_problem *p, const eval_reader *r, eval_slots *slots)
{
    const masa_benchmark *b = r->benchmark;
    masa_text question = {0}, example = {0}, prompt = {0};
    eval_template_fill(&question, b->question ? b->question : "{problem}", slots);
    p->question = masa_text_take(&question);
    slots->question = p->question;
    if (r->example) {
        eval_examples_fill(&example, r->example, (size_t)b->examples, slots);
        slots->example = masa_text_get(&example);
    }
    eval_template_fill(&prompt, b->prompt, slots);
    p->prompt = masa_text_take(&prompt);
    masa_text_deinit(&example);
}

static masa_status read_parts(masa_eval_problem *p, const eval_reader *r,
                              const json_t *line, const char *problem, masa_error *err)
{
    const json_t *kind = MEMBER(r, line, kind), *tests = MEMBER(r, line, tests);
    p->kind = r->kind;
    if (kind && !r->benchmark->kind &&
        !(json_is_string(kind) && eval_kind_find(&p->kind, json_string_value(kind))))
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "\"kind\" must be math, numeric, choice, code_output or code");
    p->rules = r->rules;
    p->tolerance = r->benchmark->tolerance;
    p->id = text_of(MEMBER(r, line, id));
    if (!p->gold)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the line has no \"answer\" (a string or a number)");
    masa_status st = MASA_OK;
    if (p->kind == MASA_EVAL_CHOICE) st = read_choices(p, MEMBER(r, line, options), err);
    if (p->kind == MASA_EVAL_CODE) st = read_code(p, r, line, problem, err);
    if (st != MASA_OK) return st;
    char *context = text_of(MEMBER(r, line, context)),
         *unit = text_of(MEMBER(r, line, unit));
    char *options = p->n_choices ? join(p->choices, p->n_choices) : NULL;
    masa_text shown = {0}; /* the tests as the list gives them */
    size_t i;
    const json_t *item;
    json_array_foreach(tests, i, item)
        masa_text_addf(&shown, "%s%s", i ? "\n" : "", json_string_value(item));
    eval_slots slots = {.problem = problem,
                        .context = context,
                        .options = options,
                        .tests = shown.data,
                        .unit = unit && unit[0] ? unit : NULL,
                        .entry_point = p->entry_point};
    write_prompt(p, r, &slots);
    free(context);
    free(unit);
    free(options);
    masa_text_deinit(&shown);
    return MASA_OK;
}

masa_status eval_problem_read(masa_eval_problem *out, const eval_reader *reader,
                              const json_t *line, masa_error *err)
{
    masa_eval_problem p = {.gold = text_of(MEMBER(reader, line, answer))};
    char *problem = text_of(MEMBER(reader, line, problem));
    masa_status st =
        problem && problem[0]
            ? MASA_OK
            : MASA_FAIL(err, MASA_ERR_DATA,
                        "the line has no \"problem\" (a string); a description's "
                        "\"fields\" name other members");
    if (st == MASA_OK && !p.gold && reader->kind == MASA_EVAL_CODE)
        p.gold = masa_strdup("");
    if (st == MASA_OK) st = read_parts(&p, reader, line, problem, err);
    free(problem);
    if (st == MASA_OK)
        *out = p;
    else
        eval_problem_deinit(&p);
    return st;
}
