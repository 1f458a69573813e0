/* Compares two bare answers as mathematics. */
#include "answer.h"

#include "compare.h"
#include "extract.h"
#include "parser.h"
#include "unit.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

/* FLINT keeps caches per thread; they go when the thread does. */
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void free_caches(void *unused)
{
    (void)unused;
    flint_cleanup();
}

static void create_cache_key(void)
{
    pthread_key_create(&cache_key, free_caches);
}

static void register_thread(void)
{
    pthread_once(&cache_once, create_cache_key);
    if (!pthread_getspecific(cache_key)) pthread_setspecific(cache_key, &cache_key);
}

static void trim_bare(const char **s, size_t *n)
{
    while (*n && strchr(" \t\r\n\f\v", **s) && **s) (*s)++, (*n)--;
    while (*n && strchr(" \t\r\n\f\v", (*s)[*n - 1]) && (*s)[*n - 1]) (*n)--;
    while (*n > 4 && memcmp(*s, "**", 2) == 0 && memcmp(*s + *n - 2, "**", 2) == 0)
        *s += 2, *n -= 4; /* bold in Markdown */
}

/* Takes a box around the whole answer off. */
static void unbox(const char **s, size_t *n)
{
    const size_t head = strlen("\\boxed{");
    masa_extraction inside;
    if (*n <= head || memcmp(*s, "\\boxed{", head) != 0 || (*s)[*n - 1] != '}' ||
        !masa_extract_answer(*s, *n, MASA_EXTRACT_BOXED, &inside))
        return;
    const char *content = *s + head;
    size_t size = *n - head - 1;
    trim_bare(&content, &size);
    if (content != *s + inside.start || size != inside.size) return;
    *s = content;
    *n = size;
}

/* Where the first letter stands that is of no command and no exponent; n: nowhere. */
static size_t first_letter(const char *s, size_t n)
{
    size_t i = 0;
    for (; i < n; i++) {
        if (s[i] == '\\')
            while (i + 1 < n && isalpha((unsigned char)s[i + 1])) i++;
        else if (isalpha((unsigned char)s[i]) && s[i] != 'e' && s[i] != 'E') break;
    }
    return i;
}

/* "m", "km/h", "kg m^2" */
static bool are_units(const char *s, size_t n)
{
    for (size_t i = 0, m; i < n; i += m) {
        unsigned char c = (unsigned char)s[i];
        for (m = 0; i + m < n && isalpha((unsigned char)s[i + m]);) m++;
        if (m == 1 && !strchr("mgshNJCVWKALT", c)) return false;
        if (m > 3 || (m > 1 && !unit_known(s + i, m))) return false; /* longer: "million" */
        if (m) continue;
        m = 1;
        bool power = isdigit(c) && i && strchr("^-{", s[i - 1]);
        if (!power && c < 0x80 && (c == 0 || !strchr(" /*^-{}()$", c))) return false;
    }
    return true;
}

/* Takes the unit off "10 N" and "5 km/h", where no letter can be meant. */
static void drop_unit(const char *s, size_t *n)
{
    size_t i = first_letter(s, *n), k = i;
    if (i == *n || !are_units(s + i, *n - i)) return;
    while (i && (s[i - 1] == ' ' || s[i - 1] == '~')) i--;
    if (i > 1 && s[i - 1] == ',' && s[i - 2] == '\\') i -= 2; /* "10\,N" */
    if (i && s[i - 1] == '\\') i--;                           /* "10\ N" */
    bool value = i && (isdigit((unsigned char)s[i - 1]) || s[i - 1] == '}' ||
                       (unsigned char)s[i - 1] >= 0x80);
    if (i < k && value) *n = i;
}

