/*
 * A scan reads JSON's grammar from one '{' until that object is complete or the grammar
 * breaks. When it breaks at e, every '{' that the scan took as the start of an object and
 * that is still open would break at e as well, so it needs no scan of its own; those that
 * were closed are complete objects. Only a '{' inside a string of a broken scan can still
 * start something. A scan beginning there sees strings where the first saw punctuation
 * and the other way round, and a backslash is legal inside strings alone: at most two
 * scans live on at any byte. Hence linear time, which hostile text cannot change.
 */
#include "object.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* What the grammar wants next. */
typedef enum want {
    WANT_FIRST_KEY, /* a key or } */
    WANT_KEY,
    WANT_COLON,
    WANT_VALUE,
    WANT_FIRST_VALUE, /* a value or ] */
    WANT_COMMA,       /* a comma, or the end of the container */
} want;

/* An object or list that is open, or an object that is complete. */
typedef struct span {
    size_t start, end;
} span;

typedef struct finder {
    const char *text;
    size_t n;
    bool *done;   /* [n] '{' here needs no scan of its own */
    size_t *open; /* the containers that the scan is in, by their start */
    size_t n_open, open_capacity;
    span *complete; /* complete objects of the scan that lie in no other complete one */
    size_t n_complete, complete_capacity;
} finder;

/* The end of the string that starts at text[i] == '"', or 0. */
static size_t string_end(const char *text, size_t n, size_t i)
{
    for (i++; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"') return i + 1;
        if (c < 0x20) return 0;
        if (c != '\\') continue;
        if (++i == n || !memchr("\"\\/bfnrtu", text[i], 9)) return 0;
        if (text[i] != 'u') continue;
        for (int k = 0; k < 4; k++)
            if (++i == n || !text[i] || !strchr("0123456789abcdefABCDEF", text[i])) return 0;
    }
    return 0;
}

static size_t digits_end(const char *text, size_t n, size_t i)
{
    while (i < n && text[i] >= '0' && text[i] <= '9') i++;
    return i;
}

/* The end of the number or of the word true, false or null at text[i], or 0. */
static size_t scalar_end(const char *text, size_t n, size_t i)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int w = 0; w < 3; w++) {
        size_t size = strlen(words[w]);
        if (n - i >= size && memcmp(text + i, words[w], size) == 0) return i + size;
    }
    if (text[i] == '-') i++;
    size_t end = digits_end(text, n, i);
    if (end == i || (text[i] == '0' && end > i + 1)) return 0;
    if (end < n && text[end] == '.') {
        i = end + 1;
        if ((end = digits_end(text, n, i)) == i) return 0;
    }
    if (end < n && (text[end] == 'e' || text[end] == 'E')) {
        i = end + 1;
        if (i < n && (text[i] == '+' || text[i] == '-')) i++;
        if ((end = digits_end(text, n, i)) == i) return 0;
    }
    return end;
}

static void open_container(finder *f, size_t start)
{
    f->done[start] = true;
    MASA_PUSH(f->open, f->n_open, f->open_capacity, start);
}

static void close_container(finder *f, size_t end)
{
    size_t start = f->open[--f->n_open];
    if (f->text[start] != '{') return;
    while (f->n_complete && f->complete[f->n_complete - 1].start > start) f->n_complete--;
    MASA_PUSH(f->complete, f->n_complete, f->complete_capacity, ((span){start, end}));
}

/* Takes the token at text[i], which is no space; returns its end, or 0 where the
 * grammar breaks. */
static size_t take(finder *f, size_t i, want *next)
{
    char c = f->text[i], inside = f->text[f->open[f->n_open - 1]];
    bool value = *next == WANT_VALUE || *next == WANT_FIRST_VALUE;
    if ((c == '{' || c == '[') && value) {
        open_container(f, i);
        *next = c == '{' ? WANT_FIRST_KEY : WANT_FIRST_VALUE;
        return i + 1;
    }
    if ((c == '}' && inside == '{' && (*next == WANT_FIRST_KEY || *next == WANT_COMMA)) ||
        (c == ']' && inside == '[' && (*next == WANT_FIRST_VALUE || *next == WANT_COMMA))) {
        close_container(f, i + 1);
        *next = WANT_COMMA;
        return i + 1;
    }
    if ((c == ':' && *next == WANT_COLON) || (c == ',' && *next == WANT_COMMA)) {
        *next = c == ':' || inside == '[' ? WANT_VALUE : WANT_KEY;
        return i + 1;
    }
    if (c == '"' && (*next == WANT_KEY || *next == WANT_FIRST_KEY)) {
        *next = WANT_COLON;
        return string_end(f->text, f->n, i);
    }
    if (!value) return 0;
    *next = WANT_COMMA;
    return c == '"' ? string_end(f->text, f->n, i) : scalar_end(f->text, f->n, i);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *text, size_t n, size_t i)
{
    while (i < n && is_space(text[i])) i++;
    return i;
}

/* Scans from the '{' at `start`; leaves what was completed in f->complete. */
static void scan(finder *f, size_t start)
{
    want next = WANT_FIRST_KEY;
    f->n_open = f->n_complete = 0;
    open_container(f, start);
    for (size_t i = start + 1; f->n_open;) {
        i = skip_space(f->text, f->n, i);
        if (i == f->n || !(i = take(f, i, &next))) return;
    }
}

/* Matches the top-level keys of an object that is known to be grammatical. */
static bool read_members(finder *f, span object, meta_value values[META_KEYS],
                         const char *const keys[META_KEYS])
{
    const char *text = f->text;
    size_t end = object.end - 1, i = skip_space(text, end, object.start + 1);
    bool found = false;
    for (int k = 0; k < META_KEYS; k++) values[k] = (meta_value){0};
    while (i < end) {
        size_t key_end = string_end(text, end, i), key_size = key_end - i - 2;
        size_t value = skip_space(text, end, skip_space(text, end, key_end) + 1), stop = value;
        for (size_t depth = 0; depth || (stop < end && text[stop] != ',');) {
            char c = text[stop];
            depth += (c == '{' || c == '[');
            depth -= (c == '}' || c == ']');
            stop = c == '"' ? string_end(text, end, stop) : stop + 1;
        }
        for (int k = 0; k < META_KEYS; k++) {
            if (strlen(keys[k]) != key_size || memcmp(keys[k], text + i + 1, key_size) != 0)
                continue;
            size_t last = stop;
            while (is_space(text[last - 1])) last--;
            values[k] = (meta_value){text + value, last - value};
            found = true;
        }
        i = stop < end ? skip_space(text, end, stop + 1) : end;
    }
    return found;
}

bool meta_find_object(meta_value values[META_KEYS], const char *text, size_t n,
                      const char *const keys[META_KEYS])
{
    finder f = {.text = text, .n = n, .done = masa_alloc(n + 1, 1)};
    bool found = false;
    size_t latest = 0; /* start of the object found */
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '{' || f.done[i]) continue;
        scan(&f, i);
        for (size_t c = 0; c < f.n_complete; c++) {
            span object = f.complete[c];
            meta_value read[META_KEYS];
            memset(f.done + object.start, true, object.end - object.start);
            if ((found && object.start < latest) || !read_members(&f, object, read, keys))
                continue;
            memcpy(values, read, sizeof read);
            latest = object.start;
            found = true;
        }
    }
    free(f.done);
    free(f.open);
    free(f.complete);
    return found;
}
