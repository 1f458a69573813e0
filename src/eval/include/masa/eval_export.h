/** Results in the form that lm-evaluation-harness writes with --log_samples. */
#ifndef MASA_EVAL_EXPORT_H
#define MASA_EVAL_EXPORT_H

#include <masa/results.h>
#include <masa/statistics.h>

/**
 * Writes folder/samples_BENCHMARK_DATE.jsonl for every set, a line a complete problem,
 * and folder/results_DATE.json. A problem's n samples are n entries of "resps", its
 * verdicts "exact_match", their mean. settings: the file's, as masa_results_settings
 * gives them.
 */
masa_status masa_eval_export(const char *folder, const masa_result_sets *sets,
                             const char *settings, const masa_bootstrap_options *bootstrap,
                             masa_error *err);

#endif
