/* masa lab on a model of a few thousand parameters: broken off, gone on with, and its table
 * from the records alone. */
#include "runs_test.h"

#include <fcntl.h>
#include <sys/file.h>

/* Arms that differ in preset and in a setting; all the rest is common. */
static void write_lab(const char *name, const char *steps, const char *more)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fprintf(file,
            "model: start\ntrain: train.jsonl\ntest: test.jsonl\nsteps: %s\n"
            "set: ['data.suffix=', data.answer_rules=whole, rollout.prompts_per_step=4,\n"
            "  rollout.group_size=4, rollout.max_tokens=12, data.max_prompt_tokens=48,\n"
            "  optimizer.tokens_per_pass=512, optimizer.lr=0.001, model.compute=f32,\n"
            "  train.save_every=0, train.eval_every=1, rollout.batch=16, data.strata=level,\n"
            "  train.eval_rollouts=3, train.eval_temperature=1, algorithm.kl_coef=0.01]\n"
            "seeds: [1, 2]\nbaseline: plain\n"
            "arms:\n  - name: plain\n    preset: grpo\n"
            "  - name: fast\n    preset: rloo\n    set: [optimizer.lr=0.002]\n%s",
            steps, more);
    assert_int_equal(fclose(file), 0);
}

static void must(const char *arguments)
{
    int status = masa("lab", arguments, "");
    if (status != 0) fail_msg("%s: %d, %s", arguments, status, errors);
}

/* The file as JSON; caller frees. */
static json_t *record(const char *path)
{
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);
    if (!root) fail_msg("%s: %s", path, why.text);
    return root;
}

static const char *const names[] = {"plain-1", "fast-1", "plain-2", "fast-2"};

/* What a record says that is no time must not depend on how often its run was broken off. */
static void assert_same_records(const char *a, const char *b)
{
    static const char *const keys[] = {"steps",    "tokens",   "flops", "accuracy",
                                       "settings", "finished", "seed",  "arm"};
    for (int i = 0; i < 4; i++) {
        char one[80], two[80];
        snprintf(one, sizeof one, "%s/%s.json", a, names[i]);
        snprintf(two, sizeof two, "%s/%s.json", b, names[i]);
        json_t *x = record(one), *y = record(two);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            assert_non_null(json_object_get(x, keys[k]));
            if (!json_equal(json_object_get(x, keys[k]), json_object_get(y, keys[k])))
                fail_msg("%s and %s differ in %s", one, two, keys[k]);
        }
        json_decref(x);
        json_decref(y);
    }
}

static void a_laboratory_is_run_and_recorded(void **state)
{
    (void)state;
    write_lab("small.yaml", "3", "");
    must("small.yaml");
    const char *at = errors;
    for (int i = 0; i < 4; i++) { /* all arms of a seed before the next seed */
        char says[64];
        snprintf(says, sizeof says, "run %d of 4: %.5s", i + 1, names[i]);
        says[strcspn(says, "-")] = '\0';
        assert_says(at, says);
        at = strstr(at, says);
    }
    assert_says(output, "| plain |     2 |");
    assert_says(output, "| fast  |     2 |");
    assert_says(output, "Accuracy by stratum");
    assert_says(output, "| level=2 |");
    assert_says(output, "What a rollout that was trained on cost over the first");
    json_t *root = record("experiments/records/small/fast-2.json");
    assert_string_equal(json_string_value(json_object_get(root, "lab")), "small");
    assert_string_equal(json_string_value(json_object_get(root, "arm")), "fast");
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), 2);
    assert_int_equal(masa("version", "", ""), 0);
    output[strcspn(output, "\n")] = '\0';
    assert_true(masa_starts_with(output, "masa "));
    assert_string_equal(json_string_value(json_object_get(root, "version")), output + 5);
    assert_true(json_is_true(json_object_get(root, "finished")));
    json_t *settings = json_object_get(root, "settings");
    assert_string_equal(json_string_value(json_object_get(settings, "optimizer.lr")), "0.002");
    assert_string_equal(json_string_value(json_object_get(settings, "data.test")),
                        "test.jsonl");
    assert_null(json_object_get(settings, "optimizer.beta1")); /* the default */
    for (int step = 0; step <= 3; step++) {
        json_t *accuracy = json_array_get(json_object_get(root, "accuracy"), (size_t)step);
        assert_near(json_number_value(accuracy),
                    metric_of("runs/small/fast-seed2", step, "eval_accuracy"), 1e-6);
        json_t *cpu = json_array_get(json_object_get(root, "cpu_seconds"), (size_t)step);
        if (step > 0)
            assert_near(json_number_value(cpu),
                        metric_of("runs/small/fast-seed2", step, "cpu_seconds"), 1e-6);
        json_t *rewards = json_object_get(json_object_get(root, "metrics"), "reward");
        json_t *reward = json_array_get(rewards, (size_t)step);
        if (step > 0)
            assert_near(json_number_value(reward),
                        metric_of("runs/small/fast-seed2", step, "reward"), 1e-4);
        else assert_true(json_is_null(reward));
    }
    json_decref(root);
}

