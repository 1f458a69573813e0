/* Which kinds and levels are asked for, and how often. */
#include "task_table.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* How many kinds there were when a draw among them was a number below 4. They are drawn so to
 * this day, whichever of them are wanted: old command lines make the old files. */
enum { FIRST_KINDS = 4 };

#define METHODS(first, second)                                                                 \
    (const char *const[])                                                                      \
    {                                                                                          \
        first, second                                                                          \
    }

const task_kind task_table[MASA_TASK_KINDS] = {
    [MASA_TASK_ARITHMETIC] = {"arithmetic", 1, 6, 1, 4, task_arithmetic, 0, NULL,
                              MASA_PROBLEM_NUMERIC, NULL},
    [MASA_TASK_WORD] = {"word", 1, 10, 1, 4, task_word, 0, NULL, MASA_PROBLEM_NUMERIC, NULL},
    [MASA_TASK_COMPARE] = {"compare", 1, 6, 1, 4, task_compare, 0, NULL, MASA_PROBLEM_NUMERIC,
                           NULL},
    [MASA_TASK_EQUATION] = {"equation", 1, 6, 1, 4, task_equation, 0, NULL,
                            MASA_PROBLEM_NUMERIC, NULL},
    [MASA_TASK_CHAIN] = {"chain", 1, 60, 1, 14, NULL, 'c', task_chain, MASA_PROBLEM_NUMERIC,
                         NULL},
    [MASA_TASK_ADD] = {"add", 1, 18, 1, 9, NULL, 'a', task_add, MASA_PROBLEM_NUMERIC, NULL},
    [MASA_TASK_MULTIPLY] = {"multiply", 1, 12, 1, 5, NULL, 'm', task_multiply,
                            MASA_PROBLEM_NUMERIC, METHODS("column", "expand")},
    [MASA_TASK_SORT] = {"sort", 1, 30, 2, 10, NULL, 's', task_sort, MASA_PROBLEM_NUMERIC,
                        METHODS("select", "insert")},
    [MASA_TASK_SEARCH] = {"search", 3, 12, 3, 6, NULL, 't', task_search, MASA_PROBLEM_MATH,
                          METHODS("big", "small")},
    [MASA_TASK_GRAPH] = {"graph", 3, 20, 4, 9, NULL, 'g', task_graph, MASA_PROBLEM_NUMERIC,
                         NULL},
    [MASA_TASK_BASE] = {"base", 1, 12, 1, 4, NULL, 'b', task_base, MASA_PROBLEM_NUMERIC,
                        METHODS("divide", "powers")},
    [MASA_TASK_SOLVE] = {"solve", 1, 17, 1, 6, NULL, 'e', task_solve, MASA_PROBLEM_NUMERIC,
                         NULL},
    [MASA_TASK_SECRET] = {"secret", 4, 60, 4, 12, NULL, 'h', task_secret, MASA_PROBLEM_NUMERIC,
                          NULL},
};

const char *masa_task_name(masa_task_kind kind)
{
    return task_table[kind].name;
}

bool masa_task_is_compact(masa_task_kind kind)
{
    return task_table[kind].compact != NULL;
}

const char *const *masa_task_methods(masa_task_kind kind)
{
    return task_table[kind].methods;
}

static masa_status find_kind(masa_task_kind *out, const char *name, size_t n, masa_error *err)
{
    for (int k = 0; k < MASA_TASK_KINDS; k++)
        if (strlen(task_table[k].name) == n && memcmp(task_table[k].name, name, n) == 0) {
            *out = (masa_task_kind)k;
            return MASA_OK;
        }
    masa_text names = {0};
    for (int k = 0; k < MASA_TASK_KINDS; k++)
        masa_text_addf(&names, "%s%s", k ? ", " : "", task_table[k].name);
    masa_status st = MASA_FAIL(err, MASA_ERR_USAGE, "no task kind '%.*s'; the kinds are %s",
                               (int)(n < 80 ? n : 80), name, masa_text_get(&names));
    masa_text_deinit(&names);
    return st;
}

