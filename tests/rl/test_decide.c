/* What a cutoff leaves of a group, and what may be said of it; whom a single pass is asked
 * about; how many are drawn for a step. */
#include "masa_test.h"

#include "decide.h"

#include <masa/memory.h>

#include <jansson.h>
#include <stdlib.h>
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

/* Problems 0 to 3: always right so far, never, half of the time, not seen. */
typedef struct planted {
    masa_config config;
    rl_session session;
    rl_prompts prompts;
    rl_method method;
} planted;

/* Forecasts of 1 and 0 came true in a third of the groups each, one of 1/2 half of the time. */
static void plant(planted *p, const char *audit_share)
{
    static const masa_belief histories[] = {{40, 0, 0}, {0, 40, 0}, {20, 20, 0}, {0, 0, 0}};
    const char *set[] = {
        "meta.gate=soft",          "meta.forecast=one_pass", "rollout.group_size=8",
        "meta.gate_threshold=0.7", "meta.start_step=0",      "data.shuffle=false",
        "meta.cutoff_margin=0",    "meta.samples=2",         audit_share};
    assert_int_equal(
        masa_config_load(&p->config, NULL, NULL, set, sizeof set / sizeof *set, NULL), MASA_OK);
    p->session = (rl_session){.config = &p->config};
    p->prompts = (rl_prompts){.train = {.n = 4}};
    masa_problem_order_init(&p->prompts.order, 4, 1, false);
    rl_method_init(&p->method, &p->config, 4);
    p->method.acting = true;
    memcpy(p->method.beliefs, histories, sizeof histories);
    for (int i = 0; i < 300; i++) {
        double rate = i % 3 / 2.;
        masa_forecast f = {.n = 2, .n_pass_rates = 2, .pass_rate_mean = rate};
        masa_gate_fit_observe(&p->method.fit, &f, 8 * rate, 8 - 8 * rate, 1, 1);
    }
    masa_gate_fit_learn(&p->method.fit, 1000);
}

static void uproot(planted *p)
{
    rl_method_deinit(&p->method);
    masa_problem_order_deinit(&p->prompts.order);
    masa_config_deinit(&p->config);
}

static void foretell(rl_draw *d, double rate)
{
    d->predictions = masa_alloc(1, sizeof *d->predictions);
    d->predictions->forecast =
        (masa_forecast){.n = 2, .n_pass_rates = 2, .pass_rate_mean = rate};
}

/* Whether a prompt is gated (or audited) with this forecast of its pass rate; NaN: with none. */
static bool closes(planted *p, uint64_t number, double rate)
{
    rl_draws draws = {0};
    rl_draw *d = rl_draws_add(&draws, &problem, number);
    if (isfinite(rate)) foretell(d, rate);
    assert_int_equal(rl_decide(&draws, 0, 1, &p->method, &p->prompts, &p->session, NULL),
                     MASA_OK);
    bool closed = d->decision.gated || d->decision.audited;
    rl_draws_deinit(&draws);
    return closed;
}

static void history_may_settle_it(void **state)
{
    (void)state;
    static const bool settled[] = {true, true, false, false};
    static const double rates[] = {0, 0.5, 1};
    for (int audited = 0; audited < 2; audited++) {
        planted p;
        plant(&p, audited ? "meta.audit_share=1" : "meta.audit_share=0");
        for (uint64_t k = 0; k < 4; k++) {
            rl_draws draws = {0};
            const rl_draw *d = rl_draws_add(&draws, &problem, k);
            bool asks = rl_needs_forecast(d, &p.method, &p.prompts, &p.session);
            assert_int_equal(asks, audited || !settled[k]);
            assert_int_equal(closes(&p, k, NAN), settled[k]);
            for (size_t i = 0; i < 3; i++) {
                bool unseen = k == 3 && rates[i] != 0.5; /* what is foretold is all there is */
                assert_int_equal(closes(&p, k, rates[i]), settled[k] || unseen);
            }
            p.method.acting = false; /* nothing is closed yet, and forecasts are judged */
            assert_true(rl_needs_forecast(d, &p.method, &p.prompts, &p.session));
            p.method.acting = true;
            p.method.shut[k] = true; /* for good */
            assert_int_equal(rl_needs_forecast(d, &p.method, &p.prompts, &p.session), audited);
            p.method.shut[k] = false;
            rl_draws_deinit(&draws);
        }
        uproot(&p);
    }
}

