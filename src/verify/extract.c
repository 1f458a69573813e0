/* Finds the one final answer in a text. Each rule is one linear scan. */
#include "extract.h"

static bool find_plain_box(const char *text, size_t size, span *out)
{
    bool final;
    return find_boxed(text, size, out, &final);
}

static bool find_plain_phrase(const char *text, size_t size, span *out)
{
    return find_phrase(text, size, false, out);
}

static const struct {
    masa_extract_rule rule;
    const char *name;
    bool (*find)(const char *text, size_t size, span *out);
} finders[] = {
    {MASA_EXTRACT_TAGS, "tags", find_tags},
    {MASA_EXTRACT_BOXED, "boxed", find_plain_box},
    {MASA_EXTRACT_PHRASE, "phrase", find_plain_phrase},
    {MASA_EXTRACT_HASHES, "hashes", find_hashes},
    {MASA_EXTRACT_BOLD, "bold", find_bold},
    {MASA_EXTRACT_FORMULA, "formula", find_formula},
    {MASA_EXTRACT_BARE, "bare", find_bare},
    {MASA_EXTRACT_NUMBER, "number", find_number},
    {MASA_EXTRACT_WHOLE, "whole", find_whole},
};

const char *masa_extract_rule_text(masa_extract_rule rule)
{
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
        if (finders[i].rule == rule) return finders[i].name;
    return "none";
}

const masa_extract_rule extract_order[] = {
    MASA_EXTRACT_TAGS,  MASA_EXTRACT_BOXED,   MASA_EXTRACT_PHRASE, MASA_EXTRACT_HASHES,
    MASA_EXTRACT_BOLD,  MASA_EXTRACT_FORMULA, MASA_EXTRACT_BARE,   MASA_EXTRACT_NUMBER,
    MASA_EXTRACT_WHOLE, MASA_EXTRACT_NONE,
};

void masa_extract_rules_text(masa_text *out, unsigned rules)
{
    const char *separator = "";
    for (const masa_extract_rule *rule = extract_order; *rule; rule++) {
        if (!(rules & *rule)) continue;
        masa_text_addf(out, "%s%s", separator, masa_extract_rule_text(*rule));
        separator = ",";
    }
}

/* Whether the text is more than one statement, or says itself where its answer stands. */
static bool is_solution(const char *s, size_t n)
{
    if (memchr(s, '\n', n)) return true;
    for (size_t i = 0; i + 1 < n; i++) {
        if (s[i] == '.' && s[i + 1] == ' ' && i && is_letter(s[i - 1])) return true;
        if (s[i] == '#' && at(s, n, i, "####")) return true;
        if ((s[i] | 32) == 'a' && at_nocase(s, n, i, "answer")) return true;
    }
    return false;
}

/* The answer in a text that is but an answer, a sentence or a whole solution, as golds are;
 * empty when a box in it is. */
static span answer_in(const char *text, span whole)
{
    static const masa_extract_rule rules[] = {MASA_EXTRACT_TAGS, MASA_EXTRACT_PHRASE,
                                              MASA_EXTRACT_HASHES, MASA_EXTRACT_FORMULA};
    while (whole.end - whole.start > 4 && at(text, whole.end, whole.start, "**") &&
           at(text, whole.end, whole.end - 2, "**"))
        whole = trim(text, (span){whole.start + 2, whole.end - 2}); /* bold in Markdown */
    const char *s = text + whole.start;
    size_t n = whole.end - whole.start;
    span inside = {0, n};
    bool final = false;
    masa_extraction out = {0};
    if (memchr(s, '\\', n) && find_boxed(s, n, &inside, &final))
        return (span){whole.start + inside.start, whole.start + inside.end};
    if (final) return (span){whole.start, whole.start};
    for (size_t k = 0; k < 4 && is_solution(s, n); k++)
        if (extract_rule(s, n, rules[k], MASA_ANSWER_MATH, &out))
            return (span){whole.start + out.start, whole.start + out.start + out.size};
    return statement_value(text, whole);
}

bool extract_rule(const char *text, size_t size, masa_extract_rule rule, masa_answer_kind kind,
                  masa_extraction *out)
{
    bool choice = kind == MASA_ANSWER_CHOICE, found = false;
    span s = {0, 0};
    *out = (masa_extraction){0};
    if (choice && rule == MASA_EXTRACT_PHRASE) {
        found = find_phrase(text, size, true, &s);
    } else {
        for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
            if (finders[i].rule == rule) found = finders[i].find(text, size, &s);
    }
    if (!found) return false;
    s = trim(text, s);
    if (kind == MASA_ANSWER_MATH || kind == MASA_ANSWER_NUMERIC)
        s = rule == MASA_EXTRACT_WHOLE ? answer_in(text, s) : statement_value(text, s);
    if (s.start == s.end) return false;
    *out = (masa_extraction){rule, s.start, s.end - s.start};
    return true;
}

bool extract_answer(const char *text, size_t size, unsigned rules, masa_answer_kind kind,
                    masa_extraction *out)
{
    *out = (masa_extraction){0};
    for (const masa_extract_rule *rule = extract_order; *rule; rule++) {
        if (!(rules & *rule)) continue;
        if (extract_rule(text, size, *rule, kind, out)) return true;
        /* An empty box is the answer that was given: nothing. */
        span s;
        bool final = false;
        if (*rule == MASA_EXTRACT_BOXED) find_boxed(text, size, &s, &final);
        if (final) return false;
    }
    return false;
}

bool masa_extract_answer(const char *text, size_t size, unsigned rules, masa_extraction *out)
{
    return extract_answer(text, size, rules, MASA_ANSWER_MATH, out);
}

void extract_gold(const char **gold, size_t *size)
{
    span inside = answer_in(*gold, trim(*gold, (span){0, *size}));
    *gold += inside.start;
    *size = inside.end - inside.start;
}
