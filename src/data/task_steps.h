/* Arithmetic spelled out, for worked solutions: each appends sentences that end in the result
 * and returns it. */
#ifndef MASA_TASK_STEPS_H
#define MASA_TASK_STEPS_H

#include <masa/text.h>

long steps_add(masa_text *work, long a, long b);
long steps_subtract(masa_text *work, long a, long b);
long steps_multiply(masa_text *work, long a, long b);

#endif
