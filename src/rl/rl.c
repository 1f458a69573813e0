/* masa_rl_train: one step is rollouts, advantages, update, record. */
#include <masa/rl.h>

#include <masa/clock.h>
#include <masa/dist.h>

#include <math.h>
#include <stdlib.h>

#include "checkup.h"
#include "collect.h"
#include "decide.h"
#include "memory_plan.h"
#include "peers.h"
#include "record.h"
#include "record_meta.h"
#include "remote.h"
#include "score.h"
#include "warm_start.h"

/* ---- a step ---- */

static bool evaluation_due(const rl_loop *l, long step)
{
    const masa_config *c = l->session.config;
    /* Of step 0 come before a warm start. */
    if (l->prompts.test.n == 0 || l->method.warm_start) return false;
    return step == 0 || step == c->train.steps ||
           (c->train.eval_every > 0 && step % c->train.eval_every == 0);
}

/* What the weights as they are scored; a checkpoint of before lacks it. */
static void take_score(rl_loop *l, double score)
{
    masa_run_state *state = &l->session.state;
    state->evaluated = state->step > 0;
    state->score = score;
    if (l->saved_step == state->step) l->saved_step = -1;
}

enum { RECORDED = 1, UNSCORED = 2 }; /* in votes */

/* Whether the evaluation of the step is due; if so, the process that keeps the record begins
 * it. Of one that is on record the score is taken from there, where the run ended before a
 * checkpoint had it. */
static masa_status begin_evaluation(rl_loop *l, long step, bool *due, masa_error *err)
{
    rl_session *s = &l->session;
    rl_score score = {0};
    unsigned found = 0;
    masa_status st = s->run ? rl_find_score(s, "eval_accuracy", &score, err) : MASA_OK;
    if (st == MASA_OK && s->run && !score.recorded) st = masa_run_begin_step(s->run, err);
    if (score.recorded) found = RECORDED | (step > 0 && !s->state.evaluated ? UNSCORED : 0);
    st = masa_dist_agree(st, &found, err);
    *due = st == MASA_OK && !found;
    if (st == MASA_OK && found & UNSCORED) take_score(l, score.value);
    return st;
}

/* The evaluation of the weights as they are, unless it is on record: a run that was stopped in
 * it makes up for it when it goes on. */
static masa_status evaluate(rl_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    long step = s->state.step;
    rl_evaluation e = {0};
    bool due = false;
    if (!evaluation_due(l, step)) return MASA_OK;
    masa_status st = begin_evaluation(l, step, &due, err);
    if (!due) return st;
    double start = masa_clock();
    st = rl_evaluate(&e, s, l->generator, &l->prompts, step, err);
    l->started += masa_clock() - start;
    if (st == MASA_OK && s->run) st = rl_record_evaluation(s, step, &e, err);
    if (st == MASA_OK && s->run) st = masa_run_commit_step(s->run, err);
    st = masa_dist_agree(st, NULL, err);
    if (st != MASA_OK) {
        if (s->run) masa_run_abandon_step(s->run);
    } else {
        take_score(l, (double)e.correct / (double)e.responses);
        masa_progress_note(s->progress,
                           "step %ld: %.1f %% right on %zu unseen problems, length %.0f", step,
                           100 * s->state.score, e.problems, e.mean_length);
    }
    rl_evaluation_deinit(&e);
    return st;
}

static masa_status try_to_record(rl_loop *l, const rl_step *y, const rl_draws *draws,
                                 masa_error *err)
{
    rl_session *s = &l->session;
    masa_status st = masa_run_begin_step(s->run, err);
    if (st == MASA_OK) st = rl_record_metrics(s, &y->summary, &y->update, err);
    if (st == MASA_OK) st = rl_checkup_record(s, y->summary.step, err);
    if (st == MASA_OK && rl_method_remembers(s->config))
        st = rl_record_meta(s, y->summary.step, draws, &y->cloning, l->method.acting, err);
    if (st == MASA_OK) st = rl_record_rollouts(s, y->summary.step, draws, err);
    if (st == MASA_OK) st = rl_record_decisions(s, y->summary.step, draws, err);
    if (st == MASA_OK) st = masa_run_commit_step(s->run, err);
    if (st != MASA_OK) masa_run_abandon_step(s->run);
    return st;
}

