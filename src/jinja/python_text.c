/* Texts as Python sees them: characters, case, white space, replacing. */
#include "jinja_internal.h"

#include <string.h>
#include <utf8proc.h>

bool jinja_is_space(unsigned c)
{
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

size_t jinja_decode(const char *s, size_t n, unsigned *code)
{
    if (n && (unsigned char)*s < 0x80) return *code = (unsigned char)*s, 1;
    size_t size = masa_utf8_decode(s, n, code);
    return size ? size : 1;
}

size_t jinja_length(const char *s, size_t n)
{
    size_t count = 0;
    unsigned code;
    for (size_t i = 0; i < n; count++) i += jinja_decode(s + i, n - i, &code);
    return count;
}

size_t jinja_offset(const char *s, size_t n, size_t characters)
{
    size_t i = 0;
    unsigned code;
    for (; characters && i < n; characters--) i += jinja_decode(s + i, n - i, &code);
    return i;
}

bool jinja_is_printable(unsigned code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    case UTF8PROC_CATEGORY_ZS: return code == ' ';
    default: return true;
    }
}

static bool is_letter(unsigned code)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

static bool is_digit(unsigned code)
{
    return utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_ND || code == 0xB2 ||
           code == 0xB3 || code == 0xB9 || (code >= 0x2070 && code <= 0x2089 && code != 0x2071);
}

static bool has_case(unsigned code)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL || c == UTF8PROC_CATEGORY_LT;
}

bool jinja_all(jinja_value v, const char *what)
{
    const char *s = v.as.string->s;
    size_t n = v.as.string->n;
    bool cased = false;
    unsigned c;
    for (size_t i = 0; i < n;) {
        i += jinja_decode(s + i, n - i, &c);
        bool lower = utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LL;
        bool fine = strcmp(what, "isalpha") == 0   ? is_letter(c)
                    : strcmp(what, "isalnum") == 0 ? is_letter(c) || is_digit(c)
                    : strcmp(what, "isdigit") == 0 ? is_digit(c)
                    : strcmp(what, "isspace") == 0 ? jinja_is_space(c)
                    : strcmp(what, "isupper") == 0 ? !has_case(c) || !lower
                                                   : !has_case(c) || lower;
        if (!fine) return false;
        cased |= has_case(c);
    }
    bool of_case = strcmp(what, "isupper") == 0 || strcmp(what, "islower") == 0;
    return of_case ? cased : n > 0;
}

/* Where a word begins: for CASE_WORDS as str.title(), for CASE_TITLE as Jinja's filter.
 */
static bool begins_word(jinja_case how, unsigned before)
{
    if (how == CASE_WORDS) return !has_case(before);
    return jinja_is_space(before) || (before && before < 0x80 && strchr("-({[<", (int)before));
}

jinja_value jinja_change_case(jinja_machine *m, jinja_value v, jinja_case how)
{
    const jinja_string *of = v.as.string;
    jinja_builder b = {0};
    unsigned code, before = ' ';
    for (size_t i = 0, size; i < of->n && m->st == MASA_OK; i += size) {
        char out[4], mark[4] = {0};
        size = jinja_decode(of->s + i, of->n - i, &code);
        bool upper = how == CASE_UPPER || (how == CASE_CAPITAL && i == 0) ||
                     (how > CASE_CAPITAL && begins_word(how, before));
        before = code;
        if (of->marks) memset(mark, of->marks[i], sizeof mark);
        if (code == 0xDF && upper) { /* the one common letter whose capital is two letters */
            jinja_add(m, &b, how == CASE_UPPER || how == CASE_TITLE ? "SS" : "Ss", 2, mark);
            continue;
        }
        utf8proc_int32_t c = (utf8proc_int32_t)code;
        bool fine = size > 1 || code < 0x80;
        if (fine) code = (unsigned)(upper ? utf8proc_toupper(c) : utf8proc_tolower(c));
        if (fine) jinja_add(m, &b, out, masa_utf8_encode(code, out), mark);
        else jinja_add(m, &b, of->s + i, size, mark);
    }
    return jinja_finish(m, &b);
}

