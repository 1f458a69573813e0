/* Formulas in a text, and the value that a statement with words in it gives. */
#include "extract.h"

#include <stdint.h>

/* Where the formula that opens with a dollar sign at i closes; 0: it is money. */
static size_t closing_dollar(const char *text, size_t size, size_t i)
{
    unsigned words = 0, letters = 0;
    for (size_t j = i; j < size; j++) {
        char c = text[j];
        if (c == '\\') {
            while (j + 1 < size && is_letter(text[j + 1])) j++;
            letters = 0;
            if (j + 1 < size && !is_letter(text[j])) j++; /* "\$" */
            continue;
        }
        if (c == '\n' && j + 1 < size && text[j + 1] == '\n') return 0;
        letters = is_letter(c) ? letters + 1 : 0;
        words += letters == 4;
        if (c != '$') continue;
        /* "costs $5 and sells for $7": dollars of money have an amount behind them. */
        bool amount = j + 1 < size && is_digit(text[j + 1]);
        return amount || (words > 2 && is_digit(text[i])) ? 0 : j;
    }
    return 0;
}

bool formula_next(const char *text, size_t size, size_t i, formula *out)
{
    static const char *const signs[][2] = {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}};
    for (; i < size; i++) {
        if (text[i] != '$' && text[i] != '\\') continue;
        for (size_t k = 0; k < sizeof signs / sizeof *signs; k++) {
            if (!at(text, size, i, signs[k][0])) continue;
            for (size_t j = i + 2; j < size; j++) {
                if (text[j] == '\\' && at(text, size, j, "\\\\") && k) j++;
                else if (at(text, size, j, signs[k][1])) {
                    *out = (formula){{i + 2, j}, {i, j + 2}};
                    return true;
                }
            }
            break;
        }
        if (text[i] == '\\') {
            i++;
            continue;
        }
        size_t close = closing_dollar(text, size, i + 1);
        if (!close || close == i + 1) continue;
        *out = (formula){{i + 1, close}, {i, close + 1}};
        return true;
    }
    return false;
}

/* Words after which a formula is a condition or a detail, not the value. */
static bool ends_as_condition(const char *text, size_t from, size_t to)
{
    static const char *const words[] = {"when", "where",  "for",     "if",        "at",
                                        "with", "since",  "because", "from",      "of",
                                        "than", "modulo", "where",   "and since", NULL};
    while (to > from && is_space(text[to - 1])) to--;
    for (const char *const *word = words; *word; word++) {
        size_t n = strlen(*word);
        if (to - from < n || strncasecmp(text + to - n, *word, n) != 0) continue;
        if (to - n == from || !is_letter(text[to - n - 1])) return true;
    }
    for (size_t i = from; i < to; i++) { /* "for all $x$", "where the side $s$" */
        if (i > from && is_letter(text[i - 1])) continue;
        for (const char *const *word = words; *word; word++) {
            size_t n = strlen(*word);
            bool clause = word < words + 4 || *word == words[6] || *word == words[7];
            if (clause && at_nocase(text, to, i, *word) &&
                (i + n == to || !is_letter(text[i + n])))
                return true;
        }
    }
    return false;
}

/* Whether text[from..to) joins two values: commas, "and", "or". */
static bool is_joint(const char *text, size_t from, size_t to)
{
    static const char *const words[] = {"and", "or", ",", ";", NULL};
    for (size_t i = from, m; i < to; i += m) {
        if (is_space(text[i])) m = 1;
        else if (!(m = any_at(text, to, i, words))) return false;
    }
    return to > from;
}

/* Whether words of a sentence stand in text[from..to). */
static bool has_words(const char *text, size_t from, size_t to)
{
    unsigned letters = 0;
    for (size_t i = from; i < to; i++) {
        if (text[i] == '\\') /* a command is no word, but \text holds some */
            while (i + 1 < to && is_letter(text[i + 1])) i++;
        else if (is_ideograph(text[i])) return true;
        else if (!is_letter(text[i])) letters = 0;
        else if (++letters == 2 &&
                 !(at_nocase(text, to, i - 1, "and") || at_nocase(text, to, i - 1, "or") ||
                   (i > from + 1 && at_nocase(text, to, i - 2, "and"))))
            return true;
    }
    return false;
}

/* Behind the last verb in text[from..to) that a value follows: "is 5", "equals $x$";
 * SIZE_MAX: none. */
static size_t behind_verb(const char *text, size_t from, size_t to)
{
    static const char *const verbs[] = {
        " is ",  " are ",  " equals ", " equal to ", ": ",     " be ",   " get ", " gives ",
        " was ", " only ", " about ",  " exactly ",  "\u662f", "\u4e3a", NULL};
    for (size_t i = to; i-- > from;) {
        bool begins = text[i] == ' ' || text[i] == ':' || is_ideograph(text[i]);
        size_t m = begins ? any_at(text, to, i, verbs) : 0, j = i + m;
        while (m && j < to && text[j] == ' ') j++;
        if (!m || j >= to) continue;
        if (is_digit(text[j]) || strchr("$-(", text[j]) || at(text, to, j, "\\(") ||
            at(text, to, j, "\u2212") || (text[j] == '\\' && !at(text, to, j, "\\text")))
            return j;
    }
    return SIZE_MAX;
}

/* The end of what is measured in: "$12$ cm", "$5$ percent". */
static size_t with_unit(const char *text, size_t i, size_t end)
{
    static const char *const units[] = {
        "\\%",   "%",       "percent", "degrees", "square units", "cubic units", "cm",
        "km",    "mm",      "meters",  "feet",    "inches",       "dollars",     "miles",
        "hours", "minutes", "seconds", "kg",      "grams",        "years",       "days",
        "cents", NULL};
    size_t j = i;
    while (j < end && (text[j] == ' ' || text[j] == '~')) j++;
    size_t m = any_at(text, end, j, units);
    if (!m || (j + m < end && is_letter(text[j + m]))) return i;
    for (j += m; j < end && (is_digit(text[j]) || strchr("^{}/", text[j]));) j++;
    return j;
}

