/* What a run's model said of itself, what was done about it, and rollouts to read. */
#include "report_page.h"

#include <masa/measures.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "plot.h"

static void open_section(masa_text *out, const char *title, const report_run *run)
{
    masa_text_addf(out, "<h2>%s: ", title);
    html_text(out, run->label);
    masa_text_add(out, "</h2>\n");
}

/* ---- predicted against true ---- */

static void add_number(masa_text *out, const char *format, double value)
{
    masa_text_add(out, "<td>");
    if (isfinite(value)) masa_text_addf(out, format, value);
    else masa_text_add(out, "-");
}

static double share(double part, size_t whole)
{
    return whole ? part / (double)whole : NAN;
}

/* A line of the table: one number early, one late. */
static void add_row(masa_text *out, const char *name, const char *format, double early,
                    double late)
{
    masa_text_addf(out, "<tr><td>%s", name);
    add_number(out, format, early);
    add_number(out, format, late);
    masa_text_add(out, "\n");
}

static double rate_correlation(const report_meta *m)
{
    return masa_pearson(m->predicted_rate, m->true_rate, m->n_rates);
}

static double length_correlation(const report_meta *m)
{
    return masa_pearson(m->predicted_length, m->true_length, m->n_lengths);
}

static double rate_error(const report_meta *m)
{
    return masa_mean_absolute_error(m->predicted_rate, m->true_rate, m->n_rates);
}

static double length_error(const report_meta *m)
{
    return masa_mean_absolute_error(m->predicted_length, m->true_length, m->n_lengths);
}

static size_t cause_count(const report_meta *m, const report_cause *cause)
{
    for (size_t i = 0; i < m->n_causes; i++)
        if (strcmp(m->causes[i].part, cause->part) == 0 &&
            strcmp(m->causes[i].cause, cause->cause) == 0)
            return m->causes[i].n;
    return 0;
}

static void add_cause(masa_text *out, const report_run *run, const report_cause *cause)
{
    const report_meta *a = &run->early, *b = &run->late;
    masa_text_addf(out, "<tr><td>%s: ", cause->part);
    html_text(out, cause->cause);
    add_number(out, "%.1f %%", 100 * share((double)cause_count(a, cause), a->rollouts));
    add_number(out, "%.1f %%", 100 * share((double)cause_count(b, cause), b->rollouts));
    masa_text_add(out, "\n");
}

static void add_table(masa_text *out, const report_run *run)
{
    const report_meta *a = &run->early, *b = &run->late;
    masa_text_add(out, "<table><tr><th><th>first third of the steps<th>last third\n");
    add_row(out, "meta rollouts", "%.0f", (double)a->rollouts, (double)b->rollouts);
    add_row(out, "pass rate: correlation with the truth", "%.3f", rate_correlation(a),
            rate_correlation(b));
    add_row(out, "pass rate: mean absolute error", "%.3f", rate_error(a), rate_error(b));
    add_row(out, "length: correlation with the truth", "%.3f", length_correlation(a),
            length_correlation(b));
    add_row(out, "length: mean absolute error (tokens)", "%.1f", length_error(a),
            length_error(b));
    add_row(out, "reward of the pass rate", "%.3f", share(a->difficulty, a->n_rewarded),
            share(b->difficulty, b->n_rewarded));
    add_row(out, "reward of the length", "%.3f", share(a->length, a->n_rewarded),
            share(b->length, b->n_rewarded));
    add_row(out, "reward of the notions", "%.3f", share(a->notion, a->n_rewarded),
            share(b->notion, b->n_rewarded));
    for (size_t i = 0; i < b->n_causes; i++) add_cause(out, run, &b->causes[i]);
    for (size_t i = 0; i < a->n_causes; i++)
        if (cause_count(b, &a->causes[i]) == 0) add_cause(out, run, &a->causes[i]);
    masa_text_add(out, "</table>\n");
}