/* Of draws that the gate leaves open, those with pass rates nearest a half; of equals the first. */
static void the_best_of_several_are_taken(void **state)
{
    (void)state;
    enum { N = 5 };
    static const double rates[N] = {0.3, 0.5, 0, 0.5, 0.4};
    static const char *const open[] = {".o...", ".o.o.", ".o.oo", "oo.oo", "oo.oo"};
    for (int audited = 0; audited < 2; audited++) {
        planted p;
        plant(&p, audited ? "meta.audit_share=1" : "meta.audit_share=0");
        p.config.meta.gate_pilot = 4;
        for (size_t places = 1; places <= N; places++)
            for (int candidates = 1; candidates <= 2; candidates++) {
                rl_draws draws = {0};
                p.config.meta.gate_candidates = candidates;
                /* one before them, which is not asked about: half of it was right so far */
                rl_draws_add(&draws, &problem, 2);
                for (size_t i = 0; i < N; i++)
                    foretell(rl_draws_add(&draws, &problem, 4 * i + 3), rates[i]);
                assert_int_equal(
                    rl_decide(&draws, 1, places, &p.method, &p.prompts, &p.session, NULL),
                    MASA_OK);
                assert_false(draws.items[0].decision.made);
                for (size_t i = 0; i < N; i++) {
                    const rl_draw *d = &draws.items[i + 1];
                    bool taken = open[candidates > 1 ? places - 1 : N - 1][i] == 'o';
                    assert_int_equal(d->decision.gated, !taken && !audited);
                    assert_int_equal(d->decision.audited, !taken && audited);
                    assert_true(taken || d->solutions.pilot == 0);
                }
                rl_draws_deinit(&draws);
            }
        uproot(&p);
    }
}

/* Whether a group of a prompt not met before is given up once so many of it are all R or all W. */
static bool gives_up(planted *p, char kind, size_t seen, double rate)
{
    char kinds[9] = {0};
    memset(kinds, kind, seen);
    rl_draws draws = make_draw(kinds, false);
    rl_draw *d = &draws.items[0];
    d->number = 3;
    d->solutions.scored = seen;
    foretell(d, rate);
    bool more = rl_decide_again(d, &p->method, &p->prompts, &p->session);
    assert_int_equal(d->decision.given_up, !more);
    rl_draws_deinit(&draws);
    return !more;
}

/* The gate is asked again after the fewest pilots on which it could close, on none if never. */
static void pilots_are_as_many_as_could_tell(void **state)
{
    (void)state;
    static const double rates[] = {0.3, 0.5, 0.7};
    size_t none = 0, first = 0, later = 0;
    planted p;
    plant(&p, "meta.audit_share=0");
    for (size_t few = 1; few <= 5; few += 2)
        for (size_t i = 0; i < 3; i++) {
            rl_draws draws = {0};
            rl_draw *d = rl_draws_add(&draws, &problem, 3);
            foretell(d, rates[i]);
            p.config.meta.gate_pilot = (int64_t)few;
            assert_int_equal(rl_decide(&draws, 0, 1, &p.method, &p.prompts, &p.session, NULL),
                             MASA_OK);
            assert_false(d->decision.gated);
            size_t pilot = d->solutions.pilot;
            for (size_t seen = few; seen < 8; seen += few) {
                bool right = gives_up(&p, 'R', seen, rates[i]);
                bool wrong = gives_up(&p, 'W', seen, rates[i]);
                if (pilot == 0 || seen < pilot) assert_false(right || wrong);
                if (seen == pilot) assert_true(right || wrong);
            }
            none += pilot == 0;
            first += pilot == few;
            later += pilot > few;
            rl_draws_deinit(&draws);
        }
    if (!(none && first && later))
        fail_msg("%zu without pilots, %zu after the first, %zu later", none, first, later);
    uproot(&p);
}

