/* The public entry: extraction, then the comparison that the answer's kind asks for. */
#include <masa/code.h>
#include <masa/verify.h>

#include "answer.h"
#include "extract.h"
#include "plain.h"

#include <string.h>

static const char *const verdict_texts[] = {
    [MASA_VERDICT_EQUAL] = "equal",         [MASA_VERDICT_DIFFERENT] = "different",
    [MASA_VERDICT_UNDECIDED] = "undecided", [MASA_VERDICT_NO_ANSWER] = "no_answer",
    [MASA_VERDICT_BAD_GOLD] = "bad_gold",
};

const char *masa_verdict_text(masa_verdict verdict)
{
    return verdict_texts[verdict];
}

static const char *const kind_texts[] = {
    [MASA_ANSWER_MATH] = "math",
    [MASA_ANSWER_NUMERIC] = "numeric",
    [MASA_ANSWER_CHOICE] = "choice",
    [MASA_ANSWER_LITERAL] = "code_output",
};

const char *masa_answer_kind_text(masa_answer_kind kind)
{
    return kind_texts[kind];
}

bool masa_answer_kind_find(masa_answer_kind *out, const char *name)
{
    if (strcmp(name, "literal") == 0) name = kind_texts[MASA_ANSWER_LITERAL];
    for (int k = MASA_ANSWER_MATH; k <= MASA_ANSWER_LITERAL; k++) {
        if (strcmp(name, kind_texts[k]) != 0) continue;
        *out = (masa_answer_kind)k;
        return true;
    }
    return false;
}

masa_status masa_extract_rules_parse(unsigned *out, const char *names, masa_error *err)
{
    unsigned rules = 0;
    for (const char *p = names; *p; p += strcspn(p, ","), p += *p == ',') {
        size_t n = strcspn(p, ",");
        unsigned found = n == 3 && memcmp(p, "any", 3) == 0 ? MASA_EXTRACT_ANY : 0;
        for (unsigned rule = MASA_EXTRACT_BOXED; rule <= MASA_EXTRACT_BARE; rule <<= 1) {
            const char *name = masa_extract_rule_text((masa_extract_rule)rule);
            if (strlen(name) == n && memcmp(name, p, n) == 0) found = rule;
        }
        if (!found)
            return MASA_FAIL(err, MASA_ERR_CONFIG,
                             "no rule '%.*s'; the rules are tags, boxed, phrase, hashes, "
                             "bold, formula, bare, number, whole, any",
                             (int)(n < 40 ? n : 40), p);
        rules |= found;
    }
    if (!rules) return MASA_FAIL(err, MASA_ERR_CONFIG, "no answer rule is given; try boxed");
    *out = rules;
    return MASA_OK;
}

/* The value at the end of "f(3) == [1, 2]", without the dress of Markdown or LaTeX. */
static masa_verdict compare_literal(const char *s, size_t n, const char *gold,
                                    const char **rule)
{
    *rule = "python literal";
    size_t m = strlen(gold);
    if (!masa_code_literals_equal(gold, m, gold, m)) return MASA_VERDICT_BAD_GOLD;
    for (size_t i = 0; i + 1 < n; i++)
        if (s[i] == '=' && s[i + 1] == '=' && memchr(s, ')', i)) {
            s += i + 2, n -= i + 2;
            break;
        }
    while (n > 2 && *s == '`' && s[n - 1] == '`') s++, n -= 2;
    return masa_code_literals_equal(s, n, gold, m) ? MASA_VERDICT_EQUAL
                                                   : MASA_VERDICT_DIFFERENT;
}

static const masa_verify_options defaults = MASA_VERIFY_DEFAULTS;

/* Where the text behind a model's thoughts begins; size when they were never ended. */
static size_t behind_thoughts(const char *text, size_t size)
{
    static const char open[] = "<think>", close[] = "</think>";
    size_t start = 0;
    for (const char *s = text, *end = text + size;
         (s = memmem(s, (size_t)(end - s), close, strlen(close)));)
        start = (size_t)((s += strlen(close)) - text);
    return memmem(text + start, size - start, open, strlen(open)) ? size : start;
}

