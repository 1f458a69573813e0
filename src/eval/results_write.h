/* Adding to a file of results. */
#ifndef EVAL_RESULTS_WRITE_H
#define EVAL_RESULTS_WRITE_H

#include <masa/judge.h>
#include <masa/results.h>

typedef enum eval_sample_kind { EVAL_SOLUTION, EVAL_META } eval_sample_kind;

/* Registers the benchmark and how much of it is wanted. */
masa_status results_add_benchmark(long *id, masa_results *r, const masa_benchmark *benchmark,
                                  size_t problems, size_t samples, size_t meta_samples,
                                  masa_error *err);
/* Registers a problem. One that is there with another prompt or gold is MASA_ERR_CONFIG.
 */
masa_status results_add_problem(long *id, masa_results *r, long benchmark,
                                const masa_problem *problem, long prompt_tokens,
                                long meta_prompt_tokens, masa_error *err);
/* How many of the first `wanted` samples of the kind are there. */
masa_status results_count(size_t *out, masa_results *r, long problem, eval_sample_kind kind,
                          size_t wanted, masa_error *err);

/* Adds a sample or replaces it; verdict and rule may come later. */
masa_status results_add_sample(masa_results *r, long problem, eval_sample_kind kind,
                               const masa_result_sample *sample, const char *rule,
                               masa_error *err);
masa_status results_set_verdict(masa_results *r, long problem, size_t sample,
                                const masa_judgement *judgement, masa_error *err);
/* Solutions without a verdict; caller frees through results_samples_free. */
masa_status results_unjudged(masa_result_sample **out, size_t *n, masa_results *r, long problem,
                             masa_error *err);
void results_samples_free(masa_result_sample *samples, size_t n);

/* Writes everything so far to the disk. */
masa_status results_commit(masa_results *r, masa_error *err);

#endif
