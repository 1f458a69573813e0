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

typedef enum masa_task_kind {
    MASA_TASK_ARITHMETIC, /* expressions of several steps */
    MASA_TASK_WORD,       /* small word problems, several phrasings */
    MASA_TASK_COMPARE,    /* comparisons and counting */
    MASA_TASK_EQUATION,   /* linear equations */
    MASA_TASK_KINDS
} masa_task_kind;

const char *masa_task_name(masa_task_kind kind);

enum { MASA_TASK_LEVELS = 6 };

typedef struct masa_task_options {
    unsigned kinds;  /* bit set of 1 << masa_task_kind; 0: all */
    int least_level; /* 1..MASA_TASK_LEVELS */
    int most_level;
    bool test; /* the test split instead of the train split */
    uint64_t seed;
} masa_task_options;

/**
 * Appends n different problems. MASA_ERR_CONFIG when levels are out of range or
 * the kinds and levels asked for do not have n different problems.
 */
masa_status masa_tasks_generate(masa_problems *out, size_t n,
                                const masa_task_options *options, masa_error *err);

#endif
