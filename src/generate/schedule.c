/*
 * Who runs: admission, forking of samples from their prompt, and giving blocks
 * back when the cache is full.
 *
 * Nothing waits for ever: the oldest slot can take the blocks of all others, and
 * masa_generate has checked that one sequence fits. Nothing is computed many
 * times over: after a sequence had to give its blocks back, admission is closed
 * until another finishes, so what is recomputed is paid for by finished work.
 */
#include "engine.h"

#include <masa/clock.h>
#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void engine_queue(run *r, size_t sample)
{
    assert(r->queue_n < r->capacity);
    r->queue[(r->queue_head + r->queue_n++) % r->capacity] = sample;
}

static void queue_push_front(run *r, size_t sample)
{
    r->queue_head = (r->queue_head + r->capacity - 1) % r->capacity;
    r->queue[r->queue_head] = sample;
    r->queue_n++;
}

static void queue_pop(run *r)
{
    r->queue_head = (r->queue_head + 1) % r->capacity;
    r->queue_n--;
}

size_t engine_sequence_size(const masa_generator *g, const slot *s)
{
    size_t prompt = g->run.groups[s->group].request->prompt_size;
    return s->sample == NO_SAMPLE ? prompt : prompt + completion_of(g, (size_t)s->sample)->n;
}

static slot *add_slot(masa_generator *g, size_t owner, ptrdiff_t sample)
{
    slot *s = &g->slots[g->n_slots++];
    *s = (slot){.group = owner, .sample = sample, .table = g->spare_tables[--g->n_spare]};
    return s;
}

void engine_release(masa_generator *g, slot *s)
{
    const int32_t *table = table_of(g, s);
    for (size_t i = 0; i < s->n_blocks; i++) block_release(&g->pool, table[i]);
    s->n_blocks = 0;
}

void engine_drop(masa_generator *g, size_t index)
{
    assert(g->slots[index].n_blocks == 0);
    g->spare_tables[g->n_spare++] = g->slots[index].table;
    g->n_slots--;
    memmove(g->slots + index, g->slots + index + 1, (g->n_slots - index) * sizeof *g->slots);
}

static void extend_table(masa_generator *g, slot *s, size_t n_blocks)
{
    int32_t *table = table_of(g, s);
    while (s->n_blocks < n_blocks) table[s->n_blocks++] = block_acquire(&g->pool);
}

/* The prompt is computed: its blocks go from the slot to the group. */
void engine_keep_prompt(masa_generator *g, slot *s)
{
    group *owner = &g->run.groups[s->group];
    owner->n_blocks = s->n_blocks;
    memcpy(owner->blocks, table_of(g, s), s->n_blocks * sizeof *owner->blocks);
    owner->partial = -1;
    if (owner->request->prompt_size % block_tokens())
        owner->partial = owner->blocks[--owner->n_blocks];
    owner->cached = true;
    owner->computing = false;
    s->n_blocks = 0;
}

void engine_forget_prompt(masa_generator *g, group *owner)
{
    if (!owner->cached) return;
    for (size_t i = 0; i < owner->n_blocks; i++) block_release(&g->pool, owner->blocks[i]);
    if (owner->partial >= 0) block_release(&g->pool, owner->partial);
    owner->n_blocks = 0;
    owner->partial = -1;
    owner->cached = false;
}

void engine_finish(masa_generator *g, const masa_completion *c)
{
    group *owner = &g->run.groups[c->request];
    if (owner->kept_rows)
        masa_activations_release(g->kept, engine_limit(g, owner->request, c->sample) - c->n);
    g->run.closed = false;
    g->run.remaining--;
    if (--owner->unfinished > 0) return;
    engine_forget_prompt(g, owner);
    while (g->run.oldest < g->run.next_group && !g->run.groups[g->run.oldest].unfinished)
        g->run.oldest++;
}

/* Frees the prompt of the youngest group of which nothing runs, if there is one. */
static bool forget_idle_prompt(masa_generator *g)
{
    run *r = &g->run;
    for (size_t i = r->next_group; i-- > r->oldest;) {
        group *idle = &r->groups[i];
        if (!idle->cached || idle->running) continue;
        engine_forget_prompt(g, idle);
        return true;
    }
    return false;
}

/* Puts the youngest running sample back into the queue; returns its slot's index. */
static size_t preempt_youngest(masa_generator *g)
{
    run *r = &g->run;
    size_t i = g->n_slots - 1;
    while (g->slots[i].sample == NO_SAMPLE) i--; /* the caller has one that runs */
    slot *s = &g->slots[i];
    r->groups[s->group].running--;
    r->groups[s->group].waiting++;
    queue_push_front(r, (size_t)s->sample);
    engine_release(g, s);
    engine_drop(g, i);
    r->closed = true;
    return i;
}

/* Gives every running sequence the block its next token goes to, oldest first. */
void engine_reserve(masa_generator *g)
{
    for (size_t i = 0; i < g->n_slots;) {
        size_t need = blocks_of(engine_sequence_size(g, &g->slots[i]));
        bool stays = true;
        while (stays && need > g->slots[i].n_blocks && g->pool.n_free == 0)
            stays = forget_idle_prompt(g) || preempt_youngest(g) != i;
        if (!stays) continue; /* the next slot is at i now */
        extend_table(g, &g->slots[i], need);
        i++;
    }
}

/* Whether `need` blocks may be taken: with one more for each running sequence, or,
 * when nothing runs, at the cost of the other groups' prompts. */
static bool has_room(masa_generator *g, size_t need, group *owner)
{
    if (g->n_slots > 0) return !g->run.closed && g->pool.n_free >= need + g->n_slots;
    owner->running++; /* so that its own prompt stays */
    while (g->pool.n_free < need && forget_idle_prompt(g)) continue;
    owner->running--;
    assert(g->pool.n_free >= need);
    return true;
}

