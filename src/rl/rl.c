/* masa_rl_train: one step is rollouts, advantages, update, record. */
#include <masa/rl.h>

#include <masa/clock.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/model_file.h>
#include <masa/random.h>

#include <math.h>
#include <stdlib.h>

#include "memory_plan.h"
#include "watch.h"

typedef struct loop {
    rl_session session;
    rl_session_options wants;
    rl_prompts prompts;
    masa_generator *generator;
    unsigned answer_rules;
    rl_watch watch;
    double started;  /* clock at which state.seconds was 0 */
    long saved_step; /* of the newest checkpoint; -1: none */
} loop;

/* ---- rollouts ---- */

/* Samples and scores the groups from number `first` on. */
static masa_status sample_and_score(loop *l, rl_groups *groups, size_t first, masa_error *err)
{
    const masa_config *c = l->session.config;
    rl_sampling solutions = {
        .n_samples = (size_t)c->rollout.group_size,
        .sampling = {(float)c->rollout.temperature, (int)c->rollout.top_k,
                     (float)c->rollout.top_p, (float)c->rollout.min_p},
        .key = (uint64_t)c->train.seed,
        .what = "rollouts",
    };
    rl_sampling by_kind[] = {[RL_SOLUTION] = solutions, [RL_META] = solutions};
    size_t n = groups->n - first;
    rl_group **fresh = masa_alloc(n + 1, sizeof *fresh);
    for (size_t i = 0; i < n; i++) fresh[i] = &groups->items[first + i];
    masa_status st = rl_sample(&l->session, l->generator, fresh, n, by_kind, err);
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        rl_score_solutions(fresh[i], c, l->answer_rules);
    free(fresh);
    return st;
}

/* Marks groups without variance as left out; returns how many are. */
static size_t leave_out_flat(rl_groups *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < groups->n; i++) {
        groups->items[i].left_out = rl_zero_variance(&groups->items[i]);
        n += groups->items[i].left_out;
    }
    return n;
}

/* Fills a step's batch; *draws counts the prompts it took. With dynamic sampling (DAPO,
 * arXiv:2503.14476) groups without variance are replaced by new prompts. */
static masa_status collect(loop *l, rl_groups *groups, long *draws, masa_error *err)
{
    const masa_config *c = l->session.config;
    masa_status st = MASA_OK;
    long missing = c->rollout.prompts_per_step;
    for (long refill = 0; missing > 0; refill++) {
        size_t first = groups->n;
        for (long i = 0; st == MASA_OK && i < missing; i++, ++*draws)
            st = rl_prompts_draw(&l->prompts, groups, &l->session,
                                 (uint64_t)(l->session.state.draws + *draws), err);
        if (st == MASA_OK) st = sample_and_score(l, groups, first, err);
        if (st != MASA_OK || !c->algorithm.dynamic_sampling) break;
        missing = (long)leave_out_flat(groups) + c->rollout.prompts_per_step -
                  (long)groups->n;
        if (refill == c->algorithm.dynamic_max_refills) break;
    }
    return st;
}

/* ---- a step ---- */

static double step_flops(const loop *l, const rl_summary *y, const rl_update_stats *u)
{
    const masa_model_config *m = masa_model_get_config(l->session.model);
    double rollouts = (double)(y->groups * (size_t)l->session.config->rollout.group_size);
    double prompt = (double)y->prompt_tokens / (y->groups ? (double)y->groups : 1);
    double response = (double)y->generated_tokens / (rollouts > 0 ? rollouts : 1);
    double context = prompt + response / 2;
    return (double)y->prompt_tokens * masa_model_flops(m, prompt / 2, false) +
           (double)y->generated_tokens * masa_model_flops(m, context, true) +
           3 * (double)u->trainer.packed_tokens * masa_model_flops(m, context, true);
}

static masa_status evaluate(loop *l, long step, masa_error *err)
{
    rl_session *s = &l->session;
    rl_evaluation e;
    masa_status st =
        rl_evaluate(&e, s, l->generator, &l->prompts, l->answer_rules, step, err);
    if (st == MASA_OK) st = rl_record_evaluation(s, step, &e, err);
    if (st == MASA_OK)
        masa_progress_note(s->progress,
                           "step %ld: %zu of %zu unseen problems right (%.1f %%), length %.0f",
                           step, e.correct, e.problems,
                           100.0 * (double)e.correct / (double)e.problems, e.mean_length);
    return st;
}

static bool evaluation_due(const loop *l, long step)
{
    const masa_config *c = l->session.config;
    if (l->prompts.test.n == 0) return false;
    return step == 0 || step == c->train.steps ||
           (c->train.eval_every > 0 && step % c->train.eval_every == 0);
}

static masa_status record(loop *l, rl_summary *y, const rl_update_stats *u,
                          const rl_groups *groups, masa_error *err)
{
    rl_session *s = &l->session;
    masa_status st = masa_run_begin_step(s->run, err);
    if (st == MASA_OK) st = rl_record_metrics(s, y, u, err);
    if (st == MASA_OK) st = rl_record_rollouts(s, y->step, groups, err);
    if (st == MASA_OK && evaluation_due(l, y->step)) st = evaluate(l, y->step, err);
    if (st == MASA_OK) st = masa_run_commit_step(s->run, err);
    return st;
}

static void report(loop *l, const rl_summary *y, const rl_update_stats *u)
{
    masa_progress_step_done(l->session.progress,
                            &(masa_progress_step){
                                .step = y->step,
                                .reward = y->reward,
                                .loss = NAN,
                                .accuracy = y->accuracy,
                                .length = y->length,
                                .tokens_per_second =
                                    (double)y->generated_tokens / y->rollout_seconds,
                                .seconds = y->rollout_seconds + y->update_seconds,
                            });
    rl_watch_step(&l->watch, y, u);
}

