/* masa inspect RUN: the table of metrics, rollouts to read, evaluations, decisions. */
#include "inspect.h"

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

static void add_number(masa_text *out, const char *key, double value)
{
    add_key(out, key);
    if (isfinite(value))
        masa_text_addf(out, "%.9g", value);
    else
        masa_text_add(out, "null");
}

static void add_string(masa_text *out, const char *key, const char *value)
{
    add_key(out, key);
    masa_text_add_json(out, value, strlen(value));
}

/* Prints the object built so far as a line, and empties it. */
static void end_object(masa_text *out)
{
    if (out->size) printf("%s}\n", masa_text_get(out));
    masa_text_clear(out);
}

/* ---- metrics ---- */

enum { DEFAULT_COLUMNS = 8, COLUMN_WIDTH = 12 };

typedef struct table {
    const cli_inspect_options *options;
    char **names; /* columns, in order */
    double *row;  /* [n] of the step being read */
    size_t n, capacity;
    char **others; /* metrics without a column */
    size_t n_others, others_capacity;
    long step; /* being read; -1: none yet */
    masa_text json;
} table;

static char **find_name(char **names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return &names[i];
    return NULL;
}

static void split_names(table *t, const char *list)
{
    while (list && *list) {
        size_t n = strcspn(list, ",");
        if (n) MASA_PUSH(t->names, t->n, t->capacity, masa_strndup(list, n));
        list += n + (list[n] == ',');
    }
}

/* First pass: which metrics there are. */
static masa_status see_name(void *context, long step, const char *name, double value,
                            masa_error *err)
{
    (void)step, (void)value, (void)err;
    table *t = context;
    if (find_name(t->names, t->n, name) || find_name(t->others, t->n_others, name))
        return MASA_OK;
    if (!t->options->metrics && t->n < DEFAULT_COLUMNS)
        MASA_PUSH(t->names, t->n, t->capacity, masa_strdup(name));
    else
        MASA_PUSH(t->others, t->n_others, t->others_capacity, masa_strdup(name));
    return MASA_OK;
}

static void print_head(const table *t)
{
    printf("%6s", "step");
    for (size_t i = 0; i < t->n; i++) printf("  %*s", COLUMN_WIDTH, t->names[i]);
    printf("\n");
}

/* A heading longer than its column widens it, so rows use the heading's width. */
static void print_row(table *t)
{
    if (t->step < 0) return;
    printf("%6ld", t->step);
    for (size_t i = 0; i < t->n; i++) {
        int width = (int)strlen(t->names[i]);
        if (width < COLUMN_WIDTH) width = COLUMN_WIDTH;
        if (isnan(t->row[i]))
            printf("  %*s", width, "-");
        else
            printf("  %*.5g", width, t->row[i]);
        t->row[i] = NAN;
    }
    printf("\n");
}

static masa_status see_metric(void *context, long step, const char *name, double value,
                              masa_error *err)
{
    (void)err;
    table *t = context;
    char **column = find_name(t->names, t->n, name);
    if (t->options->json) {
        if (t->options->metrics && !column) return MASA_OK;
        if (step != t->step) {
            end_object(&t->json);
            add_number(&t->json, "step", (double)step);
        }
        add_number(&t->json, name, value);
    } else if (column) {
        if (step != t->step) print_row(t);
        t->row[column - t->names] = value;
    } else {
        return MASA_OK; /* a step without any of the columns gets no row */
    }
    t->step = step;
    return MASA_OK;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}

/* The lines of the history, beside the table. */
static masa_status show_history(masa_store *store, masa_error *err)
{
    char *history = NULL;
    masa_status st = masa_run_history(store, &history, err);
    if (st == MASA_OK && history)
        fprintf(stderr, "settings changed (before, now), after\n%s", history);
    free(history);
    return st;
}

static masa_status show_metrics(masa_store *store, const cli_inspect_options *o,
                                masa_error *err)
{
    table t = {.options = o, .step = -1};
    long first = o->filter.first_step, last = o->filter.last_step;
    split_names(&t, o->metrics);
    masa_status st = masa_store_metrics(store, first, last, NULL, see_name, &t, err);
    t.row = masa_alloc(t.n, sizeof *t.row);
    for (size_t i = 0; i < t.n; i++) t.row[i] = NAN;
    if (st == MASA_OK && !o->json && t.n) print_head(&t);
    if (st == MASA_OK) st = masa_store_metrics(store, first, last, NULL, see_metric, &t, err);
    if (st == MASA_OK && o->json) end_object(&t.json);
    if (st == MASA_OK && !o->json) print_row(&t);
    if (st == MASA_OK && !o->json && t.n_others) {
        fprintf(stderr, "also recorded (--metrics):");
        for (size_t i = 0; i < t.n_others; i++)
            fprintf(stderr, "%s %s", i ? "," : "", t.others[i]);
        fprintf(stderr, "\n");
    }
    if (st == MASA_OK && !o->json) st = show_history(store, err);
    if (st == MASA_OK && t.step < 0) fprintf(stderr, "no metrics of these steps and names\n");
    masa_text_deinit(&t.json);
    free_names(t.names, t.n);
    free_names(t.others, t.n_others);
    free(t.row);
    return st;
}

/* ---- rollouts ---- */

typedef struct reader {
    bool json;
    long n, limit;         /* rows of a kind, and the most to show; negative: all */
    masa_text last_prompt; /* shown once for the rollouts that follow one another */
    masa_text json_line;
} reader;

/* Counts a row; whether it is to be shown. */
static bool next_row(reader *r)
{
    return r->n++ < r->limit || r->limit < 0;
}

