/* Words, options' letters and decimal commas: what is compared without reading a formula. */
#include "plain.h"

#include "compare.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* s without the \text{...} around all of it. */
static void undress(const char **s, size_t *n)
{
    static const char *const dress[] = {"\\text{", "\\mbox{", "\\textbf{", "\\mathrm{"};
    for (size_t k = 0; k < sizeof dress / sizeof *dress; k++) {
        size_t m = strlen(dress[k]);
        if (*n <= m || (*s)[*n - 1] != '}' || memcmp(*s, dress[k], m) != 0) continue;
        *s += m;
        *n -= m + 1;
        return;
    }
}

/* One word of a sentence: letters only, and more than a product of two would have. */
static bool is_word(const char *s, size_t n)
{
    undress(&s, &n);
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 32) < 'a' || (s[i] | 32) > 'z') return false;
    return n > 2 || (n == 2 && strncasecmp(s, "no", 2) == 0);
}

/* SAS, SSA: letters in whose order the meaning lies, and no product. */
static bool is_acronym(const char *s, size_t n)
{
    undress(&s, &n);
    for (size_t i = 0; i < n; i++)
        if (!isupper((unsigned char)s[i])) return false;
    return n > 2;
}

/* Bytes of the article before words, or 0; "a" before less than a word is a factor. */
static size_t article(const char *s, size_t n)
{
    static const char *const articles[] = {"the ", "an ", "a "};
    enum { LEAST_WORD = 4 };
    for (size_t k = 0; k < sizeof articles / sizeof *articles; k++) {
        size_t m = strlen(articles[k]), word = m;
        if (n < m || strncasecmp(s, articles[k], m) != 0) continue;
        while (word < n && isalpha((unsigned char)s[word])) word++;
        if (word - m >= LEAST_WORD) return m;
    }
    return 0;
}

/* "The Paris" is Paris. */
static bool same_nouns(const char *a, size_t n, const char *b, size_t m)
{
    size_t x = article(a, n), y = article(b, m);
    return x + y && is_prose(a, n) && is_prose(b, m) && same_words(a + x, n - x, b + y, m - y);
}

/* Whether words may begin here: most answers are told from them by their first sign. */
static bool may_be_words(const char *s, size_t n)
{
    if (n == 0) return false;
    if (*s == '\\') return n > 1 && strchr("tim", s[1]) != NULL; /* \text, \infty, \mbox */
    if (strchr("+-", *s)) return n > 1 && !isdigit((unsigned char)s[1]); /* -\infty */
    return isalpha((unsigned char)*s) || (unsigned char)*s >= 0x80 || strchr("$\"*{ ", *s);
}

/* Which of the meanings that are said in several ways s has; 0: none of these. */
static int meaning(const char *s, size_t n)
{
    static const struct {
        const char *words;
        int meaning;
    } ways[] = {{"true", 1},
                {"yes", 1},
                {"correct", 1},
                {"false", 2},
                {"no", 2},
                {"incorrect", 2},
                {"wrong", 2},
                {"\u4e0d\u5bf9", 2},
                {"dne", 3},
                {"does not exist", 3},
                {"doesn't exist", 3},
                {"not exist", 3},
                {"it does not exist", 3},
                {"limit does not exist", 3},
                {"the limit does not exist", 3},
                {"nonexistent", 3},
                {"\u4e0d\u5b58\u5728", 3},
                {"infinitely many", 4},
                {"infinite", 4},
                {"infinity", 4},
                {"infty", 4},
                {"infinitely many solutions", 4},
                {"infinite solutions", 4},
                {"infinite number of solutions", 4},
                {"infinite many solutions", 4},
                {"positive infinity", 4},
                {"+infinity", 4},
                {"+infty", 4},
                {"+\u221e", 4},
                {"\u221e", 4},
                {"\u65e0\u7a77\u5927", 4},
                {"\u65e0\u7a77\u591a", 4},
                {"\u65e0\u6570\u4e2a", 4},
                {"negative infinity", 5},
                {"minus infinity", 5},
                {"-infinity", 5},
                {"-infty", 5},
                {"-\u221e", 5},
                {"\u5bf9", 1},
                {"\u6b63\u786e", 1},
                {"\u662f", 1},
                {"that is correct", 1},
                {"that's correct", 1},
                {"that is incorrect", 2},
                {"\u662f\u7684", 1},
                {"\u591f", 1},
                {"\u4e0d\u591f", 2},
                {"\u80fd", 1},
                {"\u4e0d\u80fd", 2},
                {"\u5bf9\u7684", 1},
                {"\u221a", 1},
                {"\u2713", 1},
                {"\u9519", 2},
                {"\u9519\u8bef", 2},
                {"\u5426", 2},
                {"\u4e0d\u662f", 2},
                {"\u4e0d\u6b63\u786e", 2},
                {"\u00d7", 2},
                {"\u2717", 2}};
    if (n < 40 && !may_be_words(s, n)) return 0;
    for (size_t k = 0; n < 40 && k < sizeof ways / sizeof *ways; k++)
        if (same_words(s, n, ways[k].words, strlen(ways[k].words))) return ways[k].meaning;
    return 0;
}

