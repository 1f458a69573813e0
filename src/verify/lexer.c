#include "lexer.h"
#include "unit.h"

#include <masa/text.h>

#include <ctype.h>
#include <string.h>

typedef struct lexer {
    work *w;
    const char *s;
    size_t n, i;
    token *out;
    size_t count, capacity;
    bool spaced;
    bool has_rows;      /* an environment begins somewhere: "\\\\" ends a row */
    bool escaped_twice; /* every backslash is written as two, as in a string of JSON */
    char *digits; /* where the texts of numbers are put together */
} lexer;

static bool among(int kind, const char *characters)
{
    return kind > 0 && kind < 256 && strchr(characters, kind) != NULL;
}

static bool digit_at(const lexer *l, size_t i)
{
    return i < l->n && l->s[i] >= '0' && l->s[i] <= '9';
}

static bool letter_at(const lexer *l, size_t i)
{
    return i < l->n && isalpha((unsigned char)l->s[i]);
}

static char char_at(const lexer *l, size_t i)
{
    return i < l->n ? l->s[i] : 0;
}

static void emit(lexer *l, int kind, int id, const char *text, size_t size)
{
    if (!work_spend(l->w, 1)) return;
    if (l->count + 1 >= l->capacity) {
        size_t grown = l->capacity ? 2 * l->capacity : 32;
        token *items = work_alloc(l->w, grown * sizeof *items);
        if (l->count) memcpy(items, l->out, l->count * sizeof *items);
        l->out = items;
        l->capacity = grown;
    }
    l->out[l->count++] = (token){kind, id, text, (unsigned)size, l->spaced};
    l->spaced = false;
}

static bool after_number(const lexer *l)
{
    return l->count && l->out[l->count - 1].kind == T_NUMBER;
}

/* "a.m.", "p.m" and the like at i: how many bytes, or 0. */
static size_t half_of_day(const lexer *l, size_t i)
{
    if (l->n - i < 3 || !strchr("apAP", l->s[i]) || l->s[i + 1] != '.' ||
        (l->s[i + 2] | 32) != 'm' || letter_at(l, i + 3))
        return 0;
    return char_at(l, i + 3) == '.' ? 4 : 3;
}

/* U+2009, U+202F and their like, three bytes each. */
static bool at_thin_space(const lexer *l, size_t i)
{
    return l->n - i > 3 && (memcmp(l->s + i, "\u2009", 3) == 0 ||
                            memcmp(l->s + i, "\u202f", 3) == 0);
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
        else if (c == '{' && !braces && (next == ',' || (next == ' ' && char_at(l, d + 2) == ',')))
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
    bool three = digit_at(l, d) && digit_at(l, d + 1) && digit_at(l, d + 2) && !digit_at(l, d + 3);
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
        while (same + period < places && text[size - 1 - same] == text[size - 1 - same - period])
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
    emit(l, T_NUMBER, 0, text, size);
    emit(l, T_ACCENT, 0, accent, strlen(accent));
    emit(l, '{', 0, "{", 1);
    emit(l, T_NUMBER, 0, again, period);
    emit(l, '}', 0, "}", 1);
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
    emit(l, T_NUMBER, 0, text, size);
    return true;
}

static void lex_number(lexer *l)
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
    if (char_at(l, i) == '.' && (digit_at(l, i + 1) || size > 0) &&
        char_at(l, i + 1) != '.') {
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
    emit(l, T_NUMBER, 0, text, size);
}

/* "1orx": a joint glued to the name behind it. */
static bool split_joint(lexer *l, const char *s, size_t n)
{
    static const char *const joints[] = {"or", "and"};
    for (size_t k = 0; l->count && k < 2; k++) {
        size_t m = strlen(joints[k]);
        int before = l->out[l->count - 1].kind;
        if (n != m + 1 || memcmp(s, joints[k], m) != 0 ||
            (before != T_NUMBER && before != ')' && before != '}'))
            continue;
        emit(l, k ? T_AND : T_OR, 0, s, m);
        emit(l, T_NAME, 0, s + m, 1);
        return true;
    }
    return false;
}

/* A run of letters that is no word: a function glued to its argument ("sinx"), a
 * product of a few letters, or a word of a sentence. */
