/* Word problems, comparisons and counting. */
#include "task_kinds.h"
#include "task_steps.h"

#include <string.h>

#define PICK(random, list) ((list)[masa_random_below((random), sizeof(list) / sizeof *(list))])

static const char *const names[] = {"Anna",  "Ben",  "Carla", "David", "Emma", "Farid",
                                    "Grace", "Hugo", "Ines",  "Jack",  "Kira", "Liam",
                                    "Mia",   "Noah", "Olga",  "Priya"};
static const char *const things[] = {"apples",  "marbles", "books",  "pencils",  "stickers",
                                     "cookies", "coins",   "shells", "tickets",  "balloons",
                                     "cards",   "oranges", "stamps", "bracelets"};
static const char *const boxes[] = {"boxes", "bags", "baskets", "packs", "jars"};

static long says(masa_text *work, const char *why, long (*step)(masa_text *, long, long),
                 long a, long b)
{
    masa_text_addf(work, " %s", why);
    return step(work, a, b);
}

/* level 1-2: one step, small then larger numbers; 3: two steps;
 * 4: a product and a step; 5: three steps; 6: four steps with a division; from 7 on stories. */
long task_word(masa_text *text, masa_text *work, masa_random *random, int level)
{
    if (level > 6) return task_story(text, work, random, level);
    const char *who = PICK(random, names), *other, *what = PICK(random, things);
    do other = PICK(random, names);
    while (other == who);
    const char *box = PICK(random, boxes);
    int digits = level == 1 ? 1 : 2;
    long a = task_number(random, digits), b = task_number(random, digits);
    long c = task_number(random, 1), d = task_number(random, 1);
    int form = (int)masa_random_below(random, 3);
    switch (level) {
    case 1:
    case 2:
        if (form == 0) {
            masa_text_addf(text,
                           "%s has %ld %s. %s gives %s %ld more. How many %s does %s "
                           "have now?",
                           who, a, what, other, who, b, what, who);
            return says(work, "Getting more means a sum.", steps_add, a, b);
        }
        if (form == 1) {
            masa_text_addf(text,
                           "There are %ld %s on a table. %s takes %ld of them. How "
                           "many %s are left?",
                           a + b, what, who, b, what);
            return says(work, "Taking away means a difference.", steps_subtract, a + b, b);
        }
        masa_text_addf(text,
                       "%s collected %ld %s on Monday and %ld on Tuesday. How many "
                       "%s did %s collect in total?",
                       who, a, what, b, what, who);
        return says(work, "Both days together are a sum.", steps_add, a, b);
    case 3:
        if (form == 0) {
            masa_text_addf(text,
                           "%s has %ld %s and buys %ld more. Then %s gives %ld to %s. "
                           "How many %s does %s have left?",
                           who, a, what, b, who, c, other, what, who);
            a = says(work, "Buying means a sum.", steps_add, a, b);
            return says(work, "Giving away means a difference.", steps_subtract, a, c);
        }
        masa_text_addf(text,
                       "%s has %ld %s. %s has %ld more than %s. How many %s do they "
                       "have together?",
                       who, a, what, other, c, who, what);
        b = says(work, "The other one has more: a sum.", steps_add, a, c);
        return says(work, "Together:", steps_add, a, b);
    case 4:
        if (form == 0) {
            masa_text_addf(text,
                           "%s buys %ld %s of %s. Each one holds %ld. %s already had "
                           "%ld %s. How many %s does %s have now?",
                           who, c, box, what, d, who, a, what, what, who);
            b = says(work, "Equal parts mean a product.", steps_multiply, c, d);
            return says(work, "With those from before:", steps_add, b, a);
        }
        masa_text_addf(text,
                       "A shop sells %s at %ld dollars each. %s buys %ld of them and "
                       "pays with %ld dollars. How many dollars of change does %s "
                       "get?",
                       what, c, who, d, c * d + a, who);
        b = says(work, "The price is a product.", steps_multiply, c, d);
        return says(work, "Change is a difference.", steps_subtract, c * d + a, b);
    case 5:
        masa_text_addf(text,
                       "%s packs %ld %s into each of %ld %s and has %ld left over. "
                       "%s then gives away %ld %s. How many %s does %s have?",
                       who, a, what, c, box, d, who, b % a + 1, what, what, who);
        b = b % a + 1;
        a = says(work, "Equal parts mean a product.", steps_multiply, a, c);
        a = says(work, "With the rest:", steps_add, a, d);
        return says(work, "Giving away means a difference.", steps_subtract, a, b);
    default:
        masa_text_addf(text,
                       "%s has %ld %s, which is %ld times as many as %s has. They put "
                       "all of them together, add %ld more, and then lose %ld. How "
                       "many %s remain?",
                       who, a * c, what, c, other, b, d, what);
        masa_text_addf(work, " Times as many: %ld / %ld = %ld.", a * c, c, a);
        a = says(work, "Together:", steps_add, a * c, a);
        a = says(work, "More means a sum.", steps_add, a, b);
        return says(work, "Losing means a difference.", steps_subtract, a, d);
    }
}

