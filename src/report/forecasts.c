#include <masa/forecasts.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pass rates are predicted in eighths. */
static const double rate_scale = 8;

/* The prompt being read: its meta rollouts follow one another. */
typedef struct reader {
    masa_forecasts *out;
    double rate_sum, rates;
    double *lengths;
    size_t n_lengths, capacity;
} reader;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    if (n == 0) return NAN;
    qsort(values, n, sizeof *values, ascending);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void end_prompt(reader *r)
{
    if (r->out->n == 0) return;
    masa_forecast_row *row = &r->out->rows[r->out->n - 1];
    row->rate = r->rates > 0 ? r->rate_sum / r->rates : NAN;
    row->length = median(r->lengths, r->n_lengths);
}

static void begin_prompt(reader *r, const masa_store_rollout *o)
{
    masa_forecast_row row = {o->step, o->prompt, masa_strdup(o->problem), NAN, NAN, NAN, NAN};
    end_prompt(r);
    MASA_PUSH(r->out->rows, r->out->n, r->out->capacity, row);
    r->rate_sum = r->rates = 0;
    r->n_lengths = 0;
}

static masa_status see_meta(void *context, const masa_store_rollout *o, masa_error *err)
{
    (void)err;
    reader *r = context;
    if (strcmp(o->kind, "meta") != 0) return MASA_OK;
    const masa_forecast_row *last = r->out->n ? &r->out->rows[r->out->n - 1] : NULL;
    if (!last || o->step != last->step || o->prompt != last->prompt) begin_prompt(r, o);
    masa_forecast_row *row = &r->out->rows[r->out->n - 1];
    const masa_store_prediction *p = o->prediction;
    if (!p) return MASA_OK;
    if (p->pass_rate >= 0) {
        r->rate_sum += (double)p->pass_rate / rate_scale;
        r->rates++;
    }
    if (p->length >= 0) MASA_PUSH(r->lengths, r->n_lengths, r->capacity, (double)p->length);
    if (!isnan(p->true_pass_rate)) row->true_rate = p->true_pass_rate;
    if (!isnan(p->true_length)) row->true_length = p->true_length;
    return MASA_OK;
}

/* Of prompts without meta rollouts: their distribution in a single pass (decide.c). */
static masa_status see_forecast(void *context, const masa_store_decision *d, masa_error *err)
{
    (void)err;
    masa_forecasts *f = context;
    if (strcmp(d->kind, "forecast") != 0) return MASA_OK;
    masa_forecast_row row = {d->step, d->prompt, masa_strdup(d->problem), d->mean, d->value,
                             NAN,     NAN};
    MASA_PUSH(f->rows, f->n, f->capacity, row);
    return MASA_OK;
}

static int by_place(const void *a, const void *b)
{
    const masa_forecast_row *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->prompt > y->prompt) - (x->prompt < y->prompt);
}

/* The metrics of record_meta.c that tell of the gate. */
static masa_status see_gate(void *context, long step, const char *name, double value,
                            masa_error *err)
{
    (void)err;
    masa_forecasts *f = context;
    enum { GATED, AUDITED, FLAT, OPEN, OPEN_FLAT, GIVEN_UP, SPARED, SPARED_FLAT, NAMES };
    static const char *const names[NAMES] = {
        "gated",          "audited",  "audited_flat",   "gate_open",
        "gate_open_flat", "given_up", "pilots_audited", "pilots_audited_flat"};
    size_t which = 0;
    while (which < NAMES && strcmp(name, names[which]) != 0) which++;
    if (which == NAMES || !isfinite(value)) return MASA_OK;
    if (f->n_gate == 0 || f->gate[f->n_gate - 1].step != step)
        MASA_PUSH(f->gate, f->n_gate, f->gate_capacity,
                  ((struct masa_gate_step){.step = step}));
    masa_gate_audit *a = &f->gate[f->n_gate - 1].audit;
    masa_gate_audit *p = &f->gate[f->n_gate - 1].pilots;
    if (which == GATED || which == AUDITED) a->closed += value;
    if (which == AUDITED) a->audited += value;
    if (which == FLAT) a->audited_flat += value;
    if (which == OPEN) a->open += value;
    if (which == OPEN_FLAT) a->open_flat += value;
    if (which == GIVEN_UP || which == SPARED) p->closed += value;
    if (which == SPARED) p->audited += value;
    if (which == SPARED_FLAT) p->audited_flat += value;
    return MASA_OK;
}

