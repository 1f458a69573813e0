/* Results for people and for programs. */
#include "cmd_eval.h"

#include "text_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

static void set_real(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, isfinite(value) ? json_real(value) : json_null());
}

static void set_count(json_t *object, const char *name, size_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_interval(json_t *object, const char *name, masa_interval i)
{
    json_t *pair = json_array();
    json_array_append_new(pair, isfinite(i.low) ? json_real(i.low) : json_null());
    json_array_append_new(pair, isfinite(i.high) ? json_real(i.high) : json_null());
    json_object_set_new(object, name, pair);
}

static json_t *agreement_json(const masa_agreement *a)
{
    json_t *o = json_object();
    set_count(o, "problems", a->n);
    set_real(o, "pearson", a->pearson);
    set_interval(o, "pearson_interval", a->pearson_interval);
    set_real(o, "spearman", a->spearman);
    set_interval(o, "spearman_interval", a->spearman_interval);
    set_real(o, "mean_absolute_error", a->error);
    set_interval(o, "mean_absolute_error_interval", a->error_interval);
    return o;
}

static json_t *causes_json(const size_t causes[MASA_META_CAUSES])
{
    json_t *o = json_object();
    for (int c = 0; c < MASA_META_CAUSES; c++)
        if (causes[c]) set_count(o, masa_meta_cause_text((masa_meta_cause)c), causes[c]);
    return o;
}

static json_t *length_errors_json(const masa_length_errors *e)
{
    json_t *o = json_object();
    set_count(o, "solutions", e->n);
    set_real(o, "mean", masa_length_errors_mean(e));
    set_real(o, "deviation", masa_length_errors_deviation(e));
    return o;
}

static json_t *records_json(const masa_meta_summary *m, const masa_result_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n; i++) {
        const masa_meta_record *r = &m->records[i];
        json_t *o = json_object();
        json_object_set_new(o, "id", json_string(set->problems[r->problem].id));
        set_real(o, "predicted_pass_rate", r->predicted_rate);
        set_real(o, "pass_rate", r->true_rate);
        set_real(o, "predicted_length", r->predicted_length);
        set_real(o, "length", r->true_length);
        set_real(o, "reward", r->total);
        json_object_set_new(o, "gate_closed", json_boolean(r->gate_closed));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *meta_json(const masa_meta_summary *m, const masa_result_set *set)
{
    static const char *const components[] = {"pass_rate", "length", "notion"};
    json_t *o = json_object(), *rewards = json_object(), *causes = json_object(),
           *gate = json_object(), *bins = json_array();
    set_count(o, "problems", m->n);
    set_count(o, "predictions", m->n_predictions);
    set_real(rewards, "difficulty", m->difficulty);
    set_real(rewards, "length", m->length);
    set_real(rewards, "notion", m->notion);
    set_real(rewards, "total", m->total);
    for (int k = 0; k < 3; k++)
        json_object_set_new(causes, components[k], causes_json(m->causes[k]));
    for (int k = 0; k < MASA_META_BINS; k++)
        json_array_append_new(bins, json_pack("{s:I,s:f,s:f}", "problems",
                                              (json_int_t)m->bins[k].n, "predicted",
                                              m->bins[k].predicted, "true", m->bins[k].truth));
    set_count(gate, "closed", (size_t)(m->gate.closed_rightly + m->gate.closed_wrongly));
    set_real(gate, "precision", masa_gate_precision(&m->gate));
    set_real(gate, "recall", masa_gate_recall(&m->gate));
    set_real(gate, "f1", masa_gate_f1(&m->gate));
    json_object_set_new(o, "rewards", rewards);
    json_object_set_new(o, "causes", causes);
    json_object_set_new(o, "pass_rate", agreement_json(&m->rate));
    set_real(o, "calibration_error", m->calibration_error);
    json_object_set_new(o, "calibration", bins);
    json_object_set_new(o, "length", agreement_json(&m->lengths));
    json_object_set_new(o, "gate", gate);
    json_object_set_new(o, "length_error_correct", length_errors_json(&m->correct));
    json_object_set_new(o, "length_error_incorrect", length_errors_json(&m->incorrect));
    set_real(o, "token_share", m->token_share);
    json_object_set_new(o, "by_problem", records_json(m, set));
    return o;
}

static void print_json(const masa_result_set *set, const char *path, const masa_eval_summary *s,
                       const masa_meta_summary *m)
{
    json_t *o = json_object(), *pass = json_object();
    json_object_set_new(o, "benchmark", json_string(set->benchmark));
    json_object_set_new(o, "results", json_string(path));
    set_count(o, "problems", s->problems);
    set_count(o, "problems_wanted", set->wanted_problems);
    set_count(o, "samples", s->samples);
    set_real(o, "accuracy", s->accuracy);
    set_interval(o, "accuracy_interval", s->interval);
    set_real(o, "accuracy_deviation", s->deviation);
    for (size_t i = 0; i < s->n_pass; i++) {
        char k[32];
        snprintf(k, sizeof k, "%zu", s->pass[i].k);
        set_real(pass, k, s->pass[i].value);
    }
    json_object_set_new(o, "pass", pass);
    set_real(o, "majority", s->majority);
    set_real(o, "truncated", s->truncated);
    set_real(o, "no_answer", s->no_answer);
    set_real(o, "undecided", s->undecided);
    set_real(o, "prompt_too_long", s->too_long);
    set_real(o, "tokens", s->tokens);
    set_real(o, "tokens_right", s->tokens_right);
    set_real(o, "tokens_wrong", s->tokens_wrong);
    if (m->n) json_object_set_new(o, "meta", meta_json(m, set));
    json_print_line(o);
    json_decref(o);
}

/* ---- tables ---- */

/* A number in `width` columns, "-" where there is none. */
static void print_number(int width, int digits, double value)
{
    if (isfinite(value)) printf(" %*.*f", width, digits, value);
    else printf(" %*s", width, "-");
}

static void print_row(const masa_result_set *set, const masa_eval_summary *s)
{
    char problems[48];
    snprintf(problems, sizeof problems, s->problems < set->wanted_problems ? "%zu/%zu" : "%zu",
             s->problems, set->wanted_problems);
    printf("%-18s %9s %4zu", set->benchmark, problems, s->samples);
    print_number(6, 1, 100 * s->accuracy);
    print_number(6, 1, 100 * s->interval.low);
    print_number(6, 1, 100 * s->interval.high);
    print_number(5, 1, 100 * s->deviation);
    print_number(6, 1, s->n_pass ? 100 * s->pass[s->n_pass - 1].value : NAN);
    print_number(6, 1, 100 * s->majority);
    print_number(6, 1, 100 * s->truncated);
    print_number(6, 1, 100 * s->no_answer);
    print_number(7, 0, s->tokens);
    printf("\n");
}

static void print_pass(const masa_result_set *set, const masa_eval_summary *s)
{
    if (s->n_pass > 2) {
        printf("%s:", set->benchmark);
        for (size_t i = 0; i < s->n_pass; i++)
            printf("%s pass@%zu %.1f", i ? "," : "", s->pass[i].k, 100 * s->pass[i].value);
        printf("\n");
    }
    if (s->undecided > 0)
        printf("%s: %.1f %% of the answers were too hard to check\n", set->benchmark,
               100 * s->undecided);
    if (s->too_long > 0)
        printf("%s: %.1f %% of the prompts did not fit the model's context\n", set->benchmark,
               100 * s->too_long);
}

static void print_measure(const char *name, double value, masa_interval interval)
{
    printf("%s", name);
    print_number(6, 3, value);
    if (isfinite(interval.low)) printf(" (%.3f to %.3f)", interval.low, interval.high);
}

static void print_agreement(const char *name, const masa_agreement *a)
{
    printf("  %-12s %5zu problems ", name, a->n);
    print_measure(" Pearson", a->pearson, a->pearson_interval);
    print_measure("  Spearman", a->spearman, a->spearman_interval);
    printf("  mean error");
    print_number(6, a->error < 10 ? 3 : 1, a->error);
    printf("\n");
}

static void print_causes(const char *name, const size_t causes[MASA_META_CAUSES], size_t n)
{
    printf("  %-12s valid %.1f %%", name,
           100 * (double)causes[MASA_META_VALID] / (double)(n ? n : 1));
    for (int c = MASA_META_VALID + 1; c < MASA_META_CAUSES; c++)
        if (causes[c])
            printf(", %s %.1f %%", masa_meta_cause_text((masa_meta_cause)c),
                   100 * (double)causes[c] / (double)n);
    printf("\n");
}

static void print_length_error(const char *name, const masa_length_errors *e)
{
    printf("  length error of %s solutions, standardised: mean", name);
    print_number(0, 2, masa_length_errors_mean(e));
    printf(", deviation");
    print_number(0, 2, masa_length_errors_deviation(e));
    printf(" (%zu)\n", e->n);
}

static void print_meta(const masa_result_set *set, const masa_meta_summary *m)
{
    printf("\n%s: %zu predictions for %zu problems, %.1f %% of all tokens\n", set->benchmark,
           m->n_predictions, m->n, 100 * m->token_share);
    printf("  mean rewards: difficulty %.3f, length %.3f, notion %.3f, total %.3f\n",
           m->difficulty, m->length, m->notion, m->total);
    print_causes("pass rate", m->causes[0], m->n_predictions);
    print_causes("length", m->causes[1], m->n_predictions);
    print_causes("notions", m->causes[2], m->n_predictions);
    print_agreement("pass rate", &m->rate);
    print_agreement("length", &m->lengths);
    printf("  calibration error of the pass rate");
    print_number(0, 3, m->calibration_error);
    printf("\n  gate: %zu closed, precision",
           (size_t)(m->gate.closed_rightly + m->gate.closed_wrongly));
    print_number(0, 3, masa_gate_precision(&m->gate));
    printf(", recall");
    print_number(0, 3, masa_gate_recall(&m->gate));
    printf(", F1");
    print_number(0, 3, masa_gate_f1(&m->gate));
    printf("\n");
    print_length_error("correct", &m->correct);
    print_length_error("incorrect", &m->incorrect);
}

static void print_head(void)
{
    printf("%-18s %9s %4s %6s %6s %6s %5s %6s %6s %6s %6s %7s\n", "benchmark", "problems", "n",
           "avg@n", "low", "high", "dev", "pass@n", "maj@n", "trunc", "none", "tokens");
}

void eval_print_sets(const masa_result_sets *sets, const char *path,
                     const masa_meta_judge *judge, bool json)
{
    masa_eval_summary *summaries = calloc(sets->n + 1, sizeof *summaries);
    if (!summaries) abort();
    if (!json) print_head();
    double sum = 0;
    for (size_t i = 0; i < sets->n; i++) {
        masa_eval_summarise(&summaries[i], &sets->items[i], &MASA_BOOTSTRAP_DEFAULTS);
        sum += summaries[i].accuracy;
        if (!json) print_row(&sets->items[i], &summaries[i]);
    }
    if (!json && sets->n > 1)
        printf("%-18s %9s %4s %6.1f\n", "mean", "", "", 100 * sum / (double)sets->n);
    for (size_t i = 0; !json && i < sets->n; i++) print_pass(&sets->items[i], &summaries[i]);
    for (size_t i = 0; i < sets->n; i++) {
        masa_meta_summary meta;
        masa_meta_summarise(&meta, &sets->items[i], judge, &MASA_BOOTSTRAP_DEFAULTS);
        if (json) print_json(&sets->items[i], path, &summaries[i], &meta);
        else if (meta.n) print_meta(&sets->items[i], &meta);
        masa_meta_summary_deinit(&meta);
    }
    free(summaries);
}

/* ---- comparison ---- */

static void print_contrast_json(const char *benchmark, const masa_contrast *c)
{
    const masa_paired *p = &c->paired;
    json_t *o = json_object();
    json_object_set_new(o, "benchmark", json_string(benchmark));
    json_object_set_new(o, "measure", json_string(c->measure));
    set_count(o, "problems", p->n);
    set_real(o, "a", p->mean_a);
    set_real(o, "b", p->mean_b);
    set_real(o, "difference", p->difference);
    set_interval(o, "interval", p->interval);
    set_real(o, "p_value", p->p_value);
    json_object_set_new(o, "exact", json_boolean(p->exact));
    set_count(o, "greater", p->better);
    set_count(o, "less", p->worse);
    json_object_set_new(o, "lower_is_better", json_boolean(c->lower_is_better));
    json_print_line(o);
    json_decref(o);
}

void eval_print_contrast(const char *benchmark, const masa_contrast *contrasts, size_t n,
                         size_t unmatched, bool json)
{
    for (size_t i = 0; json && i < n; i++) print_contrast_json(benchmark, &contrasts[i]);
    if (json) return;
    printf("%s\n  %-18s %8s %9s %9s %9s  %-20s %8s\n", benchmark, "", "problems", "A", "B",
           "B - A", "95 % interval", "p");
    for (size_t i = 0; i < n; i++) {
        const masa_paired *p = &contrasts[i].paired;
        char interval[48];
        int digits = fabs(p->mean_a) < 10 && fabs(p->mean_b) < 10 ? 4 : 1;
        snprintf(interval, sizeof interval, "%+.*f to %+.*f", digits, p->interval.low, digits,
                 p->interval.high);
        printf("  %-18s %8zu %9.*f %9.*f %+9.*f  %-20s %8.4f\n", contrasts[i].measure, p->n,
               digits, p->mean_a, digits, p->mean_b, digits, p->difference, interval,
               p->p_value);
    }
    if (unmatched) printf("  %zu problems are complete in one file only\n", unmatched);
}