static void plot_rates(masa_text *out, const report_meta *m, const char *when)
{
    char title[64];
    if (m->n_rates == 0) return;
    snprintf(title, sizeof title, "pass rate, %s", when);
    plot_grid g = plot_grid_make(9, 1, true, m->true_rate, m->predicted_rate, m->n_rates);
    plot_grid_draw(out, &g, title, "true", "predicted");
    plot_grid_deinit(&g);
}

/* To one and a half times the longest true mean: wild guesses pile up at the edge. */
static double longest(const report_run *run)
{
    double most = 1;
    const report_meta *parts[] = {&run->early, &run->late};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < parts[k]->n_lengths; i++)
            most = fmax(most, parts[k]->true_length[i]);
    return 1.5 * most;
}

static void plot_lengths(masa_text *out, const report_run *run, const report_meta *m,
                         const char *when)
{
    char title[64];
    if (m->n_lengths == 0) return;
    snprintf(title, sizeof title, "length in tokens, %s", when);
    plot_grid g = plot_grid_make(24, longest(run), false, m->true_length, m->predicted_length,
                                 m->n_lengths);
    plot_grid_draw(out, &g, title, "true mean of right solutions",
                   "predicted (more: at the edge)");
    plot_grid_deinit(&g);
}

/* Of the first and the last third of the steps. */
static void agreements(masa_forecast_agreement parts[2], const report_run *run)
{
    long third = run->last_step / 3;
    parts[0] = masa_forecasts_agreement(&run->forecasts, 0, third);
    parts[1] =
        masa_forecasts_agreement(&run->forecasts, third ? run->last_step - third + 1 : 0, -1);
}

/* Where nothing was sampled to predict (meta.forecast=one_pass or probe). */
static void add_forecast_table(masa_text *out, const report_run *run)
{
    masa_forecast_agreement parts[2];
    agreements(parts, run);
    masa_text_add(out, "<table><tr><th><th>first third of the steps<th>last third\n");
    add_row(out, "forecasts of one pass", "%.0f", (double)parts[0].n_rates,
            (double)parts[1].n_rates);
    add_row(out, "pass rate: correlation with the truth", "%.3f", parts[0].rate_correlation,
            parts[1].rate_correlation);
    add_row(out, "pass rate: mean absolute error", "%.3f", parts[0].rate_error,
            parts[1].rate_error);
    masa_text_add(out, "</table>\n");
}

/* By tenth of the predicted pass rate, prompt by prompt. */
static void add_calibration(masa_text *out, const report_run *run)
{
    masa_forecast_agreement parts[2];
    agreements(parts, run);
    if (parts[0].n_rates + parts[1].n_rates == 0) return;
    masa_text_add(out, "<table><tr><th>predicted pass rate<th>prompts, first third<th>came to"
                       "<th>prompts, last third<th>came to\n");
    for (int k = 0; k < MASA_DECILES; k++) {
        masa_text_addf(out, "<tr><td>%.1f to %.1f", (double)k / MASA_DECILES,
                       (double)(k + 1) / MASA_DECILES);
        for (int part = 0; part < 2; part++) {
            const masa_calibration_bin *bin = &parts[part].deciles[k];
            masa_text_addf(out, "<td>%zu<td>", bin->n);
            if (bin->n) masa_text_addf(out, "%.3f", bin->truth);
        }
        masa_text_add(out, "\n");
    }
    masa_text_add(out, "<tr><td>calibration error");
    for (int part = 0; part < 2; part++)
        if (parts[part].n_rates)
            masa_text_addf(out, "<td>%zu<td>%.3f", parts[part].n_rates,
                           parts[part].calibration_error);
        else masa_text_add(out, "<td>0<td>");
    masa_text_add(out, "\n</table>\n");
}

void page_predictions(masa_text *out, const report_run *run)
{
    static const char *const first = "first third", *const last = "last third";
    bool sampled = run->early.rollouts + run->late.rollouts > 0;
    if (!sampled && run->forecasts.n == 0) return;
    open_section(out, "Predictions", run);
    if (sampled) add_table(out, run);
    else add_forecast_table(out, run);
    add_calibration(out, run);
    if (!sampled) return;
    masa_text_add(out, "<div class=plots>\n");
    plot_rates(out, &run->early, first);
    plot_rates(out, &run->late, last);
    plot_lengths(out, run, &run->early, first);
    plot_lengths(out, run, &run->late, last);
    masa_text_add(out, "</div>\n");
}