/* The rules that go by nothing that was said. */
enum { UNMARKED = MASA_EXTRACT_FORMULA | MASA_EXTRACT_BARE | MASA_EXTRACT_NUMBER };

static void accept_whole(masa_verify_result *result, const char *text, size_t size,
                         const char *rule)
{
    *result = (masa_verify_result){.verdict = MASA_VERDICT_EQUAL, .rule = rule};
    result->extraction = (masa_extraction){MASA_EXTRACT_BARE, 0, size};
    result->extracted = text;
}

/* Where the gold is an option's letter and the text names it, "Hence (B)", or the whole text says
 * what the gold says, the result becomes that. A gold of mathematics that is one letter is seldom
 * anything else. */
static void look_again(const char *text, size_t size, const char *gold,
                       const masa_verify_options *options, masa_verify_result *result)
{
    masa_verify_result choice = {.verdict = MASA_VERDICT_NO_ANSWER};
    const masa_extraction *letter = &choice.extraction, *value = &result->extraction;
    bool marked = value->rule && !(value->rule & UNMARKED);
    if (options->kind != MASA_ANSWER_MATH) return;
    const char *whole = marked || !(options->rules & MASA_EXTRACT_BARE)
                            ? NULL
                            : plain_whole(text, size, gold, strlen(gold));
    if (whole) {
        accept_whole(result, text, size, whole);
        return;
    }
    if (!plain_option(gold, strlen(gold))) return;
    verify_choice(text, size, gold, options, &choice);
    /* What a box or a phrase gave is the answer; then the letter must stand there. */
    bool inside = letter->start >= value->start &&
                  letter->start + letter->size <= value->start + value->size;
    if (choice.verdict == MASA_VERDICT_EQUAL && (!marked || inside) &&
        plain_is_choice(text + letter->start, letter->size))
        *result = choice;
    if (choice.verdict == MASA_VERDICT_NO_ANSWER && !marked &&
        plain_is_labelled(text, size, plain_option(gold, strlen(gold))))
        accept_whole(result, text, size, "option");
}

/* As masa_verify_span, of the text behind the thoughts. */
static void verify_text(const char *text, size_t size, const char *gold,
                        const masa_verify_options *options, masa_verify_result *result)
{
    if (options->kind == MASA_ANSWER_CHOICE) {
        verify_choice(text, size, gold, options, result);
        return;
    }
    bool found = extract_answer(text, size, options->rules, options->kind, &result->extraction);
    const char *answer = text + result->extraction.start;
    size_t n = result->extraction.size;
    if (found && options->kind == MASA_ANSWER_LITERAL)
        result->verdict = compare_literal(answer, n, gold, &result->rule);
    else if (found)
        result->verdict =
            verify_compare_math(answer, n, gold, strlen(gold), options, &result->rule);
    if (found) result->extracted = answer;
    if (result->verdict != MASA_VERDICT_EQUAL) look_again(text, size, gold, options, result);
}

void masa_verify_span(const char *prediction, size_t size, const char *gold,
                      const masa_verify_options *options, masa_verify_result *result)
{
    if (!options) options = &defaults;
    *result = (masa_verify_result){.verdict = MASA_VERDICT_NO_ANSWER, .rule = "no answer"};
    if (options->truncated) {
        result->rule = "truncated";
        return;
    }
    size_t thoughts =
        options->rules == MASA_EXTRACT_WHOLE ? 0 : behind_thoughts(prediction, size);
    verify_text(prediction + thoughts, size - thoughts, gold, options, result);
    if (result->extracted) result->extraction.start += thoughts;
}

void masa_verify(const char *prediction, const char *gold, const masa_verify_options *options,
                 masa_verify_result *result)
{
    masa_verify_span(prediction, strlen(prediction), gold, options, result);
}

masa_verdict masa_answers_equal(const char *answer, const char *gold,
                                const masa_verify_options *options)
{
    masa_verify_options whole = options ? *options : defaults;
    masa_verify_result result;
    whole.rules = MASA_EXTRACT_WHOLE;
    whole.truncated = false;
    masa_verify(answer, gold, &whole, &result);
    return result.verdict;
}
