/*
 * Characters as Hugging Face's `tokenizers` classes them. Its regular expressions
 * know Unicode 16, its digits Unicode 17 and its normaliser Unicode 10, while
 * PCRE2 and utf8proc have the versions of their packages: the tables here name
 * what differs, so that every code point lands in the same class.
 */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <utf8proc.h>

#include <stdlib.h>
#include <string.h>

typedef struct range {
    unsigned first, last;
} range;

/* General category L and N in Unicode 14.0.1 .. 16. */
static const range newer_letters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x1123F, 0x11240},
    {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5},
    {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0},
    {0x11F02, 0x11F02}, {0x11F04, 0x11F10}, {0x11F12, 0x11F33}, {0x1342F, 0x1342F},
    {0x13441, 0x13446}, {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C},
    {0x18CFF, 0x18CFF}, {0x1B132, 0x1B132}, {0x1B155, 0x1B155}, {0x1DF25, 0x1DF2A},
    {0x1E030, 0x1E06D}, {0x1E4D0, 0x1E4EB}, {0x1E5D0, 0x1E5ED}, {0x1E5F0, 0x1E5F0},
    {0x2B739, 0x2B739}, {0x2EBF0, 0x2EE5D}, {0x31350, 0x323AF}};
static const range newer_numbers[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x11F50, 0x11F59},
    {0x16130, 0x16139}, {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1D2C0, 0x1D2D3},
    {0x1E4F0, 0x1E4F9}, {0x1E5F1, 0x1E5FA}};
/* Numbers of Unicode 17, which only the Digits pre-tokenizer knows. */
static const range newest_numbers[] = {{0x11DE0, 0x11DE9}, {0x16FF4, 0x16FF6}};

/* White_Space. PCRE2's \s has U+180E too, which has not been a space since 2013. */
static const range spaces[] = {
    {0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

/* Marks that got their combining class after Unicode 10: the normaliser there leaves
 * them, and everything on either side, in place. */
static const range unordered_marks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, /* composed since Unicode 13 */
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

#define COUNT(table)    (sizeof(table) / sizeof *(table))
#define IN(table, code) in_ranges((table), COUNT(table), (code))

static bool in_ranges(const range *ranges, size_t n, unsigned code)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (code < ranges[middle].first) n = middle;
        else if (code > ranges[middle].last) low = middle + 1;
        else return true;
    }
    return false;
}

bool tokenizer_is_space(unsigned code)
{
    return IN(spaces, code);
}

bool tokenizer_is_numeric(unsigned code)
{
    if (code < 0x80) return code >= '0' && code <= '9';
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
    return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL ||
           c == UTF8PROC_CATEGORY_NO || IN(newer_numbers, code) || IN(newest_numbers, code);
}

bool tokenizer_is_word(unsigned code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: break;
    }
    /* Join_Control, and Alphabetic symbols: circled and squared letters. */
    return code == 0x200C || code == 0x200D || (code >= 0x24B6 && code <= 0x24E9) ||
           (code >= 0x1F130 && code <= 0x1F149) || (code >= 0x1F150 && code <= 0x1F169) ||
           (code >= 0x1F170 && code <= 0x1F189) || IN(newer_letters, code) ||
           (IN(newer_numbers, code) && (code < 0x1D2C0 || code > 0x1D2D3));
}

static void add_ranges(masa_text *out, const range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        masa_text_addf(out, "\\x{%X}-\\x{%X}", ranges[i].first, ranges[i].last);
}

/* The inside of a class for an escape that PCRE2 has otherwise; false for any other. */
static bool add_class(masa_text *out, const char *escape, size_t *size)
{
    if (masa_starts_with(escape, "\\p{L}")) {
        masa_text_add(out, "\\p{L}");
        add_ranges(out, newer_letters, COUNT(newer_letters));
    } else if (masa_starts_with(escape, "\\p{N}")) {
        masa_text_add(out, "\\p{N}");
        add_ranges(out, newer_numbers, COUNT(newer_numbers));
    } else if (masa_starts_with(escape, "\\s") || masa_starts_with(escape, "\\S")) {
        add_ranges(out, spaces, COUNT(spaces));
        *size = 2;
        return true;
    } else {
        return false;
    }
    *size = 5;
    return true;
}

static masa_status refuse(masa_error *err, const char *what)
{
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                     "the splitting pattern has %s, which masa does not support", what);
}

/* An escape at p, inside a character class or not. */
static masa_status translate_escape(masa_text *out, const char *p, bool in_class, size_t *size,
                                    masa_error *err)
{
    if (p[1] == '\0')
        return MASA_FAIL(err, MASA_ERR_FORMAT, "the splitting pattern ends in \\");
    if (strchr("hHXRGKkgQEC", p[1])) return refuse(err, "an escape with another meaning here");
    if (in_class && p[1] == 'S') return refuse(err, "\\S inside a class");
    if (!in_class) masa_text_add(out, p[1] == 'S' ? "[^" : "[");
    if (add_class(out, p, size)) {
        if (!in_class) masa_text_add(out, "]");
        return MASA_OK;
    }
    if (!in_class) out->size -= 1; /* it was "[": not one of ours */
    *size = 2;
    masa_text_append(out, p, *size);
    return MASA_OK;
}

masa_status tokenizer_translate_pattern(masa_text *out, const char *pattern, masa_error *err)
{
    bool in_class = false;
    for (const char *p = pattern; *p;) {
        size_t size = 1;
        if (*p == '\\') {
            masa_status st = translate_escape(out, p, in_class, &size, err);
            if (st != MASA_OK) return st;
        } else {
            if (in_class && (*p == '[' || (p[0] == '&' && p[1] == '&')))
                return refuse(err, "a class inside a class");
            if (!in_class && p[0] == '}' && p[1] == '+') return refuse(err, "\"}+\"");
            if (!in_class && p[0] == '(' && p[1] == '*') return refuse(err, "\"(*\"");
            if (!in_class && p[0] == '(' && p[1] == '?' && !strchr(":=!<>i", p[2]))
                return refuse(err,
                              "a group of a kind that is not (?:, (?=, (?!, (?<, (?> or (?i");
            if (*p == '[') in_class = true;
            else if (*p == ']') in_class = false;
            masa_text_append(out, p, 1);
            /* "[]" and "[^]": a bracket that is first is itself. */
            if (*p == '[' && p[1] == '^') masa_text_append(out, &p[size++], 1);
            if (*p == '[' && p[size] == ']') masa_text_append(out, &p[size++], 1);
        }
        p += size;
    }
    return MASA_OK;
}

static void normalize_run(masa_text *out, const char *s, size_t n)
{
    utf8proc_uint8_t *normal = NULL;
    if (n == 0) return;
    utf8proc_ssize_t size = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n,
                                         &normal, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    /* Valid UTF-8 cannot fail but for memory; text that is not stands as it is. */
    if (size == UTF8PROC_ERROR_NOMEM) masa_memory_out((double)n, "a normal form (utf8proc)");
    if (size >= 0) masa_text_append(out, (const char *)normal, (size_t)size);
    else masa_text_append(out, s, n);
    free(normal);
}

void tokenizer_normalize(masa_text *out, const char *s, size_t n)
{
    size_t begin = 0;
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t size = masa_utf8_decode(s + i, n - i, &code);
        if (size == 0) size = 1;
        if (IN(unordered_marks, code)) {
            normalize_run(out, s + begin, i - begin);
            masa_text_append(out, s + i, size);
            begin = i + size;
        }
        i += size;
    }
    normalize_run(out, s + begin, n - begin);
}
