#include "batch.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

void rl_batch_deinit(rl_batch *b)
{
    free(b->sequences);
    free(b->sampled);
    free(b->updates);
}

/* What rollouts of a kind are averaged over in an update. */
typedef struct average {
    double rollouts, tokens, longest; /* longest: the limit of a response */
    double weight;                    /* of the kind */
} average;

/* Each token's share of the loss. */
static float token_weight(const masa_config *config, const average *of, double length)
{
    switch (config->algorithm.aggregation) {
    case MASA_CONFIG_AGGREGATION_TOKEN_MEAN: return (float)(of->weight / of->tokens);
    case MASA_CONFIG_AGGREGATION_SEQUENCE_MEAN:
        return (float)(of->weight / (of->rollouts * length));
    default: return (float)(of->weight / (of->rollouts * of->longest));
    }
}

/* Of each rollout of a group: 1, or what makes groups of unlike sizes weigh alike
 * (meta.size_by_worth), so that a size changes how noisy a prompt's gradient is and not how much
 * it counts. Pilots that were given up count as the few rollouts that they are. */
static double group_weight(const rl_group *g, const masa_config *config)
{
    double subset = (double)config->algorithm.subset, trained = 0;
    if (!g->size || g->n < g->size) return 1;
    for (size_t j = 0; j < g->n; j++) trained += !g->rollouts[j].passed_over;
    return (subset > 0 ? subset : (double)config->rollout.group_size) / trained;
}

/* Returns how many sequences with a gradient the group has; adds them where it is of the batch's
 * share. */
static size_t add_group(rl_batch *b, rl_group *g, size_t number, const average *of,
                        const masa_config *config, bool mine)
{
    size_t n = 0;
    for (size_t j = 0; j < g->n; j++) {
        rl_rollout *r = &g->rollouts[j];
        size_t length = r->completion.n;
        if (length == 0 || r->passed_over ||
            (r->advantage == 0 && config->algorithm.kl_coef == 0))
            continue;
        n++;
        if (!mine) continue;
        if (!r->logprobs) r->logprobs = masa_alloc(length, sizeof *r->logprobs);
        r->logprobs[0] = NAN;
        b->sampled[b->n] = r->completion.logprobs;
        b->sequences[b->n++] = (masa_sequence){
            .prompt = g->prompt.ids,
            .prompt_size = g->prompt.n,
            .response = r->completion.tokens,
            .response_size = length,
            .group = number,
            .advantage = r->advantage,
            .weight =
                (float)(group_weight(g, config) * token_weight(config, of, (double)length)),
            .logprobs = r->logprobs,
            .old_logprobs = config->algorithm.old_logprobs == MASA_CONFIG_OLD_LOGPROBS_ROLLOUT
                                ? r->completion.logprobs
                                : NULL,
            .kept_rows = r->completion.kept_rows,
        };
    }
    return n;
}

/* The share that a batch is of. */
typedef struct part {
    size_t share, shares;
} part;

/* Adds the trained rollouts of a kind among n draws to an update, averaged within their kind: a
 * solution's token weighs what it weighs without meta rollouts. */
static void add_kind(rl_batch *b, rl_batch_update *u, rl_draw *const *draws, size_t n,
                     rl_kind kind, double weight, const masa_config *config, part p)
{
    average of = {.weight = weight,
                  .longest = (double)(kind == RL_META ? config->meta.max_tokens
                                                      : config->rollout.max_tokens)};
    for (size_t i = 0; i < n; i++) {
        const rl_group *g = rl_draw_group(draws[i], kind);
        double weigh = group_weight(g, config);
        if (g->left_out) continue;
        for (size_t j = 0; j < g->n; j++) {
            if (g->rollouts[j].passed_over) continue;
            of.rollouts += weigh;
            of.tokens += weigh * (double)g->rollouts[j].completion.n;
        }
    }
    for (size_t i = 0; i < n; i++) {
        rl_group *g = rl_draw_group(draws[i], kind);
        if (g->left_out) continue;
        u->all += add_group(b, g, 2 * draws[i]->number + (kind == RL_META), &of, config,
                            g->draw % p.shares == p.share);
    }
}

/* Draws of which a rollout is trained on: of any kind, or of one. */
static size_t trained_draws(rl_draw **out, rl_draws *draws, bool solutions, bool meta)
{
    size_t n = 0;
    for (size_t i = 0; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        bool s = d->solutions.n && !d->solutions.left_out, m = d->meta.n && !d->meta.left_out;
        if ((solutions && s) || (meta && m)) out[n++] = d;
    }
    return n;
}

/* The updates of a pass: `mini_batches` over the draws, of both kinds together or of one. */
static void add_updates(rl_batch *b, rl_draws *draws, bool solutions, bool meta,
                        const masa_config *c, part p)
{
    rl_draw **trained = masa_alloc(draws->n + 1, sizeof(rl_draw *));
    size_t n = trained_draws(trained, draws, solutions, meta);
    size_t parts = (size_t)c->optimizer.mini_batches;
    if (parts > n) parts = n;
    for (size_t m = 0; m < parts; m++) {
        size_t first = n * m / parts, last = n * (m + 1) / parts;
        rl_batch_update *u = &b->updates[b->n_updates++];
        /* AdamW does not see how a gradient is scaled: alone, meta rollouts weigh by their
         * learning rate. */
        *u = (rl_batch_update){.first = b->n, .rate = solutions ? 1 : c->meta.weight};
        u->kind = solutions ? RL_SOLUTION : RL_META;
        if (solutions) add_kind(b, u, trained + first, last - first, RL_SOLUTION, 1, c, p);
        /* Those of a kind together: they have their instructions in common, which the
         * trainer then computes once. */
        if (meta)
            add_kind(b, u, trained + first, last - first, RL_META,
                     solutions ? c->meta.weight : 1, c, p);
        u->n = b->n - u->first;
    }
    free(trained);
}

void rl_batch_init(rl_batch *b, rl_draws *draws, const masa_config *c, size_t share,
                   size_t shares)
{
    part p = {share, shares};
    size_t rollouts = 0;
    for (size_t i = 0; i < draws->n; i++)
        rollouts += draws->items[i].solutions.n + draws->items[i].meta.n;
    *b = (rl_batch){0};
    b->sequences = masa_alloc(rollouts + 1, sizeof *b->sequences);
    b->sampled = masa_alloc(rollouts + 1, sizeof *b->sampled);
    b->updates = masa_alloc(2 * (size_t)c->optimizer.mini_batches, sizeof *b->updates);
    bool joint = c->meta.update == MASA_CONFIG_META_UPDATE_JOINT;
    add_updates(b, draws, true, joint, c, p);
    if (!joint) add_updates(b, draws, false, true, c, p);
}
