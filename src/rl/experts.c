#include "experts.h"

#include "conversations.h"
#include "predict.h"
#include "factors.h"
#include "shares.h"

#include <masa/memory.h>

#include <stdlib.h>

void rl_experts_add(rl_experts *experts, uint64_t draw, char *text)
{
    rl_expert expert = {draw, text};
    MASA_PUSH(experts->items, experts->n, experts->capacity, expert);
}

void rl_experts_clear(rl_experts *experts)
{
    for (size_t i = 0; i < experts->n; i++) free(experts->items[i].text);
    free(experts->items);
    *experts = (rl_experts){0};
}

/* Of rollouts with equally good notions the one that is right about the rest: its reasoning
 * fits the corrected answer best. Where notions are left out of the reward they choose nothing. */
static size_t best_of(const rl_predictions *p, const masa_config *config)
{
    bool by_notions = config->meta.weight_notion > 0;
    double *notion = masa_alloc(p->n + 1, sizeof *notion);
    for (size_t i = 0; i < p->n; i++)
        notion[i] = by_notions ? p->rewards[i].notion : p->rewards[i].total;
    size_t best = masa_expert_pick(notion, p->n, config->meta.bc_threshold);
    for (size_t i = 0; best < p->n && i < p->n; i++)
        if (notion[i] == notion[best] && p->rewards[i].total > p->rewards[best].total) best = i;
    free(notion);
    return best;
}

/* The text to be cloned for a prompt whose truth is known; false: there is none. */
static bool write_expert(masa_text *out, const rl_draw *d, const rl_prompts *prompts,
                         const masa_config *config)
{
    const rl_predictions *p = d->predictions;
    masa_meta_options options = rl_prompts_options(prompts, config);
    size_t best = best_of(p, config);
    const rl_rollout *r = best < p->n ? &d->meta.rollouts[best] : NULL;
    /* A checkpoint keeps experts as JSON, which broken characters do not survive. */
    if (r &&
        masa_expert_text(out, r->text, r->text_size, &p->items[best], p->truth, &options) &&
        masa_utf8_complete(out->data, out->size) == out->size)
        return true;
    masa_text_clear(out);
    bool wanted = options.expert_hopeless || masa_statistics_get(p->truth).n_correct > 0;
    return config->meta.bc_repair && wanted && masa_warm_start_text(out, p->truth, &options);
}

size_t rl_experts_gather(rl_experts *experts, const rl_draws *draws, const rl_prompts *prompts,
                         const masa_config *config)
{
    size_t before = experts->n;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        masa_text text = {0};
        if (d->predictions && d->predictions->truth && write_expert(&text, d, prompts, config))
            rl_experts_add(experts, d->number, masa_text_take(&text));
        masa_text_deinit(&text);
    }
    return experts->n - before;
}

static masa_status encode(rl_example *out, const rl_expert *expert, rl_prompts *prompts,
                          const rl_session *s, masa_error *err)
{
    const masa_problem *problem =
        &prompts->train.items[rl_prompts_index(prompts, expert->draw)];
    masa_text user = {0};
    masa_status st = rl_meta_request(&user, prompts, s->config, problem, err);
    masa_message turns[] = {{"system", rl_meta_system(s->config)},
                            {"user", masa_text_get(&user)},
                            {"assistant", expert->text}};
    size_t skip = turns[0].content[0] ? 0 : 1; /* without a system turn */
    if (st == MASA_OK) st = rl_encode_turn(out, s, turns + skip, 2 - skip, err);
    masa_text_deinit(&user);
    return st;
}

masa_status rl_experts_learn(const rl_experts *experts, size_t first, size_t n,
                             const masa_sequence *rehearsed, size_t n_rehearsed, double lr,
                             rl_prompts *prompts, rl_session *s, rl_cloning *stats,
                             masa_error *err)
{
    rl_example *examples = masa_alloc(n, sizeof *examples);
    masa_sequence *sequences = masa_alloc(n + n_rehearsed, sizeof *sequences);
    masa_trainer_stats trained = {0};
    masa_status st = MASA_OK;
    size_t tokens = 0, kept = 0, longest = masa_trainer_longest(s->trainer);
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        rl_example *e = &examples[i];
        st = encode(e, &experts->items[first + i], prompts, s, err);
        /* The corrected answer may be a little longer than what was sampled. */
        if (st != MASA_OK || e->prompt.n + e->response.n > longest) continue;
        sequences[kept] = (masa_sequence){.prompt = e->prompt.ids,
                                          .prompt_size = e->prompt.n,
                                          .response = e->response.ids,
                                          .response_size = e->response.n,
                                          .group = kept};
        tokens += e->response.n;
        kept++;
    }
    size_t texts = kept;
    for (size_t i = 0; i < n_rehearsed; i++, kept++) {
        sequences[kept] = rehearsed[i];
        sequences[kept].group = kept;
        tokens += rehearsed[i].response_size;
    }
    for (size_t i = 0; i < kept; i++) sequences[i].weight = (float)(1 / (double)tokens);
    rl_predictor_begin(s);
    bool made = false;
    if (st == MASA_OK && kept)
        st = rl_shares_learn(s, s->meta_optimizer ? s->meta_optimizer : s->optimizer, sequences,
                             kept, lr, NULL, &trained, &made, err);
    rl_predictor_end(s);
    if (made) {
        stats->updates++;
        stats->texts += texts;
        stats->tokens += trained.packed_tokens;
        stats->loss = trained.objective.loss;
    }
    for (size_t i = 0; i < n; i++) rl_example_deinit(&examples[i]);
    free(examples);
    free(sequences);
    return st;
}
