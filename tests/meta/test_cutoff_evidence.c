/*
 * A planted policy that predicts the length of its solutions, is cut off at what it
 * predicts and learns from what is left. Its solutions never change: right ones take
 * about 100 tokens, wrong ones 160. Learned as wrong and short, cut rollouts shorten the
 * predictions step by step; marked as cut, they do not.
 */
#include "masa_test.h"

#include <masa/gate.h>
#include <masa/random.h>

enum { G = 16, M = 8, STEPS = 300 };

typedef struct planted {
    bool marked;        /* cut rollouts are marked as such */
    bool cloned;        /* the policy learns by cloning expert texts, else by rewards */
    double margin;      /* 0: no cutoff */
    double audit_share; /* prompts rolled out without a cutoff */
} planted;

static masa_meta_options options = MASA_META_DEFAULTS;

/* Rolls the solutions out and gives what there is to learn from. */
static masa_statistics *roll_out(const planted *way, size_t cutoff, masa_random *random)
{
    static const char *texts[G];
    static bool correct[G], cut[G];
    static long lengths[G];
    bool limited = cutoff < (size_t)options.length_max;
    for (int i = 0; i < G; i++) {
        bool right = masa_random_uniform(random) < 0.6;
        double mean = right ? 100 : 160, spread = exp(0.3 * masa_random_normal(random));
        lengths[i] = lround(mean * spread);
        cut[i] = lengths[i] > (long)cutoff;
        if (cut[i]) lengths[i] = (long)cutoff;
        correct[i] = right && !cut[i];
        texts[i] = "";
    }
    masa_solutions s = {G, texts, correct, lengths, limited && way->marked ? cut : NULL};
    return masa_statistics_create("", &s, MASA_NOTION_LEMMA);
}

/* The move of the log-length by rewards: a step of the policy gradient for predictions
 * that are lognormal about it with deviation 1/4. */
static double by_rewards(const masa_prediction *p, double at, const masa_statistics *s)
{
    double reward[M], mean = 0, move = 0;
    for (int i = 0; i < M; i++)
        mean += (reward[i] = masa_meta_score(&p[i], s, &options).total) / M;
    for (int i = 0; i < M; i++) move += (reward[i] - mean) * (log((double)p[i].length) - at);
    return move * 4;
}

static double by_cloning(const masa_prediction *p, double at, const masa_statistics *s)
{
    static const char text[] = "<meta></meta>";
    masa_text out = {0};
    double move = 0;
    if (masa_expert_text(&out, text, strlen(text), p, s, &options)) {
        masa_prediction target;
        masa_prediction_parse(&target, out.data, out.size, &options);
        move = log((double)target.length) - at;
        masa_prediction_deinit(&target);
    }
    masa_text_deinit(&out);
    return move;
}

/* What lengths the policy predicts in the end, having begun at 100; the mean of ten runs.
 */
static double in_the_end(const planted *way)
{
    double sum = 0;
    for (uint64_t run = 0; run < 10; run++) {
        masa_random random = masa_random_init(run, MASA_STREAM_TEST);
        double at = log(100);
        for (int step = 0; step < STEPS; step++) {
            masa_prediction p[M];
            masa_forecast f;
            for (int i = 0; i < M; i++)
                p[i] = (masa_prediction){
                    .pass_rate_cause = MASA_META_MISSING,
                    .notion_cause = MASA_META_MISSING,
                    .length = lround(exp(at + 0.25 * masa_random_normal(&random)))};
            masa_forecast_init(&f, p, M, MASA_CUTOFF_MEDIAN);
            bool audited = masa_random_uniform(&random) < way->audit_share;
            size_t cutoff =
                masa_cutoff_tokens(&f, audited ? 0 : way->margin, (size_t)options.length_max);
            masa_statistics *s = roll_out(way, cutoff, &random);
            at += 0.1 * (way->cloned ? by_cloning(p, at, s) : by_rewards(p, at, s));
            masa_statistics_destroy(s);
            masa_forecast_deinit(&f);
        }
        sum += exp(at);
    }
    return sum / 10;
}

static void predictions_do_not_shorten_themselves(void **state)
{
    (void)state;
    options.length_min = 1;
    options.weight_difficulty = options.weight_notion = 0;
    for (int cloned = 0; cloned < 2; cloned++) {
        double uncut = in_the_end(&(planted){false, cloned, 0, 0});
        assert_near(uncut, 105, 10);
        static const double margins[] = {0.8, 1, 1.25};
        for (int i = 0; i < 3; i++) {
            double old = in_the_end(&(planted){false, cloned, margins[i], 0.1});
            double now = in_the_end(&(planted){true, cloned, margins[i], 0.1});
            if (!(old < 0.85 * uncut && fabs(now / uncut - 1) < 0.07))
                fail_msg("margin %g: %g uncut, %g the old way, %g now", margins[i], uncut, old,
                         now);
        }
        /* Without audits there is nothing to learn from: predictions stay as they were.
         */
        assert_near(in_the_end(&(planted){true, cloned, 1, 0}), 100, 1e-9);
        assert_true(in_the_end(&(planted){false, cloned, 1, 0}) < 60);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_do_not_shorten_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
