/* Word problems, comparisons and counting. */
#include "task_kinds.h"

#include <string.h>

#define PICK(random, list) ((list)[masa_random_below((random), sizeof(list) / sizeof *(list))])

static const char *const names[] = {"Anna", "Ben",  "Carla", "David", "Emma", "Farid",
                                    "Grace", "Hugo", "Ines", "Jack",  "Kira", "Liam",
                                    "Mia",  "Noah", "Olga",  "Priya"};
static const char *const things[] = {"apples",  "marbles", "books",  "pencils",  "stickers",
                                     "cookies", "coins",   "shells", "tickets",  "balloons",
                                     "cards",   "oranges", "stamps", "bracelets"};
static const char *const boxes[] = {"boxes", "bags", "baskets", "packs", "jars"};

/* level 1-2: one step, small then larger numbers; 3: two steps;
 * 4: a product and a step; 5: three steps; 6: four steps with a division. */
long task_word(masa_text *text, masa_random *random, int level)
{
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
            masa_text_addf(text, "%s has %ld %s. %s gives %s %ld more. How many %s does %s "
                                 "have now?", who, a, what, other, who, b, what, who);
            return a + b;
        }
        if (form == 1) {
            masa_text_addf(text, "There are %ld %s on a table. %s takes %ld of them. How "
                                 "many %s are left?", a + b, what, who, b, what);
            return a;
        }
        masa_text_addf(text, "%s collected %ld %s on Monday and %ld on Tuesday. How many "
                             "%s did %s collect in total?", who, a, what, b, what, who);
        return a + b;
    case 3:
        if (form == 0) {
            masa_text_addf(text, "%s has %ld %s and buys %ld more. Then %s gives %ld to %s. "
                                 "How many %s does %s have left?", who, a, what, b, who, c,
                           other, what, who);
            return a + b - c;
        }
        masa_text_addf(text, "%s has %ld %s. %s has %ld more than %s. How many %s do they "
                             "have together?", who, a, what, other, c, who, what);
        return 2 * a + c;
    case 4:
        if (form == 0) {
            masa_text_addf(text, "%s buys %ld %s of %s. Each one holds %ld. %s already had "
                                 "%ld %s. How many %s does %s have now?", who, c, box, what,
                           d, who, a, what, what, who);
            return c * d + a;
        }
        masa_text_addf(text, "A shop sells %s at %ld dollars each. %s buys %ld of them and "
                             "pays with %ld dollars. How many dollars of change does %s "
                             "get?", what, c, who, d, c * d + a, who);
        return a;
    case 5:
        masa_text_addf(text, "%s packs %ld %s into each of %ld %s and has %ld left over. "
                             "%s then gives away %ld %s. How many %s does %s have?", who, a,
                       what, c, box, d, who, b % a + 1, what, what, who);
        return a * c + d - (b % a + 1);
    default:
        masa_text_addf(text, "%s has %ld %s, which is %ld times as many as %s has. They put "
                             "all of them together, add %ld more, and then lose %ld. How "
                             "many %s remain?", who, a * c, what, c, other, b, d, what);
        return a * c + a + b - d;
    }
}

/* level 1: larger of two; 2: largest of three; 3: how many exceed a bound;
 * 4: sum of largest and smallest; 5: how many even of seven; 6: difference of sums. */
long task_compare(masa_text *text, masa_random *random, int level)
{
    long v[8];
    int n = level == 1 ? 2 : level == 2 ? 3 : level < 5 ? 5 : 7;
    for (int i = 0; i < n; i++) v[i] = task_number(random, level == 1 ? 2 : level > 4 ? 3 : 2);
    long largest = v[0], smallest = v[0], sum_even = 0, sum_odd = 0, even = 0;
    masa_text list = {0};
    for (int i = 0; i < n; i++) {
        if (v[i] > largest) largest = v[i];
        if (v[i] < smallest) smallest = v[i];
        if (v[i] % 2) sum_odd += v[i];
        else sum_even += v[i], even++;
        masa_text_addf(&list, "%s%ld", i == 0 ? "" : i == n - 1 ? " and " : ", ", v[i]);
    }
    const char *l = masa_text_get(&list);
    long answer = largest, bound = task_number(random, 2);
    switch (level) {
    case 1: masa_text_addf(text, "Which number is larger, %ld or %ld?", v[0], v[1]); break;
    case 2: masa_text_addf(text, "What is the largest of the numbers %s?", l); break;
    case 3:
        answer = 0;
        for (int i = 0; i < n; i++) answer += v[i] > bound;
        masa_text_addf(text, "How many of the numbers %s are greater than %ld?", l, bound);
        break;
    case 4:
        answer = largest + smallest;
        masa_text_addf(text, "What is the sum of the largest and the smallest of the "
                             "numbers %s?", l);
        break;
    case 5:
        answer = even;
        masa_text_addf(text, "How many of the numbers %s are even?", l);
        break;
    default:
        answer = sum_even - sum_odd;
        masa_text_addf(text, "Take the numbers %s. Subtract the sum of the odd ones from "
                             "the sum of the even ones. What is the result?", l);
    }
    masa_text_deinit(&list);
    return answer;
}
