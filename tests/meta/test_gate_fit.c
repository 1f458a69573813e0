/* The fitted gate on planted populations: prompts with known pass rates, forecasts with
 * known noise, groups of 16. What must come out is known, so it can be asked for. */
#include "masa_test.h"

#include <masa/gate_fit.h>
#include <masa/measures.h>
#include <masa/random.h>

enum { G = 16, WINDOW = 2048 };
static const double threshold = 0.8, discount = 0.7; /* of a belief, an epoch */

/* Shares of the prompts; the others' pass rates are uniform between .1 and .9. */
typedef struct population {
    double hopeless, trivial, nearly; /* p = 0, 1, .95 */
    bool tells_nearly;                /* forecasts know .95 from 1 */
    double noise;                     /* of a prediction; 1 or more: it says nothing */
} population;

static const population u_shaped = {0.4, 0.15, 0.05, true, 0.06},
                        blind_at_the_top = {0.4, 0.1, 0.15, false, 0.06};

typedef struct prompt {
    double p;
    masa_forecast forecast;
} prompt;

/* Eight predictions of a digit. */
static masa_forecast foretell(double p, const population *of, masa_random *random)
{
    masa_forecast f = {.n = 8, .n_pass_rates = 8};
    double square = 0, q = p >= 0.95 && !of->tells_nearly ? 1 : p;
    for (int k = 0; k < 8; k++) {
        double x = of->noise >= 1 ? masa_random_uniform(random)
                                  : q + of->noise * masa_random_normal(random);
        double digit = round(8 * fmax(0, fmin(1, x))) / 8;
        f.pass_rate_mean += digit / 8;
        square += digit * digit / 8;
    }
    f.pass_rate_deviation = sqrt(fmax(0, square - f.pass_rate_mean * f.pass_rate_mean));
    return f;
}

static prompt draw(const population *of, masa_random *random)
{
    prompt x;
    double u = masa_random_uniform(random);
    x.p = u < of->hopeless                 ? 0
          : u < of->hopeless + of->trivial ? 1
          : u < of->hopeless + of->trivial + of->nearly
              ? 0.95
              : 0.1 + 0.8 * masa_random_uniform(random);
    x.forecast = foretell(x.p, of, random);
    return x;
}

static size_t roll_out(double p, size_t n, masa_random *random)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) right += masa_random_uniform(random) < p;
    return right;
}

/* From groups of 8 to 16, as they come where some rollouts are cut off. */
static void learn(masa_gate_fit *fit, const population *of, size_t n, masa_random *random)
{
    for (size_t i = 0; i < n; i++) {
        prompt x = draw(of, random);
        size_t size = 8 + masa_random_below(random, 9), right = roll_out(x.p, size, random);
        masa_gate_fit_observe(fit, &x.forecast, (double)right, (double)(size - right), 1, 1);
    }
    masa_gate_fit_learn(fit, WINDOW);
}

static masa_gate_fit learned(const population *of, size_t n)
{
    masa_gate_fit fit = {0};
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    learn(&fit, of, n, &random);
    return fit;
}

/* How a gate did over a population. */
typedef struct verdict {
    double closed;                    /* share of all */
    double precision, recall, lift;   /* of zero variance */
    double hopeless, trivial, nearly; /* shares of these that were closed */
    double said;                      /* mean probability where it closed */
    double error;                     /* expected calibration error, 10 bins */
} verdict;

