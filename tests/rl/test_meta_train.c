/* The method in whole runs, on a planted policy. */
#include "planted.h"

#include <jansson.h>

typedef struct rewards {
    double meta[8];
    size_t n;
} rewards;

static masa_status take_reward(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)err;
    rewards *all = context;
    if (strcmp(r->kind, "meta") == 0 && all->n < 8) all->meta[all->n++] = r->reward;
    return MASA_OK;
}

/* Of a prompt's meta rollouts. */
static rewards rewards_of(const char *folder, long step, long prompt)
{
    rewards all = {0};
    masa_store *store = store_of(folder);
    masa_store_filter filter = MASA_STORE_ALL;
    filter.first_step = filter.last_step = step;
    filter.prompt = prompt;
    assert_int_equal(masa_store_rollouts(store, &filter, take_reward, &all, NULL), MASA_OK);
    masa_store_close(store);
    return all;
}

static void both_kinds_are_trained_together(void **state)
{
    (void)state;
    must("parallel", "optimizer.lr=0.001", false);
    counts c = count("parallel", 1, -1);
    assert_int_equal(c.solutions, 6 * 4);
    assert_int_equal(c.metas, 6 * 4);
    assert_near(metric_of("parallel", 1, "generated_tokens"),
                (double)(c.solution_tokens + c.meta_tokens), 0);
    assert_near(metric_of("parallel", 1, "meta_tokens_share"),
                (double)c.meta_tokens / (double)(c.solution_tokens + c.meta_tokens), 1e-6);
    double share = metric_of("parallel", 1, "meta_flops_share");
    assert_true(share > 0.1 && share < 1);
    assert_true(metric_of("parallel", 1, "meta_valid") > 0.8);
    assert_true(metric_of("parallel", 1, "meta_pass_rate_correlation") > 0.6);
    assert_true(metric_of("parallel", 1, "bc_texts") >= 4); /* y is in right answers alone */
    assert_true(metric_of("parallel", 1, "bc_loss") > 0);
    assert_near(metric_of("parallel", 1, "acting"), 0, 0);
    double difference = metric_of("parallel", 1, "logprob_difference");
    assert_near(difference, 0, 1e-5);
    decisions d;
    read_decisions(&d, "parallel", 1);
    assert_int_equal(d.n, 0);
}

static void rewards_are_those_of_the_method(void **state)
{
    (void)state;
    double parts = metric_of("parallel", 1, "meta_difficulty") +
                   metric_of("parallel", 1, "meta_length_reward") +
                   metric_of("parallel", 1, "meta_notion");
    assert_near(metric_of("parallel", 1, "meta_reward"), parts / 3, 1e-6);
}

static void without_meta_rollouts_it_is_the_plain_run(void **state)
{
    (void)state;
    must("plain", "meta.samples=0", false);
    must("none",
         "meta.samples=0 meta.bc_batch=7 meta.gate=soft meta.cutoff_margin=1 meta.update=joint "
         "meta.weight_notion=2 meta.max_tokens=99",
         false);
    assert_same_run("plain", "none", "model.safetensors", 2);
    must("with", "", false); /* and it is not the same with them: the test can fail */
    masa_text a = weights_of("plain", "model.safetensors");
    masa_text b = weights_of("with", "model.safetensors");
    assert_true(a.size == b.size && memcmp(a.data, b.data, a.size) != 0);
    masa_text_deinit(&a);
    masa_text_deinit(&b);
    /* Solutions of the first step are drawn alike all the same. */
    assert_near(metric_of("with", 1, "accuracy"), metric_of("plain", 1, "accuracy"), 0);
    assert_near(metric_of("with", 1, "length"), metric_of("plain", 1, "length"), 0);
}

static void a_gated_prompt_costs_no_solution_token(void **state)
{
    (void)state;
    must("gate", "meta.start_step=1 meta.cutoff_margin=0 algorithm.dynamic_max_refills=50",
         false);
    assert_near(metric_of("gate", 1, "acting"), 0, 0);
    assert_near(metric_of("gate", 2, "acting"), 1, 0);
    decisions d;
    read_decisions(&d, "gate", 2);
    size_t gated = 0, rolled = 0, sure = 0;
    for (size_t i = 0; i < d.n; i++) {
        if (strcmp(d.kinds[i], "gate") != 0) continue;
        counts c = count("gate", 2, d.items[i].prompt);
        assert_int_equal(c.metas, 4);
        assert_int_equal(c.solutions, d.items[i].taken ? 0 : 4);
        assert_int_equal(c.solution_tokens > 0, !d.items[i].taken);
        gated += d.items[i].taken;
        rolled += !d.items[i].taken;
        sure += d.items[i].taken && d.problems[i] != 'm';
    }
    assert_true(gated > 0);
    assert_int_equal(sure, gated);  /* only what is always right or always wrong */
    assert_in_range(rolled, 6, 12); /* refilled to the full batch, or a little over it */
    assert_near(metric_of("gate", 2, "gated"), (double)gated, 0);
    assert_near(metric_of("gate", 2, "prompts") - metric_of("gate", 2, "prompts_left_out"),
                (double)rolled, 0);
    must("smaller", "meta.start_step=1 meta.cutoff_margin=0 meta.gate_refill=false", false);
    counts c = count("smaller", 2, -1);
    assert_int_equal(c.metas, 6 * 4);
    assert_int_equal(c.solutions, (6 - (long)metric_of("smaller", 2, "gated")) * 4);
    assert_true(metric_of("smaller", 2, "gated") > 0);
}

/* The first step that acts does not know yet how many are gated; the later ones draw so many more
 * at once that some need no second round. */
