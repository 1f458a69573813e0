#include "collect.h"

#include "decide.h"
#include "factors.h"
#include "probe_forecast.h"
#include "score.h"

#include <masa/memory.h>
#include <masa/random.h>

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

static bool wants_solutions(const rl_draw *d, const masa_config *config)
{
    return !d->decision.gated && !d->decision.given_up && d->solutions.n < rl_wanted(d, config);
}

/* If `how` is how forecasts are made (MASA_CONFIG_FORECAST_*): one pass over the draws from
 * number `first` on of which not enough is known without. */
static masa_status forecast(rl_loop *l, rl_draws *draws, size_t first, int how, masa_error *err)
{
    if (l->session.config->meta.forecast != how) return MASA_OK;
    rl_draw **asked = masa_alloc(draws->n + 1, sizeof(rl_draw *));
    size_t n = 0;
    for (size_t i = first; i < draws->n; i++)
        if (rl_needs_forecast(&draws->items[i], &l->method, &l->prompts, &l->session))
            asked[n++] = &draws->items[i];
    masa_status st = MASA_OK;
    if (n && how == MASA_CONFIG_FORECAST_ONE_PASS)
        st = rl_one_pass_forecast(&l->one_pass, asked, n, &l->session, err);
    if (n && how == MASA_CONFIG_FORECAST_PROBE)
        st = rl_probe_forecast(&l->method.probe, asked, n, &l->session, err);
    free(asked);
    return st;
}

/* Samples from draw number `first` of the batch on, of the kinds asked for, what is not
 * gated, and scores the solutions. */
static masa_status sample(rl_loop *l, rl_draws *draws, size_t first, bool solutions, bool meta,
                          masa_error *err)
{
    rl_sampling by_kind[2];
    rl_training_sampling(by_kind, l->session.config, (uint64_t)l->session.config->train.seed);
    rl_group **wanted = masa_alloc(2 * draws->n + 1, sizeof(rl_group *));
    size_t n = 0;
    for (size_t i = first; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        if (solutions && wants_solutions(d, l->session.config)) wanted[n++] = &d->solutions;
        if (meta && rl_asked_to_predict(d, &l->method, &l->prompts, &l->session))
            wanted[n++] = &d->meta;
    }
    if (meta) rl_predictor_begin(&l->session);
    masa_status st =
        n ? rl_sample(&l->session, l->generator, wanted, n, by_kind, &draws->prefilled, err)
          : MASA_OK;
    if (st == MASA_OK && solutions) st = rl_score_solutions(draws, first, &l->session, err);
    for (size_t i = first; st == MASA_OK && meta && i < draws->n; i++)
        if (draws->items[i].meta.n) rl_predict(&draws->items[i], l->session.config);
    if (st == MASA_OK && meta)
        st = forecast(l, draws, first, MASA_CONFIG_FORECAST_ONE_PASS, err);
    if (st == MASA_OK && meta)
        rl_set_level(draws, first, &l->method, &l->prompts, l->session.config);
    if (meta) rl_predictor_end(&l->session);
    free(wanted);
    return st;
}

/* Both kinds: at once where the same weights make them. */
static masa_status sample_both(rl_loop *l, rl_draws *draws, size_t first, masa_error *err)
{
    bool meta = l->session.config->meta.samples > 0, at_once = !meta || !l->session.predictor;
    masa_status st = at_once ? sample(l, draws, first, true, meta, err)
                             : sample(l, draws, first, false, true, err);
    if (st == MASA_OK) st = forecast(l, draws, first, MASA_CONFIG_FORECAST_PROBE, err);
    return st == MASA_OK && !at_once ? sample(l, draws, first, true, false, err) : st;
}

/* The solutions of what the gate left open, whole groups or in pilots: rounds after which it is
 * asked again. Sizes are shared out once, after the first pilots where there are any. */