/* Judges by the forecast, by the history of `epochs` earlier groups, or by both. */
static verdict judge(const masa_gate_fit *fit, const population *of, bool by_forecast,
                     int epochs)
{
    enum { N = 6000 };
    static double P[N], came[N];
    masa_random random = masa_random_init(2, MASA_STREAM_TEST);
    double limit = masa_gate_fit_threshold(fit, threshold, G), said = 0;
    double n[3] = {0}, shut[3] = {0}, flat = 0, closed = 0, rightly = 0;
    for (int i = 0; i < N; i++) {
        prompt x = draw(of, &random);
        masa_belief belief = {0};
        for (int e = 0; e < epochs; e++) {
            double right = (double)roll_out(x.p, G, &random);
            masa_belief_update(&belief, e, right, G - right, discount);
        }
        belief = masa_belief_at(&belief, epochs, discount);
        P[i] = masa_gate_fit_zero_variance(fit, by_forecast ? &x.forecast : NULL,
                                           epochs ? &belief : NULL, G);
        size_t right = roll_out(x.p, G, &random);
        came[i] = right == 0 || right == G;
        bool close = P[i] > limit;
        int kind = x.p == 0 ? 0 : x.p == 1 ? 1 : 2;
        if (kind < 2 || x.p == 0.95) n[kind]++, shut[kind] += close;
        flat += came[i], closed += close, rightly += close && came[i];
        if (close) said += P[i];
    }
    masa_calibration_bin bins[10];
    return (verdict){.closed = closed / N,
                     .precision = rightly / closed,
                     .recall = rightly / flat,
                     .lift = rightly / closed / (flat / N),
                     .hopeless = shut[0] / n[0],
                     .trivial = shut[1] / n[1],
                     .nearly = shut[2] / n[2],
                     .said = said / closed,
                     .error = masa_calibration_bins(bins, 10, P, came, N)};
}

static double probability(const masa_gate_fit *fit, double mean)
{
    masa_forecast f = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = mean};
    return masa_gate_fit_zero_variance(fit, &f, NULL, G);
}

static const double points[MASA_GATE_FIT_POINTS] = {
    1. / 4096, 1. / 32, 1. / 16, 1. / 8, 0.25,     0.375,       0.5,
    0.625,     0.75,    0.875,   0.9375, 31. / 32, 4095. / 4096};

/* Before anything is seen. */
static double start(int i)
{
    return i == 0 || i == MASA_GATE_FIT_POINTS - 1 ? 0.25 : 0.5 / (MASA_GATE_FIT_POINTS - 2);
}

static void worked_numbers(void **state)
{
    (void)state;
    masa_gate_fit fit = {0};
    double like[MASA_GATE_FIT_POINTS], sum = 0, plain = 0, flat = 0, mean = 0, spread = 0;
    for (int i = 0; i < MASA_GATE_FIT_POINTS; i++) {
        double p = points[i], same = pow(p, 4) + pow(1 - p, 4);
        like[i] = start(i) * p * pow(1 - p, 3);
        sum += like[i], plain += start(i) * same, flat += like[i] * same;
        mean += like[i] * p, spread += like[i] * p * (1 - p);
    }
    /* Nothing seen: the start, and Bayes' rule for a history of 1 in 4. */
    masa_belief belief = {.right = 1, .wrong = 3};
    assert_near(masa_gate_fit_zero_variance(&fit, NULL, NULL, 4), plain, 1e-14);
    assert_near(masa_gate_fit_zero_variance(&fit, NULL, &belief, 4), flat / sum, 1e-14);
    assert_near(probability(&fit, 0), masa_gate_fit_zero_variance(&fit, NULL, NULL, G), 1e-14);
    masa_pass_rate_moments m = masa_gate_fit_moments(&fit, NULL, &belief);
    assert_near(m.mean, mean / sum, 1e-14);
    assert_near(m.spread, spread / sum, 1e-14);
    /* Nothing to learn from leaves it at that. */
    masa_gate_fit_learn(&fit, 10);
    assert_near(masa_gate_fit_zero_variance(&fit, NULL, NULL, 4), plain, 1e-14);
    masa_gate_fit_observe(&fit, NULL, 0, 0, 1, 1);
    masa_gate_fit_observe(&fit, NULL, 4, 4, 0, 1);
    assert_int_equal(fit.n, 0);
    /* A group of weight 2, then one of 3, which ages it by e^-0.3; the prior is worth four groups
     * as heavy as they are: 4 (4 e^-0.3 + 9) / (2 e^-0.3 + 3). Twenty rounds. */
    masa_forecast f = {.n = 4, .n_pass_rates = 2, .pass_rate_mean = 0.625};
    masa_gate_fit_observe(&fit, &f, 1, 3, 2, 2);
    masa_gate_fit_observe(&fit, NULL, 0, 4, 3, 3);
    masa_gate_fit_learn(&fit, 10);
    double c[MASA_GATE_FIT_POINTS], kept = exp(-0.3), seen = 2 * kept + 3;
    double worth = 4 * (4 * kept + 9) / seen;
    for (int i = 0; i < MASA_GATE_FIT_POINTS; i++) c[i] = start(i);
    for (int round = 0; round < 20; round++) {
        double first = 0, second = 0;
        for (int i = 0; i < MASA_GATE_FIT_POINTS; i++) {
            first += c[i] * points[i] * pow(1 - points[i], 3);
            second += c[i] * pow(1 - points[i], 4);
        }
        for (int i = 0; i < MASA_GATE_FIT_POINTS; i++)
            c[i] = (worth * start(i) +
                    2 * kept * c[i] * points[i] * pow(1 - points[i], 3) / first +
                    3 * c[i] * pow(1 - points[i], 4) / second) /
                   (worth + seen);
    }
    for (int i = 0; i < MASA_GATE_FIT_POINTS; i++)
        assert_near(fit.at[MASA_GATE_FIT_KNOTS][i], c[i], 1e-12);
    /* 5/8 is half between the knots 1/2 and 3/4: one group at each, but half as heavy. */
    assert_near(fit.at[6][1], fit.at[7][1], 1e-12);
}

