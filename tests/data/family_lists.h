/* Checks of the families about lists, graphs and letters. */
#ifndef FAMILY_LISTS_H
#define FAMILY_LISTS_H

#include "family_sample.h"

static int by_digit(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static void check_selection(sample *s, tally *t)
{
    char list[64], out[64] = "";
    strcpy(list, s->task);
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        char sorted[64], taken[2] = {part[0], '\0'}, *where = strchr(list, part[0]);
        strcpy(sorted, list);
        qsort(sorted, strlen(sorted), 1, by_digit);
        assert_non_null(where);
        count(t, sorted[0] != sorted[strlen(sorted) - 1], part[0] != sorted[0]);
        memmove(where, where + 1, strlen(where));
        assert_int_equal(part[1], ':');
        /* Of equal digits any may have gone. */
        char left[64];
        strcpy(left, part + 2);
        qsort(left, strlen(left), 1, by_digit);
        strcpy(sorted, list);
        qsort(sorted, strlen(sorted), 1, by_digit);
        assert_string_equal(left, sorted);
        strcpy(list, part + 2);
        strcat(out, taken);
    }
    assert_string_equal(out, s->final);
    assert_int_equal(*list, '\0');
}

static void check_insertion(sample *s, tally *t)
{
    char list[64] = "";
    int k = 0;
    for (char *at = NULL, *part; (part = next_part(s, &at)); k++) {
        char digit = s->task[k], right[128];
        size_t i = strspn(list, "0123456789"), all_same = strspn(list, (char[]){digit, '\0'});
        size_t n = 0;
        while (n < i && list[n] <= digit) n++;
        snprintf(right, sizeof right, "%.*s%c%s", (int)n, list, digit, list + n);
        count(t, all_same != i, strcmp(right, part) != 0);
        assert_int_equal(strlen(part), k + 1);
        strcpy(list, part);
    }
    assert_int_equal(k, s->p->level);
    assert_string_equal(list, s->final);
}

static void check_sort(sample *s, tally *t)
{
    char sorted[64];
    strcpy(sorted, s->task);
    assert_int_equal(strlen(sorted), s->p->level);
    qsort(sorted, strlen(sorted), 1, by_digit);
    assert_string_equal(sorted, s->p->answer);
    (s->second ? check_insertion : check_selection)(s, t);
}

/* Bits of the numbers in a list that is joined by a sign. */
static unsigned choice_of(const char *list, char sign, const int *numbers, int n, int *sum)
{
    unsigned bits = 0;
    *sum = 0;
    for (const char *p = list;; p++) {
        int x = (int)strtol(p, (char **)&p, 10), i = 0;
        while (i < n && numbers[i] != x) i++;
        assert_true(i < n && !(bits & 1u << i));
        bits |= 1u << i;
        *sum += x;
        if (*p != sign) return bits;
    }
}

static void check_search(sample *s, tally *t)
{
    int target, k, numbers[16], n = s->p->level, at_char, sum, solutions = 0;
    assert_int_equal(sscanf(s->task, "%d=%d of%n", &target, &k, &at_char), 2);
    const char *p = s->task + at_char;
    for (int i = 0; i < n; i++) numbers[i] = (int)strtol(p, (char **)&p, 10);
    assert_int_equal(*p, '\0');
    unsigned right = choice_of(s->p->answer, ',', numbers, n, &sum), last = 0;
    assert_int_equal(__builtin_popcount(right), k);
    assert_int_equal(sum, target);
    for (unsigned bits = 0; bits < 1u << n; bits++) {
        int total = 0;
        for (int i = 0; i < n; i++) total += bits >> i & 1 ? numbers[i] : 0;
        solutions += __builtin_popcount(bits) == k && total == target;
    }
    assert_int_equal(solutions, 1);
    int first = 0;
    bool found = false;
    static bool tried[1 << 16];
    memset(tried, 0, sizeof tried);
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        int says, leader = (int)strtol(part, NULL, 10);
        last = choice_of(part, '+', numbers, n, &sum);
        assert_true(__builtin_popcount(last) == k && !tried[last] && !found);
        tried[last] = true;
        assert_int_equal(sscanf(strchr(part, '='), "=%d", &says), 1);
        count(t, true, says != sum);
        found = says == target;
        assert_string_equal(strrchr(part, ' '), found ? " ok" : " no");
        /* The big ones lead at first, or the small ones. */
        if (first) assert_true(s->second ? leader >= first : leader <= first);
        first = leader;
    }
    assert_int_equal(choice_of(s->final, ',', numbers, n, &sum), last);
}

