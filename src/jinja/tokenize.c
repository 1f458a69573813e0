/*
 * A template's source into tokens: Jinja's rules for white space around tags (trim_blocks
 * and lstrip_blocks are on, "-" and "+" in tags override them), line ends, raw blocks,
 * comments.
 */
#include "jinja_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

typedef struct lexer {
    jinja_tokens *out;
    jinja_arena *arena;
    const char *s; /* [n], line ends are "\n" */
    size_t n, at;
    int line;
    bool line_start; /* what was read last ends in a line end, or nothing was read */
    masa_error *err;
} lexer;

static void emit(lexer *x, jinja_token_type type, int op, const char *s, size_t n)
{
    jinja_token t = {type, op, x->line, s, n};
    MASA_PUSH(x->out->items, x->out->n, x->out->capacity, t);
}

/* Moves to `to`, counting lines. */
static void advance(lexer *x, size_t to)
{
    for (; x->at < to; x->at++) x->line += x->s[x->at] == '\n';
}

static size_t skip_space(const lexer *x, size_t at)
{
    unsigned code;
    for (size_t size; at < x->n; at += size) {
        size = jinja_decode(x->s + at, x->n - at, &code);
        if (!jinja_is_space(code)) break;
    }
    return at;
}

static bool is_at(const lexer *x, size_t at, const char *what)
{
    size_t n = strlen(what);
    return x->n - at >= n && memcmp(x->s + at, what, n) == 0;
}

/* The tag that ends at `at` ("%}", with a sign or not): where reading goes on; 0: none.
 */
static size_t end_of_tag(const lexer *x, size_t at, const char *close, bool trims)
{
    char sign = at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at] : '\0';
    if (sign == '+' && !trims) return 0;
    size_t end = at + (sign != '\0');
    if (end > x->n || !is_at(x, end, close)) return 0;
    end += 2;
    if (sign == '-') return skip_space(x, end);
    if (trims && sign == '\0' && end < x->n && x->s[end] == '\n') end++;
    return end;
}

/* Text up to a tag that begins with `sign`; variable: of "{{", which lstrip leaves alone.
 */
static void emit_text(lexer *x, size_t end, char sign, bool variable)
{
    size_t begin = x->at, n = end;
    if (sign == '-') {
        unsigned code;
        while (n > begin) {
            size_t back = 1;
            while (back < 4 && back < n - begin &&
                   ((unsigned char)x->s[n - back] & 0xC0) == 0x80)
                back++;
            jinja_decode(x->s + n - back, back, &code);
            if (!jinja_is_space(code)) break;
            n -= back;
        }
    } else if (sign != '+' && !variable) {
        size_t line = n;
        while (line > begin && x->s[line - 1] != '\n') line--;
        if ((line > begin || x->line_start) && skip_space(x, line) >= n) n = line;
    }
    if (n > begin) emit(x, TOKEN_TEXT, 0, x->s + begin, n - begin);
    advance(x, end);
}

static void read_to(lexer *x, size_t end)
{
    advance(x, end);
    x->line_start = end > 0 && x->s[end - 1] == '\n';
}

/* "{%- raw -%}": where it ends, or 0. */
static size_t match_word_tag(const lexer *x, size_t at, const char *word, bool trims,
                             char *sign)
{
    if (!is_at(x, at, "{%")) return 0;
    at += 2;
    *sign = at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at++] : '\0';
    at = skip_space(x, at);
    if (!is_at(x, at, word)) return 0;
    at = skip_space(x, at + strlen(word));
    size_t end = end_of_tag(x, at, "%}", trims);
    return !trims && at < x->n && x->s[at] == '+' ? 0 : end;
}

static masa_status read_raw(lexer *x, size_t begin_end)
{
    int line = x->line;
    read_to(x, begin_end);
    char sign;
    for (size_t at = x->at; at < x->n; at++) {
        size_t end = match_word_tag(x, at, "endraw", true, &sign);
        if (!end) continue;
        emit_text(x, at, sign, false);
        read_to(x, end);
        return MASA_OK;
    }
    return MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: {%% raw %%} has no {%% endraw %%}",
                     line);
}

static masa_status read_comment(lexer *x, size_t from)
{
    for (size_t at = from; at + 1 < x->n; at++) {
        size_t end = end_of_tag(x, at, "#}", true);
        if (!end) continue;
        read_to(x, end);
        return MASA_OK;
    }
    return MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: a comment has no end", x->line);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 0x80;
}

