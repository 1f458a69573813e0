/*
 * An evaluation: chunks of problems through the generator, then the verdicts. Of several processes
 * each samples every N-th problem of a chunk and tells the first one, which keeps the file and
 * judges, what came of them.
 */
#include "results_write.h"
#include "eval_watch.h"

#include <masa/clock.h>
#include <masa/dist.h>
#include <masa/eval.h>
#include <masa/memory.h>
#include <masa/random.h>

#include <stdlib.h>
#include <string.h>

/* What a problem still needs. */
typedef struct item {
    const masa_problem *problem;
    long row; /* in the file */
    masa_tokens prompt, meta_prompt;
    bool missing[2]; /* by eval_sample_kind */
} item;

typedef struct evaluation {
    masa_results *results; /* NULL: another process keeps them */
    const masa_eval_options *options;
    masa_generator *generator;
    int32_t stop_tokens[8];
    size_t n_stop_tokens, context;
    item *items; /* [n] */
    size_t n;
    eval_watch watch;
    /* of the chunk under way */
    item **request_items;
    eval_sample_kind *request_kinds;
    masa_text sampled; /* what this process tells the one that keeps them */
    bool stopped;      /* it was asked of one of the processes */
    double committed_at;
    masa_status status; /* of what a callback did */
    masa_error *err;
} evaluation;

static bool stop_asked(const evaluation *e)
{
    return e->options->stop && *e->options->stop;
}

/* ---- prompts ---- */

static masa_status encode(masa_tokens *out, const masa_eval_options *o, const char *system,
                          const char *user, masa_error *err)
{
    if (!o->raw) return masa_chat_encode_turn(out, o->chat, system, user, err);
    masa_tokenizer_encode(o->tokenizer, user, strlen(user), true, out);
    return MASA_OK;
}

static masa_status encode_item(item *it, const masa_eval_options *o, masa_error *err)
{
    masa_status st = encode(&it->prompt, o, o->system, it->problem->prompt, err);
    if (st != MASA_OK || o->meta_samples == 0) return st;
    masa_text user = {0};
    st = masa_meta_prompt(&user, o->meta_template, it->problem->question, &o->meta, err);
    if (st == MASA_OK)
        st = encode(&it->meta_prompt, o, o->meta_system ? o->meta_system : masa_meta_system,
                    masa_text_get(&user), err);
    masa_text_deinit(&user);
    return st;
}

static const masa_tokens *prompt_of(const item *it, eval_sample_kind kind)
{
    return kind == EVAL_META ? &it->meta_prompt : &it->prompt;
}

static size_t samples_of(const masa_eval_options *o, eval_sample_kind kind)
{
    return kind == EVAL_META ? o->meta_samples : o->samples;
}

static size_t most_tokens(const masa_eval_options *o, eval_sample_kind kind)
{
    return kind == EVAL_META ? o->meta_max_tokens : o->max_tokens;
}

/* ---- samples ---- */

static masa_request request_of(const evaluation *e, const item *it, eval_sample_kind kind)
{
    const masa_eval_options *o = e->options;
    const masa_tokens *prompt = prompt_of(it, kind);
    size_t room = e->context - prompt->n, most = most_tokens(o, kind);
    return (masa_request){
        .prompt = prompt->ids,
        .prompt_size = prompt->n,
        .n_samples = samples_of(o, kind),
        .key = masa_key(masa_key(o->seed, kind), it->problem->place),
        .max_tokens = most < room ? most : room,
        .sampling = o->sampling,
        .stop_tokens = e->stop_tokens,
        .n_stop_tokens = e->n_stop_tokens,
    };
}

