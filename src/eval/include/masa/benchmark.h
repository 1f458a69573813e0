/**
 * Benchmarks: a description (a small YAML file) and the problems it makes of a data file.
 *
 *     masa_benchmark *b = NULL; masa_eval_problems problems = {0};
 *     st = masa_benchmark_open(&b, "gsm8k", err);              // or "mine.yaml"
 *     st = masa_benchmark_load(&problems, b, "data", 0, err);  // data/gsm8k_test.jsonl
 *
 * The keys of a description are in docs/evaluation.md.
 */
#ifndef MASA_BENCHMARK_H
#define MASA_BENCHMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>

/* How a response is judged. */
typedef enum masa_eval_kind {
    MASA_EVAL_MATH, /* the first four as in masa_answer_kind */
    MASA_EVAL_NUMERIC,
    MASA_EVAL_CHOICE,
    MASA_EVAL_LITERAL,
    MASA_EVAL_CODE, /* a program that must pass the problem's tests */
} masa_eval_kind;
/** "math", "numeric", "choice", "code_output" or "code". */
const char *masa_eval_kind_name(masa_eval_kind kind);

/* Names of the members of a data line; NULL: the member's own name. */
typedef struct masa_benchmark_fields {
    char *id, *problem, *answer, *kind, *context, *options, *unit;
    char *tests, *test_setup_code, *entry_point, *inputs, *outputs;
} masa_benchmark_fields;

/* A description. Strings may be NULL where "optional" is said. */
typedef struct masa_benchmark {
    char *name, *title;            /* title is optional */
    char *file;                    /* of the data, in the data folder */
    int lines;                     /* problems it should have; 0: not known */
    char *licence;                 /* optional, as are source and form */
    char *source;                  /* where the data can be had */
    char *form;                    /* what the file must look like */
    char *kind;                    /* of problems that do not say; optional: math */
    char *rules;                   /* where answers may stand; optional: boxed */
    double tolerance;              /* relative, of numbers; 0: exact */
    char *only;                    /* optional "member=value": the lines that count */
    char *example_file;            /* optional; in the data folder, for {example} */
    int examples;                  /* worked examples taken from it; 0: all */
    masa_benchmark_fields *fields; /* optional */
    char *question;                /* template of the problem; optional */
    char *prompt;                  /* template of the user's turn */
} masa_benchmark;

/** A built-in benchmark by name, or a description file (a path with "/" or ".yaml"). */
masa_status masa_benchmark_open(masa_benchmark **out, const char *name, masa_error *err);
/** A description from text; path is for messages. */
masa_status masa_benchmark_parse(masa_benchmark **out, const char *yaml, size_t size,
                                 const char *path, masa_error *err);
/** The description of a user's own problem file: the problem (behind its context), a
 *  space, and the suffix when there is one. */
masa_benchmark *masa_benchmark_for_file(const char *path, const char *suffix);
void masa_benchmark_close(masa_benchmark *benchmark);
/** Built-in names in alphabetical order; NULL after the last. */
const char *masa_benchmark_name(size_t index);

/* A problem, ready to be put to a model. */
typedef struct masa_eval_problem {
    char *id;
    size_t place;   /* in the file, among those that count */
    char *question; /* the problem itself, without instruction or examples */
    char *prompt;   /* the user's turn */
    char *gold;     /* expected answer; the reference program for code */
    masa_eval_kind kind;
    unsigned rules; /* masa_extract_rule */
    double tolerance;
    char **choices; /* [n_choices] */
    size_t n_choices;
    char *preamble, *entry_point, *tests; /* of code */
    bool stdio; /* the program reads standard input: the tests run it as __program__ */
} masa_eval_problem;

typedef struct masa_eval_problems {
    masa_eval_problem *items;
    size_t n, capacity;
} masa_eval_problems;

/**
 * Reads the data file from data_folder (NULL: the file's name is the path). limit 0: all.
 * A missing file is MASA_ERR_IO and says where to get it and in which form; a line that
 * lacks what the description needs, two problems of one id, or another number of problems
 * than the description expects are MASA_ERR_DATA.
 */
masa_status masa_benchmark_load(masa_eval_problems *out, const masa_benchmark *benchmark,
                                const char *data_folder, size_t limit, masa_error *err);
void masa_eval_problems_deinit(masa_eval_problems *problems);

/* The verdict on one response. */
typedef struct masa_judgement {
    bool right;
    const char *verdict; /* as masa_verdict_text; of code: passed, failed, time, ... */
    const char *rule;    /* what decided */
    char *answer;        /* as extracted, or NULL; caller frees */
} masa_judgement;

typedef struct masa_response {
    const masa_eval_problem *problem;
    const char *text;
    size_t size;
    bool truncated; /* its end was cut off, so it has no answer */
} masa_response;

/**
 * Judges n responses into out[n]. Programs run in the sandbox of masa/code.h, as many at
 * once as there are processors; its errors are the only ones, and then out holds nothing.
 * Any number of threads.
 */
masa_status masa_judge_all(masa_judgement *out, const masa_response *responses, size_t n,
                           masa_error *err);
/** The same for one. */
masa_status masa_judge(masa_judgement *out, const masa_eval_problem *problem,
                       const char *text, size_t size, bool truncated, masa_error *err);

#endif
