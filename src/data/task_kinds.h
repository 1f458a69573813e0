/* The task generators: each appends a problem of the level to text and the steps of a worked
 * solution to work (sentences with a space before each), and returns its answer. */
#ifndef MASA_TASK_KINDS_H
#define MASA_TASK_KINDS_H

#include <masa/random.h>
#include <masa/text.h>

typedef long task_maker(masa_text *text, masa_text *work, masa_random *random, int level);
task_maker task_arithmetic, task_word, task_compare, task_equation;

/* A whole number of at most `digits` digits, at least 2. */
long task_number(masa_random *random, int digits);

#endif
