#include "rollout.h"

#include "exchange.h"
#include "predict.h"
#include "remote.h"
#include "shares.h"

#include <masa/memory.h>
#include <masa/random.h>

#include <stdlib.h>
#include <string.h>

const char *rl_kind_name(rl_kind kind)
{
    return kind == RL_META ? "meta" : "solution";
}

rl_draw *rl_draws_add(rl_draws *draws, const masa_problem *problem, uint64_t number)
{
    rl_draw draw = {.problem = problem,
                    .number = number,
                    .solutions = {.kind = RL_SOLUTION, .draw = number},
                    .meta = {.kind = RL_META, .draw = number}};
    MASA_PUSH(draws->items, draws->n, draws->capacity, draw);
    return &draws->items[draws->n - 1];
}

static void group_deinit(rl_group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        rl_rollout *r = &g->rollouts[i];
        masa_completion_deinit(&r->completion);
        free(r->text);
        free(r->logprobs);
        free(r->answer);
        free(r->said);
    }
    free(g->rollouts);
    free(g->limits);
    free(g->weights);
    free(g->prompt_text);
    masa_tokens_deinit(&g->prompt);
}

void rl_draws_deinit(rl_draws *draws)
{
    for (size_t i = 0; i < draws->n; i++) {
        group_deinit(&draws->items[i].solutions);
        group_deinit(&draws->items[i].meta);
        rl_predictions_destroy(draws->items[i].predictions);
        free(draws->items[i].features);
    }
    free(draws->items);
    *draws = (rl_draws){0};
}

masa_status rl_prompt(masa_tokens *out, char **text, const rl_session *s, const char *system,
                      const char *user, masa_error *err)
{
    masa_text rendered = {0};
    masa_message messages[2];
    size_t n = 0;
    if (system && system[0]) messages[n++] = (masa_message){"system", system};
    messages[n++] = (masa_message){"user", user};
    masa_status st = masa_chat_encode(out, s->chat, messages, n, true, err);
    if (st == MASA_OK && text)
        st = masa_chat_render(&rendered, s->chat, messages, n, true, err);
    if (st == MASA_OK && text) *text = masa_text_take(&rendered);
    masa_text_deinit(&rendered);
    return st;
}

char *rl_solution_request(const masa_config *config, const masa_problem *problem)
{
    masa_text user = {0};
    masa_problem_add_request(&user, problem, config->data.suffix, config->data.code_suffix);
    return masa_text_take(&user);
}

/* ---- sampling ---- */

typedef struct watcher {
    const rl_session *session;
    const char *what;
    size_t finished, total;
} watcher;

static bool watch(void *context, const masa_completion *completion, bool finished)
{
    watcher *w = context;
    (void)completion;
    w->finished += finished;
    masa_progress_phase(w->session->progress, w->what, w->finished, w->total);
    return true;
}

static void take(rl_group *g, masa_completion *completions, size_t n,
                 const masa_request *request, const masa_tokenizer *tokenizer)
{
    g->rollouts = masa_realloc(g->rollouts, g->n + n, sizeof *g->rollouts);
    for (size_t k = 0; k < n; k++) {
        rl_rollout *r = &g->rollouts[g->n++];
        *r = (rl_rollout){0};
        masa_text bytes = {0}, text = {0};
        r->completion = completions[k];
        masa_completion_text(&bytes, &r->completion, request, tokenizer);
        masa_text_add_utf8(&text, masa_text_get(&bytes), bytes.size);
        masa_text_deinit(&bytes);
        r->text_size = text.size;
        r->text = masa_text_take(&text);
    }
}