static void it_closes_on_both_ends(void **state)
{
    (void)state;
    for (size_t n = 160; n <= 2560; n *= 4) {
        masa_gate_fit fit = learned(&u_shaped, n);
        for (int by_forecast = 0; by_forecast < 2; by_forecast++)
            for (int epochs = 0; epochs <= 3; epochs += 3) {
                if (!by_forecast && !epochs) continue;
                verdict v = judge(&fit, &u_shaped, by_forecast, epochs);
                if (!(v.hopeless >= 0.95 && v.trivial >= 0.6 && v.recall >= 0.8 &&
                      v.lift >= 1.6))
                    fail_msg("%zu, %d, %d: hopeless %g trivial %g recall %g lift %g", n,
                             by_forecast, epochs, v.hopeless, v.trivial, v.recall, v.lift);
            }
    }
}

static void it_stays_open_where_forecasts_cannot_tell(void **state)
{
    (void)state;
    masa_gate_fit fit = learned(&blind_at_the_top, 4000);
    verdict v = judge(&fit, &blind_at_the_top, true, 0);
    /* 8 of 8 comes to no variance in (.1 + .15 x .95^16) / .25 = .66 of groups. */
    assert_true(v.nearly == 0 && v.trivial == 0);
    assert_true(v.hopeless >= 0.9 && v.lift >= 1.25);
    assert_near(probability(&fit, 1), 0.66, 0.06);
    assert_true(probability(&fit, 0) > 0.95);
    /* Their own history tells them apart. */
    v = judge(&fit, &blind_at_the_top, true, 3);
    assert_true(v.trivial >= 0.7 && v.nearly <= 0.2);
    /* The hard gate, for comparison, closes on all of them. */
    masa_forecast f = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = 1};
    assert_true(masa_gate_closed(&f, 0.1, 0.1));
}

static void what_it_says_comes_true(void **state)
{
    (void)state;
    static const population *const of[] = {&u_shaped, &blind_at_the_top};
    for (int i = 0; i < 2; i++) {
        masa_gate_fit fit = learned(of[i], 4000);
        for (int by_forecast = 0; by_forecast < 2; by_forecast++)
            for (int epochs = 0; epochs <= 3; epochs++) {
                verdict v = judge(&fit, of[i], by_forecast, epochs);
                if (!(v.error < 0.05))
                    fail_msg("%d %d %d: %g", i, by_forecast, epochs, v.error);
                /* Where it acts it does not promise too much. */
                if (v.closed > 0) assert_true(v.said < v.precision + 0.015);
            }
        /* After few groups it may say too little, not too much. */
        fit = learned(of[i], 100);
        verdict v = judge(&fit, of[i], true, 0);
        if (v.closed > 0) assert_true(v.said < v.precision + 0.015);
    }
}