/* A finished response to the file, judged unless it is a program or a prediction. */
static masa_status keep(evaluation *e, const item *it, eval_sample_kind kind,
                        const masa_completion *c, masa_error *err)
{
    bool truncated = c->cause != MASA_STOP_EOS && c->cause != MASA_STOP_STRING;
    masa_text text = {0};
    masa_request request = request_of(e, it, kind);
    masa_completion_text(&text, c, &request, e->options->tokenizer);
    masa_judgement j = {0};
    masa_status st = MASA_OK;
    if (kind == EVAL_SOLUTION && it->problem->kind != MASA_PROBLEM_CODE)
        st = masa_judge(&j, it->problem, masa_text_get(&text), text.size, truncated, err);
    masa_result_sample sample = {
        .sample = c->sample,
        .text = text.data,
        .text_size = text.size,
        .answer = j.answer,
        .verdict = (char *)(uintptr_t)j.verdict,
        .right = j.right,
        .tokens = (long)c->n,
        .cause = (char *)(uintptr_t)masa_stop_cause_name(c->cause),
        .seconds = c->seconds,
    };
    if (st == MASA_OK) st = results_add_sample(e->results, it->row, kind, &sample, j.rule, err);
    eval_watch_count(&e->watch, j.verdict != NULL, j.right);
    if (j.verdict) masa_found_add(&e->watch.found, j.found, j.right);
    free(j.answer);
    masa_text_deinit(&text);
    return st;
}

/* ---- to another process ---- */

/* A finished response as it travels; its tokens follow. */
typedef struct message {
    size_t item, sample, n;
    eval_sample_kind kind;
    masa_stop_cause cause;
    double seconds;
} message;

static void tell(evaluation *e, const masa_completion *c)
{
    message m = {.item = (size_t)(e->request_items[c->request] - e->items),
                 .sample = c->sample,
                 .n = c->n,
                 .kind = e->request_kinds[c->request],
                 .cause = c->cause,
                 .seconds = c->seconds};
    masa_text_append(&e->sampled, (const char *)&m, sizeof m);
    masa_text_append(&e->sampled, (const char *)c->tokens, c->n * sizeof *c->tokens);
}

static masa_status keep_told(evaluation *e, const char *at, const char *end, masa_error *err)
{
    masa_status st = MASA_OK;
    message m;
    while (st == MASA_OK && at < end) {
        memcpy(&m, at, sizeof m);
        int32_t *tokens = masa_alloc(m.n + 1, sizeof *tokens);
        memcpy(tokens, at + sizeof m, m.n * sizeof *tokens);
        at += sizeof m + m.n * sizeof *tokens;
        masa_completion c = {.sample = m.sample,
                             .tokens = tokens,
                             .n = m.n,
                             .cause = m.cause,
                             .seconds = m.seconds};
        st = keep(e, &e->items[m.item], m.kind, &c, err);
        e->watch.tokens += m.n;
        free(tokens);
    }
    return st;
}

/* What the others have sampled of a chunk to the file, after a vote on `st`. */
static masa_status collect(evaluation *e, masa_status st, masa_error *err)
{
    if (masa_dist_size() == 1) return st;
    masa_text all = {0};
    size_t *ends = masa_alloc(masa_dist_size(), sizeof *ends);
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK)
        st = masa_dist_gather(&all, ends, masa_text_get(&e->sampled), e->sampled.size, err);
    if (st == MASA_OK && e->results)
        st = keep_told(e, masa_text_get(&all), masa_text_get(&all) + all.size, err);
    masa_text_clear(&e->sampled);
    masa_text_deinit(&all);
    free(ends);
    return st;
}

/* ---- a chunk ---- */

static masa_status finish(evaluation *e, const masa_completion *c)
{
    if (e->results)
        return keep(e, e->request_items[c->request], e->request_kinds[c->request], c, e->err);
    tell(e, c);
    return MASA_OK;
}

/* A cancelled one is not kept: it is sampled again when the evaluation goes on. */
static bool on_token(void *context, const masa_completion *c, bool finished)
{
    evaluation *e = context;
    double now = masa_clock();
    if (e->status == MASA_OK && finished && c->cause != MASA_STOP_CANCELLED)
        e->status = finish(e, c);
    if (e->results && e->status == MASA_OK && now - e->committed_at > 1) {
        e->status = results_commit(e->results, e->err);
        e->committed_at = now;
    }
    e->watch.tokens++;
    eval_watch_draw(&e->watch, false);
    return e->status == MASA_OK && !stop_asked(e);
}