/* level 1: larger of two; 2: largest of three; 3: how many exceed a bound;
 * 4: sum of largest and smallest; 5: how many even of seven; 6: difference of sums. */
long task_compare(masa_text *text, masa_text *work, masa_random *random, int level)
{
    long v[8];
    int n = level == 1 ? 2 : level == 2 ? 3 : level < 5 ? 5 : 7;
    for (int i = 0; i < n; i++) v[i] = task_number(random, level == 1 ? 2 : level > 4 ? 3 : 2);
    long largest = v[0], smallest = v[0], sum_even = 0, sum_odd = 0;
    masa_text list = {0};
    for (int i = 0; i < n; i++) {
        if (v[i] > largest) largest = v[i];
        if (v[i] < smallest) smallest = v[i];
        if (v[i] % 2) sum_odd += v[i];
        else sum_even += v[i];
        masa_text_addf(&list, "%s%ld", i == 0 ? "" : i == n - 1 ? " and " : ", ", v[i]);
    }
    const char *l = masa_text_get(&list);
    long answer = largest, bound = task_number(random, 2);
    switch (level) {
    case 1:
        masa_text_addf(text, "Which number is larger, %ld or %ld?", v[0], v[1]);
        masa_text_addf(work, " The greater one is %ld.", largest);
        break;
    case 2:
        masa_text_addf(text, "What is the largest of the numbers %s?", l);
        masa_text_addf(work, " Going through the list, the greatest is %ld.", largest);
        break;
    case 3:
        answer = 0;
        for (int i = 0; i < n; i++) {
            answer += v[i] > bound;
            masa_text_addf(work, " %ld: %s, count %ld.", v[i], v[i] > bound ? "yes" : "no",
                           answer);
        }
        masa_text_addf(text, "How many of the numbers %s are greater than %ld?", l, bound);
        break;
    case 4:
        masa_text_addf(work, " Greatest: %ld. Least: %ld.", largest, smallest);
        answer = steps_add(work, largest, smallest);
        masa_text_addf(text,
                       "What is the sum of the largest and the smallest of the "
                       "numbers %s?",
                       l);
        break;
    case 5:
        answer = 0;
        for (int i = 0; i < n; i++) {
            answer += v[i] % 2 == 0;
            masa_text_addf(work, " %ld: %s, count %ld.", v[i], v[i] % 2 ? "no" : "yes", answer);
        }
        masa_text_addf(text, "How many of the numbers %s are even?", l);
        break;
    default:
        masa_text_addf(work, " Even ones together: %ld. Odd ones together: %ld.", sum_even,
                       sum_odd);
        answer = steps_subtract(work, sum_even, sum_odd);
        masa_text_addf(text,
                       "Take the numbers %s. Subtract the sum of the odd ones from "
                       "the sum of the even ones. What is the result?",
                       l);
    }
    masa_text_deinit(&list);
    return answer;
}
