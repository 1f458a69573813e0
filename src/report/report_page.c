/* The page itself, and the sections on all runs together. */
#include "report_page.h"

#include <masa/clock.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "plot.h"

/* No source of anything but the style below: a browser then runs no script, whatever a
 * rollout holds. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n"
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">\n"
    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n";

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:1280px;margin:2em auto;padding:0 "
    "1em;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}h3{font-size:1em}\n"
    "table{border-collapse:collapse;margin:1em 0;display:block;max-width:100%;"
    "overflow-x:auto;overflow-wrap:normal}\n"
    "th,td{padding:.2em .8em;text-align:right;border-bottom:1px solid #8885}\n"
    "th:first-child,td:first-child{text-align:left}\n"
    ".plots{display:flex;flex-wrap:wrap;gap:1em}\n"
    "figure{margin:0;min-width:0;max-width:100%}figcaption{font-weight:600;padding-left:52px}\n"
    "svg{max-width:100%;height:auto}\n"
    "svg text{font-size:11px;fill:currentColor;opacity:.75}\n"
    ".mid{text-anchor:middle}.end{text-anchor:end}\n"
    ".tick{stroke:#8884}.diagonal{stroke:currentColor;stroke-dasharray:4 3;opacity:.5}\n"
    ".cell{fill:#1f77b4}svg g path{fill:none;stroke-width:1.8}\n"
    ".key{display:inline-block;width:1.2em;height:.25em;vertical-align:middle;"
    "margin-right:.4em;background:var(--c)}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.8em;"
    "max-height:30em;overflow:auto}\n"
    "details{margin:.5em 0}summary{cursor:pointer}\n";

void page_open(masa_text *out, const report_run *runs, size_t n)
{
    masa_text_add(out, head);
    masa_text_add(out, "<title>masa: ");
    html_text(out, runs[0].label);
    if (n > 1) masa_text_addf(out, " and %zu more", n - 1);
    masa_text_addf(out, "</title>\n%s", style);
    for (int i = 0; i < PLOT_LOOKS; i++)
        masa_text_addf(out, ".line%d{--c:%s;stroke:%s}.line%d circle{fill:%s}\n", i,
                       plot_colours[i], plot_colours[i], i, plot_colours[i]);
    masa_text_addf(out, "</style>\n<h1>Training of %zu run%s</h1>\n", n, n == 1 ? "" : "s");
}

void page_close(masa_text *out)
{
    masa_text_add(out, "</html>\n");
}

/* ---- what each run came to ---- */

static void add_cell(masa_text *out, const char *format, double value)
{
    masa_text_add(out, "<td>");
    if (isfinite(value)) masa_text_addf(out, format, value);
    else masa_text_add(out, "-");
}

static void add_row(masa_text *out, const report_run *run, size_t look)
{
    const masa_curve *c = &run->curve;
    double spent[MASA_COSTS];
    for (int cost = 0; cost < MASA_COSTS; cost++)
        spent[cost] = masa_curve_spent(c, (masa_cost)cost);
    double best = NAN;
    for (size_t i = 0; i < c->n; i++) best = fmax(best, c->points[i].accuracy);
    masa_text_addf(out, "<tr><td><span class=\"key line%zu\"></span>", look % PLOT_LOOKS);
    html_text(out, run->label);
    masa_text_addf(out, "<td>%ld of %ld", run->last_step < 0 ? 0 : run->last_step, run->steps);
    add_cell(out, "%.1f %%", c->n ? 100 * c->points[0].accuracy : NAN);
    add_cell(out, "%.1f %%", 100 * masa_curve_final(c));
    add_cell(out, "%.1f %%", 100 * best);
    add_cell(out, "%.3g", spent[MASA_COST_TOKENS] / 1e6);
    add_cell(out, "%.3g", spent[MASA_COST_SECONDS] / 60);
    add_cell(out, "%.3g", spent[MASA_COST_CPU] / 60);
    add_cell(out, "%.3g", spent[MASA_COST_FLOPS] / 1e15);
    masa_text_add(out, "\n");
}