static void it_never_closes_without_evidence(void **state)
{
    (void)state;
    /* Nothing seen; then nine groups of ten without variance, and forecasts that say
     * nothing: closing on chance would be right nine times of ten, and close on all. */
    static const population chance = {0.6, 0.3, 0, true, 1};
    masa_gate_fit fit = {0};
    assert_true(judge(&fit, &chance, true, 0).closed == 0);
    fit = learned(&chance, 4000);
    assert_true(masa_gate_fit_zero_variance(&fit, NULL, NULL, G) > threshold);
    double limit = masa_gate_fit_threshold(&fit, threshold, G);
    assert_true(limit > 0.92 && limit < 1);
    assert_true(judge(&fit, &chance, true, 0).closed == 0);
    assert_true(judge(&fit, &chance, false, 0).closed == 0);
    assert_true(judge(&fit, &chance, false, 3).recall > 0.7);
    /* A first group or two of a forecast are no evidence either, not even weighty ones.
     */
    fit = (masa_gate_fit){0};
    masa_forecast f = {.n = 8, .n_pass_rates = 8};
    for (int i = 0; i < 2; i++) masa_gate_fit_observe(&fit, &f, 0, G, 20, 20);
    masa_gate_fit_learn(&fit, WINDOW);
    assert_true(probability(&fit, 0) < threshold);
}

/* Forecast 0 stands for hopeless prompts and as many of .3. The gate knows the hopeless
 * by their history and rolls a tenth of these out. */
static void audited_prompts_stand_for_all_that_were_closed(void **state)
{
    (void)state;
    double seen[2];
    for (int weighted = 0; weighted < 2; weighted++) {
        masa_gate_fit fit = {0};
        masa_random random = masa_random_init(4, MASA_STREAM_TEST);
        masa_forecast f = {.n = 8, .n_pass_rates = 8};
        for (int i = 0; i < 6000; i++) {
            bool hopeless = i % 2;
            if (hopeless && masa_random_uniform(&random) >= 0.1) continue;
            double right = (double)roll_out(hopeless ? 0 : 0.3, G, &random);
            double weight = hopeless && weighted ? 10 : 1;
            masa_gate_fit_observe(&fit, &f, right, G - right, weight, weight);
        }
        masa_gate_fit_learn(&fit, WINDOW);
        seen[weighted] = probability(&fit, 0);
    }
    assert_near(seen[1], 0.5, 0.06);
    assert_true(seen[0] < 0.2);
}

/* Forecast 0 stands for hopeless prompts, the gate has closed on it since 60 of them were seen,
 * and one in thirty is rolled out: a lucky guess among these is one of sixty, and for what is known of
 * all prompts one of thirty as before. */
static void an_audited_prompt_is_one_among_its_like(void **state)
{
    (void)state;
    double seen[2], all[2];
    for (int alike = 0; alike < 2; alike++) {
        masa_gate_fit fit = {0};
        masa_forecast zero = {.n = 2, .n_pass_rates = 2}, half = zero;
        half.pass_rate_mean = 0.5;
        for (int i = 0; i < 60; i++) {
            masa_gate_fit_observe(&fit, &zero, 0, G, 1, 1);
            masa_gate_fit_observe(&fit, &half, G / 2, G / 2, 1, 1);
        }
        masa_gate_fit_observe(&fit, &zero, 1, G - 1, 30, alike ? 1 : 30);
        masa_gate_fit_learn(&fit, WINDOW);
        seen[alike] = probability(&fit, 0);
        all[alike] = masa_gate_fit_zero_variance(&fit, NULL, NULL, G);
    }
    if (!(seen[0] < 0.8 && seen[1] > 0.9)) fail_msg("%g and %g", seen[0], seen[1]);
    assert_near(all[0], all[1], 1e-12);
}

