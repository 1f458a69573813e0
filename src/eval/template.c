/* Prompts from templates. */
#include "problem.h"

#include <string.h>

typedef struct slot {
    const char *name;
    size_t offset; /* in eval_slots */
} slot;

#define SLOT(name)                                                                             \
    {                                                                                          \
#name, offsetof(eval_slots, name)                                                      \
    }
static const slot slots_by_name[] = {SLOT(question),    SLOT(problem), SLOT(context),
                                     SLOT(options),     SLOT(tests),   SLOT(unit),
                                     SLOT(entry_point), SLOT(example)};

/* The slot whose "{name}" is at p, or NULL. */
static const slot *slot_at(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof slots_by_name / sizeof *slots_by_name; i++) {
        size_t size = strlen(slots_by_name[i].name);
        if (n >= size + 2 && *p == '{' && p[size + 1] == '}' &&
            memcmp(p + 1, slots_by_name[i].name, size) == 0)
            return &slots_by_name[i];
    }
    return NULL;
}

static const char *value_of(const slot *s, const eval_slots *values)
{
    return *(const char *const *)((const char *)values + s->offset);
}

/* One line of the template, its newline included. */
static void fill_line(masa_text *out, const char *p, size_t n, const eval_slots *values)
{
    size_t named = 0, known = 0;
    for (size_t i = 0; i < n; i++) {
        const slot *s = slot_at(p + i, n - i);
        if (s) named++, known += value_of(s, values) != NULL;
    }
    if (named && !known) return;
    for (size_t i = 0; i < n;) {
        const slot *s = slot_at(p + i, n - i);
        if (!s) {
            masa_text_append(out, p + i++, 1);
            continue;
        }
        const char *value = value_of(s, values);
        if (value) masa_text_add(out, value);
        i += strlen(s->name) + 2;
    }
}

static void trim(masa_text *text)
{
    size_t start = 0, end = text->size;
    while (start < end && text->data[start] == '\n') start++;
    while (end > start && text->data[end - 1] == '\n') end--;
    if (start) memmove(text->data, text->data + start, end - start);
    text->size = end - start;
    if (text->data) text->data[text->size] = '\0';
}

void eval_template_fill(masa_text *out, const char *template_text, const eval_slots *slots)
{
    masa_text filled = {0};
    for (const char *p = template_text; *p;) {
        size_t n = strcspn(p, "\n");
        n += p[n] == '\n';
        fill_line(&filled, p, n, slots);
        p += n;
    }
    trim(&filled);
    masa_text_append(out, masa_text_get(&filled), filled.size);
    masa_text_deinit(&filled);
}

/* ---- worked examples ---- */

static const char separator[] = "------\n";

static void fill_slots(masa_text *out, const char *p, const eval_slots *slots)
{
    const struct {
        const char *name, *value;
    } named[] = {{"[[CONTEXT]]", slots->context},
                 {"[[QUESTION]]", slots->problem},
                 {"[[OPTIONS]]", slots->options}};
    while (*p) {
        size_t k = 0;
        while (k < 3 && !masa_starts_with(p, named[k].name)) k++;
        if (k == 3) {
            masa_text_append(out, p++, 1);
            continue;
        }
        if (named[k].value) masa_text_add(out, named[k].value);
        p += strlen(named[k].name);
    }
}

void eval_examples_fill(masa_text *out, const char *file, size_t most, const eval_slots *slots)
{
    size_t blocks = 1;
    for (const char *p = file; (p = strstr(p, separator)); p++) blocks++;
    const char *p = file;
    for (size_t i = 0; i < blocks; i++) {
        const char *end = strstr(p, separator);
        bool last = i + 1 == blocks;
        size_t n = last ? strlen(p) : (size_t)(end - p) + strlen(separator);
        if (last) fill_slots(out, p, slots);
        else if (i == 0 || most == 0 || i <= most) masa_text_append(out, p, n);
        p += n;
    }
}
