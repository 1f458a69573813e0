/* Meta rollouts: what was predicted, what was true. */
#include "report_data.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_meta_deinit(report_meta *meta)
{
    for (size_t i = 0; i < meta->n_causes; i++) free(meta->causes[i].cause);
    free(meta->causes);
    free(meta->predicted_rate);
    free(meta->true_rate);
    free(meta->predicted_length);
    free(meta->true_length);
    *meta = (report_meta){0};
}

static void count_cause(report_meta *m, const char *part, const char *cause)
{
    if (!*cause) return;
    for (size_t i = 0; i < m->n_causes; i++)
        if (strcmp(m->causes[i].part, part) == 0 && strcmp(m->causes[i].cause, cause) == 0) {
            m->causes[i].n++;
            return;
        }
    report_cause fresh = {part, masa_strdup(cause), 1};
    MASA_PUSH(m->causes, m->n_causes, m->causes_capacity, fresh);
}

/* Two numbers of a rollout, both of them known. */
typedef struct pair {
    double predicted, truth;
} pair;

static bool known(pair p)
{
    return isfinite(p.predicted) && isfinite(p.truth);
}

static void gather(report_meta *m, const masa_store_prediction *p, pair rate, pair length)
{
    m->rollouts++;
    count_cause(m, "pass rate", p->cause_pass_rate);
    count_cause(m, "length", p->cause_length);
    count_cause(m, "notions", p->cause_notions);
    if (known(rate)) {
        size_t n = m->n_rates;
        MASA_PUSH(m->predicted_rate, n, m->capacities[0], rate.predicted);
        MASA_PUSH(m->true_rate, m->n_rates, m->capacities[1], rate.truth);
    }
    if (known(length)) {
        size_t n = m->n_lengths;
        MASA_PUSH(m->predicted_length, n, m->capacities[2], length.predicted);
        MASA_PUSH(m->true_length, m->n_lengths, m->capacities[3], length.truth);
    }
    if (isnan(p->difficulty) || isnan(p->length_reward) || isnan(p->notion_reward)) return;
    m->difficulty += p->difficulty;
    m->length += p->length_reward;
    m->notion += p->notion_reward;
    m->n_rewarded++;
}

typedef struct reader {
    report_run *run;
    double best_rate, worst_rate, worst_length; /* errors of the examples so far */
} reader;

static void keep_example(reader *r, report_example_kind kind, const masa_store_rollout *row,
                         const char *what, const char *title, const char *format, pair p)
{
    char text[160], predicted[32], truth[32];
    snprintf(predicted, sizeof predicted, format, p.predicted);
    snprintf(truth, sizeof truth, format, p.truth);
    snprintf(text, sizeof text, "%s: %s %s predicted, %s true", title, what, predicted, truth);
    report_example_set(&r->run->examples[kind], row, text);
}

/* Strictly better or worse alone replaces an example: the first of equals stays. */
static void keep_examples(reader *r, const masa_store_rollout *row, pair rate, pair length)
{
    double error = fabs(rate.predicted - rate.truth);
    if (known(rate) && error < r->best_rate) {
        r->best_rate = error;
        keep_example(r, REPORT_BEST_RATE, row, "pass rate", "A good prediction", "%.2f", rate);
    }
    if (known(rate) && error > r->worst_rate) {
        r->worst_rate = error;
        keep_example(r, REPORT_WORST_RATE, row, "pass rate", "A misaligned prediction", "%.2f",
                     rate);
    }
    error = known(length) ? fabs(log(length.predicted / length.truth)) : NAN;
    if (isfinite(error) && error > r->worst_length) {
        r->worst_length = error;
        keep_example(r, REPORT_WORST_LENGTH, row, "length", "A misaligned prediction",
                     "%.0f tokens", length);
    }
}

/* Pass rates are predicted in eighths. A run of one or two steps is all late. */
static masa_status see_meta(void *context, const masa_store_rollout *row, masa_error *err)
{
    (void)err;
    reader *r = context;
    long third = r->run->last_step / 3;
    const masa_store_prediction *p = row->prediction;
    if (!p) return MASA_OK;
    pair rate = {p->pass_rate < 0 ? NAN : (double)p->pass_rate / 8, p->true_pass_rate};
    pair length = {p->length < 0 ? NAN : (double)p->length, p->true_length};
    if (row->step <= third) gather(&r->run->early, p, rate, length);
    if (third == 0 || row->step > r->run->last_step - third) {
        gather(&r->run->late, p, rate, length);
        keep_examples(r, row, rate, length);
    }
    return MASA_OK;
}

masa_status report_read_meta(report_run *run, masa_store *store, masa_error *err)
{
    masa_store_filter meta = MASA_STORE_ALL;
    reader r = {run, INFINITY, 0, 0};
    meta.kind = "meta";
    return masa_store_rollouts(store, &meta, see_meta, &r, err);
}