static int hex_value(const char *s, size_t digits, size_t left, unsigned *out)
{
    *out = 0;
    if (digits > left) return 0;
    for (size_t i = 0; i < digits; i++) {
        char c = s[i], low = (char)(c | 0x20);
        if (is_digit(c)) *out = *out * 16 + (unsigned)(c - '0');
        else if (low >= 'a' && low <= 'f') *out = *out * 16 + (unsigned)(low - 'a' + 10);
        else return 0;
    }
    return *out <= 0x10FFFF && (*out < 0xD800 || *out > 0xDFFF);
}

/* One escape behind the backslash at s[0..n), n >= 1: bytes read, or 0 when it is wrong.
 */
static size_t unescape(masa_text *out, const char *s, size_t n)
{
    static const char from[] = "ntr\\'\"abfv", to[] = "\n\t\r\\'\"\a\b\f\v";
    char utf8[4];
    unsigned code = 0;
    const char *simple = strchr(from, *s);
    if (simple && *s) return masa_text_append(out, &to[simple - from], 1), 1;
    if (*s == '\n') return 1;
    if (*s >= '0' && *s <= '7') {
        size_t k = 0;
        while (k < 3 && k < n && s[k] >= '0' && s[k] <= '7')
            code = code * 8 + (unsigned)(s[k++] - '0');
        masa_text_append(out, utf8, masa_utf8_encode(code, utf8));
        return k;
    }
    size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    if (*s == 'N') return 0;
    if (!digits) return masa_text_append(out, "\\", 1), masa_text_append(out, s, 1), 1;
    if (!hex_value(s + 1, digits, n - 1, &code)) return 0;
    masa_text_append(out, utf8, masa_utf8_encode(code, utf8));
    return digits + 1;
}

static masa_status read_string(lexer *x)
{
    char quote = x->s[x->at];
    masa_text text = {0};
    masa_status st = MASA_OK;
    size_t at = x->at + 1;
    while (st == MASA_OK && at < x->n && x->s[at] != quote) {
        if (x->s[at] != '\\' || at + 1 == x->n) {
            masa_text_append(&text, x->s + at++, 1);
            continue;
        }
        size_t used = unescape(&text, x->s + at + 1, x->n - at - 1);
        if (!used)
            st = MASA_FAIL(x->err, MASA_ERR_UNSUPPORTED,
                           "line %d: the escape \"%.6s\" in a string "
                           "is not supported",
                           x->line, x->s + at);
        at += used + 1;
    }
    if (st == MASA_OK && at >= x->n)
        st = MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: a string has no end", x->line);
    if (st == MASA_OK) {
        emit(x, TOKEN_STRING, 0, jinja_copy(x->arena, masa_text_get(&text), text.size),
             text.size);
        read_to(x, at + 1);
    }
    masa_text_deinit(&text);
    return st;
}

static size_t skip_digits(const lexer *x, size_t at)
{
    while (at < x->n &&
           (is_digit(x->s[at]) || (x->s[at] == '_' && at + 1 < x->n && is_digit(x->s[at + 1]))))
        at++;
    return at;
}

static void read_number(lexer *x)
{
    size_t end = skip_digits(x, x->at), mark = end;
    bool real = false, after_dot = x->at > 0 && x->s[x->at - 1] == '.';
    if (!after_dot && end + 1 < x->n && x->s[end] == '.' && is_digit(x->s[end + 1])) {
        end = mark = skip_digits(x, end + 1);
        real = true;
    }
    if (!after_dot && mark < x->n && (x->s[mark] == 'e' || x->s[mark] == 'E')) {
        mark++;
        if (mark < x->n && (x->s[mark] == '+' || x->s[mark] == '-')) mark++;
        if (mark < x->n && is_digit(x->s[mark])) end = skip_digits(x, mark), real = true;
    }
    masa_text digits = {0};
    for (size_t i = x->at; i < end; i++)
        if (x->s[i] != '_') masa_text_append(&digits, x->s + i, 1);
    emit(x, real ? TOKEN_FLOAT : TOKEN_INTEGER, 0,
         jinja_copy(x->arena, digits.data, digits.size), digits.size);
    masa_text_deinit(&digits);
    read_to(x, end);
}

