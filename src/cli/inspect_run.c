/* masa inspect RUN: rollouts to read, evaluations, decisions, events. */
#include "cmd_inspect.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/store.h>
#include <masa/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_run(const char *path)
{
    char *store = masa_run_store_path(path);
    bool is = masa_path_exists(store);
    free(store);
    return is;
}

/* ---- JSON ---- */

static void add_key(masa_text *out, const char *key)
{
    masa_text_add(out, out->size ? "," : "{");
    masa_text_add_json(out, key, strlen(key));
    masa_text_add(out, ":");
}

void inspect_add_number(masa_text *out, const char *key, double value)
{
    add_key(out, key);
    if (isfinite(value)) masa_text_addf(out, "%.9g", value);
    else masa_text_add(out, "null");
}

static void add_string(masa_text *out, const char *key, const char *value)
{
    add_key(out, key);
    masa_text_add_json(out, value, strlen(value));
}

void inspect_end_object(masa_text *out)
{
    if (out->size) printf("%s}\n", masa_text_get(out));
    masa_text_clear(out);
}

/* ---- rollouts ---- */

typedef struct reader {
    bool json;
    long n, limit;         /* rows of a kind, and the most to show; negative: all */
    masa_text last_prompt; /* shown once for the rollouts that follow one another */
    masa_text json_line;
    masa_text line; /* or lines, for people */
} reader;

/* A text of the run's, which cannot pass for a line of its own. */
static void add_shown(masa_text *line, const char *what, const char *text)
{
    masa_text_add(line, what);
    masa_text_add_line_shown(line, text);
}

/* Counts a row; whether it is to be shown. */
static bool next_row(reader *r)
{
    return r->n++ < r->limit || r->limit < 0;
}

static void print_rollout(reader *r, const masa_store_rollout *o)
{
    masa_text *line = &r->line;
    masa_text_clear(line);
    if (strcmp(masa_text_get(&r->last_prompt), o->prompt_text) != 0 || r->n == 1) {
        masa_text_clear(&r->last_prompt);
        masa_text_add(&r->last_prompt, o->prompt_text);
        masa_text_addf(line, "==== prompt %ld of step %ld", o->prompt, o->step);
        add_shown(line, ", problem ", o->problem);
        masa_text_addf(line, ", %ld tokens", o->prompt_tokens);
        add_shown(line, ", answer ", o->answer);
        masa_text_addf(line, "\n%s\n", o->prompt_text);
    }
    masa_text_addf(line, "---- step %ld, prompt %ld, ", o->step, o->prompt);
    add_shown(line, "", o->kind);
    masa_text_addf(line, " %ld: reward %.3f, advantage %+.3f, %ld tokens", o->sample, o->reward,
                   o->advantage, o->tokens);
    add_shown(line, ", stopped by ", o->cause);
    if (isfinite(o->logprob)) masa_text_addf(line, ", log-probability %.3f", o->logprob);
    if (*o->extracted) add_shown(line, ", found ", o->extracted);
    masa_text_addf(line, "\n%s", o->text);
    if (*o->parts) add_shown(line, "\n     parts of the reward: ", o->parts);
    if (*o->said) add_shown(line, "\n     ", o->said);
    masa_text_add(line, "\n");
    if (o->prediction) masa_store_prediction_text(line, o->prediction);
    fputs(masa_text_get(line), stdout);
}

/* null for what was not read. */
static void add_count(masa_text *line, const char *name, long value)
{
    inspect_add_number(line, name, value < 0 ? NAN : (double)value);
}

