/**
 * Seeded, verifiable problems of graded difficulty, for training and tests
 * without any data set. Whether a problem belongs to the train or the test
 * split is decided by a hash of its text, so the splits are disjoint whatever
 * the seeds.
 */
#ifndef MASA_TASKS_H
#define MASA_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/problems.h>

/* The first four ask in whole sentences. The others are families for small models: the
 * problem is a letter, the level and the task ("c9 3+5*2..."), the solution writes out every
 * step and ends in " #### " and the answer, and the level says how long that is. */
typedef enum masa_task_kind {
    MASA_TASK_ARITHMETIC, /* expressions of several steps */
    MASA_TASK_WORD,       /* small word problems, several phrasings; from level 7 on stories of
                             five to twelve events */
    MASA_TASK_COMPARE,    /* comparisons and counting */
    MASA_TASK_EQUATION,   /* linear equations */
    MASA_TASK_CHAIN,      /* c: a chain of `level` operations modulo 7 */
    MASA_TASK_ADD,        /* a: two numbers of `level` digits added in columns */
    MASA_TASK_MULTIPLY,   /* m: a product of level + 1 digits: column, or expand */
    MASA_TASK_SORT,       /* s: `level` digits sorted: select, or insert */
    MASA_TASK_SEARCH, /* t: two or three of `level` numbers with a sum: big, or small first */
    MASA_TASK_GRAPH,  /* g: the shortest path in a graph of `level` nodes */
    MASA_TASK_BASE,   /* b: a number of `level` digits in another base: divide, or powers */
    MASA_TASK_SOLVE,  /* e: a*x+b=c, x of `level` digits */
    MASA_TASK_SECRET, /* h: a cipher of `level` letters that nobody can solve */
    MASA_TASK_KINDS
} masa_task_kind;

const char *masa_task_name(masa_task_kind kind);
/** Whether the kind is one of the families for small models. */
bool masa_task_is_compact(masa_task_kind kind);
/** The words that the two ways of solving begin with, or NULL where there is one way. */
const char *const *masa_task_methods(masa_task_kind kind);

/* A kind at some levels. Shares are drawn by weight; 0 is never drawn. */
typedef struct masa_task_share {
    masa_task_kind kind;
    int least_level, most_level;
    double weight;
} masa_task_share;

typedef struct masa_task_mix {
    masa_task_share *items;
    size_t n, capacity;
} masa_task_mix;

/**
 * Appends the shares of "KIND[:N[-M]][=WEIGHT],...", as in "word,chain:1-2=1.2,chain:6-14".
 *
 * levels  "N" or "N-M" for what says no levels of its own; NULL: the kind's usual ones
 *
 * A weight is 1 where none is given. MASA_ERR_USAGE names what cannot be read,
 * MASA_ERR_CONFIG levels that the kind does not have. Free with masa_task_mix_deinit.
 */
masa_status masa_task_mix_parse(masa_task_mix *out, const char *text, const char *levels,
                                masa_error *err);
void masa_task_mix_deinit(masa_task_mix *mix);

typedef struct masa_task_options {
    const masa_task_mix *mix;
    double slips; /* share of the steps of solutions that are wrong and carried on; the
                     answer stays the true one. Not for the first four kinds. */
    bool test;    /* the test split instead of the train split */
    uint64_t seed;
} masa_task_options;

/**
 * Appends n different problems; the same ones with and without slips. MASA_ERR_CONFIG when
 * the mix has not as many, or slips are asked of a kind that cannot.
 */
masa_status masa_tasks_generate(masa_problems *out, size_t n, const masa_task_options *options,
                                masa_error *err);

#endif