/* Y, N, T and F are short for these where the other side says the word. */
static int short_meaning(const char *s, size_t n)
{
    undress(&s, &n);
    if (n != 1) return 0;
    return *s == 'Y' || *s == 'T' ? 1 : *s == 'N' || *s == 'F' ? 2 : 0;
}

/* The truth that a text begins with, "No, it does not follow"; 0: none, or it goes on to say
 * the contrary. */
static int first_meaning(const char *s, size_t n)
{
    size_t end = 0;
    while (end < n && isalpha((unsigned char)s[end])) end++;
    if (end == n || !strchr(",.;:", s[end])) return 0;
    int first = meaning(s, end);
    if (first != 1 && first != 2) return 0;
    for (size_t i = end, m; i < n; i += m ? m : 1) {
        for (m = 0; i + m < n && isalpha((unsigned char)s[i + m]);) m++;
        int other = m ? meaning(s + i, m) : 0;
        if (other && other != first) return 0;
    }
    return first;
}

static bool same_meaning(const char *a, size_t n, const char *b, size_t m)
{
    int x = meaning(a, n), y = meaning(b, m);
    if (!x && y) x = short_meaning(a, n);
    if (!x && y) x = first_meaning(a, n);
    if (!y && x) y = short_meaning(b, m);
    return x && x == y;
}

/* The label of an option at i, "B. ", "B) ", "B: ". */
static bool is_label(const char *s, size_t n, size_t i)
{
    bool begins = i == 0 || !isalnum((unsigned char)s[i - 1]);
    return begins && n - i > 3 && s[i] >= 'A' && s[i] <= 'J' && strchr(".):", s[i + 1]) &&
           s[i + 1] && s[i + 2] == ' ';
}

char plain_option(const char *gold, size_t n)
{
    undress(&gold, &n);
    if (n == 3 && *gold == '(' && gold[2] == ')') gold++, n = 1;
    return n == 1 && *gold >= 'A' && *gold <= 'J' ? *gold : 0;
}

/* The options that s names and nothing else, "A, C", "DCA" or "(A) and (C)", one bit each; 0:
 * not that. */
static unsigned options_in(const char *s, size_t n)
{
    unsigned options = 0;
    for (size_t i = 0; i < n; i++) {
        bool joint = n - i > 4 && strncmp(s + i, " and ", 5) == 0;
        if (joint) i += 4;
        if (joint || strchr(" ,;&()", s[i])) continue;
        unsigned bit = s[i] >= 'A' && s[i] <= 'J' ? 1u << (s[i] - 'A') : 0;
        if (!bit || (options & bit)) return 0;
        options |= bit;
    }
    return options;
}

/* Several options of which each must be named, in any order: "C, A" for AC. */
static bool same_options(const char *a, size_t n, const char *b, size_t m)
{
    undress(&a, &n);
    undress(&b, &m);
    for (size_t i = 0; i + 1 < m; i++)
        if (b[i] >= b[i + 1]) return false; /* AC, ABD: letters of the alphabet in its order */
    unsigned options = m > 1 ? options_in(b, m) : 0;
    return options && options == options_in(a, n);
}

/* "B. blue" and "(B) blue" where the gold is an option's letter, and no other is named. */
static bool names_option(const char *s, size_t n, char option)
{
    size_t start = n && *s == '(';
    if (!option || !is_label(s, n, start) || s[start] != option) return false;
    if (start && s[2] != ')') return false;
    for (size_t i = start + 2; i < n; i++)
        if (is_label(s, n, i)) return false;
    return true;
}