static void split_letters(lexer *l, const char *s, size_t n)
{
    if (split_joint(l, s, n)) return;
    for (size_t m = n - 1; n <= 8 && m >= 2; m--) {
        const word *hit = word_plain(s, m);
        bool opens = hit && (hit->kind == T_FUNCTION || hit->kind == T_SQRT ||
                             hit->kind == T_PI);
        if (!opens || n - m > 3) continue;
        emit(l, hit->kind, hit->id, hit->name, m);
        for (size_t k = m; k < n; k++) {
            const word *letter = word_plain(s + k, 1);
            emit(l, letter ? letter->kind : T_NAME, 0, s + k, 1);
        }
        return;
    }
    if (n >= 4 && char_at(l, l->i) != '^') { /* "GMmr^{-2}" is a product */
        emit(l, T_WORD, 0, s, n);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const word *letter = word_plain(s + k, 1);
        emit(l, letter ? letter->kind : T_NAME, 0, s + k, 1);
    }
}

/* What a letter or two may mean by what stands around them: "3 x 10^8", "x in [0, 1]",
 * "USD 5". Returns whether it did. */
static bool lex_by_context(lexer *l, const char *s, size_t n)
{
    static const char *const money[] = {"USD", "EUR", "GBP", "INR", "Rs", NULL};
    if (n == 1 && (*s | 32) != 'x') return false;
    size_t after = l->i;
    while (char_at(l, after) == ' ') after++;
    char next = char_at(l, after);
    if (n == 1 && (*s | 32) == 'x' && after_number(l) && digit_at(l, after) &&
        char_at(l, after) == '1' && char_at(l, after + 1) == '0' &&
        (char_at(l, after + 2) == '^' || char_at(l, after + 2) == '*')) {
        emit(l, '*', 0, "*", 1);
        return true;
    }
    if (n == 3 && memcmp(s, "per", 3) == 0 && after_number(l) && l->n - after >= 4 &&
        memcmp(l->s + after, "cent", 4) == 0) {
        emit(l, T_TEXT, 0, "percent", 7);
        l->i = after + 4;
        return true;
    }
    if (n == 2 && memcmp(s, "in", 2) == 0 && l->count && next && strchr("[({\\", next) &&
        l->out[l->count - 1].kind == T_NAME && after > l->i) {
        emit(l, T_IN, 0, s, n);
        return true;
    }
    for (size_t k = 0; n > 1 && money[k]; k++) {
        if (strlen(money[k]) != n || memcmp(s, money[k], n) != 0) continue;
        if (next == '.') l->i = after + 1;
        while (char_at(l, after) == '.' || char_at(l, after) == ' ' || char_at(l, after) == '$') after++;
        return digit_at(l, after) && !after_number(l);
    }
    return false;
}

static void lex_letters(lexer *l)
{
    static const char *const modules[] = {"np.", "numpy.", "math.", "sympy.", "sp.", "cmath."};
    for (size_t k = 0; k < sizeof modules / sizeof *modules; k++) {
        size_t m = strlen(modules[k]);
        if (m < l->n - l->i && memcmp(l->s + l->i, modules[k], m) == 0 &&
            letter_at(l, l->i + m)) {
            l->i += m;
            break;
        }
    }
    size_t start = l->i, end = start, time = half_of_day(l, start);
    if (time) {
        emit(l, T_TEXT, 0, (l->s[start] | 32) == 'a' ? "am" : "pm", 2);
        l->i += time;
        return;
    }
    while (letter_at(l, end)) end++;
    /* log10, log2: digits that belong to a name */
    for (size_t more = 1; more <= 2; more++)
        if (digit_at(l, end + more - 1) && char_at(l, end + more) == '(' &&
            word_plain(l->s + start, end + more - start))
            end += more;
    const char *s = l->s + start;
    size_t n = end - start;
    l->i = end;
    if (n <= 3 && lex_by_context(l, s, n)) return;
    const word *hit = word_plain(s, n);
    bool brackets = n == 1 && *s == 'U' && l->count && among(l->out[l->count - 1].kind, "])");
    while (brackets && isspace((unsigned char)char_at(l, end))) end++;
    bool numeric = l->w->options->kind == MASA_ANSWER_NUMERIC && (!hit || hit->kind == T_NAME);
    bool unit = after_number(l) &&
                (numeric || unit_known(s, n) || (l->spaced && unit_prefixed(s, n)));
    if (brackets && (char_at(l, end) == '(' || char_at(l, end) == '['))
        emit(l, T_CUP, 0, s, n);
    else if (unit)
        emit(l, T_TEXT, 0, s, n);
    else if (hit)
        emit(l, hit->kind, hit->id, hit->name, n);
    else
        split_letters(l, s, n);
}