void page_summary(masa_text *out, const report_run *runs, size_t n)
{
    masa_text_add(out,
                  "<p>Accuracy is on unseen problems; time is that of rollouts and updates "
                  "up to the last evaluation.\n"
                  "<table><tr><th>run<th>steps<th>accuracy at first<th>at last<th>best"
                  "<th>M tokens<th>min<th>processor min<th>PFLOP\n");
    for (size_t i = 0; i < n; i++) add_row(out, &runs[i], i);
    masa_text_add(out, "</table>\n");
}

/* ---- health ---- */

void page_events(masa_text *out, const report_run *runs, size_t n)
{
    size_t events = 0;
    for (size_t i = 0; i < n; i++) events += runs[i].n_events;
    if (events == 0) return;
    masa_text_add(out, "<h2>What looks wrong</h2>\n<ul>\n");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].n_events; k++) {
            const report_event *event = &runs[i].events[k];
            masa_text_add(out, "<li>");
            if (n > 1) html_text(out, runs[i].label);
            masa_text_addf(out, "%sstep %ld: ", n > 1 ? ", " : "", event->step);
            html_text(out, event->text);
            masa_text_add(out, "\n");
        }
    masa_text_add(out, "</ul>\n");
}

/* ---- curves ---- */

/* Accuracy over a cost. */
static void plot_accuracy(masa_text *out, const report_run *runs, size_t n, masa_cost cost,
                          const char *x_title, double scale)
{
    plot_line *lines = masa_alloc(n, sizeof *lines);
    double **storage = masa_alloc(n, sizeof *storage);
    for (size_t i = 0; i < n; i++) {
        const masa_curve *c = &runs[i].curve;
        storage[i] = masa_alloc(2 * c->n + 1, sizeof **storage);
        for (size_t k = 0; k < c->n; k++) {
            storage[i][k] = c->points[k].spent[cost] / scale;
            storage[i][c->n + k] = 100 * c->points[k].accuracy;
        }
        lines[i] = (plot_line){.x = storage[i],
                               .y = storage[i] + c->n,
                               .n = c->n,
                               .look = i,
                               .label = runs[i].label};
    }
    plot_lines(out, "accuracy on unseen problems (%)", x_title, lines, n);
    for (size_t i = 0; i < n; i++) free(storage[i]);
    free(storage);
    free(lines);
}

static bool same_series(const report_series *a, const report_series *b)
{
    if (!a || !b) return a == b;
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->step[i] != b->step[i] ||
            (a->value[i] != b->value[i] && !(isnan(a->value[i]) && isnan(b->value[i]))))
            return false;
    return true;
}

/* The names of metrics that have a plot, borrowed. */
typedef struct plotted {
    const char **items;
    size_t n, capacity;
} plotted;

/* A metric that went the same way as an earlier one in every run (accuracy and reward often
 * do) has no plot of its own: NULL, or the earlier one's name. */
static const char *plotted_as(const plotted *p, const report_run *runs, size_t n,
                              const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        bool same = true;
        for (size_t k = 0; k < n && same; k++)
            same = same_series(report_run_series(&runs[k], name),
                               report_run_series(&runs[k], p->items[i]));
        if (same) return p->items[i];
    }
    return NULL;
}

static bool recorded(const report_run *runs, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++) {
        const report_series *s = report_run_series(&runs[k], name);
        for (size_t i = 0; s && i < s->n; i++)
            if (isfinite(s->value[i])) return true;
    }
    return false;
}

