/* Which of several options an answer names: by its letter, or by its own words. */
#include "answer.h"

#include "compare.h"
#include "extract.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NO_CHOICE = -1, LETTERS_WITHOUT_OPTIONS = 26 };

static size_t count(const masa_verify_options *options)
{
    size_t n = options->choices ? options->n_choices : LETTERS_WITHOUT_OPTIONS;
    return n < 26 ? n : 26;
}

/* The option's own words: "B) red" is "red". */
static const char *option_words(const char *option)
{
    const char *s = option;
    if (*s == '(') s++;
    if (isalpha((unsigned char)s[0]) && (s[1] == ')' || s[1] == '.' || s[1] == ':'))
        return s + 2;
    return option;
}

static bool is_command(const char *s, size_t n, const char *name)
{
    size_t m = strlen(name);
    return m <= n && memcmp(s, name, m) == 0 && (m == n || !isalpha((unsigned char)s[m]));
}

/* The statement without the dress of LaTeX and Markdown; caller frees. */
static char *undress(const char *s, size_t n)
{
    static const char *const dress[] = {"\\textbf", "\\text",   "\\textrm", "\\textit",
                                        "\\mathrm", "\\mathbf", "\\mbox",   "\\boxed",
                                        "\\left",   "\\right",  "\\bf",     "\\fbox"};
    masa_text out = {0};
    for (size_t i = 0; i < n; i++) {
        size_t skip = strchr("{}$*_\"`~", s[i]) ? 1 : 0;
        for (size_t k = 0; !skip && s[i] == '\\' && k < sizeof dress / sizeof *dress; k++)
            if (is_command(s + i, n - i, dress[k])) skip = strlen(dress[k]);
        if (!skip && s[i] == '\\' && i + 1 < n && strchr("()[] ,!", s[i + 1])) skip = 2;
        if (skip) i += skip - 1;
        else masa_text_append(&out, s + i, 1);
    }
    return masa_text_take(&out);
}

static const char *skip_words(const char *s)
{
    static const char *const words[] = {
        "the", "correct", "final",   "answer",   "option", "choice",  "letter",
        "is",  ":",       "best",    "so",       "thus",   "hence",   "therefore",
        ",",   "my",      "must be", "i choose", "i pick", "i select"};
    for (bool again = true; again;) {
        again = false;
        while (isspace((unsigned char)*s)) s++;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            size_t m = strlen(words[k]);
            if (strncasecmp(s, words[k], m) != 0 ||
                (isalpha((unsigned char)words[k][0]) && isalnum((unsigned char)s[m])))
                continue;
            s += m;
            again = true;
            break;
        }
    }
    return s;
}

static bool begins_with(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strncasecmp(s, *words, strlen(*words)) == 0) return true;
    return false;
}

/* "B is correct" */
static bool affirmed(const char *s)
{
    static const char *const words[] = {
        "is correct",  "is the correct", "is right", "is the right", "is true",
        "is the best", "is the answer",  "is my ",   "must be ",     NULL};
    return begins_with(s, words);
}

/* "B is wrong" */
static bool denied(const char *s)
{
    static const char *const words[] = {"is ", "isn't", "was ", "cannot ", "can't ", NULL};
    return begins_with(s, words) && !affirmed(s);
}

/* Words after which "A" was a letter and no article. */
static bool explains(const char *s)
{
    static const char *const words[] = {"because", "since", "as ", "-", "(", "for ", NULL};
    return begins_with(s, words) || affirmed(s);
}

/* The letter that labels s, and where the label ends. alone: nothing before it said that
 * an option is named here. */
static int leading_letter(const char *s, size_t n, bool alone, const char **rest)
{
    bool bracket = *s == '(' || *s == '[';
    if (bracket) s++;
    while (bracket && *s == ' ') s++;
    int letter = toupper((unsigned char)*s) - 'A';
    bool lower = islower((unsigned char)*s) != 0;
    if (!isalpha((unsigned char)*s) || letter < 0 || (size_t)letter >= n) return NO_CHOICE;
    s++;
    if (isalnum((unsigned char)*s) || *s == '\'') return NO_CHOICE;
    while (bracket && *s == ' ') s++;
    bool closed = *s == ')' || *s == ']';
    if (bracket && !closed) return NO_CHOICE;
    bool labelled = closed || *s == '.' || *s == ':';
    if (labelled) s++;
    while (isspace((unsigned char)*s)) s++;
    *rest = s;
    if (denied(s)) return NO_CHOICE;
    if (*s == 0 || labelled) return letter;
    if (lower || *s == ',' || *s == '/' || *s == '&') return NO_CHOICE;
    alone |= letter == 0 || letter == 'I' - 'A';
    return !alone || explains(s) ? letter : NO_CHOICE;
}

