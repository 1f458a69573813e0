#include "exchange.h"

#include <masa/dist.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#include "shares.h"

/* Bytes of another process, of the same program. */
typedef struct reader {
    const char *at, *end;
    bool cut; /* there were fewer than asked for */
} reader;

static void take(reader *r, void *out, size_t n)
{
    r->cut = r->cut || (size_t)(r->end - r->at) < n;
    if (r->cut) {
        memset(out, 0, n);
        return;
    }
    memcpy(out, r->at, n);
    r->at += n;
}

static size_t take_size(reader *r)
{
    size_t n;
    take(r, &n, sizeof n);
    return r->cut ? 0 : n;
}

/* n items of `size` bytes; NULL when they are not there. */
static void *take_array(reader *r, size_t n, size_t size)
{
    r->cut = r->cut || n > (size_t)(r->end - r->at) / size;
    if (r->cut) return NULL;
    void *out = masa_alloc(n + 1, size);
    take(r, out, n * size);
    return out;
}

static void put(masa_text *out, const void *data, size_t n)
{
    masa_text_append(out, data, n);
}

static void put_string(masa_text *out, const char *s)
{
    size_t n = s ? strlen(s) + 1 : 0;
    put(out, &n, sizeof n);
    if (s) put(out, s, n);
}

static char *take_string(reader *r)
{
    size_t n = take_size(r);
    char *s = n ? take_array(r, n, 1) : NULL;
    if (s) s[n - 1] = '\0';
    return s;
}

static masa_status cut_short(masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_PEER,
                     "what another process sent of its rollouts is cut short");
}

typedef void unpacker(void *context, reader *r);

/* A vote on status; then everybody's bytes, but one's own, go to `unpack` rank by rank. */
static masa_status exchange(const masa_text *mine, unpacker *unpack, void *context,
                            masa_status status, masa_error *err)
{
    masa_text all = {0};
    size_t ranks = masa_dist_size(), *ends = masa_alloc(ranks, sizeof *ends);
    masa_status st = masa_dist_agree(status, NULL, err);
    if (st == MASA_OK) st = masa_dist_gather(&all, ends, masa_text_get(mine), mine->size, err);
    for (size_t rank = 0; st == MASA_OK && rank < ranks; rank++) {
        size_t start = rank ? ends[rank - 1] : 0;
        reader r = {masa_text_get(&all) + start, masa_text_get(&all) + ends[rank], false};
        if (rank != masa_dist_rank()) unpack(context, &r);
        if (r.cut) st = cut_short(err);
    }
    masa_text_deinit(&all);
    free(ends);
    return st;
}

typedef struct copy {
    void *data;
    size_t bytes;
} copy;

static void take_copy(void *context, reader *r)
{
    copy *c = context;
    if (r->at < r->end) take(r, c->data, c->bytes);
}

masa_status rl_exchange_first(void *data, size_t bytes, masa_status status, masa_error *err)
{
    if (masa_dist_size() == 1) return status;
    masa_text mine = {0};
    copy c = {data, bytes};
    if (masa_dist_rank() == 0) put(&mine, data, bytes);
    masa_status st = exchange(&mine, take_copy, &c, status, err);
    masa_text_deinit(&mine);
    return st;
}

/* ---- completions ---- */

static void put_completion(masa_text *out, const masa_completion *c)
{
    put(out, &c->n, sizeof c->n);
    put(out, &c->cause, sizeof c->cause);
    put(out, &c->seconds, sizeof c->seconds);
    put(out, c->tokens, c->n * sizeof *c->tokens);
    put(out, c->logprobs, c->n * sizeof *c->logprobs);
}

static masa_completion take_completion(reader *r)
{
    masa_completion c = {.n = take_size(r)};
    take(r, &c.cause, sizeof c.cause);
    take(r, &c.seconds, sizeof c.seconds);
    c.tokens = take_array(r, c.n, sizeof *c.tokens);
    c.logprobs = take_array(r, c.n, sizeof *c.logprobs);
    if (r->cut) c.n = 0;
    return c;
}

typedef struct sampled {
    masa_completion *all;
    rl_group *const *groups;
    const size_t *counts;
    size_t n, prefilled;
    const rl_session *session;
} sampled;

/* Those of the groups that the sender has, in their order. */
static void take_sampled(void *context, reader *r)
{
    sampled *s = context;
    size_t share_first = take_size(r), share_last = take_size(r), at = 0;
    s->prefilled += take_size(r);
    for (size_t i = 0; i < s->n; at += s->counts[i++]) {
        size_t share = rl_share_of(s->session, s->groups[i]->draw);
        for (size_t k = 0; share >= share_first && share < share_last && k < s->counts[i];
             k++) {
            masa_completion *c = &s->all[at + k];
            *c = take_completion(r);
            c->request = i;
            c->sample = s->groups[i]->n + k;
        }
    }
}