static void add_prediction(masa_text *line, const masa_store_prediction *p)
{
    masa_text o = {0};
    add_count(&o, "pass_rate", p->pass_rate);
    add_count(&o, "length", p->length);
    add_key(&o, "notions");
    masa_text_add(&o, p->notions[0] ? p->notions : "[]");
    add_string(&o, "cause_pass_rate", p->cause_pass_rate);
    add_string(&o, "cause_length", p->cause_length);
    add_string(&o, "cause_notions", p->cause_notions);
    inspect_add_number(&o, "difficulty", p->difficulty);
    inspect_add_number(&o, "length_reward", p->length_reward);
    inspect_add_number(&o, "notion_reward", p->notion_reward);
    inspect_add_number(&o, "true_pass_rate", p->true_pass_rate);
    inspect_add_number(&o, "true_length", p->true_length);
    add_key(line, "prediction");
    masa_text_addf(line, "%s}", masa_text_get(&o));
    masa_text_deinit(&o);
}

static void print_rollout_json(reader *r, const masa_store_rollout *o)
{
    masa_text *line = &r->json_line;
    inspect_add_number(line, "step", (double)o->step);
    inspect_add_number(line, "prompt", (double)o->prompt);
    add_string(line, "problem", o->problem);
    add_string(line, "kind", o->kind);
    inspect_add_number(line, "sample", (double)o->sample);
    add_string(line, "prompt_text", o->prompt_text);
    add_string(line, "text", o->text);
    add_string(line, "answer", o->answer);
    inspect_add_number(line, "prompt_tokens", (double)o->prompt_tokens);
    inspect_add_number(line, "tokens", (double)o->tokens);
    inspect_add_number(line, "reward", o->reward);
    inspect_add_number(line, "advantage", o->advantage);
    add_string(line, "cause", o->cause);
    inspect_add_number(line, "logprob", o->logprob);
    inspect_add_number(line, "seconds", o->seconds);
    if (o->ids) {
        add_key(line, "ids");
        for (long i = 0; i < o->tokens; i++)
            masa_text_addf(line, "%c%d", i ? ',' : '[', (int)o->ids[i]);
        masa_text_add(line, o->tokens ? "]" : "[]");
    }
    if (strcmp(o->kind, "solution") == 0) {
        add_string(line, "extracted", o->extracted);
        add_key(line, "correct");
        masa_text_add(line, o->correct ? "true" : "false");
    }
    if (*o->said) add_string(line, "said", o->said);
    if (*o->parts) {
        add_key(line, "parts");
        masa_text_add(line, o->parts);
    }
    if (o->prediction) add_prediction(line, o->prediction);
    inspect_end_object(line);
}

static masa_status see_rollout(void *context, const masa_store_rollout *rollout,
                               masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (r->json) print_rollout_json(r, rollout);
    else print_rollout(r, rollout);
    return MASA_OK;
}

static masa_status see_eval(void *context, const masa_store_eval *e, masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (!r->json) {
        masa_text_clear(&r->line);
        masa_text_addf(&r->line, "---- step %ld", e->step);
        add_shown(&r->line, ", problem ", e->problem);
        masa_text_addf(&r->line, ", sample %ld: %s", e->sample, e->correct ? "right" : "wrong");
        add_shown(&r->line, " (answer ", e->answer);
        masa_text_addf(&r->line, "), %ld tokens", e->tokens);
        add_shown(&r->line, ", stopped by ", e->cause);
        if (*e->extracted) add_shown(&r->line, ", found ", e->extracted);
        printf("%s\n%s\n", masa_text_get(&r->line), e->text);
        return MASA_OK;
    }
    masa_text *line = &r->json_line;
    inspect_add_number(line, "step", (double)e->step);
    add_string(line, "problem", e->problem);
    inspect_add_number(line, "sample", (double)e->sample);
    add_string(line, "text", e->text);
    add_string(line, "answer", e->answer);
    add_string(line, "extracted", e->extracted);
    add_key(line, "correct");
    masa_text_add(line, e->correct ? "true" : "false");
    inspect_add_number(line, "tokens", (double)e->tokens);
    add_string(line, "cause", e->cause);
    inspect_end_object(line);
    return MASA_OK;
}

