#include "warm_start.h"

#include "collect.h"
#include "flops.h"
#include "score.h"

#include <masa/clock.h>
#include <masa/dist.h>
#include <masa/memory.h>
#include <masa/random.h>

#include <stdlib.h>

/* Keeps these draws apart from those of the steps. */
enum { WARM_START_KEY = 2 << 16 };

static masa_status sample(rl_loop *l, rl_draws *draws, masa_error *err)
{
    const masa_config *c = l->session.config;
    rl_sampling by_kind[2];
    rl_training_sampling(by_kind, c, masa_key((uint64_t)c->train.seed, WARM_START_KEY));
    by_kind[RL_SOLUTION].what = "warm start";
    masa_status st = MASA_OK;
    for (long i = 0; st == MASA_OK && i < c->meta.warm_start_prompts; i++)
        st = rl_prompts_draw(&l->prompts, draws, &l->session, (uint64_t)i, err);
    rl_group **all = masa_alloc(draws->n + 1, sizeof(rl_group *));
    for (size_t i = 0; i < draws->n; i++) all[i] = &draws->items[i].solutions;
    if (st == MASA_OK)
        st = rl_sample(&l->session, l->generator, all, draws->n, by_kind, &draws->prefilled,
                       err);
    if (st == MASA_OK) st = rl_score_solutions(draws, 0, &l->session, err);
    free(all);
    return st;
}

static void write_answers(rl_experts *out, const rl_draws *draws, const masa_config *c)
{
    masa_meta_options options = rl_meta_options(c);
    for (size_t i = 0; i < draws->n; i++) {
        masa_statistics *truth = rl_statistics(&draws->items[i], c);
        masa_text text = {0};
        if (masa_warm_start_text(&text, truth, &options))
            rl_experts_add(out, draws->items[i].number, masa_text_take(&text));
        masa_text_deinit(&text);
        masa_statistics_destroy(truth);
    }
}

static void shuffle(rl_experts *experts, uint64_t key)
{
    masa_random random = masa_random_init(key, MASA_STREAM_DATA);
    for (size_t i = experts->n; i > 1; i--) {
        size_t j = (size_t)masa_random_below(&random, i);
        rl_expert swap = experts->items[i - 1];
        experts->items[i - 1] = experts->items[j];
        experts->items[j] = swap;
    }
}

/* Sampled solutions to the prompts of these answers, right or wrong: another one of each in
 * every pass. Learning what the model does anyway keeps it from forgetting that. */
static size_t rehearse(masa_sequence *out, const rl_expert *answers, size_t n,
                       const rl_draws *draws, size_t pass, const masa_config *c)
{
    size_t made = 0, wanted = (size_t)c->meta.warm_start_rehearsal;
    for (size_t i = 0; i < n; i++) {
        const rl_group *g = &draws->items[answers[i].draw].solutions;
        for (size_t k = 0; k < wanted && k < g->n; k++) {
            const masa_completion *r = &g->rollouts[(pass * wanted + k) % g->n].completion;
            out[made++] = (masa_sequence){.prompt = g->prompt.ids,
                                          .prompt_size = g->prompt.n,
                                          .response = r->tokens,
                                          .response_size = r->n};
        }
    }
    return made;
}

static masa_status learn(rl_loop *l, rl_experts *answers, const rl_draws *draws,
                         rl_warm_start_stats *stats, masa_error *err)
{
    const masa_config *c = l->session.config;
    masa_sequence *rehearsed = masa_alloc(
        (size_t)(c->meta.bc_batch * c->meta.warm_start_rehearsal) + 1, sizeof *rehearsed);
    size_t batch = (size_t)c->meta.bc_batch, epochs = (size_t)c->meta.warm_start_epochs;
    size_t per_epoch = (answers->n + batch - 1) / batch;
    masa_status st = MASA_OK;
    for (size_t k = 0; st == MASA_OK && k < epochs * per_epoch; k++) {
        size_t first = k % per_epoch * batch;
        size_t n = answers->n - first < batch ? answers->n - first : batch;
        if (first == 0) shuffle(answers, masa_key((uint64_t)c->train.seed, k));
        masa_progress_phase(l->session.progress, "warm start", k, epochs * per_epoch);
        size_t n_rehearsed =
            rehearse(rehearsed, answers->items + first, n, draws, k / per_epoch, c);
        st = rl_experts_learn(answers, first, n, rehearsed, n_rehearsed, c->meta.warm_start_lr,
                              &l->prompts, &l->session, &stats->cloning, err);
        if (k == 0) stats->first_loss = stats->cloning.loss;
        if (st == MASA_OK && rl_stop_asked(&l->session))
            st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped in the warm start");
        st = masa_dist_agree(st, NULL, err);
    }
    free(rehearsed);
    return st;
}

masa_status rl_warm_start(rl_loop *l, rl_warm_start_stats *stats, masa_error *err)
{
    rl_draws draws = {0};
    rl_experts answers = {0};
    *stats = (rl_warm_start_stats){0};
    rl_cost cost = {0};
    double trained = rl_trained_flops(&l->session), start = masa_processor_clock();
    masa_status st = sample(l, &draws, err);
    if (st == MASA_OK) {
        write_answers(&answers, &draws, l->session.config);
        stats->prompts = draws.n;
        for (size_t i = 0; i < draws.n; i++)
            for (size_t j = 0; j < draws.items[i].solutions.n; j++)
                stats->generated_tokens += draws.items[i].solutions.rollouts[j].completion.n;
        stats->answers = answers.n;
        st = learn(l, &answers, &draws, stats, err);
        rl_cost_add_sampling(&cost, &l->session, &draws);
        stats->flops = cost.flops + rl_trained_flops(&l->session) - trained;
        stats->cpu_seconds = masa_processor_clock() - start;
        if (st == MASA_OK) st = masa_dist_sum_doubles(&stats->cpu_seconds, 1, err);
    }
    rl_experts_clear(&answers);
    rl_draws_deinit(&draws);
    return st;
}
