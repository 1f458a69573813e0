/* Commands of LaTeX. */
#include "lexer_internal.h"
#include "unit.h"

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
    if (!hit && roman) hit = word_command(s, size); /* \operatorname{ctg} */
    bool joins =
        size <= 3 && (strncasecmp(s, "and", size) == 0 || strncasecmp(s, "or", size) == 0);
    if (joins && size >= 2) lexer_emit(l, size == 2 ? T_OR : T_AND, 0, s, size);
    else if (hit && roman && !(after_number(l) && unit_known(s, size)))
        lexer_emit(l, hit->kind, hit->id, hit->name, size);
    else lexer_emit(l, T_TEXT, 0, s, size);
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
    static const char *const commands[] = {"qquad", "quad",  "leq", "geq", "neq",
                                           "cdot",  "times", "pi",  "pm"};
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
        size_t m = strlen(commands[k]);
        if (m < n && memcmp(s, commands[k], m) == 0) return word_command(s, m);
    }
    return NULL;
}

static void lex_named_command(lexer *l, const char *s, size_t n)
{
    if (is_gamma_function(l, s, n)) {
        lexer_emit(l, T_FUNCTION, FN_GAMMA, s, n);
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
    if (n == 5 && memcmp(s, "angle", 5) == 0 && lex_angle(l)) return;
    switch (hit ? hit->kind : T_NAME) {
    case T_SKIP: break;
    case T_SIZE: /* "\left." is an invisible bracket */
        if (char_at(l, l->i) == '.') l->i++;
        break;
    case T_SPACE: l->spaced = true; break;
    case T_DOTS: lexer_emit(l, T_NAME, 0, "...", 3); break;
    case T_NOT:
        while (char_at(l, l->i) == ' ') l->i++;
        if (char_at(l, l->i) == '=') l->i++, lexer_emit(l, T_NE, 0, s, n);
        else if (l->n - l->i >= 3 && memcmp(l->s + l->i, "\\in", 3) == 0 &&
                 !letter_at(l, l->i + 3))
            l->i += 3, lexer_emit(l, T_NOT_IN, 0, s, n);
        else lexer_emit(l, T_NAME, 0, s, n);
        break;
    case T_BOX: /* a box behind another is the next item of a list */
        if (l->count && l->out[l->count - 1].kind == '}') lexer_emit(l, ',', 0, ",", 1);
        lexer_emit(l, T_BOX, 0, s, n);
        break;
    case T_SKIP_GROUP: group(l, l->i, &size, &l->i); break;
    case T_SKIP_TOKEN: lex_skip_token(l); break;
    case T_TEXT_COMMAND: lex_text(l, false); break;
    case T_ROMAN: lex_text(l, true); break;
    case T_BLACKBOARD:
        text = group(l, l->i, &size, &end);
        l->i = end;
        if (size == 1 && *text == 'R') lexer_emit(l, T_REALS, 0, text, 1);
        else lexer_emit(l, T_NAME, 0, s, (size_t)(text + size - s));
        break;
    case T_BEGIN:
    case T_CLOSE_ENVIRONMENT:
        text = group(l, l->i, &size, &end);
        l->i = end;
        lexer_emit(l, hit->kind, 0, text, size);
        break;
    default: lexer_emit(l, hit ? hit->kind : T_NAME, hit ? hit->id : 0, s, n);
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

void lex_command(lexer *l)
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
        else lexer_emit(l, T_ROW, 0, "\\\\", 2);
        break;
    case '{':
        if (!opens_cases(l)) lexer_emit(l, T_SET_OPEN, 0, "{", 1);
        break;
    case '}': lexer_emit(l, T_SET_CLOSE, 0, "}", 1); break;
    case '%': lexer_emit(l, '%', 0, "%", 1); break;
    case '|': lexer_emit(l, '|', 0, "|", 1); break;
    case ',':
    case ';':
    case ':':
    case ' ': l->spaced = true; break;
    default: break; /* \! \$ \( \) \[ \] and the like mean nothing here */
    }
}
