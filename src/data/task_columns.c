/* Arithmetic in columns: sums, products, a linear equation. Digits are kept lowest first. */
#include "task_kinds.h"

enum { MOST_DIGITS = 24 };

/* The digits of a number, lowest first; returns how many. */
static int digits_of(int digits[MOST_DIGITS], long value)
{
    int n = 0;
    do digits[n++] = (int)(value % 10);
    while ((value /= 10) > 0);
    return n;
}

/* Digits, highest first, without leading zeros. */
static void add_digits(masa_text *out, const int *digits, int n)
{
    while (n > 1 && digits[n - 1] == 0) n--;
    while (n > 0) masa_text_addf(out, "%d", digits[--n]);
}

/* Puts what a column carried over the highest digit; returns how many digits there are. */
static int put_carry(int *digits, int n, int carry)
{
    for (; carry > 0; carry /= 10) digits[n++] = carry % 10;
    return n;
}

/* "a3 456+789": 6+9+0=15;5+8+1=14;4+7+1=12 #### 1245 */
void task_add(task_case *c, int level)
{
    int a[MOST_DIGITS], b[MOST_DIGITS], sum[MOST_DIGITS], carry = 0;
    long x = task_digits_number(c->random, level), y = task_digits_number(c->random, level);
    masa_text_addf(&c->problem, "%ld+%ld", x, y);
    masa_text_addf(&c->answer, "%ld", x + y);
    digits_of(a, x);
    digits_of(b, y);
    for (int i = 0; i < level; i++) {
        int t = task_step(c, a[i] + b[i] + carry, 0, 19);
        masa_text_addf(&c->work, "%s%d+%d+%d=%d", i ? ";" : "", a[i], b[i], carry, t);
        sum[i] = t % 10;
        carry = t / 10;
    }
    masa_text_add(&c->work, " #### ");
    add_digits(&c->work, sum, put_carry(sum, level, carry));
}

/* A row of a product for each digit of b, and then the columns of the rows added:
 * column 4*6+0=24;3*6+2=20:204;4*5+0=20;3*5+2=17:170;4+0=4;0+0+0=0;2+7+0=9;1+0=1 */
static void multiply_in_columns(task_case *c, const int *a, int n_a, const int *b, int n_b)
{
    int rows[MOST_DIGITS][MOST_DIGITS], n_row[MOST_DIGITS], sum[MOST_DIGITS + 2];
    int columns = 0, carry = 0, n = 0;
    for (int j = 0; j < n_b; j++, carry = 0) {
        for (int i = 0; i < n_a; i++) {
            int t = task_step(c, a[i] * b[j] + carry, 0, 89);
            masa_text_addf(&c->work, "%s%d*%d+%d=%d", i || j ? ";" : "", a[i], b[j], carry, t);
            rows[j][i] = t % 10;
            carry = t / 10;
        }
        n_row[j] = put_carry(rows[j], n_a, carry);
        masa_text_add(&c->work, ":");
        add_digits(&c->work, rows[j], n_row[j]);
        if (j + n_row[j] > columns) columns = j + n_row[j];
    }
    for (int k = 0; n_b > 1 && k < columns; k++) {
        int t = carry;
        masa_text_add(&c->work, ";");
        for (int j = 0; j < n_b; j++) {
            if (k < j || k - j >= n_row[j]) continue;
            t += rows[j][k - j];
            masa_text_addf(&c->work, "%d+", rows[j][k - j]);
        }
        t = task_step(c, t, 0, 10 * n_b);
        masa_text_addf(&c->work, "%d=%d", carry, t);
        sum[n++] = t % 10;
        carry = t / 10;
    }
    masa_text_add(&c->work, " #### ");
    if (n_b == 1) add_digits(&c->work, rows[0], n_row[0]);
    else add_digits(&c->work, sum, put_carry(sum, n, carry));
}

static long leap(task_case *c, long truth)
{
    return task_slips(c) ? task_misread(c, truth) : truth;
}

/* A product for each digit of b and their running sum, each in one leap:
 * expand 34*50=1700;34*6=204;1700+204=1904 */
static void multiply_by_parts(task_case *c, long a, const int *b, int n_b)
{
    long sum = 0;
    bool first = true;
    for (int j = n_b - 1; j >= 0; j--) {
        if (b[j] == 0) continue;
        long by = b[j] * task_power10(j), part = leap(c, a * by);
        masa_text_addf(&c->work, "%s%ld*%ld=%ld", first ? "" : ";", a, by, part);
        long before = sum;
        sum = first ? part : leap(c, before + part);
        if (!first) masa_text_addf(&c->work, ";%ld+%ld=%ld", before, part, sum);
        first = false;
    }
    masa_text_addf(&c->work, " #### %ld", sum);
}

/* Level 1: one digit by one, 2: two by one, 3: two by two, 4: three by two, ... */
void task_multiply(task_case *c, int level)
{
    int a[MOST_DIGITS], b[MOST_DIGITS];
    long x = task_digits_number(c->random, level / 2 + 1);
    long y = task_digits_number(c->random, (level + 1) / 2);
    masa_text_addf(&c->problem, "%ld*%ld", x, y);
    masa_text_addf(&c->answer, "%ld", x * y);
    int n_a = digits_of(a, x), n_b = digits_of(b, y);
    if (task_method(c, "column", "expand")) multiply_by_parts(c, x, b, n_b);
    else multiply_in_columns(c, a, n_a, b, n_b);
}

/* The digits of c - b, column by column; a column below zero borrows. */
static int subtract_in_columns(task_case *c, int *out, long from, long what)
{
    int a[MOST_DIGITS], b[MOST_DIGITS], borrow = 0;
    int n_a = digits_of(a, from), n_b = digits_of(b, what);
    for (int i = 0; i < n_a; i++) {
        int d = i < n_b ? b[i] : 0, t = task_step(c, a[i] - d - borrow, -10, 9);
        masa_text_addf(&c->work, "%d-%d-%d=%d;", a[i], d, borrow, t);
        borrow = t < 0;
        out[i] = t < 0 ? t + 10 : t;
    }
    while (n_a > 1 && out[n_a - 1] == 0) n_a--;
    return n_a;
}

/* "e2 7*x+12=96": the constant taken away in columns, then long division by the factor:
 * 6-2-0=4;9-1-0=8;8/7=1r1;14/7=2r0 #### 12 */
void task_solve(task_case *c, int level)
{
    int rest[MOST_DIGITS], quotient[MOST_DIGITS], remainder = 0;
    long x = task_digits_number(c->random, level), b = task_digits_number(c->random, level);
    int a = (int)masa_random_range(c->random, 2, 9);
    masa_text_addf(&c->problem, "%d*x+%ld=%ld", a, b, a * x + b);
    masa_text_addf(&c->answer, "%ld", x);
    int n = subtract_in_columns(c, rest, a * x + b, b);
    for (int i = n - 1; i >= 0; i--) {
        int now = remainder * 10 + rest[i], q = now / a;
        remainder = now % a;
        if (task_slips(c)) {
            if (task_own(c, 2)) q = (q + 1 + task_own(c, 9)) % 10;
            else remainder = (remainder + 1 + task_own(c, a - 1)) % a;
        }
        masa_text_addf(&c->work, "%d/%d=%dr%d%s", now, a, q, remainder, i ? ";" : "");
        quotient[i] = q;
    }
    masa_text_add(&c->work, " #### ");
    add_digits(&c->work, quotient, n);
}
