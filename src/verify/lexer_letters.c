/* Runs of letters: words, names, functions glued to their argument, units. */
#include "lexer_internal.h"
#include "unit.h"

/* "a.m.", "p.m" and the like at i: how many bytes, or 0. */
static size_t half_of_day(const lexer *l, size_t i)
{
    if (l->n - i < 3 || !strchr("apAP", l->s[i]) || l->s[i + 1] != '.' ||
        (l->s[i + 2] | 32) != 'm' || letter_at(l, i + 3))
        return 0;
    return char_at(l, i + 3) == '.' ? 4 : 3;
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
        lexer_emit(l, k ? T_AND : T_OR, 0, s, m);
        lexer_emit(l, T_NAME, 0, s + m, 1);
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
        bool opens =
            hit && (hit->kind == T_FUNCTION || hit->kind == T_SQRT || hit->kind == T_PI);
        if (!opens || n - m > 3) continue;
        lexer_emit(l, hit->kind, hit->id, hit->name, m);
        for (size_t k = m; k < n; k++) {
            const word *letter = word_plain(s + k, 1);
            lexer_emit(l, letter ? letter->kind : T_NAME, 0, s + k, 1);
        }
        return;
    }
    if (n >= 4 && char_at(l, l->i) != '^') { /* "GMmr^{-2}" is a product */
        lexer_emit(l, T_WORD, 0, s, n);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const word *letter = word_plain(s + k, 1);
        lexer_emit(l, letter ? letter->kind : T_NAME, 0, s + k, 1);
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
        lexer_emit(l, '*', 0, "*", 1);
        return true;
    }
    if (n == 2 && memcmp(s, "to", 2) == 0 && after_number(l) && digit_at(l, after)) {
        lexer_emit(l, ':', 0, ":", 1); /* "3 to 2" */
        return true;
    }
    if ((n == 2 && memcmp(s, "tg", 2) == 0) || (n == 3 && memcmp(s, "ctg", 3) == 0)) {
        if (next != '(' && next != '\\' && !digit_at(l, after) && (unsigned char)next < 0x80)
            return false;
        lexer_emit(l, T_FUNCTION, n == 2 ? FN_TAN : FN_COT, s, n);
        return true;
    }
    if (n == 3 && memcmp(s, "per", 3) == 0 && after_number(l) && l->n - after >= 4 &&
        memcmp(l->s + after, "cent", 4) == 0) {
        lexer_emit(l, T_TEXT, 0, "percent", 7);
        l->i = after + 4;
        return true;
    }
    if (n == 2 && memcmp(s, "in", 2) == 0 && l->count && next && strchr("[({\\", next) &&
        l->out[l->count - 1].kind == T_NAME && after > l->i) {
        lexer_emit(l, T_IN, 0, s, n);
        return true;
    }
    for (size_t k = 0; n > 1 && money[k]; k++) {
        if (strlen(money[k]) != n || memcmp(s, money[k], n) != 0) continue;
        if (next == '.') l->i = after + 1;
        while (char_at(l, after) == '.' || char_at(l, after) == ' ' || char_at(l, after) == '$')
            after++;
        return digit_at(l, after) && !after_number(l);
    }
    return false;
}

bool lex_angle(lexer *l)
{
    size_t i = l->i;
    while (char_at(l, i) == ' ') i++;
    bool braces = char_at(l, i) == '{';
    i += braces;
    for (size_t k = 0; k < 3; k++)
        if (!isupper((unsigned char)char_at(l, i + k))) return false;
    if (letter_at(l, i + 3) || char_at(l, i + 3) == '_' || char_at(l, i + 3) == '\'')
        return false;
    if (braces && char_at(l, i + 3) != '}') return false;
    const char *s = l->s + i;
    char *name = l->digits;
    bool turn = s[0] > s[2];
    name[0] = '@';
    name[1] = s[turn ? 2 : 0];
    name[2] = s[1];
    name[3] = s[turn ? 0 : 2];
    l->digits += 4;
    l->i = i + 3 + braces;
    lexer_emit(l, T_NAME, 0, name, 4);
    return true;
}

void lex_letters(lexer *l)
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
        lexer_emit(l, T_TEXT, 0, (l->s[start] | 32) == 'a' ? "am" : "pm", 2);
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
    bool unit =
        after_number(l) && (numeric || unit_known(s, n) || (l->spaced && unit_prefixed(s, n)));
    if (brackets && (char_at(l, end) == '(' || char_at(l, end) == '['))
        lexer_emit(l, T_CUP, 0, s, n);
    else if (unit) lexer_emit(l, T_TEXT, 0, s, n);
    else if (hit) lexer_emit(l, hit->kind, hit->id, hit->name, n);
    else split_letters(l, s, n);
}
