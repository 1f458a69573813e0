/* masa config and masa inspect RUN, as a user calls them. */
#include "masa_test.h"

#include <jansson.h>
#include <masa/config.h>
#include <masa/file.h>
#include <masa/run_folder.h>
#include <sys/wait.h>

static char folder[] = "/tmp/masa-cli-run-XXXXXX";

/* -1 and NaN: not known. */
static masa_store_prediction predicted(long rate, long length, double true_rate,
                                       double true_length)
{
    return (masa_store_prediction){.pass_rate = rate,
                                   .length = length,
                                   .notions = "[\"sum\"]",
                                   .cause_pass_rate = "missing",
                                   .difficulty = 0.5,
                                   .length_reward = 1,
                                   .notion_reward = 0,
                                   .true_pass_rate = true_rate,
                                   .true_length = true_length};
}

/* A prompt of step 3 as its two meta rollouts saw it; the truth is in both. */
static void add_predictions(masa_store *store, long prompt, masa_store_prediction first,
                            masa_store_prediction second)
{
    const masa_store_prediction predictions[] = {first, second};
    for (long sample = 0; sample < 2; sample++) {
        masa_store_rollout r = {.step = 3,
                                .prompt = prompt,
                                .problem = "p8",
                                .kind = "meta",
                                .sample = sample,
                                .prompt_text = "How hard?",
                                .text = "{}",
                                .answer = "4",
                                .cause = "eos",
                                .prediction = &predictions[sample]};
        assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
    }
}

/* A gate that closes in the second of these steps alone. */
static void add_gates(void)
{
    masa_store *store = NULL;
    char *path = masa_run_store_path(folder);
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    for (long step = 2; step <= 3; step++) {
        double closed = step == 2 ? 2 : 0;
        masa_store_add_metric(store, step, "gated", 0, NULL);
        masa_store_add_metric(store, step, "audited", closed, NULL);
        masa_store_add_metric(store, step, "audited_flat", closed / 2, NULL);
        masa_store_add_metric(store, step, "gate_open", 4, NULL);
        masa_store_add_metric(store, step, "gate_open_flat", 1, NULL);
    }
    masa_store_close(store);
    free(path);
}

static int make_run(void **state)
{
    (void)state;
    masa_config config;
    masa_run *run = NULL;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(masa_config_load(&config, NULL, NULL, NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, folder, &config, NULL), MASA_OK);
    for (long step = 1; step <= 3; step++) {
        assert_int_equal(masa_run_begin_step(run, NULL), MASA_OK);
        masa_run_add_metric(run, step, "reward/mean", 0.25 * (double)step, NULL);
        masa_run_add_metric(run, step, "loss", step == 2 ? NAN : -1.5, NULL);
        for (long sample = 0; sample < 2; sample++) {
            masa_store_rollout r = {.step = step,
                                    .problem = "p7",
                                    .kind = "solution",
                                    .sample = sample,
                                    .prompt_text = "What is \"2+2\"?",
                                    .text = sample ? "It is \\boxed{4}." : "Five\n\xff",
                                    .answer = "4",
                                    .prompt_tokens = 9,
                                    .tokens = 5,
                                    .reward = (double)sample,
                                    .advantage = 1,
                                    .cause = "eos",
                                    .logprob = -0.5,
                                    .seconds = 1,
                                    .extracted = sample ? "4" : NULL,
                                    .correct = sample == 1,
                                    .said = sample ? "well done" : NULL};
            masa_store_add_rollout(masa_run_store(run), &r, NULL);
            if (sample == 0 || step != 2) continue;
            masa_store_add_reward(masa_run_store(run), &r, "format", 1, NULL);
            masa_store_add_reward(masa_run_store(run), &r, "length", 0.25, NULL);
        }
        masa_store_eval eval = {step, "t1", 0, "text", "4", step > 1, 3, "eos", "5"};
        masa_store_add_eval(masa_run_store(run), &eval, NULL);
        masa_store_decision gate = {step, 0, "p7", "gate", true, 1, 0.01, 0, NULL};
        masa_store_add_decision(masa_run_store(run), &gate, NULL);
        if (step == 3) {
            masa_store *store = masa_run_store(run);
            add_predictions(store, 1, predicted(8, 40, 0.75, 30), predicted(4, 60, 0.75, 30));
            add_predictions(store, 2, predicted(-1, 20, NAN, NAN), predicted(-1, -1, NAN, NAN));
            add_predictions(store, 3, predicted(0, 9, 0, NAN), predicted(2, 9, 0, NAN));
        }
        assert_int_equal(masa_run_commit_step(run, NULL), MASA_OK);
    }
    masa_run_close(run);
    masa_config_deinit(&config);
    return 0;
}