static void the_table_needs_the_records_alone(void **state)
{
    (void)state;
    static char whole[sizeof output];
    must("small.yaml");
    assert_says(errors, "run 4 of 4: fast, seed 2; done already");
    memcpy(whole, output, sizeof whole);
    assert_int_equal(rename("runs/small", "runs/away"), 0);
    must("small.yaml --table");
    assert_string_equal(whole, output);
    must("small.yaml"); /* what is on record is not made again */
    assert_string_equal(whole, output);
    assert_false(masa_path_exists("runs/small/plain-seed1"));
    must("small.yaml --table --figure curves.svg");
    assert_string_equal(whole, output);
    assert_true(masa_path_exists("curves.svg"));
    must("small.yaml --table --stratum level=1");
    assert_says(output, "| fast  |     2 |");
    assert_true(strcmp(whole, output) != 0);
    assert_int_equal(masa("lab", "small.yaml --table --stratum level=3", ""), 1);
    assert_says(errors, "no record with two evaluations of level=3");
    must("small.yaml --table --json");
    json_t *row = json_loads(strtok(output, "\n"), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(row, "arm")), "plain");
    json_decref(row);
    assert_int_equal(masa_folder_remove("runs/small", NULL), MASA_OK);
    assert_int_equal(rename("runs/away", "runs/small"), 0);
}

/* Whether no process trains in the run's folder. */
static bool run_is_free(const char *run)
{
    char path[128];
    snprintf(path, sizeof path, "%s/lock", run);
    int fd = open(path, O_RDWR);
    bool is = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0) close(fd);
    return is;
}

/* Stopped by the clock before it begins, by ^C in a run, while two go at a time; then the
 * runs are those of a laboratory that was left alone. */
static void a_laboratory_broken_off_goes_on(void **state)
{
    (void)state;
    write_lab("long.yaml", "40", "");
    must("long.yaml --runs whole --records kept");
    assert_null(strstr(errors, "time is up"));
    const char *broken = "long.yaml --runs broken --records again";
    char line[128];
    assert_int_equal(interrupt("lab", broken, "broken/long/plain-seed1"), 130);
    assert_says(errors, "stopped in run 1 of 4 (broken/long/plain-seed1), which is saved; "
                        "the same command goes on");
    json_t *root = record("again/long/plain-1.json");
    assert_true(json_is_false(json_object_get(root, "finished")));
    json_decref(root);
    assert_false(masa_path_exists("broken/long/fast-seed1"));
    snprintf(line, sizeof line, "%s --minutes 1e-5", broken);
    int status = masa("lab", line, "");
    assert_says(errors, "time is up: 0 of 4 runs are done; the same command goes on");
    assert_true(status == 0 || strstr(errors, "no record with two evaluations"));
    /* killed, it takes its runs along, which save first: then their locks are free */
    send_signal(SIGKILL, "lab", broken, "broken/long/plain-seed1");
    for (int i = 0; i < 500 && !run_is_free("broken/long/plain-seed1"); i++) usleep(20000);
    snprintf(line, sizeof line, "%s --jobs 2", broken);
    assert_int_equal(interrupt("lab", line, "broken/long/fast-seed1"), 130);
    /* a run that lost its checkpoints begins again */
    assert_int_equal(masa_folder_remove("broken/long/plain-seed1/checkpoints", NULL), MASA_OK);
    must(line);
    assert_says(errors, "; goes on");
    assert_true(masa_path_exists("broken/long/fast-seed2.log"));
    assert_same_records("kept/long", "again/long");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *more, *says;
        int status;
    } cases[] = {
        {"none.yaml", NULL, "none.yaml", 1},
        {"bad.yaml", "jobs: 3\n",
         "bad.yaml:13: no description of a laboratory: Unexpected key: jobs", 1},
        {"bad.yaml", "  - name: plain\n", "plain with seed 1 is given twice", 1},
        {"bad.yaml", "  - name: a/b\n", "the name 'a/b' is to be of letters", 1},
        {"bad.yaml", "  - name: same\n    preset: grpo\n",
         "plain and same are the same with these settings", 1},
        {"bad.yaml", "  - name: x\n    set: [meta.gat=hard]\n", "x: no setting meta.gat", 1},
        {"bad.yaml", "  - name: x\n    set: [train.seed=3]\n", "are given apart", 2},
        {"bad.yaml --jobs 0", "", "--jobs must be at least 1", 2},
        {"bad.yaml --table", "", "holds no record with two evaluations", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].more) write_lab("bad.yaml", "3", cases[i].more);
        int status = masa("lab", cases[i].arguments, "");
        if (status != cases[i].status) fail_msg("case %zu: %d, %s", i, status, errors);
        assert_says(errors, cases[i].says);
        assert_false(masa_path_exists("runs/bad"));
    }
    /* other settings than the runs were made with */
    write_lab("small.yaml", "4", "");
    assert_int_equal(masa("lab", "small.yaml", ""), 1);
    assert_says(errors, "plain-1.json is of a run with other settings (there, now): "
                        "train.steps (3, 4)");
    assert_int_equal(masa("lab", "small.yaml --records other", ""), 1);
    assert_says(errors, "runs/small/plain-seed1 was made with other settings");
    FILE *file = fopen("experiments/records/small/plain-1.json", "w");
    fputs("{\"arm\":\"plain\",\"seed\":1,\"finished\":true,\"accuracy\":[0.5]}", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(masa("lab", "small.yaml --table", ""), 1);
    assert_says(errors, "small/plain-1.json: \"accuracy\" and \"steps\" must be lists");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_laboratory_is_run_and_recorded),
        cmocka_unit_test(the_table_needs_the_records_alone),
        cmocka_unit_test(a_laboratory_broken_off_goes_on),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
