/* Arithmetic expressions and linear equations. */
#include "task_kinds.h"
#include "task_steps.h"

long task_number(masa_random *random, int digits)
{
    return (long)masa_random_range(random, 2, task_power10(digits) - 1);
}

/*
 * level 1: a+b, a-b of one digit      level 2: a+b, a-b up to 2 digits, a*b of one
 * level 3: three terms up to 2 digits, one product of single digits
 * level 4: (a + b) * c - d            level 5: a*b + c*d with two digits
 * level 6: (a*b - c*d) * e
 */
long task_arithmetic(masa_text *text, masa_text *work, masa_random *random, int level)
{
    static const char *const asks[] = {"What is %s?", "Compute %s.", "Calculate %s.",
                                       "Evaluate the expression %s.", "Find the value of %s."};
    masa_text e = {0};
    long a = task_number(random, level < 2 ? 1 : 2), b = task_number(random, level < 2 ? 1 : 2);
    long c = task_number(random, 1), d = task_number(random, level > 4 ? 2 : 1), answer;
    switch (level) {
    case 1:
    case 2: {
        int op = (int)masa_random_below(random, level == 1 ? 2 : 3);
        if (op == 1 && a < b) {
            long t = a;
            a = b, b = t;
        }
        if (op == 2) a = task_number(random, 1), b = task_number(random, 1);
        answer = op == 0   ? steps_add(work, a, b)
                 : op == 1 ? steps_subtract(work, a, b)
                           : steps_multiply(work, a, b);
        masa_text_addf(&e, "%ld %c %ld", a, "+-*"[op], b);
        break;
    }
    case 3:
        if (masa_random_below(random, 2)) {
            long f = task_number(random, 1);
            answer = steps_add(work, a, steps_multiply(work, c, f));
            masa_text_addf(&e, "%ld + %ld * %ld", a, c, f);
        } else {
            answer = steps_subtract(work, steps_add(work, a, b), c);
            masa_text_addf(&e, "%ld + %ld - %ld", a, b, c);
        }
        break;
    case 4:
        answer = steps_multiply(work, steps_add(work, a, b), c);
        answer = steps_subtract(work, answer, d);
        masa_text_addf(&e, "(%ld + %ld) * %ld - %ld", a, b, c, d);
        break;
    case 5:
        answer = steps_multiply(work, a, b);
        answer = steps_add(work, answer, steps_multiply(work, c, d));
        masa_text_addf(&e, "%ld * %ld + %ld * %ld", a, b, c, d);
        break;
    default: {
        long f = task_number(random, 1);
        answer = steps_multiply(work, a, b);
        answer = steps_subtract(work, answer, steps_multiply(work, c, d));
        answer = steps_multiply(work, answer, f);
        masa_text_addf(&e, "(%ld * %ld - %ld * %ld) * %ld", a, b, c, d, f);
        break;
    }
    }
    const char *ask = asks[masa_random_below(random, sizeof asks / sizeof *asks)];
    const char *hole = ask;
    while (hole[0] != '%') hole++;
    masa_text_append(text, ask, (size_t)(hole - ask));
    masa_text_add(text, masa_text_get(&e));
    masa_text_add(text, hole + 2);
    masa_text_deinit(&e);
    return answer;
}

/* a v = c */
static long divide(masa_text *work, char v, long a, long c)
{
    if (a != 1)
        masa_text_addf(work, " Divide both sides by %ld: %c = %ld / %ld = %ld.", a, v, c, a,
                       c / a);
    return c / a;
}

/* a v + b = c */
static long move(masa_text *work, char v, long a, long b, long c)
{
    masa_text_addf(work, " %s %ld on both sides.", b < 0 ? "Add" : "Subtract", b < 0 ? -b : b);
    long rest = b < 0 ? steps_add(work, c, -b) : steps_subtract(work, c, b);
    if (a == 1) masa_text_addf(work, " So %c = %ld.", v, rest);
    else masa_text_addf(work, " So %ld%c = %ld.", a, v, rest);
    return divide(work, v, a, rest);
}

/*
 * level 1: x + b = c, one digit       level 2: two digits     level 3: a x = c
 * level 4: a x + b = c                level 5: a x + b = c x + d
 * level 6: a (x + b) - c x = d
 */
long task_equation(masa_text *text, masa_text *work, masa_random *random, int level)
{
    static const char letters[] = "xynkmt";
    char v = letters[masa_random_below(random, sizeof letters - 1)];
    int digits = level == 1 || level == 3 ? 1 : 2;
    long x = task_number(random, digits), b = task_number(random, digits);
    long a = task_number(random, 1), c = (long)masa_random_range(random, 1, a - 1);
    switch (level) {
    case 1:
    case 2:
        if (masa_random_below(random, 2))
            masa_text_addf(text, "Solve for %c: %c + %ld = %ld.", v, v, b, x + b);
        else masa_text_addf(text, "If %c - %ld = %ld, what is %c?", v, b, x, v), x += b, b = -b;
        return move(work, v, 1, b, x + b);
    case 3:
        masa_text_addf(text, "Solve for %c: %ld%c = %ld.", v, a, v, a * x);
        return divide(work, v, a, a * x);
    case 4:
        masa_text_addf(text, "Solve for %c: %ld%c + %ld = %ld.", v, a, v, b, a * x + b);
        return move(work, v, a, b, a * x + b);
    case 5:
        masa_text_addf(text, "Solve for %c: %ld%c + %ld = %ld%c + %ld.", v, a, v, b, c, v,
                       (a - c) * x + b);
        masa_text_addf(work, " Take %ld%c from both sides: %ld%c + %ld = %ld.", c, v, a - c, v,
                       b, (a - c) * x + b);
        return move(work, v, a - c, b, (a - c) * x + b);
    default:
        masa_text_addf(text, "Find %c if %ld(%c + %ld) - %ld%c = %ld.", v, a, v, b, c, v,
                       a * (x + b) - c * x);
        b = steps_multiply(work, a, b);
        masa_text_addf(work, " Expand and collect: %ld%c + %ld = %ld.", a - c, v, b,
                       (a - c) * x + b);
        return move(work, v, a - c, b, (a - c) * x + b);
    }
}