/* Of an audited prompt, how much it counts for among all groups and among those with its forecast:
 * without a history the gate closed by the forecast alone. */
static void an_audit_counts_once_among_its_like(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0.1");
    for (uint64_t k = 0; k < 4; k++)
        for (int audited = 0; audited < 2; audited++) {
            rl_draws draws = make_draw("WWWW", false);
            rl_draw *d = &draws.items[0];
            d->number = k;
            d->decision.audited = audited;
            p.method.n_beliefs = 4;
            if (k == 3) p.method.beliefs[3] = (masa_belief){0};
            rl_method_observe(&p.method, &draws, &p.prompts, &p.config);
            const masa_gate_group *g = &p.method.fit.groups[p.method.fit.n - 1];
            assert_near(g->weight, audited ? 10 : 1, 1e-12);
            assert_near(g->among_alike, audited && k < 3 ? 10 : 1, 1e-12);
            rl_draws_deinit(&draws);
        }
    uproot(&p);
}

/* What a checkpoint keeps of the method, as JSON. */
static json_t *saved(const planted *p)
{
    char *text = rl_method_save(&p->method);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

/* Begins anew with that. */
static masa_status loads(planted *p, const json_t *json)
{
    char *text = json_dumps(json, JSON_REAL_PRECISION(17));
    rl_method_deinit(&p->method);
    rl_method_init(&p->method, &p->config, 4);
    masa_status st = rl_method_load(&p->method, &p->config, text, NULL);
    free(text);
    return st;
}

/* What is foretold of 24 prompts, all of it too low by as much, and of one more that is drawn in
 * their place: 1/2 comes to be heard where 1/2 once came true. */
static void a_steps_forecasts_are_heard_at_one_level(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0");
    rl_draws draws = {0};
    for (size_t i = 0; i < 25; i++) {
        rl_draw *d = rl_draws_add(&draws, &problem, 3);
        double said[] = {0.0001, 0.01, 0.3};
        d->predictions = masa_alloc(1, sizeof *d->predictions);
        d->predictions->forecast = (masa_forecast){
            .n = 2, .n_pass_rates = 2, .pass_rate_mean = said[i < 24 ? i % 3 : 1]};
    }
    draws.n = 24;
    rl_set_level(&draws, 0, &p.method, &p.prompts, &p.config);
    const masa_forecast *f = &draws.items[1].predictions->forecast;
    double level = f->level;
    assert_true(level > 2);
    for (size_t i = 0; i < 24; i++)
        assert_near(draws.items[i].predictions->forecast.level, level, 0);
    masa_forecast raw = *f;
    raw.level = 0;
    assert_true(masa_gate_fit_moments(&p.method.fit, &raw, NULL).mean < 0.2);
    assert_true(masa_gate_fit_moments(&p.method.fit, f, NULL).mean > 0.3);
    /* What was decided before stays as it was heard. */
    draws.n = 25;
    rl_set_level(&draws, 24, &p.method, &p.prompts, &p.config);
    assert_near(draws.items[0].predictions->forecast.level, level, 0);
    assert_near(draws.items[24].predictions->forecast.level, level, 0.5);
    rl_draws_deinit(&draws);
    uproot(&p);
}

static void a_checkpoint_keeps_what_forecasts_came_to(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0");
    bool closed = closes(&p, 3, 0);
    json_t *kept = saved(&p);
    assert_int_equal(json_array_size(json_object_get(kept, "fit")),
                     MASA_GATE_FIT_NUMBERS * 300);
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_true(closed && closes(&p, 3, 0));
    /* of an earlier version: it is learned anew */
    json_object_del(kept, "fit");
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_false(closes(&p, 3, 0));
    static const char *const damaged[] = {"[0,1,1,1]", "[0,1,1,1,\"1\"]", "[0,1,1,1,0]",
                                          "[-0.5,1,1,1,1]", "{}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        json_object_set_new(kept, "fit", json_loads(damaged[i], 0, NULL));
        assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    }
    json_decref(kept);
    uproot(&p);
}

/* What the hidden states of two prompts came to, and what is foretold of them. */
static void a_checkpoint_keeps_the_probe(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0");
    float x[2][MASA_PROBE_FEATURES];
    double rate[2];
    for (size_t j = 0; j < MASA_PROBE_FEATURES; j++) {
        x[0][j] = 1.f / (float)(j + 3);
        x[1][j] = j % 5 ? -0.f : 1e-40f;
    }
    masa_probe *probe = &p.method.probe;
    for (int i = 0; i < 2; i++) masa_probe_observe(probe, x[i], 8 * i, 8 - 8 * i);
    masa_probe_learn(probe);
    for (int i = 0; i < 2; i++) rate[i] = masa_probe_pass_rate(probe, x[i]);
    assert_true(rate[0] < 0.3 && rate[1] > 0.7);
    json_t *kept = saved(&p), *groups = json_object_get(kept, "probe");
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(probe->n, 2);
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(probe->groups[i].features, x[i], sizeof x[i]);
        assert_true(masa_probe_pass_rate(probe, x[i]) == rate[i]);
    }
    const char *text = json_string_value(json_array_get(json_array_get(groups, 0), 2));
    char *damaged = masa_strdup(text);
    static const char *const digits[] = {"7fc00000", "7f800000", "3F800000", "3f80000 ",
                                         "-f800000"};
    for (size_t i = 0; i < sizeof digits / sizeof *digits; i++) {
        memcpy(damaged + 16, digits[i], 8);
        json_array_set_new(groups, 1, json_pack("[f,f,s]", 1., 1., damaged));
        assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    }
    static const double counts[][2] = {{0, 0}, {-1, 2}, {1, 0}};
    for (size_t i = 0; i < 3; i++) {
        json_array_set_new(groups, 1,
                           json_pack("[f,f,s]", counts[i][0], counts[i][1], text + (i == 2)));
        assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    }
    json_object_set_new(kept, "probe", json_object());
    assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    json_object_del(kept, "probe"); /* of an earlier version */
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(probe->n, 0);
    free(damaged);
    json_decref(kept);
    uproot(&p);
}

