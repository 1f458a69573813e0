/* The table of settings as arrays, and looking a setting up by name. */
#include "config_entries.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#define V(KIND, CONSTANT, text) [MASA_CONFIG_##KIND##_##CONSTANT] = text,
#define K(KIND)                 static const char *const names_##KIND[] = {MASA_CONFIG_VALUES_##KIND(V)};
MASA_CONFIG_KINDS(K)
#undef K
#undef V

#define COMMON(section_, key_, help_)                                                          \
    .section = #section_, .key = #key_, .help = help_,                                         \
    .offset = offsetof(masa_config, section_.key_)
#define RANGE(kind_, section_, key_, value, least_, most_, unit_, help_)                       \
    {.kind = kind_,                                                                            \
     COMMON(section_, key_, help_),                                                            \
     .fallback = #value,                                                                       \
     .least = least_,                                                                          \
     .most = most_,                                                                            \
     .least_text = #least_,                                                                    \
     .most_text = #most_,                                                                      \
     .unit = unit_},
#define INTEGER(...) RANGE(CONFIG_INTEGER, __VA_ARGS__)
#define NUMBER(...)  RANGE(CONFIG_NUMBER, __VA_ARGS__)
#define SWITCH(section_, key_, value, help_)                                                   \
    {.kind = CONFIG_SWITCH, COMMON(section_, key_, help_), .fallback = #value, .unit = ""},
#define TEXT(section_, key_, value, help_)                                                     \
    {.kind = CONFIG_TEXT, COMMON(section_, key_, help_), .fallback = value, .unit = ""},
#define CHOICE(section_, key_, KIND, value, help_)                                             \
    {.kind = CONFIG_CHOICE,                                                                    \
     COMMON(section_, key_, help_),                                                            \
     .unit = "",                                                                               \
     .choice = MASA_CONFIG_##KIND##_##value,                                                   \
     .names = names_##KIND,                                                                    \
     .n_names = MASA_CONFIG_##KIND##_COUNT},

#define FORMER(section_, key_, now_)                                                           \
    {.kind = CONFIG_FORMER,                                                                    \
     .section = #section_,                                                                     \
     .key = #key_,                                                                             \
     .fallback = #section_ "." #now_},

#define S(name_, NAME, help_)                                                                  \
    static const config_entry entries_##name_[] = {                                            \
        MASA_CONFIG_##NAME(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)};
MASA_CONFIG_SECTIONS(S)
#undef S

const config_section config_sections[] = {
#define S(name_, NAME, help_)                                                                  \
    {#name_, help_, entries_##name_, sizeof entries_##name_ / sizeof *entries_##name_},
    MASA_CONFIG_SECTIONS(S)
#undef S
};
const size_t config_n_sections = sizeof config_sections / sizeof *config_sections;

const config_entry *config_find(const char *name, size_t n)
{
    for (size_t s = 0; s < config_n_sections; s++) {
        const config_section *section = &config_sections[s];
        size_t head = strlen(section->name);
        if (n <= head || memcmp(name, section->name, head) != 0 || name[head] != '.') continue;
        for (size_t k = 0; k < section->n; k++) {
            const char *key = section->entries[k].key;
            if (strlen(key) == n - head - 1 && memcmp(name + head + 1, key, strlen(key)) == 0)
                return &section->entries[k];
        }
    }
    return NULL;
}

/* Edits (insert, drop, change, swap neighbours) that turn a into b. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return n + m;
    size_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= n; i++) d[i][0] = i;
    for (size_t j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const config_entry *config_nearest(const char *name)
{
    const char *dot = strchr(name, '.');
    const config_entry *nearest = NULL;
    size_t least = (size_t)-1;
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *entry = &config_sections[s].entries[k];
            if (entry->kind == CONFIG_FORMER) continue;
            /* A wrong section costs little beside a wrong key: "train.lr" means
             * optimizer.lr rather than train.seed. */
            size_t distance = 4 * edit_distance(dot ? dot + 1 : name, entry->key);
            bool same = dot && strlen(entry->section) == (size_t)(dot - name) &&
                        memcmp(name, entry->section, (size_t)(dot - name)) == 0;
            distance += !same;
            if (distance < least) least = distance, nearest = entry;
        }
    return nearest;
}