/* The group {...} at i: its contents; *end behind it. Without braces: one character. */
static const char *group(const lexer *l, size_t i, size_t *size, size_t *end)
{
    while (i < l->n && isspace((unsigned char)l->s[i])) i++;
    if (char_at(l, i) != '{') {
        *size = i < l->n;
        *end = i + *size;
        return l->s + i;
    }
    size_t depth = 0, j = i;
    for (; j < l->n; j++) {
        if (l->s[j] == '\\') j++;
        else if (l->s[j] == '{') depth++;
        else if (l->s[j] == '}' && --depth == 0) break;
    }
    if (j > l->n) j = l->n;
    *size = j - i - 1;
    *end = j < l->n ? j + 1 : l->n;
    return l->s + i + 1;
}

static void trim(const char **s, size_t *n)
{
    while (*n && (isspace((unsigned char)**s) || **s == '~')) (*s)++, (*n)--;
    while (*n && (isspace((unsigned char)(*s)[*n - 1]) || (*s)[*n - 1] == '~')) (*n)--;
}

static void lex_text(lexer *l, bool roman)
{
    size_t size, end;
    const char *s = group(l, l->i, &size, &end);
    l->i = end;
    trim(&s, &size);
    if (!size) {
        l->spaced = true;
        return;
    }
    const word *hit = word_plain(s, size);
    bool joins = size <= 3 && (strncasecmp(s, "and", size) == 0 || strncasecmp(s, "or", size) == 0);
    if (joins && size >= 2)
        emit(l, size == 2 ? T_OR : T_AND, 0, s, size);
    else if (hit && roman && !(after_number(l) && unit_known(s, size)))
        emit(l, hit->kind, hit->id, hit->name, size);
    else
        emit(l, T_TEXT, 0, s, size);
}

static void lex_skip_token(lexer *l)
{
    while (l->i < l->n && isspace((unsigned char)l->s[l->i])) l->i++;
    size_t size;
    group(l, l->i, &size, &l->i);
}

/* \Gamma before a bracket is the function, else a letter. */
static bool is_gamma_function(const lexer *l, const char *s, size_t n)
{
    const char *const brackets[] = {"(", "\\left("};
    if (n != 5 || memcmp(s, "Gamma", 5) != 0) return false;
    for (size_t k = 0; k < 2; k++) {
        size_t m = strlen(brackets[k]);
        if (m <= l->n - l->i && memcmp(l->s + l->i, brackets[k], m) == 0) return true;
    }
    return false;
}

/* "\\quadx", "\\leqg": a command without the space behind it. NULL: none. */
static const word *glued_command(const char *s, size_t n)
{
    static const char *const commands[] = {"qquad", "quad", "leq", "geq", "neq",
                                           "cdot",  "times", "pi", "pm"};
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
        size_t m = strlen(commands[k]);
        if (m < n && memcmp(s, commands[k], m) == 0) return word_command(s, m);
    }
    return NULL;
}

