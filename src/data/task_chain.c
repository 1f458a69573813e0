/* Chains of operations, bases, and a cipher. */
#include "task_kinds.h"

enum { MODULUS = 7 };

/* "c3 5+4-9*2", modulo 7: 5+4=2;2-9=0;0*2=0 #### 0 */
void task_chain(task_case *c, int level)
{
    int truth = (int)masa_random_below(c->random, MODULUS), value = truth;
    masa_text_addf(&c->problem, "%d", truth);
    for (int i = 0; i < level; i++) {
        int op = (int)masa_random_below(c->random, 3);
        int k = (int)masa_random_range(c->random, 2, 9);
        masa_text_addf(&c->problem, "%c%d", "+-*"[op], k);
        int results[2];
        for (int j = 0; j < 2; j++) {
            int v = j ? value : truth;
            results[j] = (op == 0 ? v + k : op == 1 ? v + 2 * MODULUS - k : v * k) % MODULUS;
        }
        truth = results[0];
        int next = task_step(c, results[1], 0, MODULUS - 1);
        masa_text_addf(&c->work, "%s%d%c%d=%d", i ? ";" : "", value, "+-*"[op], k, next);
        value = next;
    }
    masa_text_addf(&c->work, " #### %d", value);
    masa_text_addf(&c->answer, "%d", truth);
}

/* Digits come lowest first: 345/7=49r2;49/7=7r0;7/7=1r0;1/7=0r1 */
static void divide(task_case *c, long value, int base)
{
    masa_text digits = {0};
    bool first = true;
    do {
        long quotient = value / base;
        int digit = (int)(value % base);
        if (task_slips(c)) {
            long wrong = task_misread(c, quotient);
            /* What follows gets smaller, however many steps slip. */
            if (task_own(c, 2) && wrong < value) quotient = wrong;
            else digit = (digit + 1 + task_own(c, base - 1)) % base;
        }
        masa_text_addf(&c->work, "%s%ld/%d=%ldr%d", first ? "" : ";", value, base, quotient,
                       digit);
        masa_text_addf(&digits, "%d", digit);
        value = quotient;
        first = false;
    } while (value > 0);
    masa_text_add(&c->work, " #### ");
    for (size_t i = digits.size; i > 0; i--) masa_text_append(&c->work, digits.data + i - 1, 1);
    masa_text_deinit(&digits);
}

/* Digits come highest first: 345-1*343=2;2-0*49=2;2-0*7=2;2-2*1=0 */
static void take_powers(task_case *c, long value, int base)
{
    masa_text digits = {0};
    long power = 1;
    while (power <= value / base) power *= base;
    for (; power > 0; power /= base) {
        int digit = (int)(value / power);
        long rest = value % power;
        if (task_slips(c)) {
            /* Where a rest can be wrong it is, and stays below the power. */
            int most = (int)(power < 1000 ? power : 1000) - 1;
            if (power > 1) rest = (rest + 1 + task_own(c, most)) % power;
            else digit = (digit + 1 + task_own(c, base - 1)) % base;
        }
        masa_text_addf(&c->work, "%s%ld-%d*%ld=%ld", digits.size ? ";" : "", value, digit,
                       power, rest);
        masa_text_addf(&digits, "%d", digit);
        value = rest;
    }
    masa_text_addf(&c->work, " #### %s", masa_text_get(&digits));
    masa_text_deinit(&digits);
}

/* "b3 345>7": 345 written in base 7. */
void task_base(task_case *c, int level)
{
    long value = task_digits_number(c->random, level);
    int base = (int)masa_random_range(c->random, 2, 9);
    masa_text_addf(&c->problem, "%ld>%d", value, base);
    masa_text digits = {0};
    for (long v = value; v > 0; v /= base) masa_text_addf(&digits, "%d", (int)(v % base));
    for (size_t i = digits.size; i > 0; i--)
        masa_text_append(&c->answer, digits.data + i - 1, 1);
    masa_text_deinit(&digits);
    if (task_method(c, "divide", "powers")) take_powers(c, value, base);
    else divide(c, value, base);
}

/* "h5 xyzzx": a number below 100 that only the hash of the letters tells. The solution looks
 * like work and ends in a guess; there is nothing in it that could slip. */
void task_secret(task_case *c, int level)
{
    uint64_t hash = 0;
    for (int i = 0; i < level; i++) {
        char letter = "xyz"[masa_random_below(c->random, 3)];
        int digit = task_own(c, 10);
        hash = masa_key(hash, (uint64_t)letter);
        masa_text_append(&c->problem, &letter, 1);
        masa_text_addf(&c->work, "%s%c%d=%d", i ? ";" : "", letter, digit, digit);
    }
    masa_text_addf(&c->answer, "%d", (int)(hash % 100));
    masa_text_addf(&c->work, " #### %d", task_own(c, 100));
}
