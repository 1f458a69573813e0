#include "method.h"

#include "decide.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

bool rl_method_remembers(const masa_config *config)
{
    return config->meta.samples > 0 || config->meta.start_step >= 0 ||
           config->meta.forecast == MASA_CONFIG_FORECAST_PROBE;
}

masa_status rl_method_check(const masa_config *config, masa_error *err)
{
    if (config->meta.adapter && config->meta.update == MASA_CONFIG_META_UPDATE_JOINT)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "meta.adapter has its own updates; take meta.update separate");
    masa_soft_cutoff_use use = {
        .deviation = config->algorithm.advantage == MASA_CONFIG_ADVANTAGE_GROUP_NORM ||
                     config->algorithm.advantage == MASA_CONFIG_ADVANTAGE_BATCH_NORM,
        .token_total = config->algorithm.aggregation == MASA_CONFIG_AGGREGATION_TOKEN_MEAN,
        .clipped = config->optimizer.mini_batches * config->optimizer.epochs > 1,
        .reference = config->algorithm.kl_coef > 0,
        .chosen = config->algorithm.dynamic_sampling || config->algorithm.subset ||
                  config->meta.gate_pilot || config->meta.size_by_worth,
    };
    bool fitted = config->meta.gate == MASA_CONFIG_GATE_SOFT ||
                  config->meta.gate == MASA_CONFIG_GATE_HISTORY;
    if (config->meta.forecast == MASA_CONFIG_FORECAST_PROBE && config->meta.start_step >= 0 &&
        config->meta.gate == MASA_CONFIG_GATE_HARD)
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "what meta.forecast=probe foretells has no spread for meta.gate hard to "
            "go by; take meta.gate soft");
    if (config->meta.gate_pilot && !fitted)
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "meta.gate_pilot asks the fitted gate; take meta.gate soft or history");
    if (config->meta.gate_candidates > 1 && !fitted)
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "meta.gate_candidates asks the fitted gate; take meta.gate soft or history");
    if (config->meta.size_by_worth && !fitted)
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "meta.size_by_worth asks the fitted gate; take meta.gate soft or history");
    const char *why = masa_soft_cutoff_obstacle(&use);
    if (config->meta.cutoff_survival == 0 || !why) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "meta.cutoff_survival: a soft cutoff changes the gradient here: %s; take "
                     "algorithm.advantage group_mean or leave_one_out, aggregation "
                     "sequence_mean or constant, one update a step",
                     why);
}

void rl_method_init(rl_method *m, const masa_config *config, size_t n_problems)
{
    *m = (rl_method){.n_beliefs = rl_method_remembers(config) ? n_problems : 0};
    m->beliefs = masa_alloc(m->n_beliefs + 1, sizeof *m->beliefs);
    m->shut = masa_alloc(m->n_beliefs + 1, sizeof *m->shut);
}

void rl_method_deinit(rl_method *m)
{
    rl_experts_clear(&m->experts);
    masa_probe_deinit(&m->probe);
    free(m->warm_start);
    free(m->beliefs);
    free(m->shut);
    *m = (rl_method){0};
}

static masa_calibration_options calibration_options(const masa_config *config)
{
    masa_calibration_options options = MASA_CALIBRATION_DEFAULTS;
    options.window = (double)config->meta.transition_window;
    options.least = options.window / 4;
    options.pass_rate_error = config->meta.transition_pass_rate;
    options.length_error = config->meta.transition_length;
    options.gate_precision = config->meta.transition_precision;
    return options;
}

void rl_method_begin_step(rl_method *m, const masa_config *config, long step)
{
    masa_calibration_options options = calibration_options(config);
    bool may = config->meta.start_step >= 0 && step > config->meta.start_step;
    if (may && config->meta.transition == MASA_CONFIG_TRANSITION_ADAPTIVE)
        may = masa_calibration_switch(&m->calibration, &options, m->acting);
    m->acting = may;
}

