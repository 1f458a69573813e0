/* The three rewards on worked examples, on every edge, and their properties. */
#include "masa_test.h"

#include <masa/advantage.h>
#include <masa/memory.h>
#include <masa/meta.h>
#include <masa/random.h>

/* Four rollouts of "How many integers below 10 are prime?": two right, of 150 and 210
 * tokens. Notions in (right, wrong) rollouts: sieve (2, 0), divisor (2, 1), guess (0, 2),
 * list (1, 1), prime factor (1, 0). */
static const char problem[] = "How many integers below 10 are prime?";
static const char *const texts[] = {
    "Sieve: strike the divisors, list what is left.",
    "The sieves of divisors; a prime factor.",
    "My guess is 5. I list a divisor.",
    "I am guessing.",
};
static const bool correct[] = {true, true, false, false};
static const long lengths[] = {150, 210, 400, 20};
static const masa_solutions solutions = {4, texts, correct, lengths, NULL};

static masa_meta_reward score(const char *answer, const masa_solutions *s,
                              const masa_meta_options *o)
{
    masa_statistics *statistics = masa_statistics_create(problem, s, o->notion_rule);
    masa_prediction p;
    masa_prediction_parse(&p, answer, strlen(answer), o);
    masa_meta_reward r = masa_meta_score(&p, statistics, o);
    masa_prediction_deinit(&p);
    masa_statistics_destroy(statistics);
    return r;
}

static void statistics_are_of_the_correct_ones(void **state)
{
    (void)state;
    masa_statistics *s = masa_statistics_create(problem, &solutions, MASA_NOTION_LEMMA);
    masa_statistics_summary sum = masa_statistics_get(s);
    assert_int_equal(sum.n, 4);
    assert_int_equal(sum.n_correct, 2);
    assert_near(sum.pass_rate, 0.5, 0);
    assert_int_equal(sum.length_min, 150);
    assert_int_equal(sum.length_max, 210);
    assert_near(sum.length_mean, 180, 0);
    masa_statistics_destroy(s);
    masa_solutions none = {0};
    s = masa_statistics_create(problem, &none, MASA_NOTION_LEMMA);
    sum = masa_statistics_get(s);
    assert_near(sum.pass_rate, 0, 0);
    assert_int_equal(sum.n_correct, 0);
    masa_statistics_destroy(s);
}