static masa_request request_for(const rl_group *g, const rl_sampling *how, const rl_session *s)
{
    size_t missing = (g->size ? g->size : how->n_samples) - g->n;
    return (masa_request){
        .prompt = g->prompt.ids,
        .prompt_size = g->prompt.n,
        .n_samples = g->pilot && g->pilot < missing ? g->pilot : missing,
        .first_sample = g->n,
        .key = masa_key(masa_key(how->key, g->kind), g->draw),
        .max_tokens = g->max_tokens,
        .sample_max_tokens = g->limits ? g->limits + g->n : NULL,
        .sampling = how->sampling,
        .stop_tokens = s->stop_tokens,
        .n_stop_tokens = s->n_stop_tokens,
    };
}

/* Here or by servers. *prefilled: tokens of prompts that were run, there each request's. */
static masa_status generate(masa_completion *out, const masa_request *requests, size_t n,
                            rl_session *s, masa_generator *generator, watcher *w,
                            size_t *prefilled, masa_error *err)
{
    masa_status st;
    if (n == 0) return MASA_OK;
    if (s->remote) {
        st = rl_remote_generate(s, requests, n, out, watch, w, err);
        for (size_t i = 0; i < n; i++) *prefilled += requests[i].prompt_size;
    } else {
        st = masa_generate(generator, requests, n, out, watch, w, err);
        *prefilled = masa_generator_stats(generator).prompt_tokens;
    }
    return st;
}

/* Generates this process's groups of n into their places among all completions. */
static masa_status generate_mine(masa_completion *all, rl_group *const *groups,
                                 const masa_request *requests, size_t n, rl_session *s,
                                 masa_generator *generator, watcher *w, size_t *prefilled,
                                 masa_error *err)
{
    masa_request *mine = masa_alloc(n, sizeof *mine);
    size_t n_mine = 0, from = 0, to = 0;
    for (size_t i = 0; i < n; i++)
        if (rl_is_mine(s, groups[i]->draw)) {
            mine[n_mine++] = requests[i];
            w->total += requests[i].n_samples;
        }
    masa_completion *completions = masa_alloc(w->total + 1, sizeof *completions);
    masa_status st = generate(completions, mine, n_mine, s, generator, w, prefilled, err);
    for (size_t i = 0; st == MASA_OK && i < n; to += requests[i++].n_samples) {
        if (!rl_is_mine(s, groups[i]->draw)) continue;
        memcpy(all + to, completions + from, requests[i].n_samples * sizeof *all);
        from += requests[i].n_samples;
    }
    free(mine);
    free(completions);
    return st;
}

masa_status rl_sample(rl_session *s, masa_generator *generator, rl_group *const *groups,
                      size_t n, const rl_sampling by_kind[2], size_t *prefilled,
                      masa_error *err)
{
    masa_request *requests = masa_alloc(n, sizeof *requests);
    size_t *counts = masa_alloc(n, sizeof *counts), total = 0, at = 0, run = 0;
    watcher w = {.session = s, .what = by_kind[groups[0]->kind].what};
    for (size_t i = 0; i < n; i++) {
        requests[i] = request_for(groups[i], &by_kind[groups[i]->kind], s);
        total += counts[i] = requests[i].n_samples;
    }
    masa_completion *all = masa_alloc(total, sizeof *all);
    masa_status st = rl_remote_sync(s, err);
    if (st == MASA_OK)
        st = generate_mine(all, groups, requests, n, s, generator, &w, &run, err);
    st = rl_exchange_completions(all, groups, counts, n, &run, s, st, err);
    for (size_t i = 0; st == MASA_OK && i < n; at += counts[i++])
        take(groups[i], all + at, counts[i], &requests[i], s->tokenizer);
    for (size_t i = 0; st != MASA_OK && i < total; i++) masa_completion_deinit(&all[i]);
    if (st == MASA_OK && prefilled) *prefilled += run;
    free(requests);
    free(counts);
    free(all);
    return st;
}

bool rl_zero_variance(const rl_group *group)
{
    for (size_t i = 1; i < group->n; i++)
        if (group->rollouts[i].correct != group->rollouts[0].correct) return false;
    return true;
}