/*
 * Half of the prompts are always right, in 100 tokens. The others are right half of the
 * time and wrong solutions take 200: a cutoff at 150 stops these, and what is left is
 * right. A tenth of the prompts is rolled out without the cutoff.
 */
static double trivial_share(bool weighted, double survival)
{
    masa_gate_fit fit = {0};
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    masa_forecast f = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = 1};
    for (int i = 0; i < 6000; i++) {
        size_t right = i % 2 ? G : roll_out(0.5, G, &random), cut = 0;
        bool audited = masa_random_uniform(&random) < 0.1;
        for (size_t j = right; !audited && j < G; j++)
            cut += !(masa_random_uniform(&random) < survival);
        masa_statistics_summary s = {.n = G - cut,
                                     .n_correct = right,
                                     .limited = !audited,
                                     .n_cut = cut,
                                     .length_longest = right + cut < G ? 200 : 100};
        double weight = weighted ? masa_statistics_weight(&s, 150, 0.1) : 1;
        masa_gate_fit_observe(&fit, &f, (double)s.n_correct, (double)(s.n - s.n_correct),
                              weight, weight);
    }
    masa_gate_fit_learn(&fit, WINDOW);
    return probability(&fit, 1);
}

/* Also where each goes on with a probability of .9, so that many groups survive whole. */
static void cut_groups_do_not_look_trivial(void **state)
{
    (void)state;
    assert_near(trivial_share(true, 0), 0.5, 0.06);
    assert_near(trivial_share(true, 0.9), 0.5, 0.06);
    assert_true(trivial_share(false, 0) > 0.85);
}

static void it_reopens(void **state)
{
    (void)state;
    masa_gate_fit fit = learned(&u_shaped, 2000);
    double limit = masa_gate_fit_threshold(&fit, threshold, G);
    /* A history grows old. */
    masa_belief belief = {0};
    for (int e = 0; e < 3; e++) masa_belief_update(&belief, e, 0, G, discount);
    masa_belief later = belief;
    double P = 1;
    long e = 2;
    while (P > limit && e < 30) {
        double before = P;
        later = masa_belief_at(&belief, ++e, discount);
        P = masa_gate_fit_zero_variance(&fit, NULL, &later, G);
        assert_true(P < before);
    }
    assert_true(e >= 6 && e <= 15);
    /* A forecast that rose opens sooner; so does one success in an audit. */
    masa_forecast risen = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = 0.5};
    later = masa_belief_at(&belief, 5, discount);
    assert_true(masa_gate_fit_zero_variance(&fit, NULL, &later, G) > limit);
    assert_true(masa_gate_fit_zero_variance(&fit, &risen, &later, G) < 0.2);
    masa_belief_update(&later, 5, 2, G - 2, discount);
    assert_true(masa_gate_fit_zero_variance(&fit, NULL, &later, G) < limit);
    /* The policy learned, its forecasts did not: "0 of 8" now comes to .4. */
    assert_true(probability(&fit, 0) > limit);
    masa_random random = masa_random_init(6, MASA_STREAM_TEST);
    masa_forecast zero = {.n = 8, .n_pass_rates = 8};
    for (int i = 0; i < 150; i++) {
        double right = (double)roll_out(0.4, G, &random);
        masa_gate_fit_observe(&fit, &zero, right, G - right, 20, 20);
    }
    masa_gate_fit_learn(&fit, WINDOW);
    assert_true(probability(&fit, 0) < 0.5);
}

static void one_pass_and_sampled_forecasts_are_one(void **state)
{
    (void)state;
    masa_gate_fit fit = learned(&u_shaped, 640);
    masa_forecast sure, vague;
    masa_forecast_init_one_pass(&sure, (double[9]){0.97, 0.01});
    assert_near(masa_gate_fit_zero_variance(&fit, &sure, NULL, G),
                probability(&fit, 0.01 / 0.98 / 8), 1e-14);
    /* One that cannot be read is none. */
    double none = masa_gate_fit_zero_variance(&fit, NULL, NULL, G);
    masa_forecast_init_one_pass(&vague, (double[9]){0.4});
    assert_near(masa_gate_fit_zero_variance(&fit, &vague, NULL, G), none, 0);
    masa_forecast few = {.n = 8, .n_pass_rates = 3};
    assert_near(masa_gate_fit_zero_variance(&fit, &few, NULL, G), none, 0);
    masa_gate_fit with = fit, without = fit;
    masa_gate_fit_observe(&with, &few, 0, G, 1, 1);
    masa_gate_fit_observe(&without, NULL, 0, G, 1, 1);
    assert_memory_equal(&with, &without, sizeof with);
}

