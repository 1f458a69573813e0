#include "flops.h"

double rl_flops(const rl_loop *l, const rl_draws *draws, size_t trained_tokens)
{
    const masa_model_config *m = masa_model_get_config(l->session.model);
    double flops = 0, weighted = 0, tokens = 0, prompts = 0, sampled = 0;
    for (size_t i = 0; i < 2 * draws->n; i++) {
        const rl_group *g =
            i % 2 ? &draws->items[i / 2].meta : &draws->items[i / 2].solutions;
        double prompt = (double)g->prompt.n;
        prompts += g->n ? prompt : 0;
        sampled += g->n > 0;
        for (size_t j = 0; j < g->n; j++) {
            double n = (double)g->rollouts[j].completion.n, context = prompt + n / 2;
            flops += n * masa_model_flops(m, context, true);
            weighted += n * context;
            tokens += n;
        }
    }
    /* What prompts have in common was run once: `prefilled` of all their tokens, behind the
     * rest of them. */
    if (sampled > 0)
        flops += (double)draws->prefilled * masa_model_flops(m, prompts / sampled / 2, false);
    double context = tokens > 0 ? weighted / tokens : 0;
    /* The backward pass costs twice the forward pass, which counts where its activations were
     * kept too: so runs compare whatever memory they had. */
    return flops + 3 * (double)trained_tokens * masa_model_flops(m, context, true);
}