static void a_step_is_drawn_at_once(void **state)
{
    (void)state;
    static const char common[] = "meta.start_step=0 meta.cutoff_margin=0 meta.audit_share=0 "
                                 "rollout.prompts_per_step=8 ";
    char more[300];
    snprintf(more, sizeof more, "%strain.steps=6", common);
    must("overdrawn", more, false);
    size_t at_once = 0;
    for (long step = 1; step <= 6; step++) {
        double refills = metric_of("overdrawn", step, "refills");
        double open = metric_of("overdrawn", step, "prompts") -
                      metric_of("overdrawn", step, "prompts_left_out");
        assert_true(metric_of("overdrawn", step, "gated") > 0);
        if (refills < 4) assert_in_range(open, 8, 16);
        if (step == 1) assert_true(refills >= 1);
        at_once += refills == 0;
    }
    assert_true(at_once >= 1);
    /* A run that goes on knows what was gated before. */
    snprintf(more, sizeof more, "%strain.steps=3", common);
    must("overdrawn_later", more, false);
    must("overdrawn_later", "train.steps=6", true);
    assert_same_run("overdrawn", "overdrawn_later", "model.safetensors", 6);
    /* Where nothing is to be filled the gate leaves less. */
    snprintf(more, sizeof more, "%strain.steps=3 algorithm.dynamic_max_refills=0", common);
    must("unfilled", more, false);
    for (long step = 1; step <= 3; step++)
        assert_near(metric_of("unfilled", step, "prompts") +
                        metric_of("unfilled", step, "gated"),
                    8, 0);
}

/* In the next epoch nobody asks about a prompt that was gated; the others are asked again. */
static void a_static_gate_closes_for_good(void **state)
{
    (void)state;
    static const char *const folders[] = {"again", "static", "parts"};
    long unasked[3] = {0};
    for (int k = 0; k < 3; k++) {
        char more[300];
        snprintf(more, sizeof more,
                 "meta.gate_static=%s meta.start_step=0 meta.gate_refill=false train.steps=%d "
                 "meta.audit_share=0 meta.cutoff_margin=0 rollout.prompts_per_step=36",
                 k ? "true" : "false", k == 2 ? 1 : 3);
        must(folders[k], more, false);
        if (k == 2) must(folders[k], "train.steps=3", true);
        decisions d;
        read_decisions(&d, folders[k], 3);
        for (size_t i = 0; i < d.n; i++) {
            if (strcmp(d.kinds[i], "gate") != 0) continue;
            bool asked = count(folders[k], 3, d.items[i].prompt).metas > 0;
            assert_true(asked || d.items[i].taken);
            unasked[k] += !asked;
        }
    }
    assert_int_equal(unasked[0], 0);
    assert_true(unasked[1] > 0);
    assert_int_equal(unasked[2], unasked[1]);
}

static void audits_measure_the_gate(void **state)
{
    (void)state;
    must("audit",
         "meta.start_step=1 meta.audit_share=1 meta.cutoff_margin=0.5 "
         "rollout.prompts_per_step=24",
         false);
    assert_near(metric_of("audit", 2, "gated"), 0, 0);
    assert_true(metric_of("audit", 2, "audited") >= 10);
    assert_true(metric_of("audit", 2, "gate_precision") > 0.9);
    assert_true(metric_of("audit", 2, "gate_recall") > 0.5);
    assert_true(metric_of("audit", 2, "meta_calibration_error") < 0.3);
    decisions d;
    read_decisions(&d, "audit", 2);
    size_t audits = 0;
    for (size_t i = 0; i < d.n; i++) {
        if (strcmp(d.kinds[i], "audit") != 0) continue;
        counts c = count("audit", 2, d.items[i].prompt);
        assert_int_equal(c.solutions, 4);
        assert_true(c.longest >= 2); /* nothing interferes with what is audited */
        audits++;
    }
    assert_near(metric_of("audit", 2, "audited"), (double)audits, 0);
}

/* With all that the gate closes on rolled out, what audits estimate is what is. */
static void a_gate_is_judged_by_its_lift(void **state)
{
    (void)state;
    must("lift",
         "meta.start_step=1 meta.audit_share=1 meta.cutoff_margin=0 "
         "rollout.prompts_per_step=24",
         false);
    double base_rate = metric_of("lift", 2, "gate_base_rate");
    double precision = metric_of("lift", 2, "gate_precision");
    double recall = metric_of("lift", 2, "gate_recall");
    assert_near(base_rate, metric_of("lift", 2, "zero_variance"), 1e-6);
    assert_near(metric_of("lift", 2, "gate_lift"), precision / base_rate, 1e-6);
    assert_true(metric_of("lift", 2, "gate_lift") > 1);
    assert_near(metric_of("lift", 2, "gate_f1"), 2 / (1 / precision + 1 / recall), 1e-6);
    /* with cutoffs that stop everything nothing is known of open prompts */
    assert_near(metric_of("audit", 2, "gate_open"), 0, 0);
}

static void rollouts_stop_at_the_cutoff(void **state)
{
    (void)state;
    /* half of the predicted two tokens */
    must("cutoff", "meta.start_step=1 meta.gate=off meta.cutoff_margin=0.5 meta.cutoff_audit=0",
         false);
    counts before = count("cutoff", 1, -1), after = count("cutoff", 2, -1);
    assert_true(before.longest >= 2);
    assert_true(metric_of("cutoff", 2, "cutoff_tokens") < 2);
    assert_true(after.cut >= 20 && after.solution_tokens <= after.cut + 8 * (24 - after.cut));
    decisions d;
    read_decisions(&d, "cutoff", 2);
    for (size_t i = 0; i < d.n; i++)
        if (strcmp(d.kinds[i], "cutoff") == 0) {
            counts c = count("cutoff", 2, d.items[i].prompt);
            assert_true((double)c.longest <= d.items[i].value);
        }
    /* cut off means incorrect, for the reward; of what it would have been nothing is known */
    assert_near(metric_of("cutoff", 2, "accuracy"), 0, 0.2);
    assert_true(metric_of("cutoff", 2, "meta_length_limited") > 0.9);
    assert_true(isnan(metric_of("cutoff", 2, "meta_length_error")));
}

/* Right answers take two tokens, and the model says so: half of that would stop them all. */
static void a_fitted_cutoff_leaves_what_is_right(void **state)
{
    (void)state;
    must("kept",
         "meta.start_step=0 meta.gate=off meta.cutoff_margin=0.5 meta.cutoff_keep=0.9 "
         "meta.cutoff_audit=0.2 rollout.prompts_per_step=24",
         false);
    assert_near(metric_of("kept", 1, "cut_off"), 0, 0); /* nothing is known of lengths yet */
    assert_true(metric_of("kept", 2, "cutoff_tokens") >= 2);
    assert_true(metric_of("kept", 2, "cutoff_tokens") < 8);
    assert_true(metric_of("kept", 2, "accuracy") > 0.8 * metric_of("kept", 1, "accuracy"));
}