masa_status rl_exchange_completions(masa_completion *all, rl_group *const *groups,
                                    const size_t *counts, size_t n, size_t *prefilled,
                                    const rl_session *session, masa_status status,
                                    masa_error *err)
{
    if (masa_dist_size() == 1) return status;
    masa_text mine = {0};
    const rl_shares *shares = &session->shares;
    sampled s = {all, groups, counts, n, *prefilled, session};
    put(&mine, &shares->first, sizeof shares->first);
    put(&mine, &shares->last, sizeof shares->last);
    put(&mine, prefilled, sizeof *prefilled);
    size_t at = 0;
    for (size_t i = 0; status == MASA_OK && i < n; at += counts[i++])
        for (size_t k = 0; rl_is_mine(session, groups[i]->draw) && k < counts[i]; k++)
            put_completion(&mine, &all[at + k]);
    masa_status st = exchange(&mine, take_sampled, &s, status, err);
    *prefilled = s.prefilled;
    masa_text_deinit(&mine);
    return st;
}

/* ---- rewards ---- */

typedef struct judged {
    rl_draws *draws;
    size_t first;
} judged;

static void put_reward(masa_text *out, const rl_rollout *r)
{
    put(out, &r->correct, sizeof r->correct);
    put(out, &r->reward, sizeof r->reward);
    put(out, &r->found, sizeof r->found);
    put(out, r->parts, sizeof r->parts);
    put_string(out, r->answer);
    put_string(out, r->said);
}

static void take_reward(rl_rollout *out, reader *r)
{
    take(r, &out->correct, sizeof out->correct);
    take(r, &out->reward, sizeof out->reward);
    take(r, &out->found, sizeof out->found);
    take(r, out->parts, sizeof out->parts);
    out->answer = take_string(r);
    out->said = take_string(r);
}

static void take_rewards(void *context, reader *r)
{
    judged *j = context;
    for (size_t n = take_size(r); n > 0 && !r->cut; n--) {
        size_t i = take_size(r);
        if (r->cut || i < j->first || i >= j->draws->n) {
            r->cut = true;
            return;
        }
        rl_group *g = &j->draws->items[i].solutions;
        for (size_t k = g->scored; k < g->n; k++) take_reward(&g->rollouts[k], r);
    }
}

masa_status rl_exchange_rewards(rl_draws *draws, size_t first, const rl_session *s,
                                masa_status status, masa_error *err)
{
    if (masa_dist_size() == 1) return status;
    masa_text mine = {0};
    judged j = {draws, first};
    size_t n = 0;
    for (size_t i = first; i < draws->n; i++) n += rl_is_mine(s, draws->items[i].number);
    put(&mine, &n, sizeof n);
    for (size_t i = first; status == MASA_OK && i < draws->n; i++) {
        const rl_group *g = &draws->items[i].solutions;
        if (!rl_is_mine(s, draws->items[i].number)) continue;
        put(&mine, &i, sizeof i);
        for (size_t k = g->scored; k < g->n; k++) put_reward(&mine, &g->rollouts[k]);
    }
    masa_status st = exchange(&mine, take_rewards, &j, status, err);
    masa_text_deinit(&mine);
    return st;
}

/* ---- log-probabilities ---- */

static void take_logprobs(void *context, reader *r)
{
    rl_draws *draws = context;
    while (r->at < r->end && !r->cut) {
        size_t i = take_size(r), j = take_size(r);
        rl_group *g = i / 2 < draws->n
                          ? rl_draw_group(&draws->items[i / 2], i % 2 ? RL_META : RL_SOLUTION)
                          : NULL;
        if (r->cut || !g || j >= g->n) {
            r->cut = true;
            return;
        }
        rl_rollout *x = &g->rollouts[j];
        free(x->logprobs);
        x->logprobs = take_array(r, x->completion.n, sizeof *x->logprobs);
    }
}

masa_status rl_exchange_logprobs(rl_draws *draws, const rl_session *s, masa_error *err)
{
    if (masa_dist_size() == 1) return MASA_OK;
    masa_text mine = {0};
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g = rl_draw_group(&draws->items[i / 2], i % 2 ? RL_META : RL_SOLUTION);
        for (size_t j = 0; rl_is_mine(s, g->draw) && j < g->n; j++) {
            const rl_rollout *x = &g->rollouts[j];
            if (!x->logprobs) continue;
            put(&mine, &i, sizeof i);
            put(&mine, &j, sizeof j);
            put(&mine, x->logprobs, x->completion.n * sizeof *x->logprobs);
        }
    }
    masa_status st = exchange(&mine, take_logprobs, draws, MASA_OK, err);
    masa_text_deinit(&mine);
    return st;
}
