/* Finds the one final answer in a text. Each rule is one linear scan. */
#include "extract.h"

#include <masa/memory.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct span {
    size_t start, end;
} span;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) != 0;
}

static bool at(const char *text, size_t size, size_t i, const char *word)
{
    size_t n = strlen(word);
    return n <= size - i && memcmp(text + i, word, n) == 0;
}

static bool at_nocase(const char *text, size_t size, size_t i, const char *word)
{
    size_t n = strlen(word);
    return i <= size && n <= size - i && strncasecmp(text + i, word, n) == 0;
}

static span trim(const char *text, span s)
{
    while (s.start < s.end && is_space(text[s.start])) s.start++;
    while (s.end > s.start && is_space(text[s.end - 1])) s.end--;
    return s;
}

/* --- boxed ------------------------------------------------------------------- */

/* Length of a box command at i ("\boxed", "\fbox"), or 0. */
static size_t box_command(const char *text, size_t size, size_t i)
{
    static const char *const names[] = {"\\boxed", "\\fbox", "\\framebox"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k]);
        if (at(text, size, i, names[k]) && (i + n == size || !is_letter(text[i + n])))
            return n;
    }
    return 0;
}

/* "\boxed 5$": TeX allows a box without braces; it ends with the formula. */
static bool bare_box(const char *text, size_t size, size_t i, span *out)
{
    size_t end = i;
    while (end < size && text[end] != '$' && text[end] != '\n' && end - i < 200) end++;
    if (end == size || text[end] != '$') return false;
    *out = trim(text, (span){i, end});
    return out->end > out->start && (is_digit(text[out->start]) ||
                                     strchr("\\-(", text[out->start]) != NULL);
}

static bool find_boxed(const char *text, size_t size, span *out)
{
    typedef struct opened {
        size_t start, depth;
    } opened;
    opened *open = NULL;
    size_t n = 0, capacity = 0, depth = 0;
    bool found = false;
    for (size_t i = 0; i < size; i++) {
        size_t command = text[i] == '\\' ? box_command(text, size, i) : 0;
        if (command) {
            size_t j = i + command;
            while (j < size && is_space(text[j])) j++;
            span bare;
            if (j < size && text[j] == '{') {
                opened box = {j + 1, depth++};
                MASA_PUSH(open, n, capacity, box);
                i = j;
            } else if (n == 0 && bare_box(text, size, j, &bare)) {
                *out = bare;
                found = true;
                i = bare.end;
            } else {
                i += command - 1;
            }
        } else if (text[i] == '\\') {
            i++;
        } else if (n && text[i] == '{') {
            depth++;
        } else if (n && text[i] == '}') {
            depth--;
            if (open[n - 1].depth != depth) continue;
            *out = (span){open[--n].start, i};
            found = true;
        }
    }
    /* Begun after the last complete box and never closed: the answer was cut off. */
    if (found && n && open[n - 1].start > out->end) found = false;
    free(open);
    return found;
}

/* --- phrases ----------------------------------------------------------------- */

/* Skips what may stand between a phrase and its answer. */
static size_t skip_decoration(const char *text, size_t size, size_t i)
{
    while (i < size && (is_space(text[i]) || strchr("*:_=\"}", text[i]))) i++;
    return i;
}

/* Whether an aside begins at i: "9, which is odd", "9, not 8", "9 because it is odd". */
static bool is_aside(const char *text, size_t size, size_t i)
{
    static const char *const asides[] = {", which ", ", not ", ", because ", " because ",
                                         ", since "};
    for (size_t k = 0; k < sizeof asides / sizeof *asides; k++)
        if (at_nocase(text, size, i, asides[k])) return true;
    return false;
}

/* Where the statement that begins at i ends: at its line's end, an aside, or a full stop
 * that is followed by a space; none of these inside a formula. */
static size_t statement_end(const char *text, size_t size, size_t i)
{
    bool formula = false;
    for (size_t start = i; i < size && text[i] != '\n'; i++) {
        if (!formula && i > start && is_aside(text, size, i)) break;
        if (text[i] == '\\' && i + 1 < size) {
            i++;
            if (text[i] == '(') formula = true;
            if (text[i] == ')') formula = false;
            continue;
        }
        if (text[i] == '$') formula = !formula;
        if (formula || text[i] != '.') continue;
        if (i + 1 == size || is_space(text[i + 1]) || text[i + 1] == '*') break;
    }
    return i;
}