/* The one option whose words these are. */
static int by_words(const char *s, const masa_verify_options *options)
{
    int found = NO_CHOICE;
    for (size_t k = 0; options->choices && k < count(options); k++) {
        const char *words = option_words(options->choices[k]);
        if (!same_words(s, strlen(s), words, strlen(words))) continue;
        if (found != NO_CHOICE) return NO_CHOICE;
        found = (int)k;
    }
    return found;
}

/* A second letter besides the first ("A or B", "B) and C)") is no choice. */
static bool names_another(const char *rest, int letter, size_t n)
{
    static const char *const joins[] = {"and ", "or ", ",", "/", "&"};
    for (size_t k = 0; k < sizeof joins / sizeof *joins; k++) {
        size_t m = strlen(joins[k]);
        if (strncasecmp(rest, joins[k], m) != 0) continue;
        const char *after, *s = rest + m;
        while (*s == ' ') s++;
        int other = leading_letter(s, n, false, &after);
        if (other != NO_CHOICE && other != letter) return true;
    }
    return false;
}

/* "C, green" */
static int letter_and_words(const char *s, const masa_verify_options *options)
{
    int words = s[0] && s[1] == ',' ? by_words(s + 2, options) : NO_CHOICE;
    return words == *s - 'A' ? words : NO_CHOICE;
}

static int choice_of(const char *statement, size_t size, bool alone,
                     const masa_verify_options *options, const char **rule)
{
    char *dressless = undress(statement, size);
    const char *s = skip_words(dressless), *rest = "";
    size_t n = count(options);
    int letter = leading_letter(s, n, alone, &rest);
    *rule = "choice: letter";
    if (letter != NO_CHOICE) {
        int words = *rest ? by_words(rest, options) : NO_CHOICE;
        if (words != NO_CHOICE && words != letter) letter = NO_CHOICE;
        else if (names_another(rest, letter, n)) letter = NO_CHOICE;
    } else {
        *rule = "choice: option's words";
        letter = by_words(dressless, options);
        if (letter == NO_CHOICE) letter = by_words(s, options);
        if (letter == NO_CHOICE) letter = letter_and_words(s, options);
    }
    free(dressless);
    return letter;
}

/* Without any mark: the last line when it is a choice, else the last letter in round
 * brackets. */
static int plain_choice(const char *text, size_t size, const masa_verify_options *options,
                        masa_extraction *where, const char **rule)
{
    while (size && isspace((unsigned char)text[size - 1])) size--;
    size_t start = size;
    while (start && text[start - 1] != '\n') start--;
    *where = (masa_extraction){MASA_EXTRACT_NUMBER, start, size - start};
    int letter =
        size > start ? choice_of(text + start, size - start, true, options, rule) : NO_CHOICE;
    if (letter != NO_CHOICE) return letter;
    for (size_t i = size; i-- > 2;) {
        if (text[i] != ')' || text[i - 2] != '(' || !isupper((unsigned char)text[i - 1]) ||
            (i > 2 && isalnum((unsigned char)text[i - 3])) ||
            (size_t)(text[i - 1] - 'A') >= count(options))
            continue;
        char *after = undress(text + i + 1, size - i - 1);
        bool wrong = denied(after + strspn(after, " "));
        free(after);
        if (wrong) return NO_CHOICE;
        *where = (masa_extraction){MASA_EXTRACT_NUMBER, i - 2, 3};
        *rule = "choice: letter";
        return text[i - 1] - 'A';
    }
    return NO_CHOICE;
}

void verify_choice(const char *text, size_t size, const char *gold,
                   const masa_verify_options *options, masa_verify_result *result)
{
    const char *rule;
    int wanted = choice_of(gold, strlen(gold), false, options, &rule), got = NO_CHOICE;
    if (wanted == NO_CHOICE) {
        result->verdict = MASA_VERDICT_BAD_GOLD;
        result->rule = "gold names no option";
        return;
    }
    masa_extraction where = {0};
    bool final = false;
    for (const masa_extract_rule *r = extract_order; *r && got == NO_CHOICE; r++) {
        if (!(options->rules & *r) || *r == MASA_EXTRACT_FORMULA || *r == MASA_EXTRACT_BARE)
            continue;
        if (*r == MASA_EXTRACT_NUMBER) got = plain_choice(text, size, options, &where, &rule);
        else if (extract_rule(text, size, *r, MASA_ANSWER_CHOICE, &where))
            got = choice_of(text + where.start, where.size, false, options, &rule);
        /* A box is the final answer, whatever it holds, and so are tags. */
        final = (*r == MASA_EXTRACT_BOXED || *r == MASA_EXTRACT_TAGS) && where.rule == *r;
        if (final) break;
    }
    if (where.rule != MASA_EXTRACT_NONE && (got != NO_CHOICE || final)) {
        result->extraction = where;
        result->extracted = text + where.start;
    }
    result->rule = got == NO_CHOICE ? "names no option" : rule;
    result->verdict = got == NO_CHOICE ? MASA_VERDICT_NO_ANSWER
                      : got == wanted  ? MASA_VERDICT_EQUAL
                                       : MASA_VERDICT_DIFFERENT;
}