/* Whatever is observed: probabilities, and pass rates that rise with the forecast. */
static void expectations_rise_with_the_forecast(void **state)
{
    (void)state;
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    for (int round = 0; round < 100; round++) {
        masa_gate_fit fit = {0};
        for (uint64_t i = masa_random_below(&random, 60); i > 0; i--) {
            masa_forecast f = {
                .n = 2, .n_pass_rates = 2, .pass_rate_mean = masa_random_uniform(&random)};
            masa_gate_fit_observe(&fit, &f, (double)masa_random_below(&random, 9),
                                  (double)masa_random_below(&random, 9),
                                  20 * masa_random_uniform(&random),
                                  20 * masa_random_uniform(&random));
        }
        masa_gate_fit_learn(&fit, 50);
        double before = 0;
        for (int k = 0; k <= 128; k++) {
            masa_forecast f = {.n = 2, .n_pass_rates = 2, .pass_rate_mean = k / 128.};
            masa_pass_rate_moments m = masa_gate_fit_moments(&fit, &f, NULL);
            double P = masa_gate_fit_zero_variance(&fit, &f, NULL, G);
            assert_true(m.mean >= before - 1e-12 && m.mean < 1 && P > 0 && P <= 1);
            assert_true(m.spread > 0 && m.spread <= m.mean * (1 - m.mean) + 1e-12);
            before = m.mean;
        }
    }
}

static void a_checkpoint_keeps_it(void **state)
{
    (void)state;
    masa_gate_fit fit = learned(&u_shaped, 100), again = {0};
    masa_gate_fit_observe(&fit, NULL, 3, 5, 2, 1);
    masa_gate_fit_learn(&fit, WINDOW);
    double numbers[MASA_GATE_FIT_NUMBERS * 101];
    assert_int_equal(fit.n, 101);
    masa_gate_fit_export(numbers, &fit);
    assert_true(masa_gate_fit_import(&again, numbers, 101));
    masa_gate_fit_learn(&again, WINDOW);
    assert_memory_equal(&fit, &again, sizeof fit);
    /* forecasts, rollouts and weights that cannot be */
    static const double bad[MASA_GATE_FIT_NUMBERS][4] = {{-0.5, 1.5, NAN, INFINITY},
                                                         {-1, NAN, INFINITY, -INFINITY},
                                                         {-1, NAN, INFINITY, -INFINITY},
                                                         {0, -1, NAN, INFINITY},
                                                         {0, -1, NAN, INFINITY}};
    for (int i = 0; i < 4 * MASA_GATE_FIT_NUMBERS; i++) {
        double *number = &numbers[17 * MASA_GATE_FIT_NUMBERS + i / 4], kept = *number;
        *number = bad[i / 4][i % 4];
        assert_false(masa_gate_fit_import(&again, numbers, 101));
        assert_memory_equal(&fit, &again, sizeof fit);
        *number = kept;
    }
    assert_false(masa_gate_fit_import(&again, numbers, MASA_GATE_FIT_MOST + 1));
}

static void it_keeps_the_newest_groups(void **state)
{
    (void)state;
    masa_gate_fit fit = {0};
    for (int i = 0; i < MASA_GATE_FIT_MOST + 3; i++)
        masa_gate_fit_observe(&fit, NULL, i, 1, 1, 1);
    assert_int_equal(fit.n, MASA_GATE_FIT_MOST);
    assert_near(fit.groups[0].right, 3, 0);
    assert_near(fit.groups[MASA_GATE_FIT_MOST - 1].right, MASA_GATE_FIT_MOST + 2, 0);
}

