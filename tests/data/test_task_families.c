/* The families for small models: every step of every solution is done again from the problem's
 * text alone (family_sequences.h, family_lists.h); levels, mixes, slips. */
#include "family_lists.h"
#include "family_sequences.h"

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

static const struct {
    masa_task_kind kind;
    void (*check)(sample *, tally *);
    int low, high; /* levels, over the whole range that there is */
} families[] = {
    {MASA_TASK_CHAIN, check_chain, 1, 60},       {MASA_TASK_ADD, check_add, 2, 18},
    {MASA_TASK_MULTIPLY, check_multiply, 2, 12}, {MASA_TASK_SORT, check_sort, 3, 30},
    {MASA_TASK_SEARCH, check_search, 3, 12},     {MASA_TASK_GRAPH, check_graph, 4, 20},
    {MASA_TASK_BASE, check_base, 2, 12},         {MASA_TASK_SOLVE, check_solve, 1, 17},
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
    int n = sscanf(final, "%d,%d,%d", a, a + 1, a + 2);
    int m = sscanf(answer, "%d,%d,%d", b, b + 1, b + 2);
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
            masa_problems sloppy =
                made_family(f, families[f].low, families[f].high, 400, share);
            tally t = {0};
            size_t second, right = check_all(f, &sloppy, &t, &second);
            assert_true(t.able > 1200);
            double tolerance = k == 3 ? 0 : 5 * sqrt(share / (double)t.able);
            assert_near((double)t.wrong / (double)t.able, share, tolerance);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(solutions_are_right),
                                       cmocka_unit_test(slips_are_a_share_of_the_steps),
                                       cmocka_unit_test(levels_are_lengths),
                                       cmocka_unit_test(the_secret_is_the_letters),
                                       cmocka_unit_test(mixes_have_their_weights),
                                       cmocka_unit_test(mixes_are_read),
                                       cmocka_unit_test(slips_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
