#include <masa/tasks.h>

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task_table.h"

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

/* Shares whose weight is the greatest are taken when drawn, the others in proportion to it. */
static const masa_task_share *pick_share(masa_random *random, const masa_task_mix *mix,
                                         double heaviest)
{
    for (;;) {
        const masa_task_share *s = &mix->items[masa_random_below(random, mix->n)];
        if (s->weight == heaviest) return s;
        if (s->weight > 0 && masa_random_uniform(random) * heaviest < s->weight) return s;
    }
}

/* The first four kinds: sentences, and the answer in a box. */
static void make_sentences(task_case *c, const task_kind *kind, int level)
{
    long answer = kind->make(&c->problem, &c->work, c->random, level);
    masa_text_addf(&c->work, " The answer is \\boxed{%ld}.", answer);
    masa_text_addf(&c->answer, "%ld", answer);
    memmove(c->work.data, c->work.data + 1, c->work.size--); /* the first space goes */
}

static void make_case(task_case *c, const task_kind *kind, int level)
{
    if (kind->make) {
        make_sentences(c, kind, level);
        return;
    }
    masa_text_addf(&c->problem, "%c%d ", kind->letter, level);
    kind->compact(c, level);
}

static masa_problem finish(const task_kind *kind, int level, uint64_t hash, task_case *c)
{
    char id[64];
    snprintf(id, sizeof id, "%s_%d_%016llx", kind->name, level, (unsigned long long)hash);
    return (masa_problem){.id = masa_strdup(id),
                          .problem = masa_text_take(&c->problem),
                          .answer = masa_text_take(&c->answer),
                          .kind = kind->answer_kind,
                          .solution = masa_text_take(&c->work),
                          .level = level};
}

static masa_status check(const masa_task_options *o, double *heaviest, masa_error *err)
{
    *heaviest = 0;
    if (!(o->slips >= 0 && o->slips <= 1))
        return MASA_FAIL(err, MASA_ERR_CONFIG, "the share of slips is 0 to 1, not %g",
                         o->slips);
    for (size_t i = 0; i < o->mix->n; i++) {
        const masa_task_share *s = &o->mix->items[i];
        if (s->weight > *heaviest) *heaviest = s->weight;
        if (s->weight > 0 && o->slips > 0 && !task_table[s->kind].compact)
            return MASA_FAIL(
                err, MASA_ERR_CONFIG,
                "the solutions of %s cannot have slips; those of chain, add and the "
                "other compact kinds can",
                task_table[s->kind].name);
    }
    return MASA_OK;
}

masa_status masa_tasks_generate(masa_problems *out, size_t n, const masa_task_options *o,
                                masa_error *err)
{
    double heaviest;
    masa_status st = check(o, &heaviest, err);
    if (st != MASA_OK) return st;
    hash_set seen = {.mask = 63};
    while (seen.mask < 2 * n) seen.mask = seen.mask * 2 + 1;
    seen.slots = masa_alloc(seen.mask + 1, sizeof *seen.slots);
    masa_random random = masa_random_init(o->seed, MASA_STREAM_TASK);
    task_case c = {.random = &random, .slips = o->slips};
    size_t made = 0, rejected = 0;
    while (made < n) {
        if (rejected > 1000 * n + 10000) {
            st = MASA_FAIL(err, MASA_ERR_CONFIG,
                           "only %zu different problems exist here, %zu were asked for; "
                           "widen the levels or the kinds",
                           made, n);
            break;
        }
        const masa_task_share *share = pick_share(&random, o->mix, heaviest);
        const task_kind *kind = &task_table[share->kind];
        int level = (int)masa_random_range(&random, share->least_level, share->most_level);
        masa_text_clear(&c.problem);
        masa_text_clear(&c.work);
        masa_text_clear(&c.answer);
        c.own = masa_random_init(masa_key(o->seed, made + rejected), MASA_STREAM_TASK);
        make_case(&c, kind, level);
        uint64_t hash = text_hash(masa_text_get(&c.problem));
        bool is_test = hash % 5 == 0;
        if (is_test == o->test && hash_set_add(&seen, hash)) {
            masa_problem p = finish(kind, level, hash, &c);
            MASA_PUSH(out->items, out->n, out->capacity, p);
            made++;
        } else {
            rejected++;
        }
    }
    masa_text_deinit(&c.problem);
    masa_text_deinit(&c.work);
    masa_text_deinit(&c.answer);
    free(seen.slots);
    return st;
}
