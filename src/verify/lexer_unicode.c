/* Characters beyond ASCII. */
#include "lexer_internal.h"
#include "unit.h"

#include <masa/text.h>

static const struct {
    unsigned code;
    int kind, id;
    const char *text;
} unicode[] = {
    {0xA0, T_SPACE, 0, ""},          {0x2009, T_SPACE, 0, ""},
    {0x202F, T_SPACE, 0, ""},        {0x2212, '-', 0, "-"},
    {0x2013, '-', 0, "-"},           {0x2010, '-', 0, "-"},
    {0x27E8, '(', 0, "("},           {0x27E9, ')', 0, ")"},
    {0x2014, '-', 0, "-"},           {0x2011, '-', 0, "-"},
    {0xFF0D, '-', 0, "-"},           {0xFF0B, '+', 0, "+"},
    {0xFF0E, '.', 0, "."},           {0xD7, '*', 0, "*"},
    {0x22C5, '*', 0, "*"},           {0xB7, '*', 0, "*"},
    {0x2217, '*', 0, "*"},           {0xF7, '/', 0, "/"},
    {0x2044, '/', 0, "/"},           {0x2215, '/', 0, "/"},
    {0x221A, T_SQRT, 0, ""},         {0x3C0, T_PI, 0, "pi"},
    {0x221E, T_INFINITY, 0, ""},     {0x2264, T_LE, 0, ""},
    {0x2265, T_GE, 0, ""},           {0x2A7D, T_LE, 0, ""},
    {0x2A7E, T_GE, 0, ""},           {0x2260, T_NE, 0, ""},
    {0x2248, T_ABOUT, 0, ""},        {0x222A, T_CUP, 0, ""},
    {0x2229, T_CAP, 0, ""},          {0x2208, T_IN, 0, ""},
    {0x2205, T_EMPTY, 0, ""},        {0x2216, T_SETMINUS, 0, ""},
    {0xB0, T_DEGREE, 0, ""},         {0xB1, T_PM, 0, ""},
    {0x2213, T_MP, 0, ""},           {0x2032, T_PRIME, 0, "'"},
    {0x2019, T_PRIME, 0, "'"},       {0x211D, T_REALS, 0, ""},
    {0x2261, T_CONGRUENT, 0, ""},    {0x230A, T_FLOOR_OPEN, 0, ""},
    {0x230B, T_FLOOR_CLOSE, 0, ""},  {0x2308, T_CEIL_OPEN, 0, ""},
    {0x2309, T_CEIL_CLOSE, 0, ""},   {0x20AC, T_SPACE, 0, ""},
    {0xA3, T_SPACE, 0, ""},          {0xA5, T_SPACE, 0, ""},
    {0x3B1, T_NAME, 0, "alpha"},     {0x3B2, T_NAME, 0, "beta"},
    {0x3B3, T_NAME, 0, "gamma"},     {0x3B8, T_NAME, 0, "theta"},
    {0x3BB, T_NAME, 0, "lambda"},    {0x3BC, T_NAME, 0, "mu"},
    {0x3C9, T_NAME, 0, "omega"},     {0x3C6, T_NAME, 0, "phi"},
    {0x3C3, T_NAME, 0, "sigma"},     {0xFF0C, ',', 0, ","},
    {0x2266, T_LE, 0, ""},           {0x2267, T_GE, 0, ""},
    {0x2026, T_NAME, 0, "..."},      {0xFF08, '(', 0, "("},
    {0xFF09, ')', 0, ")"},           {0xFF1A, ':', 0, ":"},
    {0xFF1B, ';', 0, ";"},           {0x3001, ',', 0, ","},
    {0x3002, '.', 0, "."},           {0xFF1D, '=', 0, "="},
    {0xFF05, '%', 0, "%"},           {0x2006, T_SPACE, 0, ""},
    {0x3C8, T_NAME, 0, "psi"},       {0x3B7, T_NAME, 0, "eta"},
    {0x3BD, T_NAME, 0, "nu"},        {0x3BA, T_NAME, 0, "kappa"},
    {0x3BE, T_NAME, 0, "xi"},        {0x3C7, T_NAME, 0, "chi"},
    {0x3B6, T_NAME, 0, "zeta"},      {0x393, T_NAME, 0, "Gamma"},
    {0x2220, T_NAME, 0, "angle"},    {0x25B3, T_NAME, 0, "triangle"},
    {0x2003, T_SPACE, 0, ""},        {0x2002, T_SPACE, 0, ""},
    {0x394, T_NAME, 0, "Delta"},     {0x3B4, T_NAME, 0, "delta"},
    {0x3C1, T_NAME, 0, "rho"},       {0x3C4, T_NAME, 0, "tau"},
    {0x3B5, T_NAME, 0, "epsilon"},   {0x2236, ':', 0, ":"},
    {0x2282, T_SUBSET, 0, ""},       {0x2283, T_SUPSET, 0, ""},
    {0x2286, T_SUBSET_EQ, 0, ""},    {0x2287, T_SUPSET_EQ, 0, ""},
    {0x220B, T_CONTAINS, 0, ""},     {0x2209, T_NOT_IN, 0, ""},
    {0x2211, T_BOUNDED, '+', "sum"}, {0x220F, T_BOUNDED, '*', "prod"},
};

