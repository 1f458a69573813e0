#include "meta_print.h"
#include "output.h"

#include <masa/memory.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void add(meta_numbers *numbers, double x)
{
    MASA_PUSH(numbers->items, numbers->n, numbers->capacity, x);
}

void meta_summary_add_reward(meta_summary *s, const masa_meta_reward *r)
{
    s->n_answers++;
    s->difficulty += r->difficulty;
    s->length += r->length;
    s->notion += r->notion;
    s->total += r->total;
    s->causes[0][r->difficulty_cause]++;
    s->causes[1][r->length_cause]++;
    s->causes[2][r->notion_cause]++;
}

void meta_summary_add_problem(meta_summary *s, const masa_forecast *f,
                              const masa_solutions *solutions,
                              const masa_statistics_summary *truth, bool gate_closed)
{
    s->n_problems++;
    if (truth->n == 0) return;
    masa_gate_count(&s->gate, gate_closed, truth->n_correct, truth->n);
    if (f->n_pass_rates) {
        add(&s->rates_predicted, f->pass_rate_mean);
        add(&s->rates_true, truth->pass_rate);
    }
    if (f->n_lengths && truth->n_correct) {
        add(&s->lengths_predicted, f->length_mean);
        add(&s->lengths_true, truth->length_mean);
    }
    for (size_t i = 0; i < truth->n; i++)
        masa_length_errors_add(solutions->correct[i] ? &s->correct : &s->incorrect,
                               (double)solutions->lengths[i], f->length_mean,
                               f->length_deviation);
}

static void print_reward(const char *name, double sum, size_t n, const size_t *causes)
{
    fprintf(stderr, "  %-10s %.4f", name, n ? sum / (double)n : 0);
    const char *before = "   zero: ";
    for (int c = MASA_META_VALID + 1; causes && c < MASA_META_CAUSES; c++) {
        if (causes[c] == 0) continue;
        fprintf(stderr, "%s%zu %s", before, causes[c], masa_meta_cause_text(c));
        before = ", ";
    }
    fprintf(stderr, "\n");
}

/* A number, or a dash where there is nothing to measure. */
static void print_measure(const char *name, double value)
{
    if (isnan(value)) fprintf(stderr, ", %s -", name);
    else fprintf(stderr, ", %s %.4f", name, value);
}

static void print_agreement(const char *name, const meta_numbers *predicted,
                            const meta_numbers *truth)
{
    fprintf(stderr, "%s, predicted and true: %zu problems", name, truth->n);
    print_measure("Pearson", masa_pearson(predicted->items, truth->items, truth->n));
    print_measure("Spearman", masa_spearman(predicted->items, truth->items, truth->n));
    print_measure("mean absolute error",
                  masa_mean_absolute_error(predicted->items, truth->items, truth->n));
}

static void print_length_errors(const char *name, const masa_length_errors *e)
{
    fprintf(stderr, "length error of %s rollouts, standardised: %zu rollouts", name, e->n);
    print_measure("mean", masa_length_errors_mean(e));
    print_measure("deviation", masa_length_errors_deviation(e));
    fprintf(stderr, "\n");
}

void meta_summary_print(const meta_summary *s)
{
    masa_calibration_bin bins[10];
    cli_output_flush(); /* on a terminal it comes after the lines */
    fprintf(stderr, "%zu meta responses to %zu problems; mean rewards:\n", s->n_answers,
            s->n_problems);
    print_reward("difficulty", s->difficulty, s->n_answers, s->causes[0]);
    print_reward("length", s->length, s->n_answers, s->causes[1]);
    print_reward("notion", s->notion, s->n_answers, s->causes[2]);
    print_reward("total", s->total, s->n_answers, NULL);
    print_agreement("pass rate", &s->rates_predicted, &s->rates_true);
    print_measure("calibration error",
                  masa_calibration_bins(bins, 10, s->rates_predicted.items, s->rates_true.items,
                                        s->rates_true.n));
    fprintf(stderr, "\n");
    print_agreement("length", &s->lengths_predicted, &s->lengths_true);
    fprintf(stderr, "\ngate: %zu of %zu problems closed",
            (size_t)(s->gate.closed_rightly + s->gate.closed_wrongly), s->n_problems);
    print_measure("precision", masa_gate_precision(&s->gate));
    print_measure("recall", masa_gate_recall(&s->gate));
    print_measure("F1", masa_gate_f1(&s->gate));
    fprintf(stderr, "\n");
    print_length_errors("correct", &s->correct);
    print_length_errors("incorrect", &s->incorrect);
}

void meta_summary_deinit(meta_summary *s)
{
    free(s->rates_predicted.items);
    free(s->rates_true.items);
    free(s->lengths_predicted.items);
    free(s->lengths_true.items);
    *s = (meta_summary){0};
}
