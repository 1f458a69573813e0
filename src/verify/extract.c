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

const masa_extract_rule extract__order[] = {
    MASA_EXTRACT_TAGS,   MASA_EXTRACT_BOXED, MASA_EXTRACT_PHRASE, MASA_EXTRACT_HASHES, MASA_EXTRACT_BOLD,
    MASA_EXTRACT_FORMULA, MASA_EXTRACT_BARE, MASA_EXTRACT_NUMBER, MASA_EXTRACT_WHOLE, MASA_EXTRACT_NONE,
};

bool extract__rule(const char *text, size_t size, masa_extract_rule rule,
                   masa_answer_kind kind, masa_extraction *out)
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
    if (kind == MASA_ANSWER_MATH || kind == MASA_ANSWER_NUMERIC) s = statement_value(text, s);
    if (s.start == s.end) return false;
    *out = (masa_extraction){rule, s.start, s.end - s.start};
    return true;
}

bool extract__answer(const char *text, size_t size, unsigned rules, masa_answer_kind kind,
                     masa_extraction *out)
{
    *out = (masa_extraction){0};
    for (const masa_extract_rule *rule = extract__order; *rule; rule++) {
        if (!(rules & *rule)) continue;
        if (extract__rule(text, size, *rule, kind, out)) return true;
        /* An empty box is the answer that was given: nothing. */
        span s;
        bool final = false;
        if (*rule == MASA_EXTRACT_BOXED) find_boxed(text, size, &s, &final);
        if (final) return false;
    }
    return false;
}

bool masa_extract_answer(const char *text, size_t size, unsigned rules,
                         masa_extraction *out)
{
    return extract__answer(text, size, rules, MASA_ANSWER_MATH, out);
}

/* Whether the text is more than one statement, or says itself where its answer stands. */
static bool is_solution(const char *s, size_t n)
{
    if (memchr(s, '\n', n)) return true;
    for (size_t i = 0; i + 1 < n; i++)
        if ((s[i] == '.' && s[i + 1] == ' ' && i && is_letter(s[i - 1])) ||
            at(s, n, i, "####") || at_nocase(s, n, i, "answer"))
            return true;
    return false;
}

void extract__gold(const char **gold, size_t *size)
{
    const unsigned rules = MASA_EXTRACT_TAGS | MASA_EXTRACT_BOXED | MASA_EXTRACT_PHRASE |
                           MASA_EXTRACT_HASHES | MASA_EXTRACT_FORMULA;
    const char *s = *gold;
    size_t n = *size;
    if (n < 8) return; /* too short to say anything around an answer */
    masa_extraction out;
    bool final = false;
    span inside = {0, n};
    if (memchr(s, '\\', n) && find_boxed(s, n, &inside, &final)) {
        *gold = s + inside.start;
        *size = inside.end - inside.start;
    } else if (final) {
        *size = 0;
    } else if (is_solution(s, n) && masa_extract_answer(s, n, rules, &out)) {
        *gold = s + out.start;
        *size = out.size;
    } else if (memchr(s, '$', n) || memchr(s, '\\', n)) {
        inside = statement_value(s, (span){0, n});
        *gold = s + inside.start;
        *size = inside.end - inside.start;
    }
}
