/* Training on rewards of the user's own is training. */
#include "letters.h"

#include "server.h"

static void own_rewards_give_the_same_run(void **state)
{
    (void)state;
    char more[300];
    must("judge", "train.steps=3", false);
    must("python", "train.steps=3 reward.command=" MASA_TESTS "/../examples/reward.py", false);
    server s = server_start(MASA_TESTS "/../examples/reward_server.py");
    snprintf(more, sizeof more, "train.steps=3 reward.copies=2 reward.url=http://127.0.0.1:%d/",
             s.port);
    setenv("no_proxy", "127.0.0.1", 1);
    must("http", more, false);
    server_end(&s);
    assert_true(metric_of("judge", 1, "accuracy") > 0);
    for (size_t k = 0; k < 2; k++) {
        const char *other = k ? "http" : "python";
        assert_same_run("judge", other, "model.safetensors", 3);
        assert_true(metric_of("judge", 3, "accuracy") == metric_of(other, 3, "accuracy"));
        assert_true(metric_of("judge", 2, "eval_accuracy") ==
                    metric_of(other, 2, "eval_accuracy"));
    }
    assert_true(masa_path_exists(in_root("python/reward.log")));
}

typedef struct sums {
    size_t n, with_parts;
} sums;

/* 1 for right, 0.5 for an answer, 0.25 for all the tokens that were not used, minus what is
 * repeated; the parts are on record without their weights. */
static masa_status check_sum(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)err;
    sums *s = context;
    double correctness, format, length, repetition;
    s->n++;
    if (sscanf(r->parts,
               "{\"correctness\":%lf,\"format\":%lf,\"length\":%lf,\"repetition\":%lf}",
               &correctness, &format, &length, &repetition) != 4)
        return MASA_OK;
    s->with_parts++;
    bool ended = strcmp(r->cause, "eos") == 0;
    assert_int_equal(r->correct, ended && strcmp(r->text, "y") == 0);
    assert_near(correctness, r->correct, 0);
    assert_near(format, ended && *r->text, 0);
    assert_near(length, 1 - (double)r->tokens / 12, 1e-9);
    assert_near(r->reward, correctness + 0.5 * format + 0.25 * length + 2 * repetition, 1e-6);
    assert_string_equal(r->extracted, ended ? r->text : "");
    return MASA_OK;
}

static void parts_are_summed_and_recorded(void **state)
{
    (void)state;
    sums s = {0};
    masa_store *store = NULL;
    must("sum",
         "train.steps=2 data.test= reward.format=0.5 reward.length=0.25 reward.repetition=2",
         false);
    char *path = masa_run_store_path(in_root("sum"));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    masa_store_filter all = MASA_STORE_ALL;
    assert_int_equal(masa_store_rollouts(store, &all, check_sum, &s, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    assert_int_equal(s.n, 2 * 4 * 6);
    assert_int_equal(s.with_parts, s.n);
    /* Accuracy is what the method goes by, whatever else is rewarded. */
    assert_near(metric_of("sum", 1, "reward_correctness"), metric_of("sum", 1, "accuracy"),
                1e-9);
    assert_near(metric_of("sum", 1, "reward"),
                metric_of("sum", 1, "accuracy") + 0.5 * metric_of("sum", 1, "reward_format") +
                    0.25 * metric_of("sum", 1, "reward_length") +
                    2 * metric_of("sum", 1, "reward_repetition"),
                1e-6);
    assert_true(isnan(metric_of("sum", 1, "reward_user")));
    assert_true(isnan(metric_of("judge", 1, "reward_correctness"))); /* no sum: no parts */
}

/* Beside a program of their own, problems need no answer and may be of any kind. */
static void problems_need_no_answers(void **state)
{
    (void)state;
    char more[400];
    FILE *train = fopen(in_root("essays.jsonl"), "w");
    fputs("{\"problem\":\"a a\",\"kind\":\"essay\"}\n", train);
    assert_int_equal(fclose(train), 0);
    snprintf(more, sizeof more,
             "data.test= train.steps=1 data.train=%s reward.command=" MASA_TESTS
             "/../examples/reward.sh",
             in_root("essays.jsonl"));
    must("essays", more, false);
    assert_true(metric_of("essays", 1, "reward") == 1); /* all are short */
    masa_train_options options = {0};
    masa_error err = {0};
    snprintf(more, sizeof more, "data.train=%s", in_root("essays.jsonl"));
    assert_int_equal(reinforce("no", more, &options, &err), MASA_ERR_DATA);
}

/* A run whose program fails ends with a line, and not with rewards of 0. */
static void a_failing_program_ends_the_run(void **state)
{
    (void)state;
    masa_train_options options = {0};
    masa_error err = {0};
    assert_int_equal(reinforce("failing", "reward.command=false", &options, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "reward.command ended with status 1"));
    assert_true(isnan(metric_of("failing", 1, "reward")));
    assert_int_equal(
        reinforce("two", "reward.command=true reward.url=http://h/", &options, &err),
        MASA_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_rewards_give_the_same_run),
        cmocka_unit_test(parts_are_summed_and_recorded),
        cmocka_unit_test(problems_need_no_answers),
        cmocka_unit_test(a_failing_program_ends_the_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
