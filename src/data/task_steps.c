#include "task_steps.h"

/* Digit by digit where a small model would otherwise have to guess: each step has at most
 * one carry. Larger numbers stay one step, which keeps the hard problems hard. */

long steps_add(masa_text *work, long a, long b)
{
    if (a < 10 || b < 10 || a > 99 || b > 99) {
        masa_text_addf(work, " Add: %ld + %ld = %ld.", a, b, a + b);
        return a + b;
    }
    long tens = a / 10 * 10 + b / 10 * 10, ones = a % 10 + b % 10;
    masa_text_addf(work,
                   " Add the tens: %ld + %ld = %ld. Add the ones: %ld + %ld = %ld. Altogether: "
                   "%ld + %ld = %ld.",
                   a / 10 * 10, b / 10 * 10, tens, a % 10, b % 10, ones, tens, ones, a + b);
    return a + b;
}

long steps_subtract(masa_text *work, long a, long b)
{
    if (b < 10 || b % 10 == 0 || a < b || a > 99) {
        masa_text_addf(work, " Subtract: %ld - %ld = %ld.", a, b, a - b);
        return a - b;
    }
    long rest = a - b / 10 * 10;
    masa_text_addf(work,
                   " Subtract the tens: %ld - %ld = %ld. Subtract the ones: %ld - %ld = %ld.",
                   a, b / 10 * 10, rest, rest, b % 10, a - b);
    return a - b;
}

long steps_multiply(masa_text *work, long a, long b)
{
    long split = a > 9 ? a : b, other = a > 9 ? b : a;
    if (split < 10 || split > 99 || split % 10 == 0) {
        masa_text_addf(work, " Multiply: %ld * %ld = %ld.", a, b, a * b);
        return a * b;
    }
    long tens = split / 10 * 10 * other, ones = split % 10 * other;
    masa_text_addf(work,
                   " Split the factor: %ld * %ld = %ld and %ld * %ld = %ld. Altogether: %ld + "
                   "%ld = %ld.",
                   split / 10 * 10, other, tens, split % 10, other, ones, tens, ones, a * b);
    return a * b;
}