static masa_status record(rl_loop *l, const rl_step *y, const rl_draws *draws, masa_error *err)
{
    enum { ROOM = 4 << 20 }; /* the store's own slack, and a step's texts */
    masa_status st = MASA_OK;
    if (l->session.run) do
            st = try_to_record(l, y, draws, err);
        while (st == MASA_ERR_IO && rl_session_wait_for_room(&l->session, ROOM));
    return masa_dist_agree(st, NULL, err);
}

/* Once, on the first step of this process: where answers were looked for and found. */
static void tell_found(rl_loop *l, const rl_summary *y)
{
    masa_reward_options given = rl_reward_options(l->session.config);
    masa_text found = {0}, rules = {0};
    masa_found_text(&found, &y->found);
    masa_extract_rules_text(&rules, masa_problems_rules(&l->prompts.train));
    if (found.size && masa_rewards_are_judged(&given))
        masa_progress_note(l->session.progress, "step %ld: answers %s (data.answer_rules: %s)",
                           y->step, found.data, masa_text_get(&rules));
    masa_text_deinit(&rules);
    masa_text_deinit(&found);
    l->told_found = true;
}

static void report(rl_loop *l, const rl_summary *y)
{
    masa_progress_step_done(
        l->session.progress,
        &(masa_progress_step){
            .step = y->step,
            .reward = y->reward,
            .loss = NAN,
            .accuracy = y->accuracy,
            .length = y->length,
            .meta = y->meta_reward,
            .gated = y->gated,
            .tokens_per_second = (double)y->generated_tokens / y->rollout_seconds,
            .seconds = y->rollout_seconds + y->update_seconds,
        });
    if (!l->told_found) tell_found(l, y);
}

/* Behaviour cloning: once the buffer holds a batch, passes over it, which empty it. */
static masa_status clone_experts(rl_loop *l, const rl_draws *draws, rl_cloning *stats,
                                 masa_error *err)
{
    const masa_config *c = l->session.config;
    rl_experts *experts = &l->method.experts;
    if (!c->meta.bc_enabled || (c->meta.bc_acting && !l->method.acting)) return MASA_OK;
    rl_experts_gather(experts, draws, &l->prompts, c);
    if (experts->n < (size_t)c->meta.bc_batch) return MASA_OK;
    masa_status st = MASA_OK;
    size_t size = c->meta.bc_mini_batch ? (size_t)c->meta.bc_mini_batch : experts->n;
    for (long pass = 0; pass < c->meta.bc_passes; pass++)
        for (size_t at = 0; st == MASA_OK && at < experts->n; at += size) {
            size_t left = experts->n - at;
            st = rl_experts_learn(experts, at, size < left ? size : left, NULL, 0,
                                  c->meta.bc_lr, &l->prompts, &l->session, stats, err);
        }
    rl_experts_clear(experts);
    return st;
}

/* Other programs may have come since the memory was planned: what rollouts keep grows at most by
 * half of what is free now. Where it stops no bit changes (rl_session_open). */
static void clear_kept(const rl_session *s)
{
    masa_activations_clear(s->kept);
    size_t free = masa_device_available() / masa_dist_where().processes;
    if (s->config->rollout.kept_memory < 0 && free) masa_activations_limit(s->kept, free / 2);
}

static masa_status run_step(rl_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    rl_step y = {.summary.step = s->state.step + 1};
    rl_draws draws = {0};
    double start = masa_clock(), cpu = masa_processor_clock();
    double before = rl_trained_flops(s);
    masa_dist_cost exchanged = masa_dist_cost_get();
    s->skipped = 0;
    rl_method_begin_step(&l->method, s->config, y.summary.step);
    if (s->kept) {
        clear_kept(s);
        masa_generator_keep(l->generator, s->kept);
    }
    masa_status st = rl_collect(l, &draws, y.summary.step, err);
    if (s->kept) masa_generator_keep(l->generator, NULL);
    double sampled = masa_clock();
    if (st != MASA_OK) goto out;
    rl_advantages(&draws, s->config);
    double trained = rl_trained_flops(s);
    rl_cost_add_meta(&y.summary.cost, trained - before); /* single-pass forecasts */
    l->sound = false;
    rl_cost_add_sampling(&y.summary.cost, s, &draws);
    st = rl_update(s, &draws, &y.update, err);
    rl_cost_add_update(&y.summary.cost, s, &draws, rl_trained_flops(s) - trained);
    trained = rl_trained_flops(s);
    if (st == MASA_OK) st = clone_experts(l, &draws, &y.cloning, err);
    if (st != MASA_OK) goto out;
    rl_method_observe(&l->method, &draws, &l->prompts, s->config);
    rl_summarise(&y.summary, &draws);
    y.summary.rollout_seconds = sampled - start;
    y.summary.update_seconds = masa_clock() - sampled;
    rl_cost_add_meta(&y.summary.cost, rl_trained_flops(s) - trained);
    rl_add_exchange(&y.summary, &exchanged);
    s->state.step = y.summary.step;
    s->state.draws += (long)draws.n;
    s->state.tokens += (long)y.summary.generated_tokens;
    s->state.seconds = masa_clock() - l->started;
    cpu = masa_processor_clock() - cpu;
    st = masa_dist_sum_doubles(&cpu, 1, err);
    s->state.cpu_seconds += cpu;
    s->state.evaluated = false;
    l->sound = true;
    if (st == MASA_OK) st = record(l, &y, &draws, err);
    if (st == MASA_OK) report(l, &y.summary);
out:
    rl_draws_deinit(&draws);
    return st;
}

