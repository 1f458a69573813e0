/* Answers between marks: \boxed{...}, several boxes that belong together, and tags. */
#include "extract.h"

#include <masa/memory.h>

#include <stdlib.h>

/* A box: what it holds, and the whole command. */
typedef struct box {
    span inside, outside;
} box;

/* How much may stand between two boxes that are one list. */
enum { LONGEST_JOINT = 80 };

/* Length of a box command at i ("\boxed", "\fbox"), or 0. */
static size_t box_command(const char *text, size_t size, size_t i)
{
    static const char *const names[] = {"\\boxed", "\\fbox", "\\framebox"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k]);
        if (i + 1 < size && text[i + 1] == names[k][1] && at(text, size, i, names[k]) &&
            (i + n == size || !is_letter(text[i + n])))
            return n;
    }
    return 0;
}

/* "\boxed 5$": TeX allows a box without braces; it ends with the formula. */
static bool bare_box(const char *text, size_t size, size_t i, span *out)
{
    size_t end = i;
    while (end < size && text[end] != '$' && text[end] != '\n' && end - i < 200) end++;
    if (end == size || text[end] != '$') return false;
    *out = trim(text, (span){i, end});
    return out->end > out->start &&
           (is_digit(text[out->start]) || strchr("\\-(", text[out->start]) != NULL);
}

typedef struct opened {
    size_t command, start, depth;
} opened;

/* All outermost complete boxes; whether the text was cut off inside one behind them. */
static bool collect(const char *text, size_t size, box **boxes, size_t *n_boxes)
{
    opened *open = NULL;
    size_t n = 0, capacity = 0, depth = 0, boxes_capacity = 0;
    for (size_t i = 0; i < size; i++) {
        if (n == 0) { /* outside of boxes only a backslash begins anything */
            const char *next = memchr(text + i, '\\', size - i);
            if (!next) break;
            i = (size_t)(next - text);
        }
        size_t command = text[i] == '\\' ? box_command(text, size, i) : 0;
        if (command) {
            size_t j = i + command;
            while (j < size && is_space(text[j])) j++;
            span bare;
            if (j < size && text[j] == '{') {
                opened next = {i, j + 1, depth++};
                MASA_PUSH(open, n, capacity, next);
                i = j;
            } else if (n == 0 && bare_box(text, size, j, &bare)) {
                box found = {bare, {i, bare.end}};
                MASA_PUSH(*boxes, *n_boxes, boxes_capacity, found);
                i = bare.end;
            } else {
                i += command - 1;
            }
        } else if (text[i] == '\\') {
            i += box_command(text, size, i + 1) == 0; /* "\\boxed" of text escaped twice */
        } else if (n && text[i] == '{') {
            depth++;
        } else if (n && text[i] == '}') {
            depth--;
            if (open[n - 1].depth != depth) continue;
            n--;
            box found = {trim(text, (span){open[n].start, i}), {open[n].command, i + 1}};
            while (*n_boxes && (*boxes)[*n_boxes - 1].outside.start > found.outside.start)
                --*n_boxes; /* nested: the outer one */
            MASA_PUSH(*boxes, *n_boxes, boxes_capacity, found);
        }
    }
    bool cut = n && (*n_boxes == 0 || open[n - 1].start > (*boxes)[*n_boxes - 1].inside.end);
    free(open);
    return cut;
}

/* Bytes at i that may stand between boxes of one list and say nothing themselves. */
static size_t joint_filler(const char *text, size_t size, size_t i)
{
    static const char *const fillers[] = {"\\quad", "\\qquad", "\\text", "\\mathrm", "\\mbox",
                                          "\\(",    "\\)",     "\\[",    "\\]",      "\\,",
                                          "\\;",    "\\ ",     "\\\\",   NULL};
    if (is_space(text[i]) || strchr("${}&*", text[i])) return text[i] ? 1 : 0;
    return any_at(text, size, i, fillers);
}

/* "x =" before a box that gives x; its length, or 0. */
static size_t assigned_name(const char *text, size_t size, size_t i)
{
    size_t j = i;
    if (j < size && text[j] == '\\') j++;
    if (j == size || !is_letter(text[j])) return 0;
    while (j < size && (is_letter(text[j]) || is_digit(text[j]) || strchr("_{}()'", text[j])))
        j++;
    while (j < size && text[j] == ' ') j++;
    return j < size && text[j] == '=' && j - i < 24 ? j + 1 - i : 0;
}

/* A word of what the first box counts, as in "\boxed{2} cats and \boxed{3} dogs": any but
 * those that begin a new statement. Its length, or 0. */
static size_t counted_word(const char *text, size_t size, size_t i)
{
    static const char *const others[] = {
        "no",    "not",       "so",  "then", "thus",  "but", "is",   "are",   "we",      "it",
        "hence", "therefore", "the", "wait", "which", "as",  "also", "check", "because", NULL};
    size_t n = 0, m;
    while (i + n < size && is_letter(text[i + n])) n++;
    if (n == 0) return i + 2 < size && text[i] == '(' && text[i + 2] == ')' ? 3 : 0;
    return (m = any_at(text, size, i, others)) && m == n ? 0 : n;
}

