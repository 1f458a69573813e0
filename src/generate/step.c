/* One step: a batch of rows through the model, and the tokens that come of it. */
#include "engine.h"
#include "stop.h"

#include <masa/clock.h>
#include <masa/memory.h>
#include <masa/random.h>

#include <assert.h>
#include <string.h>

/* Adds `n` rows of a slot's sequence to the batch, its next ones to be computed. */
static void add_rows(masa_generator *g, masa_decode_batch *batch, slot *s, size_t n)
{
    const group *owner = &g->run.groups[s->group];
    const masa_completion *c =
        s->sample == NO_SAMPLE ? NULL : completion_of(g, (size_t)s->sample);
    const int32_t *prompt = owner->request->prompt;
    const int32_t *kept_rows = c ? c->kept_rows : owner->kept_rows;
    size_t prompt_size = owner->request->prompt_size;
    for (size_t i = s->computed; i < s->computed + n; i++) {
        size_t row = batch->rows++;
        g->tokens[row] = i < prompt_size ? prompt[i] : c->tokens[i - prompt_size];
        g->kept_rows[row] = kept_rows ? kept_rows[i] : -1;
        g->positions[row] = (int32_t)i;
        g->sequences[row] = (int32_t)s->table;
    }
    s->rows = n;
    s->logits = -1;
    bool wanted = s->sample != NO_SAMPLE || !owner->drawn;
    if (s->computed + n < engine_sequence_size(g, s) || !wanted) return;
    s->logits = (ptrdiff_t)batch->n_logits;
    g->logit_rows[batch->n_logits++] = (int32_t)(batch->rows - 1);
}

/* Single tokens of all running sequences, then chunks of prompts and of sequences to
 * be recomputed, the oldest first, as far as the rows go. */
static masa_decode_batch build_batch(masa_generator *g)
{
    masa_decode_batch batch = {.tokens = g->tokens,
                               .positions = g->positions,
                               .sequences = g->sequences,
                               .block_tables = g->tables,
                               .max_blocks = g->max_blocks,
                               .logit_rows = g->logit_rows,
                               .kept = g->kept,
                               .kept_rows = g->kept_rows};
    for (size_t i = 0; i < g->n_slots; i++) {
        slot *s = &g->slots[i];
        s->rows = 0;
        s->logits = -1;
        if (engine_sequence_size(g, s) - s->computed == 1) add_rows(g, &batch, s, 1);
    }
    for (size_t i = 0; i < g->n_slots; i++) {
        slot *s = &g->slots[i];
        size_t left = engine_sequence_size(g, s) - s->computed, room = g->max_rows - batch.rows;
        if (s->rows > 0 || room == 0) continue;
        add_rows(g, &batch, s, left < room ? left : room);
    }
    assert(batch.rows > 0);
    return batch;
}

static void add_draw(masa_generator *g, size_t sample, ptrdiff_t logits)
{
    const masa_completion *c = completion_of(g, sample);
    const masa_request *request = g->run.groups[c->request].request;
    masa_draw draw = {
        .tag = sample,
        .row = (size_t)logits,
        .sampling = request->sampling,
        .u = masa_uniform(masa_key(request->key, request->first_sample + c->sample),
                          MASA_STREAM_SAMPLE, c->n)};
    MASA_PUSH(g->draws, g->n_draws, g->draws_capacity, draw);
}

/* One draw for each sequence, and one for each sample of a prompt that is complete. */
static void list_draws(masa_generator *g)
{
    g->n_draws = 0;
    for (size_t i = 0; i < g->n_slots; i++) {
        const slot *s = &g->slots[i];
        const group *owner = &g->run.groups[s->group];
        if (s->logits < 0) continue;
        if (s->sample != NO_SAMPLE) {
            add_draw(g, (size_t)s->sample, s->logits);
            continue;
        }
        for (size_t k = 0; k < owner->request->n_samples; k++)
            add_draw(g, owner->first + k, s->logits);
    }
}

static masa_status check_draws(const masa_generator *g, masa_error *err)
{
    for (size_t i = 0; i < g->n_draws; i++) {
        if (g->draws[i].valid) continue;
        const masa_completion *c = completion_of(g, g->draws[i].tag);
        return MASA_FAIL(err, MASA_ERR_NUMERIC,
                         "the model's logits are not finite after %zu tokens of request %zu, "
                         "sample %zu; its weights are broken or training has diverged",
                         c->n, c->request, c->sample);
    }
    return MASA_OK;
}

