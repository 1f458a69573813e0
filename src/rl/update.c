#include "update.h"

#include "batch.h"
#include "exchange.h"
#include "flops.h"
#include "factors.h"
#include "remote.h"
#include "shares.h"

#include <masa/advantage.h>
#include <masa/dist.h>
#include <masa/gate.h>
#include <masa/memory.h>
#include <masa/subset.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of all trained groups of a kind: solutions and meta rollouts are compared each with their
 * own. */
static void advantages_of_kind(rl_draws *draws, rl_kind kind, const masa_config *config)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < draws->n; i++) n += rl_draw_group(&draws->items[i], kind)->n;
    float *reward = masa_alloc(2 * n + 1, sizeof *reward), *advantage = reward + n;
    size_t *group = masa_alloc(n + 1, sizeof *group);
    rl_rollout **rollout = masa_alloc(n + 1, sizeof(rl_rollout *));
    for (size_t i = 0; i < draws->n; i++) {
        rl_group *g = rl_draw_group(&draws->items[i], kind);
        for (size_t j = 0; !g->left_out && j < g->n; j++) {
            if (g->rollouts[j].passed_over) continue;
            rollout[k] = &g->rollouts[j];
            reward[k] = rollout[k]->reward;
            group[k++] = i;
        }
    }
    masa_advantages(advantage, reward, group, k,
                    (masa_advantage_kind)config->algorithm.advantage);
    for (size_t i = 0; i < k; i++) rollout[i]->advantage = advantage[i];
    free(reward);
    free(group);
    free(rollout);
}

/* A soft cutoff's survivors stand in for those that were cut off. */
static void reweigh(rl_group *g, const masa_config *config)
{
    float *reward = masa_alloc(2 * g->n, sizeof *reward), *advantage = reward + g->n;
    for (size_t j = 0; j < g->n; j++) reward[j] = g->rollouts[j].reward;
    if (config->algorithm.advantage == MASA_CONFIG_ADVANTAGE_LEAVE_ONE_OUT)
        masa_soft_cutoff_leave_one_out(advantage, reward, g->weights, g->n);
    else masa_soft_cutoff_advantages(advantage, reward, g->weights, g->n, false);
    for (size_t j = 0; j < g->n; j++) g->rollouts[j].advantage = advantage[j];
    free(reward);
}

/* Passes over all but the `m` rollouts that tell most (PODS, arXiv:2504.13818). */
static void choose_subset(rl_group *g, size_t m)
{
    float *reward = masa_alloc(g->n + 1, sizeof *reward);
    bool *chosen = masa_alloc(g->n + 1, sizeof *chosen);
    for (size_t j = 0; j < g->n; j++) reward[j] = g->rollouts[j].reward;
    masa_subset_choose(chosen, reward, g->n, m);
    for (size_t j = 0; j < g->n; j++) g->rollouts[j].passed_over = !chosen[j];
    free(reward);
    free(chosen);
}

void rl_advantages(rl_draws *draws, const masa_config *config)
{
    for (size_t i = 0; config->algorithm.subset && i < draws->n; i++)
        choose_subset(&draws->items[i].solutions, (size_t)config->algorithm.subset);
    advantages_of_kind(draws, RL_SOLUTION, config);
    advantages_of_kind(draws, RL_META, config);
    for (size_t i = 0; i < draws->n; i++)
        if (draws->items[i].solutions.weights) reweigh(&draws->items[i].solutions, config);
}

/* Log-probabilities under a policy into storage; sequences' own outputs stay as they are. */
static masa_status keep_logprobs(float *storage, masa_trainer *trainer, rl_batch *b,
                                 masa_error *err)
{
    float **outputs = masa_alloc(b->n + 1, sizeof *outputs);
    for (size_t i = 0; i < b->n; i++) {
        outputs[i] = b->sequences[i].logprobs;
        b->sequences[i].logprobs = storage;
        storage += b->sequences[i].response_size;
    }
    masa_status st = masa_trainer_logprobs(trainer, b->sequences, b->n, NULL, err);
    for (size_t i = 0; i < b->n; i++) b->sequences[i].logprobs = outputs[i];
    free(outputs);
    return st;
}

/* The log-probabilities of sequences first to last - 1 under the policy that sampled them;
 * returns where in storage the next ones go. */
static float *keep_old(float *storage, rl_session *s, rl_batch *b, size_t first, size_t last,
                       masa_status *st, masa_error *err)
{
    rl_batch late = {.sequences = b->sequences + first, .n = last > first ? last - first : 0};
    if (late.n && *st == MASA_OK) *st = keep_logprobs(storage, s->trainer, &late, err);
    for (size_t i = 0; i < late.n; i++) {
        late.sequences[i].old_logprobs = storage;
        if (*st == MASA_OK) /* to be compared; the update writes its own over them */
            memcpy(late.sequences[i].logprobs, storage,
                   late.sequences[i].response_size * sizeof *storage);
        storage += late.sequences[i].response_size;
    }
    return storage;
}