/* The digit that is written small, above (*mark: '^') or below ('_') the line, or -1. */
static int small_digit(unsigned code, int *mark)
{
    *mark = code >= 0x2080 && code <= 0x2089 ? '_' : '^';
    if (*mark == '_') return (int)(code - 0x2080);
    if (code == 0xB2 || code == 0xB3) return (int)(code - 0xB0);
    if (code == 0xB9) return 1;
    return code == 0x2070 || (code >= 0x2074 && code <= 0x2079) ? (int)(code - 0x2070) : -1;
}

/* "x²" as x^2, "10⁻¹²" as 10^{-12}, "v₀" as v_0: the digits at i, behind which i is left.
 * Returns whether there are any. */
static bool lex_small_digits(lexer *l, size_t i)
{
    int mark = '^', other = mark, digit;
    unsigned code;
    char *text = l->digits;
    size_t size = 0, m = masa_utf8_decode(l->s + i, l->n - i, &code);
    bool minus = m && code == 0x207B;
    for (i += minus ? m : 0; i < l->n; i += m) {
        m = masa_utf8_decode(l->s + i, l->n - i, &code);
        digit = m ? small_digit(code, size ? &other : &mark) : -1;
        if (digit < 0 || (size && other != mark)) break;
        text[size++] = (char)('0' + digit);
    }
    if (!size || (minus && mark == '_')) return false;
    l->i = i;
    l->digits += size;
    lexer_emit(l, mark, 0, mark == '_' ? "_" : "^", 1);
    if (minus) lexer_emit(l, '-', 0, "-", 1);
    lexer_emit(l, T_NUMBER, 0, text, size);
    m = masa_utf8_decode(l->s + i, l->n - i, &code);
    if (m && mark == '^' && (code == 0x207A || code == 0x207B)) { /* "Ca\u00b2\u207a" */
        l->i += m;
        lexer_emit(l, code == 0x207A ? '+' : '-', 0, "+", 1);
    }
    return true;
}

/* "∛8" as \sqrt[3]{8}. */
static bool lex_small_root(lexer *l, unsigned code)
{
    if (code != 0x221B && code != 0x221C) return false;
    lexer_emit(l, T_SQRT, 0, "", 0);
    lexer_emit(l, '[', 0, "[", 1);
    lexer_emit(l, T_NUMBER, 0, code == 0x221B ? "3" : "4", 1);
    lexer_emit(l, ']', 0, "]", 1);
    return true;
}

/* The digit of another face or alphabet, "𝟯", "３" or "٣", or -1. */
static int other_digit(unsigned code)
{
    static const unsigned zeros[] = {0xFF10, 0x660, 0x6F0, 0x966, 0x9E6,
                                     0xA66,  0xAE6, 0xBE6, 0xC66, 0xE50};
    for (size_t k = 0; k < sizeof zeros / sizeof *zeros; k++)
        if (code >= zeros[k] && code < zeros[k] + 10) return (int)(code - zeros[k]);
    return code >= 0x1D7CE && code <= 0x1D7FF ? (int)((code - 0x1D7CE) % 10) : -1;
}