/* Behind what stands before a value in a statement: "therefore 8", "the total is 15". */
static size_t skip_opening(const char *text, span s)
{
    static const char *const adverbs[] = {"therefore ", "thus ", "hence ",  "then ",
                                          "simply ",    "just ", "indeed ", "actually "};
    size_t i = s.start;
    for (size_t k = 0; k < sizeof adverbs / sizeof *adverbs; k++)
        if (at_nocase(text, s.end, i, adverbs[k])) i += strlen(adverbs[k]);
    if (!at_nocase(text, s.end, i, "the ")) return i;
    for (size_t j = i; j < s.end && !strchr("$\\.,", text[j]); j++)
        if (at(text, s.end, j, " is ") && j + 4 < s.end &&
            (is_digit(text[j + 4]) || strchr("$\\-(", text[j + 4])))
            return j + 4;
    return i;
}

/* The formula on lines of its own that begins at i. */
static bool display(const char *text, size_t size, size_t i, span *out)
{
    bool dollars = at(text, size, i, "$$");
    if (!dollars && !at(text, size, i, "\\[")) return false;
    for (size_t j = i + 2; j + 1 < size; j++) {
        if (!at(text, size, j, dollars ? "$$" : "\\]")) continue;
        *out = trim(text, (span){i + 2, j});
        return true;
    }
    return false;
}

/* The answer after a phrase: the first formula when it begins with one. */
static bool take_statement(const char *text, size_t size, size_t i, span *out)
{
    i = skip_decoration(text, size, i);
    if (display(text, size, i, out)) return out->end > out->start;
    span s = trim(text, (span){i, statement_end(text, size, i)});
    while (s.end > s.start && strchr("*.,;_\"", text[s.end - 1])) s.end--;
    if (s.end > s.start + 1 && text[s.end - 1] == '!' && text[s.end - 2] == '*')
        for (s.end--; s.end > s.start && text[s.end - 1] == '*';) s.end--; /* "**5**!" */
    s.start = skip_opening(text, s);
    if (s.end > s.start + 1 && text[s.start] == '$' && text[s.start + 1] != '$') {
        const char *close = memchr(text + s.start + 1, '$', s.end - s.start - 1);
        if (close) s = (span){s.start + 1, (size_t)(close - text)};
    }
    *out = trim(text, s);
    return out->end > out->start;
}

/* Length of what joins a word such as "answer" to its value at i ("is", ":"), or 0. */
static size_t joint(const char *text, size_t size, size_t i)
{
    static const char *const joints[] = {" is", ":", "**:", ":**", " =", " was", " must be"};
    for (size_t k = 0; k < sizeof joints / sizeof *joints; k++) {
        size_t n = strlen(joints[k]);
        if (!at_nocase(text, size, i, joints[k])) continue;
        if (is_letter(joints[k][n - 1]) && i + n < size && is_letter(text[i + n])) continue;
        return n;
    }
    return 0;
}

static bool find_after(const char *text, size_t size, const char *const *words, span *out)
{
    /* From the end, so that a text full of phrases costs one statement. */
    for (size_t i = size; i-- > 0;) {
        if (i && is_letter(text[i - 1])) continue;
        for (const char *const *word = words; *word; word++) {
            if (!at_nocase(text, size, i, *word)) continue;
            size_t j = i + strlen(*word), n = joint(text, size, j);
            if (n && take_statement(text, size, j + n, out)) return true;
        }
    }
    return false;
}

static bool find_phrase(const char *text, size_t size, span *out)
{
    static const char *const words[] = {"answer", NULL};
    return find_after(text, size, words, out);
}

static bool find_choice_phrase(const char *text, size_t size, span *out)
{
    static const char *const words[] = {"answer", "option", "choice", NULL};
    return find_after(text, size, words, out);
}

/* --- the other rules --------------------------------------------------------- */

static bool find_hashes(const char *text, size_t size, span *out)
{
    bool found = false;
    for (size_t i = 0; i + 4 <= size; i++) {
        if (!at(text, size, i, "####")) continue;
        size_t j = i;
        while (j < size && text[j] == '#') j++;
        size_t end = j;
        while (end < size && text[end] != '\n') end++;
        *out = trim(text, (span){j, end});
        found = out->end > out->start;
        i = end;
    }
    return found;
}

