/* The rules of health on worked series: silent on a healthy run, and each of them heard where
 * its sickness is, once and then at doubling intervals. */
#include "masa_test.h"

#include <masa/text.h>

#include "health.h"

/* What was said, as "STEP RULE\n". */
static masa_text said;
static long at;

static void hear(void *context, const char *rule, const char *text)
{
    (void)context;
    masa_text_addf(&said, "%ld %s\n", at, rule);
    assert_true(strlen(text) > 40); /* cause and remedy, in one line */
    assert_null(strchr(text, '\n'));
}

/* Metrics of a healthy step, a little different every time. */
static void see_healthy(rl_health *h, long step)
{
    double wave = sin((double)step);
    const struct {
        const char *name;
        double value;
    } metrics[] = {
        {"accuracy", 0.4 + 0.1 * wave},
        {"length", 200 + 20 * wave},
        {"truncated", 0.05},
        {"no_answer", 0.1},
        {"zero_variance", 0.5 + 0.2 * wave},
        {"prompts", 16},
        {"entropy", 0.2 + 0.6 * exp(-(double)step / 200)},
        {"grad_norm", 0.5 + 0.3 * wave},
        {"logprob_difference", 0.003},
        {"tokens_per_second", 1000 + 200 * wave},
        {"meta_pass_rate_no_json", 0.05},
        {"meta_pass_rate_missing", 0.05},
        {"meta_pass_rate_wrong_type", 0},
        {"meta_pass_rate_out_of_range", 0.01},
        {"meta_notions_missing", 0.1},
        {"meta_notions_wrong_type", 0},
        {"meta_notions_none_kept", 0.2},
        {"meta_pass_rate_correlation", 0.5 + 0.3 * wave},
        {"gated", 3},
        {"audited", 1},
        {"audited_flat", 1},
        {"gate_open", 12},
        {"gate_open_flat", 5},
        {"memory_mib", 900 + 5 * wave},
        {"disk_free_mib", 1e6},
        {"loss", 0.1},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        rl_health_see(h, metrics[i].name, metrics[i].value);
    if (step % 10 == 0) rl_health_see(h, "eval_accuracy", 0.4 + 0.02 * wave);
}

typedef void spoil(rl_health *h, long step);

static const char *run(spoil *sick, long steps)
{
    rl_health *h = malloc(sizeof *h);
    rl_health_init(h, 1000, true);
    masa_text_clear(&said);
    for (at = 1; at <= steps; at++) {
        see_healthy(h, at);
        if (sick) sick(h, at);
        rl_health_step(h, at, hear, NULL);
    }
    free(h);
    return masa_text_get(&said);
}

static void a_healthy_run_draws_no_word(void **state)
{
    (void)state;
    assert_string_equal(run(NULL, 900), "");
}

/* Supervised training records none of most signals. */
static void what_is_not_recorded_is_no_sign(void **state)
{
    (void)state;
    rl_health *h = malloc(sizeof *h);
    rl_health_init(h, 300, true);
    masa_text_clear(&said);
    for (at = 1; at <= 300; at++) {
        rl_health_see(h, "grad_norm", 1);
        rl_health_see(h, "tokens_per_second", 500);
        rl_health_step(h, at, hear, NULL);
    }
    free(h);
    assert_string_equal(masa_text_get(&said), "");
}

static void set(rl_health *h, const char *name, double value)
{
    rl_health_see(h, name, value);
}

static void all_wrong(rl_health *h, long step)
{
    if (step > 100) set(h, "accuracy", 0);
}

/* No step in a row: right and wrong in turn, which neither sign alone would notice. */
static void flat_in_turn(rl_health *h, long step)
{
    if (step <= 100) return;
    set(h, "zero_variance", step % 3 ? 1 : 0.9);
    set(h, "accuracy", step % 2 ? 0 : 0.3);
}

static void nothing_rolled(rl_health *h, long step)
{
    if (step <= 100) return;
    set(h, "prompts", 0);
    set(h, "zero_variance", NAN);
}

static void cut(rl_health *h, long step)
{
    if (step > 100) set(h, "truncated", 0.8);
}

static void mostly_flat(rl_health *h, long step)
{
    if (step > 100) set(h, "zero_variance", 0.9);
}

/* A quarter of the groups teaches on average: in five steps now more, now less. */
static void hovering(rl_health *h, long step)
{
    if (step > 100) set(h, "zero_variance", 0.75 + 0.12 * sin(0.5 * (double)step));
}

static void evaluated_worse(rl_health *h, long step)
{
    if (step > 100 && step % 10 == 0) set(h, "eval_accuracy", 0.2);
}

static void rewarded_less(rl_health *h, long step)
{
    if (step > 100) set(h, "accuracy", 0.1);
}

static void flattened(rl_health *h, long step)
{
    if (step > 100) set(h, "entropy", 0.05);
}

static void leaping(rl_health *h, long step)
{
    if (step == 101 || step == 120) set(h, "grad_norm", 50);
}

static void drifting(rl_health *h, long step)
{
    if (step > 100) set(h, "logprob_difference", 0.2);
}

static void unreadable(rl_health *h, long step)
{
    if (step > 100) set(h, "meta_pass_rate_no_json", 1);
}

static void no_notions(rl_health *h, long step)
{
    if (step > 100) set(h, "meta_notions_none_kept", 0.9);
}

static void uncorrelated(rl_health *h, long step)
{
    if (step > 100) set(h, "meta_pass_rate_correlation", step % 2 ? 0.3 : -0.3);
}

static void blind_gate(rl_health *h, long step)
{
    if (step > 100) set(h, "audited_flat", step % 5 < 2);
}

static void slow(rl_health *h, long step)
{
    if (step > 100) set(h, "tokens_per_second", 300);
}

static void leaking(rl_health *h, long step)
{
    if (step > 100) set(h, "memory_mib", 900 + 20 * (double)(step - 100));
}

static void filling(rl_health *h, long step)
{
    set(h, "disk_free_mib", 20000 - 100 * (double)step);
}

static void sicknesses_are_told(void **state)
{
    (void)state;
    static const struct {
        spoil *sick;
        const char *says; /* within 40 steps of its beginning */
    } cases[] = {
        {all_wrong, "105 never right\n114 rewards fell\n115 never right\n124 rewards fell\n"
                    "135 never right\n"},
        {flat_in_turn, "113 little variance\n115 no variance\n119 rewards fell\n"
                       "123 little variance\n125 no variance\n129 rewards fell\n"},
        {nothing_rolled, "105 no variance\n115 no variance\n135 no variance\n"},
        {cut, "104 truncated\n114 truncated\n134 truncated\n"},
        {mostly_flat, "116 little variance\n126 little variance\n"},
        {evaluated_worse, "120 accuracy fell\n130 accuracy fell\n"},
        {rewarded_less, NULL},
        {flattened, "109 entropy fell\n119 entropy fell\n139 entropy fell\n"},
        {leaping, "120 gradient leaps\n"},
        {drifting, "102 drift\n"
                   "112 drift\n"
                   "132 drift\n"},
        {unreadable, "105 predictions unreadable\n115 predictions unreadable\n"
                     "135 predictions unreadable\n"},
        {no_notions, "110 notions empty\n120 notions empty\n140 notions empty\n"},
        {uncorrelated, NULL},
        {blind_gate, NULL},
        {slow, NULL},
        {leaking, NULL},
        {filling, "15 disk fills\n25 disk fills\n45 disk fills\n85 disk fills\n"},
        {hovering, ""},
    };
    static const char *const named[] = {[6] = "rewards fell",
                                        [12] = "predictions say nothing",
                                        [13] = "gate at the base rate",
                                        [14] = "slower",
                                        [15] = "memory grows"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool exact = cases[i].says != NULL;
        const char *heard = run(cases[i].sick, exact ? 140 : 190);
        if (exact ? strcmp(heard, cases[i].says) != 0 : !strstr(heard, named[i]))
            fail_msg("case %zu: heard\n%s", i, heard);
        for (const char *line = heard; !exact && *line; line = strchr(line, '\n') + 1)
            if (!strstr(strchr(line, ' '), named[i]) || strtol(line, NULL, 10) <= 100)
                fail_msg("case %zu: heard\n%s", i, heard);
    }
}

/* What a resumed run reads from its store leaves it as wise as the one that went through. */
static void a_run_that_goes_on_knows_the_past(void **state)
{
    (void)state;
    rl_health *h = malloc(sizeof *h);
    rl_health_init(h, 1000, true);
    masa_text_clear(&said);
    for (at = 1; at <= 140; at++) {
        see_healthy(h, at);
        all_wrong(h, at);
        rl_health_step(h, at, at > 118 ? hear : NULL, NULL);
        if (at == 118) rl_health_restart(h);
    }
    assert_string_equal(masa_text_get(&said), "124 rewards fell\n135 never right\n");
    free(h);
}

/* Another process has another memory and another speed. */
static void the_machines_matters_begin_anew(void **state)
{
    (void)state;
    rl_health *h = malloc(sizeof *h);
    rl_health_init(h, 1000, true);
    masa_text_clear(&said);
    for (at = 1; at <= 300; at++) {
        see_healthy(h, at);
        if (at > 100) {
            set(h, "memory_mib", 4000 + sin((double)at));
            set(h, "tokens_per_second", 250);
        }
        rl_health_step(h, at, hear, NULL);
        if (at == 100) rl_health_restart(h);
    }
    assert_string_equal(masa_text_get(&said), "");
    free(h);
    masa_text_deinit(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_run_draws_no_word),
        cmocka_unit_test(what_is_not_recorded_is_no_sign),
        cmocka_unit_test(sicknesses_are_told),
        cmocka_unit_test(a_run_that_goes_on_knows_the_past),
        cmocka_unit_test(the_machines_matters_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
