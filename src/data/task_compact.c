/* What the compact generators share: slips, methods, numbers. */
#include "task_kinds.h"

bool task_slips(task_case *c)
{
    return c->slips > 0 && masa_random_uniform(&c->own) < c->slips;
}

int task_own(task_case *c, int n)
{
    return (int)masa_random_below(&c->own, (uint64_t)n);
}

int task_step(task_case *c, int truth, int low, int high)
{
    if (!task_slips(c)) return truth;
    int other = low + task_own(c, high - low);
    return other + (other >= truth);
}

long task_misread(task_case *c, long value)
{
    int digits = 1;
    while (digits < 18 && value >= task_power10(digits)) digits++;
    long place = task_power10(task_own(c, digits));
    int digit = (int)(value / place % 10);
    /* A number of several digits keeps its length: its first one does not become 0. */
    int low = digits > 1 && value / place < 10 ? 1 : 0;
    int other = low + task_own(c, 9 - low);
    other += other >= digit;
    return value + (other - digit) * place;
}

bool task_method(task_case *c, const char *first, const char *second)
{
    bool is_second = task_own(c, 2) == 1;
    masa_text_addf(&c->work, "%s ", is_second ? second : first);
    return is_second;
}

long task_power10(int n)
{
    long p = 1;
    while (n-- > 0) p *= 10;
    return p;
}

long task_digits_number(masa_random *random, int n)
{
    return (long)masa_random_range(random, task_power10(n - 1), task_power10(n) - 1);
}