static int remove_run(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

/* Output and exit status of `masa ARGUMENTS`; FOLDER stands for the run. */
static char output[65536];
static int masa(const char *arguments)
{
    char command[1024];
    const char *here = strstr(arguments, "FOLDER");
    snprintf(command, sizeof command, "'%s' %.*s%s%s 2>&1", MASA_PROGRAM,
             (int)(here ? here - arguments : (long)strlen(arguments)), arguments,
             here ? folder : "", here ? here + strlen("FOLDER") : "");
    FILE *pipe = popen(command, "r");
    size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

static void assert_says(const char *part)
{
    if (!strstr(output, part)) fail_msg("'%s' is not in:\n%s", part, output);
}

static size_t count_lines(void)
{
    size_t n = 0;
    for (const char *p = output; *p; p++) n += *p == '\n';
    return n;
}

static void metrics_are_a_table(void **state)
{
    (void)state;
    assert_int_equal(masa("inspect FOLDER"), 0);
    assert_says("  step      loss\n"
                "     1      -1.5\n"
                "     2         -\n"
                "     3      -1.5\n");
    assert_says("also recorded (--metrics): reward/mean\n");
    assert_int_equal(masa("inspect FOLDER --metrics reward/mean,loss"), 0);
    assert_string_equal(output, "  step   reward/mean      loss\n"
                                "     1          0.25      -1.5\n"
                                "     2           0.5         -\n"
                                "     3          0.75      -1.5\n");
    assert_int_equal(masa("inspect FOLDER --step 2: --metrics reward/mean"), 0);
    assert_int_equal(count_lines(), 4);
    assert_says("     3          0.75\n");
    assert_says("also recorded (--metrics): loss\n");
    assert_int_equal(masa("inspect FOLDER --json --step :2"), 0);
    assert_string_equal(output, "{\"step\":1,\"reward/mean\":0.25,\"loss\":-1.5}\n"
                                "{\"step\":2,\"reward/mean\":0.5,\"loss\":null}\n");
    assert_int_equal(masa("inspect FOLDER --step 9"), 0);
    assert_says("no metrics");
}

static void predictions_stand_beside_the_truth(void **state)
{
    (void)state;
    assert_int_equal(masa("inspect FOLDER --predictions"), 0);
    assert_says("  step  prompt  pass rate       true     length       true  problem\n");
    assert_says("     3       1       0.75       0.75         50         30  p8\n");
    assert_says("     3       2          -          -         20          -  p8\n");
    assert_says("     3       3       0.12       0.00          9          -  p8\n");
    assert_says("pass rate: 2 prompts, mean error 0.0625, correlation 1.00\n");
    assert_says("length: 1 prompts, mean error 20\n");
    assert_int_equal(masa("inspect FOLDER --predictions --json --limit 1"), 0);
    assert_says("{\"step\":3,\"prompt\":1,\"problem\":\"p8\",\"predicted_pass_rate\":0.75,"
                "\"true_pass_rate\":0.75,\"predicted_length\":50,\"true_length\":30}\n");
    assert_says("1 of 3 shown");
    add_gates();
    assert_int_equal(masa("inspect FOLDER --predictions"), 0);
    assert_says("gate: precision 0.50 where 0.30 of all prompts have no variance (lift 1.67), "
                "recall 0.33, F1 0.40\n");
    assert_int_equal(masa("inspect FOLDER --predictions --step 3"), 0);
    assert_says("gate: closed on none, 0.25 of all prompts have no variance\n");
    assert_int_equal(masa("inspect FOLDER --predictions --step 1"), 0);
    assert_says("nothing was predicted");
}

static void rollouts_are_read(void **state)
{
    (void)state;
    assert_int_equal(masa("inspect FOLDER --step 2 --reward 1"), 0);
    assert_string_equal(output,
                        "==== prompt 0 of step 2, problem p7, 9 tokens, answer 4\n"
                        "What is \"2+2\"?\n"
                        "---- step 2, prompt 0, solution 1: reward 1.000, advantage +1.000, 5 "
                        "tokens, stopped by eos, log-probability -0.500, found 4\n"
                        "It is \\boxed{4}.\n"
                        "     parts of the reward: {\"format\":1.0,\"length\":0.25}\n"
                        "     well done\n");
    assert_int_equal(masa("inspect FOLDER --kind meta --prompt 1"), 0);
    assert_says(
        "predicted: pass rate 8/8, length 40, notions [\"sum\"]\n"
        "true: pass rate 0.75, length 30; rewards of pass rate 0.5, length 1, notions 0\n");
    assert_int_equal(masa("inspect FOLDER --kind meta --prompt 2"), 0);
    assert_says("predicted: no pass rate (missing), length 20");
    assert_int_equal(masa("inspect FOLDER --kind meta --prompt 3 --json"), 0);
    assert_says("\"prediction\":{\"pass_rate\":0,\"length\":9,\"notions\":[\"sum\"]");
    assert_says("\"true_pass_rate\":0,\"true_length\":null}}");
    assert_int_equal(masa("inspect FOLDER --contains boxed --cause eos --kind solution"), 0);
    assert_says("---- step 3");
    assert_int_equal(masa("inspect FOLDER --rollouts --limit 2"), 0);
    assert_says("2 shown; --limit 0 shows all\n");
    assert_int_equal(masa("inspect FOLDER --problem p9"), 0);
    assert_says("nothing that fits");
}

static void rows_are_json_lines(void **state)
{
    (void)state;
    static const struct {
        const char *arguments;
        size_t lines, keys;
    } cases[] = {
        {"inspect FOLDER --json --rollouts --problem p7 --contains Five", 3, 17},
        {"inspect FOLDER --json --rollouts --step 2 --contains boxed", 1, 19},
        {"inspect FOLDER --json --prompt 0 --limit 0 --step 1 --contains boxed", 1, 18},
        {"inspect FOLDER --json --rollouts --kind meta", 6, 16},
        {"inspect FOLDER --json --evals", 3, 9},
        {"inspect FOLDER --json --decisions --step 2:3", 2, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(masa(cases[i].arguments), 0);
        assert_int_equal(count_lines(), cases[i].lines);
        for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
            json_error_t why;
            json_t *row = json_loads(line, 0, &why);
            if (!row) fail_msg("%s: %s", why.text, line);
            assert_int_equal(json_object_size(row), cases[i].keys);
            json_decref(row);
        }
    }
    assert_int_equal(masa("inspect FOLDER --evals --step 1"), 0);
    assert_says("problem t1, sample 0: wrong (answer 4), 3 tokens, stopped by eos, found 5\n");
    assert_int_equal(masa("inspect FOLDER --decisions --step 1"), 0);
    assert_says("gate taken");
    assert_int_equal(masa("inspect FOLDER --decisions --evals --limit 1 --json"), 0);
    assert_int_equal(count_lines(), 4); /* of each kind a row, and that there are more */
    assert_says("1 shown; --limit 0 shows all\n");
}

/* Each of the texts that stand in a line would begin another one. */
static void texts_forge_no_line(void **state)
{
    (void)state;
    static const char evil[] = "x\nFORGED";
    masa_store *store = NULL;
    char *path = masa_run_store_path(folder);
    masa_store_prediction p = predicted(4, 9, 0.5, 30);
    p.notions = evil;
    masa_store_rollout r = {.step = 7,
                            .problem = evil,
                            .kind = "solution",
                            .prompt_text = "ask",
                            .text = "text",
                            .answer = evil,
                            .cause = evil,
                            .extracted = evil,
                            .said = evil};
    masa_store_rollout meta = {.step = 7,
                               .problem = evil,
                               .kind = "meta",
                               .prompt_text = "ask",
                               .text = "text",
                               .answer = evil,
                               .cause = "eos",
                               .prediction = &p};
    masa_store_eval eval = {7, evil, 0, "text", evil, true, 3, evil, evil};
    masa_store_decision gate = {7, 0, evil, evil, true, 1, 0.01, 0, NULL};
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
    assert_int_equal(masa_store_add_rollout(store, &meta, NULL), MASA_OK);
    assert_int_equal(masa_store_add_eval(store, &eval, NULL), MASA_OK);
    assert_int_equal(masa_store_add_decision(store, &gate, NULL), MASA_OK);
    assert_int_equal(masa_store_add_event(store, 7, "rule", evil, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    static const char *const kinds[] = {"--rollouts", "--evals", "--decisions", "--events",
                                        "--predictions"};
    for (size_t i = 0; i < 5; i++) {
        char line[64];
        snprintf(line, sizeof line, "inspect FOLDER --step 7 %s", kinds[i]);
        assert_int_equal(masa(line), 0);
        assert_says("x\\nFORGED");
        if (strstr(output, "\nFORGED")) fail_msg("%s", output);
    }
}

static void wrong_use_is_said(void **state)
{
    (void)state;
    static const char *const ranges[] = {"''", ":", "x", "1:x", "1:2:3", "x:1"};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "inspect FOLDER --step %s", ranges[i]);
        assert_int_equal(masa(arguments), 2);
        assert_says("--step takes a number or a range");
    }
    assert_int_equal(masa("inspect /tmp"), 1);
    assert_says("a store.sqlite (a run)");
}

static void config_is_printed(void **state)
{
    (void)state;
    assert_int_equal(masa("config --plain -p rloo -s rollout.group_size=4 FOLDER/config.yaml"),
                     0);
    assert_says("\n  group_size: 4\n");
    assert_says("\n  advantage: group_norm\n"); /* the file says so, after the preset */
    masa_config config;
    assert_int_equal(
        masa_config_parse(&config, output, strlen(output), "out", NULL, NULL, 0, NULL),
        MASA_OK);
    masa_config_deinit(&config);
    assert_int_equal(masa("config --markdown"), 0);
    assert_says("# Configuration\n");
    assert_int_equal(masa("config --help"), 0);
    assert_says("dr_grpo");
    assert_int_equal(masa("config -s rollout.group_sise=4"), 1);
    assert_string_equal(output, "masa: no setting rollout.group_sise; did you mean "
                                "rollout.group_size?\n");
    masa_file_write("/tmp/masa-cli-run.yaml", "rollout: {\n", 11, NULL);
    assert_int_equal(masa("config /tmp/masa-cli-run.yaml"), 1);
    assert_says("masa: /tmp/masa-cli-run.yaml:1: not YAML");
    remove("/tmp/masa-cli-run.yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_are_a_table),
                                       cmocka_unit_test(rollouts_are_read),
                                       cmocka_unit_test(predictions_stand_beside_the_truth),
                                       cmocka_unit_test(rows_are_json_lines),
                                       cmocka_unit_test(texts_forge_no_line),
                                       cmocka_unit_test(wrong_use_is_said),
                                       cmocka_unit_test(config_is_printed)};
    return cmocka_run_group_tests(tests, make_run, remove_run);
}