/* A step of so many draws, of which the gate closed some. */
static void act(planted *p, size_t n, size_t gated)
{
    rl_draws draws = {0};
    for (size_t i = 0; i < n; i++)
        rl_draws_add(&draws, &problem, i)->decision =
            (rl_decision){.made = true, .gated = i < gated};
    rl_method_observe(&p->method, &draws, &p->prompts, &p->config);
    rl_draws_deinit(&draws);
}

static void a_step_is_overdrawn_by_what_the_gate_closed_lately(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0");
    rl_method *m = &p.method;
    /* Nothing is known but this step: half of 16 closed, so 8 more take 16. */
    assert_int_equal(rl_method_draws_for(m, 16, 0, 0), 16);
    assert_int_equal(rl_method_draws_for(m, 8, 16, 8), 16);
    assert_int_equal(rl_method_draws_for(m, 16, 3, 3), 64); /* no more than four times */
    act(&p, 10, 5);
    assert_int_equal(rl_method_draws_for(m, 7, 0, 0), 14);
    act(&p, 10, 0); /* (0.8 x 5 + 0) / (0.8 x 10 + 10) = 4 / 18 closed */
    assert_int_equal(rl_method_draws_for(m, 7, 0, 0), 9);
    assert_int_equal(rl_method_draws_for(m, 7, 2, 2), 10); /* 7 / (1 - 6 / 20) */
    m->acting = false; /* a step without a gate says nothing of it */
    act(&p, 50, 0);
    assert_int_equal(rl_method_draws_for(m, 7, 0, 0), 9);
    /* A run that goes on from a checkpoint knows it too. */
    json_t *kept = saved(&p);
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(rl_method_draws_for(m, 7, 0, 0), 9);
    json_object_set_new(kept, "gated", json_pack("[f,f]", 18.0, 19.0));
    assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    json_object_set_new(kept, "gated", json_pack("[f]", 18.0));
    assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    json_object_del(kept, "gated"); /* of an earlier version */
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(rl_method_draws_for(m, 7, 0, 0), 7);
    json_decref(kept);
    uproot(&p);
}