static double logit(double p)
{
    return log(p / (1 - p));
}

static void worked_levels(void **state)
{
    (void)state;
    enum { N = 64 };
    masa_forecast f[N], unread = {.n = 2};
    const masa_forecast *of[N + 1];
    masa_pass_rate_moments known[N + 1];
    for (int i = 0; i < N; i++) {
        f[i] = (masa_forecast){.n = 2, .n_pass_rates = 2, .pass_rate_mean = 0.01};
        of[i] = &f[i];
        known[i] = (masa_pass_rate_moments){0.3, 0.21};
    }
    /* Where all pass rates are known nothing is noise. */
    double whole = logit(0.3) - logit(0.01);
    assert_near(masa_gate_fit_level(of, known, N), whole, 1e-8);
    /* As much for one; what cannot be read has no say, and alone has no level. */
    of[1] = &unread;
    known[1] = (masa_pass_rate_moments){0.9, 0.09};
    assert_near(masa_gate_fit_level(of, known, 2), whole, 1e-8);
    assert_near(masa_gate_fit_level(of + 1, known + 1, 1), 0, 0);
    assert_near(masa_gate_fit_level(of, known, 0), 0, 0);
    /* Each right always or never: variance .21 of a pass rate, of n the n-th part. The slope of
     * the mean is .3 x .7, so v = 1 / (.21 n). */
    of[1] = &f[1];
    for (int i = 0; i < N; i++) known[i] = (masa_pass_rate_moments){0.3, 0};
    for (int n = 1; n <= N; n *= 8)
        assert_near(masa_gate_fit_level(of, known, (size_t)n),
                    whole * fmax(0, 1 - 1 / (0.21 * n) / (whole * whole)), 1e-6);
    for (int i = 0; i < N; i++) f[i].pass_rate_mean = 0.25;
    assert_near(masa_gate_fit_level(of, known, 16), 0, 0);
    assert_true(masa_gate_fit_level(of, known, N) < 0.25);
    /* An end of a forecast is none of the scale. */
    for (int i = 0; i < N; i++) f[i].pass_rate_mean = i % 2;
    assert_true(isfinite(masa_gate_fit_level(of, known, N)));
}

/* Steps of 20 prompts, 12 of them hopeless on average; forecasts know these from the others, but
 * from step to step all of them move by 2 logits, up or down. */
static void a_level_that_moves_hides_nothing(void **state)
{
    (void)state;
    enum { STEPS = 60, PROMPTS = 20 };
    double found[2], wrong[2];
    for (int levelled = 0; levelled < 2; levelled++) {
        masa_gate_fit fit = {0};
        masa_random random = masa_random_init(9, MASA_STREAM_TEST);
        size_t flat = 0, closed = 0, not_flat = 0;
        for (int step = 0; step < STEPS; step++) {
            masa_forecast f[PROMPTS];
            const masa_forecast *of[PROMPTS];
            masa_pass_rate_moments known[PROMPTS];
            size_t right[PROMPTS];
            double off = 2 * masa_random_normal(&random);
            for (int i = 0; i < PROMPTS; i++) {
                bool hopeless = masa_random_uniform(&random) < 0.6;
                double p = hopeless ? 0 : 0.3 + 0.4 * masa_random_uniform(&random);
                double said = logit(hopeless ? 0.02 : p) + 0.3 * masa_random_normal(&random);
                f[i] = (masa_forecast){
                    .n = 2, .n_pass_rates = 2, .pass_rate_mean = 1 / (1 + exp(-said - off))};
                of[i] = &f[i];
                known[i] = masa_gate_fit_moments(&fit, NULL, NULL);
                right[i] = roll_out(p, 8, &random);
            }
            double level = levelled ? masa_gate_fit_level(of, known, PROMPTS) : 0;
            double limit = masa_gate_fit_threshold(&fit, threshold, 8);
            for (int i = 0; i < PROMPTS; i++) {
                f[i].level = level;
                bool same = right[i] == 0 || right[i] == 8;
                bool close = masa_gate_fit_zero_variance(&fit, &f[i], NULL, 8) > limit;
                if (step < 5) continue;
                flat += same, closed += close && same, not_flat += close && !same;
            }
            for (int i = 0; i < PROMPTS; i++)
                masa_gate_fit_observe(&fit, &f[i], (double)right[i], 8 - (double)right[i], 1,
                                      1);
            masa_gate_fit_learn(&fit, 256);
        }
        found[levelled] = (double)closed / (double)flat;
        wrong[levelled] = (double)not_flat / (double)(closed + not_flat + 1);
    }
    if (!(found[1] > 0.8 && found[1] > found[0] + 0.2 && wrong[1] < 0.05))
        fail_msg("found %g and %g of what there is, wrongly closed %g and %g", found[0],
                 found[1], wrong[0], wrong[1]);
}

