#include "method.h"

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

void rl_method_observe(rl_method *m, const rl_draws *draws, rl_prompts *prompts,
                       const masa_config *config, long step)
{
    masa_calibration_options options = calibration_options(config);
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        if (!d->predictions || !d->predictions->truth) continue;
        masa_statistics_summary truth = masa_statistics_get(d->predictions->truth);
        masa_belief_update(&m->beliefs[rl_prompts_index(prompts, d->number)], step,
                           (double)truth.n_correct, (double)(truth.n - truth.n_correct),
                           config->meta.gate_discount);
        /* A prompt that was rolled out although the gate would have closed judges it. */
        const masa_forecast *forecast = &d->predictions->forecast;
        bool closed = masa_gate_closed(forecast, config->meta.gate_sigma,
                                       config->meta.gate_tolerance);
        masa_calibration_update(&m->calibration, forecast, &truth, closed, &options);
    }
}