/* A prompt that leaves no room for a response. */
static masa_status refuse_prompt(evaluation *e, const item *it, eval_sample_kind kind,
                                 masa_error *err)
{
    masa_status st = MASA_OK;
    if (!e->results) return st;
    bool solution = kind == EVAL_SOLUTION;
    for (size_t i = 0; st == MASA_OK && i < samples_of(e->options, kind); i++) {
        masa_result_sample sample = {.sample = i,
                                     .text = "",
                                     .verdict = solution ? "no_answer" : NULL,
                                     .cause = "prompt"};
        st = results_add_sample(e->results, it->row, kind, &sample, solution ? "prompt" : NULL,
                                err);
        eval_watch_count(&e->watch, solution, false);
    }
    e->watch.too_long += solution;
    return st;
}

/* Samples what is missing of the kinds from first to last. */
static masa_status sample_chunk(evaluation *e, item *items, size_t n, eval_sample_kind first,
                                eval_sample_kind last, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n_requests = 0, n_completions = 0;
    masa_request *requests = masa_alloc(2 * n, sizeof *requests);
    e->request_items = masa_alloc(2 * n, sizeof *e->request_items);
    e->request_kinds = masa_alloc(2 * n, sizeof *e->request_kinds);
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        for (int kind = first; st == MASA_OK && kind <= (int)last; kind++) {
            if (!items[i].missing[kind]) continue;
            if (prompt_of(&items[i], kind)->n >= e->context) {
                st = refuse_prompt(e, &items[i], kind, err);
                continue;
            }
            if (i % masa_dist_size() != masa_dist_rank()) continue;
            requests[n_requests] = request_of(e, &items[i], kind);
            e->request_items[n_requests] = &items[i];
            e->request_kinds[n_requests] = kind;
            n_completions += requests[n_requests++].n_samples;
        }
    masa_completion *completions = masa_alloc(n_completions, sizeof *completions);
    if (st == MASA_OK && n_requests)
        st = masa_generate(e->generator, requests, n_requests, completions, on_token, e, err);
    /* On an error the generator has left nothing behind. */
    for (size_t i = 0; st == MASA_OK && n_requests && i < n_completions; i++)
        masa_completion_deinit(&completions[i]);
    if (st == MASA_OK) st = e->status;
    free(completions);
    free(requests);
    free(e->request_items);
    free(e->request_kinds);
    return st;
}

/* ---- verdicts on programs ---- */

/* Programs of several problems, to keep the processors busy together. */
typedef struct programs {
    const item **items;          /* [n] whose each is */
    masa_result_sample *samples; /* [n] */
    size_t n, capacity, items_capacity;
} programs;

static void programs_deinit(programs *p)
{
    free(p->items);
    results_samples_free(p->samples, p->n);
    *p = (programs){0};
}

static masa_status add_programs(programs *p, const evaluation *e, const item *it,
                                masa_error *err)
{
    masa_result_sample *samples = NULL;
    size_t n = 0;
    masa_status st = results_unjudged(&samples, &n, e->results, it->row, err);
    for (size_t i = 0; i < n; i++) {
        size_t at = p->n;
        MASA_PUSH(p->items, at, p->items_capacity, it);
        MASA_PUSH(p->samples, p->n, p->capacity, samples[i]);
    }
    free(samples); /* what they hold is the list's now */
    return st;
}

static masa_status judge_programs(evaluation *e, const programs *p, masa_error *err)
{
    masa_judgement *judged = masa_alloc(p->n, sizeof *judged);
    masa_response *responses = masa_alloc(p->n, sizeof *responses);
    for (size_t i = 0; i < p->n; i++) {
        const masa_result_sample *s = &p->samples[i];
        responses[i] = (masa_response){.problem = p->items[i]->problem,
                                       .text = s->text,
                                       .size = s->text_size,
                                       .truncated = strcmp(s->cause, "eos") != 0};
    }
    masa_status st = masa_judge_all(judged, responses, p->n, e->options->stop, err);
    bool made = st == MASA_OK;
    if (st == MASA_ERR_INTERRUPTED) st = MASA_OK; /* what is sampled is kept, unjudged */
    for (size_t i = 0; made && i < p->n; i++) {
        if (st == MASA_OK)
            st = results_set_verdict(e->results, p->items[i]->row, p->samples[i].sample,
                                     &judged[i], err);
        if (st == MASA_OK) eval_watch_judged(&e->watch, judged[i].right);
        free(judged[i].answer);
    }
    free(judged);
    free(responses);
    return st;
}