static masa_status run_step(loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    rl_summary y = {.step = s->state.step + 1};
    rl_update_stats u = {0};
    rl_groups groups = {0};
    long draws = 0;
    double start = masa_clock();
    masa_status st = collect(l, &groups, &draws, err);
    double sampled = masa_clock();
    if (st != MASA_OK) goto out;
    rl_advantages(&groups, s->config);
    st = rl_update(s, &groups, &u, err);
    if (st != MASA_OK) goto out;
    rl_summarise(&y, &groups);
    y.rollout_seconds = sampled - start;
    y.update_seconds = masa_clock() - sampled;
    y.flops = step_flops(l, &y, &u);
    s->state.step = y.step;
    s->state.draws += draws;
    s->state.tokens += (long)y.generated_tokens;
    s->state.seconds = masa_clock() - l->started;
    st = record(l, &y, &u, &groups, err);
    if (st == MASA_OK) report(l, &y, &u);
out:
    rl_groups_deinit(&groups);
    return st;
}

/* ---- the run ---- */

static masa_status save(loop *l, masa_error *err)
{
    if (l->saved_step == l->session.state.step) return MASA_OK;
    masa_status st = rl_session_save(&l->session, err);
    if (st == MASA_OK) l->saved_step = l->session.state.step;
    return st;
}

static masa_status evaluate_start(loop *l, masa_error *err)
{
    masa_status st = masa_run_begin_step(l->session.run, err);
    if (st == MASA_OK) st = evaluate(l, 0, err);
    if (st == MASA_OK) st = masa_run_commit_step(l->session.run, err);
    return st;
}

static masa_status run_steps(loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    const masa_config *c = s->config;
    masa_status st = MASA_OK;
    double limit = 60 * c->train.time_limit_minutes;
    l->started = masa_clock() - s->state.seconds;
    if (!s->checkpoint && evaluation_due(l, 0)) st = evaluate_start(l, err);
    while (st == MASA_OK && s->state.step < c->train.steps) {
        if (rl_stop_asked(s)) st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped");
        if (st == MASA_OK) st = run_step(l, err);
        bool due = c->train.save_every > 0 && s->state.step % c->train.save_every == 0;
        if (st == MASA_OK && due) st = save(l, err);
        if (st == MASA_OK && limit > 0 && s->state.seconds > limit) {
            masa_progress_note(s->progress, "time limit reached after step %ld", s->state.step);
            break;
        }
    }
    /* Whatever ended the run, sampling or a step that was not committed changed no weight. */
    if (st == MASA_OK) return save(l, err);
    if (st == MASA_ERR_INTERRUPTED) {
        masa_status saved = save(l, NULL);
        if (saved != MASA_OK) return MASA_FAIL(err, saved, "stopped; saving failed");
        st = MASA_FAIL(err, st,
                       "stopped after step %ld of %ld, which is saved; go on with --resume",
                       s->state.step, c->train.steps);
    }
    return st;
}

static masa_generator_options generator_options(const masa_config *c)
{
    return (masa_generator_options){
        .max_batch = (size_t)c->rollout.batch,
        .cache_tokens = (size_t)c->rollout.cache_tokens,
        .max_context = (size_t)(c->data.max_prompt_tokens + c->rollout.max_tokens),
    };
}

/* Refuses before anything large is allocated. */
static masa_status check_memory(const loop *l, FILE *log, const masa_config *c,
                                const masa_generator_options *generator, masa_error *err)
{
    masa_model_file *file = NULL;
    masa_status st = masa_config_require(c, "model.path", err);
    if (st == MASA_OK) st = masa_model_file_open(&file, c->model.path, err);
    if (st != MASA_OK) return st;
    rl_memory_plan plan =
        rl_memory_plan_make(c, masa_model_file_config(file), rl_compute_dtype(c),
                            l->wants.reference, generator);
    masa_model_file_close(file);
    return rl_memory_plan_check(&plan, log, err);
}

masa_status masa_rl_train(const masa_config *config, const char *folder,
                          const masa_train_options *options, masa_error *err)
{
    const masa_config *c = config;
    loop l = {.saved_step = -1};
    masa_generator_options generator = generator_options(c);
    l.wants = (rl_session_options){
        .reference = c->algorithm.kl_coef > 0,
        .temperature = (float)c->rollout.temperature,
        .total_updates = c->train.steps * c->optimizer.mini_batches * c->optimizer.epochs,
        .total_steps = c->train.steps,
    };
    masa_status st = rl_answer_rules(&l.answer_rules, c->data.answer_rules, err);
    if (st == MASA_OK) st = check_memory(&l, options->progress, c, &generator, err);
    if (st == MASA_OK) st = rl_session_open(&l.session, c, folder, options, &l.wants, err);
    if (st == MASA_OK) st = rl_prompts_open(&l.prompts, &l.session, err);
    if (st == MASA_OK)
        st = masa_generator_create(&l.generator, l.session.model, NULL, &generator, err);
    if (st == MASA_OK) st = rl_session_start(&l.session, folder, &l.wants, err);
    if (st == MASA_OK && l.session.checkpoint) l.saved_step = l.session.state.step;
    if (st == MASA_OK) st = run_steps(&l, err);
    masa_generator_destroy(l.generator);
    rl_prompts_close(&l.prompts);
    rl_session_close(&l.session);
    return st;
}
