/* masa verify: verdicts, the summary, and the audit of a file and of a run. */
#include "cli_test.h"

#include <masa/store.h>

static const char lines[] =
    "{\"id\":\"a\",\"prediction\":\"so \\\\boxed{5}\",\"gold\":\"5\"}\n"
    "{\"id\":\"b\",\"prediction\":\"The answer is 6.\",\"gold\":\"5\"}\n"
    "{\"prediction\":\"<answer>3</answer> or \\\\boxed{7}\",\"gold\":\"7\"}\n"
    "{\"prediction\":\"<answer>3</answer> or \\\\boxed{7}\",\"gold\":\"7\"}\n"
    "{\"prediction\":\"\\\\boxed{0.33}\",\"gold\":\"1/3\"}\n"
    "{\"prediction\":\"\\\\boxed{f(2, 3)}\",\"gold\":\"(2,3)\"}\n"
    "{\"prediction\":\"\\\\boxed{5}\",\"gold\":\"5\",\"truncated\":true}\n"
    "{\"prediction\":\"\\\\boxed{5}\",\"gold\":\"\"}\n";

static bool said(const char *where, const char *what)
{
    if (strstr(where, what)) return true;
    print_error("no '%s' in:\n%s\n", what, where);
    return false;
}

static void verdicts_are_written(void **state)
{
    (void)state;
    write_file("answers.jsonl", lines);
    assert_int_equal(shell("$masa verify answers.jsonl"), 0);
    assert_true(said(output,
                     "{\"id\":\"a\",\"equal\":true,\"verdict\":\"equal\",\"extracted\":\"5\","
                     "\"extraction\":\"boxed\""));
    assert_true(said(errors, "8 answers: 1 equal (12.5 %), 5 different (62.5 %), "
                             "1 no_answer (12.5 %), 1 bad_gold (12.5 %)"));
    assert_true(
        said(errors, "found by boxed: 4 (1 right), phrase: 1 (0 right), tags: 2 (0 right)"));
    assert_int_equal(shell("$masa verify --rules boxed answers.jsonl"), 0);
    assert_true(said(errors, "2 no_answer"));
}

static void near_answers_are_shown(void **state)
{
    (void)state;
    write_file("answers.jsonl", lines);
    assert_int_equal(shell("$masa verify --audit answers.jsonl"), 0);
    assert_true(said(output, "2 answers: equal by another rule\n  gold  7\n  found 3 (tags)\n"
                             "  else  7 (boxed)\n"));
    assert_true(said(output, "1 answer: equal to 1 %\n  gold  1/3\n  found 0.33 (boxed)"));
    assert_true(said(output, "1 answer: with the gold's numbers\n  gold  (2,3)\n"));
    assert_true(said(output, "  at    line 3\n"));
    assert_true(said(output,
                     "6 answers are not equal; of these 2 equal by another rule, 1 equal "
                     "to 1 %, 1 with the gold's numbers"));
    assert_int_equal(shell("$masa verify --audit --limit 1 answers.jsonl"), 0);
    assert_null(strstr(output, "  gold  1/3"));
}

static void add(masa_store *store, long sample, const char *text, const char *cause)
{
    masa_store_rollout r = {.step = 1,
                            .problem = "p",
                            .kind = "solution",
                            .sample = sample,
                            .prompt_text = "?",
                            .text = text,
                            .answer = "5",
                            .cause = cause};
    assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
}

static void a_run_is_audited_by_its_own_rules(void **state)
{
    (void)state;
    masa_store *store;
    assert_int_equal(shell("mkdir -p run"), 0);
    write_file("run/config.yaml", "data:\n  answer_rules: hashes\n");
    char *path = masa_path_join(folder, "run/store.sqlite");
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    free(path);
    add(store, 0, "#### 5", "eos");
    add(store, 1, "it is \\boxed{5}", "stop_string");
    add(store, 2, "it is \\boxed{5}", "length");
    masa_store_close(store);
    assert_int_equal(shell("$masa verify --audit run"), 0);
    assert_true(said(output, "1 answer: equal by another rule\n  gold  5\n  found nothing\n"
                             "  else  5 (boxed)\n"));
    assert_true(said(output, "  at    step 1, prompt 0, sample 1 (p)\n"));
    assert_true(said(errors, "2 answers: 1 equal"));
    assert_int_equal(shell("$masa verify --audit --rules boxed run"), 0);
    assert_true(said(output, "equal by another rule\n  gold  5\n  found nothing\n"
                             "  else  5 (hashes)\n"));
    /* A run that leaves them to its problems. */
    write_file("run/config.yaml", "data:\n  train: problems.jsonl\n");
    write_file("problems.jsonl",
               "{\"problem\":\"p\",\"answer\":5,\"answer_rules\":\"hashes\"}\n");
    assert_int_equal(shell("$masa verify --audit run"), 0);
    assert_true(said(output, "1 answer: equal by another rule\n  gold  5\n  found nothing\n"
                             "  else  5 (boxed)\n"));
    assert_int_equal(shell("rm problems.jsonl && $masa verify --audit run"), 1);
    assert_true(said(errors, "--rules"));
    assert_int_equal(shell("$masa inspect run --rollouts --json | $masa verify -"), 0);
    assert_true(said(errors, "2 answers: 2 equal"));
    assert_int_not_equal(shell("$masa verify run"), 0);
    assert_true(said(errors, "is a run: give --audit as well"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_written),
        cmocka_unit_test(near_answers_are_shown),
        cmocka_unit_test(a_run_is_audited_by_its_own_rules),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
