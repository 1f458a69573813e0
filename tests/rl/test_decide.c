/* What a cutoff leaves of a group, and what may be said of it. */
#include "masa_test.h"

#include "decide.h"

#include <masa/memory.h>

#include <string.h>

static const masa_problem problem = {.problem = "p", .question = "p"};

/* Four solutions: R right, W wrong, C stopped by a cutoff at 10 of 50 tokens, L by the response
 * limit; all of them wrong for their reward but R. */
static rl_draws make_draw(const char *kinds, bool limited)
{
    rl_draws draws = {0};
    rl_draw *d = rl_draws_add(&draws, &problem, 0);
    rl_group *g = &d->solutions;
    g->n = strlen(kinds);
    g->rollouts = masa_alloc(g->n, sizeof *g->rollouts);
    g->max_tokens = limited ? 10 : 50;
    d->decision = (rl_decision){.made = true, .cutoff = g->max_tokens, .wished = g->max_tokens};
    for (size_t j = 0; j < g->n; j++) {
        rl_rollout *r = &g->rollouts[j];
        r->text = masa_strdup("text");
        r->text_size = 4;
        r->correct = kinds[j] == 'R';
        r->completion.n = kinds[j] == 'C' ? 10 : kinds[j] == 'L' ? 50 : 5;
        r->completion.cause = strchr("CL", kinds[j]) ? MASA_STOP_LENGTH : MASA_STOP_EOS;
    }
    return draws;
}

static void the_cut_say_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *kinds;
        bool limited, flat;
        double rate, length; /* NaN: hidden */
    } cases[] = {
        {"RRWW", false, false, 0.5, 5},  {"RRRR", false, true, 1, 5},
        {"RRLW", false, false, 0.5, 5},  {"WWWL", false, true, 0, NAN},
        {"RRWW", true, false, 0.5, NAN}, /* whole because it is short */
        {"RRWC", true, false, NAN, NAN}, {"RRRC", true, true, NAN, NAN}, /* C is not wrong */
        {"WWCC", true, true, NAN, NAN},  {"CCCC", true, true, NAN, NAN},
    };
    masa_config config;
    const char *set[] = {"rollout.max_tokens=50", "meta.length_min=1"};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 2, NULL), MASA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rl_draws draws = make_draw(cases[i].kinds, cases[i].limited);
        const rl_draw *d = &draws.items[0];
        assert_int_equal(rl_flat(d, &config), cases[i].flat);
        assert_int_equal(rl_limited(d, &config), cases[i].limited);
        masa_statistics *truth = rl_statistics(d, &config);
        double rate = rl_true_pass_rate(truth), length = rl_true_length(truth);
        assert_true(isnan(cases[i].rate) ? isnan(rate) : rate == cases[i].rate);
        assert_true(isnan(cases[i].length) ? isnan(length) : length == cases[i].length);
        masa_statistics_destroy(truth);
        rl_draws_deinit(&draws);
    }
    masa_config_deinit(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cut_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
