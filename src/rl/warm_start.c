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

static void write_answers(rl_experts *out, const rl_draws *draws, const rl_prompts *prompts,
                          const masa_config *c)
{
    masa_meta_options options = rl_prompts_options(prompts, c);
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

static masa_status learn(rl_loop *l, rl_lessons *lessons, masa_error *err)
{
    const masa_config *c = l->session.config;
    rl_experts *answers = &lessons->answers;
    rl_warm_start_stats *stats = &lessons->stats;
    masa_sequence *rehearsed = masa_alloc(
        (size_t)(c->meta.bc_batch * c->meta.warm_start_rehearsal) + 1, sizeof *rehearsed);
    size_t batch = (size_t)c->meta.bc_batch, epochs = (size_t)c->meta.warm_start_epochs;
    size_t per_epoch = (answers->n + batch - 1) / batch;
    masa_status st = MASA_OK;
    while (st == MASA_OK && lessons->updates < epochs * per_epoch) {
        size_t k = lessons->updates, first = k % per_epoch * batch;
        size_t n = answers->n - first < batch ? answers->n - first : batch;
        if (first == 0) shuffle(answers, masa_key((uint64_t)c->train.seed, k));
        masa_progress_phase(l->session.progress, "warm start", k, epochs * per_epoch);
        size_t n_rehearsed =
            rehearse(rehearsed, answers->items + first, n, &lessons->draws, k / per_epoch, c);
        l->sound = false;
        st = rl_experts_learn(answers, first, n, rehearsed, n_rehearsed, c->meta.warm_start_lr,
                              &l->prompts, &l->session, &stats->cloning, err);
        l->sound = st == MASA_OK;
        if (k == 0) stats->first_loss = stats->cloning.loss;
        lessons->updates++;
        if (st == MASA_OK && rl_stop_asked(&l->session))
            st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped in the warm start");
        st = masa_dist_agree(st, NULL, err);
    }
    free(rehearsed);
    return st;
}

/* What is taught: sampled with the weights that the run begins with. */
static masa_status prepare(rl_loop *l, rl_lessons *lessons, masa_error *err)
{
    rl_cost cost = {0};
    rl_draws *draws = &lessons->draws;
    masa_status st = sample(l, draws, err);
    if (st != MASA_OK) return st;
    write_answers(&lessons->answers, draws, &l->prompts, l->session.config);
    rl_cost_add_sampling(&cost, &l->session, draws);
    lessons->stats = (rl_warm_start_stats){
        .prompts = draws->n, .answers = lessons->answers.n, .flops = cost.flops};
    for (size_t i = 0; i < draws->n; i++)
        for (size_t j = 0; j < draws->items[i].solutions.n; j++)
            lessons->stats.generated_tokens +=
                draws->items[i].solutions.rollouts[j].completion.n;
    return MASA_OK;
}

/* Adds what was spent since then. */
static masa_status add_cost(rl_warm_start_stats *stats, const rl_loop *l, double trained,
                            double processor, masa_error *err)
{
    double seconds = masa_processor_clock() - processor;
    masa_status st = masa_dist_sum_doubles(&seconds, 1, err);
    stats->flops += rl_trained_flops(&l->session) - trained;
    stats->cpu_seconds += seconds;
    return st;
}

masa_status rl_warm_start(rl_loop *l, rl_warm_start_stats *stats, masa_error *err)
{
    rl_lessons lessons = {0};
    char **kept = &l->method.warm_start;
    double trained = rl_trained_flops(&l->session), processor = masa_processor_clock();
    masa_status st =
        *kept ? rl_lessons_load(&lessons, *kept, l, err) : prepare(l, &lessons, err);
    if (st == MASA_OK) {
        masa_status learned = learn(l, &lessons, err);
        bool sound = learned == MASA_OK || learned == MASA_ERR_INTERRUPTED;
        if (sound) st = add_cost(&lessons.stats, l, trained, processor, err);
        if (st == MASA_OK) st = learned;
        free(*kept);
        *kept =
            st == MASA_ERR_INTERRUPTED ? rl_lessons_save(&lessons, l->session.config) : NULL;
    }
    *stats = lessons.stats;
    rl_lessons_deinit(&lessons);
    return st;
}