/* The first sequence that has updates for meta rollouts alone. */
static size_t first_meta(const rl_batch *b)
{
    for (size_t k = 0; k < b->n_updates; k++)
        if (b->updates[k].kind == RL_META) return b->updates[k].first;
    return b->n;
}

/* What sequences weigh that another engine sampled; their old log-probabilities are there. */
static void weigh_sampled(float *storage, rl_batch *b, const rl_session *s)
{
    float cap = (float)s->config->algorithm.importance_cap;
    for (size_t i = 0; cap > 0 && i < b->n; i++) {
        masa_sequence *q = &b->sequences[i];
        masa_importance(storage, q->old_logprobs, b->sampled[i], q->response_size, cap);
        q->importance = storage;
        storage += q->response_size;
    }
}

/* What the updates must know of policies that are gone when they run: the old one's
 * log-probabilities from sequence number `moved` on (before it the policy that sampled is the
 * one that is trained, its ratio exactly 1), the reference's of all. */
static masa_status freeze(float **storage, rl_batch *b, rl_session *s, size_t moved,
                          masa_error *err)
{
    size_t tokens = 0, at = 0, meta = s->predictor ? first_meta(b) : b->n;
    for (size_t i = 0; i < b->n; i++) tokens += b->sequences[i].response_size;
    float *frozen = *storage = masa_alloc(3 * tokens + 1, sizeof *frozen);
    masa_status st = MASA_OK;
    float *next = keep_old(frozen, s, b, moved, meta, &st, err);
    if (s->predictor && moved < b->n) {
        rl_predictor_begin(s);
        keep_old(next, s, b, moved > meta ? moved : meta, b->n, &st, err);
        rl_predictor_end(s);
    }
    if (st == MASA_OK && moved == 0 && rl_remote_foreign(s))
        weigh_sampled(frozen + 2 * tokens, b, s);
    if (st != MASA_OK || !s->reference_trainer) return st;
    st = keep_logprobs(frozen + tokens, s->reference_trainer, b, err);
    at = tokens;
    for (size_t i = 0; i < b->n; i++) {
        b->sequences[i].ref_logprobs = frozen + at;
        at += b->sequences[i].response_size;
    }
    return st;
}

static void compare_logprobs(const rl_draws *draws, rl_update_stats *stats)
{
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g = i % 2 ? &draws->items[i / 2].meta : &draws->items[i / 2].solutions;
        for (size_t j = 0; j < g->n; j++) {
            const rl_rollout *r = &g->rollouts[j];
            bool known = r->logprobs && !isnan(r->logprobs[0]); /* later updates' are not */
            for (size_t t = 0; known && t < r->completion.n; t++) {
                stats->logprob_difference += fabs(r->logprobs[t] - r->completion.logprobs[t]);
                stats->compared_tokens++;
            }
        }
    }
    if (stats->compared_tokens > 0) stats->logprob_difference /= stats->compared_tokens;
}

/* What a process trains on in a step: the sequences of its shares. */
typedef struct training {
    rl_session *session;
    rl_batch *batches;     /* [shares.n] those of this process's shares; the others are empty */
    float **frozen;        /* [shares.n] */
    rl_share_stats *stats; /* [shares.n] */
    const rl_batch_update *update; /* of any share; `number` in all of them */
    size_t number;
} training;

static void training_init(training *t, rl_session *s, rl_draws *draws)
{
    const rl_shares *shares = &s->shares;
    *t = (training){.session = s};
    t->batches = masa_alloc(shares->n, sizeof *t->batches);
    t->frozen = masa_alloc(shares->n, sizeof *t->frozen);
    t->stats = masa_alloc(shares->n, sizeof *t->stats);
    for (size_t i = shares->first; i < shares->last; i++)
        rl_batch_init(&t->batches[i], draws, s->config, i, shares->n);
}

static void training_deinit(training *t)
{
    for (size_t i = 0; i < t->session->shares.n; i++) {
        rl_batch_deinit(&t->batches[i]);
        free(t->frozen[i]);
    }
    free(t->batches);
    free(t->frozen);
    free(t->stats);
}

