#include "shares.h"

#include "flops.h"

#include <masa/dist.h>
#include <masa/memory.h>
#include <masa/rows.h>

#include <stdlib.h>

static bool is_power_of_two(size_t n)
{
    return (n & (n - 1)) == 0;
}

masa_status rl_shares_open(rl_session *s, masa_error *err)
{
    size_t ranks = masa_dist_size(), rank = masa_dist_rank();
    size_t n = s->config->train.shares ? (size_t)s->config->train.shares : ranks;
    if (n != ranks && (n % ranks != 0 || !is_power_of_two(ranks)))
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "train.shares=%zu cannot be divided among %zu processes; start as many as "
            "there are shares, or a power of two that divides them",
            n, ranks);
    s->shares = (rl_shares){.n = n, .first = n * rank / ranks, .last = n * (rank + 1) / ranks};
    return MASA_OK;
}

void rl_shares_close(rl_session *s)
{
    for (size_t i = 0; i < RL_SHARE_LEVELS; i++) masa_device_free(s->shares.partial[i]);
}

/* ---- the gradient ---- */

typedef struct sum {
    rl_session *session;
    masa_optimizer *optimizer;
    rl_share_work *work;
    void *context;
} sum;

/* Puts the gradient so far aside, which then begins at zero again. */
static masa_status put_aside(sum *c, size_t level, masa_error *err)
{
    size_t n;
    const float DEVICE *gradient = masa_optimizer_gradient(c->optimizer, &n);
    rl_shares *shares = &c->session->shares;
    masa_status st = MASA_OK;
    if (shares->size < n) {
        rl_shares_close(c->session);
        for (size_t i = 0; i < RL_SHARE_LEVELS; i++) shares->partial[i] = NULL;
        shares->size = n;
    }
    if (!shares->partial[level]) {
        void DEVICE *memory = NULL;
        st = masa_device_reserve(&memory, shares->size, sizeof(float),
                                 "the gradients of shares", err);
        shares->partial[level] = memory;
    }
    if (st == MASA_OK) masa_device_copy(shares->partial[level], gradient, n * sizeof(float));
    masa_optimizer_clear(c->optimizer);
    return st;
}

/* Of shares first to last - 1, by the tree of masa_dist_sum; `level` is how deep in it. */
static masa_status accumulate(sum *c, size_t first, size_t last, size_t level, masa_error *err)
{
    if (last - first == 1) return c->work(c->context, first, err);
    size_t middle = first + (last - first) / 2, n;
    masa_status st = accumulate(c, first, middle, level + 1, err);
    if (st == MASA_OK) st = put_aside(c, level, err);
    if (st == MASA_OK) st = accumulate(c, middle, last, level + 1, err);
    if (st == MASA_OK) {
        float DEVICE *gradient = masa_optimizer_gradient(c->optimizer, &n);
        masa_add(gradient, c->session->shares.partial[level], n);
    }
    return st;
}

masa_status rl_shares_accumulate(rl_session *s, masa_optimizer *optimizer, rl_share_work *work,
                                 void *context, masa_error *err)
{
    sum c = {s, optimizer, work, context};
    masa_status st = accumulate(&c, s->shares.first, s->shares.last, 0, err);
    st = masa_dist_agree(st, NULL, err);
    return st == MASA_OK ? masa_optimizer_sum(optimizer, err) : st;
}

/* ---- its statistics ---- */

enum { NUMBERS = 11 };

static void to_numbers(double out[NUMBERS], const rl_share_stats *s)
{
    const masa_objective_stats *o = &s->trainer.objective;
    const double all[NUMBERS] = {o->tokens,
                                 o->loss,
                                 o->clipped,
                                 o->kl_old,
                                 o->kl_ref,
                                 o->ratio,
                                 s->trainer.entropy_sum,
                                 (double)s->trainer.passes,
                                 (double)s->trainer.packed_tokens,
                                 (double)s->trainer.recalled_tokens,
                                 s->flops};
    for (size_t k = 0; k < NUMBERS; k++) out[k] = all[k];
}

static masa_trainer_stats from_numbers(const double in[NUMBERS])
{
    return (masa_trainer_stats){.objective = {.tokens = in[0],
                                              .loss = in[1],
                                              .clipped = in[2],
                                              .kl_old = in[3],
                                              .kl_ref = in[4],
                                              .ratio = in[5]},
                                .entropy_sum = in[6],
                                .passes = (size_t)in[7],
                                .packed_tokens = (size_t)in[8],
                                .recalled_tokens = (size_t)in[9]};
}

masa_status rl_shares_sum(masa_trainer_stats *total, const rl_share_stats *by_share,
                          rl_session *s, masa_error *err)
{
    size_t n = s->shares.n;
    double *rows = masa_alloc(n * NUMBERS, sizeof *rows), sums[NUMBERS], own = 0;
    for (size_t share = s->shares.first; share < s->shares.last; share++) {
        to_numbers(rows + share * NUMBERS, &by_share[share]);
        own += by_share[share].flops;
    }
    masa_status st = masa_dist_sum_doubles(rows, n * NUMBERS, err);
    for (size_t k = 0; k < NUMBERS; k++) {
        sums[k] = rows[k];
        for (size_t share = 1; share < n; share++) sums[k] += rows[share * NUMBERS + k];
    }
    free(rows);
    if (st != MASA_OK) return st;
    *total = from_numbers(sums);
    s->flops_elsewhere += sums[NUMBERS - 1] - own;
    return MASA_OK;
}

/* ---- supervised ---- */

typedef struct lesson {
    rl_session *session;
    const masa_sequence *sequences;
    size_t n;
    rl_share_stats *by_share;
} lesson;

static masa_status learn_share(void *context, size_t share, masa_error *err)
{
    lesson *l = context;
    rl_session *s = l->session;
    rl_share_stats *stats = &l->by_share[share];
    size_t n = 0;
    double before = rl_trained_flops(s);
    masa_sequence *some = masa_alloc(l->n + 1, sizeof *some);
    for (size_t i = share; i < l->n; i += s->shares.n) some[n++] = l->sequences[i];
    masa_status st =
        n ? masa_trainer_accumulate(s->trainer, some, n, NULL, &stats->trainer, err) : MASA_OK;
    stats->flops += rl_trained_flops(s) - before;
    free(some);
    return st;
}

masa_status rl_shares_learn(rl_session *s, masa_optimizer *optimizer,
                            const masa_sequence *sequences, size_t n, double lr, double *norm,
                            masa_trainer_stats *total, bool *made, masa_error *err)
{
    rl_share_stats *by_share = masa_alloc(s->shares.n, sizeof *by_share);
    lesson l = {s, sequences, n, by_share};
    masa_status st = rl_shares_accumulate(s, optimizer, learn_share, &l, err);
    st = rl_session_update(s, optimizer, st, lr, norm, made, err);
    if (st == MASA_OK) st = rl_shares_sum(total, by_share, s, err);
    free(by_share);
    return st;
}
