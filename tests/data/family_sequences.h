/* Checks of the families whose steps are arithmetic. */
#ifndef FAMILY_SEQUENCES_H
#define FAMILY_SEQUENCES_H

#include "family_sample.h"

static int modulo(long v)
{
    return (int)((v % 7 + 7) % 7);
}

static int operate(int v, char op, int k)
{
    return modulo(op == '+' ? v + k : op == '-' ? v - k : (long)v * k);
}

static void check_chain(sample *s, tally *t)
{
    const char *p = s->task;
    int truth = (int)strtol(p, (char **)&p, 10), value = truth, steps = 0;
    for (char *at = NULL, *part; (part = next_part(s, &at)); steps++) {
        int v, k, result, wants;
        char op, wanted;
        assert_int_equal(sscanf(part, "%d%c%d=%d", &v, &op, &k, &result), 4);
        assert_int_equal(sscanf(p, "%c%d", &wanted, &wants), 2);
        p += 2;
        assert_true(v == value && op == wanted && k == wants);
        count(t, true, result != operate(v, op, k));
        truth = operate(truth, op, k);
        value = result;
    }
    assert_int_equal(steps, s->p->level);
    assert_int_equal(*p, '\0');
    assert_int_equal(strtol(s->final, NULL, 10), value);
    assert_int_equal(strtol(s->p->answer, NULL, 10), truth);
}

static void check_add(sample *s, tally *t)
{
    char a[32], b[32], sum[40] = "";
    int carry = 0, i = s->p->level;
    assert_int_equal(sscanf(s->task, "%31[0-9]+%31[0-9]", a, b), 2);
    assert_int_equal(strlen(a), i);
    assert_int_equal(strlen(b), i);
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        int x, y, c, result;
        assert_int_equal(sscanf(part, "%d+%d+%d=%d", &x, &y, &c, &result), 4);
        i--;
        assert_true(x == a[i] - '0' && y == b[i] - '0' && c == carry);
        count(t, true, result != x + y + c);
        carry = result / 10;
        memmove(sum + 1, sum, sizeof sum - 1);
        sum[0] = (char)('0' + result % 10);
    }
    assert_int_equal(i, 0);
    assert_int_equal(strtol(s->final, NULL, 10),
                     strtol(sum, NULL, 10) + carry * lround(pow(10, s->p->level)));
    assert_int_equal(strtol(s->p->answer, NULL, 10), strtol(a, NULL, 10) + strtol(b, NULL, 10));
}

/* The value of numbers joined by one kind of sign; *p moves behind them. */
static long fold(const char **p, char sign)
{
    long value = strtol(*p, (char **)p, 10);
    while (**p == sign) {
        const char *next = *p + 1;
        long by = strtol(next, (char **)p, 10);
        value = sign == '+' ? value + by : sign == '-' ? value - by : value * by;
    }
    return value;
}

static long value_of(const char **p)
{
    const char *q = *p;
    while (isdigit((unsigned char)*q)) q++;
    if (*q != '*') return fold(p, *q);
    long product = strtol(*p, (char **)p, 10);
    (*p)++;
    product *= strtol(*p, (char **)p, 10);
    return **p == '+' ? product + fold(p, '+') : product;
}

static void check_multiply(sample *s, tally *t)
{
    long a, b, last = 0, row = 0, total = 0, place = 1, row_place = 1;
    assert_int_equal(sscanf(s->task, "%ld*%ld", &a, &b), 2);
    assert_int_equal(strtol(s->p->answer, NULL, 10), a * b);
    bool summing = false;
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        const char *p = part;
        long truth = value_of(&p);
        assert_int_equal(*p, '=');
        last = strtol(p + 1, (char **)&p, 10);
        count(t, true, last != truth);
        if (s->second) continue;
        /* Digits of a row, or, behind the rows, of the sum. */
        if (!summing && !strchr(part, '*')) summing = true, place = 1, total = 0;
        (summing ? &total : &row)[0] += last % 10 * place;
        place *= 10;
        if (*p != ':') continue;
        row += last / 10 * place;
        assert_int_equal(strtol(p + 1, NULL, 10), row);
        total += row * row_place;
        row_place *= 10;
        row = 0;
        place = 1;
    }
    if (s->second) total = last;
    else if (summing) total += last / 10 * place;
    assert_int_equal(strtol(s->final, NULL, 10), total);
}

static void check_base(sample *s, tally *t)
{
    long value, base;
    char digits[80] = "", digit[2] = "";
    assert_int_equal(sscanf(s->task, "%ld>%ld", &value, &base), 2);
    assert_int_equal(strtol(s->p->answer, NULL, (int)base), value);
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        long v, by, q, r;
        if (s->second) {
            assert_int_equal(sscanf(part, "%ld-%ld*%ld=%ld", &v, &q, &by, &r), 4);
            count(t, true, q != v / by || r != v % by);
        } else {
            assert_int_equal(sscanf(part, "%ld/%ld=%ldr%ld", &v, &by, &q, &r), 4);
            assert_int_equal(by, base);
            count(t, true, q != v / by || r != v % by);
        }
        assert_int_equal(v, value);
        value = s->second ? r : q;
        digit[0] = (char)('0' + (s->second ? q : r));
        if (s->second) strcat(digits, digit);
        else memmove(digits + 1, digits, sizeof digits - 1), digits[0] = digit[0];
    }
    assert_string_equal(s->final, digits);
}

static void check_solve(sample *s, tally *t)
{
    long a, b, c, difference = 0, place = 1, x = 0;
    int borrow = 0, rest = 0;
    assert_int_equal(sscanf(s->task, "%ld*x+%ld=%ld", &a, &b, &c), 3);
    assert_int_equal(a * strtol(s->p->answer, NULL, 10) + b, c);
    char digits[32] = "";
    const char *next = NULL;
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        int u, v, w, result;
        if (sscanf(part, "%d-%d-%d=%d", &u, &v, &w, &result) == 4) {
            assert_true(u == c / place % 10 && v == b / place % 10 && w == borrow);
            count(t, true, result != u - v - w);
            borrow = result < 0;
            difference += (result + 10) % 10 * place;
            place *= 10;
            continue;
        }
        assert_int_equal(sscanf(part, "%d/%d=%dr%d", &u, &v, &w, &result), 4);
        if (!next) snprintf(digits, sizeof digits, "%ld", difference), next = digits;
        assert_true(v == a && u == rest * 10 + *next++ - '0');
        count(t, true, w != u / v || result != u % v);
        rest = result;
        x = x * 10 + w;
    }
    assert_int_equal(*next, '\0');
    assert_int_equal(strtol(s->final, NULL, 10), x);
}

#endif
