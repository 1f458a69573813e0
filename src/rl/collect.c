#include "collect.h"

#include "decide.h"

#include <masa/memory.h>

#include <stdlib.h>

void rl_training_sampling(rl_sampling by_kind[2], const masa_config *c, uint64_t key)
{
    by_kind[RL_SOLUTION] = (rl_sampling){
        .n_samples = (size_t)c->rollout.group_size,
        .sampling = {(float)c->rollout.temperature, (int)c->rollout.top_k,
                     (float)c->rollout.top_p, (float)c->rollout.min_p},
        .key = key,
        .what = "rollouts",
    };
    by_kind[RL_META] = by_kind[RL_SOLUTION];
    by_kind[RL_META].n_samples = (size_t)c->meta.samples;
    by_kind[RL_META].what = "meta rollouts";
}

static masa_status draw(rl_loop *l, rl_groups *groups, uint64_t number, masa_error *err)
{
    masa_status st = rl_prompts_draw(&l->prompts, groups, &l->session, number, err);
    if (st == MASA_OK && l->session.config->meta.samples)
        st = rl_prompts_draw_meta(&l->prompts, groups, &l->session, number, err);
    return st;
}

/* Samples the groups from number `first` on, of the kinds asked for, that are not gated. */
static masa_status sample(rl_loop *l, rl_groups *groups, size_t first, bool solutions,
                          bool meta, masa_error *err)
{
    rl_sampling by_kind[2];
    rl_training_sampling(by_kind, l->session.config, (uint64_t)l->session.config->train.seed);
    rl_group **wanted = masa_alloc(groups->n + 1, sizeof(rl_group *));
    size_t n = 0;
    for (size_t i = first; i < groups->n; i++) {
        rl_group *g = &groups->items[i];
        bool asked = g->kind == RL_META ? meta : solutions && !g->decision.gated;
        if (asked) wanted[n++] = g;
    }
    masa_status st =
        n ? rl_sample(&l->session, l->generator, wanted, n, by_kind, err) : MASA_OK;
    if (n) groups->prefilled += masa_generator_stats(l->generator).prompt_tokens;
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        if (wanted[i]->kind == RL_META) rl_predict(wanted[i], l->session.config);
    free(wanted);
    return st;
}

/* MASA-efficient: the predictions first, then what they leave to be sampled. */
static masa_status sample_in_turn(rl_loop *l, rl_groups *groups, size_t first, long step,
                                  masa_error *err)
{
    masa_status st = sample(l, groups, first, false, true, err);
    for (size_t i = first; st == MASA_OK && i < groups->n; i += 2)
        st = rl_decide(&groups->items[i], &groups->items[i + 1], &l->method, &l->prompts,
                       &l->session, step, err);
    return st == MASA_OK ? sample(l, groups, first, true, false, err) : st;
}

static void score(rl_loop *l, rl_groups *groups, size_t first)
{
    const masa_config *c = l->session.config;
    for (size_t i = first; i < groups->n; i++) {
        rl_group *g = &groups->items[i];
        if (g->kind == RL_META) {
            rl_reward_predictions(g, g - 1, c);
        } else {
            rl_score_solutions(g, c, l->answer_rules);
            rl_weigh_survivors(g, c);
        }
    }
}

/* Marks solution groups that give no gradient as left out, with dynamic sampling also those
 * without variance (DAPO, arXiv:2503.14476); returns how many prompts remain. */
static long leave_out(rl_groups *groups, bool flat)
{
    long remain = 0;
    for (size_t i = 0; i < groups->n; i++) {
        rl_group *g = &groups->items[i];
        if (g->kind != RL_SOLUTION) continue;
        g->left_out = g->decision.gated || (flat && rl_zero_variance(g));
        remain += !g->left_out;
    }
    return remain;
}

masa_status rl_collect(rl_loop *l, rl_groups *groups, long step, long *draws, masa_error *err)
{
    const masa_config *c = l->session.config;
    bool acting = l->method.acting, flat = c->algorithm.dynamic_sampling;
    bool refills = flat || (acting && c->meta.gate_refill);
    masa_status st = MASA_OK;
    long missing = c->rollout.prompts_per_step;
    for (long refill = 0; missing > 0; refill++) {
        size_t first = groups->n;
        for (long i = 0; st == MASA_OK && i < missing; i++, ++*draws)
            st = draw(l, groups, (uint64_t)(l->session.state.draws + *draws), err);
        if (st == MASA_OK)
            st = acting ? sample_in_turn(l, groups, first, step, err)
                        : sample(l, groups, first, true, true, err);
        if (st != MASA_OK) return st;
        score(l, groups, first);
        missing = c->rollout.prompts_per_step - leave_out(groups, flat);
        if (!refills || refill == c->algorithm.dynamic_max_refills) break;
    }
    return MASA_OK;
}
