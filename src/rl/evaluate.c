#include "evaluate.h"

#include "score.h"

#include <masa/memory.h>
#include <masa/random.h>

#include <stdlib.h>
#include <string.h>

/* Keeps an evaluation's draws apart from those of training. */
enum { EVALUATION_KEY = 1 << 16 };

static masa_status fill(rl_draws *draws, const rl_session *s, const rl_prompts *prompts,
                        masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < prompts->test.n; i++) {
        const masa_problem *problem = &prompts->test.items[i];
        rl_group *g = &rl_draws_add(draws, problem, i)->solutions;
        g->max_tokens = (size_t)s->config->rollout.max_tokens;
        char *user = rl_solution_request(s->config, problem);
        st = rl_prompt(&g->prompt, NULL, s, s->config->model.system, user, err);
        free(user);
    }
    return st;
}

void rl_evaluation_deinit(rl_evaluation *evaluation)
{
    free(evaluation->strata);
    *evaluation = (rl_evaluation){0};
}

static void add_to_stratum(rl_evaluation *out, const char *name, bool correct)
{
    size_t i = 0;
    while (i < out->n_strata && strcmp(out->strata[i].name, name) != 0) i++;
    if (i == out->n_strata)
        MASA_PUSH(out->strata, out->n_strata, out->strata_capacity,
                  ((rl_stratum){.name = name}));
    out->strata[i].responses++;
    out->strata[i].correct += correct;
}

static masa_status record(rl_evaluation *out, const rl_draw *d, size_t sample, masa_run *run,
                          long step, masa_error *err)
{
    const rl_rollout *r = &d->solutions.rollouts[sample];
    masa_stop_cause cause = r->completion.cause;
    out->problems += sample == 0;
    out->responses++;
    out->correct += r->correct;
    for (size_t i = 0; i < d->problem->n_strata; i++)
        add_to_stratum(out, d->problem->strata[i], r->correct);
    out->truncated += cause == MASA_STOP_LENGTH || cause == MASA_STOP_CONTEXT;
    out->no_answer += !r->answer;
    out->mean_length += (double)r->completion.n;
    masa_store_eval row = {.step = step,
                           .problem = d->problem->id,
                           .sample = (long)sample,
                           .text = r->text,
                           .answer = d->problem->answer,
                           .extracted = r->answer,
                           .correct = r->correct,
                           .tokens = (long)r->completion.n,
                           .cause = masa_stop_cause_name(cause)};
    return run ? masa_store_add_eval(masa_run_store(run), &row, err) : MASA_OK;
}

masa_status rl_evaluate(rl_evaluation *out, rl_session *s, masa_generator *generator,
                        const rl_prompts *prompts, long step, masa_error *err)
{
    const masa_config *c = s->config;
    rl_sampling how = {.n_samples = (size_t)c->train.eval_rollouts,
                       .sampling = {(float)c->train.eval_temperature, 0, 1, 0},
                       .key = masa_key((uint64_t)c->train.seed, EVALUATION_KEY),
                       .what = "evaluation"};
    rl_sampling by_kind[] = {how, how};
    rl_draws draws = {0};
    *out = (rl_evaluation){0};
    masa_status st = fill(&draws, s, prompts, err);
    rl_group **all = masa_alloc(draws.n, sizeof *all);
    for (size_t i = 0; i < draws.n; i++) all[i] = &draws.items[i].solutions;
    if (st == MASA_OK) st = rl_sample(s, generator, all, draws.n, by_kind, NULL, err);
    if (st == MASA_OK) st = rl_score_solutions(&draws, 0, s, err);
    for (size_t i = 0; st == MASA_OK && i < draws.n; i++)
        for (size_t j = 0; st == MASA_OK && j < draws.items[i].solutions.n; j++)
            st = record(out, &draws.items[i], j, s->run, step, err);
    if (out->responses) out->mean_length /= (double)out->responses;
    free(all);
    rl_draws_deinit(&draws);
    return st;
}
