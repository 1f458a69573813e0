#include "lexer_internal.h"

void lexer_emit(lexer *l, int kind, int id, const char *text, size_t size)
{
    if (!work_spend(l->w, 1)) return;
    if (l->count + 1 >= l->capacity) {
        size_t grown = l->capacity ? 2 * l->capacity : 32;
        token *items = work_alloc(l->w, grown * sizeof *items);
        if (l->count) memcpy(items, l->out, l->count * sizeof *items);
        l->out = items;
        l->capacity = grown;
    }
    l->out[l->count++] = (token){kind, id, text, (unsigned)size, l->spaced, l->start};
    l->spaced = false;
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
    } pairs[] = {{"**", '^'},  {"<=", T_LE}, {">=", T_GE},  {"!=", T_NE},   {"==", '='},
                 {"=<", T_LE}, {"+-", T_PM}, {"+/-", T_PM}, {"...", T_NAME}};
    char c = l->s[l->i];
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t m = strlen(pairs[k].text);
        if (c != *pairs[k].text || m > l->n - l->i ||
            memcmp(l->s + l->i, pairs[k].text, m) != 0)
            continue;
        if (pairs[k].kind == T_PM && m == 2 && l->count) { /* "x+-y" is x - y as well */
            l->w->ambiguous = true;
            if (l->w->second_reading) continue;
        }
        l->i += m;
        lexer_emit(l, pairs[k].kind, 0, pairs[k].text, m);
        return;
    }
    l->i++;
    if (c == '\'') lexer_emit(l, T_PRIME, 0, "'", 1);
    else if (c == '$' || c == '"' || c == '`' || ((c == '.' || c == ',') && ends_here(l)))
        return;
    else lexer_emit(l, c, 0, l->s + l->i - 1, 1);
}

/* "]0, 1[" as "(0, 1)": a bracket that closes where an interval begins, and one that
 * opens where it ends; and the vector "<1, 2>" as (1, 2). */
static void turn_brackets(lexer *l)
{
    if (l->count == 0) return;
    token *first = l->out, *last = l->out + l->count - 1;
    bool commas = false;
    for (size_t i = 0; i < l->count; i++) commas |= l->out[i].kind == ',';
    if (commas && first->kind == '<' && last->kind == '>') first->kind = '(', last->kind = ')';
    for (size_t i = 0; i < l->count; i++) {
        token *t = l->out + i;
        int before = i ? t[-1].kind : T_CUP, after = i + 1 < l->count ? t[1].kind : T_CUP;
        if (t->kind == ']' && (before == T_CUP || before == T_CAP || before == T_IN))
            t->kind = '(';
        else if (t->kind == '[' && (after == T_CUP || after == T_CAP)) t->kind = ')';
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
        l->start = l->i;
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
    while (l->count &&
           (among(l->out[l->count - 1].kind, ".;,") || l->out[l->count - 1].kind == T_ROW))
        l->count--;
    turn_brackets(l);
    lexer_emit(l, T_END, 0, "", 0);
    return w->exhausted ? NULL : l->out;
}
