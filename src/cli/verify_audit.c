#include "verify_audit.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Distinct cases that are kept to be shown, and bytes of a text's end that are. */
enum { MOST_CASES = 2000, SHOWN_TEXT = 160 };

static const char *const reasons[] = {
    [AUDIT_RULE] = "equal by another rule",
    [AUDIT_ROUNDED] = "equal to 1 %",
    [AUDIT_NUMBERS] = "with the gold's numbers",
};

/* The rule that finds an equal answer, and that answer; NONE: no rule does. */
static masa_extract_rule other_rule(const char *text, size_t size, const char *gold,
                                    const masa_verify_options *options,
                                    masa_verify_result *result)
{
    masa_verify_options one = *options;
    one.truncated = false;
    for (unsigned rule = 1; rule <= MASA_EXTRACT_ANY; rule <<= 1) {
        if (!(rule & MASA_EXTRACT_ANY)) continue;
        one.rules = rule;
        masa_verify_span(text, size, gold, &one, result);
        if (result->verdict == MASA_VERDICT_EQUAL) return (masa_extract_rule)rule;
    }
    return MASA_EXTRACT_NONE;
}

/* The next number of s in digits and points; false: none is left. */
static bool next_number(const char **s, const char *end, const char **from, size_t *n)
{
    while (*s < end && !isdigit((unsigned char)**s)) ++*s;
    *from = *s;
    while (*s < end && (isdigit((unsigned char)**s) ||
                        (**s == '.' && *s + 1 < end && isdigit((unsigned char)(*s)[1]))))
        ++*s;
    *n = (size_t)(*s - *from);
    return *n > 0;
}

static bool same_numbers(const char *a, size_t a_size, const char *b)
{
    const char *a_end = a + a_size, *b_end = b + strlen(b), *x, *y;
    size_t n, m;
    for (bool some = false;; some = true) {
        bool more = next_number(&a, a_end, &x, &n);
        if (more != next_number(&b, b_end, &y, &m)) return false;
        if (!more) return some;
        if (n != m || memcmp(x, y, n) != 0) return false;
    }
}

/* Whether they are equal to 1 %, where one has a point: whole numbers are not rounded. */
static bool rounded(const masa_verify_result *r, const char *gold,
                    const masa_verify_options *options)
{
    if (!memchr(r->extracted, '.', r->extraction.size) && !strchr(gold, '.')) return false;
    masa_verify_options loose = *options;
    loose.tolerance = 0.01;
    char *answer = masa_strndup(r->extracted, r->extraction.size);
    bool equal = masa_answers_equal(answer, gold, &loose) == MASA_VERDICT_EQUAL;
    free(answer);
    return equal;
}

/* The end of a text on one line. */
static char *text_end(const char *text, size_t size)
{
    size_t from = size > SHOWN_TEXT ? size - SHOWN_TEXT : 0;
    while (from < size && ((unsigned char)text[from] & 0xC0) == 0x80)
        from++; /* whole characters */
    char *out = masa_strndup(text + from, size - from);
    for (char *c = out; *c; c++)
        if (iscntrl((unsigned char)*c)) *c = ' ';
    return out;
}

static void keep(cli_audit *a, audit_case c, const char *text, size_t size, const char *where)
{
    a->near[c.reason]++;
    for (size_t i = 0; i < a->n; i++) {
        audit_case *known = &a->items[i];
        if (known->reason != c.reason || strcmp(known->answer, c.answer) != 0 ||
            strcmp(known->gold, c.gold) != 0)
            continue;
        known->count++;
        free(c.answer);
        free(c.gold);
        free(c.instead);
        return;
    }
    if (a->n == MOST_CASES) {
        free(c.answer);
        free(c.gold);
        free(c.instead);
        return;
    }
    c.text = text_end(text, size);
    c.where = masa_strdup(where);
    c.count = 1;
    MASA_PUSH(a->items, a->n, a->capacity, c);
}

void cli_audit_note(cli_audit *a, const char *where, const char *text, size_t size,
                    const char *gold, const masa_verify_options *options,
                    const masa_verify_result *result)
{
    if (result->verdict == MASA_VERDICT_EQUAL || result->verdict == MASA_VERDICT_BAD_GOLD)
        return;
    a->looked_at++;
    masa_verify_result other;
    audit_case c = {.by = result->extraction.rule, .reason = AUDIT_REASONS};
    if (options->truncated) return; /* cut off: no rule may pay it */
    if ((c.other = other_rule(text, size, gold, options, &other)) != MASA_EXTRACT_NONE)
        c.reason = AUDIT_RULE;
    else if (result->extracted && options->kind != MASA_ANSWER_CHOICE &&
             rounded(result, gold, options))
        c.reason = AUDIT_ROUNDED;
    else if (result->extracted &&
             same_numbers(result->extracted, result->extraction.size, gold))
        c.reason = AUDIT_NUMBERS;
    if (c.reason == AUDIT_REASONS) return;
    c.answer = result->extracted ? masa_strndup(result->extracted, result->extraction.size)
                                 : masa_strdup("");
    c.gold = masa_strdup(gold);
    c.instead =
        c.reason == AUDIT_RULE ? masa_strndup(other.extracted, other.extraction.size) : NULL;
    keep(a, c, text, size, where);
}

static int by_count(const void *x, const void *y)
{
    const audit_case *a = x, *b = y;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    if (a->reason != b->reason) return a->reason < b->reason ? -1 : 1;
    int order = strcmp(a->gold, b->gold);
    return order ? order : strcmp(a->answer, b->answer);
}

void cli_audit_print(cli_audit *a, size_t limit, FILE *out)
{
    if (a->n) qsort(a->items, a->n, sizeof *a->items, by_count);
    for (size_t i = 0; i < a->n && i < limit; i++) {
        const audit_case *c = &a->items[i];
        fprintf(out, "%zu %s: %s\n  gold  %s\n", c->count, c->count == 1 ? "answer" : "answers",
                reasons[c->reason], c->gold);
        if (c->by == MASA_EXTRACT_NONE) fprintf(out, "  found nothing\n");
        else fprintf(out, "  found %s (%s)\n", c->answer, masa_extract_rule_text(c->by));
        if (c->instead)
            fprintf(out, "  else  %s (%s)\n", c->instead, masa_extract_rule_text(c->other));
        fprintf(out, "  text  %s\n  at    %s\n\n", c->text, c->where);
    }
    fprintf(out, "%zu answers are not equal", a->looked_at);
    for (int k = 0; k < AUDIT_REASONS; k++)
        fprintf(out, "%s %zu %s", k ? "," : "; of these", a->near[k], reasons[k]);
    fprintf(out, "\n");
}

void cli_audit_deinit(cli_audit *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->items[i].answer);
        free(a->items[i].gold);
        free(a->items[i].instead);
        free(a->items[i].text);
        free(a->items[i].where);
    }
    free(a->items);
    *a = (cli_audit){0};
}