/* Digits of other faces at i, and a point among them, as one number. */
static bool lex_other_digits(lexer *l, size_t i)
{
    char *text = l->digits;
    size_t size = 0, points = 0, end = i;
    while (i < l->n) {
        unsigned code = 0;
        size_t m = masa_utf8_decode(l->s + i, l->n - i, &code);
        int digit = m ? other_digit(code) : -1;
        bool point =
            digit < 0 && size && !points && (code == '.' || code == 0xFF0E || code == 0x66B);
        if (code == 0x66C && size) { /* the thousands of Arabic */
            i += m;
            continue;
        }
        if (digit < 0 && !point) break;
        text[size++] = (char)(point ? '.' : '0' + digit);
        points += point;
        i += m;
        if (digit >= 0) end = i;
    }
    if (size && text[size - 1] == '.') size--;
    if (!size) return false;
    l->i = end;
    l->digits += size;
    lexer_emit(l, T_NUMBER, 0, text, size);
    return true;
}

/* "½" as (1/2). */
static bool lex_small_fraction(lexer *l, unsigned code)
{
    static const struct {
        unsigned code;
        const char *over, *under;
    } parts[] = {{0xBD, "1", "2"},
                 {0xBC, "1", "4"},
                 {0xBE, "3", "4"},
                 {0x2153, "1", "3"},
                 {0x2154, "2", "3"}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        if (parts[k].code != code) continue;
        lexer_emit(l, T_FRAC, 0, "frac", 4); /* so that "3½" is a mixed number */
        lexer_emit(l, T_NUMBER, 0, parts[k].over, 1);
        lexer_emit(l, T_NUMBER, 0, parts[k].under, 1);
        return true;
    }
    return false;
}

/* Letters of alphabets that mathematics takes no names from: Cyrillic; and all from Hebrew to
 * Georgian, among them Arabic, those of India, and Thai. */
static bool is_foreign(unsigned code)
{
    return (code >= 0x400 && code <= 0x52F) || (code >= 0x590 && code <= 0x10FF);
}

void lex_unicode(lexer *l)
{
    unsigned code;
    size_t m = masa_utf8_decode(l->s + l->i, l->n - l->i, &code), at = l->i;
    l->i += m ? m : 1;
    if (lex_small_digits(l, at) || lex_small_fraction(l, code)) return;
    if (lex_small_root(l, code) || lex_other_digits(l, at)) return;
    if (code == 0x2220 && lex_angle(l)) return;
    if (code == 0x53C8 && after_number(l)) { /* "1\u53c81/2", a mixed number */
        l->spaced = true;
        return;
    }
    if (code == 0x20D7) return;                               /* the arrow above a letter */
    if ((code == 0x3BC || code == 0xB5) && after_number(l)) { /* "5 μF" */
        size_t end = l->i;
        while (letter_at(l, end)) end++;
        if (unit_prefixed(l->s + at, end - at)) {
            l->i = end;
            lexer_emit(l, T_TEXT, 0, l->s + at, end - at);
            return;
        }
    }
    for (size_t k = 0; k < sizeof unicode / sizeof *unicode; k++) {
        if (unicode[k].code != code) continue;
        if (unicode[k].kind == T_SPACE) l->spaced = true;
        else
            lexer_emit(l, unicode[k].kind, unicode[k].id, unicode[k].text,
                       strlen(unicode[k].text));
        return;
    }
    if (is_foreign(code)) { /* a word of Russian, Thai, ...: a unit, or what is asked for */
        while (l->i < l->n && (m = masa_utf8_decode(l->s + l->i, l->n - l->i, &code)) &&
               is_foreign(code))
            l->i += m;
        lexer_emit(l, T_TEXT, 0, l->s + at, l->i - at);
        return;
    }
    if (code < 0x2E80 || code > 0xD7A3) {
        lexer_emit(l, T_NAME, 0, l->s + at, l->i - at);
        return;
    }
    /* Words of a language without spaces, such as a unit. */
    for (;
         l->i < l->n && (unsigned char)l->s[l->i] >= 0xE3 && (unsigned char)l->s[l->i] <= 0xED;
         l->i += m) {
        m = masa_utf8_decode(l->s + l->i, l->n - l->i, &code);
        if (!m || code < 0x3003) break;
    }
    lexer_emit(l, T_TEXT, 0, l->s + at, l->i - at);
}