static void survivors_of_a_soft_cutoff_stand_for_the_cut(void **state)
{
    (void)state;
    must("soft",
         "meta.start_step=1 meta.gate=off meta.cutoff_margin=0.5 "
         "meta.cutoff_survival=0.5 algorithm.advantage=group_mean meta.cutoff_audit=0 "
         "rollout.prompts_per_step=24",
         false);
    counts c = count("soft", 2, -1);
    assert_true(c.cut > 24 && c.cut < 72); /* about half of 96 */
    assert_near(c.cut_advantage, 0, 0);
    assert_true(c.longest >= 2);
    assert_near(metric_of("soft", 2, "cut_off"), (double)c.cut / 96, 1e-6);
}

/* By the second epoch it knows the prompts, and what the model says of them. */
static void a_soft_gate_closes_on_what_has_no_variance(void **state)
{
    (void)state;
    static const char *const gates[] = {"soft", "history"}, *const folders[] = {"fitted",
                                                                                "past"};
    for (size_t k = 0; k < 2; k++) {
        char more[300];
        snprintf(more, sizeof more,
                 "meta.samples=%d meta.start_step=0 meta.gate=%s train.steps=3 "
                 "meta.gate_refill=false meta.gate_threshold=0.7 meta.audit_share=0.2 "
                 "meta.cutoff_margin=0 rollout.prompts_per_step=24 rollout.group_size=8",
                 k ? 0 : 4, gates[k]);
        must(folders[k], more, false);
        assert_near(metric_of(folders[k], 1, "gated") + metric_of(folders[k], 1, "audited"), 0,
                    0);
        decisions d;
        read_decisions(&d, folders[k], 3);
        size_t closed = 0, wrongly = 0, audited = 0;
        for (size_t i = 0; i < d.n; i++) {
            audited += strcmp(d.kinds[i], "audit") == 0;
            if (strcmp(d.kinds[i], "gate") != 0 || !d.items[i].taken) continue;
            assert_true(d.items[i].value > 0.7);
            closed++;
            wrongly += d.problems[i] == 'm'; /* right in a third of the cases */
        }
        if (!(closed >= 6 && wrongly <= 1 && audited > 0))
            fail_msg("%s: %zu closed, %zu wrongly, %zu audited", gates[k], closed, wrongly,
                     audited);
    }
}

/* In the later epochs a prompt that its own history closes is not asked about; who is skipped is
 * what it was. */
static void what_history_settles_needs_no_forecast(void **state)
{
    (void)state;
    static const char common[] =
        "meta.forecast=one_pass meta.share=0 meta.start_step=0 meta.gate=soft train.steps=4 "
        "meta.gate_refill=false meta.gate_threshold=0.7 meta.cutoff_margin=0 "
        "meta.bc_enabled=false rollout.prompts_per_step=24 rollout.group_size=8 "
        "meta.forecast_prefix=<meta>m</meta>{\"math_notion\":[\"y\"],\"pass_rate\":";
    for (int audited = 0; audited < 2; audited++) {
        char folder[16], more[500];
        size_t unasked = 0;
        snprintf(folder, sizeof folder, "settled%d", audited);
        snprintf(more, sizeof more, "%s meta.audit_share=%d", common, audited);
        must(folder, more, false);
        for (long step = 1; step <= 4; step++) {
            decisions d;
            size_t closed = 0, foretold = 0, without = 0;
            read_decisions(&d, folder, step);
            for (size_t i = 0; i < d.n; i++) {
                foretold += strcmp(d.kinds[i], "forecast") == 0;
                if (strcmp(d.kinds[i], "gate") != 0) continue;
                without += isnan(d.items[i].mean);
                closed += d.items[i].taken;
                if (d.items[i].taken) assert_true(d.problems[i] != 'm');
                else assert_false(isnan(d.items[i].mean));
            }
            assert_int_equal(foretold + without, 24);
            assert_true(closed >= without);
            if (step == 1) assert_int_equal(without, 0); /* there is no history yet */
            unasked += without;
        }
        if (audited) assert_int_equal(unasked, 0); /* all of them are, and asked about */
        else assert_true(unasked >= 20);           /* most of 3 x 16 */
    }
}