static masa_status sample_solutions(rl_loop *l, rl_draws *draws, size_t first, masa_error *err)
{
    const masa_config *c = l->session.config;
    masa_status st = MASA_OK;
    if (c->meta.size_by_worth && !c->meta.gate_pilot)
        rl_share_out(draws, first, &l->method, &l->prompts, &l->session);
    bool more = true;
    for (size_t round = 0; st == MASA_OK && more; round++) {
        st = sample(l, draws, first, true, false, err);
        more = false;
        for (size_t i = first; st == MASA_OK && i < draws->n; i++) {
            rl_draw *d = &draws->items[i];
            if (d->solutions.pilot && wants_solutions(d, c))
                more |= rl_decide_again(d, &l->method, &l->prompts, &l->session);
        }
        if (st == MASA_OK && c->meta.size_by_worth && c->meta.gate_pilot && round == 0)
            rl_share_out(draws, first, &l->method, &l->prompts, &l->session);
    }
    return st;
}

/* MASA-efficient: the predictions first, then what they leave to be sampled. */
static masa_status sample_in_turn(rl_loop *l, rl_draws *draws, size_t first, size_t places,
                                  masa_error *err)
{
    bool meta = l->session.config->meta.samples > 0;
    masa_status st = meta ? sample(l, draws, first, false, true, err) : MASA_OK;
    if (st == MASA_OK) st = forecast(l, draws, first, MASA_CONFIG_FORECAST_PROBE, err);
    if (st == MASA_OK)
        st = rl_decide(draws, first, places, &l->method, &l->prompts, &l->session, err);
    return st == MASA_OK ? sample_solutions(l, draws, first, err) : st;
}

/* Once all solutions are scored: what cutoffs and predictions make of them. */
static void judge(rl_loop *l, rl_draws *draws, size_t first)
{
    const masa_config *c = l->session.config;
    for (size_t i = first; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        rl_weigh_survivors(d, c);
        if (d->predictions) rl_reward_predictions(d, c);
    }
}

/* Marks solutions that give no gradient as left out, with dynamic sampling also those
 * without variance (DAPO, arXiv:2503.14476); returns how many prompts remain. */
static long leave_out(rl_draws *draws, bool flat, const masa_config *config)
{
    long remain = 0;
    for (size_t i = 0; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        d->solutions.left_out = d->decision.gated || (flat && rl_flat(d, config));
        remain += !d->solutions.left_out;
    }
    return remain;
}

/* How many draws to look at next for a step that lacks as many: more where the gate is to close
 * on some of them and their places are to be filled, or the best of several are to be taken. */
static long draws_for(const rl_loop *l, long missing, const rl_draws *draws)
{
    const masa_config *c = l->session.config;
    if (l->method.acting && c->meta.gate_candidates > 1)
        return missing * c->meta.gate_candidates;
    size_t gated = 0;
    for (size_t i = 0; i < draws->n; i++) gated += draws->items[i].decision.gated;
    bool fills = c->meta.gate_refill && c->algorithm.dynamic_max_refills > 0;
    return l->method.acting && (fills || draws->n)
               ? rl_method_draws_for(&l->method, missing, draws->n, gated)
               : missing;
}

masa_status rl_collect(rl_loop *l, rl_draws *draws, long step, masa_error *err)
{
    const masa_config *c = l->session.config;
    bool acting = l->method.acting, flat = c->algorithm.dynamic_sampling;
    bool refills = flat || (acting && c->meta.gate_refill);
    masa_status st = MASA_OK;
    long missing = c->rollout.prompts_per_step;
    for (;; draws->refills++) {
        size_t first = draws->n;
        long more = draws_for(l, missing, draws);
        for (long i = 0; st == MASA_OK && i < more; i++)
            st = rl_prompts_draw(&l->prompts, draws, &l->session,
                                 (uint64_t)l->session.state.draws + draws->n, err);
        if (st == MASA_OK)
            st = acting ? sample_in_turn(l, draws, first, (size_t)missing, err)
                        : sample_both(l, draws, first, err);
        if (st != MASA_OK) return st;
        judge(l, draws, first);
        missing = c->rollout.prompts_per_step - leave_out(draws, flat, c);
        bool again = refills && (long)draws->refills < c->algorithm.dynamic_max_refills;
        if (missing <= 0 || !again) break;
    }
    if (c->meta.reward_shuffle)
        rl_shuffle_rewards(draws, masa_key((uint64_t)c->train.seed, (uint64_t)step));
    return MASA_OK;
}
