/* masa_sft_train: supervised training with the trainer, optimiser and run folder of the
 * reinforcement learning. One step is one update. */
#include <masa/rl.h>

#include <masa/clock.h>
#include <masa/dist.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/random.h>

#include <math.h>
#include <stdlib.h>

#include "checkup.h"
#include "conversations.h"
#include "memory_plan.h"
#include "peers.h"
#include "record.h"
#include "shares.h"

typedef struct sft_loop {
    rl_session session;
    rl_examples examples;
    size_t held_out; /* the last ones, never trained on */
    masa_problem_order order;
    long steps, saved_step;
    double started;
} sft_loop;

static size_t trained_examples(const sft_loop *l)
{
    return l->examples.n - l->held_out;
}

/* Sequences of n examples; `indices` NULL: from number `first` on. */
static masa_sequence *sequences_of(const sft_loop *l, const size_t *indices, size_t first,
                                   size_t n, double *tokens)
{
    masa_sequence *s = masa_alloc(n + 1, sizeof *s);
    *tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const rl_example *e = &l->examples.items[indices ? indices[i] : first + i];
        s[i] = (masa_sequence){.prompt = e->prompt.ids,
                               .prompt_size = e->prompt.n,
                               .response = e->response.ids,
                               .response_size = e->response.n,
                               .group = i};
        *tokens += (double)e->response.n;
    }
    for (size_t i = 0; i < n; i++) s[i].weight = (float)(1 / *tokens);
    return s;
}

/* Mean negative log-likelihood of a token of what is held out. */
static masa_status held_out_loss(sft_loop *l, double *loss, masa_error *err)
{
    size_t n = l->held_out, at = 0;
    double tokens;
    masa_sequence *s = sequences_of(l, NULL, trained_examples(l), n, &tokens);
    float *logprobs = masa_alloc((size_t)tokens, sizeof *logprobs);
    for (size_t i = 0; i < n; at += s[i++].response_size) s[i].logprobs = logprobs + at;
    masa_status st = masa_trainer_logprobs(l->session.trainer, s, n, NULL, err);
    double sum = 0;
    for (size_t t = 0; t < at; t++) sum -= logprobs[t];
    *loss = sum / tokens;
    free(logprobs);
    free(s);
    return st;
}

/* ---- the record ---- */

/* What a step came to. */
typedef struct lesson {
    size_t n; /* examples: the last ones drawn */
    double loss, norm, tokens, seconds;
} lesson;

/* What an update was made of that was left out, for people to look at. */
static masa_status record_left_out(sft_loop *l, const lesson *y, masa_error *err)
{
    rl_session *s = &l->session;
    masa_text text = {0};
    size_t first = (size_t)s->state.draws - y->n;
    masa_text_add(&text,
                  "an update was left out, for its gradient was not finite; it was of the "
                  "lines of sft.data");
    for (size_t i = 0; i < y->n; i++) {
        size_t index = masa_problem_order_get(&l->order, first + i);
        masa_text_addf(&text, "%s %zu", i ? "," : "", l->examples.items[index].line);
    }
    masa_status st = masa_store_add_event(masa_run_store(s->run), s->state.step, "left out",
                                          masa_text_get(&text), err);
    masa_text_deinit(&text);
    return st;
}

static masa_status record(sft_loop *l, const lesson *y, masa_error *err)
{
    rl_session *s = &l->session;
    long step = s->state.step;
    const struct {
        const char *name;
        double value;
    } metrics[] = {{"loss", y->loss},
                   {"grad_norm", y->norm},
                   {"lr", masa_optimizer_rate(s->optimizer, (size_t)step)},
                   {"tokens", y->tokens},
                   {"tokens_per_second", y->tokens / y->seconds},
                   {"skipped_updates", (double)s->skipped},
                   {"total_seconds", s->state.seconds}};
    masa_status st = masa_run_begin_step(s->run, err);
    for (size_t i = 0; st == MASA_OK && i < sizeof metrics / sizeof *metrics; i++)
        if (!isnan(metrics[i].value))
            st = masa_run_add_metric(s->run, step, metrics[i].name, metrics[i].value, err);
    if (st == MASA_OK) st = rl_checkup_record(s, step, err);
    if (st == MASA_OK && s->skipped) st = record_left_out(l, y, err);
    if (st == MASA_OK) st = masa_run_commit_step(s->run, err);
    if (st != MASA_OK) masa_run_abandon_step(s->run);
    return st;
}