static bool find_bold(const char *text, size_t size, span *out)
{
    bool found = false;
    for (size_t i = 0; i + 2 < size; i++) {
        if (text[i] != '*' || text[i + 1] != '*') continue;
        size_t end = i + 2;
        while (end < size && text[end] != '\n' && text[end] != '*') end++;
        if (end + 1 < size && text[end] == '*' && text[end + 1] == '*') {
            span s = trim(text, (span){i + 2, end});
            if (s.end > s.start) *out = s, found = true;
            end += 2;
        }
        i = end - 1;
    }
    return found;
}

/* End of the number that begins at i; i itself when there is none. */
static size_t number_end(const char *text, size_t size, size_t i)
{
    size_t j = i;
    while (j < size && is_digit(text[j])) j++;
    if (j == i && !(j + 1 < size && text[j] == '.' && is_digit(text[j + 1]))) return i;
    while (j + 3 < size && text[j] == ',' && is_digit(text[j + 1]) &&
           is_digit(text[j + 2]) && is_digit(text[j + 3]) &&
           (j + 4 == size || !is_digit(text[j + 4])))
        j += 4;
    if (j + 1 < size && text[j] == '.' && is_digit(text[j + 1]))
        for (j++; j < size && is_digit(text[j]);) j++;
    size_t e = j;
    if (e < size && (text[e] == 'e' || text[e] == 'E')) {
        e++;
        if (e < size && (text[e] == '-' || text[e] == '+')) e++;
        if (e < size && is_digit(text[e])) {
            while (e < size && is_digit(text[e])) e++;
            j = e;
        }
    }
    if (j + 1 < size && text[j] == '/' && is_digit(text[j + 1]))
        for (j++; j < size && is_digit(text[j]);) j++;
    return j;
}

static bool find_number(const char *text, size_t size, span *out)
{
    bool found = false;
    for (size_t i = 0; i < size; i++) {
        size_t end = number_end(text, size, i);
        if (end == i) continue;
        size_t start = i;
        /* A minus sign belongs to the number unless something is subtracted from. */
        if (start && text[start - 1] == '-' &&
            (start == 1 || strchr(" \t\n($=*:,", text[start - 2])))
            start--;
        *out = (span){start, end};
        found = true;
        i = end - 1;
    }
    return found;
}

static bool find_whole(const char *text, size_t size, span *out)
{
    *out = trim(text, (span){0, size});
    return out->end > out->start;
}

static const struct {
    masa_extract_rule rule;
    const char *name;
    bool (*find)(const char *text, size_t size, span *out);
} finders[] = {
    {MASA_EXTRACT_BOXED, "boxed", find_boxed},   {MASA_EXTRACT_PHRASE, "phrase", find_phrase},
    {MASA_EXTRACT_HASHES, "hashes", find_hashes}, {MASA_EXTRACT_BOLD, "bold", find_bold},
    {MASA_EXTRACT_NUMBER, "number", find_number}, {MASA_EXTRACT_WHOLE, "whole", find_whole},
};

const char *masa_extract_rule_text(masa_extract_rule rule)
{
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
        if (finders[i].rule == rule) return finders[i].name;
    return "none";
}

const masa_extract_rule extract__order[] = {
    MASA_EXTRACT_BOXED, MASA_EXTRACT_PHRASE, MASA_EXTRACT_HASHES, MASA_EXTRACT_BOLD,
    MASA_EXTRACT_NUMBER, MASA_EXTRACT_WHOLE, MASA_EXTRACT_NONE,
};

bool extract__rule(const char *text, size_t size, masa_extract_rule rule,
                   masa_answer_kind kind, masa_extraction *out)
{
    *out = (masa_extraction){0};
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++) {
        span s = {0, 0};
        if (finders[i].rule != rule) continue;
        bool choice = kind == MASA_ANSWER_CHOICE && rule == MASA_EXTRACT_PHRASE;
        if (!(choice ? find_choice_phrase : finders[i].find)(text, size, &s)) return false;
        s = trim(text, s);
        if (s.start == s.end) return false;
        *out = (masa_extraction){rule, s.start, s.end - s.start};
        return true;
    }
    return false;
}

bool masa_extract_answer(const char *text, size_t size, unsigned rules,
                         masa_extraction *out)
{
    *out = (masa_extraction){0};
    for (const masa_extract_rule *rule = extract__order; *rule; rule++)
        if ((rules & *rule) && extract__rule(text, size, *rule, MASA_ANSWER_MATH, out))
            return true;
    return false;
}
