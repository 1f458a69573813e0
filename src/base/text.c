#include <masa/text.h>
#include <masa/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void masa_text_deinit(masa_text *text)
{
    free(text->data);
    *text = (masa_text){0};
}

void masa_text_clear(masa_text *text)
{
    text->size = 0;
    if (text->data) text->data[0] = '\0';
}

void masa_text_append(masa_text *text, const char *s, size_t n)
{
    text->data = masa_grow(text->data, &text->capacity, text->size + n + 1, 1);
    if (n) memcpy(text->data + text->size, s, n);
    text->size += n;
    text->data[text->size] = '\0';
}

void masa_text_add(masa_text *text, const char *s)
{
    masa_text_append(text, s, strlen(s));
}

void masa_text_addf(masa_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        size_t need = text->size + (size_t)n + 1;
        text->data = masa_grow(text->data, &text->capacity, need, 1);
        vsnprintf(text->data + text->size, (size_t)n + 1, format, again);
        text->size += (size_t)n;
    }
    va_end(again);
}

const char *masa_text_get(const masa_text *text)
{
    return text->data ? text->data : "";
}

char *masa_text_take(masa_text *text)
{
    char *s = text->data ? text->data : masa_strdup("");
    *text = (masa_text){0};
    return s;
}

size_t masa_utf8_decode(const char *s, size_t n, unsigned *out)
{
    const unsigned char *u = (const unsigned char *)s;
    *out = 0xFFFD;
    if (u[0] < 0x80) {
        *out = u[0];
        return 1;
    }
    size_t length = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : u[0] >= 0xC2 ? 2 : 0;
    if (length == 0 || length > n || u[0] > 0xF4) return 0;
    unsigned code = u[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (u[i] & 0x3Fu);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0;
    *out = code;
    return length;
}

size_t masa_utf8_encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

size_t masa_utf8_complete(const char *s, size_t n)
{
    /* Only the last character can be cut: step back to where it starts. */
    size_t back = 0;
    while (back < 3 && back < n && ((unsigned char)s[n - 1 - back] & 0xC0) == 0x80) back++;
    if (back == n) return n;
    unsigned char lead = (unsigned char)s[n - 1 - back];
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return length > back + 1 ? n - 1 - back : n;
}

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void masa_text_add_utf8(masa_text *text, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t length = masa_utf8_decode(s + i, n - i, &code);
        if (length == 0 || code == 0) masa_text_add(text, REPLACEMENT);
        else masa_text_append(text, s + i, length);
        i += length ? length : 1;
    }
}

bool masa_utf8_valid(const char *s, size_t n)
{
    unsigned code;
    for (size_t i = 0, length; i < n; i += length)
        if ((length = masa_utf8_decode(s + i, n - i, &code)) == 0) return false;
    return true;
}

static bool is_harmless(unsigned code)
{
    bool control = code < 0x20 ? code != '\n' && code != '\t' : code >= 0x7F && code < 0xA0;
    bool turns = code == 0x061C || (code >= 0x200E && code <= 0x200F) ||
                 (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
                 code == 0xFEFF;
    return !control && !turns;
}

static void add_shown(masa_text *text, const char *s, size_t n, bool line)
{
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t length = masa_utf8_decode(s + i, n - i, &code);
        if (length == 0) masa_text_add(text, REPLACEMENT);
        else if (line && code == '\n') masa_text_add(text, "\\n");
        else if (line && code == '\t') masa_text_add(text, "\\t");
        else if (is_harmless(code)) masa_text_append(text, s + i, length);
        else masa_text_addf(text, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        i += length ? length : 1;
    }
}

void masa_text_add_shown(masa_text *text, const char *s, size_t n)
{
    add_shown(text, s, n, false);
}

void masa_text_add_line_shown(masa_text *text, const char *s)
{
    add_shown(text, s, strlen(s), true);
}

void masa_text_add_json(masa_text *text, const char *s, size_t n)
{
    masa_text_append(text, "\"", 1);
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t length = masa_utf8_decode(s + i, n - i, &code);
        if (length == 0) masa_text_add(text, REPLACEMENT);
        else if (code == '"' || code == '\\') masa_text_addf(text, "\\%c", (char)code);
        else if (code == '\n') masa_text_add(text, "\\n");
        else if (code < 0x20) masa_text_addf(text, "\\u%04x", code);
        else masa_text_append(text, s + i, length);
        i += length ? length : 1;
    }
    masa_text_append(text, "\"", 1);
}

bool masa_line_next(const char **p, const char *end, const char **line, size_t *n)
{
    if (*p >= end) return false;
    const char *stop = memchr(*p, '\n', (size_t)(end - *p));
    *line = *p;
    *n = (size_t)((stop ? stop : end) - *p);
    *p = stop ? stop + 1 : end;
    return true;
}

bool masa_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool masa_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}