masa_status masa_forecasts_read(masa_forecasts *out, masa_store *store,
                                const masa_store_filter *filter, masa_error *err)
{
    masa_forecasts f = {0};
    reader r = {.out = &f};
    masa_store_filter meta = *filter;
    meta.kind = "meta";
    meta.limit = -1;
    masa_status st = masa_store_rollouts(store, &meta, see_meta, &r, err);
    end_prompt(&r);
    free(r.lengths);
    if (st == MASA_OK)
        st = masa_store_decisions(store, filter->first_step, filter->last_step, see_forecast,
                                  &f, err);
    if (f.n) qsort(f.rows, f.n, sizeof *f.rows, by_place);
    if (st == MASA_OK)
        st = masa_store_metrics(store, filter->first_step, filter->last_step, NULL, see_gate,
                                &f, err);
    if (st == MASA_OK) *out = f;
    else masa_forecasts_deinit(&f);
    return st;
}

void masa_forecasts_deinit(masa_forecasts *forecasts)
{
    for (size_t i = 0; i < forecasts->n; i++) free(forecasts->rows[i].problem);
    free(forecasts->rows);
    free(forecasts->gate);
    *forecasts = (masa_forecasts){0};
}

/* ---- how well it agrees ---- */

static bool within(long step, long first, long last)
{
    return step >= first && (last < 0 || step <= last);
}

masa_forecast_agreement masa_forecasts_agreement(const masa_forecasts *f, long first, long last)
{
    masa_forecast_agreement a = {0};
    masa_gate_audit gate = {0};
    double *rate = masa_alloc(4 * f->n + 1, sizeof *rate), *true_rate = rate + f->n;
    double *length = true_rate + f->n, *true_length = length + f->n;
    for (size_t i = 0; i < f->n; i++) {
        const masa_forecast_row *row = &f->rows[i];
        if (!within(row->step, first, last)) continue;
        if (isfinite(row->rate) && isfinite(row->true_rate)) {
            rate[a.n_rates] = row->rate;
            true_rate[a.n_rates++] = row->true_rate;
        }
        if (isfinite(row->length) && isfinite(row->true_length)) {
            length[a.n_lengths] = row->length;
            true_length[a.n_lengths++] = row->true_length;
        }
    }
    a.rate_correlation = masa_pearson(rate, true_rate, a.n_rates);
    a.rate_error = masa_mean_absolute_error(rate, true_rate, a.n_rates);
    a.calibration_error =
        masa_calibration_bins(a.deciles, MASA_DECILES, rate, true_rate, a.n_rates);
    a.length_correlation = masa_pearson(length, true_length, a.n_lengths);
    a.length_error = masa_mean_absolute_error(length, true_length, a.n_lengths);
    free(rate);
    for (size_t i = 0; i < f->n_gate; i++) {
        const masa_gate_audit *s = &f->gate[i].audit;
        if (!within(f->gate[i].step, first, last)) continue;
        a.gated = true;
        gate.closed += s->closed, gate.audited += s->audited;
        gate.audited_flat += s->audited_flat;
        gate.open += s->open, gate.open_flat += s->open_flat;
        a.pilots.closed += f->gate[i].pilots.closed;
        a.pilots.audited += f->gate[i].pilots.audited;
        a.pilots.audited_flat += f->gate[i].pilots.audited_flat;
    }
    a.gate = masa_gate_audited(&gate);
    return a;
}
