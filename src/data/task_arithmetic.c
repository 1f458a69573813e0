/* Arithmetic expressions and linear equations. */
#include "task_kinds.h"

static long power10(int n)
{
    long p = 1;
    while (n-- > 0) p *= 10;
    return p;
}

long task_number(masa_random *random, int digits)
{
    return (long)masa_random_range(random, 2, power10(digits) - 1);
}

/*
 * level 1: a+b, a-b of one digit      level 2: a+b, a-b up to 2 digits, a*b of one
 * level 3: three terms up to 2 digits, one product of single digits
 * level 4: (a + b) * c - d            level 5: a*b + c*d with two digits
 * level 6: (a*b - c*d) * e
 */
long task_arithmetic(masa_text *text, masa_random *random, int level)
{
    static const char *const asks[] = {"What is %s?", "Compute %s.", "Calculate %s.",
                                       "Evaluate the expression %s.",
                                       "Find the value of %s."};
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
        answer = op == 0 ? a + b : op == 1 ? a - b : a * b;
        masa_text_addf(&e, "%ld %c %ld", a, "+-*"[op], b);
        break;
    }
    case 3:
        if (masa_random_below(random, 2)) {
            long f = task_number(random, 1);
            answer = a + c * f;
            masa_text_addf(&e, "%ld + %ld * %ld", a, c, f);
        } else {
            answer = a + b - c;
            masa_text_addf(&e, "%ld + %ld - %ld", a, b, c);
        }
        break;
    case 4:
        answer = (a + b) * c - d;
        masa_text_addf(&e, "(%ld + %ld) * %ld - %ld", a, b, c, d);
        break;
    case 5:
        answer = a * b + c * d;
        masa_text_addf(&e, "%ld * %ld + %ld * %ld", a, b, c, d);
        break;
    default: {
        long f = task_number(random, 1);
        answer = (a * b - c * d) * f;
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

/*
 * level 1: x + b = c, one digit       level 2: two digits     level 3: a x = c
 * level 4: a x + b = c                level 5: a x + b = c x + d
 * level 6: a (x + b) - c x = d
 */
long task_equation(masa_text *text, masa_random *random, int level)
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
        else
            masa_text_addf(text, "If %c - %ld = %ld, what is %c?", v, b, x, v), x += b;
        break;
    case 3: masa_text_addf(text, "Solve for %c: %ld%c = %ld.", v, a, v, a * x); break;
    case 4:
        masa_text_addf(text, "Solve for %c: %ld%c + %ld = %ld.", v, a, v, b, a * x + b);
        break;
    case 5:
        masa_text_addf(text, "Solve for %c: %ld%c + %ld = %ld%c + %ld.", v, a, v, b, c, v,
                       (a - c) * x + b);
        break;
    default:
        masa_text_addf(text, "Find %c if %ld(%c + %ld) - %ld%c = %ld.", v, a, v, b, c, v,
                       a * (x + b) - c * x);
    }
    return x;
}
