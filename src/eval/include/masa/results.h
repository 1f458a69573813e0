/**
 * Results of evaluations: one SQLite file with every sample, readable with any SQLite
 * tool while an evaluation writes it (tables: docs/evaluation.md).
 *
 * Another program that has locked the file is waited for: to read it some seconds, to write it
 * until it has let go or a stop is asked for (MASA_ERR_INTERRUPTED).
 *
 * Errors are MASA_ERR_IO (full disk, locked) or MASA_ERR_FORMAT (no such file of ours,
 * damaged), naming the file. One thread at a time.
 */
#ifndef MASA_RESULTS_H
#define MASA_RESULTS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <masa/benchmark.h>
#include <masa/error.h>

typedef struct masa_results masa_results;

typedef enum masa_results_mode { MASA_RESULTS_WRITE, MASA_RESULTS_READ } masa_results_mode;

/** WRITE creates the file when it is missing, and keeps others from writing to it. stop, borrowed:
 *  a lock is no longer waited for once *stop is not 0; NULL: nothing ends that. */
masa_status masa_results_open(masa_results **out, const char *path, masa_results_mode mode,
                              const volatile sig_atomic_t *stop, masa_error *err);
/** Commits what was added. NULL is fine. */
void masa_results_close(masa_results *results);

/**
 * Binds the file to the settings its samples depend on, a JSON object: kept in a new
 * file, compared with an old one. A difference is MASA_ERR_CONFIG and names the setting.
 */
masa_status masa_results_bind(masa_results *results, const char *settings, masa_error *err);
/** The settings' JSON; caller frees. */
masa_status masa_results_settings(char **out, masa_results *results, masa_error *err);

/* ---- reading ---- */

typedef struct masa_result_sample {
    size_t sample; /* its number, 0.. */
    char *text;
    size_t text_size;
    char *answer;  /* as extracted, or NULL */
    char *verdict; /* masa_judgement's; NULL: not judged (a meta sample, or broken off) */
    bool right;
    long tokens;
    char *cause; /* masa_stop_cause_name, or "prompt": that did not fit the context */
    double seconds;
} masa_result_sample;

typedef struct masa_result_problem {
    char *id, *question, *prompt, *gold;
    masa_problem_kind kind;
    size_t place;
    long prompt_tokens, meta_prompt_tokens;
    masa_result_sample *samples, *meta; /* by number */
    size_t n_samples, n_meta;
} masa_result_problem;

/* A benchmark's part of a file. */
typedef struct masa_result_set {
    char *benchmark, *title;
    size_t wanted_samples, wanted_meta; /* of each problem */
    size_t wanted_problems;
    masa_result_problem *problems; /* by place; those that have samples */
    size_t n;
} masa_result_set;

typedef struct masa_result_sets {
    masa_result_set *items;
    size_t n, capacity;
} masa_result_sets;

/** Everything in the file, benchmarks in the order they were first evaluated. */
masa_status masa_results_read(masa_result_sets *out, masa_results *results, masa_error *err);
void masa_result_sets_deinit(masa_result_sets *sets);
/** Whether a problem has all samples and all of them are judged. */
bool masa_result_complete(const masa_result_set *set, const masa_result_problem *problem);

#endif