static masa_status judge_chunk(evaluation *e, const item *items, size_t n, masa_error *err)
{
    enum { AT_ONCE = 64 }; /* few enough that a stop loses little */
    masa_status st = MASA_OK;
    programs p = {0};
    for (size_t i = 0; st == MASA_OK && !stop_asked(e) && i < n; i++) {
        if (items[i].problem->kind == MASA_PROBLEM_CODE)
            st = add_programs(&p, e, &items[i], err);
        if (st != MASA_OK || p.n == 0 || (p.n < AT_ONCE && i + 1 < n)) continue;
        st = judge_programs(e, &p, err);
        programs_deinit(&p);
        eval_watch_draw(&e->watch, false);
    }
    programs_deinit(&p);
    return st;
}

/* ---- the whole ---- */

static masa_status prepare_item(evaluation *e, item *it, const masa_problem *problem,
                                long benchmark, masa_error *err)
{
    it->problem = problem;
    masa_status st = encode_item(it, e->options, err);
    if (!e->results) return st;
    if (st == MASA_OK)
        st = results_add_problem(&it->row, e->results, benchmark, problem, (long)it->prompt.n,
                                 (long)it->meta_prompt.n, err);
    for (int kind = EVAL_SOLUTION; st == MASA_OK && kind <= EVAL_META; kind++) {
        size_t wanted = samples_of(e->options, kind), there = 0;
        st = results_count(&there, e->results, it->row, kind, wanted, err);
        it->missing[kind] = there < wanted;
        e->watch.total += wanted;
        e->watch.before += it->missing[kind] ? 0 : wanted;
    }
    return st;
}

/* What is missing, as the process with the file knows; after a vote on `st` and on whether all have
 * the same prompts. */
static masa_status share_missing(evaluation *e, masa_status st, masa_error *err)
{
    masa_text text = {0};
    uint64_t prompts = 0;
    bool(*missing)[2] = masa_alloc(e->n + 1, sizeof *missing);
    for (size_t i = 0; i < e->n; i++) {
        const item *it = &e->items[i];
        for (size_t t = 0; t < it->prompt.n; t++)
            prompts = masa_key(prompts, (uint64_t)it->prompt.ids[t]);
        memcpy(missing[i], it->missing, sizeof *missing);
    }
    masa_text_addf(&text, "%zu problems, checksum %016llx", e->n, (unsigned long long)prompts);
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = masa_dist_same(masa_text_get(&text), err);
    if (st == MASA_OK) st = masa_dist_spread(missing, e->n * sizeof *missing, 0, err);
    for (size_t i = 0; i < e->n; i++) memcpy(e->items[i].missing, missing[i], sizeof *missing);
    masa_text_deinit(&text);
    free(missing);
    return st;
}