/* ---- the run ---- */

static void add_method_state(rl_loop *l)
{
    if (!rl_method_remembers(l->session.config)) return;
    free(l->session.state.extra);
    l->session.state.extra = rl_method_save(&l->method);
}

/* The checkpoint of the step; all processes come here together. */
static masa_status save(rl_loop *l, masa_error *err)
{
    if (l->session.run) add_method_state(l);
    masa_status st = rl_session_save(&l->session, err);
    if (st == MASA_OK) l->saved_step = l->session.state.step;
    return st;
}

static masa_status record_warm_start(rl_session *s, const rl_warm_start_stats *y,
                                     masa_error *err)
{
    masa_status st = masa_run_begin_step(s->run, err);
    if (st == MASA_OK) st = rl_record_warm_start(s, y, err);
    return st == MASA_OK ? masa_run_commit_step(s->run, err) : st;
}

/* What it costs counts: it is part of the run, and recorded as step 0. */
static masa_status warm_start(rl_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    rl_warm_start_stats y;
    l->saved_step = -1; /* a checkpoint of step 0 has not these weights */
    masa_status st = rl_warm_start(l, &y, err);
    if (st == MASA_OK && rl_session_diverged(s))
        st = MASA_FAIL(err, MASA_ERR_NUMERIC,
                       "the warm start's gradients are not finite; begin with a lower "
                       "meta.warm_start_lr");
    s->state.seconds = masa_clock() - l->started;
    if (st != MASA_OK) return st;
    l->method.warm_started = true;
    s->state.tokens += (long)y.generated_tokens;
    s->state.cpu_seconds += y.cpu_seconds;
    if (s->run) st = record_warm_start(s, &y, err);
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK)
        masa_progress_note(s->progress,
                           "warm start: %zu answers from %zu prompts, loss %.2f -> %.2f",
                           y.answers, y.prompts, y.first_loss, y.cloning.loss);
    return st == MASA_OK ? save(l, err) : st;
}

static bool run_ends(const rl_loop *l)
{
    const rl_session *s = &l->session;
    double limit = 60 * s->config->train.time_limit_minutes;
    if (s->state.step >= s->config->train.steps) return true;
    if (!s->run || limit == 0 || s->state.step == 0 || s->state.seconds <= limit) return false;
    masa_progress_note(s->progress, "time limit reached after step %ld", s->state.step);
    return true;
}

enum { ENDED = 1, SAVE = 2 }; /* in votes */

/* A step, after what is due before it. *ended: there is none to do. */
static masa_status advance(rl_loop *l, bool *ended, masa_error *err)
{
    rl_session *s = &l->session;
    bool warm = s->config->meta.warm_start_prompts && !l->method.warm_started;
    unsigned flags = 0;
    masa_status st = evaluate(l, err);
    if (st == MASA_OK) st = rl_checkup(s, err);
    if (st == MASA_OK && rl_session_save_due(s, l->saved_step)) flags = SAVE;
    st = masa_dist_agree(st, &flags, err);
    if (st == MASA_OK && warm) st = warm_start(l, err);
    if (st == MASA_OK && flags & SAVE) st = save(l, err);
    flags = 0;
    if (st == MASA_OK && run_ends(l)) flags = ENDED;
    else if (st == MASA_OK && (rl_stop_asked(s) || rl_session_diverged(s)))
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped");
    st = masa_dist_agree(st, &flags, err);
    if (st == MASA_OK) st = rl_peers_check_step(s, err);
    *ended = st == MASA_OK && (flags & ENDED);
    return st == MASA_OK && !*ended ? run_step(l, err) : st;
}