/* Takes the letter off "\textbf{(A) } 5": an option's value was asked for. */
static void drop_label(const char **s, size_t *n)
{
    static const char *const heads[] = {"\\textbf{(", "\\text{(", "\\mathrm{(", "\\mathbf{("};
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        size_t m = strlen(heads[k]);
        if (*n < m + 4 || memcmp(*s, heads[k], m) != 0 || !isupper((unsigned char)(*s)[m]) ||
            (*s)[m + 1] != ')')
            continue;
        for (m += 2; m < *n && ((*s)[m] == ' ' || (*s)[m] == '~');) m++;
        size_t value = m;
        while (value < *n && !isalnum((unsigned char)(*s)[value])) value++;
        if (value == *n || (*s)[m] != '}') return;
        *s += m + 1;
        *n -= m + 1;
        trim_bare(s, n);
        return;
    }
}

/* One word of a sentence: letters only, and more than a product of two would have. */
static bool is_word(const char *s, size_t n)
{
    static const char *const dress[] = {"\\text{", "\\mbox{", "\\textbf{"};
    for (size_t k = 0; k < sizeof dress / sizeof *dress; k++) {
        size_t m = strlen(dress[k]);
        if (n > m && s[n - 1] == '}' && memcmp(s, dress[k], m) == 0) s += m, n -= m + 1;
    }
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 32) < 'a' || (s[i] | 32) > 'z') return false;
    return n > 2 || (n == 2 && strncasecmp(s, "no", 2) == 0);
}

/* Digits with one mark ('.' or ',') among them; where it stands, or n. */
static size_t decimal_mark(const char *s, size_t n, char mark)
{
    size_t i = 0, at;
    while (i < n && isdigit((unsigned char)s[i])) i++;
    at = i;
    if (i == 0 || i == n || s[i] != mark) return n;
    for (i++; i < n; i++)
        if (!isdigit((unsigned char)s[i])) return n;
    return at + 1 < n ? at : n;
}

/* "1,22" is 1.22 where the other side is that decimal: most of Europe writes so. Three
 * digits behind the comma are thousands, but for "0,111". */
static bool same_decimal(const char *a, size_t n, const char *b, size_t m)
{
    if (n && m && *a == '-' && *b == '-') a++, b++, n--, m--;
    size_t comma = decimal_mark(a, n, ','), point = decimal_mark(b, m, '.');
    if (comma == n || point == m) return false;
    if (n - comma == 4 && !(comma == 1 && *a == '0')) return false;
    return n == m && comma == point && memcmp(a, b, comma) == 0 &&
           memcmp(a + comma + 1, b + comma + 1, n - comma - 1) == 0;
}

/* Which of the meanings that are said in several ways s has; 0: none of these. */
static int meaning(const char *s, size_t n)
{
    static const struct {
        const char *words;
        int meaning;
    } ways[] = {{"true", 1}, {"yes", 1}, {"false", 2},
                {"no", 2},   {"dne", 3}, {"does not exist", 3}};
    for (size_t k = 0; n < 40 && k < sizeof ways / sizeof *ways; k++)
        if (same_words(s, n, ways[k].words, strlen(ways[k].words))) return ways[k].meaning;
    return 0;
}

/* The label of an option at i, "B. ", "B) ", "B: ". */
static bool is_label(const char *s, size_t n, size_t i)
{
    bool begins = i == 0 || !isalnum((unsigned char)s[i - 1]);
    return begins && n - i > 3 && s[i] >= 'A' && s[i] <= 'J' && strchr(".):", s[i + 1]) &&
           s[i + 1] && s[i + 2] == ' ';
}

/* "B. blue" and "(B) blue" where the gold is an option's letter, and no other is named. */
static bool names_option(const char *s, size_t n, const char *gold, size_t gold_size)
{
    if (gold_size == 3 && *gold == '(' && gold[2] == ')') gold++, gold_size = 1;
    size_t start = n && *s == '(';
    if (gold_size != 1 || !is_label(s, n, start) || s[start] != *gold) return false;
    if (start && s[2] != ')') return false;
    for (size_t i = start + 2; i < n; i++)
        if (is_label(s, n, i)) return false;
    return true;
}

