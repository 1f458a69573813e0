/* masa compare and masa report on a model of a few thousand parameters, as a user calls
 * them. */
#include "runs_test.h"

#include <sqlite3.h>

/* What every comparison here is given. */
static const char common[] =
    "--model start --train train.jsonl --test test.jsonl --steps 4 -s data.suffix= "
    "-s data.answer_rules=whole -s rollout.prompts_per_step=4 -s rollout.group_size=4 "
    "-s rollout.max_tokens=12 -s data.max_prompt_tokens=48 -s "
    "optimizer.tokens_per_pass=512 "
    "-s optimizer.lr=0.001 -s model.compute=f32 -s train.save_every=0 -s "
    "train.eval_every=2 "
    "-s rollout.batch=16";

static void must(const char *arguments, const char *more)
{
    int status = masa("compare", arguments, more);
    if (status != 0) fail_msg("%s: %d, %s", arguments, status, errors);
}

static const char *const names[] = {"grpo-seed1", "rloo-seed1", "grpo-seed2", "rloo-seed2"};

static void presets_and_seeds_are_trained_and_compared(void **state)
{
    (void)state;
    must("whole --preset grpo,rloo --seeds 1,2", common);
    const char *at = errors;
    for (int i = 0; i < 4; i++) {
        char run[64], says[64];
        snprintf(run, sizeof run, "whole/%s", names[i]);
        assert_false(isnan(metric_of(run, 4, "eval_accuracy")));
        snprintf(says, sizeof says, "run %d of 4: %.4s, seed %c", i + 1, names[i], names[i][9]);
        assert_says(at, says); /* seed by seed */
        at = strstr(at, says);
    }
    assert_says(at, "all runs: left");
    assert_says(output, "| grpo |     2 |");
    assert_says(output, "| rloo |     2 |");
    assert_says(output, "4 steps");
    masa_text table = {0};
    assert_int_equal(masa_file_read(&table, "whole/compare.md", NULL), MASA_OK);
    assert_string_equal(masa_text_get(&table), output);
    masa_text_deinit(&table);
    /* the presets differ, the seeds differ, all else is the same */
    assert_true(metric_of("whole/grpo-seed1", 1, "reward") >= 0);
    assert_true(metric_of("whole/grpo-seed1", 1, "length") ==
                metric_of("whole/rloo-seed1", 1, "length"));
    assert_true(metric_of("whole/grpo-seed1", 1, "entropy") !=
                metric_of("whole/grpo-seed2", 1, "entropy"));
}

static void finished_runs_are_left_alone(void **state)
{
    (void)state;
    double before = metric_of("whole/rloo-seed2", 4, "total_seconds");
    must("whole --preset grpo,rloo --seeds 1,2", common);
    assert_says(errors, "run 4 of 4: rloo, seed 2; done already");
    assert_true(metric_of("whole/rloo-seed2", 4, "total_seconds") == before);
    must("whole --json", "");
    size_t n = 0;
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"), n++) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        json_decref(row);
    }
    assert_int_equal(n, 2 * 7 + 7 + (3 + 1) * (2 * 5 + 5));
    must("whole --baseline rloo", "");
    assert_says(output, "Difference to `rloo`");
    must("whole --preset grpo --report-only --seeds 2", "");
    assert_null(strstr(output, "rloo"));
}

/* Runs on a medium that cannot be written are read all the same, and nothing is left there. */
static void a_finished_comparison_is_read_where_nothing_can_be_written(void **state)
{
    (void)state;
    if (getuid() != 0) skip_since("mounting takes root");
    if (system("mkdir fixed && mount --bind whole fixed && mount -o remount,ro,bind fixed") !=
        0)
        skip_since("nothing can be mounted here");
    int compared = masa("compare", "fixed", "");
    bool table = strstr(output, "| grpo |     2 |");
    int inspected = masa("inspect", "fixed/grpo-seed1", "--rollouts");
    int reported = masa("report", "fixed", "-o page.html");
    int left = system("ls fixed/grpo-seed1 | grep -q sqlite-");
    assert_int_equal(system("umount fixed && rmdir fixed"), 0);
    assert_int_equal(compared + inspected + reported, 0);
    assert_true(table);
    assert_int_not_equal(left, 0);
    /* a run that was killed has a log, which takes a writable folder: the rest is shown */
    assert_int_equal(system("mkdir fixed && mount --bind whole fixed && "
                            "touch fixed/grpo-seed1/store.sqlite-wal && "
                            "echo x >fixed/grpo-seed1/store.sqlite-wal && "
                            "mount -o remount,ro,bind fixed"),
                     0);
    inspected = masa("inspect", "fixed/grpo-seed1", "");
    assert_int_equal(
        system("umount fixed && rmdir fixed && rm -f whole/grpo-seed1/store.sqlite-*"), 0);
    if (inspected != 0) fail_msg("%s", errors);
    assert_says(errors, "what was written last may be missing");
}