static void print_rollout(reader *r, const masa_store_rollout *o)
{
    if (strcmp(masa_text_get(&r->last_prompt), o->prompt_text) != 0 || r->n == 1) {
        masa_text_clear(&r->last_prompt);
        masa_text_add(&r->last_prompt, o->prompt_text);
        printf("==== prompt %ld of step %ld, problem %s, %ld tokens, answer %s\n%s\n", o->prompt,
               o->step, o->problem, o->prompt_tokens, o->answer, o->prompt_text);
    }
    printf("---- step %ld, prompt %ld, %s %ld: reward %.3f, advantage %+.3f, %ld tokens, "
           "stopped by %s",
           o->step, o->prompt, o->kind, o->sample, o->reward, o->advantage, o->tokens,
           o->cause);
    if (isfinite(o->logprob)) printf(", log-probability %.3f", o->logprob);
    if (*o->extracted) printf(", found %s", o->extracted);
    printf("\n%s\n", o->text);
    if (*o->parts) printf("     parts of the reward: %s\n", o->parts);
    if (*o->said) printf("     %s\n", o->said);
    if (!o->prediction) return;
    masa_text prediction = {0};
    masa_store_prediction_text(&prediction, o->prediction);
    printf("%s", masa_text_get(&prediction));
    masa_text_deinit(&prediction);
}

/* null for what was not read. */
static void add_count(masa_text *line, const char *name, long value)
{
    add_number(line, name, value < 0 ? NAN : (double)value);
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
    add_number(&o, "difficulty", p->difficulty);
    add_number(&o, "length_reward", p->length_reward);
    add_number(&o, "notion_reward", p->notion_reward);
    add_number(&o, "true_pass_rate", p->true_pass_rate);
    add_number(&o, "true_length", p->true_length);
    add_key(line, "prediction");
    masa_text_addf(line, "%s}", masa_text_get(&o));
    masa_text_deinit(&o);
}

static void print_rollout_json(reader *r, const masa_store_rollout *o)
{
    masa_text *line = &r->json_line;
    add_number(line, "step", (double)o->step);
    add_number(line, "prompt", (double)o->prompt);
    add_string(line, "problem", o->problem);
    add_string(line, "kind", o->kind);
    add_number(line, "sample", (double)o->sample);
    add_string(line, "prompt_text", o->prompt_text);
    add_string(line, "text", o->text);
    add_string(line, "answer", o->answer);
    add_number(line, "prompt_tokens", (double)o->prompt_tokens);
    add_number(line, "tokens", (double)o->tokens);
    add_number(line, "reward", o->reward);
    add_number(line, "advantage", o->advantage);
    add_string(line, "cause", o->cause);
    add_number(line, "logprob", o->logprob);
    add_number(line, "seconds", o->seconds);
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
    end_object(line);
}

static masa_status see_rollout(void *context, const masa_store_rollout *rollout,
                               masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (r->json)
        print_rollout_json(r, rollout);
    else
        print_rollout(r, rollout);
    return MASA_OK;
}

static masa_status see_eval(void *context, const masa_store_eval *e, masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (!r->json) {
        printf("---- step %ld, problem %s, sample %ld: %s (answer %s), %ld tokens, stopped by "
               "%s%s%s\n%s\n",
               e->step, e->problem, e->sample, e->correct ? "right" : "wrong", e->answer,
               e->tokens, e->cause, *e->extracted ? ", found " : "", e->extracted, e->text);
        return MASA_OK;
    }
    masa_text *line = &r->json_line;
    add_number(line, "step", (double)e->step);
    add_string(line, "problem", e->problem);
    add_number(line, "sample", (double)e->sample);
    add_string(line, "text", e->text);
    add_string(line, "answer", e->answer);
    add_string(line, "extracted", e->extracted);
    add_key(line, "correct");
    masa_text_add(line, e->correct ? "true" : "false");
    add_number(line, "tokens", (double)e->tokens);
    add_string(line, "cause", e->cause);
    end_object(line);
    return MASA_OK;
}

static masa_status see_decision(void *context, const masa_store_decision *d, masa_error *err)
{
    (void)err;
    reader *r = context;
    if (!next_row(r)) return MASA_OK;
    if (!r->json) {
        printf("step %ld, prompt %ld, problem %s: %s %s, predictions %.4g +- %.4g, value %.4g\n",
               d->step, d->prompt, d->problem, d->kind, d->taken ? "taken" : "not taken",
               d->mean, d->deviation, d->value);
        return MASA_OK;
    }
    masa_text *line = &r->json_line;
    add_number(line, "step", (double)d->step);
    add_number(line, "prompt", (double)d->prompt);
    add_string(line, "problem", d->problem);
    add_string(line, "kind", d->kind);
    add_key(line, "taken");
    masa_text_add(line, d->taken ? "true" : "false");
    add_number(line, "mean", d->mean);
    add_number(line, "deviation", d->deviation);
    add_number(line, "value", d->value);
    add_key(line, "extra");
    masa_text_add(line, *d->extra ? d->extra : "null");
    end_object(line);
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
    if (o->evals && st == MASA_OK)
        st = masa_store_evals(store, first, last, see_eval, &r, err);
    any = end_kind(&r) || any;
    if (o->decisions && st == MASA_OK)
        st = masa_store_decisions(store, first, last, see_decision, &r, err);
    any = end_kind(&r) || any;
    if (st == MASA_OK && !any) fprintf(stderr, "nothing that fits\n");
    masa_text_deinit(&r.last_prompt);
    masa_text_deinit(&r.json_line);
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
        st = options->rollouts || options->evals || options->decisions
                 ? show_rows(store, options, err)
                 : show_metrics(store, options, err);
    masa_store_close(store);
    free(name);
    return st;
}
