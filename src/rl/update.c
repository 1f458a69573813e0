#include "update.h"

#include <masa/advantage.h>
#include <masa/gate.h>
#include <masa/memory.h>

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
        for (size_t j = 0; !g->left_out && j < g->n; j++, k++) {
            rollout[k] = &g->rollouts[j];
            reward[k] = rollout[k]->reward;
            group[k] = i;
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
    masa_soft_cutoff_advantages(
        advantage, reward, g->weights, g->n,
        config->algorithm.advantage == MASA_CONFIG_ADVANTAGE_GROUP_NORM ||
            config->algorithm.advantage == MASA_CONFIG_ADVANTAGE_BATCH_NORM);
    for (size_t j = 0; j < g->n; j++) g->rollouts[j].advantage = advantage[j];
    free(reward);
}

void rl_advantages(rl_draws *draws, const masa_config *config)
{
    advantages_of_kind(draws, RL_SOLUTION, config);
    advantages_of_kind(draws, RL_META, config);
    for (size_t i = 0; i < draws->n; i++)
        if (draws->items[i].solutions.weights) reweigh(&draws->items[i].solutions, config);
}

/* The sequences that have a gradient, mini-batch after mini-batch. */
typedef struct batch {
    masa_sequence *sequences; /* [n] */
    size_t n;
    size_t *bounds; /* [mini_batches + 1]: where each begins in sequences */
    size_t mini_batches;
    float *frozen; /* log-probabilities of the old policy and of the reference */
} batch;

static void batch_deinit(batch *b)
{
    free(b->sequences);
    free(b->bounds);
    free(b->frozen);
}

/* Each token's share of the loss in a mini-batch of n rollouts and so many tokens. */
static float token_weight(const masa_config *config, double n, double tokens, double length)
{
    switch (config->algorithm.aggregation) {
    case MASA_CONFIG_AGGREGATION_TOKEN_MEAN: return (float)(1 / tokens);
    case MASA_CONFIG_AGGREGATION_SEQUENCE_MEAN: return (float)(1 / (n * length));
    default: return (float)(1 / (n * (double)config->rollout.max_tokens));
    }
}

static void add_group(batch *b, rl_group *g, size_t number, double n, double tokens,
                      const masa_config *config)
{
    for (size_t j = 0; j < g->n; j++) {
        rl_rollout *r = &g->rollouts[j];
        size_t length = r->completion.n;
        if (length == 0 || (r->advantage == 0 && config->algorithm.kl_coef == 0)) continue;
        if (!r->logprobs) r->logprobs = masa_alloc(length, sizeof *r->logprobs);
        b->sequences[b->n++] = (masa_sequence){
            .prompt = g->prompt.ids,
            .prompt_size = g->prompt.n,
            .response = r->completion.tokens,
            .response_size = length,
            .group = number,
            .advantage = r->advantage,
            .weight = token_weight(config, n, tokens, (double)length),
            .logprobs = r->logprobs,
            .old_logprobs = config->algorithm.old_logprobs == MASA_CONFIG_OLD_LOGPROBS_ROLLOUT
                                ? r->completion.logprobs
                                : NULL,
            .kept_rows = r->completion.kept_rows,
        };
    }
}

static void batch_init(batch *b, rl_draws *draws, const masa_config *config)
{
    size_t rollouts = 0, n = 0;
    rl_group **trained = masa_alloc(2 * draws->n + 1, sizeof(rl_group *));
    for (size_t i = 0; i < 2 * draws->n; i++) {
        rl_group *g = rl_draw_group(&draws->items[i / 2], i % 2 ? RL_META : RL_SOLUTION);
        rollouts += g->n;
        if (!g->left_out && g->n) trained[n++] = g;
    }
    *b = (batch){.mini_batches = (size_t)config->optimizer.mini_batches};
    if (b->mini_batches > n) b->mini_batches = n;
    b->sequences = masa_alloc(rollouts + 1, sizeof *b->sequences);
    b->bounds = masa_alloc(b->mini_batches + 1, sizeof *b->bounds);
    for (size_t m = 0; m < b->mini_batches; m++) {
        size_t first = n * m / b->mini_batches, last = n * (m + 1) / b->mini_batches;
        double of = 0, tokens = 0;
        for (size_t i = first; i < last; i++)
            for (size_t j = 0; j < trained[i]->n; j++, of++)
                tokens += (double)trained[i]->rollouts[j].completion.n;
        /* Those of a kind together: they have their instructions in common, which the
         * trainer then computes once. */
        for (rl_kind kind = RL_SOLUTION; kind <= RL_META; kind++)
            for (size_t i = first; i < last; i++)
                if (trained[i]->kind == kind) add_group(b, trained[i], i, of, tokens, config);
        b->bounds[m + 1] = b->n;
    }
    free(trained);
}

