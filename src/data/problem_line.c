/* From a line of data to a problem; what its kind needs is there, or the line is refused. */
#include "problem_line_internal.h"

#include <masa/code.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

const char *masa_problem_kind_name(masa_problem_kind kind)
{
    return kind == MASA_PROBLEM_CODE ? "code" : masa_answer_kind_text((masa_answer_kind)kind);
}

bool masa_problem_kind_find(masa_problem_kind *out, const char *name)
{
    masa_answer_kind kind = MASA_ANSWER_MATH;
    bool code = strcmp(name, "code") == 0;
    if (!code && !masa_answer_kind_find(&kind, name)) return false;
    *out = code ? MASA_PROBLEM_CODE : (masa_problem_kind)kind;
    return true;
}

void masa_problem_deinit(masa_problem *p)
{
    char *const texts[] = {p->id,     p->problem,     p->context, p->question, p->prompt,
                           p->answer, p->solution,    p->unit,    p->preamble, p->entry_point,
                           p->tests,  p->shown_tests, p->suffix,  p->line};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    for (size_t i = 0; i < p->n_choices; i++) free(p->choices[i]);
    free(p->choices);
    for (size_t i = 0; i < p->n_strata; i++) free(p->strata[i]);
    free(p->strata);
    *p = (masa_problem){0};
}

const json_t *problem_member(const masa_problem_reader *r, const json_t *line, size_t offset,
                             const char *name)
{
    const char *own = *(char *const *)((const char *)&r->fields + offset);
    const json_t *value = json_object_get(line, own ? own : name);
    return json_is_null(value) ? NULL : value;
}

static void keep_strata(masa_problem *p, const json_t *line, const char *keys)
{
    size_t capacity = 0;
    for (size_t n; keys && *keys; keys += n + (keys[n] == ',')) {
        n = strcspn(keys, ",");
        char *key = masa_strndup(keys, n);
        const json_t *found = json_object_get(line, key);
        char *value = json_is_boolean(found)
                          ? masa_strdup(json_is_true(found) ? "true" : "false")
                          : masa_json_text(found);
        masa_text pair = {0};
        masa_text_addf(&pair, "%s=%s", key, value ? value : "");
        if (value) MASA_PUSH(p->strata, p->n_strata, capacity, masa_text_take(&pair));
        masa_text_deinit(&pair);
        free(value);
        free(key);
    }
}

/* ---- what a kind needs ---- */

static masa_status read_choices(masa_problem *p, const json_t *list, masa_error *err)
{
    size_t n = json_array_size(list);
    if (n < 2 || n > 26)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "a choice needs \"options\", a list of 2 to 26 strings");
    p->choices = masa_alloc(n, sizeof *p->choices);
    for (; p->n_choices < n; p->n_choices++) {
        const char *s = json_string_value(json_array_get(list, p->n_choices));
        if (!s) return MASA_FAIL(err, MASA_ERR_DATA, "\"options\" must hold strings alone");
        char letter = (char)('A' + p->n_choices);
        bool lettered = s[0] == letter && s[1] && strchr(").:", s[1]);
        masa_text text = {0};
        if (!lettered) masa_text_addf(&text, "%c) ", letter);
        masa_text_add(&text, s);
        p->choices[p->n_choices] = masa_text_take(&text);
    }
    return MASA_OK;
}

static masa_status check_letter(const masa_problem *p, masa_error *err)
{
    const char *s = p->answer;
    if (strlen(s) == 1 && s[0] >= 'A' && s[0] < (char)('A' + p->n_choices)) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_DATA,
                     "\"answer\" must be the letter of one of the %zu options, not '%.20s'",
                     p->n_choices, s);
}

/* An answer that equals not even itself rewards nobody. */
static masa_status check_answer(const masa_problem *p, masa_error *err)
{
    const char *answer = p->answer;
    size_t n = strlen(answer);
    if (strspn(answer, " \t\r\n") == n)
        return MASA_FAIL(err, MASA_ERR_DATA, "\"answer\" is empty");
    if (p->kind == MASA_PROBLEM_LITERAL && !masa_code_literals_equal(answer, n, answer, n))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"answer\" must be a Python literal, not '%.40s'",
                         answer);
    return MASA_OK;
}

static masa_status read_kind(masa_problem *p, const masa_problem_reader *r, const json_t *line,
                             masa_error *err)
{
    const json_t *kind = PROBLEM_MEMBER(r, line, kind);
    p->kind = r->kind;
    bool known =
        !kind || r->one_kind ||
        (json_is_string(kind) && masa_problem_kind_find(&p->kind, json_string_value(kind)));
    if (!known && !r->unjudged) {
        char *given = json_dumps(kind, JSON_ENCODE_ANY);
        masa_status st = MASA_FAIL(err, MASA_ERR_DATA,
                                   "no kind of problem %.40s; the kinds are math, numeric, "
                                   "choice, code_output and code",
                                   given);
        free(given);
        return st;
    }
    const json_t *options = PROBLEM_MEMBER(r, line, options);
    if (r->unjudged)
        return options && p->kind == MASA_PROBLEM_CHOICE ? read_choices(p, options, err)
                                                         : MASA_OK;
    if (!p->answer && p->kind == MASA_PROBLEM_CODE) p->answer = masa_strdup("");
    if (!p->answer)
        return MASA_FAIL(err, MASA_ERR_DATA, "the line has no \"%s\" (a string or a number)%s",
                         r->fields.answer ? r->fields.answer : "answer",
                         r->advice ? r->advice : "");
    if (p->kind == MASA_PROBLEM_CODE) return problem_read_code(p, r, line, err);
    if (p->kind != MASA_PROBLEM_CHOICE) return check_answer(p, err);
    masa_status st = read_choices(p, options, err);
    return st == MASA_OK ? check_letter(p, err) : st;
}

