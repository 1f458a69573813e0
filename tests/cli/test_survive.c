/* What masa train does when something happens to it from outside, as a user sees it. */
#include "cli_test.h"

#include <unistd.h>

/* Short steps on the model in the folder. */
#define SETTINGS                                                                               \
    "-s data.suffix= -s data.answer_rules=whole -s rollout.prompts_per_step=2 "                \
    "-s rollout.group_size=4 -s rollout.max_tokens=12 -s data.max_prompt_tokens=48 "           \
    "-s optimizer.tokens_per_pass=512 -s model.compute=f32 -s train.save_every=0 "
#define TRAIN "$masa train run --model model --train train.jsonl " SETTINGS

/* A run without end in the background, which has a step when this is over. Whoever began the tests
 * with nohup has SIGHUP ignored, but this run has not. */
#define START                                                                                  \
    "rm -f log; env --default-signal=HUP " TRAIN "-n 1000000 2>log & i=0; "                    \
    "until grep -qs '^step' log || "                                                           \
    "[ $i = 600 ]; do sleep 0.05; i=$((i+1)); done; "

static int set_up(void **state)
{
    make_model(state);
    assert_int_equal(shell("mkdir model && mv *.json *.safetensors model"), 0);
    masa_text problems = {0};
    for (char a = 'a'; a <= 'h'; a++)
        masa_text_addf(&problems, "{\"problem\":\"%c\",\"answer\":\"y\"}\n", a);
    write_file("train.jsonl", masa_text_get(&problems));
    masa_text_deinit(&problems);
    return 0;
}

static void must(const char *line)
{
    int status = shell(line);
    if (status != 0) fail_msg("%s: %d, %s", line, status, errors);
}

static void assert_said(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static void a_run_can_be_moved_and_resumed_from_anywhere(void **state)
{
    (void)state;
    must(TRAIN "-n 2");
    must("mkdir -p elsewhere && mv run elsewhere/moved && mv model model-aside");
    must("cd / && $masa train $OLDPWD/elsewhere/moved --resume -s train.steps=4");
    assert_said(errors, "settings changed after step 2 (before, now): train.steps (2, 4)");
    must("$masa inspect elsewhere/moved");
    assert_said(errors, "step 2: train.steps (2, 4)");
    must("mv model-aside model && rm -r elsewhere");
}

/* Starts a run without end, sends the signal once it has a step, and waits for it: its exit
 * status; errors is what it said. */
static int signalled(const char *name)
{
    char line[2000];
    snprintf(line, sizeof line,
             START "kill -%s $!; wait $!; status=$?; cat log >&2; exit $status", name);
    return shell(line);
}

static void signals_save_and_stop(void **state)
{
    (void)state;
    static const char *const names[] = {"INT", "TERM", "HUP", "USR2", "XFSZ", "PIPE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int status = signalled(names[i]);
        if (status != 130) fail_msg("%s: %d, %s", names[i], status, errors);
        assert_said(errors, "which is saved; go on with --resume");
        must("test -e run/checkpoints/latest && rm -r run");
    }
}

static void a_reader_that_leaves_stops_the_run(void **state)
{
    (void)state;
    must(TRAIN "-n 1000000 2>&1 >/dev/null | head -n 2 >/dev/null");
    must("step=$(sed 's/step-0*//' run/checkpoints/latest) && "
         "$masa train run --resume -s train.steps=$((step + 1)) && rm -r run");
}

static void a_signal_asks_where_the_run_stands(void **state)
{
    (void)state;
    int status = shell(
        START
        "kill -USR1 $!; i=0; until grep -q 'now .* of .* in step' log || "
        "[ $i = 600 ]; do sleep 0.05; i=$((i+1)); done; kill -TERM $!; wait $!; status=$?; "
        "cat log >&2; exit $status");
    assert_int_equal(status, 130);
    assert_said(errors, "; now ");
    must("rm -r run");
}

static void two_cannot_train_in_one_folder(void **state)
{
    (void)state;
    int status = shell(
        START "$masa train run --resume; status=$?; kill -TERM $!; wait $!; exit $status");
    assert_int_equal(status, 1);
    assert_said(errors, "run is being trained in by process");
    assert_said(errors, "wait for it, or stop it with `kill ");
    must("rm -r run");
}

/* A sick run is told of on the terminal, in log.txt and in the store; a resumed one does not
 * begin to say it anew. */
static void sickness_is_told_and_kept(void **state)
{
    (void)state;
    must(TRAIN "-n 6");
    assert_said(errors, "warning: step 5: no rollout is right");
    assert_said(errors, "\nstep 6/6");
    must("grep -q 'warning: step 5: no rollout is right' run/log.txt && "
         "grep -q '  step 6/6  reward' run/log.txt");
    must("$masa train run --resume -s train.steps=9 --quiet");
    assert_null(strstr(errors, "step"));
    must("grep -q '  step 9/9  reward' run/log.txt && "
         "grep -q 'settings changed after step 6' run/log.txt");
    must("$masa inspect run");
    assert_said(output, "step 5: no rollout is right");
    must("$masa inspect run --events --json");
    assert_said(output, "{\"step\":5,\"rule\":\"never right\",\"text\":\"no rollout is right");
    must("$masa report -o page.html run && grep -q 'step 5: no rollout is right' page.html");
    must("rm -r run");
}

/* What matters, in the width of the terminal, as long as the run goes on. */
static void a_run_is_followed(void **state)
{
    (void)state;
    must("rm -f log; " TRAIN "-n 12 --test train.jsonl -s train.eval_every=4 2>log & i=0; "
         "until grep -qs '^step' log || [ $i = 600 ]; do sleep 0.05; i=$((i+1)); done; "
         "$masa inspect run --follow; wait $!");
    assert_said(output, "  step    reward   right %  unseen %    length");
    int rows = 0, step, last = -1;
    for (const char *line = output; (line = strchr(line, '\n')); line++) {
        if (sscanf(line, " %d", &step) != 1) continue;
        assert_true(step >= last);
        last = step;
        rows++;
    }
    assert_int_equal(last, 12);
    assert_true(rows >= 12);
    if (shell("command -v script") == 0) {
        must("script -qec 'stty cols 40; $masa inspect run' /dev/null | head -n 1");
        assert_string_equal(output, "  step    reward   right %  unseen %\r\n");
    }
    must("rm -r run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_save_and_stop),
        cmocka_unit_test(a_reader_that_leaves_stops_the_run),
        cmocka_unit_test(a_signal_asks_where_the_run_stands),
        cmocka_unit_test(two_cannot_train_in_one_folder),
        cmocka_unit_test(a_run_is_followed),
        cmocka_unit_test(sickness_is_told_and_kept),
        cmocka_unit_test(a_run_can_be_moved_and_resumed_from_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, remove_model);
}