static bool evaluation_due(const sft_loop *l)
{
    long every = l->session.config->train.eval_every, step = l->session.state.step;
    return l->held_out && step > 0 && (step == l->steps || (every > 0 && step % every == 0));
}

#define HELD_OUT "heldout_loss"

/* What the weights as they are lost on what is held out. */
static void take_score(rl_session *s, double loss, bool *scored)
{
    s->state.evaluated = true;
    s->state.score = -loss;
    *scored = true;
}

/* The loss of the weights as they are on what is held out, unless it is on record: a run that
 * was stopped in it makes up for it when it goes on, and takes from there what no checkpoint has.
 * Only the process that keeps the run has *scored set. */
static masa_status evaluate(sft_loop *l, bool *scored, masa_error *err)
{
    rl_session *s = &l->session;
    long step = s->state.step;
    double loss = NAN;
    rl_score score = {0};
    if (!s->run || !evaluation_due(l)) return MASA_OK;
    masa_status st = rl_find_score(s, HELD_OUT, &score, err);
    if (st == MASA_OK && score.recorded && !s->state.evaluated)
        take_score(s, score.value, scored);
    if (st != MASA_OK || score.recorded) return st;
    st = held_out_loss(l, &loss, err);
    if (st == MASA_OK) st = masa_run_begin_step(s->run, err);
    if (st != MASA_OK) return st;
    st = masa_run_add_metric(s->run, step, HELD_OUT, loss, err);
    if (st == MASA_OK) st = masa_run_commit_step(s->run, err);
    if (st != MASA_OK) {
        masa_run_abandon_step(s->run);
        return st;
    }
    take_score(s, loss, scored);
    masa_progress_note(s->progress, "step %ld: loss %.4f on %zu turns held out", step, loss,
                       l->held_out);
    return MASA_OK;
}

/* ---- a step ---- */

static masa_status run_step(sft_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    size_t all = trained_examples(l), n = (size_t)s->config->sft.batch;
    size_t first = (size_t)s->state.draws, end = all * (size_t)s->config->sft.epochs;
    if (first + n > end) n = end - first;
    size_t *indices = masa_alloc(n, sizeof *indices);
    for (size_t i = 0; i < n; i++) indices[i] = masa_problem_order_get(&l->order, first + i);
    double tokens, norm = NAN, start = masa_clock();
    bool made;
    masa_sequence *sequences = sequences_of(l, indices, 0, n, &tokens);
    masa_trainer_stats stats = {0};
    s->skipped = 0;
    double lr = masa_optimizer_rate(s->optimizer, (size_t)s->state.step + 1);
    masa_status st =
        rl_shares_learn(s, s->optimizer, sequences, n, lr, &norm, &stats, &made, err);
    free(sequences);
    free(indices);
    if (st != MASA_OK) return st;
    lesson y = {.n = n,
                .loss = stats.objective.loss,
                .norm = norm,
                .tokens = tokens,
                .seconds = masa_clock() - start};
    s->state.step++;
    s->state.evaluated = false;
    s->state.draws += (long)n;
    s->state.tokens += (long)tokens;
    s->state.seconds = masa_clock() - l->started;
    if (s->run) do
            st = record(l, &y, err);
        while (st == MASA_ERR_IO && rl_session_wait_for_room(s, (size_t)1 << 20));
    st = masa_dist_agree(st, NULL, err);
    masa_progress_step_done(s->progress,
                            &(masa_progress_step){.step = s->state.step,
                                                  .reward = NAN,
                                                  .loss = y.loss,
                                                  .accuracy = NAN,
                                                  .length = tokens / (double)n,
                                                  .meta = NAN,
                                                  .gated = NAN,
                                                  .tokens_per_second = tokens / y.seconds,
                                                  .seconds = y.seconds});
    return st;
}

/* The checkpoint of the step; all processes come here together. */
static masa_status save(sft_loop *l, masa_error *err)
{
    masa_status st = rl_session_save(&l->session, err);
    if (st == MASA_OK) l->saved_step = l->session.state.step;
    return st;
}

enum { SAVE = 1 }; /* in votes */