static void a_pilot_is_believed_as_far_as_it_goes(void **state)
{
    (void)state;
    masa_gate_fit fit = learned(&u_shaped, 2000);
    masa_forecast sure = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = 0},
                  unsure = {.n = 8, .n_pass_rates = 8, .pass_rate_mean = 0.25};
    masa_belief history = {.right = 0, .wrong = 3};
    assert_near(masa_gate_fit_agreement(&fit, &unsure, NULL, 1, 3, G), 0, 0);
    assert_near(masa_gate_fit_agreement(&fit, &unsure, &history, 0, 0, G),
                masa_gate_fit_zero_variance(&fit, &unsure, &history, G), 0);
    assert_near(masa_gate_fit_agreement(&fit, &unsure, NULL, 0, G, G), 1, 1e-12);
    /* every rollout like the others makes it surer, beginning where the forecast is */
    double before = 0;
    for (size_t seen = 0; seen <= 12; seen += 4) {
        double p = masa_gate_fit_agreement(&fit, &unsure, NULL, 0, seen, G);
        assert_true(p > before && masa_gate_fit_agreement(&fit, &sure, NULL, 0, seen, G) > p);
        before = p;
    }
    /* and it comes true: of groups of which four agree, as many end so as it says */
    double said = 0;
    size_t flat = 0, n = 0;
    masa_random random = masa_random_init(7, MASA_STREAM_TEST);
    while (n < 3000) {
        prompt x = draw(&u_shaped, &random);
        size_t pilot = roll_out(x.p, 4, &random), rest = roll_out(x.p, G - 4, &random);
        if (pilot != 0 && pilot != 4) continue;
        said += masa_gate_fit_agreement(&fit, &x.forecast, NULL, pilot, 4 - pilot, G);
        flat += pilot ? rest == G - 4 : rest == 0;
        n++;
    }
    assert_near(said / (double)n, (double)flat / (double)n, 0.03);
    assert_near(masa_gate_fit_threshold_after(0.5, 0, G), 0.5, 1e-12);
    assert_near(masa_gate_fit_threshold_after(0.5, 4, G), 0.625, 1e-12);
    assert_near(masa_gate_fit_threshold_after(0.5, G, G), 1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_numbers),
        cmocka_unit_test(it_closes_on_both_ends),
        cmocka_unit_test(it_stays_open_where_forecasts_cannot_tell),
        cmocka_unit_test(what_it_says_comes_true),
        cmocka_unit_test(it_never_closes_without_evidence),
        cmocka_unit_test(audited_prompts_stand_for_all_that_were_closed),
        cmocka_unit_test(an_audited_prompt_is_one_among_its_like),
        cmocka_unit_test(cut_groups_do_not_look_trivial),
        cmocka_unit_test(it_reopens),
        cmocka_unit_test(one_pass_and_sampled_forecasts_are_one),
        cmocka_unit_test(expectations_rise_with_the_forecast),
        cmocka_unit_test(a_pilot_is_believed_as_far_as_it_goes),
        cmocka_unit_test(a_checkpoint_keeps_it),
        cmocka_unit_test(it_keeps_the_newest_groups),
        cmocka_unit_test(worked_levels),
        cmocka_unit_test(a_level_that_moves_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
