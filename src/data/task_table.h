/* The one table of what kinds there are. */
#ifndef MASA_TASK_TABLE_H
#define MASA_TASK_TABLE_H

#include <masa/tasks.h>

#include "task_kinds.h"

typedef struct task_kind {
    const char *name;
    int least, most;             /* levels that there are */
    int usual_least, usual_most; /* levels when none are asked for */
    task_maker *make;            /* of whole sentences, or NULL: */
    char letter;
    task_compact_maker *compact;
    masa_problem_kind answer_kind;
    const char *const *methods; /* [2] or NULL */
} task_kind;

extern const task_kind task_table[MASA_TASK_KINDS];

#endif
