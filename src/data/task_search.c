/* Problems that are searched: numbers that make a target, a shortest path. */
#include "task_kinds.h"

#include <string.h>

enum { MOST_NUMBERS = 12, MOST_CHOSEN = 3, MOST_NODES = 20 };

/* --- numbers that make a target ------------------------------------------------ */

/* The next choice of k of 0..n-1 in lexicographic order; false after the last. */
static bool next_choice(int *choice, int k, int n)
{
    int i = k - 1;
    while (i >= 0 && choice[i] == n - k + i) i--;
    if (i < 0) return false;
    choice[i]++;
    while (++i < k) choice[i] = choice[i - 1] + 1;
    return true;
}

static int sum_of(const int *numbers, const int *choice, int k)
{
    int sum = 0;
    for (int i = 0; i < k; i++) sum += numbers[choice[i]];
    return sum;
}

/* Choices whose sum is the target. */
static int count_choices(const int *numbers, int n, int k, int target)
{
    int choice[MOST_CHOSEN] = {0, 1, 2}, count = 0;
    do count += sum_of(numbers, choice, k) == target;
    while (next_choice(choice, k, n));
    return count;
}

/* n different numbers and k of them with a sum that no other k have. The numbers stay below
 * 100, so that a list of them never looks like one number with a separator. */
static void draw_numbers(task_case *c, int *numbers, int *chosen, int n, int k)
{
    int most = 10 * n < 99 ? 10 * n : 99;
    do {
        bool used[100] = {false};
        for (int i = 0; i < n;) {
            int x = (int)masa_random_range(c->random, 1, most);
            if (used[x]) continue;
            used[x] = true;
            numbers[i++] = x;
        }
        size_t order[MOST_NUMBERS];
        for (int i = 0; i < n; i++) order[i] = (size_t)i;
        masa_random_shuffle(c->random, order, (size_t)n);
        for (int i = 0; i < k; i++) chosen[i] = (int)order[i];
    } while (count_choices(numbers, n, k, sum_of(numbers, chosen, k)) != 1);
}

static void sort_numbers(int *numbers, int n, bool descending)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && (numbers[j] < numbers[j - 1]) != descending; j--) {
            int t = numbers[j];
            numbers[j] = numbers[j - 1];
            numbers[j - 1] = t;
        }
}

static void add_chosen(masa_text *out, const int *numbers, const int *choice, int k,
                       const char *between)
{
    for (int i = 0; i < k; i++)
        masa_text_addf(out, "%s%d", i ? between : "", numbers[choice[i]]);
}

/* Tries choices in order until a sum seems to be the target, or the last one is no either. */
static void try_choices(task_case *c, const int *numbers, int n, int k, int target)
{
    int choice[MOST_CHOSEN] = {0, 1, 2};
    for (;;) {
        int truth = sum_of(numbers, choice, k);
        int sum = task_step(c, truth, truth > 9 ? truth - 9 : 1, truth + 9);
        add_chosen(&c->work, numbers, choice, k, "+");
        masa_text_addf(&c->work, "=%d %s", sum, sum == target ? "ok" : "no");
        int last[MOST_CHOSEN];
        memcpy(last, choice, sizeof last);
        if (sum == target || !next_choice(choice, k, n)) {
            masa_text_add(&c->work, " #### ");
            add_chosen(&c->work, numbers, last, k, ",");
            return;
        }
        masa_text_add(&c->work, ";");
    }
}

/* "t5 47=3 of 3 19 8 20 31": the three numbers with the sum 47, tried with the big or the
 * small ones first: big 31+20+19=70 no;31+20+8=59 no;... */
void task_search(task_case *c, int level)
{
    int numbers[MOST_NUMBERS], chosen[MOST_CHOSEN], k = level < 5 ? 2 : 3, found[MOST_CHOSEN];
    static const int all[MOST_CHOSEN] = {0, 1, 2};
    draw_numbers(c, numbers, chosen, level, k);
    int target = sum_of(numbers, chosen, k);
    masa_text_addf(&c->problem, "%d=%d of", target, k);
    for (int i = 0; i < level; i++) masa_text_addf(&c->problem, " %d", numbers[i]);
    for (int i = 0; i < k; i++) found[i] = numbers[chosen[i]];
    sort_numbers(found, k, false);
    add_chosen(&c->answer, found, all, k, ",");
    sort_numbers(numbers, level, !task_method(c, "big", "small"));
    try_choices(c, numbers, level, k, target);
}

/* --- shortest paths ------------------------------------------------------------ */

typedef struct graph {
    int n, first; /* node i is called first + i */
    bool edge[MOST_NODES][MOST_NODES];
} graph;

static void join(graph *g, int a, int b)
{
    g->edge[a][b] = g->edge[b][a] = true;
}

