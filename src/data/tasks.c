#include <masa/tasks.h>

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task_kinds.h"

static const struct {
    const char *name;
    task_maker *make;
} kinds[MASA_TASK_KINDS] = {
    [MASA_TASK_ARITHMETIC] = {"arithmetic", task_arithmetic},
    [MASA_TASK_WORD] = {"word", task_word},
    [MASA_TASK_COMPARE] = {"compare", task_compare},
    [MASA_TASK_EQUATION] = {"equation", task_equation},
};

const char *masa_task_name(masa_task_kind kind)
{
    return kinds[kind].name;
}

/* FNV-1a: stable for ever, since it decides the split. */
static uint64_t text_hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return masa_key(h, 0);
}

/* Open addressing set of text hashes: 64 bits make a false match unlikely, and
 * its only effect would be one problem fewer. */
typedef struct hash_set {
    uint64_t *slots;
    size_t mask;
} hash_set;

static bool hash_set_add(hash_set *set, uint64_t h)
{
    if (h == 0) h = 1;
    for (size_t i = h & set->mask;; i = (i + 1) & set->mask) {
        if (set->slots[i] == h) return false;
        if (set->slots[i]) continue;
        set->slots[i] = h;
        return true;
    }
}

static masa_task_kind pick_kind(masa_random *random, unsigned wanted)
{
    for (;;) {
        masa_task_kind kind = (masa_task_kind)masa_random_below(random, MASA_TASK_KINDS);
        if (!wanted || wanted & 1u << kind) return kind;
    }
}

static masa_problem finish(masa_task_kind kind, int level, uint64_t hash, char *text,
                           masa_text *work, long answer)
{
    char number[32], id[64];
    masa_text_addf(work, " The answer is \\boxed{%ld}.", answer);
    char *solution = masa_strdup(masa_text_get(work) + 1); /* past the first space */
    snprintf(number, sizeof number, "%ld", answer);
    snprintf(id, sizeof id, "%s_%d_%016llx", kinds[kind].name, level,
             (unsigned long long)hash);
    return (masa_problem){.id = masa_strdup(id), .problem = text,
                          .answer = masa_strdup(number), .kind = masa_strdup("numeric"),
                          .solution = solution, .level = level};
}

masa_status masa_tasks_generate(masa_problems *out, size_t n,
                                const masa_task_options *o, masa_error *err)
{
    if (o->least_level < 1 || o->most_level > MASA_TASK_LEVELS ||
        o->least_level > o->most_level)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "levels go from 1 to %d (asked for %d-%d)",
                         MASA_TASK_LEVELS, o->least_level, o->most_level);
    hash_set seen = {.mask = 63};
    while (seen.mask < 2 * n) seen.mask = seen.mask * 2 + 1;
    seen.slots = masa_alloc(seen.mask + 1, sizeof *seen.slots);
    masa_random random = masa_random_init(o->seed, MASA_STREAM_TASK);
    masa_status st = MASA_OK;
    size_t made = 0, rejected = 0;
    masa_text work = {0};
    while (made < n) {
        if (rejected > 1000 * n + 10000) {
            st = MASA_FAIL(err, MASA_ERR_CONFIG,
                           "only %zu different problems exist here, %zu were asked for; "
                           "widen the levels or the kinds",
                           made, n);
            break;
        }
        masa_task_kind kind = pick_kind(&random, o->kinds);
        int level = (int)masa_random_range(&random, o->least_level, o->most_level);
        masa_text text = {0};
        masa_text_clear(&work);
        long answer = kinds[kind].make(&text, &work, &random, level);
        uint64_t hash = text_hash(masa_text_get(&text));
        bool is_test = hash % 5 == 0;
        if (is_test != o->test || !hash_set_add(&seen, hash)) {
            masa_text_deinit(&text);
            rejected++;
            continue;
        }
        masa_problem p = finish(kind, level, hash, masa_text_take(&text), &work, answer);
        MASA_PUSH(out->items, out->n, out->capacity, p);
        made++;
    }
    masa_text_deinit(&work);
    free(seen.slots);
    return st;
}
