/* Texts that are but an answer, and what the last sentence says. */
#include "extract.h"

#include "lexer.h"

/* Words that notation without backslashes is made of, and names of functions. */
static bool is_notation(const char *text, size_t size, size_t i, size_t n)
{
    if (i + n < size && text[i + n] == '(') return !at(text, size, i + n, "(s)");
    const word *known = word_plain(text + i, n);
    if (known && known->kind == T_FUNCTION) return true;
    static const char *const words[] = {
        "sqrt",   "sin",    "cos",    "tan",      "log", "exp",   "and",
        "arcsin", "arccos", "arctan", "infinity", "inf", "theta", "alpha",
        "beta",   "lambda", "math",   "frac",     "cup", "union", NULL};
    size_t m = any_at(text, size, i, words);
    return m && m == n;
}

enum { IDEOGRAPHS_PER_WORD = 8 }; /* a few words of English are a clause of Chinese */

/* Whether what is said of the answer before it begins at i. */
static bool is_predicate(const char *text, size_t size, size_t i)
{
    static const char *const words[] = {" is the answer",
                                        " is the solution",
                                        " is the result",
                                        " is the final answer",
                                        " is the only solution",
                                        " is the correct answer",
                                        NULL};
    size_t m = text[i] == ' ' ? any_at(text, size, i, words) : 0;
    return m && (i + m == size || !is_letter(text[i + m]));
}

/* One line that is the answer itself: a value, words behind it aside ("72 clips"), or a
 * few words without one ("no solution"). */
static bool is_bare(const char *text, span *out)
{
    for (size_t i = out->start + 1; i < out->end; i++) /* "5, obviously", "5 is the answer" */
        if ((text[i] == ',' && is_aside(text, out->end, i)) || is_predicate(text, out->end, i))
            out->end = i;
    size_t n = out->end - out->start, words = 0, ideographs = 0;
    bool digits = false;
    if (n == 0 || n > 400 || memchr(text + out->start, '\n', n)) return false;
    for (size_t i = out->start; i < out->end; i++) {
        if (text[i] == '\\') {
            bool environment = at(text, out->end, i, "\\begin{") ||
                               at(text, out->end, i, "\\end{") ||
                               at(text, out->end, i, "\\operatorname{");
            while (i + 1 < out->end && is_letter(text[i + 1])) i++;
            while (environment && i + 1 < out->end && text[i] != '}') i++;
        } else if (is_ideograph(text[i])) {
            if (at(text, out->end, i, "\u3002") && i + 3 < out->end) return false;
            if (at(text, out->end, i, "\u53c8") && digits) continue; /* "1\u53c81/2" */
            ideographs++;
            i += 2;
        } else if (is_letter(text[i])) {
            size_t start = i;
            while (i + 1 < out->end && is_letter(text[i + 1])) i++;
            if (i - start < 2 || is_notation(text, out->end, start, i + 1 - start)) continue;
            words++;
        } else if (is_digit(text[i])) {
            if (words || ideographs) return false; /* "the number is 10" */
            digits = true;
        } else if ((text[i] == '.' || text[i] == '?' || text[i] == '!') && words &&
                   i + 1 < out->end) {
            return false; /* sentences */
        }
    }
    return digits || words + ideographs / IDEOGRAPHS_PER_WORD <= 4;
}

/* Whether text[from..to) is a formula alone, and more than a number. */
static bool is_formula(const char *text, size_t from, size_t to)
{
    bool more = false;
    if (from >= to ||
        !(is_digit(text[from]) || is_letter(text[from]) || strchr("-+({[\\", text[from])))
        return false;
    for (size_t i = from; i < to; i++) {
        size_t start = i;
        more |= !is_digit(text[i]) && !strchr("-+., %", text[i]);
        if (!is_letter(text[i])) continue;
        while (i + 1 < to && is_letter(text[i + 1])) i++;
        bool joint = at_nocase(text, to, start, "or") || at(text, to, start, "and");
        if (i > start && !joint && !is_notation(text, to, start, i + 1 - start)) return false;
    }
    return more;
}

/* The formula behind the verb of the last sentence, "The solutions are x = 3 or x = -3." */
static bool find_conclusion(const char *text, span s, span *out)
{
    static const char *const verbs[] = {" is ",    " are ",    " equals ",  " obtain ", " get ",
                                        " gives ", " yields ", " becomes ", " have ",   NULL};
    while (s.end > s.start && (text[s.end - 1] == '.' || is_space(text[s.end - 1]))) s.end--;
    for (size_t i = s.end; i-- > s.start;) {
        size_t m = text[i] == ' ' ? any_at(text, s.end, i, verbs) : 0;
        if (m && is_formula(text, i + m, s.end)) {
            *out = (span){i + m, s.end};
            return true;
        }
        bool ends = text[i] == '\n' || (text[i] == '.' && is_space(text[i + 1]));
        if (ends || s.end - i > 200) return false;
    }
    return false;
}

bool find_bare(const char *text, size_t size, span *out)
{
    *out = trim(text, (span){0, size});
    span whole = *out;
    return is_bare(text, out) || find_conclusion(text, whole, out);
}
