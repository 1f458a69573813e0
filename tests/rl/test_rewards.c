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
        assert_true(metric_of("judge", 2, "eval_accuracy") == metric_of(other, 2, "eval_accuracy"));
    }
    assert_true(masa_path_exists(in_root("python/reward.log")));
}

/* Beside a program of their own, problems need no answer and may be of any kind. */
static void problems_need_no_answers(void **state)
{
    (void)state;
    char more[400];
    FILE *train = fopen(in_root("essays.jsonl"), "w");
    fputs("{\"problem\":\"a a\",\"kind\":\"essay\"}\n", train);
    assert_int_equal(fclose(train), 0);
    snprintf(more, sizeof more, "data.test= train.steps=1 data.train=%s reward.command="
             MASA_TESTS "/../examples/reward.sh", in_root("essays.jsonl"));
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
    assert_int_equal(reinforce("two", "reward.command=true reward.url=http://h/", &options, &err),
                     MASA_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_rewards_give_the_same_run),
        cmocka_unit_test(problems_need_no_answers),
        cmocka_unit_test(a_failing_program_ends_the_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