/* A run that died after its last step and before its last checkpoint is not finished; one
 * that died before `latest` was written is opened once more, which writes it. */
static void a_run_without_its_last_checkpoint_goes_on(void **state)
{
    (void)state;
    must("torn --preset grpo --seeds 1", common);
    assert_int_equal(masa_folder_remove("torn/grpo-seed1/checkpoints", NULL), MASA_OK);
    must("torn", "");
    assert_says(output, "not finished");
    assert_int_equal(masa("compare", "torn --preset grpo --seeds 1", common), 1);
    assert_says(errors, "torn/grpo-seed1: torn/grpo-seed1 has 4 steps on record and no "
                        "checkpoint");
    assert_int_equal(masa("train", "torn/grpo-seed1", "--resume --restart"), 0);
    must("torn --preset grpo --seeds 1", common);
    assert_says(errors, "done already");
    assert_int_equal(unlink("torn/grpo-seed1/checkpoints/latest"), 0);
    must("torn --preset grpo --seeds 1", common);
    assert_says(errors, "goes on");
    assert_true(masa_path_exists("torn/grpo-seed1/checkpoints/latest"));
    assert_null(strstr(output, "not finished"));
    /* stopped in the evaluation after its last step, which is saved, it makes up for that */
    sqlite3 *store = NULL;
    double accuracy = metric_of("torn/grpo-seed1", 4, "eval_accuracy");
    assert_int_equal(sqlite3_open("torn/grpo-seed1/store.sqlite", &store), SQLITE_OK);
    assert_int_equal(sqlite3_exec(store,
                                  "DELETE FROM metrics WHERE step = 4 AND name LIKE 'eval_%'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(store);
    must("torn --preset grpo --seeds 1", common);
    assert_says(errors, "goes on");
    assert_true(metric_of("torn/grpo-seed1", 4, "eval_accuracy") == accuracy);
}

static void a_run_at_its_time_limit_is_finished(void **state)
{
    (void)state;
    char more[2048];
    snprintf(more, sizeof more, "%s -s train.time_limit_minutes=1e-9 -s train.eval_every=1",
             common);
    for (int again = 0; again < 2; again++) must("limited --preset grpo --seeds 1", more);
    assert_says(errors, "run 1 of 1: grpo, seed 1; done already");
    assert_true(isnan(metric_of("limited/grpo-seed1", 2, "reward")));
    assert_null(strstr(output, "not finished"));
}

/* Long enough to be interrupted in its first run. */
#define LONG "-s train.steps=150"

static void a_stopped_comparison_goes_on(void **state)
{
    (void)state;
    char more[2048];
    snprintf(more, sizeof more, "stopped --preset grpo,rloo --seeds 1 %s %s", common, LONG);
    assert_int_equal(interrupt("compare", more, "stopped/grpo-seed1"), 130);
    assert_says(errors, "stopped in run 1 of 2 (stopped/grpo-seed1), which is saved; the same "
                        "command goes on");
    assert_false(masa_path_exists("stopped/rloo-seed1"));
    double first = metric_of("stopped/grpo-seed1", 1, "total_seconds");
    /* other settings are refused, the same ones go on where it stopped */
    assert_int_equal(masa("compare", "stopped --preset grpo,rloo --seeds 1", common), 1);
    assert_says(errors, "stopped/grpo-seed1 was made with other settings (there, now): "
                        "train.steps (150, 4)");
    snprintf(more, sizeof more, "%s %s", common, LONG);
    must("stopped --preset grpo,rloo --seeds 1", more);
    assert_says(errors, "run 1 of 2: grpo, seed 1; goes on; all runs: left");
    assert_true(metric_of("stopped/grpo-seed1", 1, "total_seconds") == first);
    assert_false(isnan(metric_of("stopped/grpo-seed1", 150, "eval_accuracy")));
    assert_false(isnan(metric_of("stopped/rloo-seed1", 150, "eval_accuracy")));
    assert_says(output, "150 steps");
}

static pid_t start_comparing(const char *log)
{
    char line[4096];
    snprintf(line, sizeof line,
             "OMP_NUM_THREADS=1 exec '%s' compare orphan --preset grpo --seeds 1 %s %s "
             ">/dev/null 2>%s",
             MASA_PROGRAM, common, LONG, log);
    pid_t child = fork();
    if (child) return child;
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

/* Waits for a text in a file. */
static void await_text(const char *path, const char *part)
{
    masa_text text = {0};
    for (int i = 0; i < 20000; i++) {
        masa_text_clear(&text);
        if (masa_file_read(&text, path, NULL) == MASA_OK && strstr(masa_text_get(&text), part))
            break;
        usleep(5000);
    }
    assert_says(masa_text_get(&text), part);
    masa_text_deinit(&text);
}

/* The run of a command that was killed, here one that takes its time to notice. */
static void an_orphan_is_waited_for(void **state)
{
    (void)state;
    int status;
    pid_t command = start_comparing("killed"), run;
    for (int i = 0; i < 20000 && isnan(metric_of("orphan/grpo-seed1", 1, "reward")); i++)
        usleep(5000);
    masa_text lock = {0};
    assert_int_equal(masa_file_read(&lock, "orphan/grpo-seed1/lock", NULL), MASA_OK);
    run = (pid_t)strtol(masa_text_get(&lock), NULL, 10);
    masa_text_deinit(&lock);
    assert_true(run > 1 && run != command);
    double first = metric_of("orphan/grpo-seed1", 1, "total_seconds");
    assert_int_equal(kill(run, SIGSTOP) + kill(command, SIGKILL), 0);
    assert_int_equal(waitpid(command, &status, 0), command);
    /* A group that is orphaned while it stands still is sent on by the kernel. */
    assert_int_equal(kill(run, SIGSTOP), 0);
    command = start_comparing("second");
    await_text("second", "orphan/grpo-seed1 is being trained in by process ");
    await_text("second", "waiting up to a minute for it to save and end");
    assert_int_equal(kill(run, SIGCONT), 0);
    assert_int_equal(waitpid(command, &status, 0), command);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(metric_of("orphan/grpo-seed1", 1, "total_seconds") == first);
    assert_false(isnan(metric_of("orphan/grpo-seed1", 150, "eval_accuracy")));
}

static void what_cannot_be_compared_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *says;
        int status;
    } cases[] = {
        {"none", "cannot read none", 1},
        {"start", "start holds no runs", 1},
        {"whole --steps 3", "settings are for runs that are made", 2},
        {"new --preset grpo,grpo --model start", "preset grpo with seed 1 is given twice", 2},
        {"new --preset grpo --seeds 1,x", "seeds are whole numbers", 2},
        {"new --preset grpo --seeds -1", "seeds are whole numbers", 2},
        {"new --preset , --seeds 1", "no preset or no seed", 2},
        {"new --preset grpo,rloo --baseline dapo", "--baseline dapo is not among", 2},
        {"new --preset grpo,nothing", "no preset nothing", 1},
        {"new --preset grpo,rloo -s train.seed=9", "the seeds of an experiment are given apart",
         2},
        {"new --preset grpo,rloo --model start --train train.jsonl", "data.test is not set", 1},
        {"new --preset grpo,rloo -s data.test=test.jsonl -s algorithm.name=gspo",
         "grpo and rloo are the same with these settings", 1},
        {"whole --baseline dapo", "no run of --baseline dapo", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = masa("compare", cases[i].arguments, "");
        if (status != cases[i].status) fail_msg("%s: %d", cases[i].arguments, status);
        assert_says(errors, cases[i].says);
        assert_false(masa_path_exists("new"));
    }
}

static void the_report_is_one_page(void **state)
{
    (void)state;
    masa_text page = {0};
    assert_int_equal(masa("report", "whole", "-o page.html"), 0); /* all four runs */
    assert_says(errors, "the report is in page.html");
    assert_int_equal(masa_file_read(&page, "page.html", NULL), MASA_OK);
    assert_says(page.data, "Training of 4 runs");
    for (int i = 0; i < 4; i++) assert_says(page.data, names[i]);
    masa_text_clear(&page);
    assert_int_equal(masa("report", "whole/grpo-seed1 whole/rloo-seed1", ""), 0);
    assert_int_equal(masa_file_read(&page, "report.html", NULL), MASA_OK);
    assert_says(page.data, "Training of 2 runs");
    masa_text_deinit(&page);
    assert_int_equal(masa("report", "", ""), 2);
    assert_int_equal(masa("report", "start", ""), 1);
    assert_says(errors, "start holds no runs");
    assert_int_equal(masa("report", "none", ""), 1);
    assert_says(errors, "cannot read none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_and_seeds_are_trained_and_compared),
        cmocka_unit_test(finished_runs_are_left_alone),
        cmocka_unit_test(the_report_is_one_page),
        cmocka_unit_test(a_finished_comparison_is_read_where_nothing_can_be_written),
        cmocka_unit_test(a_run_without_its_last_checkpoint_goes_on),
        cmocka_unit_test(a_run_at_its_time_limit_is_finished),
        cmocka_unit_test(a_stopped_comparison_goes_on),
        cmocka_unit_test(an_orphan_is_waited_for),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