static void lex_named_command(lexer *l, const char *s, size_t n)
{
    if (is_gamma_function(l, s, n)) {
        emit(l, T_FUNCTION, FN_GAMMA, s, n);
        return;
    }
    const word *hit = word_command(s, n);
    size_t size, end;
    const char *text;
    if (!hit && (hit = glued_command(s, n)) != NULL) { /* the letters are read by themselves */
        size = strlen(hit->name);
        l->i -= n - size;
        n = size;
    }
    switch (hit ? hit->kind : T_NAME) {
    case T_SKIP: break;
    case T_SIZE: /* "\left." is an invisible bracket */
        if (char_at(l, l->i) == '.') l->i++;
        break;
    case T_SPACE: l->spaced = true; break;
    case T_DOTS: emit(l, T_NAME, 0, "...", 3); break;
    case T_NOT:
        while (char_at(l, l->i) == ' ') l->i++;
        if (char_at(l, l->i) == '=') l->i++, emit(l, T_NE, 0, s, n);
        else emit(l, T_NAME, 0, s, n);
        break;
    case T_BOX: /* a box behind another is the next item of a list */
        if (l->count && l->out[l->count - 1].kind == '}') emit(l, ',', 0, ",", 1);
        emit(l, T_BOX, 0, s, n);
        break;
    case T_SKIP_GROUP: group(l, l->i, &size, &l->i); break;
    case T_SKIP_TOKEN: lex_skip_token(l); break;
    case T_TEXT_COMMAND: lex_text(l, false); break;
    case T_ROMAN: lex_text(l, true); break;
    case T_BLACKBOARD:
        text = group(l, l->i, &size, &end);
        l->i = end;
        if (size == 1 && *text == 'R') emit(l, T_REALS, 0, text, 1);
        else emit(l, T_NAME, 0, s, (size_t)(text + size - s));
        break;
    case T_BEGIN:
    case T_CLOSE_ENVIRONMENT:
        text = group(l, l->i, &size, &end);
        l->i = end;
        emit(l, hit->kind, 0, text, size);
        break;
    default: emit(l, hit ? hit->kind : T_NAME, hit ? hit->id : 0, s, n);
    }
}

/* Whether the letters at i are a command's name of two or more. */
static bool begins_command(const lexer *l, size_t i)
{
    size_t m = i;
    while (letter_at(l, m)) m++;
    return m - i > 1 && word_command(l->s + i, m - i);
}

/* Whether the brace behind which l stands is the tall one of "\\left\\{\\begin{array}{l}": it
 * has no partner, as the other side is "\\right.". */
static bool opens_cases(const lexer *l)
{
    static const char begin[] = "\\begin{", end[] = "\\right.";
    size_t i = l->i;
    while (isspace((unsigned char)char_at(l, i))) i++;
    return l->n - i > strlen(begin) && memcmp(l->s + i, begin, strlen(begin)) == 0 &&
           memmem(l->s + i, l->n - i, end, strlen(end)) != NULL;
}

static void lex_command(lexer *l)
{
    if (l->escaped_twice) l->i++;
    size_t start = l->i + 1, end = start;
    while (letter_at(l, end)) end++;
    if (end > start) {
        l->i = end;
        lex_named_command(l, l->s + start, end - start);
        return;
    }
    char c = char_at(l, start);
    l->i = start + (c != 0);
    switch (c) {
    case '\\':
        l->i += l->escaped_twice && char_at(l, l->i) == '\\';
        if (!l->has_rows && begins_command(l, l->i)) l->i--; /* "\\\\frac" among others */
        else emit(l, T_ROW, 0, "\\\\", 2);
        break;
    case '{':
        if (!opens_cases(l)) emit(l, T_SET_OPEN, 0, "{", 1);
        break;
    case '}': emit(l, T_SET_CLOSE, 0, "}", 1); break;
    case '%': emit(l, '%', 0, "%", 1); break;
    case '|': emit(l, '|', 0, "|", 1); break;
    case ',': case ';': case ':': case ' ': l->spaced = true; break;
    default: break; /* \! \$ \( \) \[ \] and the like mean nothing here */
    }
}