static size_t common_tokens(const masa_request *a, const masa_request *b)
{
    size_t n = 0;
    while (n < a->prompt_size && n < b->prompt_size && a->prompt[n] == b->prompt[n]) n++;
    return n;
}

/* The group whose prompt has the most full blocks in common with this one's, of those in
 * the cache or on their way into it; the last token stays to be computed, for its logits. */
static const group *find_prefix(const run *r, const group *owner, size_t *blocks)
{
    const group *best = NULL;
    size_t most = (owner->request->prompt_size - 1) / block_tokens();
    *blocks = 0;
    for (size_t i = r->oldest; i < r->next_group; i++) {
        const group *other = &r->groups[i];
        if (other == owner || !(other->cached || other->computing)) continue;
        size_t n = common_tokens(owner->request, other->request) / block_tokens();
        if (n > most) n = most;
        if (n < *blocks || n == 0 || (n == *blocks && best->cached)) continue;
        best = other;
        *blocks = n;
    }
    return best;
}

/* Sets rows aside for a new group's activations: its own part of the prompt and the longest
 * responses there may be. Without room, or the other part, it goes without. */
static void promise_rows(masa_generator *g, group *owner, const group *prefix, size_t shared)
{
    const masa_request *request = owner->request;
    size_t n = request->prompt_size - shared;
    if (!g->kept || (prefix && !prefix->kept_rows)) return;
    /* A response's last token is never run. */
    for (size_t i = 0; i < request->n_samples; i++) n += engine_limit(g, request, i) - 1;
    if (!masa_activations_promise(g->kept, n)) return;
    owner->kept_rows = masa_alloc(request->prompt_size, sizeof *owner->kept_rows);
    for (size_t i = 0; i < shared; i++) owner->kept_rows[i] = prefix->kept_rows[i];
    for (size_t i = shared; i < request->prompt_size; i++)
        owner->kept_rows[i] = masa_activations_take(g->kept);
}

/* What the prompt has in common with another is taken from there; while that is still being
 * computed this one waits for it. */
static bool start_prompt(masa_generator *g, size_t index)
{
    group *owner = &g->run.groups[index];
    size_t need = blocks_of(owner->request->prompt_size), n;
    const group *prefix = find_prefix(&g->run, owner, &n);
    if (prefix && !prefix->cached) return false;
    /* Held before room is made, which may cost the other group its prompt. */
    for (size_t i = 0; i < n; i++) block_retain(&g->pool, prefix->blocks[i]);
    bool room = has_room(g, need - n, owner);
    slot *s = room ? add_slot(g, index, NO_SAMPLE) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (room) table_of(g, s)[s->n_blocks++] = prefix->blocks[i];
        else block_release(&g->pool, prefix->blocks[i]);
    }
    if (!room) return false;
    extend_table(g, s, need);
    s->computed = n * block_tokens();
    owner->computing = true;
    if (owner->drawn) {
        g->stats.recomputed_tokens += owner->request->prompt_size - s->computed;
    } else {
        g->run.arriving += owner->request->n_samples;
        promise_rows(g, owner, prefix, s->computed);
    }
    return true;
}

/* Gives a queued sample a slot and its prompt's keys and values. */
static bool start_sample(masa_generator *g, size_t sample)
{
    const masa_completion *c = completion_of(g, sample);
    group *owner = &g->run.groups[c->request];
    size_t need = blocks_of(owner->request->prompt_size + c->n);
    if (!has_room(g, need - owner->n_blocks, owner)) return false;
    slot *s = add_slot(g, c->request, (ptrdiff_t)sample);
    int32_t *table = table_of(g, s);
    while (s->n_blocks < owner->n_blocks) {
        table[s->n_blocks] = owner->blocks[s->n_blocks];
        block_retain(&g->pool, table[s->n_blocks++]);
    }
    s->computed = owner->n_blocks * block_tokens();
    owner->running++;
    owner->waiting--;
    if (owner->partial >= 0) {
        bool last = owner->waiting == 0;
        int32_t block = last ? owner->partial : block_acquire(&g->pool);
        if (!last) masa_kv_store_copy(&g->store, block, owner->partial);
        if (last) owner->partial = -1;
        table[s->n_blocks++] = block;
        s->computed = owner->request->prompt_size;
    }
    extend_table(g, s, need);
    g->stats.recomputed_tokens += engine_sequence_size(g, s) - s->computed - 1;
    reply *r = &g->run.responses[sample];
    if (r->started == 0) r->started = masa_clock();
    return true;
}

/* Fills free slots: queued samples first, so that the prompts in the cache are used up
 * and freed; then new prompts, no more of them than the slots will need. */
void engine_admit(masa_generator *g)
{
    run *r = &g->run;
    while (g->n_slots < g->max_batch) {
        if (r->queue_n > 0) {
            size_t sample = r->queue[r->queue_head];
            size_t index = completion_of(g, sample)->request;
            if (!r->groups[index].cached) {
                if (r->groups[index].computing || !start_prompt(g, index)) return;
                continue;
            }
            if (!start_sample(g, sample)) return;
            queue_pop(r);
            continue;
        }
        while (r->next_group < r->n_groups && !r->groups[r->next_group].unfinished)
            r->next_group++;
        if (r->next_group == r->n_groups) return;
        size_t running = 0;
        for (size_t i = 0; i < g->n_slots; i++) running += g->slots[i].sample != NO_SAMPLE;
        if (r->arriving >= g->max_batch - running || !start_prompt(g, r->next_group)) return;
        r->next_group++;
    }
}
