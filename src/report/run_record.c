/* Records: columns over the evaluations, one key a line, so that a later commit's changes
 * can be read. */
#include <masa/run_record.h>

#include <masa/memory.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_data.h"

/* ---- writing ---- */

static void add_number(masa_text *out, double value, const char *format)
{
    if (isfinite(value)) masa_text_addf(out, format, value);
    else masa_text_add(out, "null");
}

static void add_key(masa_text *out, const char *indent, const char *key)
{
    masa_text_add(out, indent);
    masa_text_add_json(out, key, strlen(key));
    masa_text_add(out, ": ");
}

static void add_string(masa_text *out, const char *key, const char *value)
{
    add_key(out, "  ", key);
    masa_text_add_json(out, value, strlen(value));
    masa_text_add(out, ",\n");
}

static void add_costs(masa_text *out, const masa_curve *c)
{
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        add_key(out, "  ", masa_cost_name((masa_cost)cost));
        for (size_t i = 0; i < c->n; i++) {
            masa_text_add(out, i ? ", " : "[");
            add_number(out, c->points[i].spent[cost], "%.9g");
        }
        masa_text_add(out, c->n ? "],\n" : "[],\n");
    }
    add_key(out, "  ", "accuracy");
    for (size_t i = 0; i < c->n; i++) {
        masa_text_add(out, i ? ", " : "[");
        add_number(out, c->points[i].accuracy, "%.9g");
    }
    masa_text_add(out, c->n ? "],\n" : "[],\n");
}

/* Mean of a metric over the steps after `first` up to `last`; NaN where it has no value. */
static double mean_between(const report_series *s, double first, double last)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->step[i] <= first || s->step[i] > last || !isfinite(s->value[i])) continue;
        sum += s->value[i];
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

/* Evaluations are at one step: their own value is the mean since the last one. */
static void add_metrics(masa_text *out, const report_run *run)
{
    const masa_curve *c = &run->curve;
    size_t n = 0;
    add_key(out, "  ", "metrics");
    masa_text_add(out, "{");
    for (size_t k = 0; k < run->n_series; k++) {
        const report_series *s = &run->series[k];
        if (strcmp(s->name, "eval_accuracy") == 0) continue;
        masa_text_add(out, n++ ? ",\n" : "\n");
        add_key(out, "    ", s->name);
        for (size_t i = 0; i < c->n; i++) {
            double last = c->points[i].spent[MASA_COST_STEPS];
            double first = i ? c->points[i - 1].spent[MASA_COST_STEPS] : -1;
            masa_text_add(out, i ? ", " : "[");
            add_number(out, mean_between(s, first, last), "%.5g");
        }
        masa_text_add(out, c->n ? "]" : "[]");
    }
    masa_text_add(out, n ? "\n  },\n" : "},\n");
}

static void add_column(masa_text *out, const char *key, const double *values, size_t n)
{
    add_key(out, "    ", key);
    for (size_t i = 0; i < n; i++) {
        masa_text_add(out, i ? ", " : "[");
        add_number(out, values[i], "%.4g");
    }
    masa_text_add(out, n ? "],\n" : "[],\n");
}

/* Over the prompts of the steps since the evaluation before, as metrics are; deciles of the
 * last third of the steps. */