static bool has_character(jinja_value characters, const char *s, size_t size, unsigned code)
{
    if (!jinja_is_string(characters)) return jinja_is_space(code);
    const jinja_string *set = characters.as.string;
    unsigned other;
    for (size_t i = 0, step; i < set->n; i += step) {
        step = jinja_decode(set->s + i, set->n - i, &other);
        if (step == size && memcmp(set->s + i, s, size) == 0) return true;
    }
    return false;
}

/* Bytes of the last character of s[0..n), n > 0. */
static size_t last_size(const char *s, size_t n, unsigned *code)
{
    size_t back = 1;
    while (back < 4 && back < n && ((unsigned char)s[n - back] & 0xC0) == 0x80) back++;
    return jinja_decode(s + n - back, back, code) == back ? back : 1;
}

jinja_value jinja_strip(jinja_machine *m, jinja_value v, jinja_value characters, int sides)
{
    const jinja_string *of = v.as.string;
    size_t begin = 0, end = of->n, size, set = 0;
    unsigned code;
    if (jinja_is_string(characters)) set = characters.as.string->n;
    else if (characters.type != JINJA_MISSING && characters.type != JINJA_NONE)
        return jinja_fail(m, "what is stripped must be a text, not %s",
                          jinja_type_name(characters));
    for (; sides & STRIP_LEFT && begin < end && jinja_work(m, set); begin += size) {
        size = jinja_decode(of->s + begin, end - begin, &code);
        if (!has_character(characters, of->s + begin, size, code)) break;
    }
    for (; sides & STRIP_RIGHT && begin < end && jinja_work(m, set); end -= size) {
        size = last_size(of->s + begin, end - begin, &code);
        if (!has_character(characters, of->s + end - size, size, code)) break;
    }
    return jinja_part(m, v, begin, end);
}

jinja_value jinja_replace(jinja_machine *m, jinja_value v, jinja_value old, jinja_value with,
                          int64_t most)
{
    const jinja_string *of = v.as.string, *what = old.as.string;
    jinja_builder b = {0};
    size_t at = 0;
    unsigned code;
    for (; most != 0 && m->st == MASA_OK; most--) {
        jinja_work(m, of->n - at);
        const char *found =
            what->n ? memmem(of->s + at, of->n - at, what->s, what->n) : of->s + at;
        if (!found) break;
        size_t to = (size_t)(found - of->s);
        jinja_add(m, &b, of->s + at, to - at, of->marks ? of->marks + at : NULL);
        jinja_add_string(m, &b, with);
        at = to + what->n;
        if (what->n) continue;
        if (at == of->n) break; /* behind the last character */
        size_t size = jinja_decode(of->s + at, of->n - at, &code);
        jinja_add(m, &b, of->s + at, size, of->marks ? of->marks + at : NULL);
        at += size;
    }
    jinja_add(m, &b, of->s + at, of->n - at, of->marks ? of->marks + at : NULL);
    return jinja_finish(m, &b);
}

/* Bytes of the line end at s, or 0. */
static size_t line_end(const char *s, size_t n)
{
    unsigned code;
    size_t size = jinja_decode(s, n, &code);
    if (code == '\r' && n > 1 && s[1] == '\n') return 2;
    return (code >= 10 && code <= 13) || (code >= 28 && code <= 30) || code == 0x85 ||
                   code == 0x2028 || code == 0x2029
               ? size
               : 0;
}

jinja_value jinja_lines(jinja_machine *m, jinja_value v, bool keep_ends)
{
    const jinja_string *of = v.as.string;
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    size_t begin = 0;
    unsigned code;
    for (size_t i = 0; i < of->n && m->st == MASA_OK;) {
        size_t end = line_end(of->s + i, of->n - i);
        if (!end) {
            i += jinja_decode(of->s + i, of->n - i, &code);
            continue;
        }
        jinja_push(m, list, jinja_part(m, v, begin, keep_ends ? i + end : i));
        begin = i += end;
    }
    if (begin < of->n) jinja_push(m, list, jinja_part(m, v, begin, of->n));
    return list;
}
