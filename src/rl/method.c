#include "method.h"

#include "decide.h"

#include <masa/memory.h>

#include <stdlib.h>


bool rl_method_remembers(const masa_config *config)
{
    return config->meta.samples > 0 || config->meta.start_step >= 0;
}

void rl_method_init(rl_method *m, const masa_config *config, size_t n_problems)
{
    *m = (rl_method){.n_beliefs = rl_method_remembers(config) ? n_problems : 0};
    m->beliefs = masa_alloc(m->n_beliefs + 1, sizeof *m->beliefs);
}

void rl_method_deinit(rl_method *m)
{
    rl_experts_clear(&m->experts);
    free(m->beliefs);
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

/* How many like it stand behind a draw that was rolled out: an audited one stands for those
 * that the gate left out. */
static double stands_for(const rl_draw *d, const masa_config *config)
{
    if (d->decision.audited) return 1 / config->meta.audit_share;
    bool random = d->decision.made && config->meta.gate == MASA_CONFIG_GATE_RANDOM;
    return random && config->meta.gate_rate < 1 ? 1 / (1 - config->meta.gate_rate) : 1;
}

static void observe(rl_method *m, const rl_draw *d, rl_prompts *prompts,
                    const masa_config *config)
{
    const masa_forecast *forecast = d->predictions ? &d->predictions->forecast : NULL;
    double right = 0, wrong = 0;
    for (size_t j = 0; j < d->solutions.n; j++) {
        /* What a cutoff hid is no evidence. */
        if (rl_cut_off(d, j, config)) continue;
        right += d->solutions.rollouts[j].correct;
        wrong += !d->solutions.rollouts[j].correct;
    }
    masa_belief_update(&m->beliefs[rl_prompts_index(prompts, d->number)],
                       rl_prompts_epoch(prompts, d->number), right, wrong,
                       config->meta.gate_discount);
    masa_gate_fit_observe(&m->fit, forecast, right, wrong, stands_for(d, config),
                          (double)config->meta.gate_window);
}

void rl_method_observe(rl_method *m, const rl_draws *draws, rl_prompts *prompts,
                       const masa_config *config)
{
    masa_calibration_options options = calibration_options(config);
    for (size_t i = 0; m->n_beliefs && i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        if (d->solutions.n > 0) observe(m, d, prompts, config);
        if (!d->predictions || !d->predictions->truth) continue;
        masa_statistics_summary truth = masa_statistics_get(d->predictions->truth);
        /* A prompt that was rolled out although the gate would have closed judges it. */
        const masa_forecast *forecast = &d->predictions->forecast;
        bool closed = masa_gate_closed(forecast, config->meta.gate_sigma,
                                       config->meta.gate_tolerance);
        masa_calibration_update(&m->calibration, forecast, &truth, closed, &options);
    }
}