static const struct {
    unsigned code;
    int kind, id;
    const char *text;
} unicode[] = {
    {0xA0, T_SPACE, 0, ""},     {0x2009, T_SPACE, 0, ""},  {0x202F, T_SPACE, 0, ""},
    {0x2212, '-', 0, "-"},      {0x2013, '-', 0, "-"},     {0x2010, '-', 0, "-"},
    {0xD7, '*', 0, "*"},        {0x22C5, '*', 0, "*"},     {0xB7, '*', 0, "*"},
    {0x2217, '*', 0, "*"},      {0xF7, '/', 0, "/"},       {0x2044, '/', 0, "/"},
    {0x2215, '/', 0, "/"},      {0x221A, T_SQRT, 0, ""},   {0x3C0, T_PI, 0, "pi"},
    {0x221E, T_INFINITY, 0, ""}, {0x2264, T_LE, 0, ""},    {0x2265, T_GE, 0, ""},
    {0x2A7D, T_LE, 0, ""},      {0x2A7E, T_GE, 0, ""},     {0x2260, T_NE, 0, ""},
    {0x2248, T_ABOUT, 0, ""},   {0x222A, T_CUP, 0, ""},    {0x2229, T_CAP, 0, ""},
    {0x2208, T_IN, 0, ""},      {0x2205, T_EMPTY, 0, ""},  {0x2216, T_SETMINUS, 0, ""},
    {0xB0, T_DEGREE, 0, ""},    {0xB1, T_PM, 0, ""},       {0x2213, T_MP, 0, ""},
    {0x2032, T_PRIME, 0, "'"},  {0x2019, T_PRIME, 0, "'"}, {0x211D, T_REALS, 0, ""},
    {0x2261, T_CONGRUENT, 0, ""}, {0x230A, T_FLOOR_OPEN, 0, ""}, {0x230B, T_FLOOR_CLOSE, 0, ""},
    {0x2308, T_CEIL_OPEN, 0, ""}, {0x2309, T_CEIL_CLOSE, 0, ""}, {0x20AC, T_SPACE, 0, ""},
    {0xA3, T_SPACE, 0, ""},     {0xA5, T_SPACE, 0, ""},    {0x3B1, T_NAME, 0, "alpha"},
    {0x3B2, T_NAME, 0, "beta"}, {0x3B3, T_NAME, 0, "gamma"}, {0x3B8, T_NAME, 0, "theta"},
    {0x3BB, T_NAME, 0, "lambda"}, {0x3BC, T_NAME, 0, "mu"}, {0x3C9, T_NAME, 0, "omega"},
    {0x3C6, T_NAME, 0, "phi"},  {0x3C3, T_NAME, 0, "sigma"}, {0xFF0C, ',', 0, ","},
    {0x2266, T_LE, 0, ""},      {0x2267, T_GE, 0, ""},     {0x2026, T_NAME, 0, "..."},
    {0xFF08, '(', 0, "("},      {0xFF09, ')', 0, ")"},     {0xFF1A, ':', 0, ":"},
    {0xFF1B, ';', 0, ";"},      {0x3001, ',', 0, ","},     {0x3002, '.', 0, "."},
    {0xFF1D, '=', 0, "="},      {0xFF05, '%', 0, "%"},     {0x2006, T_SPACE, 0, ""},
    {0x394, T_NAME, 0, "Delta"}, {0x3B4, T_NAME, 0, "delta"}, {0x3C1, T_NAME, 0, "rho"},
    {0x3C4, T_NAME, 0, "tau"},  {0x3B5, T_NAME, 0, "epsilon"}, {0x2236, ':', 0, ":"},
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
    int mark = '^', other, digit;
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
    emit(l, mark, 0, mark == '_' ? "_" : "^", 1);
    if (minus) emit(l, '-', 0, "-", 1);
    emit(l, T_NUMBER, 0, text, size);
    return true;
}

/* "½" as (1/2). */
static bool lex_small_fraction(lexer *l, unsigned code)
{
    static const struct {
        unsigned code;
        const char *over, *under;
    } parts[] = {{0xBD, "1", "2"}, {0xBC, "1", "4"}, {0xBE, "3", "4"}, {0x2153, "1", "3"},
                 {0x2154, "2", "3"}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        if (parts[k].code != code) continue;
        emit(l, T_FRAC, 0, "frac", 4); /* so that "3½" is a mixed number */
        emit(l, T_NUMBER, 0, parts[k].over, 1);
        emit(l, T_NUMBER, 0, parts[k].under, 1);
        return true;
    }
    return false;
}

static void lex_unicode(lexer *l)
{
    unsigned code;
    size_t m = masa_utf8_decode(l->s + l->i, l->n - l->i, &code), at = l->i;
    l->i += m ? m : 1;
    if (lex_small_digits(l, at) || lex_small_fraction(l, code)) return;
    if (code == 0x20D7) return; /* the arrow above a letter */
    if ((code == 0x3BC || code == 0xB5) && after_number(l)) { /* "5 μF" */
        size_t end = l->i;
        while (letter_at(l, end)) end++;
        if (unit_prefixed(l->s + at, end - at)) {
            l->i = end;
            emit(l, T_TEXT, 0, l->s + at, end - at);
            return;
        }
    }
    for (size_t k = 0; k < sizeof unicode / sizeof *unicode; k++) {
        if (unicode[k].code != code) continue;
        if (unicode[k].kind == T_SPACE) l->spaced = true;
        else emit(l, unicode[k].kind, unicode[k].id, unicode[k].text, strlen(unicode[k].text));
        return;
    }
    if (code < 0x2E80 || code > 0xD7A3) {
        emit(l, T_NAME, 0, l->s + at, l->i - at);
        return;
    }
    /* Words of a language without spaces, such as a unit. */
    for (; l->i < l->n && (unsigned char)l->s[l->i] >= 0xE3 && (unsigned char)l->s[l->i] <= 0xED;
         l->i += m) {
        m = masa_utf8_decode(l->s + l->i, l->n - l->i, &code);
        if (!m || code < 0x3003) break;
    }
    emit(l, T_TEXT, 0, l->s + at, l->i - at);
}