/* The cutoff of a draw of which so many tokens are foretold. */
static size_t cutoff_at(planted *p, double length)
{
    rl_draws draws = {0};
    rl_draw *d = rl_draws_add(&draws, &problem, 3);
    d->solutions.max_tokens = 1000;
    d->predictions = masa_alloc(1, sizeof *d->predictions);
    d->predictions->forecast = (masa_forecast){.n = 2, .n_lengths = 2, .length = length};
    assert_int_equal(rl_decide(&draws, 0, 1, &p->method, &p->prompts, &p->session, NULL),
                     MASA_OK);
    size_t cutoff = d->decision.cutoff;
    rl_draws_deinit(&draws);
    return cutoff;
}

/* Four right solutions of as many tokens to each of ten prompts. */
static void see(planted *p, double predicted, long taken)
{
    const char *const texts[] = {"", "", "", ""};
    const bool correct[] = {true, true, true, true};
    const long lengths[] = {taken, taken, taken, taken};
    masa_solutions all = {4, (const char **)texts, correct, lengths, NULL};
    masa_statistics *truth = masa_statistics_create("", &all, MASA_NOTION_LEMMA);
    masa_forecast f = {.n = 2, .n_lengths = 2, .length = predicted};
    for (int i = 0; i < 10; i++) masa_cutoff_fit_observe(&p->method.cutoff, &f, truth, 1, 1000);
    masa_statistics_destroy(truth);
}

static void a_cutoff_acts_where_lengths_are_known(void **state)
{
    (void)state;
    planted p;
    plant(&p, "meta.audit_share=0");
    p.config.rollout.max_tokens = 1000;
    p.config.meta.gate = MASA_CONFIG_GATE_OFF;
    p.config.meta.cutoff_keep = 0.8;
    p.config.meta.cutoff_margin = 1;
    p.config.meta.cutoff_audit = 0;
    assert_int_equal(cutoff_at(&p, 100), 1000);
    see(&p, 100, 300);
    see(&p, 600, 600);
    /* up to the ends of the bins: 2^(13/8) and 2^(1/8) times what was foretold */
    assert_int_equal(cutoff_at(&p, 100), 308);
    assert_int_equal(cutoff_at(&p, 600), 654);
    assert_int_equal(cutoff_at(&p, 512), 558);
    assert_int_equal(cutoff_at(&p, 250), 1000); /* of such nothing is known */
    p.config.meta.cutoff_margin = 1.5;          /* at least */
    assert_int_equal(cutoff_at(&p, 600), 900);
    /* A checkpoint keeps it. One margin for all lengths, as there once was, is no band's. */
    json_t *kept = saved(&p), *all = json_array();
    for (int i = 0; i < 64; i++) json_array_append_new(all, json_real(1));
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(cutoff_at(&p, 600), 900);
    json_object_set_new(kept, "cutoff", json_pack("[[i,f,[]]]", 6, 1.0));
    assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    json_object_set_new(kept, "cutoff",
                        json_pack("[[i,f,O]]", MASA_CUTOFF_FIT_BANDS, 1.0, all));
    assert_int_equal(loads(&p, kept), MASA_ERR_FORMAT);
    json_object_set_new(kept, "cutoff", all);
    assert_int_equal(loads(&p, kept), MASA_OK);
    assert_int_equal(cutoff_at(&p, 600), 1000);
    json_decref(kept);
    uproot(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_may_settle_it),
        cmocka_unit_test(a_steps_forecasts_are_heard_at_one_level),
        cmocka_unit_test(the_best_of_several_are_taken),
        cmocka_unit_test(pilots_are_as_many_as_could_tell),
        cmocka_unit_test(an_audit_counts_once_among_its_like),
        cmocka_unit_test(a_checkpoint_keeps_what_forecasts_came_to),
        cmocka_unit_test(a_checkpoint_keeps_the_probe),
        cmocka_unit_test(a_step_is_overdrawn_by_what_the_gate_closed_lately),
        cmocka_unit_test(a_cutoff_acts_where_lengths_are_known),
        cmocka_unit_test(the_cut_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