/* The point P(1, 2) is (1, 2), where that is asked for. */
static void drop_point_name(node *answer, const work *w, const node *gold)
{
    if (answer->kind != NODE_APPLY || gold->kind != NODE_TUPLE || answer->n < 2) return;
    if (!isupper((unsigned char)*w->symbols[answer->symbol].name)) return;
    answer->kind = NODE_TUPLE;
    answer->symbol = 0;
    answer->mark = '(';
    answer->close = ')';
}

static masa_verdict compare_once(const char *answer, size_t size, const char *gold,
                                 size_t gold_size, const masa_verify_options *options,
                                 bool second_reading, bool *ambiguous, const char **rule)
{
    work space, *w = &space;
    work_init(w, options);
    w->second_reading = second_reading;
    node *a = parse_answer(w, answer, size);
    node *b = a ? parse_answer(w, gold, gold_size) : NULL;
    masa_verdict verdict = MASA_VERDICT_UNDECIDED;
    if (b && (a->kind == NODE_TEXT || b->kind == NODE_TEXT)) {
        bool prose = is_prose(answer, size) && is_prose(gold, gold_size);
        w->rule = prose ? "words" : "unread notation";
        if ((prose ? same_words : same_signs)(answer, size, gold, gold_size))
            verdict = MASA_VERDICT_EQUAL;
        else verdict = a->kind == b->kind ? compare(w, a, b) : MASA_VERDICT_DIFFERENT;
    } else if (b) {
        drop_point_name(a, w, b);
        a = prepare(w, a);
        b = prepare(w, b);
        if (!w->exhausted) verdict = compare(w, a, b);
    }
    if (w->exhausted) verdict = MASA_VERDICT_UNDECIDED;
    *rule = w->exhausted ? "budget" : w->rule;
    *ambiguous = w->ambiguous;
    work_deinit(w);
    return verdict;
}

masa_verdict verify__compare_math(const char *answer, size_t size, const char *gold,
                                  size_t gold_size, const masa_verify_options *options,
                                  const char **rule)
{
    trim_bare(&answer, &size);
    extract__gold(&gold, &gold_size);
    trim_bare(&gold, &gold_size);
    unbox(&answer, &size);
    unbox(&gold, &gold_size);
    if (gold_size == 0) {
        *rule = "empty gold";
        return MASA_VERDICT_BAD_GOLD;
    }
    if (size == gold_size && memcmp(answer, gold, size) == 0) {
        *rule = "same text";
        return MASA_VERDICT_EQUAL;
    }
    if (size > LONGEST_ANSWER || gold_size > LONGEST_ANSWER) {
        *rule = "too long";
        return MASA_VERDICT_UNDECIDED;
    }
    if (is_word(gold, gold_size) && same_words(answer, size, gold, gold_size)) {
        *rule = "words";
        return MASA_VERDICT_EQUAL;
    }
    int means = meaning(gold, gold_size);
    if (means && meaning(answer, size) == means) {
        *rule = "words";
        return MASA_VERDICT_EQUAL;
    }
    if (names_option(answer, size, gold, gold_size)) {
        *rule = "option";
        return MASA_VERDICT_EQUAL;
    }
    if (same_decimal(answer, size, gold, gold_size) ||
        same_decimal(gold, gold_size, answer, size)) {
        *rule = "decimal comma";
        return MASA_VERDICT_EQUAL;
    }
    drop_label(&answer, &size);
    drop_label(&gold, &gold_size);
    if (first_letter(gold, gold_size) == gold_size) drop_unit(answer, &size);
    register_thread();
    bool ambiguous;
    masa_verdict verdict =
        compare_once(answer, size, gold, gold_size, options, false, &ambiguous, rule);
    if (verdict != MASA_VERDICT_DIFFERENT || !ambiguous) return verdict;
    const char *second;
    masa_verdict again =
        compare_once(answer, size, gold, gold_size, options, true, &ambiguous, &second);
    if (again == MASA_VERDICT_DIFFERENT) return verdict;
    *rule = second;
    return again;
}
