/**
 * Benchmarks: a description (a small YAML file) and the problems it makes of a data file.
 *
 *     masa_benchmark *b = NULL; masa_problems problems = {0};
 *     st = masa_benchmark_open(&b, "gsm8k", err);              // or "mine.yaml"
 *     st = masa_benchmark_load(&problems, b, "data", 0, err);  // data/gsm8k_test.jsonl
 *
 * The keys of a description are in docs/evaluation.md.
 */
#ifndef MASA_BENCHMARK_H
#define MASA_BENCHMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/problems.h>

/* A description. Strings may be NULL where "optional" is said. */
typedef struct masa_benchmark {
    char *name, *title;          /* title is optional */
    char *file;                  /* of the data, in the data folder */
    int lines;                   /* problems it should have; 0: not known */
    char *licence;               /* optional, as are source and form */
    char *source;                /* where the data can be had */
    char *form;                  /* what the file must look like */
    char *kind;                  /* of problems that do not say; optional: math */
    char *rules;                 /* where answers may stand; optional: what the line says */
    double tolerance;            /* relative, of numbers; 0: exact */
    char *only;                  /* optional "member=value": the lines that count */
    char *example_file;          /* optional; in the data folder, for {example} */
    int examples;                /* worked examples taken from it; 0: all */
    masa_problem_fields *fields; /* optional */
    char *question;              /* template of the problem; optional */
    char *prompt;                /* template of the user's turn; NULL of a user's own file: */
    char *suffix, *code_suffix;  /* then behind the question, of programs the second */
} masa_benchmark;

/** A built-in benchmark by name, or a description file (a path with "/" or ".yaml"). */
masa_status masa_benchmark_open(masa_benchmark **out, const char *name, masa_error *err);
/** A description from text; path is for messages. */
masa_status masa_benchmark_parse(masa_benchmark **out, const char *yaml, size_t size,
                                 const char *path, masa_error *err);
/** The description of a user's own problem file: prompts are those of masa_problem_add_request
 *  with the suffix, of programs with code_suffix. */
masa_benchmark *masa_benchmark_for_file(const char *path, const char *suffix,
                                        const char *code_suffix);
void masa_benchmark_close(masa_benchmark *benchmark);
/** Built-in names in alphabetical order; NULL after the last. */
const char *masa_benchmark_name(size_t index);

/**
 * Reads the data file from data_folder (NULL: the file's name is the path), with a prompt for
 * each problem. limit 0: all. Free with masa_problems_deinit.
 * A missing file is MASA_ERR_IO and says where to get it and in which form; a line that
 * lacks what the description needs, two problems of one id, or another number of problems
 * than the description expects are MASA_ERR_DATA.
 */
masa_status masa_benchmark_load(masa_problems *out, const masa_benchmark *benchmark,
                                const char *data_folder, size_t limit, masa_error *err);

#endif