static void plot_metric(masa_text *out, plotted *p, const report_run *runs, size_t n,
                        const char *name)
{
    if (!recorded(runs, n, name)) return;
    const char *as = plotted_as(p, runs, n, name);
    if (as) {
        masa_text_add(out, "<p>");
        html_text(out, name);
        masa_text_add(out, " is as ");
        html_text(out, as);
        masa_text_add(out, ".\n");
        return;
    }
    MASA_PUSH(p->items, p->n, p->capacity, name);
    plot_line *lines = masa_alloc(n, sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        const report_series *s = report_run_series(&runs[i], name);
        if (s)
            lines[i] = (plot_line){
                .x = s->step, .y = s->value, .n = s->n, .look = i, .label = runs[i].label};
    }
    plot_lines(out, name, "step", lines, n);
    free(lines);
}

static const char *const first_metrics[] = {"reward",    "accuracy",      "length",   "entropy",
                                            "truncated", "zero_variance", "grad_norm"};
/* In their place where a run is supervised: there is no reward. */
static const char *const supervised_metrics[] = {"loss", "heldout_loss"};
enum { FIRST_METRICS = sizeof first_metrics / sizeof *first_metrics };

static bool has_plot(const plotted *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i], name) == 0) return true;
    return strcmp(name, "eval_accuracy") == 0;
}

static bool among_first(const char *name)
{
    for (int i = 0; i < FIRST_METRICS; i++)
        if (strcmp(first_metrics[i], name) == 0) return true;
    return false;
}

static bool in_earlier_run(const report_run *runs, size_t i, const char *name)
{
    for (size_t k = 0; k < i; k++)
        if (report_run_series(&runs[k], name)) return true;
    return false;
}

void page_curves(masa_text *out, const report_run *runs, size_t n)
{
    plotted p = {0};
    masa_text_add(out, "<h2>Learning</h2>\n<div class=plots>\n");
    plot_accuracy(out, runs, n, MASA_COST_STEPS, "step", 1);
    plot_accuracy(out, runs, n, MASA_COST_TOKENS, "million tokens generated", 1e6);
    plot_accuracy(out, runs, n, MASA_COST_SECONDS, "minutes of rollouts and updates", 60);
    plot_accuracy(out, runs, n, MASA_COST_CPU, "processor minutes", 60);
    plot_accuracy(out, runs, n, MASA_COST_FLOPS, "PFLOP, estimated", 1e15);
    for (size_t i = 0; !recorded(runs, n, "reward") && i < 2; i++)
        plot_metric(out, &p, runs, n, supervised_metrics[i]);
    for (int i = 0; i < FIRST_METRICS; i++) plot_metric(out, &p, runs, n, first_metrics[i]);
    masa_text_add(out, "</div>\n<details><summary>All other metrics</summary>\n"
                       "<div class=plots>\n");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].n_series; k++) {
            const char *name = runs[i].series[k].name;
            if (!has_plot(&p, name) && !among_first(name) && !in_earlier_run(runs, i, name))
                plot_metric(out, &p, runs, n, name);
        }
    masa_text_add(out, "</div></details>\n");
    free(p.items);
}

/* ---- settings ---- */

void page_settings(masa_text *out, const report_run *runs, size_t n)
{
    masa_text yaml = {0}, difference = {0};
    masa_config_print(&runs[0].config, false, &yaml);
    masa_text_add(out, "<h2>Settings</h2>\n<details><summary>");
    html_text(out, runs[0].label);
    masa_text_add(out, "</summary><pre>");
    html_text(out, masa_text_get(&yaml));
    masa_text_add(out, "</pre></details>\n");
    for (size_t i = 1; i < n; i++) {
        masa_text_clear(&difference);
        size_t differ = masa_config_difference(&runs[0].config, &runs[i].config, &difference);
        masa_text_add(out, "<p><b>");
        html_text(out, runs[i].label);
        masa_text_add(out, differ ? "</b> differs in: " : "</b> has the same settings.");
        html_text(out, masa_text_get(&difference));
        masa_text_add(out, "\n");
    }
    masa_text_deinit(&yaml);
    masa_text_deinit(&difference);
}
