/* The families for small models: every step of every solution is done again from the problem's
 * text alone. A step counts as wrong when its right side does not follow from its left side;
 * that what follows goes on from what is written is asserted. */
#include "masa_test.h"
#include <masa/tasks.h>

#include <ctype.h>

/* Steps that were read, those of them that could have been wrong, and those that were. */
typedef struct tally {
    size_t steps, able, wrong;
} tally;

/* A problem with its solution cut into the work and the final answer. */
typedef struct sample {
    const masa_problem *p;
    const char *task; /* behind the letter and the level */
    char work[8192];  /* a method's word is taken off */
    const char *final;
    bool second; /* the second method */
} sample;

static void count(tally *t, bool able, bool wrong)
{
    assert_true(able || !wrong);
    t->steps++;
    t->able += able;
    t->wrong += wrong;
}

static masa_problems made(const char *kinds, size_t n, double slips, uint64_t seed)
{
    masa_task_mix mix = {0};
    masa_problems problems = {0};
    masa_error err = {0};
    masa_task_options o = {.mix = &mix, .slips = slips, .seed = seed};
    if (masa_task_mix_parse(&mix, kinds, NULL, &err) != MASA_OK ||
        masa_tasks_generate(&problems, n, &o, &err) != MASA_OK)
        fail_msg("%s: %s", kinds, err.message);
    masa_task_mix_deinit(&mix);
    return problems;
}

static void read_sample(sample *s, const masa_problem *p, const char *const *methods)
{
    const char *hashes = strstr(p->solution, " #### "), *start = p->solution;
    assert_non_null(hashes);
    *s = (sample){.p = p, .final = hashes + 6};
    assert_int_equal(strtol(p->problem + 1, (char **)&s->task, 10), p->level);
    assert_int_equal(*s->task++, ' ');
    for (int i = 0; methods && i < 2; i++) {
        size_t n = strlen(methods[i]);
        if (strncmp(start, methods[i], n) != 0 || start[n] != ' ') continue;
        start += n + 1;
        s->second = i == 1;
    }
    if (methods) assert_true(start > p->solution);
    size_t n = (size_t)(hashes - start);
    assert_true(n < sizeof s->work);
    memcpy(s->work, start, n);
}

/* The next part of the work, parts being separated by ";"; NULL after the last. */
static char *next_part(sample *s, char **at)
{
    char *part = *at ? *at : s->work;
    if (*at && !**at) return NULL;
    char *end = strchr(part, ';');
    *at = end ? end + 1 : part + strlen(part);
    if (end) *end = '\0';
    return part;
}

/* --- one after the other ----------------------------------------------------------- */

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

/* --- lists and graphs -------------------------------------------------------------- */

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
        count(t, unseen > 0, n_found != n_right ||
                                 memcmp(found, right, (size_t)n_right * sizeof *found) != 0);
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

/* --- all of them ------------------------------------------------------------------- */

static const struct {
    masa_task_kind kind;
    void (*check)(sample *, tally *);
    int low, high; /* levels, over the whole range that there is */
} families[] = {{MASA_TASK_CHAIN, check_chain, 1, 60},     {MASA_TASK_ADD, check_add, 2, 18},
                {MASA_TASK_MULTIPLY, check_multiply, 2, 12}, {MASA_TASK_SORT, check_sort, 3, 30},
                {MASA_TASK_SEARCH, check_search, 3, 12},   {MASA_TASK_GRAPH, check_graph, 4, 20},
                {MASA_TASK_BASE, check_base, 2, 12},       {MASA_TASK_SOLVE, check_solve, 1, 17},
                {MASA_TASK_SECRET, check_secret, 6, 60}};
enum { N_FAMILIES = sizeof families / sizeof *families };

static masa_problems made_family(size_t f, int low, int high, size_t n, double slips)
{
    char kinds[64];
    snprintf(kinds, sizeof kinds, "%s:%d-%d", masa_task_name(families[f].kind), low, high);
    return made(kinds, n, slips, 3);
}

/* Checks all and returns how many end in the true answer. */
static size_t check_all(size_t f, const masa_problems *problems, tally *t, size_t *second)
{
    size_t right = 0;
    *second = 0;
    for (size_t i = 0; i < problems->n; i++) {
        static sample s;
        read_sample(&s, &problems->items[i], masa_task_methods(families[f].kind));
        families[f].check(&s, t);
        right += strcmp(s.final, s.p->answer) == 0;
        *second += s.second;
    }
    return right;
}