static masa_status read_operator(lexer *x, masa_text *open)
{
    static const char pairs[][3] = {"**", "//", "==", "!=", ">=", "<="};
    char c = x->s[x->at];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!is_at(x, x->at, pairs[i])) continue;
        emit(x, TOKEN_OPERATOR, OP(pairs[i][0], pairs[i][1]), pairs[i], 2);
        read_to(x, x->at + 2);
        return MASA_OK;
    }
    const char *known = strchr("+-/*%~[](){}><=.:|,;", c);
    if (!c || !known)
        return MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: unexpected character '%.1s'",
                         x->line, x->s + x->at);
    if (strchr("([{", c)) {
        char close = c == '(' ? ')' : c == '[' ? ']' : '}';
        masa_text_append(open, &close, 1);
    } else if (strchr(")]}", c)) {
        if (open->size == 0 || open->data[open->size - 1] != c)
            return MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: unexpected '%c'", x->line, c);
        open->size--;
    }
    emit(x, TOKEN_OPERATOR, c, jinja_copy(x->arena, &c, 1), 1);
    read_to(x, x->at + 1);
    return MASA_OK;
}

/* What stands in {{ }} or {% %}, up to its end. */
static masa_status read_code(lexer *x, bool variable)
{
    masa_text open = {0}; /* the brackets that are to be closed */
    masa_status st = MASA_OK;
    int line = x->line;
    bool closed = false;
    while (st == MASA_OK && x->at < x->n) {
        size_t end = open.size ? 0 : end_of_tag(x, x->at, variable ? "}}" : "%}", !variable);
        if (end) {
            emit(x, variable ? TOKEN_VARIABLE_END : TOKEN_BLOCK_END, 0, "end of the tag", 14);
            read_to(x, end);
            closed = true;
            break;
        }
        char c = x->s[x->at];
        size_t spaces = skip_space(x, x->at);
        if (spaces > x->at) read_to(x, spaces);
        else if (c == '\'' || c == '"') st = read_string(x);
        else if (is_digit(c)) read_number(x);
        else if (is_word(c)) {
            size_t word = x->at;
            while (word < x->n && is_word(x->s[word])) word++;
            emit(x, TOKEN_NAME, 0, jinja_copy(x->arena, x->s + x->at, word - x->at),
                 word - x->at);
            read_to(x, word);
        } else st = read_operator(x, &open);
    }
    masa_text_deinit(&open);
    if (st == MASA_OK && !closed)
        st = MASA_FAIL(x->err, MASA_ERR_FORMAT, "line %d: a tag has no end", line);
    return st;
}

static masa_status read_all(lexer *x)
{
    masa_status st = MASA_OK;
    while (st == MASA_OK && x->at < x->n) {
        size_t at = x->at;
        while (at + 1 < x->n &&
               !(x->s[at] == '{' && strchr("{%#", x->s[at + 1]) && x->s[at + 1]))
            at++;
        if (at + 1 >= x->n) {
            emit_text(x, x->n, '+', false);
            break;
        }
        char kind = x->s[at + 1], sign = '\0', word_sign;
        if (at + 2 < x->n && (x->s[at + 2] == '-' || x->s[at + 2] == '+')) sign = x->s[at + 2];
        size_t raw = match_word_tag(x, at, "raw", false, &word_sign);
        emit_text(x, at, sign, kind == '{');
        if (raw) {
            st = read_raw(x, raw);
            continue;
        }
        read_to(x, at + 2 + (sign != '\0'));
        if (kind == '#') {
            st = read_comment(x, x->at);
            continue;
        }
        emit(x, kind == '{' ? TOKEN_VARIABLE_BEGIN : TOKEN_BLOCK_BEGIN, 0, "begin of a tag",
             14);
        st = read_code(x, kind == '{');
    }
    return st;
}

masa_status jinja_lex(jinja_tokens *out, jinja_arena *arena, const char *source, size_t n,
                      masa_error *err)
{
    lexer x = {.out = out, .arena = arena, .line = 1, .line_start = true, .err = err};
    char *s = jinja_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (source[i] == '\r' && i + 1 < n && source[i + 1] == '\n') continue;
        s[x.n++] = source[i] == '\r' ? '\n' : source[i];
    }
    if (x.n && s[x.n - 1] == '\n') x.n--;
    x.s = s;
    masa_status st = read_all(&x);
    emit(&x, TOKEN_END, 0, "end of the template", 19);
    return st;
}