/* Whether nothing but the end of a group or of the answer follows. */
static bool ends_here(const lexer *l)
{
    size_t i = l->i;
    while (isspace((unsigned char)char_at(l, i))) i++;
    return i == l->n || l->s[i] == '}' || l->s[i] == '$';
}

static void lex_sign(lexer *l)
{
    static const struct {
        const char *text;
        int kind;
    } pairs[] = {{"**", '^'}, {"<=", T_LE}, {">=", T_GE}, {"!=", T_NE}, {"==", '='},
                 {"=<", T_LE}, {"+-", T_PM}, {"+/-", T_PM}, {"...", T_NAME}};
    char c = l->s[l->i];
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t m = strlen(pairs[k].text);
        if (c != *pairs[k].text || m > l->n - l->i ||
            memcmp(l->s + l->i, pairs[k].text, m) != 0)
            continue;
        l->i += m;
        emit(l, pairs[k].kind, 0, pairs[k].text, m);
        return;
    }
    l->i++;
    if (c == '\'')
        emit(l, T_PRIME, 0, "'", 1);
    else if (c == '$' || c == '"' || c == '`' || ((c == '.' || c == ',') && ends_here(l)))
        return;
    else
        emit(l, c, 0, l->s + l->i - 1, 1);
}

/* "]0, 1[" as "(0, 1)": a bracket that closes where an interval begins, and one that
 * opens where it ends. */
static void turn_brackets(lexer *l)
{
    for (size_t i = 0; i < l->count; i++) {
        token *t = l->out + i;
        int before = i ? t[-1].kind : T_CUP, after = i + 1 < l->count ? t[1].kind : T_CUP;
        if (t->kind == ']' && (before == T_CUP || before == T_CAP || before == T_IN))
            t->kind = '(';
        else if (t->kind == '[' && (after == T_CUP || after == T_CAP))
            t->kind = ')';
    }
}

/* Whether backslashes come in pairs only, one of them before a command's name: rows of a
 * matrix do so too, but behind a \begin. */
static bool is_escaped_twice(const char *s, size_t n)
{
    bool command = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\\') continue;
        if (i + 1 == n || s[i + 1] != '\\') return false;
        size_t m = i += 2;
        while (m < n && isalpha((unsigned char)s[m])) m++;
        command |= m - i > 1 && word_command(s + i, m - i);
        i--;
    }
    return command;
}

token *lex(work *w, const char *s, size_t n)
{
    lexer state = {.w = w, .s = s, .n = n}, *l = &state;
    if (memchr(s, '\\', n)) {
        l->escaped_twice = is_escaped_twice(s, n);
        for (size_t i = 0; i + 6 <= n && !l->has_rows; i++)
            l->has_rows = memcmp(s + i, "\\begin", 6) == 0;
    }
    l->digits = work_alloc(w, n + 1);
    while (l->i < n && !w->exhausted) {
        unsigned char c = (unsigned char)s[l->i];
        if (isspace(c) || c == '~' || c == 0) {
            l->i++;
            l->spaced = true;
        } else if (isdigit(c) || (c == '.' && digit_at(l, l->i + 1))) {
            lex_number(l);
        } else if (isalpha(c)) {
            lex_letters(l);
        } else if (c == '\\') {
            lex_command(l);
        } else if (c >= 0x80) {
            lex_unicode(l);
        } else {
            lex_sign(l);
        }
    }
    /* The full stop of a sentence is no part of its answer. */
    while (l->count && (among(l->out[l->count - 1].kind, ".;,") ||
                        l->out[l->count - 1].kind == T_ROW))
        l->count--;
    turn_brackets(l);
    emit(l, T_END, 0, "", 0);
    return w->exhausted ? NULL : l->out;
}