/* freeze() of every share; by the first update on, the policy may have moved. */
static masa_status freeze_all(training *t, masa_error *err)
{
    rl_session *s = t->session;
    const masa_config *c = s->config;
    masa_status st = MASA_OK;
    for (size_t i = s->shares.first; st == MASA_OK && i < s->shares.last; i++) {
        rl_batch *b = &t->batches[i];
        size_t moved = c->optimizer.epochs > 1 ? 0
                       : b->n_updates > 1      ? b->updates[1].first
                                               : b->n;
        if (rl_remote_foreign(s)) moved = 0;
        if (c->algorithm.old_logprobs == MASA_CONFIG_OLD_LOGPROBS_ROLLOUT) moved = b->n;
        double before = rl_trained_flops(s);
        st = freeze(&t->frozen[i], b, s, moved, err);
        t->stats[i].flops += rl_trained_flops(s) - before;
    }
    return st;
}

static masa_status train_share(void *context, size_t share, masa_error *err)
{
    training *t = context;
    rl_session *s = t->session;
    const masa_config *c = s->config;
    masa_objective objective = {
        .ratio = (masa_ratio_kind)c->algorithm.ratio,
        .clip_low = (float)c->algorithm.clip_low,
        .clip_high = (float)c->algorithm.clip_high,
        .dual_clip = (float)c->algorithm.dual_clip,
        .kl_coef = (float)c->algorithm.kl_coef,
    };
    const rl_batch *b = &t->batches[share];
    const rl_batch_update *u = &b->updates[t->number];
    rl_share_stats *stats = &t->stats[share];
    if (u->n == 0) return MASA_OK;
    double before = rl_trained_flops(s);
    masa_status st = masa_trainer_accumulate(s->trainer, b->sequences + u->first, u->n,
                                             &objective, &stats->trainer, err);
    stats->flops += rl_trained_flops(s) - before;
    return st;
}

static masa_status update_once(training *t, double lr, rl_update_stats *stats, masa_error *err)
{
    rl_session *s = t->session;
    const rl_batch_update *u = t->update;
    masa_optimizer *optimizer =
        u->kind == RL_META && s->meta_optimizer ? s->meta_optimizer : s->optimizer;
    double norm = 0;
    bool made = false;
    if (u->kind == RL_META) rl_predictor_begin(s);
    masa_status st = rl_shares_accumulate(s, optimizer, train_share, t, err);
    st = rl_session_update(s, optimizer, st, u->rate * lr, &norm, &made, err);
    if (u->kind == RL_META) rl_predictor_end(s);
    if (!made) return st;
    stats->grad_norm += norm;
    stats->optimizer_steps++;
    return st;
}

/* Later log-probabilities come from a policy that has moved on, kept activations from one that
 * has not. */
static masa_status after_first(training *t, rl_draws *draws, rl_update_stats *stats,
                               masa_error *err)
{
    rl_session *s = t->session;
    masa_status st = rl_exchange_logprobs(draws, s, err);
    if (st == MASA_OK && !s->skipped) compare_logprobs(draws, stats);
    for (size_t i = s->shares.first; i < s->shares.last; i++)
        for (size_t j = 0; j < t->batches[i].n; j++)
            t->batches[i].sequences[j].kept_rows = NULL;
    return st;
}

masa_status rl_update(rl_session *s, rl_draws *draws, rl_update_stats *stats, masa_error *err)
{
    const masa_config *c = s->config;
    training t;
    *stats = (rl_update_stats){0};
    training_init(&t, s, draws);
    const rl_batch *any = &t.batches[s->shares.first];
    size_t epochs = (size_t)c->optimizer.epochs, n = any->n_updates;
    size_t a_step = (size_t)c->optimizer.mini_batches * epochs, policy = 0;
    for (size_t k = 0; k < n; k++) stats->trained += any->updates[k].all;
    masa_status st = masa_dist_agree(freeze_all(&t, err), NULL, err);
    for (size_t k = 0; st == MASA_OK && k < epochs * n; k++) {
        t.number = k % n;
        t.update = &any->updates[t.number];
        masa_progress_phase(s->progress, "update", k, epochs * n);
        /* The schedule follows the steps: meta updates run at the rate of the policy's last,
         * and an update without rollouts takes its place too. */
        policy += t.update->kind == RL_SOLUTION;
        double lr = masa_optimizer_rate(s->optimizer,
                                        (size_t)s->state.step * a_step + (policy ? policy : 1));
        stats->lr = lr;
        if (t.update->all > 0) st = update_once(&t, lr, stats, err);
        if (st == MASA_OK && k == 0) st = after_first(&t, draws, stats, err);
    }
    if (stats->optimizer_steps) stats->grad_norm /= (double)stats->optimizer_steps;
    if (st == MASA_OK) st = rl_shares_sum(&stats->trainer, t.stats, s, err);
    training_deinit(&t);
    return st;
}