/* A tree of long branches and a third as many edges more, under shuffled names. */
static void draw_graph(task_case *c, graph *g, int n)
{
    *g = (graph){.n = n, .first = n > 9 ? 11 : 1};
    size_t name[MOST_NODES];
    for (int i = 0; i < n; i++) name[i] = (size_t)i;
    masa_random_shuffle(c->random, name, (size_t)n);
    for (int i = 1; i < n; i++)
        join(g, (int)name[i],
             (int)name[masa_random_range(c->random, i > 3 ? i - 3 : 0, i - 1)]);
    for (int i = 0; i < n / 3; i++) {
        int a = (int)masa_random_below(c->random, (uint64_t)n);
        int b = (int)masa_random_below(c->random, (uint64_t)n);
        if (a != b) join(g, a, b);
    }
}

/* Distances from `from`, and how many shortest paths there are. */
static void measure(const graph *g, int from, int *distance, int *paths)
{
    int queue[MOST_NODES], n = 0;
    for (int i = 0; i < g->n; i++) distance[i] = -1, paths[i] = 0;
    distance[from] = 0, paths[from] = 1;
    queue[n++] = from;
    for (int q = 0; q < n; q++)
        for (int i = 0, a = queue[q]; i < g->n; i++) {
            if (!g->edge[a][i]) continue;
            if (distance[i] < 0) distance[i] = distance[a] + 1, queue[n++] = i;
            if (distance[i] == distance[a] + 1) paths[i] += paths[a];
        }
}

/* The nodes that `node` leads to first. A step that slips misses one of them, or finds one
 * that is not its neighbour. */
static int expand(task_case *c, const graph *g, int node, const bool *seen, int *found)
{
    int n = 0, others[MOST_NODES], n_others = 0;
    for (int i = 0; i < g->n; i++) {
        if (seen[i]) continue;
        if (g->edge[node][i]) found[n++] = i;
        else others[n_others++] = i;
    }
    if (n + n_others == 0 || !task_slips(c)) return n;
    if (n && (!n_others || task_own(c, 2))) {
        int at = task_own(c, n);
        memmove(found + at, found + at + 1, (size_t)(n - at - 1) * sizeof *found);
        return n - 1;
    }
    int more = others[task_own(c, n_others)], at = n;
    for (; at > 0 && found[at - 1] > more; at--) found[at] = found[at - 1];
    found[at] = more;
    return n + 1;
}

static void add_path(task_case *c, const graph *g, const int *parent, int node)
{
    int path[MOST_NODES], n = 0;
    for (; node >= 0; node = parent[node]) path[n++] = node;
    for (int i = 0; i < n; i++)
        masa_text_addf(&c->work, "%s%d", i ? "<" : ";", g->first + path[i]);
    masa_text_add(&c->work, " #### ");
    while (n > 0) masa_text_addf(&c->work, "%d", g->first + path[--n]);
}

/* Breadth first: node:the new ones behind it, until the end is among them, and then back:
 * 1:24;2:;4:35;3:6;6<3<4<1 */
static void walk(task_case *c, const graph *g, int from, int to)
{
    bool seen[MOST_NODES] = {false};
    int queue[MOST_NODES], parent[MOST_NODES], n = 0, q = 0;
    seen[from] = true;
    parent[from] = -1;
    queue[n++] = from;
    for (; q < n && !seen[to]; q++) {
        int found[MOST_NODES], n_found = expand(c, g, queue[q], seen, found);
        masa_text_addf(&c->work, "%s%d:", q ? ";" : "", g->first + queue[q]);
        for (int i = 0; i < n_found; i++) {
            masa_text_addf(&c->work, "%d", g->first + found[i]);
            seen[found[i]] = true;
            parent[found[i]] = queue[q];
            queue[n++] = found[i];
        }
    }
    add_path(c, g, parent, seen[to] ? to : queue[n - 1]);
}

/* "g6 12 14 34 36 45:1>6": the nodes of the shortest path, one behind the other. Of the nodes
 * that a single shortest path leads to, the end is one of the farthest. */
void task_graph(task_case *c, int level)
{
    graph g;
    draw_graph(c, &g, level);
    int distance[MOST_NODES], paths[MOST_NODES];
    int from = (int)masa_random_below(c->random, (uint64_t)level), to = from;
    measure(&g, from, distance, paths);
    for (int i = 0; i < level; i++)
        if (paths[i] == 1 && distance[i] > distance[to]) to = i;
    const char *space = "";
    for (int i = 0; i < level; i++)
        for (int j = i + 1; j < level; j++) {
            if (!g.edge[i][j]) continue;
            masa_text_addf(&c->problem, "%s%d%d", space, g.first + i, g.first + j);
            space = " ";
        }
    masa_text_addf(&c->problem, ":%d>%d", g.first + from, g.first + to);
    int path[MOST_NODES], n = 0;
    for (int node = to; node != from; n++) {
        path[n] = node;
        int before = 0;
        while (!g.edge[node][before] || distance[before] != distance[node] - 1) before++;
        node = before;
    }
    masa_text_addf(&c->answer, "%d", g.first + from);
    while (n > 0) masa_text_addf(&c->answer, "%d", g.first + path[--n]);
    walk(c, &g, from, to);
}