/* Whether a text denies something. */
static bool denies(const char *s, size_t n)
{
    static const char *const words[] = {"not", "n't", "wrong", "incorrect", "never", "neither"};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            size_t m = strlen(words[k]);
            if (m <= n - i && strncasecmp(s + i, words[k], m) == 0 &&
                (m == n - i || !isalpha((unsigned char)s[i + m])))
                return true;
        }
    return false;
}

/* The truth that one sentence ends with, "The statement is false."; 0: none, or it is denied. */
static int last_meaning(const char *s, size_t n)
{
    while (n && strchr(".! ", s[n - 1])) n--;
    size_t word = n;
    while (word && isalpha((unsigned char)s[word - 1])) word--;
    if (word < 4 || memcmp(s + word - 4, " is ", 4) != 0 || memchr(s, '.', n) ||
        memchr(s, '\n', n) || denies(s, word))
        return 0;
    int truth = meaning(s + word, n - word);
    return truth == 1 || truth == 2 ? truth : 0;
}

const char *plain_whole(const char *text, size_t size, const char *gold, size_t gold_size)
{
    enum { LEAST_WORDS = 8 }; /* bytes; in what is shorter, the case of letters may count */
    while (size && isspace((unsigned char)*text)) text++, size--;
    while (size && isspace((unsigned char)text[size - 1])) size--;
    int first = first_meaning(text, size);
    if (!first) first = last_meaning(text, size);
    if (!first) first = meaning(text, size);
    if (first && first == meaning(gold, gold_size)) return "words";
    bool words = size >= LEAST_WORDS && is_prose(gold, gold_size) && is_prose(text, size);
    if (size && size == gold_size && memcmp(text, gold, size) == 0) return "same text";
    if (words && same_words(text, size, gold, gold_size)) return "same text";
    return NULL;
}

bool plain_is_labelled(const char *text, size_t size, char option)
{
    while (size && isspace((unsigned char)*text)) text++, size--;
    return names_option(text, size, option) && !denies(text, size);
}

bool plain_is_choice(const char *s, size_t n)
{
    size_t labels = 0, brackets = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isalpha((unsigned char)s[i]) &&
            (s[i] == 0 || !strchr(" \n.,:;!?'\"*_$\\{}()", s[i])))
            return false;
        labels += is_label(s, n, i);
        brackets += s[i] == '(';
    }
    return labels < 2 && brackets < 2;
}

bool plain_compare(const char *answer, size_t size, const char *gold, size_t gold_size,
                   masa_verdict *verdict, const char **rule)
{
    *verdict = MASA_VERDICT_EQUAL;
    *rule = "words";
    if (is_word(gold, gold_size) && same_words(answer, size, gold, gold_size)) return true;
    if (same_meaning(answer, size, gold, gold_size)) return true;
    if (same_nouns(answer, size, gold, gold_size)) return true;
    if (names_option(answer, size, plain_option(gold, gold_size))) {
        *rule = "option";
        return true;
    }
    if (same_options(answer, size, gold, gold_size)) {
        *rule = "options";
        return true;
    }
    *verdict = MASA_VERDICT_DIFFERENT;
    return is_acronym(answer, size) && is_acronym(gold, gold_size);
}

/* Whether the signs of s, but for the comma at `comma`, are of one value without brackets. */
static bool is_one_value(const char *s, size_t n, size_t comma)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\') i++; /* "11,3\,\text{cm}" */
        else if (s[i] == '{' && (i == 0 || !isalpha((unsigned char)s[i - 1]))) return false;
        else if (s[i] == 0 || strchr(";.([", s[i]) || (s[i] == ',' && i != comma)) return false;
    }
    return true;
}

bool plain_decimal_comma(char *out, const char *s, size_t n, const char *other, size_t m)
{
    const char *comma = n < LONGEST_DECIMAL ? memchr(s, ',', n) : NULL;
    if (!comma || memchr(other, ';', m)) return false;
    for (size_t i = 0; i < m; i++)
        if (other[i] == ',' && (i == 0 || other[i - 1] != '\\')) return false;
    size_t at = (size_t)(comma - s), first = at, end = at + 1;
    while (first && isdigit((unsigned char)s[first - 1])) first--;
    while (end < n && isdigit((unsigned char)s[end])) end++;
    bool zero = at - first == 1 && s[first] == '0';
    if (first == at || end == at + 1 || (end - at == 4 && !zero)) return false;
    size_t zeros = at + 1;
    while (zeros < end && s[zeros] == '0') zeros++;
    if (zeros == end || !is_one_value(s, n, at)) return false;
    memcpy(out, s, n);
    out[at] = '.';
    return true;
}
