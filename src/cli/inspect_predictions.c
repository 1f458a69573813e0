/* masa inspect --predictions: what the meta rollouts of a run predicted beside what its
 * solution rollouts did, a line for each prompt of each step. */
#include "cmd_inspect.h"

#include <masa/forecasts.h>
#include <masa/text.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_value(const char *format, double value)
{
    if (isnan(value)) printf("  %9s", "-");
    else printf(format, value);
}

static void print_json_value(const char *name, double value)
{
    if (isnan(value)) printf(",\"%s\":null", name);
    else printf(",\"%s\":%.6g", name, value);
}

static void print_row(const masa_forecast_row *row, bool json)
{
    if (json) {
        masa_text id = {0};
        masa_text_add_json(&id, row->problem, strlen(row->problem));
        printf("{\"step\":%ld,\"prompt\":%ld,\"problem\":%s", row->step, row->prompt, id.data);
        print_json_value("predicted_pass_rate", row->rate);
        print_json_value("true_pass_rate", row->true_rate);
        print_json_value("predicted_length", row->length);
        print_json_value("true_length", row->true_length);
        printf("}\n");
        masa_text_deinit(&id);
        return;
    }
    printf("%6ld  %6ld", row->step, row->prompt);
    print_value("  %9.2f", row->rate);
    print_value("  %9.2f", row->true_rate);
    print_value("  %9.0f", row->length);
    print_value("  %9.0f", row->true_length);
    masa_text problem = {0};
    masa_text_add_line_shown(&problem, row->problem);
    printf("  %s\n", masa_text_get(&problem));
    masa_text_deinit(&problem);
}

static void print_agreement(const char *what, size_t n, double error, double correlation)
{
    if (n == 0) return;
    fprintf(stderr, "%s: %zu prompts, mean error %.3g", what, n, error);
    if (isfinite(correlation)) fprintf(stderr, ", correlation %.2f", correlation);
    fprintf(stderr, "\n");
}

/* By tenth of the predicted pass rate: how many, and what they came to. */
static void print_calibration(const masa_forecast_agreement *a)
{
    if (a->n_rates == 0) return;
    fprintf(stderr,
            "calibration: error %.3f; predicted -> true (prompts):", a->calibration_error);
    for (int k = 0; k < MASA_DECILES; k++)
        if (a->deciles[k].n)
            fprintf(stderr, " %.2f -> %.2f (%zu)", a->deciles[k].predicted, a->deciles[k].truth,
                    a->deciles[k].n);
    fprintf(stderr, "\n");
}

static void print_gate(const masa_forecast_agreement *a)
{
    const masa_gate_counts *g = &a->gate;
    if (!a->gated) return;
    if (isnan(masa_gate_base_rate(g)))
        fprintf(stderr, "gate: not known, none of what it closed on was audited\n");
    else if (g->closed_rightly + g->closed_wrongly == 0)
        fprintf(stderr, "gate: closed on none, %.2f of all prompts have no variance\n",
                masa_gate_base_rate(g));
    else
        fprintf(stderr,
                "gate: precision %.2f where %.2f of all prompts have no variance (lift %.2f), "
                "recall %.2f, F1 %.2f\n",
                masa_gate_precision(g), masa_gate_base_rate(g), masa_gate_lift(g),
                masa_gate_recall(g), masa_gate_f1(g));
    if (a->pilots.closed > 0)
        fprintf(
            stderr,
            "pilots: %.0f groups given up; of %.0f more that were sampled whole all the same "
            "%.0f had no variance\n",
            a->pilots.closed - a->pilots.audited, a->pilots.audited, a->pilots.audited_flat);
}

masa_status cli_inspect_predictions(masa_store *store, const cli_inspect_options *o,
                                    masa_error *err)
{
    masa_forecasts f = {0};
    masa_status st = masa_forecasts_read(&f, store, &o->filter, err);
    if (st != MASA_OK) return st;
    size_t shown =
        o->filter.limit < 0 || (size_t)o->filter.limit > f.n ? f.n : (size_t)o->filter.limit;
    if (!o->json)
        printf("%6s  %6s  %9s  %9s  %9s  %9s  %s\n", "step", "prompt", "pass rate", "true",
               "length", "true", "problem");
    for (size_t i = 0; i < shown; i++) print_row(&f.rows[i], o->json);
    if (f.n == 0) fprintf(stderr, "nothing was predicted in these steps\n");
    if (shown < f.n) fprintf(stderr, "%zu of %zu shown; --limit 0 shows all\n", shown, f.n);
    masa_forecast_agreement a = masa_forecasts_agreement(&f, 0, -1);
    print_agreement("pass rate", a.n_rates, a.rate_error, a.rate_correlation);
    print_agreement("length", a.n_lengths, a.length_error, a.length_correlation);
    print_calibration(&a);
    print_gate(&a);
    masa_forecasts_deinit(&f);
    return MASA_OK;
}