static bool is_reversed(const char *final, const char *answer)
{
    int a[3] = {0}, b[3] = {0};
    int n = sscanf(final, "%d,%d,%d", a, a + 1, a + 2), m = sscanf(answer, "%d,%d,%d", b, b + 1, b + 2);
    for (int i = 0; i < n; i++)
        if (a[i] != b[m - 1 - i]) return false;
    return n == m;
}

static void solutions_are_right(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FAMILIES; f++) {
        masa_problems problems = made_family(f, families[f].low, families[f].high, 400, 0);
        tally t = {0};
        size_t second, right = check_all(f, &problems, &t, &second);
        assert_int_equal(t.wrong, 0);
        if (families[f].kind == MASA_TASK_SECRET) {
            assert_true(right < 20); /* guesses */
        } else if (families[f].kind == MASA_TASK_SEARCH) {
            /* The numbers in the order of the attempt: the answer is a set of them. */
            for (size_t i = 0; i < problems.n; i++) {
                const masa_problem *p = &problems.items[i];
                const char *final = strstr(p->solution, " #### ") + 6;
                assert_true(strcmp(final, p->answer) == 0 || is_reversed(final, p->answer));
                assert_non_null(strstr(p->solution, " ok ####"));
            }
        } else {
            assert_int_equal(right, problems.n);
        }
        bool two = masa_task_methods(families[f].kind);
        assert_true(two ? second > 140 && second < 260 : second == 0);
        masa_problems_deinit(&problems);
    }
}

static void slips_are_a_share_of_the_steps(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FAMILIES; f++) {
        if (families[f].kind == MASA_TASK_SECRET) continue;
        for (int k = 1; k <= 3; k++) {
            double share = k == 3 ? 1 : 0.15 * k;
            masa_problems clean = made_family(f, families[f].low, families[f].high, 400, 0);
            masa_problems sloppy = made_family(f, families[f].low, families[f].high, 400, share);
            tally t = {0};
            size_t second, right = check_all(f, &sloppy, &t, &second);
            assert_true(t.able > 1200);
            assert_near((double)t.wrong / (double)t.able, share, k == 3 ? 0 : 5 * sqrt(share / (double)t.able));
            assert_true(right < sloppy.n);
            /* The problems and the true answers are those of the clean solutions. */
            for (size_t i = 0; i < clean.n; i++) {
                assert_string_equal(clean.items[i].problem, sloppy.items[i].problem);
                assert_string_equal(clean.items[i].answer, sloppy.items[i].answer);
            }
            masa_problems_deinit(&clean);
            masa_problems_deinit(&sloppy);
        }
    }
}

static double mean_length(size_t f, int level)
{
    masa_problems problems = made_family(f, level, level, 60, 0);
    double sum = 0;
    for (size_t i = 0; i < problems.n; i++) {
        sum += (double)strlen(problems.items[i].solution);
        assert_int_equal(problems.items[i].level, level);
        char *end;
        assert_int_equal(strtol(problems.items[i].problem + 1, &end, 10), level);
    }
    masa_problems_deinit(&problems);
    return sum / 60;
}

/* Harder is longer, by a factor that makes the range one from trivial to hopeless. */
static void levels_are_lengths(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FAMILIES; f++) {
        int low = families[f].low, high = families[f].high, middle = (low + high) / 2;
        double least = mean_length(f, low), most = mean_length(f, high);
        assert_true(mean_length(f, middle) > 1.3 * least);
        assert_true(most > 1.3 * mean_length(f, middle));
        assert_true(most > 3 * least);
    }
}

static void the_secret_is_the_letters(void **state)
{
    (void)state;
    masa_problems a = made("secret:4", 40, 0, 1), b = made("secret:4", 40, 0, 2);
    size_t same = 0, equal = 0;
    for (size_t i = 0; i < a.n; i++)
        for (size_t j = 0; j < b.n; j++)
            if (strcmp(a.items[i].problem, b.items[j].problem) == 0) {
                same++;
                equal += strcmp(a.items[i].answer, b.items[j].answer) == 0;
            }
    assert_true(same > 10); /* of 81 that there are */
    assert_int_equal(equal, same);
    masa_problems_deinit(&a);
    masa_problems_deinit(&b);
}

static bool begins(const masa_problem *p, const char *prefix)
{
    return strncmp(p->id, prefix, strlen(prefix)) == 0;
}

