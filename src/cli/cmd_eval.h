/* masa eval: what its files share. */
#ifndef MASA_CLI_EVAL_H
#define MASA_CLI_EVAL_H

#include <masa/config.h>
#include <masa/summary.h>

#include "text_model.h"

/* Where results go when nothing is said. */
#define eval_default_out "eval.sqlite"

/* The command line. */
typedef struct eval_command {
    text_model text;
    const char *benchmarks, *data, *problems, *rules, *suffix, *out, *export_folder, *figure;
    const char *template_path; /* of the meta prompt */
    long samples, max_tokens, limit, seed, batch, cache;
    long meta_samples, meta_max_tokens, length_min, length_max;
    double temperature, top_p, sigma, tolerance;
    masa_meta_options method; /* how predictions are scored, as masa train does */
    bool meta, compare, gain, json, list, quiet;
} eval_command;

/* What is evaluated: a model, or a run's checkpoint with the run's settings. */
typedef struct eval_subject {
    masa_config config; /* the run's; else masa train's defaults */
    char *checkpoint;   /* of the run, or NULL */
    masa_text template_text;
    const char *meta_template; /* NULL: the built-in one */
    const char *meta_system;   /* NULL: masa_meta_system */
    char *predictor; /* folder of the factors that its predictions are made with, or NULL */
} eval_subject;
masa_status eval_subject_open(eval_subject *subject, eval_command *command, masa_error *err);
void eval_subject_close(eval_subject *subject);

/* Samples what is asked for into the file `out`. MASA_ERR_INTERRUPTED keeps what is done.
 */
masa_status eval_sample(eval_command *command, masa_error *err);

/* Reads a file of results (of a folder: the one of the usual name in it) and its settings,
 * JSON that the caller frees. */
masa_status eval_read_file(masa_result_sets *sets, char **settings, const char *path,
                           masa_error *err);
/* How its predictions are judged: by the length range that they were asked for. */
masa_meta_judge eval_judge(const eval_command *command, const char *settings);

/* --gain: what goes with the accuracy from one of these files of results to the next. */
masa_status eval_gain(const eval_command *command, int n, char *const *paths, masa_error *err);

/* --figure: predicted against true pass rates of the files, written as SVG. */
masa_status eval_figure(const eval_command *command, int n, char *const *paths,
                        masa_error *err);

/* The results of a file as a table (accuracy, then predictions where there are some), or
 * as JSON Lines, on standard output. path names the file in JSON. */
void eval_print_sets(const masa_result_sets *sets, const char *path,
                     const masa_meta_judge *judge, bool json);

/* What --compare says of one benchmark. */
void eval_print_contrast(const char *benchmark, const masa_contrast *contrasts, size_t n,
                         size_t unmatched, bool json);

#endif
