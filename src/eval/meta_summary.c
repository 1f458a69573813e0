/* Predictions against what happened. */
#include <masa/summary.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

/* The solutions of a problem in the form that the method's arithmetic takes. */
typedef struct solutions {
    masa_solutions of;
    const char **texts;
    bool *correct;
    long *lengths;
} solutions;

static solutions solutions_of(const masa_result_problem *p)
{
    size_t n = p->n_samples;
    solutions s = {.texts = masa_alloc(n, sizeof *s.texts),
                   .correct = masa_alloc(n, sizeof *s.correct),
                   .lengths = masa_alloc(n, sizeof *s.lengths)};
    for (size_t i = 0; i < n; i++) {
        s.texts[i] = p->samples[i].text;
        s.correct[i] = p->samples[i].right;
        s.lengths[i] = p->samples[i].tokens;
    }
    s.of = (masa_solutions){n, s.texts, s.correct, s.lengths, NULL};
    return s;
}

static void solutions_free(solutions *s)
{
    free(s->texts);
    free(s->correct);
    free(s->lengths);
}

static void add_rewards(masa_meta_summary *out, masa_meta_record *record,
                        const masa_prediction *p, const masa_meta_reward *r, size_t n)
{
    out->n_predictions++;
    out->causes[0][p->pass_rate_cause]++;
    out->causes[1][p->length_cause]++;
    out->causes[2][p->notion_cause]++;
    record->difficulty += r->difficulty / (double)n;
    record->length += r->length / (double)n;
    record->notion += r->notion / (double)n;
    record->total += r->total / (double)n;
}

static masa_meta_record add_problem(masa_meta_summary *out, const masa_result_problem *p,
                                    size_t index, const masa_meta_judge *judge)
{
    solutions s = solutions_of(p);
    masa_statistics *statistics =
        masa_statistics_create(p->question, &s.of, judge->meta.notion_rule);
    masa_statistics_summary truth = masa_statistics_get(statistics);
    masa_prediction *predictions = masa_alloc(p->n_meta, sizeof *predictions);
    masa_meta_record record = {.problem = index, .n = truth.n, .n_correct = truth.n_correct};
    for (size_t i = 0; i < p->n_meta; i++) {
        masa_prediction_parse(&predictions[i], p->meta[i].text, p->meta[i].text_size,
                              &judge->meta);
        masa_meta_reward r = masa_meta_score(&predictions[i], statistics, &judge->meta);
        add_rewards(out, &record, &predictions[i], &r, p->n_meta);
    }
    masa_forecast forecast;
    masa_forecast_init(&forecast, predictions, p->n_meta, MASA_CUTOFF_MEAN);
    record.gate_closed = masa_gate_closed(&forecast, judge->sigma, judge->tolerance);
    record.predicted_rate = forecast.n_pass_rates ? forecast.pass_rate_mean : NAN;
    record.true_rate = truth.pass_rate;
    record.predicted_length = forecast.n_lengths ? forecast.length_mean : NAN;
    record.true_length = truth.n_correct ? truth.length_mean : NAN;
    masa_gate_count(&out->gate, record.gate_closed, truth.n_correct, truth.n);
    for (size_t i = 0; forecast.n_lengths && i < truth.n; i++)
        masa_length_errors_add(s.correct[i] ? &out->correct : &out->incorrect,
                               (double)s.lengths[i], forecast.length_mean,
                               forecast.length_deviation);
    masa_forecast_deinit(&forecast);
    for (size_t i = 0; i < p->n_meta; i++) masa_prediction_deinit(&predictions[i]);
    free(predictions);
    masa_statistics_destroy(statistics);
    solutions_free(&s);
    return record;
}

/* ---- agreement ---- */

/* Pairs of predicted and true, and room for a resample of them. */
typedef struct pairs {
    double *predicted, *truth, *x, *y;
    size_t n;
    double (*measure)(const double *, const double *, size_t);
} pairs;