static masa_status see_decision(void *context, const masa_store_decision *d, masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (!r->json) {
        masa_text_clear(&r->line);
        masa_text_addf(&r->line, "step %ld, prompt %ld", d->step, d->prompt);
        add_shown(&r->line, ", problem ", d->problem);
        add_shown(&r->line, ": ", d->kind);
        printf("%s %s, predictions %.4g +- %.4g, value %.4g\n", masa_text_get(&r->line),
               d->taken ? "taken" : "not taken", d->mean, d->deviation, d->value);
        return MASA_OK;
    }
    masa_text *line = &r->json_line;
    inspect_add_number(line, "step", (double)d->step);
    inspect_add_number(line, "prompt", (double)d->prompt);
    add_string(line, "problem", d->problem);
    add_string(line, "kind", d->kind);
    add_key(line, "taken");
    masa_text_add(line, d->taken ? "true" : "false");
    inspect_add_number(line, "mean", d->mean);
    inspect_add_number(line, "deviation", d->deviation);
    inspect_add_number(line, "value", d->value);
    add_key(line, "extra");
    masa_text_add(line, *d->extra ? d->extra : "null");
    inspect_end_object(line);
    return MASA_OK;
}

static masa_status see_event(void *context, long step, const char *rule, const char *text,
                             masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (!r->json) {
        masa_text_clear(&r->line);
        add_shown(&r->line, "", text);
        printf("step %ld: %s\n", step, masa_text_get(&r->line));
        return MASA_OK;
    }
    inspect_add_number(&r->json_line, "step", (double)step);
    add_string(&r->json_line, "rule", rule);
    add_string(&r->json_line, "text", text);
    inspect_end_object(&r->json_line);
    return MASA_OK;
}

/* After the rows of a kind: says where there are more. Whether there was one. */
static bool end_kind(reader *r)
{
    bool any = r->n > 0;
    if (r->limit >= 0 && r->n > r->limit)
        fprintf(stderr, "%ld shown; --limit 0 shows all\n", r->limit);
    r->n = 0;
    return any;
}

static masa_status show_rows(masa_store *store, const cli_inspect_options *o, masa_error *err)
{
    reader r = {.json = o->json, .limit = o->filter.limit};
    long first = o->filter.first_step, last = o->filter.last_step;
    masa_store_filter filter = o->filter;
    if (filter.limit >= 0) filter.limit++; /* one more, to know that there are more */
    masa_status st = MASA_OK;
    if (o->rollouts) st = masa_store_rollouts(store, &filter, see_rollout, &r, err);
    bool any = end_kind(&r);
    if (o->evals && st == MASA_OK) st = masa_store_evals(store, first, last, see_eval, &r, err);
    any = end_kind(&r) || any;
    if (o->decisions && st == MASA_OK)
        st = masa_store_decisions(store, first, last, see_decision, &r, err);
    any = end_kind(&r) || any;
    if (o->events && st == MASA_OK)
        st = masa_store_events(store, first, last, see_event, &r, err);
    any = end_kind(&r) || any;
    if (st == MASA_OK && !any) fprintf(stderr, "nothing that fits\n");
    masa_text_deinit(&r.last_prompt);
    masa_text_deinit(&r.json_line);
    masa_text_deinit(&r.line);
    return st;
}

masa_status cli_inspect_run(const char *path, const cli_inspect_options *options,
                            masa_error *err)
{
    masa_store *store = NULL;
    char *name = masa_run_store_path(path);
    masa_status st = masa_store_open(&store, name, MASA_STORE_READ, err);
    if (st == MASA_OK && options->predictions)
        st = cli_inspect_predictions(store, options, err);
    else if (st == MASA_OK)
        st = options->rollouts || options->evals || options->decisions || options->events
                 ? show_rows(store, options, err)
                 : cli_inspect_metrics(store, path, options, err);
    masa_store_close(store);
    free(name);
    return st;
}
