#include "probe_forecast.h"

#include "exchange.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

static void set_forecast(rl_draw *d, const masa_probe *probe)
{
    if (!d->predictions) d->predictions = masa_alloc(1, sizeof *d->predictions);
    masa_forecast *f = &d->predictions->forecast;
    /* One that can be read, as that of a single pass (masa_forecast_init_one_pass). */
    f->n = f->n_pass_rates = probe->learned ? 2 : 0;
    f->pass_rate_mean = probe->learned ? masa_probe_pass_rate(probe, d->features) : 0;
    f->pass_rate_deviation = f->level = 0;
}

/* By the weights that the run began with, where it has them at hand: the reference's, or those
 * under the factors. */
static masa_status read_states(rl_session *s, const masa_sequence *prompts, size_t n,
                               size_t n_layers, float *states, masa_error *err)
{
    if (s->reference_trainer)
        return masa_trainer_prompt_states(s->reference_trainer, prompts, n, n_layers, states,
                                          err);
    if (s->lora) {
        masa_lora_detach(s->lora);
        masa_model_refresh(s->model);
    }
    masa_status st = masa_trainer_prompt_states(s->trainer, prompts, n, n_layers, states, err);
    if (s->lora) {
        masa_lora_attach(s->lora);
        masa_model_refresh(s->model);
    }
    return st;
}

masa_status rl_probe_forecast(const masa_probe *probe, rl_draw *const *draws, size_t n,
                              rl_session *s, masa_error *err)
{
    const masa_model_config *c = masa_model_get_config(s->model);
    size_t layers = (size_t)lround(s->config->meta.probe_depth * (double)c->n_layers);
    size_t size = 2 * c->hidden_size;
    masa_sequence *prompts = masa_alloc(n + 1, sizeof *prompts);
    float *states = masa_alloc(n * size + 1, sizeof *states);
    for (size_t i = 0; i < n; i++) {
        const masa_tokens *p = &draws[i]->solutions.prompt;
        prompts[i] = (masa_sequence){.prompt = p->ids,
                                     .prompt_size = p->n,
                                     .response = p->ids,
                                     .response_size = 1,
                                     .group = i};
    }
    masa_status st = read_states(s, prompts, n, layers, states, err);
    st = rl_exchange_first(states, n * size * sizeof *states, st, err);
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        const float *mean = states + i * size;
        rl_draw *d = draws[i];
        d->features = masa_alloc(MASA_PROBE_FEATURES, sizeof *d->features);
        masa_probe_features(d->features, mean, mean + c->hidden_size, c->hidden_size);
        set_forecast(d, probe);
    }
    free(prompts);
    free(states);
    return st;
}