/* How many groups like it stand behind one that was seen: an audited prompt stands for those
 * that the gate left out, one longer than the cutoff that it was spared for those that were
 * cut. 0: a cutoff hid what it is like. */
static double stands_for(const rl_draw *d, const masa_config *config)
{
    const rl_decision *made = &d->decision;
    if (!made->made) return 1;
    double weight = 1;
    if (made->audited) weight = 1 / config->meta.audit_share;
    else if (config->meta.gate == MASA_CONFIG_GATE_RANDOM)
        weight = 1 / (1 - config->meta.gate_rate);
    if (made->audited || !d->predictions || !d->predictions->truth) return weight;
    masa_statistics_summary truth = masa_statistics_get(d->predictions->truth);
    return weight *
           masa_statistics_weight(&truth, (long)made->wished, config->meta.cutoff_audit);
}

static void observe(rl_method *m, const rl_draw *d, rl_prompts *prompts,
                    const masa_config *config)
{
    const masa_forecast *forecast = d->predictions ? &d->predictions->forecast : NULL;
    const masa_belief *history = &m->beliefs[rl_prompts_index(prompts, d->number)];
    double right = 0, weight = stands_for(d, config), among_alike = weight;
    /* Then the gate closed by the forecast alone. */
    if (d->decision.audited && history->right + history->wrong == 0)
        among_alike *= config->meta.audit_share;
    for (size_t j = 0; j < d->solutions.n; j++) right += d->solutions.rollouts[j].correct;
    double wrong = (double)d->solutions.n - right;
    /* What a cutoff left of a group is not its pass rate. */
    if (d->features && !rl_limited(d, config))
        masa_probe_observe(&m->probe, d->features, right, wrong);
    if (!rl_limited(d, config))
        masa_belief_update(&m->beliefs[rl_prompts_index(prompts, d->number)],
                           rl_prompts_epoch(prompts, d->number), right, wrong,
                           config->meta.gate_discount);
    if (d->predictions && d->predictions->truth && isfinite(weight))
        masa_cutoff_fit_observe(&m->cutoff, forecast, d->predictions->truth, weight,
                                (double)config->meta.gate_window);
    if (weight > 0 && isfinite(weight))
        masa_gate_fit_observe(&m->fit, forecast, right, wrong, weight, among_alike);
}

long rl_method_draws_for(const rl_method *m, long missing, size_t drawn, size_t gated)
{
    const double least = 0.25;
    double draws = m->gated.draws + (double)drawn;
    double open = draws > 0 ? 1 - (m->gated.gated + (double)gated) / draws : 1;
    return (long)ceil((double)missing / fmax(open, least));
}

static void observe_gate(rl_method *m, const rl_draws *draws)
{
    const double kept = 0.8; /* of a step's weight in the next one */
    m->gated.draws = kept * m->gated.draws + (double)draws->n;
    m->gated.gated *= kept;
    for (size_t i = 0; i < draws->n; i++) m->gated.gated += draws->items[i].decision.gated;
}

void rl_method_observe(rl_method *m, const rl_draws *draws, rl_prompts *prompts,
                       const masa_config *config)
{
    masa_calibration_options options = calibration_options(config);
    if (m->acting) observe_gate(m, draws);
    for (size_t i = 0; m->n_beliefs && i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        if (config->meta.gate_static && (d->decision.gated || d->decision.audited))
            m->shut[rl_prompts_index(prompts, d->number)] = true;
        if (d->solutions.n > 0) observe(m, d, prompts, config);
        if (!d->predictions || !d->predictions->truth) continue;
        masa_statistics_summary truth = masa_statistics_get(d->predictions->truth);
        /* A prompt that was rolled out although the gate would have closed judges it. */
        const masa_forecast *forecast = &d->predictions->forecast;
        bool closed =
            masa_gate_closed(forecast, config->meta.gate_sigma, config->meta.gate_tolerance);
        masa_calibration_update(&m->calibration, forecast, &truth, closed, &options);
    }
    masa_gate_fit_learn(&m->fit, (double)config->meta.gate_window);
    masa_probe_learn(&m->probe);
}
