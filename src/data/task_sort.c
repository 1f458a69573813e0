/* Sorting digits, with the list written out at every pass. */
#include "task_kinds.h"

#include <string.h>

enum { MOST = 32 };

/* The least of the rest is taken out, pass by pass: 2:453;3:45;4:5;5: */
static void by_selection(task_case *c, const char *digits, int n)
{
    char rest[MOST], sorted[MOST];
    memcpy(rest, digits, (size_t)n + 1);
    for (int k = 0; k < n; k++) {
        int left = n - k, at = 0, others[MOST], n_others = 0;
        for (int i = 1; i < left; i++)
            if (rest[i] < rest[at]) at = i;
        for (int i = 0; i < left; i++)
            if (rest[i] != rest[at]) others[n_others++] = i;
        if (n_others && task_slips(c)) at = others[task_own(c, n_others)];
        sorted[k] = rest[at];
        memmove(rest + at, rest + at + 1, (size_t)(left - at)); /* with the final NUL */
        masa_text_addf(&c->work, "%s%c:%s", k ? ";" : "", sorted[k], rest);
    }
    masa_text_addf(&c->work, " #### %.*s", n, sorted);
}

static void insert(char *list, int n, int at, char digit)
{
    memmove(list + at + 1, list + at, (size_t)(n - at) + 1);
    list[at] = digit;
}

/* One digit after the other is put before the first greater one: 4;24;245;2345 */
static void by_insertion(task_case *c, const char *digits, int n)
{
    char list[MOST] = "";
    for (int k = 0; k < n; k++) {
        char right[MOST], other[MOST];
        int at = 0, others[MOST], n_others = 0;
        while (at < k && list[at] <= digits[k]) at++;
        memcpy(right, list, (size_t)k + 1);
        insert(right, k, at, digits[k]);
        for (int i = 0; i <= k; i++) {
            memcpy(other, list, (size_t)k + 1);
            insert(other, k, i, digits[k]);
            if (strcmp(other, right) != 0) others[n_others++] = i;
        }
        if (n_others && task_slips(c)) at = others[task_own(c, n_others)];
        insert(list, k, at, digits[k]);
        masa_text_addf(&c->work, "%s%s", k ? ";" : "", list);
    }
    masa_text_addf(&c->work, " #### %s", list);
}

/* "s4 4253". No zeros: the answer is compared as a number. */
void task_sort(task_case *c, int level)
{
    char digits[MOST] = "";
    int count[10] = {0};
    for (int i = 0; i < level; i++) {
        int digit = (int)masa_random_range(c->random, 1, 9);
        digits[i] = (char)('0' + digit);
        count[digit]++;
    }
    masa_text_add(&c->problem, digits);
    for (int digit = 1; digit < 10; digit++)
        while (count[digit]-- > 0) masa_text_addf(&c->answer, "%d", digit);
    if (task_method(c, "select", "insert")) by_insertion(c, digits, level);
    else by_selection(c, digits, level);
}