/* "N" or "N-M", ending where the text does or a weight begins. */
static masa_status parse_levels(masa_task_share *share, const char *text, const char **end,
                                masa_error *err)
{
    char *p;
    long least = strtol(text, &p, 10), most = least;
    bool good = p > text;
    if (good && *p == '-') {
        const char *from = p + 1;
        most = strtol(from, &p, 10);
        good = p > from;
    }
    if (!good || (*p && *p != '=' && *p != ','))
        return MASA_FAIL(err, MASA_ERR_USAGE, "levels are N or N-M, not '%.40s'", text);
    const task_kind *kind = &task_table[share->kind];
    if (least < kind->least || most > kind->most || least > most)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the levels of %s go from %d to %d (asked for %ld-%ld)", kind->name,
                         kind->least, kind->most, least, most);
    share->least_level = (int)least;
    share->most_level = (int)most;
    *end = p;
    return MASA_OK;
}

/* One share; *text moves to what follows it. */
static masa_status parse_share(masa_task_share *out, const char **text, const char *levels,
                               masa_error *err)
{
    const char *p = *text, *end = "";
    size_t n = strcspn(p, ":=,");
    masa_task_share share = {.weight = 1};
    masa_status st = find_kind(&share.kind, p, n, err);
    if (st != MASA_OK) return st;
    p += n;
    share.least_level = task_table[share.kind].usual_least;
    share.most_level = task_table[share.kind].usual_most;
    if (*p == ':') st = parse_levels(&share, p + 1, &p, err);
    else if (levels) st = parse_levels(&share, levels, &end, err);
    if (st == MASA_OK && *end)
        st = MASA_FAIL(err, MASA_ERR_USAGE, "levels are N or N-M, not '%.40s'", levels);
    if (st != MASA_OK) return st;
    if (*p == '=') {
        char *after;
        share.weight = strtod(p + 1, &after);
        bool ends = after > p + 1 && (!*after || *after == ',');
        if (!ends || !(share.weight > 0) || share.weight > 1e9)
            return MASA_FAIL(err, MASA_ERR_USAGE, "a weight is a positive number, not '%.40s'",
                             p + 1);
        p = after;
    }
    *text = p + (*p == ',');
    *out = share;
    return MASA_OK;
}

static void push(masa_task_mix *mix, masa_task_share share)
{
    MASA_PUSH(mix->items, mix->n, mix->capacity, share);
}

/* Adds a share; those of the first kinds have places of their own, all four or none. */
static void add_share(masa_task_mix *mix, masa_task_share share)
{
    if ((int)share.kind >= FIRST_KINDS) {
        push(mix, share);
        return;
    }
    size_t first = 0;
    while (first < mix->n && (int)mix->items[first].kind >= FIRST_KINDS) first++;
    if (first == mix->n)
        for (int k = 0; k < FIRST_KINDS; k++)
            push(mix, (masa_task_share){(masa_task_kind)k, 1, 1, 0});
    masa_task_share *place = &mix->items[first + share.kind];
    if (place->weight == 0) *place = share;
    else push(mix, share);
}

masa_status masa_task_mix_parse(masa_task_mix *out, const char *text, const char *levels,
                                masa_error *err)
{
    masa_task_mix mix = {0};
    masa_status st = *text ? MASA_OK : MASA_FAIL(err, MASA_ERR_USAGE, "no task kind is named");
    while (st == MASA_OK && *text) {
        masa_task_share share = {0};
        st = parse_share(&share, &text, levels, err);
        if (st == MASA_OK) add_share(&mix, share);
    }
    if (st == MASA_OK) *out = mix;
    else masa_task_mix_deinit(&mix);
    return st;
}

void masa_task_mix_deinit(masa_task_mix *mix)
{
    free(mix->items);
    *mix = (masa_task_mix){0};
}