/* Whether text[from..to) joins two boxes: commas, "and", "or", or nothing but a line break.
 * *named: it names the second one's value. */
static bool joins(const char *text, size_t from, size_t to, bool *named)
{
    static const char *const words[] = {"and", "or", ",", ";", NULL};
    if (to - from > LONGEST_JOINT) return false;
    unsigned breaks = 0, counted = 0;
    bool joint = false;
    *named = false;
    for (size_t i = from, m; i < to; i += m) {
        if (text[i] == '\n' && ++breaks > 1) return false; /* a paragraph ends here */
        if ((m = joint_filler(text, to, i))) continue;
        if ((m = any_at(text, to, i, words)) &&
            (i + m == to || !is_letter(text[i + m]) || !is_letter(text[i]))) {
            joint = true;
            continue;
        }
        if ((m = assigned_name(text, to, i))) {
            *named = true;
            continue;
        }
        if (joint || ++counted > 4 || !(m = counted_word(text, to, i))) return false;
    }
    return joint || counted == 0;
}

static bool same_inside(const char *text, box a, box b)
{
    size_t n = a.inside.end - a.inside.start;
    return n == b.inside.end - b.inside.start &&
           memcmp(text + a.inside.start, text + b.inside.start, n) == 0;
}

/* The last box, or the list of boxes that ends with it. */
static span last_group(const char *text, const box *boxes, size_t n)
{
    size_t first = n - 1;
    bool named = false, any_named = false;
    while (first && boxes[first - 1].inside.end > boxes[first - 1].inside.start &&
           joins(text, boxes[first - 1].outside.end, boxes[first].outside.start, &named)) {
        any_named |= named;
        first--;
    }
    /* Said again, an answer is still one. */
    for (size_t i = first; i + 1 < n; i++)
        if (same_inside(text, boxes[i], boxes[n - 1])) return boxes[n - 1].inside;
    if (first + 1 == n) return boxes[n - 1].inside;
    span out = {boxes[first].outside.start, boxes[n - 1].outside.end};
    for (size_t back = 1; any_named && back < 24 && back <= out.start; back++) {
        size_t m = assigned_name(text, out.start, out.start - back), i = out.start - back + m;
        while (m && i < out.start && text[i] == ' ') i++;
        bool begins = back == out.start || is_space(text[out.start - back - 1]) ||
                      strchr("$,[", text[out.start - back - 1]);
        if (m && i == out.start && begins) {
            out.start -= back;
            break;
        }
    }
    return out;
}

/* The last "boxed{...}" that lost its backslash, or to whose "\b" a string of code gave the
 * meaning of a backspace. */
static bool find_maimed(const char *text, size_t size, span *out)
{
    static const char word[] = "oxed{";
    bool found = false;
    for (size_t i = 0; i < size; i++) {
        const char *next = memmem(text + i, size - i, word, strlen(word));
        if (!next) break;
        i = (size_t)(next - text);
        size_t start = i + strlen(word), end = start, depth = 1;
        bool whole = i && (text[i - 1] == '\b' ||
                           (text[i - 1] == 'b' && (i == 1 || !is_letter(text[i - 2]))));
        while (whole && end < size && depth) {
            depth += text[end] == '{';
            depth -= text[end++] == '}';
        }
        if (!whole || depth) continue;
        *out = trim(text, (span){start, end - 1});
        found = out->end > out->start;
        i = end - 1;
    }
    return found;
}

bool find_boxed(const char *text, size_t size, span *out, bool *final)
{
    box *boxes = NULL;
    size_t n = 0;
    bool cut = collect(text, size, &boxes, &n), found = false;
    *final = false;
    if (n && !cut) {
        *out = last_group(text, boxes, n);
        found = out->end > out->start;
        *final = !found;
    }
    free(boxes);
    return found || (n == 0 && !cut && find_maimed(text, size, out));
}

bool find_tags(const char *text, size_t size, span *out)
{
    static const char open[] = "<answer>", close[] = "</answer>";
    for (size_t end = size; end-- > 0;) {
        if (text[end] != '<' || !at_nocase(text, size, end, close)) continue;
        for (size_t i = end; i-- > 0;) {
            if (text[i] != '<') continue;
            if (at_nocase(text, end, i, close)) break; /* closed without being opened */
            if (!at_nocase(text, end, i, open)) continue;
            span inside = trim(text, (span){i + strlen(open), end});
            bool final;
            span boxed;
            if (find_boxed(text + inside.start, inside.end - inside.start, &boxed, &final))
                inside = (span){inside.start + boxed.start, inside.start + boxed.end};
            *out = inside;
            return inside.end > inside.start;
        }
    }
    return false;
}