static void add_predictions(masa_text *out, const report_run *run)
{
    enum { PROMPTS, RATE, CALIBRATION, LENGTH, COLUMNS };
    static const char *const names[COLUMNS] = {"prompts", "pass_rate_correlation",
                                               "calibration_error", "length_correlation"};
    size_t n = run->curve.n;
    double *columns = masa_alloc(COLUMNS * n + 1, sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        double last = run->curve.points[i].spent[MASA_COST_STEPS];
        double first = i ? run->curve.points[i - 1].spent[MASA_COST_STEPS] + 1 : 0;
        masa_forecast_agreement a =
            masa_forecasts_agreement(&run->forecasts, (long)first, (long)last);
        columns[PROMPTS * n + i] = (double)a.n_rates;
        columns[RATE * n + i] = a.rate_correlation;
        columns[CALIBRATION * n + i] = a.calibration_error;
        columns[LENGTH * n + i] = a.length_correlation;
    }
    add_key(out, "  ", "predictions");
    masa_text_add(out, "{\n");
    for (size_t k = 0; k < COLUMNS; k++) add_column(out, names[k], columns + k * n, n);
    free(columns);
    long third = run->last_step / 3;
    masa_forecast_agreement late =
        masa_forecasts_agreement(&run->forecasts, run->last_step - third, -1);
    add_key(out, "    ", "deciles");
    for (int k = 0; k < MASA_DECILES; k++)
        masa_text_addf(out, "%s{\"n\": %zu, \"predicted\": %.3g, \"true\": %.3g}",
                       k ? ", " : "[", late.deciles[k].n, late.deciles[k].predicted,
                       late.deciles[k].truth);
    masa_text_add(out, "]\n  },\n");
}

/* Over the whole run; null where nothing was audited. */
static void add_gate(masa_text *out, const report_run *run)
{
    masa_gate_counts gate = masa_forecasts_agreement(&run->forecasts, 0, -1).gate;
    const struct {
        const char *name;
        double value;
    } parts[] = {{"precision", masa_gate_precision(&gate)},
                 {"base_rate", masa_gate_base_rate(&gate)},
                 {"lift", masa_gate_lift(&gate)},
                 {"recall", masa_gate_recall(&gate)},
                 {"f1", masa_gate_f1(&gate)}};
    add_key(out, "  ", "gate");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        masa_text_add(out, i ? ", " : "{");
        add_key(out, "", parts[i].name);
        add_number(out, parts[i].value, "%.4g");
    }
    masa_text_add(out, "},\n");
}

static void add_decisions(masa_text *out, const report_decisions *d)
{
    masa_text_addf(out,
                   "  \"decisions\": {\"gates\": %zu, \"gated\": %zu, \"audits\": %zu, "
                   "\"audits_right\": %zu, \"cutoffs\": %zu, \"cutoffs_taken\": %zu, "
                   "\"rollouts\": %zu, \"cut\": %zu}\n",
                   d->gates, d->gated, d->audits, d->audits_right, d->cutoffs, d->cutoffs_taken,
                   d->rollouts, d->cut);
}

masa_status masa_record_make(masa_text *out, const char *folder, const masa_record_about *about,
                             masa_error *err)
{
    report_run run;
    masa_status st = report_run_read(&run, folder, err);
    if (st != MASA_OK) return st;
    st = masa_config_make_relative(&run.config, err);
    if (st != MASA_OK) {
        report_run_deinit(&run);
        return st;
    }
    masa_text_add(out, "{\n");
    add_string(out, "lab", about->lab);
    add_string(out, "arm", about->arm);
    masa_text_addf(out, "  \"seed\": %ld,\n", about->seed);
    add_string(out, "version", about->version);
    masa_text_addf(out, "  \"finished\": %s,\n", about->finished ? "true" : "false");
    add_key(out, "  ", "settings");
    masa_config_changes_json(&run.config, out);
    masa_text_add(out, ",\n");
    add_costs(out, &run.curve);
    add_metrics(out, &run);
    add_predictions(out, &run);
    add_gate(out, &run);
    add_decisions(out, &run.decisions);
    masa_text_add(out, "}\n");
    report_run_deinit(&run);
    return MASA_OK;
}

/* ---- reading ---- */