/* Log-probabilities under a policy into storage; sequences' own outputs stay as they are. */
static masa_status keep_logprobs(float *storage, masa_trainer *trainer, batch *b,
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

static masa_status freeze(batch *b, rl_session *s, bool need_old, masa_error *err)
{
    size_t tokens = 0, at = 0;
    for (size_t i = 0; i < b->n; i++) tokens += b->sequences[i].response_size;
    b->frozen = masa_alloc(2 * tokens + 1, sizeof *b->frozen);
    masa_status st = MASA_OK;
    if (need_old) st = keep_logprobs(b->frozen, s->trainer, b, err);
    if (st == MASA_OK && s->reference_trainer)
        st = keep_logprobs(b->frozen + tokens, s->reference_trainer, b, err);
    for (size_t i = 0; i < b->n; i++) {
        if (need_old) b->sequences[i].old_logprobs = b->frozen + at;
        if (s->reference_trainer) b->sequences[i].ref_logprobs = b->frozen + tokens + at;
        at += b->sequences[i].response_size;
    }
    return st;
}

static void compare_logprobs(const rl_draws *draws, rl_update_stats *stats)
{
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g =
            i % 2 ? &draws->items[i / 2].meta : &draws->items[i / 2].solutions;
        for (size_t j = 0; j < g->n; j++) {
            const rl_rollout *r = &g->rollouts[j];
            for (size_t t = 0; r->logprobs && t < r->completion.n; t++) {
                stats->logprob_difference += fabs(r->logprobs[t] - r->completion.logprobs[t]);
                stats->compared_tokens++;
            }
        }
    }
    if (stats->compared_tokens > 0) stats->logprob_difference /= stats->compared_tokens;
}

static masa_status update_once(rl_session *s, const masa_sequence *sequences, size_t n,
                               rl_update_stats *stats, masa_error *err)
{
    const masa_config *c = s->config;
    masa_objective objective = {
        .ratio = (masa_ratio_kind)c->algorithm.ratio,
        .clip_low = (float)c->algorithm.clip_low,
        .clip_high = (float)c->algorithm.clip_high,
        .dual_clip = (float)c->algorithm.dual_clip,
        .kl_coef = (float)c->algorithm.kl_coef,
    };
    double norm = 0;
    masa_status st =
        masa_trainer_accumulate(s->trainer, sequences, n, &objective, &stats->trainer, err);
    if (st == MASA_OK) st = masa_optimizer_step(s->optimizer, 1, &norm, err);
    stats->grad_norm += norm;
    stats->optimizer_steps++;
    return st;
}

masa_status rl_update(rl_session *s, rl_draws *draws, rl_update_stats *stats,
                      masa_error *err)
{
    batch b;
    *stats = (rl_update_stats){0};
    batch_init(&b, draws, s->config);
    stats->trained = b.n;
    size_t epochs = (size_t)s->config->optimizer.epochs;
    /* With one update the policy that sampled is the one that is trained: its ratio is
     * exactly 1 and nothing needs to be recomputed. */
    bool need_old = b.mini_batches * epochs > 1 &&
                    s->config->algorithm.old_logprobs == MASA_CONFIG_OLD_LOGPROBS_RECOMPUTE;
    masa_status st = freeze(&b, s, need_old, err);
    for (size_t k = 0; st == MASA_OK && k < epochs * b.mini_batches; k++) {
        size_t m = k % b.mini_batches, first = b.bounds[m], n = b.bounds[m + 1] - first;
        masa_progress_phase(s->progress, "update", k, epochs * b.mini_batches);
        if (n > 0) st = update_once(s, b.sequences + first, n, stats, err);
        if (k > 0) continue;
        /* Later log-probabilities come from a policy that has moved on, kept activations from
         * one that has not. */
        compare_logprobs(draws, stats);
        for (size_t i = 0; i < b.n; i++) b.sequences[i].kept_rows = NULL;
    }
    if (stats->optimizer_steps) stats->grad_norm /= (double)stats->optimizer_steps;
    batch_deinit(&b);
    return st;
}