/* A step, after what is due before it. *ended: there is none to do. */
static masa_status advance(sft_loop *l, bool *ended, masa_error *err)
{
    rl_session *s = &l->session;
    unsigned flags = 0;
    bool scored = false;
    masa_status st = evaluate(l, &scored, err);
    if (st == MASA_OK) st = rl_checkup(s, err);
    /* A checkpoint of before the score lacks it. */
    bool lacks = scored && l->saved_step == s->state.step;
    if (st == MASA_OK && (lacks || rl_session_save_due(s, l->saved_step))) flags = SAVE;
    st = masa_dist_agree(st, &flags, err);
    if (st == MASA_OK && flags & SAVE) st = save(l, err);
    bool last = s->state.step >= l->steps;
    if (st == MASA_OK && !last && (rl_stop_asked(s) || rl_session_diverged(s)))
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped");
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = rl_peers_check_step(s, err);
    *ended = st == MASA_OK && last;
    return st == MASA_OK && !*ended ? run_step(l, err) : st;
}

static masa_status run_steps(sft_loop *l, masa_error *err)
{
    rl_session *s = &l->session;
    masa_status st = MASA_OK;
    bool ended = false;
    l->started = masa_clock() - s->state.seconds;
    while (st == MASA_OK && !ended) st = advance(l, &ended, err);
    if (st == MASA_OK && l->saved_step != s->state.step) st = save(l, err);
    if (ended) return masa_dist_agree(st, NULL, err);
    bool asked = st == MASA_ERR_INTERRUPTED, behind = l->saved_step != s->state.step;
    if (st == MASA_ERR_NUMERIC || (!asked && (!behind || s->state.step == 0))) return st;
    return rl_session_stop(s, st, behind, l->steps, err);
}

static masa_status load_examples(sft_loop *l, masa_error *err)
{
    const masa_config *c = l->session.config;
    masa_status st = rl_examples_load(&l->examples, &l->session, c->sft.data, err);
    if (st != MASA_OK) return st;
    l->held_out = (size_t)((double)l->examples.n * c->sft.holdout);
    masa_problem_order_init(&l->order, trained_examples(l), (uint64_t)c->train.seed,
                            c->sft.shuffle);
    size_t all = trained_examples(l) * (size_t)c->sft.epochs, batch = (size_t)c->sft.batch;
    l->steps = (long)((all + batch - 1) / batch);
    return MASA_OK;
}

static masa_status check(const masa_config *c, masa_error *err)
{
    masa_status st = masa_config_require(c, "model.path", err);
    if (st == MASA_OK) st = masa_config_require(c, "sft.data", err);
    if (st == MASA_OK && c->optimizer.tokens_per_pass < c->sft.max_tokens)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "optimizer.tokens_per_pass (%ld) must hold sft.max_tokens (%ld)",
                       c->optimizer.tokens_per_pass, c->sft.max_tokens);
    if (st == MASA_OK && !masa_path_exists(c->sft.data))
        st = MASA_FAIL(err, MASA_ERR_IO, "%s: no such file (sft.data)", c->sft.data);
    return st;
}

masa_status masa_sft_train(const masa_config *config, const char *folder,
                           const masa_train_options *options, masa_error *err)
{
    sft_loop l = {.saved_step = -1};
    rl_session_options wants = {.temperature = 1, .stops_logprobs = true};
    masa_status st = check(config, err);
    if (st == MASA_OK) st = rl_session_check(config, err);
    if (st == MASA_OK) st = rl_examples_check(config, config->sft.data, err);
    if (st == MASA_OK)
        st = rl_session_open(&l.session, config, folder, options, NULL, &wants, err);
    if (st == MASA_OK) st = load_examples(&l, err);
    wants.total_steps = l.steps;
    if (st == MASA_OK) masa_optimizer_set_total(l.session.optimizer, (size_t)l.steps);
    st = rl_session_start(&l.session, folder, &wants, st, err);
    if (st == MASA_OK && l.session.checkpoint) l.saved_step = l.session.state.step;
    if (st == MASA_OK) st = run_steps(&l, err);
    if (st == MASA_OK) rl_memory_report(options->progress);
    masa_problem_order_deinit(&l.order);
    rl_examples_deinit(&l.examples);
    rl_session_close(&l.session);
    return st;
}
