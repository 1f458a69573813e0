/* Compares two bare answers as mathematics. */
#include "answer.h"

#include "compare.h"
#include "extract.h"
#include "parser.h"
#include "plain.h"
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

/* Takes a brace off the end that closes nothing, "\end{pmatrix}}". */
static void drop_stray_brace(const char *s, size_t *n)
{
    size_t open = 0;
    if (*n == 0 || s[*n - 1] != '}') return;
    for (size_t i = 0; i + 1 < *n; i++) {
        if (s[i] == '\\') i++;
        else if (s[i] == '{') open++;
        else if (s[i] == '}' && open-- == 0) return;
    }
    if (open == 0 && (*n < 2 || s[*n - 2] != '\\')) --*n;
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
    if (b && options->kind == MASA_ANSWER_NUMERIC && is_left_undone(a) && !is_left_undone(b)) {
        w->rule = "left undone";
        verdict = MASA_VERDICT_DIFFERENT;
    } else if (b && (a->kind == NODE_TEXT || b->kind == NODE_TEXT)) {
        bool prose = is_prose(answer, size) && is_prose(gold, gold_size);
        w->rule = prose ? "words" : "unread notation";
        if ((prose ? same_words : same_signs)(answer, size, gold, gold_size))
            verdict = MASA_VERDICT_EQUAL;
        else verdict = a->kind == b->kind ? compare(w, a, b) : MASA_VERDICT_DIFFERENT;
    } else if (b) {
        drop_point_name(a, w, b);
        rename_letters(w, a, b);
        a = vector_from_sum(w, a, b);
        b = vector_from_sum(w, b, a);
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

/* In the first reading of what has two, and in the second where they differ. */
static masa_verdict compare_readings(const char *answer, size_t size, const char *gold,
                                     size_t gold_size, const masa_verify_options *options,
                                     const char **rule)
{
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

masa_verdict verify_compare_math(const char *answer, size_t size, const char *gold,
                                 size_t gold_size, const masa_verify_options *options,
                                 const char **rule)
{
    trim_bare(&answer, &size);
    extract_gold(&gold, &gold_size);
    trim_bare(&gold, &gold_size);
    drop_stray_brace(answer, &size);
    drop_stray_brace(gold, &gold_size);
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
    masa_verdict verdict;
    if (plain_compare(answer, size, gold, gold_size, &verdict, rule)) return verdict;
    drop_label(&answer, &size);
    drop_label(&gold, &gold_size);
    if (first_letter(gold, gold_size) == gold_size) drop_unit(answer, &size);
    register_thread();
    verdict = compare_readings(answer, size, gold, gold_size, options, rule);
    if (verdict != MASA_VERDICT_DIFFERENT) return verdict;
    char point[LONGEST_DECIMAL];
    const char *comma = NULL;
    if (plain_decimal_comma(point, answer, size, gold, gold_size))
        verdict = compare_readings(point, size, gold, gold_size, options, &comma);
    else if (plain_decimal_comma(point, gold, gold_size, answer, size))
        verdict = compare_readings(answer, size, point, gold_size, options, &comma);
    if (verdict != MASA_VERDICT_EQUAL) return MASA_VERDICT_DIFFERENT;
    *rule = "decimal comma";
    return verdict;
}
