/* Values that are said in words: numbers, ordinals, fractions, all and none. */
#include "parser.h"

#include <string.h>

/* Which of the words (ended by NULL) s is, in any case; -1: none. */
static int which_word(const char *s, size_t n, const char *const *words)
{
    for (int k = 0; words[k]; k++)
        if (strlen(words[k]) == n && strncasecmp(words[k], s, n) == 0) return k;
    return -1;
}

/* Zero to ninety-nine; -1: none. */
static int small_number(const char *s, size_t n)
{
    static const char *const numbers[] = {
        "zero",     "one",      "two",      "three",   "four",    "five",
        "six",      "seven",    "eight",    "nine",    "ten",     "eleven",
        "twelve",   "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
        "eighteen", "nineteen", "twenty",   NULL};
    static const char *const tens[] = {"twenty", "thirty",  "forty",  "fifty",
                                       "sixty",  "seventy", "eighty", "ninety"};
    int number = which_word(s, n, numbers);
    for (int k = 0; number < 0 && k < 8; k++) {
        size_t m = strlen(tens[k]);
        if (n < m || strncasecmp(s, tens[k], m) != 0) continue;
        if (n == m) return 20 + 10 * k;
        int ones = s[m] == '-' || s[m] == ' ' ? which_word(s + m + 1, n - m - 1, numbers) : -1;
        return ones >= 1 && ones <= 9 ? 20 + 10 * k + ones : -1;
    }
    return number;
}

/* Behind the word at the beginning of s and what parts it from the next; 0: it is the last. */
static size_t next_word(const char *s, size_t n, size_t *size)
{
    size_t i = 0;
    while (i < n && s[i] != ' ' && s[i] != '-') i++;
    *size = i;
    return i + 1 < n ? i + 1 : 0;
}

/* "one hundred twenty", "two hundred and five"; -1: none. */
static int large_number(const char *s, size_t n)
{
    static const char *const hundred[] = {"hundred", NULL}, *const one[] = {"a", NULL};
    size_t first, second, i = next_word(s, n, &first);
    int hundreds = which_word(s, first, hundred) == 0 ? 1 : -1;
    if (hundreds < 0 && i) {
        hundreds = which_word(s, first, one) == 0 ? 1 : small_number(s, first);
        size_t j = next_word(s + i, n - i, &second);
        if (which_word(s + i, second, hundred) != 0 || hundreds < 1 || hundreds > 9) return -1;
        i = j ? i + j : 0;
    }
    if (hundreds < 0 || !i) return hundreds < 0 ? -1 : 100 * hundreds;
    if (n - i > 4 && strncasecmp(s + i, "and ", 4) == 0) i += 4;
    int rest = small_number(s + i, n - i);
    return rest > 0 ? 100 * hundreds + rest : -1;
}

/* The divisor of "two thirds"; 0: none. */
static int divisor(const char *s, size_t n)
{
    static const char *const parts[] = {"half",    "third",  "quarter", "fifth", "sixth",
                                        "seventh", "eighth", "ninth",   "tenth", NULL};
    static const char *const more[] = {"halves",   "thirds",  "quarters", "fifths", "sixths",
                                       "sevenths", "eighths", "ninths",   "tenths", NULL};
    int k = which_word(s, n, parts);
    if (k < 0) k = which_word(s, n, more);
    if (k < 0 && n >= 6 && n <= 7 && strncasecmp(s, "fourths", n) == 0) k = 2;
    return k < 0 ? 0 : k + 2;
}

/* "one half", "three-quarters", "half". NULL: none. */
static node *fraction(work *w, const char *s, size_t n)
{
    static const char *const one[] = {"a", NULL};
    size_t first, i = next_word(s, n, &first);
    if (n == 4 && divisor(s, n) == 2)
        return node_binary(w, NODE_QUOTIENT, node_integer(w, 1), node_integer(w, 2));
    int over = i ? small_number(s, first) : -1, under = i ? divisor(s + i, n - i) : 0;
    if (i && which_word(s, first, one) == 0) over = 1;
    if (over < 1 || !under) return NULL;
    return node_binary(w, NODE_QUOTIENT, node_integer(w, over), node_integer(w, under));
}

/* "second" as 2nd. NULL: none. */
static node *ordinal(work *w, const char *s, size_t n)
{
    static const char *const ordinals[] = {"first",    "second",  "third",  "fourth", "fifth",
                                           "sixth",    "seventh", "eighth", "ninth",  "tenth",
                                           "eleventh", "twelfth", NULL};
    int number = which_word(s, n, ordinals);
    if (number < 0) return NULL;
    node *out = node_unary(w, NODE_UNIT, node_integer(w, number + 1));
    out->text = "th";
    out->size = 2;
    return out;
}

node *parse_spoken(work *w, const char *s, size_t n)
{
    static const char *const reals[] = {"all real numbers",
                                        "all reals",
                                        "real numbers",
                                        "all real",
                                        "any real number",
                                        "every real number",
                                        "all real values",
                                        "\u5168\u4f53\u5b9e\u6570",
                                        "\u4efb\u610f\u5b9e\u6570",
                                        NULL};
    static const char *const none[] = {"no solution",
                                       "no solutions",
                                       "no real solution",
                                       "no real solutions",
                                       "empty set",
                                       "the empty set",
                                       "null set",
                                       "the null set",
                                       "none",
                                       "no roots",
                                       "no real roots",
                                       "no solution exists",
                                       "no solutions exist",
                                       "there is no solution",
                                       "there are no solutions",
                                       "there are no real solutions",
                                       "the equation has no solution",
                                       "has no solution",
                                       "\u65e0\u89e3",
                                       "\u6ca1\u6709\u89e3",
                                       "\u7a7a\u96c6",
                                       "\u65e0\u5b9e\u6570\u89e3",
                                       NULL};
    while (n && s[n - 1] == '.') n--;
    if (n < 3 || n > 40) return NULL;
    if (which_word(s, n, reals) >= 0) return node_create(w, NODE_REALS, 0);
    if (which_word(s, n, none) >= 0) return node_create(w, NODE_SET, 0);
    node *out = parse_spoken_chinese(w, s, n);
    if (!out) out = ordinal(w, s, n);
    if (!out) out = fraction(w, s, n);
    if (out) return out;
    int number = small_number(s, n);
    if (number < 0) number = large_number(s, n);
    return number >= 0 ? node_integer(w, number) : NULL;
}