static bool is_stop_token(const masa_request *request, int32_t token)
{
    for (size_t i = 0; i < request->n_stop_tokens; i++)
        if (request->stop_tokens[i] == token) return true;
    return false;
}

static void grow(masa_completion *c, size_t *capacity, const group *owner, size_t limit)
{
    size_t grown = c->n ? 2 * c->n : 32, prompt_size = owner->request->prompt_size;
    *capacity = grown = grown < limit ? grown : limit;
    c->tokens = masa_realloc(c->tokens, grown, sizeof *c->tokens);
    c->logprobs = masa_realloc(c->logprobs, grown, sizeof *c->logprobs);
    if (!owner->kept_rows) return;
    c->kept_rows = masa_realloc(c->kept_rows, prompt_size + grown, sizeof *c->kept_rows);
    if (c->n == 0) memcpy(c->kept_rows, owner->kept_rows, prompt_size * sizeof *c->kept_rows);
}

/* Appends a drawn token to its completion; returns whether that finished it. */
static bool append_token(masa_generator *g, const masa_draw *draw)
{
    run *r = &g->run;
    reply *to = &r->responses[draw->tag];
    masa_completion *c = to->completion;
    const group *owner = &r->groups[c->request];
    const masa_request *request = owner->request;
    size_t limit = engine_limit(g, request, c->sample);
    if (c->n == to->capacity) grow(c, &to->capacity, owner, limit);
    c->tokens[c->n] = draw->token;
    c->logprobs[c->n++] = draw->logprob;
    g->stats.generated_tokens++;
    bool finished = true;
    if (is_stop_token(request, draw->token)) c->cause = MASA_STOP_EOS;
    else if (request->n_stop_strings > 0 &&
             stop_string_completes(&to->tail, g->tokenizer, request, draw->token))
        c->cause = MASA_STOP_STRING;
    else if (c->n == limit)
        c->cause =
            limit < engine_wanted(request, c->sample) ? MASA_STOP_CONTEXT : MASA_STOP_LENGTH;
    else finished = false;
    if (to->started > 0) c->seconds = masa_clock() - to->started;
    if (r->callback && !r->callback(r->context, c, finished) && !finished) {
        c->cause = MASA_STOP_CANCELLED;
        finished = true;
    }
    if (finished) masa_text_deinit(&to->tail);
    else if (owner->kept_rows) /* it will be run */
        c->kept_rows[request->prompt_size + c->n - 1] = masa_activations_take(g->kept);
    return finished;
}

/* The prompt is in the cache: its samples, with their first tokens, join the queue. */
static const masa_draw *begin_samples(masa_generator *g, slot *s, const masa_draw *draw)
{
    run *r = &g->run;
    group *owner = &r->groups[s->group];
    engine_keep_prompt(g, s);
    if (owner->drawn) return draw;
    owner->drawn = true;
    size_t n = owner->request->n_samples;
    r->arriving -= n;
    owner->waiting = n;
    for (size_t k = 0; k < n; k++, draw++) {
        if (append_token(g, draw)) {
            owner->waiting--;
            engine_finish(g, completion_of(g, draw->tag));
        } else {
            engine_queue(r, draw->tag);
        }
    }
    return draw;
}

/* Hands out the drawn tokens and clears the slots of what is finished. */
static void apply_tokens(masa_generator *g)
{
    const masa_draw *draw = g->draws;
    for (size_t i = 0; i < g->n_slots;) {
        slot *s = &g->slots[i];
        group *owner = &g->run.groups[s->group];
        bool done = false;
        s->computed += s->rows;
        if (s->sample == NO_SAMPLE) {
            if (!owner->drawn) g->stats.prompt_tokens += s->rows;
            done = s->computed == owner->request->prompt_size;
            if (done) draw = begin_samples(g, s, draw);
        } else if (s->logits >= 0 && append_token(g, draw++)) {
            done = true;
            owner->running--;
            engine_release(g, s);
            engine_finish(g, completion_of(g, (size_t)s->sample));
        }
        if (done) engine_drop(g, i);
        else i++;
    }
}

masa_status engine_step(masa_generator *g, masa_error *err)
{
    masa_decode_batch batch = build_batch(g);
    masa_decoder_run(g->decoder, &g->store, &batch, g->logits);
    g->stats.decode_steps++;
    list_draws(g);
    masa_sample(g->draws, g->n_draws, g->logits, masa_model_get_config(g->model)->vocab_size);
    masa_status st = check_draws(g, err);
    if (st == MASA_OK) apply_tokens(g);
    return st;
}