static masa_status run_steps(rl_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    masa_status st = MASA_OK;
    bool ended = false;
    l->started = masa_clock() - s->state.seconds;
    l->sound = true;
    while (st == MASA_OK && !ended) st = advance(l, &ended, err);
    if (st == MASA_OK && l->saved_step != s->state.step) st = save(l, err);
    if (ended) return masa_dist_agree(st, NULL, err);
    /* Sampling, evaluating, recording and saving change no weight. What is not finite has come
     * from weights that are not worth saving. */
    bool asked = st == MASA_ERR_INTERRUPTED, behind = l->saved_step != s->state.step;
    if (!l->sound || st == MASA_ERR_NUMERIC || (!asked && (!behind || s->state.step == 0)))
        return st;
    add_method_state(l);
    return rl_session_stop(s, st, behind, s->config->train.steps, err);
}

static masa_generator_options generator_options(const masa_config *c,
                                                const volatile sig_atomic_t *stop)
{
    bool meta = c->meta.samples && c->meta.max_tokens > c->rollout.max_tokens;
    long longest = meta ? c->meta.max_tokens : c->rollout.max_tokens;
    return (masa_generator_options){
        .max_batch = (size_t)c->rollout.batch,
        .cache_bytes = (size_t)c->rollout.cache_memory << 20,
        .max_context = (size_t)(c->data.max_prompt_tokens + longest),
        .stop = stop,
    };
}

masa_status masa_rl_train(const masa_config *config, const char *folder,
                          const masa_train_options *options, masa_error *err)
{
    const masa_config *c = config;
    rl_loop l = {.saved_step = -1};
    bool here = c->rollout.servers[0] == '\0'; /* this process samples */
    masa_generator_options generator = generator_options(c, options->stop);
    l.wants = (rl_session_options){
        .reference = c->algorithm.kl_coef > 0,
        .meta_optimizer = (c->meta.own_moments || c->meta.adapter) && c->meta.samples > 0,
        .predictor = c->meta.adapter && c->meta.samples > 0,
        .temperature = (float)c->rollout.temperature,
        .total_updates = c->train.steps * c->optimizer.mini_batches * c->optimizer.epochs,
        .total_steps = c->train.steps,
    };
    unsigned answer_rules;
    masa_status st = rl_answer_rules(&answer_rules, c->data.answer_rules, err);
    if (st == MASA_OK) st = rl_method_check(c, err);
    if (st == MASA_OK) st = rl_session_check(c, err);
    if (st == MASA_OK) st = rl_prompts_load(&l.prompts, c, answer_rules, err);
    if (st == MASA_OK)
        st = rl_session_open(&l.session, c, folder, options, here ? &generator : NULL, &l.wants,
                             err);
    if (st == MASA_OK) st = rl_prompts_fit(&l.prompts, &l.session, err);
    if (st == MASA_OK && c->meta.samples && c->meta.forecast == MASA_CONFIG_FORECAST_ONE_PASS)
        st = rl_one_pass_init(&l.one_pass, &l.prompts, &l.session, err);
    if (st == MASA_OK) {
        rl_method_init(&l.method, c, l.prompts.train.n);
        st = rl_method_load(&l.method, c, l.session.state.extra, err);
    }
    if (st == MASA_OK && here)
        st = masa_generator_create(&l.generator, l.session.model, NULL, &generator, err);
    st = rl_session_start(&l.session, folder, &l.wants, st, err);
    if (st == MASA_OK) st = masa_dist_agree(rl_rewards_open(&l.session, err), NULL, err);
    if (st == MASA_OK) st = masa_dist_agree(rl_remote_open(&l.session, err), NULL, err);
    if (st == MASA_OK && l.session.checkpoint) l.saved_step = l.session.state.step;
    if (st == MASA_OK) st = run_steps(&l, err);
    if (st == MASA_OK) rl_memory_report(options->progress);
    masa_generator_destroy(l.generator);
    rl_method_deinit(&l.method);
    rl_one_pass_deinit(&l.one_pass);
    rl_prompts_close(&l.prompts);
    rl_session_close(&l.session);
    return st;
}
