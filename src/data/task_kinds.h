/* The task generators. Four kinds make problems in whole sentences: each appends a problem of
 * the level to text and the steps of a worked solution to work (sentences with a space before
 * each), and returns its answer. The others are compact: a letter and the size say what is
 * asked, and the solution writes out every step. */
#ifndef MASA_TASK_KINDS_H
#define MASA_TASK_KINDS_H

#include <masa/random.h>
#include <masa/text.h>

typedef long task_maker(masa_text *text, masa_text *work, masa_random *random, int level);
task_maker task_arithmetic, task_word, task_compare, task_equation;
task_maker task_story; /* the word problems from level 7 on */

/* A whole number of at most `digits` digits, at least 2. */
long task_number(masa_random *random, int digits);

/* A problem in the making. What the problem is comes from `random`, how it is solved (the
 * method, the slips) from `own`: the problems of a seed are the same with and without slips. */
typedef struct task_case {
    masa_text problem; /* begins with the letter, the level and a space already */
    masa_text work;    /* the solution, with its final answer behind " #### " */
    masa_text answer;  /* the true one, whatever the slips */
    masa_random *random, own;
    double slips; /* share of the steps that are written wrong and carried on */
} task_case;

typedef void task_compact_maker(task_case *c, int level);
task_compact_maker task_chain, task_add, task_multiply, task_sort, task_search, task_graph,
    task_base, task_solve, task_secret;

/* Whether this step slips. */
bool task_slips(task_case *c);
/* A number below n, drawn for the solution. */
int task_own(task_case *c, int n);
/* truth, or when this step slips another number of low..high (which has two at least). */
int task_step(task_case *c, int truth, int low, int high);
/* value with one digit changed. */
long task_misread(task_case *c, long value);
/* The word of a method that two ways of solving begin with, chosen evenly: whether it is
 * the second. Written to the work with a space behind it. */
bool task_method(task_case *c, const char *first, const char *second);

/* 10^n, n <= 18. */
long task_power10(int n);
/* A number of exactly n <= 18 digits. */
long task_digits_number(masa_random *random, int n);

#endif