static void pilots_spare_the_rest_of_a_group(void **state)
{
    (void)state;
    static const char common[] =
        "meta.samples=4 meta.start_step=0 meta.gate=soft train.steps=2 "
        "meta.gate_refill=false meta.audit_share=0.3 "
        "meta.cutoff_margin=0 rollout.prompts_per_step=24 "
        "rollout.group_size=16 ";
    char more[400];
    /* all audited: whole groups, in pieces the same as at once */
    snprintf(more, sizeof more, "%smeta.gate_threshold=0.5 meta.audit_share=1 train.steps=4",
             common);
    must("unpiloted", more, false);
    strcat(more, " meta.gate_pilot=3");
    must("piloted", more, false);
    assert_same_run("unpiloted", "piloted", "model.safetensors", 4);
    double in_pieces = 0;
    for (long step = 1; step <= 4; step++)
        in_pieces += metric_of("piloted", step, "pilots_audited");
    assert_true(in_pieces > 0);
    snprintf(more, sizeof more, "%smeta.gate_threshold=0.5 meta.gate_pilot=3 train.steps=4",
             common);
    must("pilot", more, false);
    size_t given_up = 0, wrongly = 0, completed = 0, audits = 0, flat = 0;
    double counted[3] = {0};
    for (long step = 1; step <= 4; step++) {
        static const char *const names[] = {"given_up", "pilots_audited",
                                            "pilots_audited_flat"};
        for (int k = 0; k < 3; k++) counted[k] += metric_of("pilot", step, names[k]);
        decisions d;
        read_decisions(&d, "pilot", step);
        for (size_t i = 0; i < d.n; i++) {
            bool pilot = strcmp(d.kinds[i], "pilot") == 0, taken = d.items[i].taken;
            long n = count("pilot", step, d.items[i].prompt).solutions;
            if (strcmp(d.kinds[i], "audit") == 0) assert_int_equal(n, 16);
            if (strcmp(d.kinds[i], "pilot audit") == 0) {
                assert_int_equal(n, 16);
                audits++;
                flat += d.items[i].value > 0;
            }
            if (!pilot) continue;
            if (taken) assert_true(n < 16 && n % 3 == 0 && d.items[i].value > 0.5);
            else assert_int_equal(n, 16);
            given_up += taken;
            completed += !taken;
            wrongly += taken && d.problems[i] == 'm';
        }
    }
    if (!(given_up >= 3 && completed >= 3 && wrongly <= 1 && audits >= 2))
        fail_msg("%zu given up, %zu wrongly, %zu completed, %zu audits", given_up, wrongly,
                 completed, audits);
    assert_near(counted[0], (double)given_up, 0);
    assert_near(counted[1], (double)audits, 0);
    assert_near(counted[2], (double)flat, 0);
    masa_error err = {0};
    assert_int_equal(train("pilots", "meta.gate=hard meta.gate_pilot=3", false, NULL, &err),
                     MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.gate_pilot"));
}

/* Of four times as many prompts as a step has places for, those that may go either way. */
static void a_step_takes_the_best_of_its_candidates(void **state)
{
    (void)state;
    must("chosen",
         "meta.samples=4 meta.start_step=1 meta.gate=soft train.steps=3 meta.gate_refill=false "
         "meta.audit_share=0.1 meta.cutoff_margin=0 meta.gate_candidates=4 "
         "rollout.prompts_per_step=12 rollout.group_size=8",
         false);
    for (long step = 2; step <= 3; step++) {
        decisions d;
        read_decisions(&d, "chosen", step);
        size_t asked = 0, open = 0, worth = 0, audited = 0;
        for (size_t i = 0; i < d.n; i++) {
            audited += strcmp(d.kinds[i], "audit") == 0;
            if (strcmp(d.kinds[i], "gate") != 0) continue;
            bool sampled = count("chosen", step, d.items[i].prompt).solutions > 0;
            assert_int_equal(sampled, !d.items[i].taken);
            asked++;
            open += sampled;
            worth += sampled && d.problems[i] == 'm';
        }
        assert_int_equal(asked, 48);
        assert_int_equal(open - audited, 12);
        if (worth < 8) fail_msg("step %ld: %zu of 12 may go either way", step, worth);
    }
    masa_error err = {0};
    assert_int_equal(
        train("any", "meta.gate=hard meta.samples=4 meta.gate_candidates=2", false, NULL, &err),
        MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.gate_candidates"));
}

/* What tells more a token gets more of the same tokens. */
static void sizes_go_by_worth(void **state)
{
    (void)state;
    static const char common[] = "meta.samples=4 meta.start_step=1 meta.gate=soft "
                                 "meta.gate_refill=false meta.gate_threshold=1 "
                                 "meta.cutoff_margin=0 rollout.prompts_per_step=24 "
                                 "rollout.group_size=16 meta.size_by_worth=true ";
    for (int pilots = 0; pilots < 2; pilots++) {
        char folder[16], more[400];
        snprintf(folder, sizeof folder, "sized%d", pilots);
        snprintf(more, sizeof more, "%s meta.gate_pilot=%d", common, 4 * pilots);
        must(folder, more, false);
        decisions d;
        read_decisions(&d, folder, 2);
        double sum = 0, flat = 0, varied = 0;
        size_t n = 0, n_flat = 0;
        for (size_t i = 0; i < d.n; i++) {
            if (strcmp(d.kinds[i], "size") != 0) continue;
            long size = count(folder, 2, d.items[i].prompt).solutions;
            assert_int_equal(size, (long)d.items[i].value);
            assert_true(size >= 4 && size <= 32);
            bool varies = d.problems[i] == 'm';
            *(varies ? &varied : &flat) += (double)size;
            n_flat += !varies;
            sum += (double)size;
            n++;
        }
        assert_int_equal(n, 24);
        if (!(n_flat > 0 && n_flat < n &&
              varied / (double)(n - n_flat) > 1.3 * flat / (double)n_flat))
            fail_msg("%d: %g rollouts for %zu without variance, %g for %zu with", pilots, flat,
                     n_flat, varied, n - n_flat);
        assert_true(sum > 0.7 * 24 * 16 &&
                    sum < 1.3 * 24 * 16); /* their tokens are what is shared */
    }
    masa_error err = {0};
    assert_int_equal(
        train("sizes", "meta.gate=hard meta.size_by_worth=true", false, NULL, &err),
        MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.size_by_worth"));
}

/* Each text of the buffer is learned once a pass, in updates of so many. */
static void cloning_comes_in_mini_batches(void **state)
{
    (void)state;
    must("at_once", "meta.bc_batch=1", false);
    must("in_parts", "meta.bc_batch=1 meta.bc_mini_batch=2", false);
    double texts = metric_of("at_once", 1, "bc_texts");
    assert_true(texts > 2);
    assert_near(metric_of("in_parts", 1, "bc_texts"), texts, 0);
    assert_true(metric_of("in_parts", 1, "bc_loss") != metric_of("at_once", 1, "bc_loss"));
}

/* The model knows which prompts are trivial or hopeless: so do its own probabilities, and one
 * forward pass costs no token. */
static void one_pass_forecasts_without_sampling(void **state)
{
    (void)state;
    must("onepass",
         "meta.forecast=one_pass meta.share=0.25 meta.start_step=2 meta.gate=hard "
         "meta.gate_tolerance=0.2 meta.gate_sigma=0.4 meta.gate_refill=false "
         "meta.cutoff_margin=0 rollout.prompts_per_step=24 train.steps=3 "
         "meta.forecast_prefix=<meta>m</meta>{\"math_notion\":[\"y\"],\"pass_rate\":",
         false);
    counts c = count("onepass", 3, -1);
    double gated = metric_of("onepass", 3, "gated");
    assert_true(c.metas > 0 && c.metas < 14 * 4); /* a share of 24 prompts, 4 each */
    assert_true(gated >= 8);
    assert_int_equal(c.solutions, (24 - (long)gated) * 4);
    decisions d;
    read_decisions(&d, "onepass", 1); /* nothing acts yet; what was foretold is kept */
    size_t foretold = 0;
    for (size_t i = 0; i < d.n; i++) foretold += strcmp(d.kinds[i], "forecast") == 0;
    assert_int_equal(foretold, 24 - count("onepass", 1, -1).metas / 4);
    read_decisions(&d, "onepass", 3);
    for (size_t i = 0; i < d.n; i++)
        if (strcmp(d.kinds[i], "gate") == 0 && d.items[i].taken)
            assert_true(d.problems[i] != 'm');
    /* Where all are hopeless and nothing is known yet, forecasts are heard at the level of what is
     * thought of prompts at first, a pass rate of 1/2: moved by -log(.004 / .996) = 5.5 logits. */
    char more[400];
    put_template("hard.jsonl", "{\"problem\":\"h a\",\"answer\":\"y\"}\n"
                               "{\"problem\":\"h b\",\"answer\":\"y\"}\n");
    snprintf(more, sizeof more,
             "meta.forecast=one_pass meta.share=0 rollout.prompts_per_step=8 train.steps=1 "
             "data.train=%s "
             "meta.forecast_prefix=<meta>m</meta>{\"math_notion\":[\"y\"],\"pass_rate\":",
             in_root("hard.jsonl"));
    must("hard", more, false);
    read_decisions(&d, "hard", 1);
    assert_int_equal(d.n, 8);
    for (size_t i = 0; i < d.n; i++) {
        assert_true(d.items[i].mean < 0.02 && d.levels[i] > 4 && d.levels[i] < 7);
        assert_near(d.levels[i], d.levels[0], 0);
    }
    masa_error err = {0};
    put_template("rateless.txt", "{problem}: solution_length?");
    snprintf(more, sizeof more, "meta.forecast=one_pass meta.template=%s",
             in_root("rateless.txt"));
    assert_int_equal(train("rateless", more, false, NULL, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.forecast_prefix"));
}

/* What the model makes of a prompt tells its kind, without a word said: no meta rollout, no
 * update for it. */
static void a_probe_foretells_without_being_told(void **state)
{
    (void)state;
    static const char common[] =
        "meta.samples=0 meta.forecast=probe meta.start_step=2 meta.gate=soft "
        "meta.gate_threshold=0.6 meta.gate_refill=false meta.gate_discount=0.01 "
        "meta.audit_share=0.1 meta.cutoff_margin=0 rollout.prompts_per_step=24 "
        "rollout.group_size=8 train.steps=";
    char more[500];
    snprintf(more, sizeof more, "%s5", common);
    must("probed", more, false);
    double mean[3] = {0}, gated = 0, n[3] = {0};
    for (long step = 1; step <= 5; step++) {
        decisions d;
        size_t foretold = 0;
        read_decisions(&d, "probed", step);
        assert_int_equal(count("probed", step, -1).metas, 0);
        for (size_t i = 0; i < d.n; i++) {
            size_t kind = (size_t)(strchr("ehm", d.problems[i]) - "ehm");
            foretold += strcmp(d.kinds[i], "forecast") == 0;
            if (strcmp(d.kinds[i], "gate") != 0 || step < 3) continue;
            gated += d.items[i].taken;
            if (d.items[i].taken) assert_true(d.problems[i] != 'm');
            if (isnan(d.items[i].mean)) continue; /* its history closes it */
            mean[kind] += d.items[i].mean;
            n[kind]++;
        }
        if (step == 1) assert_int_equal(foretold, 0); /* there is nothing to learn from yet */
        if (step == 2) assert_int_equal(foretold, 24);
    }
    for (int k = 0; k < 3; k++) mean[k] /= n[k];
    if (!(mean[0] > 0.8 && mean[1] < 0.1 && mean[2] > 0.15 && mean[2] < 0.5 && gated > 20))
        fail_msg("%g %g %g, %g gated", mean[0], mean[1], mean[2], gated);
    /* Its forward passes count, and little else: half of the layers over the prompts. */
    double share = metric_of("probed", 5, "meta_flops_share");
    assert_true(share > 0 && share < 0.5);
    /* A checkpoint keeps what it has learned. */
    snprintf(more, sizeof more, "%s3", common);
    must("probed again", more, false);
    must("probed again", "train.steps=5", true);
    assert_same_run("probed", "probed again", "model.safetensors", 5);
    assert_near(metric_of("probed again", 5, "gated"), metric_of("probed", 5, "gated"), 0);
    /* In rollouts that act on nothing it is asked as well, and changes nothing. */
    must("unprobed", "meta.samples=0 train.steps=2", false);
    must("listened", "meta.samples=0 meta.forecast=probe train.steps=2", false);
    assert_same_run("unprobed", "listened", "model.safetensors", 2);
    assert_true(metric_of("listened", 2, "meta_pass_rate_correlation") > 0.3);
    masa_error err = {0};
    assert_int_equal(train("refused", "meta.samples=0 meta.forecast=probe meta.start_step=0",
                           false, NULL, &err),
                     MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.gate soft"));
    assert_int_equal(train("refused", "meta.samples=0 meta.start_step=0", false, NULL, &err),
                     MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "meta.forecast=probe"));
}

/* How many of the prompts of step 2, which are those of step 1, have the same state in both. */
static size_t prompts_that_stayed(const char *folder)
{
    masa_text text = weights_of(folder, "state.json");
    json_t *file = json_loads(text.data, 0, NULL);
    json_t *groups = json_object_get(json_object_get(file, "extra"), "probe");
    size_t same = 0;
    assert_int_equal(json_array_size(groups), 48);
    for (size_t i = 0; i < 24; i++) {
        json_t *first = json_array_get(json_array_get(groups, i), 2);
        json_t *second = json_array_get(json_array_get(groups, 24 + i), 2);
        same += strcmp(json_string_value(first), json_string_value(second)) == 0;
    }
    json_decref(file);
    masa_text_deinit(&text);
    return same;
}

/* The probe reads weights that stay: those under factors, or the reference's. Taking the factors
 * off for it leaves them as they were. */
static void a_probe_reads_weights_that_stay(void **state)
{
    (void)state;
    static const char *const factors[] = {"lora.rank=2", "lora.rank=2 lora.compact=true"};
    static const char common[] = "meta.samples=0 data.shuffle=false "
                                 "rollout.prompts_per_step=24 optimizer.lr=0.01";
    char more[300];
    for (int i = 0; i < 2; i++) {
        snprintf(more, sizeof more, "%s %s", common, factors[i]);
        must(i ? "deaf compact" : "deaf", more, false);
        snprintf(more, sizeof more, "%s %s meta.forecast=probe", common, factors[i]);
        must(i ? "stays compact" : "stays", more, false);
        assert_int_equal(prompts_that_stayed(i ? "stays compact" : "stays"), 24);
        assert_same_run(i ? "deaf compact" : "deaf", i ? "stays compact" : "stays",
                        "adapter/adapter_model.safetensors", 2);
    }
    snprintf(more, sizeof more, "%s meta.forecast=probe algorithm.kl_coef=0.1", common);
    must("refers", more, false);
    assert_int_equal(prompts_that_stayed("refers"), 24);
    snprintf(more, sizeof more, "%s meta.forecast=probe", common);
    must("moves", more, false);
    assert_int_equal(prompts_that_stayed("moves"), 0);
}

/* Of four rollouts the two that tell most. */
static void a_subset_is_trained_on(void **state)
{
    (void)state;
    must("subset", "meta.samples=0 algorithm.subset=2 rollout.prompts_per_step=24", false);
    must("all", "meta.samples=0 rollout.prompts_per_step=24", false);
    assert_near(metric_of("subset", 1, "reward"), metric_of("all", 1, "reward"), 0);
    assert_near(metric_of("subset", 1, "rollouts_trained"),
                metric_of("all", 1, "rollouts_trained") / 2, 0);
}

static void a_biased_soft_cutoff_is_refused(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "meta.cutoff_survival=0.5",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean algorithm.aggregation=token_mean",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean optimizer.mini_batches=2",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean algorithm.subset=2",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean "
        "algorithm.dynamic_sampling=true",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean meta.gate=soft "
        "meta.gate_pilot=2",
        "meta.cutoff_survival=0.5 algorithm.advantage=group_mean meta.gate=soft "
        "meta.size_by_worth=true"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        masa_error err = {0};
        assert_int_equal(train("biased", settings[i], false, NULL, &err), MASA_ERR_CONFIG);
        assert_non_null(strstr(err.message, "cutoff_survival"));
    }
}

static void a_hint_names_the_notions(void **state)
{
    (void)state;
    must("hint", "meta.start_step=1 meta.gate=off meta.notion_hint=true meta.cutoff_margin=0",
         false);
    assert_string_equal(count("hint", 1, -1).hint, "");
    assert_true(masa_starts_with(count("hint", 2, -1).hint, "could be solved using y."));
    assert_true(metric_of("hint", 2, "hinted") > 0.5);
    decisions d;
    size_t hints = 0;
    read_decisions(&d, "hint", 2);
    for (size_t i = 0; i < d.n; i++) hints += strcmp(d.kinds[i], "hint") == 0;
    assert_int_equal(hints, 6);
}

static void the_transition_waits_for_good_predictions(void **state)
{
    (void)state;
    static const char common[] = "meta.start_step=1 meta.transition=adaptive train.steps=4 "
                                 "meta.transition_window=16 data.limit=0 ";
    char more[300];
    snprintf(more, sizeof more, "%smeta.transition_pass_rate=0.3", common);
    must("adaptive", more, false);
    assert_near(metric_of("adaptive", 4, "acting"), 1, 0);
    snprintf(more, sizeof more, "%smeta.transition_pass_rate=0.0001", common);
    must("wary", more, false);
    for (long step = 1; step <= 4; step++) assert_near(metric_of("wary", step, "acting"), 0, 0);
}

static void a_warm_start_teaches_the_form(void **state)
{
    (void)state;
    char more[400];
    FILE *other = fopen(in_root("other.txt"), "w");
    fputs("? {problem}", other);
    assert_int_equal(fclose(other), 0);
    snprintf(more, sizeof more,
             "meta.template=%s meta.max_tokens=200 train.steps=1 meta.warm_start_prompts=24 "
             "meta.warm_start_epochs=8 meta.warm_start_lr=0.01 optimizer.lr=0.0001 "
             "data.max_prompt_tokens=250 sft.max_tokens=450 meta.bc_batch=8",
             in_root("other.txt"));
    must("warm", more, false);
    assert_near(metric_of("warm", 0, "warm_start_texts"), 24, 0);
    assert_near(metric_of("warm", 0, "meta_flops_share"), 1, 0);
    double warm = metric_of("warm", 0, "cpu_seconds");
    assert_true(warm > 0 && warm < metric_of("warm", 1, "cpu_seconds"));
    double first = metric_of("warm", 0, "warm_start_first_loss");
    assert_true(metric_of("warm", 0, "warm_start_loss") < 0.5 * first);
    assert_true(metric_of("warm", 1, "total_tokens") >
                metric_of("warm", 1, "generated_tokens"));
}

static void a_resumed_run_is_the_uninterrupted_one(void **state)
{
    (void)state;
    static const char more[] = "meta.start_step=1 meta.gate=soft meta.gate_threshold=0.2 "
                               "meta.audit_share=0.3 meta.bc_batch=9 meta.transition=adaptive "
                               "meta.transition_window=8 meta.warm_start_prompts=6 "
                               "meta.gate_pilot=1 meta.bc_mini_batch=4 "
                               "meta.size_by_worth=true meta.cutoff_keep=0.6 "
                               "meta.own_moments=true "
                               "algorithm.advantage=leave_one_out ";
    char half[500], whole[500];
    snprintf(half, sizeof half, "%strain.steps=2", more);
    snprintf(whole, sizeof whole, "%strain.steps=4", more);
    must("whole", whole, false);
    must("halves", half, false);
    must("halves", "train.steps=4", true);
    assert_same_run("whole", "halves", "model.safetensors", 4);
    assert_near(metric_of("whole", 4, "meta_reward"), metric_of("halves", 4, "meta_reward"), 0);
    /* stopped before the warm start */
    volatile sig_atomic_t stop = 1;
    masa_error err = {0};
    assert_int_equal(train("stopped", whole, false, &stop, &err), MASA_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "--resume"));
    must("stopped", "", true);
    assert_same_run("whole", "stopped", "model.safetensors", 4);
}

/* The untaught model writes no prediction: nothing to clone, but what is made for it. */
static void what_cannot_be_cloned_is_made(void **state)
{
    (void)state;
    char more[400];
    snprintf(more, sizeof more, "model.path=%s meta.bc_hopeless=true ", in_root("start"));
    must("unrepaired", more, false);
    assert_near(metric_of("unrepaired", 1, "bc_texts"), 0, 0);
    snprintf(more, sizeof more, "model.path=%s meta.bc_hopeless=true meta.bc_repair=true ",
             in_root("start"));
    must("repaired", more, false);
    assert_near(metric_of("repaired", 1, "bc_texts"), 6, 0);
    /* The untaught model solves none: hopeless prompts are left out where they are to be. */
    snprintf(more, sizeof more, "model.path=%s meta.bc_repair=true ", in_root("start"));
    must("hopeful", more, false);
    assert_near(metric_of("hopeful", 1, "reward"), 0, 0);
    assert_near(metric_of("hopeful", 1, "bc_texts"), 0, 0);
}

/* Both prompts begin with the same turn and the problem where the template has it first and the
 * system turn is the solutions': then that is computed once, in whole blocks of the cache. */
static void prompts_that_begin_alike_share_the_cache(void **state)
{
    (void)state;
    enum { PROMPTS = 6, LONG = 96, LEAST = 64 }; /* tokens, each a byte */
    FILE *train = fopen(in_root("long.jsonl"), "w");
    for (int i = 0; i < PROMPTS; i++) {
        fputs("{\"problem\":\"", train);
        for (int k = 0; k < LONG; k++) fputc('a' + (i * 7 + k * (i + 3)) % 26, train);
        fputs("\",\"answer\":\"y\"}\n", train);
    }
    fclose(train);
    put_template("first.txt", "{problem} ? {length_min}");
    put_template("last.txt", "? {length_min} {problem}");
    static const struct {
        const char *folder, *template, *system;
        bool shares;
    } cases[] = {{"first", "first.txt", "same", true},
                 {"last", "last.txt", "same", false},
                 {"apart_turns", "first.txt", "Predict.", false}};
    for (size_t k = 0; k < 3; k++) {
        char more[900], template[300];
        snprintf(template, sizeof template, "%s", in_root(cases[k].template));
        snprintf(more, sizeof more,
                 "data.train=%s meta.template=%s meta.system=%s train.steps=1",
                 in_root("long.jsonl"), template, cases[k].system);
        must(cases[k].folder, more, false);
        double saved = metric_of(cases[k].folder, 1, "prompt_tokens") -
                       metric_of(cases[k].folder, 1, "prefilled_tokens");
        if ((saved >= PROMPTS * LEAST) != cases[k].shares)
            fail_msg("%s: %g tokens of prompts were in the cache", cases[k].folder, saved);
    }
}

/* Whatever predictions learn by reward and by cloning: the solver is that of the plain run, bit
 * for bit, until they are acted on. */
static void predictions_with_factors_of_their_own_leave_the_solver_alone(void **state)
{
    (void)state;
    char more[400];
    must("solver", "meta.samples=0", false);
    must("apart", "meta.adapter=2 meta.bc_lr=0.01", false);
    assert_true(metric_of("apart", 1, "bc_texts") > 0);
    masa_text solver = weights_of("solver", "model.safetensors");
    masa_text apart = weights_of("apart", "model.safetensors");
    assert_int_equal(solver.size, apart.size);
    assert_memory_equal(solver.data, apart.data, solver.size);
    masa_text_deinit(&solver);
    masa_text_deinit(&apart);
    assert_int_equal(train("both", "meta.adapter=2 meta.update=joint", false, NULL, NULL),
                     MASA_ERR_CONFIG);
    /* And they do learn, by their own moments, which a resumed run has too: meanwhile the solver
     * comes to be always right, so that what is to be predicted moves away at first. */
    snprintf(more, sizeof more,
             "meta.adapter=8 meta.template=%s optimizer.lr=0.005 meta.bc_enabled=false "
             "meta.weight_length=0 meta.weight_notion=0 rollout.prompts_per_step=12 "
             "meta.samples=8 train.steps=20",
             in_root("guess.txt"));
    must("guesser", more, false);
    /* Predictions are compared with the policy that made them, not with what their update, which
     * comes later, has not written yet. A step whose groups have no variance compares nothing. */
    size_t compared = 0;
    for (long step = 1; step <= 20; step++) {
        double difference = metric_of("guesser", step, "logprob_difference");
        if (isnan(difference)) continue;
        assert_near(difference, 0, 1e-5);
        compared++;
    }
    assert_true(compared >= 15);
    double before = metric_of("guesser", 1, "meta_difficulty");
    double after = metric_of("guesser", 20, "meta_difficulty");
    if (!(after > before)) fail_msg("%f -> %f", before, after);
    must("resumed", "meta.adapter=2 meta.bc_lr=0.01 train.steps=1", false);
    must("resumed", "train.steps=2", true);
    assert_same_run("apart", "resumed", "predictor/adapter_model.safetensors", 2);
}

/* In a common state the policy's momentum would move the weights at cloning's rate. */
static void cloning_with_moments_of_its_own_leaves_the_policys_alone(void **state)
{
    (void)state;
    must("uncloned", "meta.update=joint meta.bc_enabled=false", false);
    must("own", "meta.update=joint meta.bc_lr=0 meta.own_moments=true", false);
    must("common", "meta.update=joint meta.bc_lr=0", false);
    assert_true(metric_of("own", 1, "bc_texts") > 0);
    assert_same_run("uncloned", "own", "model.safetensors", 2);
    masa_text own = weights_of("own", "model.safetensors");
    masa_text common = weights_of("common", "model.safetensors");
    assert_memory_not_equal(own.data, common.data, own.size);
    masa_text_deinit(&own);
    masa_text_deinit(&common);
}

static void shuffled_rewards_keep_all_but_their_signal(void **state)
{
    (void)state;
    char common[200], more[300];
    snprintf(common, sizeof common, "meta.template=%s meta.bc_enabled=false train.steps=1",
             in_root("guess.txt"));
    must("unshuffled", common, false);
    snprintf(more, sizeof more, "%s meta.reward_shuffle=true", common);
    must("shuffled", more, false);
    /* The same prompts, tokens, updates and rewards on the whole; solutions untouched. */
    static const char *const same[] = {"reward",      "generated_tokens", "meta_tokens_share",
                                       "meta_reward", "updates",          "meta_difficulty"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_near(metric_of("shuffled", 1, same[i]), metric_of("unshuffled", 1, same[i]),
                    1e-6);
    double sums[2] = {0}, squares[2] = {0};
    size_t moved = 0;
    for (long prompt = 0; prompt < 6; prompt++)
        for (int k = 0; k < 2; k++) {
            rewards r = rewards_of(k ? "shuffled" : "unshuffled", 1, prompt);
            for (size_t j = 0; j < 4; j++) {
                sums[k] += r.meta[j];
                squares[k] += r.meta[j] * r.meta[j];
                moved += k && r.meta[j] != rewards_of("unshuffled", 1, prompt).meta[j];
            }
        }
    assert_near(sums[0], sums[1], 1e-5);
    assert_near(squares[0], squares[1], 1e-5);
    assert_true(moved >= 6);
    masa_error err = {0};
    assert_int_equal(train("refused", "meta.reward_shuffle=true", false, NULL, &err),
                     MASA_ERR_CONFIG);
}

/* An update on solutions, then one on meta rollouts; AdamW moves twice. */
static void separate_updates_are_two(void **state)
{
    (void)state;
    char guess[300], more[500];
    snprintf(guess, sizeof guess, "meta.template=%s meta.bc_enabled=false",
             in_root("guess.txt"));
    must("separate", guess, false);
    snprintf(more, sizeof more, "%s meta.update=joint", guess);
    must("joint", more, false);
    assert_near(metric_of("separate", 2, "updates"), 4, 0);
    assert_near(metric_of("joint", 2, "updates"), 2, 0);
    /* No update of the meta path advances the policy's warm-up. */
    snprintf(
        more, sizeof more,
        "%s meta.bc_enabled=true meta.bc_batch=1 meta.bc_hopeless=true meta.bc_repair=true "
        "optimizer.warmup_steps=4 optimizer.lr=0.004",
        guess);
    must("warmup", more, false);
    assert_true(metric_of("warmup", 2, "updates") > 4);
    assert_near(metric_of("warmup", 1, "lr"), 0.001, 1e-9);
    assert_near(metric_of("warmup", 2, "lr"), 0.002, 1e-9);
    /* Without weight, moments apart, meta rollouts are sampled and leave no trace. */
    snprintf(more, sizeof more, "%s meta.weight=0 meta.own_moments=true", guess);
    must("weightless", more, false);
    masa_text plain = weights_of("plain", "model.safetensors");
    masa_text weightless = weights_of("weightless", "model.safetensors");
    assert_memory_equal(plain.data, weightless.data, plain.size);
    masa_text_deinit(&plain);
    masa_text_deinit(&weightless);
}

static void cloning_may_wait_for_acting(void **state)
{
    (void)state;
    must("waits",
         "meta.bc_acting=true meta.start_step=1 meta.gate=off meta.cutoff_margin=0 "
         "meta.bc_batch=1 rollout.prompts_per_step=24",
         false);
    assert_near(metric_of("waits", 1, "bc_texts"), 0, 0);
    assert_true(metric_of("waits", 2, "bc_texts") > 0);
}

static void controls_act_without_predictions(void **state)
{
    (void)state;
    must("random",
         "meta.samples=0 meta.start_step=0 meta.gate=random meta.gate_rate=0.5 "
         "meta.gate_refill=false rollout.prompts_per_step=24",
         false);
    double gated = metric_of("random", 1, "gated");
    assert_true(gated > 4 && gated < 20);
    assert_int_equal(count("random", 1, -1).solutions, (24 - (long)gated) * 4);
    assert_int_equal(count("random", 1, -1).metas, 0);
    masa_error err = {0};
    assert_int_equal(train("blind", "meta.samples=0 meta.start_step=0", false, NULL, &err),
                     MASA_ERR_CONFIG);
}

static void predictions_can_be_learned(void **state)
{
    (void)state;
    /* It predicts each of three pass rates in a third of the cases, and learns which one is
     * rewarded for which kind of problem. */
    char more[400];
    snprintf(more, sizeof more,
             "meta.template=%s train.steps=20 optimizer.lr=0.002 meta.bc_enabled=false "
             "meta.weight_length=0 meta.weight_notion=0 rollout.prompts_per_step=12 "
             "meta.samples=8",
             in_root("guess.txt"));
    must("learns", more, false);
    double before = metric_of("learns", 1, "meta_difficulty");
    double after = metric_of("learns", 20, "meta_difficulty");
    if (!(before < 0.6 && after > before + 0.1)) fail_msg("%f -> %f", before, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_are_trained_together),
        cmocka_unit_test(rewards_are_those_of_the_method),
        cmocka_unit_test(without_meta_rollouts_it_is_the_plain_run),
        cmocka_unit_test(a_gated_prompt_costs_no_solution_token),
        cmocka_unit_test(a_step_is_drawn_at_once),
        cmocka_unit_test(a_static_gate_closes_for_good),
        cmocka_unit_test(audits_measure_the_gate),
        cmocka_unit_test(a_gate_is_judged_by_its_lift),
        cmocka_unit_test(rollouts_stop_at_the_cutoff),
        cmocka_unit_test(a_fitted_cutoff_leaves_what_is_right),
        cmocka_unit_test(survivors_of_a_soft_cutoff_stand_for_the_cut),
        cmocka_unit_test(a_soft_gate_closes_on_what_has_no_variance),
        cmocka_unit_test(a_hint_names_the_notions),
        cmocka_unit_test(the_transition_waits_for_good_predictions),
        cmocka_unit_test(a_warm_start_teaches_the_form),
        cmocka_unit_test(a_resumed_run_is_the_uninterrupted_one),
        cmocka_unit_test(what_cannot_be_cloned_is_made),
        cmocka_unit_test(prompts_that_begin_alike_share_the_cache),
        cmocka_unit_test(predictions_with_factors_of_their_own_leave_the_solver_alone),
        cmocka_unit_test(cloning_with_moments_of_its_own_leaves_the_policys_alone),
        cmocka_unit_test(shuffled_rewards_keep_all_but_their_signal),
        cmocka_unit_test(separate_updates_are_two),
        cmocka_unit_test(cloning_may_wait_for_acting),
        cmocka_unit_test(controls_act_without_predictions),
        cmocka_unit_test(what_history_settles_needs_no_forecast),
        cmocka_unit_test(pilots_spare_the_rest_of_a_group),
        cmocka_unit_test(a_step_takes_the_best_of_its_candidates),
        cmocka_unit_test(sizes_go_by_worth),
        cmocka_unit_test(cloning_comes_in_mini_batches),
        cmocka_unit_test(one_pass_forecasts_without_sampling),
        cmocka_unit_test(a_probe_foretells_without_being_told),
        cmocka_unit_test(a_probe_reads_weights_that_stay),
        cmocka_unit_test(a_subset_is_trained_on),
        cmocka_unit_test(a_biased_soft_cutoff_is_refused),
        cmocka_unit_test(predictions_can_be_learned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