static masa_status prepare(evaluation *e, const masa_benchmark *b,
                           const masa_problems *problems, masa_error *err)
{
    const masa_eval_options *o = e->options;
    long benchmark = 0;
    size_t longest = 1;
    masa_status st = MASA_OK;
    if (e->results)
        st = results_add_benchmark(&benchmark, e->results, b, problems->n, o->samples,
                                   o->meta_samples, err);
    for (size_t i = 0; st == MASA_OK && i < e->n; i++)
        st = prepare_item(e, &e->items[i], &problems->items[i], benchmark, err);
    if (st == MASA_OK) st = masa_judge_available(problems, err);
    if (st == MASA_OK && e->results) st = results_commit(e->results, err);
    st = share_missing(e, st, err);
    for (size_t i = 0; st == MASA_OK && i < e->n; i++) {
        const item *it = &e->items[i];
        for (int kind = EVAL_SOLUTION; kind <= EVAL_META; kind++) {
            size_t need = prompt_of(it, kind)->n + most_tokens(o, kind);
            if (it->missing[kind] && need > longest) longest = need;
        }
    }
    if (st != MASA_OK) return st;
    masa_generator_options options =
        masa_generator_fit(o->model, o->batch, longest, o->cache_bytes);
    st = masa_generator_create(&e->generator, o->model, o->tokenizer, &options, err);
    if (st != MASA_OK) return st;
    e->context = masa_generator_context(e->generator);
    if (o->raw) {
        e->stop_tokens[0] = masa_tokenizer_eos(o->tokenizer);
        e->n_stop_tokens = e->stop_tokens[0] >= 0;
    } else {
        e->n_stop_tokens = masa_chat_stop_tokens(e->stop_tokens, o->chat);
    }
    return MASA_OK;
}

static masa_status sample_kinds(evaluation *e, eval_sample_kind first, eval_sample_kind last,
                                masa_error *err)
{
    const masa_eval_options *o = e->options;
    masa_status st = MASA_OK;
    /* Long enough that the batch is full nearly all the time, short enough that its
     * tokens fit the memory. */
    size_t each = o->samples + o->meta_samples, chunk = (16 * o->batch + each - 1) / each;
    chunk *= masa_dist_size();
    for (size_t at = 0; st == MASA_OK && !e->stopped && at < e->n; at += chunk) {
        size_t n = e->n - at < chunk ? e->n - at : chunk;
        st = sample_chunk(e, e->items + at, n, first, last, err);
        st = collect(e, st, err);
        if (st == MASA_OK && e->results && first == EVAL_SOLUTION)
            st = judge_chunk(e, e->items + at, n, err);
        if (st == MASA_OK && e->results) st = results_commit(e->results, err);
        unsigned stop = stop_asked(e);
        st = masa_dist_agree(st, &stop, err);
        e->stopped = stop;
    }
    return st;
}

/* Predictions with weights of their own come behind all solutions. */
static masa_status sample_all(evaluation *e, masa_error *err)
{
    masa_lora *predictor = e->options->predictor;
    if (!predictor) return sample_kinds(e, EVAL_SOLUTION, EVAL_META, err);
    masa_status st = sample_kinds(e, EVAL_SOLUTION, EVAL_SOLUTION, err);
    if (st != MASA_OK || e->options->meta_samples == 0) return st;
    masa_lora_attach(predictor);
    masa_model_refresh(e->options->model);
    st = sample_kinds(e, EVAL_META, EVAL_META, err);
    masa_lora_detach(predictor);
    masa_model_refresh(e->options->model);
    return st;
}

masa_status masa_eval_run(masa_results *results, const masa_benchmark *benchmark,
                          const masa_problems *problems, const masa_eval_options *options,
                          masa_error *err)
{
    evaluation e = {.results = results,
                    .options = options,
                    .n = problems->n,
                    .committed_at = masa_clock(),
                    .watch.asked = options->status,
                    .err = err};
    e.items = masa_alloc(e.n, sizeof *e.items);
    masa_status st = masa_dist_agree(prepare(&e, benchmark, problems, err), NULL, err);
    if (st == MASA_OK) eval_watch_start(&e.watch, options->progress, benchmark->name);
    if (st == MASA_OK) st = sample_all(&e, err);
    if (e.watch.started_at > 0) eval_watch_end(&e.watch);
    if (st == MASA_OK && e.stopped)
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped; what was finished is kept");
    for (size_t i = 0; i < e.n; i++) {
        masa_tokens_deinit(&e.items[i].prompt);
        masa_tokens_deinit(&e.items[i].meta_prompt);
    }
    free(e.items);
    masa_text_deinit(&e.sampled);
    masa_generator_destroy(e.generator);
    return st;
}
