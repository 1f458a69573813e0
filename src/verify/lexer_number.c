/* Numbers, as the world writes them. */
#include "lexer_internal.h"

/* U+2009, U+202F and their like, three bytes each. */
static bool at_thin_space(const lexer *l, size_t i)
{
    return l->n - i > 3 &&
           (memcmp(l->s + i, "\u2009", 3) == 0 || memcmp(l->s + i, "\u202f", 3) == 0);
}

/* Bytes of a thousands separator at i that three digits follow, or 0: one comma at most,
 * with the spaces of LaTeX around it ("12,345", "12{,}345", "12,\\! 345", "12\\,345").
 * *certain: it can be no list's. */
static size_t thousands_at(const lexer *l, size_t i, bool *certain)
{
    size_t d = i, commas = 0, spaces = 0, marks = 0;
    bool braces = false;
    while (d < l->n) {
        char c = l->s[d], next = char_at(l, d + 1);
        if (c == ',' && !commas) d++, commas++;
        else if (c == '{' && !braces &&
                 (next == ',' || (next == ' ' && char_at(l, d + 2) == ',')))
            d++, braces = true;
        else if (c == '}' && braces) d++, braces = false, marks++;
        else if (c == ' ' || c == '~') d++, spaces++;
        else if (c == '\\' && next == ' ') d += 2, spaces++;
        else if (c == '\\' && next == '!') d += 2, marks++;
        else if (c == '\\' && next && strchr(",;:", next)) d += 2, marks += !commas;
        else if (at_thin_space(l, d)) d += 3, marks += !commas;
        else break;
    }
    /* "1, 234" may be a list; "1 234" and "12,\\! 345" are none. */
    *certain = marks > 0;
    bool three =
        digit_at(l, d) && digit_at(l, d + 1) && digit_at(l, d + 2) && !digit_at(l, d + 3);
    if (!three || d == i || braces) return 0;
    return marks || spaces + commas == 1 ? d - i : 0;
}

/* How many digits at the end of a decimal are said to go on for ever by the dots behind
 * them: 1 of "0.1666...", 2 of "0.2727..."; 0 if they do not repeat. */
static size_t repeating_digits(const char *text, size_t size)
{
    const char *point = memchr(text, '.', size);
    size_t places = point ? size - (size_t)(point - text) - 1 : 0;
    for (size_t period = 1; 2 * period <= places; period++) {
        size_t same = 0;
        while (same + period < places &&
               text[size - 1 - same] == text[size - 1 - same - period])
            same++;
        if (same >= (period == 1 ? 2 : period)) return period;
    }
    return 0;
}

/* Dots behind the number that ends at i: their bytes, or 0. */
static size_t dots_at(const lexer *l, size_t i)
{
    static const char *const dots[] = {"...", "\u2026", "\\ldots", "\\dots", "\\cdots"};
    for (size_t k = 0; k < sizeof dots / sizeof *dots; k++) {
        size_t m = strlen(dots[k]);
        if (m <= l->n - i && memcmp(l->s + i, dots[k], m) == 0) return m;
    }
    return 0;
}

/* "0.1666..." as 0.1666\overline{6}. */
static void emit_repeating(lexer *l, const char *text, size_t size, const char *again,
                           size_t period)
{
    static const char accent[] = "overline";
    lexer_emit(l, T_NUMBER, 0, text, size);
    lexer_emit(l, T_ACCENT, 0, accent, strlen(accent));
    lexer_emit(l, '{', 0, "{", 1);
    lexer_emit(l, T_NUMBER, 0, again, period);
    lexer_emit(l, '}', 0, "}", 1);
}

/* The end of "(6)" behind "0.1", digits in brackets at i; 0: there are none. */
static size_t bracketed_digits(const lexer *l, size_t i)
{
    if (char_at(l, i) != '(') return 0;
    size_t d = i + 1;
    while (digit_at(l, d)) d++;
    return d > i + 1 && char_at(l, d) == ')' ? d + 1 : 0;
}

/* "1.234.567" and "1.234,50" of Europe: true if it was one. */
static bool lex_pointed_thousands(lexer *l)
{
    char *text = l->digits;
    size_t i = l->i, size = 0, groups = 0;
    while (digit_at(l, i) && size < 4) text[size++] = l->s[i++];
    if (size == 0 || size > 3) return false;
    while (char_at(l, i) == '.' && digit_at(l, i + 1) && digit_at(l, i + 2) &&
           digit_at(l, i + 3) && !digit_at(l, i + 4)) {
        memcpy(text + size, l->s + i + 1, 3);
        size += 3, i += 4, groups++;
    }
    size_t cents = 0;
    while (groups && char_at(l, i) == ',' && cents < 3 && digit_at(l, i + 1 + cents)) cents++;
    if (cents == 3) cents = 0;
    if (groups == 1 && cents) { /* or the pair "1.234,50" */
        l->w->ambiguous = true;
        if (l->w->second_reading) return false;
    }
    if (groups == 0 || groups + (cents > 0) < 2 || char_at(l, i) == '.') return false;
    if (cents) {
        text[size] = '.';
        memcpy(text + size + 1, l->s + i + 1, cents);
        size += 1 + cents, i += 1 + cents;
    }
    l->i = i;
    l->digits += size;
    lexer_emit(l, T_NUMBER, 0, text, size);
    return true;
}

void lex_number(lexer *l)
{
    size_t start = l->i, i = start, lead;
    char *text = l->digits;
    size_t size = 0;
    if (lex_pointed_thousands(l)) return;
    while (digit_at(l, i)) text[size++] = l->s[i++];
    lead = size;
    bool certain = true;
    for (size_t m; lead > 0 && lead <= 3 && i < l->n && (m = thousands_at(l, i, &certain));) {
        if (!certain) l->w->ambiguous = true;
        if (!certain && l->w->second_reading) break;
        memcpy(text + size, l->s + i + m, 3);
        size += 3;
        i += m + 3;
    }
    if (char_at(l, i) == '.' && (digit_at(l, i + 1) || size > 0) && char_at(l, i + 1) != '.') {
        text[size++] = l->s[i++];
        while (digit_at(l, i)) text[size++] = l->s[i++];
    }
    size_t dots = dots_at(l, i), period = dots ? repeating_digits(text, size) : 0;
    size_t closed = bracketed_digits(l, i);
    if (closed && memchr(text, '.', size)) {
        l->w->ambiguous = true; /* "0.1(6)": a product, in the second reading 1/6 */
        if (l->w->second_reading) {
            l->i = closed;
            l->digits += size;
            emit_repeating(l, text, size, l->s + i + 1, closed - i - 2);
            return;
        }
    }
    if (period) {
        l->i = i + dots;
        l->digits += size;
        emit_repeating(l, text, size, text + size - period, period);
        return;
    }
    size_t sign = char_at(l, i + 1) == '-' || char_at(l, i + 1) == '+';
    if ((char_at(l, i) == 'e' || char_at(l, i) == 'E') && digit_at(l, i + 1 + sign)) {
        l->w->ambiguous = true;
        if (!l->w->second_reading) {
            text[size++] = 'e';
            for (i++; sign || digit_at(l, i); sign = 0) text[size++] = l->s[i++];
        }
    }
    l->i = i;
    l->digits += size;
    lexer_emit(l, T_NUMBER, 0, text, size);
}
