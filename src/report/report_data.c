#include "report_data.h"

#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- metrics ---- */

const report_series *report_run_series(const report_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_series; i++)
        if (strcmp(run->series[i].name, name) == 0) return &run->series[i];
    return NULL;
}

static masa_status see_metric(void *context, long step, const char *name, double value,
                              masa_error *err)
{
    (void)err;
    report_run *run = context;
    report_series *s = (report_series *)report_run_series(run, name);
    if (!s) {
        report_series fresh = {.name = masa_strdup(name)};
        MASA_PUSH(run->series, run->n_series, run->series_capacity, fresh);
        s = &run->series[run->n_series - 1];
    }
    size_t n = s->n;
    MASA_PUSH(s->step, n, s->capacity, (double)step);
    MASA_PUSH(s->value, s->n, s->value_capacity, value);
    return MASA_OK;
}

/* ---- decisions ---- */

static size_t count_in(const json_t *extra, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(extra, key));
    return n > 0 ? (size_t)n : 0;
}

static masa_status see_decision(void *context, const masa_store_decision *d, masa_error *err)
{
    (void)err;
    report_decisions *all = &((report_run *)context)->decisions;
    if (strcmp(d->kind, "gate") == 0) {
        all->gates++;
        all->gated += d->taken;
    } else if (strcmp(d->kind, "audit") == 0) {
        all->audits++;
        all->audits_right += d->value > 0;
    } else if (strcmp(d->kind, "cutoff") == 0) {
        json_t *extra = json_loads(d->extra, 0, NULL);
        all->cutoffs++;
        all->cutoffs_taken += d->taken;
        if (d->taken) all->cutoff_sum += d->value;
        all->rollouts += count_in(extra, "rollouts");
        all->cut += count_in(extra, "cut");
        json_decref(extra);
    }
    return MASA_OK;
}

/* ---- events ---- */

static masa_status see_event(void *context, long step, const char *rule, const char *text,
                             masa_error *err)
{
    (void)rule, (void)err;
    report_run *run = context;
    report_event event = {step, masa_strdup(text)};
    MASA_PUSH(run->events, run->n_events, run->events_capacity, event);
    return MASA_OK;
}

/* Of supervised training no setting says it; stores of older programs neither. */
static masa_status read_steps(report_run *run, masa_store *store, masa_error *err)
{
    char *steps = NULL;
    masa_status st = masa_store_get_info(store, "steps", &steps, err);
    run->steps = steps ? strtol(steps, NULL, 10) : run->config.train.steps;
    free(steps);
    return st;
}

/* ---- rollouts to read ---- */

/* What else is on record of a rollout, as text; "" when nothing is. */
static char *recorded_with(const masa_store_rollout *r)
{
    masa_text out = {0};
    if (r->prediction) masa_store_prediction_text(&out, r->prediction);
    if (*r->parts) masa_text_addf(&out, "parts of the reward: %s\n", r->parts);
    if (*r->said) masa_text_addf(&out, "%s\n", r->said);
    return masa_text_take(&out);
}

void report_example_set(report_example *e, const masa_store_rollout *r, const char *title)
{
    char *owned[] = {e->title,  e->problem, e->prompt,    e->text,
                     e->answer, e->cause,   e->extracted, e->recorded};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    *e = (report_example){.title = masa_strdup(title),
                          .problem = masa_strdup(r->problem),
                          .prompt = masa_strdup(r->prompt_text),
                          .text = masa_strdup(r->text),
                          .answer = masa_strdup(r->answer),
                          .cause = masa_strdup(r->cause),
                          .extracted = masa_strdup(r->extracted),
                          .recorded = recorded_with(r),
                          .step = r->step,
                          .tokens = r->tokens,
                          .reward = r->reward};
}

static masa_status see_solution(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)err;
    report_run *run = context;
    report_example *right = &run->examples[REPORT_RIGHT], *wrong = &run->examples[REPORT_WRONG];
    if (r->correct && !right->text) report_example_set(right, r, "A right solution");
    if (!r->correct && !wrong->text) report_example_set(wrong, r, "A wrong solution");
    return MASA_OK;
}

/* ---- the run ---- */

static const char *base_name(const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    while (n > 0 && folder[n - 1] != '/') n--;
    return folder + n;
}

static masa_status read_store(report_run *run, masa_store *store, masa_error *err)
{
    masa_store_filter solutions = MASA_STORE_ALL;
    solutions.kind = "solution";
    masa_status st = masa_store_last_step(store, &run->last_step, err);
    if (st == MASA_OK) st = masa_store_metrics(store, 0, -1, NULL, see_metric, run, err);
    if (st == MASA_OK) st = read_steps(run, store, err);
    if (st == MASA_OK) st = masa_store_events(store, 0, -1, see_event, run, err);
    if (st == MASA_OK) st = masa_curve_read(&run->curve, store, err);
    if (st == MASA_OK) st = report_read_meta(run, store, err);
    if (st == MASA_OK) st = masa_forecasts_read(&run->forecasts, store, &MASA_STORE_ALL, err);
    if (st == MASA_OK) st = masa_store_decisions(store, 0, -1, see_decision, run, err);
    solutions.first_step = solutions.last_step = run->last_step < 0 ? 0 : run->last_step;
    if (st == MASA_OK) st = masa_store_rollouts(store, &solutions, see_solution, run, err);
    return st;
}

masa_status report_run_read(report_run *out, const char *folder, masa_error *err)
{
    report_run run = {.label = masa_strdup(base_name(folder))};
    run.label[strcspn(run.label, "/")] = '\0';
    char *config = masa_run_config_path(folder), *path = masa_run_store_path(folder);
    masa_store *store = NULL;
    masa_status st = masa_config_load(&run.config, config, NULL, NULL, 0, err);
    if (st == MASA_OK) st = masa_store_open(&store, path, MASA_STORE_READ, err);
    if (st == MASA_OK) st = read_store(&run, store, err);
    masa_store_close(store);
    free(config);
    free(path);
    if (st == MASA_OK) *out = run;
    else report_run_deinit(&run);
    return st;
}

void report_run_deinit(report_run *run)
{
    for (size_t i = 0; i < run->n_series; i++) {
        free(run->series[i].name);
        free(run->series[i].step);
        free(run->series[i].value);
    }
    for (int i = 0; i < REPORT_EXAMPLES; i++) {
        report_example *e = &run->examples[i];
        free(e->title);
        free(e->problem);
        free(e->prompt);
        free(e->text);
        free(e->answer);
        free(e->cause);
        free(e->extracted);
        free(e->recorded);
    }
    report_meta_deinit(&run->early);
    report_meta_deinit(&run->late);
    masa_forecasts_deinit(&run->forecasts);
    masa_curve_deinit(&run->curve);
    masa_config_deinit(&run->config);
    for (size_t i = 0; i < run->n_events; i++) free(run->events[i].text);
    free(run->events);
    free(run->series);
    free(run->label);
    *run = (report_run){0};
}