enum { MOST_FORMULAS = 64 };

/* Formulas first..last of a statement as one value, without the outer signs. */
static span joined(const char *text, const formula *f, size_t first, size_t last, size_t end)
{
    span out = {f[first].inside.start, f[last].inside.end};
    size_t unit = with_unit(text, f[last].outside.end, end);
    if (unit > f[last].outside.end) out.end = unit;
    return trim(text, out);
}

/* The last formula that is no condition, with those that are joined to it. */
static span last_value(const char *text, const formula *f, size_t n, span s)
{
    size_t last = n - 1;
    while (last && ends_as_condition(text, f[last - 1].outside.end, f[last].outside.start))
        last--;
    size_t first = last;
    while (first && is_joint(text, f[first - 1].outside.end, f[first].outside.start)) first--;
    return joined(text, f, first, last, s.end);
}

/* The one number of a sentence of some words, "Jane began to grow 3 hours ago"; the
 * sentence when there are more, or when it denies. */
static span only_number(const char *text, span s)
{
    static const char *const denials[] = {"not ", "n't ", "never ", "no ", NULL};
    span out = s;
    size_t words = 0, numbers = 0;
    for (size_t i = s.start; i < s.end; i++) {
        if (is_digit(text[i])) {
            out.start = i - (i > s.start ? minus_before(text, i) : 0);
            if (out.start > s.start && is_letter(text[out.start - 1]))
                return s; /* "x-3", "A2" */
            while (i < s.end && (is_digit(text[i]) || (strchr(".,/", text[i]) &&
                                                       i + 1 < s.end && is_digit(text[i + 1]))))
                i++;
            out.end = with_unit(text, i--, s.end);
            numbers++;
        } else if (is_letter(text[i]) || is_ideograph(text[i])) {
            if (any_at(text, s.end, i, denials)) return s;
            while (i + 1 < s.end && is_letter(text[i + 1])) i++;
            words += numbers == 0;
        } else if (strchr("\\^_=<>+*[{(", text[i])) {
            return s;
        }
    }
    return numbers == 1 && words >= 4 ? out : s;
}

span statement_value(const char *text, span s)
{
    formula f[MOST_FORMULAS];
    size_t n = 0;
    bool words = false;
    for (size_t i = s.start; i < s.end && n < MOST_FORMULAS; i = f[n++].outside.end) {
        bool found = formula_next(text, s.end, i, &f[n]);
        words |= has_words(text, i, found ? f[n].outside.start : s.end);
        if (!found) break;
    }
    if (n == 1 && f[0].outside.start == s.start && f[0].outside.end == s.end)
        return trim(text, f[0].inside);
    if (!words) return s;
    size_t value = behind_verb(text, s.start, s.end);
    if (n == 0) {
        if (value == SIZE_MAX) return only_number(text, s);
        if (!has_words(text, s.start, value)) return s;
        return trim(text, (span){value, s.end});
    }
    size_t first = 0;
    while (first < n && f[first].outside.start != value) first++;
    if (first == n) {
        bool after = value != SIZE_MAX && value > f[n - 1].outside.end;
        return after ? trim(text, (span){value, s.end}) : last_value(text, f, n, s);
    }
    size_t last = first;
    while (last + 1 < n && is_joint(text, f[last].outside.end, f[last + 1].outside.start))
        last++;
    return joined(text, f, first, last, s.end);
}

/* The last line of "\begin{align} a &= b \\ &= 5 \end{align}". */
static span last_row(const char *text, span s)
{
    if (!at(text, s.end, s.start, "\\begin{align") && !at(text, s.end, s.start, "\\begin{eq"))
        return s;
    size_t end = s.end, start;
    for (start = s.end; start-- > s.start;)
        if (at(text, s.end, start, "\\end{")) break;
    if (start > s.start && start < s.end) end = start;
    span row = trim(text, (span){s.start, end});
    for (start = row.end; start-- > s.start;) {
        if (!at(text, row.end, start, "\\\\")) continue;
        row.start = start + 2;
        row = trim(text, row);
        if (row.start < row.end) break;
        row = trim(text, (span){s.start, start});
    }
    if (row.start < row.end && text[row.start] == '&') row.start++;
    return trim(text, row);
}

/* Whether a digit stands in text[from..to). */
static bool has_digit(const char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (is_digit(text[i])) return true;
    return false;
}

bool find_formula(const char *text, size_t size, span *out)
{
    formula f[MOST_FORMULAS], next;
    size_t n = 0;
    for (size_t i = 0; formula_next(text, size, i, &next); i = next.outside.end) {
        if (n == MOST_FORMULAS) memmove(f, f + 1, --n * sizeof *f);
        span inside = trim(text, next.inside);
        if (inside.end > inside.start) f[n++] = next;
    }
    /* A number in the words behind the last formula is nearer to the answer. */
    if (!n || has_digit(text, f[n - 1].outside.end, size)) return false;
    size_t first = n - 1; /* of the same sentence */
    while (first) {
        size_t from = f[first - 1].outside.end, to = f[first].outside.start;
        bool ends = memchr(text + from, '\n', to - from) != NULL;
        for (size_t i = from; i + 1 < to; i++)
            ends |= strchr(".:!?", text[i]) && text[i] && is_space(text[i + 1]);
        if (ends) break;
        first--;
    }
    *out = last_row(text, last_value(text, f + first, n - first, (span){0, size}));
    return out->end > out->start;
}