static double measure_items(void *context, const size_t *items, size_t n)
{
    pairs *p = context;
    for (size_t i = 0; i < n; i++) {
        p->x[i] = p->predicted[items[i]];
        p->y[i] = p->truth[items[i]];
    }
    return p->measure(p->x, p->y, n);
}

static masa_interval interval_of(pairs *p,
                                 double (*measure)(const double *, const double *, size_t),
                                 const masa_bootstrap_options *bootstrap)
{
    p->measure = measure;
    return masa_bootstrap(measure_items, p, p->n, bootstrap);
}

static void agree(masa_agreement *out, pairs *p, const masa_bootstrap_options *bootstrap)
{
    /* A correlation's resample costs a sort: fewer of them suffice for two digits. */
    masa_bootstrap_options few = *bootstrap;
    if (few.resamples > 2000) few.resamples = 2000;
    out->n = p->n;
    out->pearson = masa_pearson(p->predicted, p->truth, p->n);
    out->spearman = masa_spearman(p->predicted, p->truth, p->n);
    out->error = masa_mean_absolute_error(p->predicted, p->truth, p->n);
    out->pearson_interval = interval_of(p, masa_pearson, &few);
    out->spearman_interval = interval_of(p, masa_spearman, &few);
    out->error_interval = interval_of(p, masa_mean_absolute_error, &few);
}

static void add_pair(pairs *p, double predicted, double truth)
{
    if (isnan(predicted) || isnan(truth)) return;
    p->predicted[p->n] = predicted;
    p->truth[p->n++] = truth;
}

static void add_agreements(masa_meta_summary *out, const masa_bootstrap_options *bootstrap)
{
    double *room = masa_alloc(6 * out->n, sizeof *room), *x = room + 4 * out->n;
    pairs rates = {room, room + out->n, x, x + out->n, 0, NULL};
    pairs lengths = {room + 2 * out->n, room + 3 * out->n, x, x + out->n, 0, NULL};
    for (size_t i = 0; i < out->n; i++) {
        const masa_meta_record *r = &out->records[i];
        add_pair(&rates, r->predicted_rate, r->true_rate);
        add_pair(&lengths, r->predicted_length, r->true_length);
    }
    agree(&out->rate, &rates, bootstrap);
    agree(&out->lengths, &lengths, bootstrap);
    out->calibration_error =
        masa_calibration_bins(out->bins, MASA_META_BINS, rates.predicted, rates.truth, rates.n);
    free(room);
}

void masa_meta_summarise(masa_meta_summary *out, const masa_result_set *set,
                         const masa_meta_judge *judge, const masa_bootstrap_options *bootstrap)
{
    *out = (masa_meta_summary){0};
    double meta_tokens = 0, tokens = 0;
    out->records = masa_alloc(set->n, sizeof *out->records);
    for (size_t i = 0; set->wanted_meta && i < set->n; i++) {
        const masa_result_problem *p = &set->problems[i];
        if (!masa_result_complete(set, p)) continue;
        masa_meta_record record = add_problem(out, p, i, judge);
        out->records[out->n++] = record;
        out->difficulty += record.difficulty;
        out->length += record.length;
        out->notion += record.notion;
        out->total += record.total;
        for (size_t k = 0; k < p->n_meta; k++) meta_tokens += (double)p->meta[k].tokens;
        for (size_t k = 0; k < p->n_samples; k++) tokens += (double)p->samples[k].tokens;
    }
    if (out->n == 0) return;
    out->difficulty /= (double)out->n; /* every problem has as many predictions */
    out->length /= (double)out->n;
    out->notion /= (double)out->n;
    out->total /= (double)out->n;
    out->token_share = meta_tokens / (meta_tokens + tokens);
    add_agreements(out, bootstrap);
}

void masa_meta_summary_deinit(masa_meta_summary *summary)
{
    free(summary->records);
    *summary = (masa_meta_summary){0};
}
