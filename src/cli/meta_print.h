/* What masa meta says at its end: means, causes of zeros, and the measures of how well
 * predictions agree with what happened. */
#ifndef MASA_CLI_META_PRINT_H
#define MASA_CLI_META_PRINT_H

#include <masa/gate.h>
#include <masa/measures.h>

/* A growing list of numbers. */
typedef struct meta_numbers {
    double *items;
    size_t n, capacity;
} meta_numbers;

typedef struct meta_summary {
    size_t n_problems, n_answers;
    double difficulty, length, notion, total; /* sums of the rewards */
    size_t causes[3][MASA_META_CAUSES];       /* of their zeros */
    meta_numbers rates_predicted, rates_true; /* a problem each */
    meta_numbers lengths_predicted, lengths_true;
    masa_gate_counts gate;
    masa_length_errors correct, incorrect;
} meta_summary;

void meta_summary_add_reward(meta_summary *summary, const masa_meta_reward *reward);
void meta_summary_add_problem(meta_summary *summary, const masa_forecast *forecast,
                              const masa_solutions *solutions,
                              const masa_statistics_summary *truth, bool gate_closed);
/* Writes it to standard error. */
void meta_summary_print(const meta_summary *summary);
void meta_summary_deinit(meta_summary *summary);

#endif