static void mixes_have_their_weights(void **state)
{
    (void)state;
    masa_problems problems = made("chain:6-14=3,add:13-16,sort:9=0.5,word:2=1.5", 6000, 0, 4);
    size_t chain = 0, add = 0, sort = 0, word = 0;
    for (size_t i = 0; i < problems.n; i++) {
        const masa_problem *p = &problems.items[i];
        if (begins(p, "chain_")) chain++, assert_in_range(p->level, 6, 14);
        else if (begins(p, "add_")) add++, assert_in_range(p->level, 13, 16);
        else if (begins(p, "sort_")) sort++, assert_int_equal(p->level, 9);
        else if (begins(p, "word_2_")) word++;
    }
    assert_int_equal(chain + add + sort + word, 6000);
    assert_near(chain, 3000, 200);
    assert_near(add, 1000, 150);
    assert_near(sort, 500, 120);
    assert_near(word, 1500, 170);
    masa_problems_deinit(&problems);
}

static void mixes_are_read(void **state)
{
    (void)state;
    static const masa_task_share wanted[] = {{MASA_TASK_CHAIN, 1, 2, 1.25},
                                             {MASA_TASK_CHAIN, 7, 7, 1},
                                             {MASA_TASK_GRAPH, 5, 6, 1},
                                             {MASA_TASK_ADD, 5, 6, 2}};
    masa_task_mix mix = {0};
    assert_int_equal(
        masa_task_mix_parse(&mix, "chain:1-2=1.25,chain:7,graph,add=2", "5-6", NULL), MASA_OK);
    assert_int_equal(mix.n, 4);
    for (size_t i = 0; i < mix.n; i++) {
        assert_int_equal(mix.items[i].kind, wanted[i].kind);
        assert_int_equal(mix.items[i].least_level, wanted[i].least_level);
        assert_int_equal(mix.items[i].most_level, wanted[i].most_level);
        assert_true(mix.items[i].weight == wanted[i].weight);
    }
    masa_task_mix_deinit(&mix);
    static const struct {
        const char *text, *levels;
        masa_status status;
        const char *says;
    } bad[] = {{"", NULL, MASA_ERR_USAGE, "no task kind"},
               {"chain,,add", NULL, MASA_ERR_USAGE, "no task kind ''"},
               {"chains", NULL, MASA_ERR_USAGE, "no task kind 'chains'"},
               {"chain:", NULL, MASA_ERR_USAGE, "N or N-M"},
               {"chain:1-", NULL, MASA_ERR_USAGE, "N or N-M"},
               {"chain:1x", NULL, MASA_ERR_USAGE, "N or N-M"},
               {"chain", "1,", MASA_ERR_USAGE, "N or N-M"},
               {"chain:0", NULL, MASA_ERR_CONFIG, "chain go from 1 to 60"},
               {"chain:9-8", NULL, MASA_ERR_CONFIG, "chain go from 1 to 60"},
               {"chain,search", "1-2", MASA_ERR_CONFIG, "search go from 3 to 12"},
               {"chain=0", NULL, MASA_ERR_USAGE, "positive"},
               {"chain=-1", NULL, MASA_ERR_USAGE, "positive"},
               {"chain=nan", NULL, MASA_ERR_USAGE, "positive"},
               {"chain=1:2", NULL, MASA_ERR_USAGE, "positive"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        masa_error err = {0};
        assert_int_equal(masa_task_mix_parse(&mix, bad[i].text, bad[i].levels, &err),
                         bad[i].status);
        if (!strstr(err.message, bad[i].says)) fail_msg("%s: %s", bad[i].text, err.message);
        assert_null(mix.items);
    }
}

static void slips_are_refused(void **state)
{
    (void)state;
    masa_task_mix mix = {0};
    masa_problems problems = {0};
    masa_error err = {0};
    assert_int_equal(masa_task_mix_parse(&mix, "chain,word", NULL, NULL), MASA_OK);
    masa_task_options o = {.mix = &mix, .slips = 0.1};
    assert_int_equal(masa_tasks_generate(&problems, 5, &o, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "word"));
    o.slips = 1.5;
    assert_int_equal(masa_tasks_generate(&problems, 5, &o, &err), MASA_ERR_CONFIG);
    o.slips = NAN;
    assert_int_equal(masa_tasks_generate(&problems, 5, &o, &err), MASA_ERR_CONFIG);
    assert_int_equal(problems.n, 0);
    masa_task_mix_deinit(&mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solutions_are_right),       cmocka_unit_test(slips_are_a_share_of_the_steps),
        cmocka_unit_test(levels_are_lengths),        cmocka_unit_test(the_secret_is_the_letters),
        cmocka_unit_test(mixes_have_their_weights),  cmocka_unit_test(mixes_are_read),
        cmocka_unit_test(slips_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
