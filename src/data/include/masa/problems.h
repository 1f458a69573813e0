/** Problem files: JSON Lines with a problem and its answer. */
#ifndef MASA_PROBLEMS_H
#define MASA_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>

typedef struct masa_problem {
    char *id;       /* the line's "id", or "FILE:LINE" */
    char *problem;  /* raw text, no instruction */
    char *answer;   /* as text; a JSON number is taken as it is written */
    char *kind;     /* "math" unless the line says otherwise */
    char *context;  /* a passage that goes before the question, or NULL */
    char *solution; /* a worked solution, or NULL */
    int level;      /* difficulty, 0 when not given */
    char **strata;  /* [n_strata] "key=value" of the keys asked for that the line has */
    size_t n_strata;
} masa_problem;

typedef struct masa_problems {
    masa_problem *items;
    size_t n, capacity;
} masa_problems;

typedef struct masa_problem_keys {
    const char *problem, *answer, *kind; /* NULL: "problem", "answer", "kind" */
    const char *strata; /* keys with commas between, whose values are kept; NULL: none */
} masa_problem_keys;

/**
 * Reads every line of a JSON Lines file ("-": standard input); blank lines are
 * skipped. limit 0: all. A broken line, a missing key or an empty file is
 * MASA_ERR_DATA with path and line. Free with masa_problems_deinit.
 */
masa_status masa_problems_load(masa_problems *out, const char *path,
                               const masa_problem_keys *keys, size_t limit,
                               masa_error *err);
/** The same from text in memory; `path` is used in messages and ids only. */
masa_status masa_problems_parse(masa_problems *out, const char *text, size_t size,
                                const char *path, const masa_problem_keys *keys,
                                size_t limit, masa_error *err);
void masa_problems_deinit(masa_problems *problems);
/** Frees what a single problem holds. */
void masa_problem_deinit(masa_problem *problem);

/**
 * The index of the problem trained on at draw number `draw` of a run: epochs
 * of n problems, each shuffled by (seed, epoch), or in file order. A function
 * of the draw alone, so a resumed run goes on where it stopped.
 */
typedef struct masa_problem_order {
    size_t n;
    uint64_t seed;
    bool shuffle;
    size_t *order; /* [n]: the order of `epoch`, cached */
    size_t epoch;
} masa_problem_order;

void masa_problem_order_init(masa_problem_order *order, size_t n, uint64_t seed,
                             bool shuffle);
void masa_problem_order_deinit(masa_problem_order *order);
size_t masa_problem_order_get(masa_problem_order *order, size_t draw);

#endif