static double number_at(const json_t *column, size_t i)
{
    const json_t *value = json_array_get(column, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* What a metric came to by a point: records have its means over the steps since the last one. */
static double grown(double before, const json_t *metrics, const char *name, size_t i,
                    double steps)
{
    double mean = number_at(json_object_get(metrics, name), i);
    return before + (isfinite(mean) ? mean * steps : 0);
}

static masa_status read_curve(masa_curve *out, const json_t *root, masa_error *err)
{
    const json_t *accuracy = json_object_get(root, "accuracy"), *costs[MASA_COSTS];
    const char *name;
    json_t *column, *metrics = json_object_get(root, "metrics");
    masa_curve_point last = {0};
    size_t n = json_array_size(accuracy);
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        costs[cost] = json_object_get(root, masa_cost_name((masa_cost)cost));
        if (!json_is_array(accuracy) || !json_is_array(costs[cost]) ||
            json_array_size(costs[cost]) != n)
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "\"accuracy\" and \"%s\" must be lists of the same length",
                             masa_cost_name((masa_cost)cost));
    }
    for (size_t i = 0; i < n; i++) {
        masa_curve_point point = {.accuracy = number_at(accuracy, i)};
        for (int cost = 0; cost < MASA_COSTS; cost++)
            point.spent[cost] = number_at(costs[cost], i);
        double steps = point.spent[MASA_COST_STEPS] - (i ? last.spent[MASA_COST_STEPS] : -1);
        point.trained = grown(last.trained, metrics, "rollouts_trained", i, steps);
        point.trained_tokens = grown(last.trained_tokens, metrics, "trained_tokens", i, steps);
        point.recalled_tokens =
            grown(last.recalled_tokens, metrics, "recalled_tokens", i, steps);
        masa_curve_add(out, &point);
        last = point;
        json_object_foreach(metrics, name,
                            column) if (masa_starts_with(name, MASA_STRATUM_PREFIX))
            masa_curve_add_stratum(out, name + strlen(MASA_STRATUM_PREFIX),
                                   number_at(column, i));
    }
    return MASA_OK;
}

static masa_status load(json_t **out, const char *json, size_t size, const char *path,
                        masa_error *err)
{
    json_error_t why;
    *out = json_loadb(json, size, JSON_REJECT_DUPLICATES, &why);
    if (*out) return MASA_OK;
    masa_status st = MASA_FAIL(err, MASA_ERR_FORMAT, "no record of a run: %s", why.text);
    masa_error_at(err, path, why.line > 0 ? (size_t)why.line : 0);
    return st;
}

masa_status masa_record_parse(masa_record *out, const char *json, size_t size, const char *path,
                              masa_error *err)
{
    json_t *root;
    masa_record r = {0};
    const char *arm;
    json_int_t seed;
    int finished;
    masa_status st = load(&root, json, size, path, err);
    if (st != MASA_OK) return st;
    if (json_unpack(root, "{s:s,s:I,s:b}", "arm", &arm, "seed", &seed, "finished", &finished) !=
        0)
        st = MASA_FAIL(err, MASA_ERR_FORMAT,
                       "no record of a run: \"arm\", \"seed\" or \"finished\" is missing");
    if (st == MASA_OK) {
        r = (masa_record){.arm = masa_strdup(arm), .seed = (long)seed, .finished = finished};
        st = read_curve(&r.curve, root, err);
    }
    if (st == MASA_OK) {
        *out = r;
    } else {
        masa_error_at(err, path, 0);
        masa_record_deinit(&r);
    }
    json_decref(root);
    return st;
}

masa_status masa_record_settings(masa_config *out, const char *json, size_t size,
                                 const char *path, masa_error *err)
{
    json_t *root, *value;
    const char *key;
    size_t n = 0;
    masa_status st = load(&root, json, size, path, err);
    if (st != MASA_OK) return st;
    json_t *settings = json_object_get(root, "settings");
    char **pairs = masa_alloc(json_object_size(settings) + 1, sizeof *pairs);
    json_object_foreach(settings, key, value)
    {
        masa_text pair = {0};
        const char *text = json_string_value(value);
        masa_text_addf(&pair, "%s=%s", key, text ? text : "");
        pairs[n++] = masa_text_take(&pair);
    }
    st = masa_config_load(out, NULL, NULL, (const char *const *)pairs, n, err);
    if (st != MASA_OK) masa_error_context(err, "%s", path);
    for (size_t i = 0; i < n; i++) free(pairs[i]);
    free(pairs);
    json_decref(root);
    return st;
}

void masa_record_deinit(masa_record *record)
{
    free(record->arm);
    masa_curve_deinit(&record->curve);
    *record = (masa_record){0};
}