static void difficulty(void **state)
{
    (void)state;
    masa_meta_options o = MASA_META_DEFAULTS;
    static const struct {
        const char *answer;
        double base, reward;
    } cases[] = {
        {"{\"pass_rate\":4}", 0.01, 1},
        {"{\"pass_rate\":6}", 0.01, 0.31622776601683794}, /* 0.01^0.25 */
        {"{\"pass_rate\":2}", 0.01, 0.31622776601683794},
        {"{\"pass_rate\":8}", 0.01, 0.1},
        {"{\"pass_rate\":0}", 0.25, 0.5},
        {"{\"pass_rate\":0}", 1, 1},
        {"{\"pass_rate\":9}", 0.01, 0},
        {"{\"pass_rate\":4.5}", 0.01, 0},
        {"", 0.01, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        o.base = cases[i].base;
        masa_meta_reward r = score(cases[i].answer, &solutions, &o);
        assert_near(r.difficulty, cases[i].reward, 1e-15);
        assert_near(r.total, cases[i].reward / 3, 1e-15);
        assert_int_equal(r.difficulty_cause == MASA_META_VALID, cases[i].reward > 0);
    }
}

static void length(void **state)
{
    (void)state;
    static const bool one[] = {false, true, false, false};
    static const bool all[] = {true, true, true, true};
    static const bool none[] = {false, false, false, false};
    static const struct {
        const bool *correct;
        long predicted;
        masa_length_rule rule;
        masa_meta_cause cause; /* VALID: reward 1 */
    } cases[] = {
        {correct, 150, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {correct, 180, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {correct, 210, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {correct, 149, MASA_LENGTH_INCLUSIVE, MASA_META_OUTSIDE},
        {correct, 211, MASA_LENGTH_INCLUSIVE, MASA_META_OUTSIDE},
        {correct, 400, MASA_LENGTH_INCLUSIVE, MASA_META_OUTSIDE}, /* a wrong one's */
        {correct, 150, MASA_LENGTH_STRICT, MASA_META_OUTSIDE},
        {correct, 151, MASA_LENGTH_STRICT, MASA_META_VALID},
        {correct, 209, MASA_LENGTH_STRICT, MASA_META_VALID},
        {correct, 210, MASA_LENGTH_STRICT, MASA_META_OUTSIDE},
        {one, 210, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {one, 209, MASA_LENGTH_INCLUSIVE, MASA_META_OUTSIDE},
        {one, 210, MASA_LENGTH_STRICT, MASA_META_OUTSIDE}, /* strict cannot be met */
        {all, 20, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {all, 400, MASA_LENGTH_INCLUSIVE, MASA_META_VALID},
        {none, 180, MASA_LENGTH_INCLUSIVE, MASA_META_NO_CORRECT},
        {none, 0, MASA_LENGTH_INCLUSIVE, MASA_META_OUT_OF_RANGE},
        {correct, 9000, MASA_LENGTH_INCLUSIVE, MASA_META_OUT_OF_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_meta_options o = MASA_META_DEFAULTS;
        o.length_rule = cases[i].rule;
        o.length_min = 1;
        masa_solutions s = {4, texts, cases[i].correct, lengths, NULL};
        char answer[64];
        snprintf(answer, sizeof answer, "{\"solution_length\":%ld}", cases[i].predicted);
        masa_meta_reward r = score(answer, &s, &o);
        if (r.length_cause != cases[i].cause || r.length != (cases[i].cause == MASA_META_VALID))
            fail_msg("case %zu: %g, %s", i, r.length, masa_meta_cause_text(r.length_cause));
        assert_int_equal(r.difficulty_cause, MASA_META_MISSING);
        assert_int_equal(r.notion_cause, MASA_META_MISSING);
    }
}

/* A cutoff stopped the third and the fourth: nothing about them is evidence. */
static void what_a_cutoff_hides_is_not_evidence(void **state)
{
    (void)state;
    masa_meta_options o = MASA_META_DEFAULTS;
    static const bool cut[] = {false, false, true, true}, none[] = {false, false, false, false};
    masa_solutions s = solutions;
    s.cut = cut;
    masa_statistics *statistics = masa_statistics_create(problem, &s, MASA_NOTION_LEMMA);
    masa_statistics_summary sum = masa_statistics_get(statistics);
    assert_true(sum.limited);
    assert_int_equal(sum.n, 2);
    assert_int_equal(sum.n_cut, 2);
    assert_int_equal(sum.n_correct, 2);
    assert_near(sum.pass_rate, 1, 0);
    assert_near(sum.pass_rate_low, 0.5, 0);
    assert_near(sum.pass_rate_high, 1, 0);
    assert_int_equal(sum.length_longest, 210);
    assert_near(sum.length_mean_all, 180, 0);
    assert_near(masa_statistics_distance(&sum, 0.25), 0.25, 0);
    assert_near(masa_statistics_distance(&sum, 0.75), 0, 0);
    masa_statistics_destroy(statistics);
    /* Any rate that may be true earns in full; "guess" is in no rollout that was seen;
     * the length is left out of the mean. */
    masa_meta_reward r =
        score("{\"pass_rate\":5,\"solution_length\":180,\"math_notion\":[\"sieve\",\"guess\"]}",
              &s, &o);
    assert_near(r.difficulty, 1, 0);
    assert_near(r.length, 0, 0);
    assert_int_equal(r.length_cause, MASA_META_LIMITED);
    assert_near(r.notion, 0.5, 0);
    assert_near(r.total, 0.75, 0);
    assert_near(score("{\"pass_rate\":2}", &s, &o).difficulty, pow(0.01, 0.25), 1e-15);
    assert_int_equal(score("{\"pass_rate\":2}", &s, &o).length_cause, MASA_META_MISSING);
    /* With nothing stopped, the pass rate is known and the length still is not. */
    s.cut = none;
    r = score("{\"pass_rate\":4,\"solution_length\":180}", &s, &o);
    assert_near(r.difficulty, 1, 0);
    assert_near(score("{\"pass_rate\":6}", &s, &o).difficulty, pow(0.01, 0.25), 1e-15);
    assert_int_equal(r.length_cause, MASA_META_LIMITED);
    assert_near(r.total, 0.5, 0);
    /* All stopped: nothing is known, every prediction is as good as another. */
    static const bool every[] = {true, true, true, true};
    s.cut = every;
    assert_near(score("{\"pass_rate\":0}", &s, &o).difficulty, 1, 0);
    assert_near(score("{\"pass_rate\":8}", &s, &o).difficulty, 1, 0);
}

/* The digit with the greatest expected difficulty reward where p of 8 rollouts is
 * n_right[k] / 8 with probability[k]. */
static int best_digit(const size_t *n_right, const double *probability, size_t n,
                      masa_difficulty_rule rule)
{
    masa_meta_options o = MASA_META_DEFAULTS;
    double best = -1, expected[MASA_PASS_RATE_SCALE + 1] = {0};
    int digit = -1;
    o.difficulty_rule = rule;
    for (size_t k = 0; k < n; k++) {
        static const char *const none[8] = {"", "", "", "", "", "", "", ""};
        static const long any[8] = {1, 1, 1, 1, 1, 1, 1, 1};
        bool right[8];
        for (size_t i = 0; i < 8; i++) right[i] = i < n_right[k];
        masa_statistics *s = masa_statistics_create(
            "", &(masa_solutions){8, none, right, any, NULL}, MASA_NOTION_LEMMA);
        for (int x = 0; x <= MASA_PASS_RATE_SCALE; x++) {
            masa_prediction p = {.pass_rate = x};
            expected[x] += probability[k] * masa_meta_score(&p, s, &o).difficulty;
        }
        masa_statistics_destroy(s);
    }
    for (int x = 0; x <= MASA_PASS_RATE_SCALE; x++)
        if (expected[x] > best) best = expected[x], digit = x;
    return digit;
}

/* Over all outcomes of 8 rollouts, or of two kinds of prompt that look the same. */
static void brier_is_proper(void **state)
{
    (void)state;
    masa_meta_options o = MASA_META_DEFAULTS;
    o.difficulty_rule = MASA_DIFFICULTY_BRIER;
    assert_near(score("{\"pass_rate\":4}", &solutions, &o).difficulty, 1, 0);
    assert_near(score("{\"pass_rate\":7}", &solutions, &o).difficulty, 1 - 0.375 * 0.375, 0);
    assert_near(score("{\"pass_rate\":9}", &solutions, &o).difficulty, 0, 0);
    static const size_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, ends[] = {0, 8};
    for (int i = 1; i < 40; i++) {
        double p = i / 40., binomial[9], choose = 1, split[2] = {1 - p, p};
        for (int k = 0; k <= 8; choose *= (double)(8 - k) / (k + 1), k++)
            binomial[k] = choose * pow(p, k) * pow(1 - p, 8 - k);
        /* Half-way between two digits, at i = 2.5, 7.5, ..., is never met. */
        int nearest = (int)lround(8 * p);
        assert_int_equal(best_digit(all, binomial, 9, MASA_DIFFICULTY_BRIER), nearest);
        assert_int_equal(best_digit(ends, split, 2, MASA_DIFFICULTY_BRIER), nearest);
        /* The paper's rule says an end, whatever the mean. */
        if (i != 20)
            assert_int_equal(best_digit(ends, split, 2, MASA_DIFFICULTY_POWER), i < 20 ? 0 : 8);
    }
}

/*
 * Lengths of right solutions: 7 values. Over all groups of three rollouts, each right
 * with probability .6, the expected reward of a predicted length, given that one is
 * right, is greatest at the .95 quantile of the lengths.
 */
static void the_quantile_earns_most(void **state)
{
    (void)state;
    enum { VALUES = 7, N = 3, OUTCOMES = VALUES + 1 }; /* the last outcome: wrong */
    static const long value[VALUES] = {100, 130, 170, 220, 290, 380, 500};
    static const struct {
        double probability[VALUES];
        long quantile;
    } cases[] = {
        {{0.2, 0.2, 0.2, 0.2, 0.1, 0.06, 0.04}, 380},
        {{0.2, 0.2, 0.2, 0.2, 0.1, 0.04, 0.06}, 500},
        {{0.9, 0.06, 0.04, 0, 0, 0, 0}, 130},
        {{0, 0, 0, 0, 0, 0, 1}, 500},
    };
    masa_meta_options o = MASA_META_DEFAULTS;
    o.length_rule = MASA_LENGTH_QUANTILE;
    o.length_max = 600;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double expected[601] = {0};
        for (int outcome = 0; outcome < OUTCOMES * OUTCOMES * OUTCOMES - 1; outcome++) {
            double chance = 1;
            bool right[N];
            long length[N];
            for (int i = 0, rest = outcome; i < N; i++, rest /= OUTCOMES) {
                int k = rest % OUTCOMES;
                right[i] = k < VALUES;
                length[i] = right[i] ? value[k] : 600;
                chance *= right[i] ? 0.6 * cases[c].probability[k] : 0.4;
            }
            if (chance == 0) continue;
            masa_statistics *s = masa_statistics_create(
                "",
                &(masa_solutions){N, (const char *const[]){"", "", ""}, right, length, NULL},
                MASA_NOTION_LEMMA);
            for (long l = 130; l <= 600; l += 10) {
                masa_prediction p = {.length = l};
                double r = masa_meta_score(&p, s, &o).length;
                assert_true(r >= 0 && r <= 1);
                expected[l] += chance * r;
            }
            masa_statistics_destroy(s);
        }
        long best = 130;
        for (long l = 130; l <= 600; l += 10)
            if (expected[l] > expected[best]) best = l;
        assert_int_equal(best, cases[c].quantile);
    }
}

static void quantiles_by_hand(void **state)
{
    (void)state;
    masa_meta_options o = MASA_META_DEFAULTS;
    o.length_rule = MASA_LENGTH_QUANTILE;
    /* Right ones of 150 and 210 tokens, range 128 to 8192: log 64. */
    double low = 0.05 * log(210. / 150) / 2 / (0.95 * log(64));
    assert_near(score("{\"solution_length\":210}", &solutions, &o).length, 1 - low, 1e-15);
    double high = (0.95 * log(210. / 180) + 0.05 * log(180. / 150)) / 2 / (0.95 * log(64));
    assert_near(score("{\"solution_length\":180}", &solutions, &o).length, 1 - high, 1e-15);
    assert_near(score("{\"solution_length\":127}", &solutions, &o).length, 0, 0);
    /* The extremes: nothing earned, or everything; lengths beyond the range count as its
     * end. */
    static const long longest[] = {9000, 8192, 1, 1}, shortest[] = {1, 128, 1, 1};
    masa_solutions s = {4, texts, correct, longest, NULL};
    assert_near(score("{\"solution_length\":128}", &s, &o).length, 0, 1e-15);
    assert_near(score("{\"solution_length\":8192}", &s, &o).length, 1, 1e-15);
    s.lengths = shortest;
    assert_near(score("{\"solution_length\":128}", &s, &o).length, 1, 1e-15);
    /* The empirical quantile: the 19th of 20 and the greatest of 19. */
    const char *no_texts[20];
    bool right[20];
    long rising[20];
    for (int i = 0; i < 20; i++) no_texts[i] = "", right[i] = true, rising[i] = 300 - 10 * i;
    for (size_t n = 19; n <= 20; n++) {
        masa_statistics *t = masa_statistics_create(
            "", &(masa_solutions){n, no_texts, right, rising, NULL}, MASA_NOTION_LEMMA);
        assert_int_equal(masa_statistics_get(t).length_upper, n == 19 ? 300 : 290);
        masa_statistics_destroy(t);
    }
}

/* Right by rates: sieve (2 of 2, 0 of 2). One right of four: "divisor" is in it and in
 * one of three wrong ones, so no count exceeds the other; by rates it helps. */
static void notions_by_rates(void **state)
{
    (void)state;
    static const bool one[] = {false, true, false, false}, three[] = {true, true, true, false},
                      all[] = {true, true, true, true}, none[] = {false, false, false, false};
    static const struct {
        const bool *correct;
        const char *notion;
        bool counts, rates;
    } cases[] = {
        {one, "divisor", false, true},                                     /* 1 of 1, 2 of 3 */
        {three, "guess", false, false},                                    /* 1 of 3, 1 of 1 */
        {three, "list", true, true},                                       /* 2 of 3, 0 of 1 */
        {correct, "divisor", true, true}, {correct, "list", false, false}, /* 1 of 2, 1 of 2 */
        {all, "guess", true, true}, /* nothing is wrong: a rate of 0 there */
        {none, "guess", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int rates = 0; rates < 2; rates++) {
            masa_meta_options o = MASA_META_DEFAULTS;
            o.notion_test = rates ? MASA_NOTION_RATES : MASA_NOTION_COUNTS;
            char answer[64];
            snprintf(answer, sizeof answer, "{\"math_notion\":[\"%s\"]}", cases[i].notion);
            masa_solutions s = {4, texts, cases[i].correct, lengths, NULL};
            if ((score(answer, &s, &o).notion == 1) !=
                (rates ? cases[i].rates : cases[i].counts))
                fail_msg("case %zu, rates %d", i, rates);
        }
    /* Mostly right: 2 of 3 against 1 of 1; the counts say it helps, the rates do not. */
    masa_meta_options o = MASA_META_DEFAULTS;
    static const char *const mostly[] = {"parity", "parity", "", "parity"};
    masa_solutions s = {4, mostly, three, lengths, NULL};
    assert_near(score("{\"math_notion\":[\"parity\"]}", &s, &o).notion, 1, 0);
    o.notion_test = MASA_NOTION_RATES;
    assert_near(score("{\"math_notion\":[\"parity\"]}", &s, &o).notion, 0, 0);
}

static void notions(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        masa_notion_rule rule;
        size_t kept, helpful;
        masa_meta_cause cause;
    } cases[] = {
        {"\"sieve\"", MASA_NOTION_LEMMA, 1, 1, MASA_META_VALID},
        {"\"SIEVES\"", MASA_NOTION_LEMMA, 1, 1, MASA_META_VALID},
        {"\"divisor\"", MASA_NOTION_LEMMA, 1, 1, MASA_META_VALID},
        {"\"list\"", MASA_NOTION_LEMMA, 1, 0, MASA_META_NONE_HELPFUL}, /* as many wrong */
        {"\"guess\"", MASA_NOTION_LEMMA, 1, 0, MASA_META_NONE_HELPFUL},
        {"\"never\"", MASA_NOTION_LEMMA, 1, 0, MASA_META_NONE_HELPFUL},
        {"\"sieve\",\"guess\"", MASA_NOTION_LEMMA, 2, 1, MASA_META_VALID},
        {"\"sieve\",\"sieves\",\"guess\"", MASA_NOTION_LEMMA, 2, 1, MASA_META_VALID},
        {"\"prime\",\"integer\"", MASA_NOTION_LEMMA, 0, 0, MASA_META_NONE_KEPT},
        {"\"Primes\",\"sieve\"", MASA_NOTION_LEMMA, 1, 1, MASA_META_VALID},
        {"\"prime factor\"", MASA_NOTION_LEMMA, 1, 1, MASA_META_VALID},
        {"\"factor prime\"", MASA_NOTION_LEMMA, 1, 0, MASA_META_NONE_HELPFUL},
        {"\"\",\" \",\"...\"", MASA_NOTION_LEMMA, 0, 0, MASA_META_NONE_KEPT},
        {"", MASA_NOTION_LEMMA, 0, 0, MASA_META_NONE_KEPT},
        {"\"ieve\"", MASA_NOTION_LEMMA, 1, 0, MASA_META_NONE_HELPFUL},
        {"\"ieve\"", MASA_NOTION_SUBSTRING, 1, 1, MASA_META_VALID},
        {"\"sieve\"", MASA_NOTION_SUBSTRING, 1, 1, MASA_META_VALID}, /* in the second alone */
        {"\"SIEVE\"", MASA_NOTION_SUBSTRING, 1, 0, MASA_META_NONE_HELPFUL},
        {"\"sieve\",\"sieves\"", MASA_NOTION_SUBSTRING, 2, 2, MASA_META_VALID},
        {"\"rim\"", MASA_NOTION_SUBSTRING, 0, 0, MASA_META_NONE_KEPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_meta_options o = MASA_META_DEFAULTS;
        o.notion_rule = cases[i].rule;
        char answer[128];
        snprintf(answer, sizeof answer, "{\"math_notion\":[%s]}", cases[i].list);
        masa_meta_reward r = score(answer, &solutions, &o);
        if (r.notions_kept != cases[i].kept || r.notions_helpful != cases[i].helpful ||
            r.notion_cause != cases[i].cause)
            fail_msg("%s: %zu kept, %zu helpful, %s", answer, r.notions_kept, r.notions_helpful,
                     masa_meta_cause_text(r.notion_cause));
        assert_near(r.notion,
                    cases[i].kept ? (double)cases[i].helpful / (double)cases[i].kept : 0, 0);
    }
}

static void notions_need_a_correct_rollout(void **state)
{
    (void)state;
    masa_meta_options o = MASA_META_DEFAULTS;
    static const bool none[] = {false, false, false, false};
    static const bool all[] = {true, true, true, true};
    masa_solutions s = {4, texts, none, lengths, NULL};
    masa_meta_reward r = score("{\"math_notion\":[\"sieve\"]}", &s, &o);
    assert_near(r.notion, 0, 0);
    assert_int_equal(r.notion_cause, MASA_META_NO_CORRECT);
    s.correct = all;
    r = score("{\"math_notion\":[\"guess\",\"never\"]}", &s, &o);
    assert_near(r.notion, 0.5, 0);
    s.n = 0;
    r = score("{\"math_notion\":[\"sieve\"],\"pass_rate\":0,\"solution_length\":128}", &s, &o);
    assert_near(r.difficulty, 1, 0);
    assert_near(r.length, 0, 0);
    assert_near(r.notion, 0, 0);
}

/* difficulty 0.1, length 1, notion 0.5 */
static void the_total_is_the_weighted_mean(void **state)
{
    (void)state;
    static const char answer[] = "{\"math_notion\":[\"sieve\",\"guess\"],\"pass_rate\":8,"
                                 "\"solution_length\":200}";
    static const double cases[][4] = {
        {1, 1, 1, 1.6 / 3}, {1, 0, 0, 0.1},  {0, 1, 0, 1},     {0, 0, 1, 0.5}, {0, 1, 1, 0.75},
        {1, 0, 1, 0.3},     {1, 1, 0, 0.55}, {2, 1, 1, 0.425}, {0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_meta_options o = MASA_META_DEFAULTS;
        o.weight_difficulty = cases[i][0];
        o.weight_length = cases[i][1];
        o.weight_notion = cases[i][2];
        assert_near(score(answer, &solutions, &o).total, cases[i][3], 1e-15);
    }
}

/* ---- properties, over random prompts ---- */

enum { MOST = 9 };
static const char *const words[] = {"sieve", "sieves", "prime",   "divisor",   "prime factor",
                                    "guess", "",       "integer", "remainder", "Guessing"};

static const char *pick(masa_random *random)
{
    return words[masa_random_below(random, sizeof words / sizeof *words)];
}

typedef struct scene {
    char texts[MOST][128];
    const char *pointers[MOST];
    bool correct[MOST];
    long lengths[MOST];
    size_t n;
    char *notions[MOST];
    masa_prediction prediction;
    masa_meta_options options;
} scene;

static void draw_scene(scene *s, masa_random *random)
{
    memset(s, 0, sizeof *s);
    s->options = (masa_meta_options)MASA_META_DEFAULTS;
    s->options.base = 1 - masa_random_uniform(random);
    s->options.weight_difficulty = masa_random_uniform(random);
    s->options.weight_length = masa_random_uniform(random);
    s->options.weight_notion = masa_random_uniform(random);
    s->options.length_rule = (masa_length_rule)masa_random_below(random, 2);
    s->options.notion_rule = (masa_notion_rule)masa_random_below(random, 2);
    s->n = masa_random_below(random, MOST + 1);
    for (size_t i = 0; i < s->n; i++) {
        snprintf(s->texts[i], sizeof s->texts[i], "%s and %s, %s.", pick(random), pick(random),
                 pick(random));
        s->pointers[i] = s->texts[i];
        s->correct[i] = masa_random_below(random, 2);
        s->lengths[i] = masa_random_range(random, 1, 200);
    }
    masa_prediction *p = &s->prediction;
    p->pass_rate = (int)masa_random_range(random, 0, 8);
    p->length = masa_random_range(random, 1, 200);
    p->notions = s->notions;
    p->n_notions = masa_random_below(random, MOST + 1);
    for (size_t i = 0; i < p->n_notions; i++) s->notions[i] = (char *)pick(random);
}

static masa_meta_reward score_scene(const scene *s)
{
    masa_solutions given = {s->n, s->pointers, s->correct, s->lengths, NULL};
    masa_statistics *statistics =
        masa_statistics_create(problem, &given, s->options.notion_rule);
    masa_meta_reward r = masa_meta_score(&s->prediction, statistics, &s->options);
    masa_statistics_destroy(statistics);
    return r;
}

#define SWAP(type, a, b)                                                                       \
    do {                                                                                       \
        type swap = (a);                                                                       \
        (a) = (b);                                                                             \
        (b) = swap;                                                                            \
    } while (0)

static void rewards_are_bounded_and_blind_to_order(void **state)
{
    (void)state;
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    for (int round = 0; round < 2000; round++) {
        scene s;
        draw_scene(&s, &random);
        masa_meta_reward r = score_scene(&s);
        const double parts[] = {r.difficulty, r.length, r.notion, r.total};
        for (int i = 0; i < 4; i++)
            if (!(parts[i] >= 0 && parts[i] <= 1))
                fail_msg("round %d: reward %d is %g", round, i, parts[i]);
        assert_true(r.notions_helpful <= r.notions_kept);
        assert_int_equal(r.notion_cause == MASA_META_VALID, r.notion > 0);
        for (int k = 0; k < 8; k++) {
            size_t i = masa_random_below(&random, s.n + 1),
                   j = masa_random_below(&random, s.n + 1);
            if (i < s.n && j < s.n) {
                SWAP(const char *, s.pointers[i], s.pointers[j]);
                SWAP(bool, s.correct[i], s.correct[j]);
                SWAP(long, s.lengths[i], s.lengths[j]);
            }
            size_t n = s.prediction.n_notions, other = masa_random_below(&random, n + 1);
            if (other < n) SWAP(char *, s.notions[other], s.notions[0]);
        }
        masa_meta_reward again = score_scene(&s);
        assert_memory_equal(&r.difficulty, &again.difficulty, 4 * sizeof(double));
        assert_int_equal(r.notions_kept, again.notions_kept);
    }
}

static void equal_rewards_are_no_advantage(void **state)
{
    (void)state;
    float rewards[8], advantages[8];
    size_t groups[8] = {0};
    masa_meta_options o = MASA_META_DEFAULTS;
    for (int i = 0; i < 8; i++)
        rewards[i] =
            (float)score("{\"pass_rate\":5,\"math_notion\":[\"sieve\"]}", &solutions, &o).total;
    for (int kind = 0; kind <= MASA_ADVANTAGE_BATCH_NORM; kind++) {
        masa_advantages(advantages, rewards, groups, 8, (masa_advantage_kind)kind);
        for (int i = 0; i < 8; i++) assert_true(advantages[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_of_the_correct_ones),
        cmocka_unit_test(difficulty),
        cmocka_unit_test(length),
        cmocka_unit_test(what_a_cutoff_hides_is_not_evidence),
        cmocka_unit_test(brier_is_proper),
        cmocka_unit_test(the_quantile_earns_most),
        cmocka_unit_test(quantiles_by_hand),
        cmocka_unit_test(notions_by_rates),
        cmocka_unit_test(notions),
        cmocka_unit_test(notions_need_a_correct_rollout),
        cmocka_unit_test(the_total_is_the_weighted_mean),
        cmocka_unit_test(rewards_are_bounded_and_blind_to_order),
        cmocka_unit_test(equal_rewards_are_no_advantage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