/* Walks of `steps` edges from one node to another. */
static long walks(bool edge[32][32], int steps, int from, int to)
{
    long ways[32] = {0}, next[32];
    for (ways[from] = 1; steps > 0; steps--) {
        memset(next, 0, sizeof next);
        for (int i = 0; i < 32; i++)
            for (int j = 0; j < 32; j++) next[j] += edge[i][j] ? ways[i] : 0;
        memcpy(ways, next, sizeof ways);
    }
    return ways[to];
}

/* Nodes of a text, `width` digits each; returns how many. */
static int nodes_of(int *nodes, const char *s, int width)
{
    int n = 0;
    for (; isdigit((unsigned char)*s); s += width) {
        char name[3] = {s[0], width > 1 ? s[1] : '\0', '\0'};
        nodes[n++] = (int)strtol(name, NULL, 10);
    }
    return n;
}

static void check_graph(sample *s, tally *t)
{
    bool edge[32][32] = {{false}}, seen[32] = {false};
    int width = s->p->level > 9 ? 2 : 1, low = width > 1 ? 11 : 1, high = low + s->p->level - 1;
    int pair[32], from, to, path[32], queue[32], n_queue = 0;
    const char *p = s->task;
    for (; *p != ':'; p += 2 * width + (p[2 * width] == ' ')) {
        assert_true(nodes_of(pair, p, width) >= 2);
        assert_true(pair[0] >= low && pair[0] < pair[1] && pair[1] <= high);
        edge[pair[0]][pair[1]] = edge[pair[1]][pair[0]] = true;
    }
    assert_int_equal(sscanf(p, ":%d>%d", &from, &to), 2);
    int n = nodes_of(path, s->p->answer, width);
    assert_true(n >= 2 && path[0] == from && path[n - 1] == to);
    for (int i = 1; i < n; i++) assert_true(edge[path[i - 1]][path[i]]);
    for (int d = 0; d < n; d++) assert_int_equal(walks(edge, d, from, to), d == n - 1);
    seen[from] = true;
    queue[n_queue++] = from;
    int q = 0;
    for (char *at = NULL, *part; (part = next_part(s, &at));) {
        if (strchr(part, '<') || !strchr(part, ':')) break;
        int found[32], right[32], n_right = 0, unseen = 0;
        assert_int_equal(strtol(part, NULL, 10), queue[q]);
        int n_found = nodes_of(found, strchr(part, ':') + 1, width);
        for (int i = low; i <= high; i++) {
            unseen += !seen[i];
            if (edge[queue[q]][i] && !seen[i]) right[n_right++] = i;
        }
        count(t, unseen > 0,
              n_found != n_right || memcmp(found, right, (size_t)n_right * sizeof *found) != 0);
        for (int i = 0; i < n_found; i++) {
            assert_false(seen[found[i]]);
            seen[found[i]] = true;
            queue[n_queue++] = found[i];
        }
        q++;
    }
    n = nodes_of(path, s->final, width);
    assert_int_equal(path[0], from);
    if (seen[to]) assert_int_equal(path[n - 1], to);
}

static void check_secret(sample *s, tally *t)
{
    (void)t;
    int n = 0;
    for (char *at = NULL, *part; (part = next_part(s, &at)); n++) {
        char letter;
        int a, b;
        assert_int_equal(sscanf(part, "%c%d=%d", &letter, &a, &b), 3);
        assert_true(letter == s->task[n] && a == b);
    }
    assert_int_equal(n, s->p->level);
    assert_int_equal(strlen(s->task), n);
    assert_true(strtol(s->p->answer, NULL, 10) < 100 && strtol(s->final, NULL, 10) < 100);
}

#endif