/* ---- decisions ---- */

void page_decisions(masa_text *out, const report_run *run)
{
    const report_decisions *d = &run->decisions;
    if (d->gates + d->cutoffs == 0) return;
    open_section(out, "Decisions", run);
    masa_text_add(out, "<table><tr><th>decision<th>prompts<th>taken<th>what came of it\n");
    masa_text_addf(out, "<tr><td>gate: no solutions sampled<td>%zu<td>%zu<td>", d->gates,
                   d->gated);
    masa_forecast_agreement all = masa_forecasts_agreement(&run->forecasts, 0, -1);
    masa_gate_counts gate = all.gate;
    if (d->audits)
        masa_text_addf(out,
                       "%zu more rolled out to see: %zu of them had no variance (precision "
                       "%.2f",
                       d->audits, d->audits_right, share((double)d->audits_right, d->audits));
    if (d->audits && isfinite(masa_gate_base_rate(&gate)))
        masa_text_addf(out,
                       " where %.2f of all prompts have none: lift %.2f; recall %.2f, F1 %.2f",
                       masa_gate_base_rate(&gate), masa_gate_lift(&gate),
                       masa_gate_recall(&gate), masa_gate_f1(&gate));
    if (d->audits) masa_text_add(out, ")");
    else masa_text_add(out, "not known: none was audited");
    if (all.pilots.closed > 0)
        masa_text_addf(
            out,
            "\n<tr><td>pilots: the rest of a group not sampled<td>%zu<td>%.0f<td>%.0f "
            "more sampled whole to see: %.0f of them had no variance",
            d->gates - d->gated, all.pilots.closed - all.pilots.audited, all.pilots.audited,
            all.pilots.audited_flat);
    masa_text_addf(out, "\n<tr><td>cutoff below the response limit<td>%zu<td>%zu<td>",
                   d->cutoffs, d->cutoffs_taken);
    if (d->cutoffs_taken)
        masa_text_addf(out, "at %.0f tokens on average; ",
                       d->cutoff_sum / (double)d->cutoffs_taken);
    masa_text_addf(out, "%zu of %zu rollouts were stopped there\n</table>\n", d->cut,
                   d->rollouts);
}

/* ---- rollouts to read ---- */

static void add_pre(masa_text *out, const char *text)
{
    /* a line end right after the tag is dropped by HTML, so that one is put there */
    masa_text_add(out, "<pre>\n");
    html_text(out, text);
    masa_text_add(out, "</pre>\n");
}

static void add_example(masa_text *out, const report_example *e)
{
    masa_text_add(out, "<h3>");
    html_text(out, e->title);
    masa_text_addf(out, "</h3>\n<p>Step %ld, problem ", e->step);
    html_text(out, e->problem);
    masa_text_add(out, ", answer ");
    html_text(out, e->answer);
    if (*e->extracted) {
        masa_text_add(out, ", found ");
        html_text(out, e->extracted);
    }
    masa_text_addf(out, "; reward %.3f, %ld tokens, stopped by ", e->reward, e->tokens);
    html_text(out, e->cause);
    masa_text_add(out, "\n<details><summary>prompt</summary>\n");
    add_pre(out, e->prompt);
    masa_text_add(out, "</details>\n");
    add_pre(out, e->text);
    if (!*e->recorded) return;
    masa_text_add(out, "<details><summary>recorded with it</summary>\n");
    add_pre(out, e->recorded);
    masa_text_add(out, "</details>\n");
}

void page_examples(masa_text *out, const report_run *run)
{
    bool any = false;
    for (int i = 0; i < REPORT_EXAMPLES; i++) {
        if (!run->examples[i].text) continue;
        if (!any) open_section(out, "Rollouts", run);
        any = true;
        add_example(out, &run->examples[i]);
    }
}
