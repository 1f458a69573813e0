#include "flops.h"

double rl_trained_flops(const rl_session *s)
{
    double reference = s->reference_trainer ? masa_trainer_flops(s->reference_trainer) : 0;
    return masa_trainer_flops(s->trainer) + reference + s->flops_elsewhere;
}

void rl_cost_add_sampling(rl_cost *cost, const rl_session *s, const rl_draws *draws)
{
    const masa_model_config *m = masa_model_get_config(s->model);
    double prompts[2] = {0}, sampled = 0, all;
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g = i % 2 ? &draws->items[i / 2].meta : &draws->items[i / 2].solutions;
        double prompt = (double)g->prompt.n, flops = 0;
        for (size_t j = 0; j < g->n; j++) {
            double n = (double)g->rollouts[j].completion.n;
            flops += n * masa_model_flops(m, prompt + n / 2, true);
        }
        prompts[g->kind] += g->n ? prompt : 0;
        sampled += g->n > 0;
        cost->flops += flops;
        if (g->kind == RL_META) cost->meta += flops;
    }
    if (sampled == 0) return;
    /* What prompts have in common was run once: `prefilled` of all their tokens, behind the
     * rest of them. */
    all = prompts[RL_SOLUTION] + prompts[RL_META];
    double prefill = (double)draws->prefilled * masa_model_flops(m, all / sampled / 2, false);
    cost->flops += prefill;
    cost->meta += prefill * prompts[RL_META] / all;
}

void rl_cost_add_update(rl_cost *cost, const rl_session *s, const rl_draws *draws, double flops)
{
    const masa_model_config *m = masa_model_get_config(s->model);
    double work[2] = {0}; /* of one forward pass over what was trained on, by kind */
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g = i % 2 ? &draws->items[i / 2].meta : &draws->items[i / 2].solutions;
        double prompt = (double)g->prompt.n, n;
        bool any = false;
        for (size_t j = 0; j < g->n; j++) {
            if (!g->rollouts[j].logprobs) continue;
            n = (double)g->rollouts[j].completion.n;
            work[g->kind] += n * masa_model_flops(m, prompt + n / 2, true);
            any = true;
        }
        if (any) work[g->kind] += prompt * masa_model_flops(m, prompt / 2, false);
    }
    double all = work[RL_SOLUTION] + work[RL_META];
    cost->flops += flops;
    if (all > 0) cost->meta += flops * work[RL_META] / all;
}

void rl_cost_add_meta(rl_cost *cost, double flops)
{
    cost->flops += flops;
    cost->meta += flops;
}