static masa_status read_tolerance(masa_problem *p, const masa_problem_reader *r,
                                  const json_t *line, masa_error *err)
{
    const json_t *given = PROBLEM_MEMBER(r, line, tolerance);
    p->tolerance = given ? json_number_value(given) : r->tolerance;
    if (given && !(json_is_number(given) && p->tolerance >= 0))
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "\"tolerance\" must be a number (a share of the answer), 0 or more");
    return MASA_OK;
}

/* How the line wants to be asked and judged. */
static masa_status read_wishes(masa_problem *p, const masa_problem_reader *r,
                               const json_t *line, masa_error *err)
{
    const json_t *suffix = json_object_get(line, "prompt_suffix"),
                 *rules = json_object_get(line, "answer_rules");
    if (suffix && !json_is_string(suffix))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"prompt_suffix\" must be a string");
    if (rules && !json_is_string(rules))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"answer_rules\" must be a string, as \"boxed\"");
    p->suffix = masa_json_text(suffix);
    p->rules = r->rules ? r->rules : MASA_EXTRACT_BOXED;
    if (r->rules || !rules) return MASA_OK;
    masa_status st = masa_extract_rules_parse(&p->rules, json_string_value(rules), err);
    if (st != MASA_OK) masa_error_context(err, "\"answer_rules\"");
    return st == MASA_OK ? MASA_OK : MASA_ERR_DATA;
}

/* ---- a line ---- */

/* All that is asked. */
static char *question_of(const masa_problem *p)
{
    masa_text question = {0};
    if (p->context) masa_text_addf(&question, "%s\n\n", p->context);
    masa_text_add(&question, p->problem);
    for (size_t i = 0; i < p->n_choices; i++) masa_text_addf(&question, "\n%s", p->choices[i]);
    return masa_text_take(&question);
}

static masa_status read_members(masa_problem *p, const masa_problem_reader *r,
                                const json_t *line, masa_error *err)
{
    p->problem = masa_json_text(PROBLEM_MEMBER(r, line, problem));
    p->answer = masa_json_text(PROBLEM_MEMBER(r, line, answer));
    if (!p->problem || !p->problem[0])
        return MASA_FAIL(err, MASA_ERR_DATA, "the line has no \"%s\" (a string)%s",
                         r->fields.problem ? r->fields.problem : "problem",
                         r->advice ? r->advice : "");
    masa_status st = read_kind(p, r, line, err);
    if (st == MASA_OK) st = read_tolerance(p, r, line, err);
    if (st == MASA_OK) st = read_wishes(p, r, line, err);
    if (st != MASA_OK) return st;
    const json_t *level = PROBLEM_MEMBER(r, line, level);
    if (json_is_integer(level)) p->level = (int)json_integer_value(level);
    p->context = masa_json_text(PROBLEM_MEMBER(r, line, context));
    p->solution = masa_json_text(PROBLEM_MEMBER(r, line, solution));
    p->unit = masa_json_text(PROBLEM_MEMBER(r, line, unit));
    p->question = question_of(p);
    keep_strata(p, line, r->strata);
    return MASA_OK;
}

/* The line as it is, with the id that it got if it has none. */
static char *whole_line(const masa_problem *p, const json_t *line)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)line);
    if (!json_object_get(copy, "id")) json_object_set_new(copy, "id", json_string(p->id));
    char *text = json_dumps(copy, JSON_COMPACT);
    json_decref(copy);
    return text;
}

masa_status masa_problem_read(masa_problem *out, const masa_problem_reader *r,
                              const json_t *line, const char *name, size_t number,
                              masa_error *err)
{
    masa_problem p = {.id = masa_json_text(PROBLEM_MEMBER(r, line, id))};
    masa_status st = read_members(&p, r, line, err);
    if (st != MASA_OK) {
        masa_problem_deinit(&p);
        return st;
    }
    if (!p.id) {
        masa_text id = {0};
        masa_text_addf(&id, "%s:%zu", name, number);
        p.id = masa_text_take(&id);
    }
    if (r->keep_lines) p.line = whole_line(&p, line);
    *out = p;
    return MASA_OK;
}

void masa_problem_add_request(masa_text *out, const masa_problem *p, const char *suffix,
                              const char *code_suffix)
{
    bool code = p->kind == MASA_PROBLEM_CODE;
    const char *instruction = code ? code_suffix : suffix;
    if (instruction && strcmp(instruction, MASA_PROBLEM_AUTO) == 0)
        instruction = p->suffix ? p->suffix
                      : code    ? MASA_PROBLEM_CODE_SUFFIX
                                : MASA_PROBLEM_SUFFIX;
    masa_text_add(out, p->prompt ? p->prompt : p->question);
    if (!p->prompt && instruction && instruction[0]) masa_text_addf(out, " %s", instruction);
}

masa_status masa_problem_rules_parse(unsigned *out, const char *names, masa_error *err)
{
    if (strcmp(names, MASA_PROBLEM_AUTO) != 0) return masa_extract_rules_parse(out, names, err);
    *out = 0;
    return MASA_OK;
}

unsigned masa_problems_rules(const masa_problems *problems)
{
    unsigned rules = 0;
    for (size_t i = 0; i < problems->n; i++) rules |= problems->items[i].rules;
    return rules;
}
