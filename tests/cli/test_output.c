/* What a command prints has arrived, or the command fails; files are written through what is
 * no regular file. */
#include "cli_test.h"

#include <sys/stat.h>
#include <unistd.h>

#define TRAIN                                                                                  \
    "$masa train run --model . -s model.chat_template=chatml --train train.jsonl "             \
    "--test train.jsonl --steps 2 -s rollout.group_size=2 -s rollout.prompts_per_step=2 "      \
    "-s rollout.max_tokens=8 -s rollout.batch=4 -s data.suffix= "                              \
    "-s data.max_prompt_tokens=100 -s optimizer.tokens_per_pass=256 -s train.eval_every=1 "

static int set_up(void **state)
{
    make_model(state);
    write_file("train.jsonl", "{\"problem\":\"ab\",\"answer\":\"b\"}\n");
    write_file("prompts.jsonl", "{\"prompt\":\"ab\"}\n{\"prompt\":\"b\"}\n");
    write_file("judged.jsonl", "{\"prediction\":\"4\",\"gold\":\"4\"}\n");
    write_file("meta.jsonl", "{\"problem\":\"a\",\"responses\":[\"b\"],\"correct\":[true],"
                             "\"lengths\":[9],\"meta_responses\":[\"c\"]}\n");
    write_file("lab.yaml",
               "model: .\ntrain: train.jsonl\ntest: train.jsonl\nsteps: 2\nset: ["
               "model.chat_template=chatml, rollout.group_size=2, rollout.prompts_per_step=2, "
               "rollout.max_tokens=8, rollout.batch=4, 'data.suffix=', train.eval_every=1, "
               "data.max_prompt_tokens=100, optimizer.tokens_per_pass=256]\n"
               "seeds: [1]\nbaseline: a\narms:\n  - name: a\n    preset: grpo\n");
    if (shell(TRAIN) != 0) fail_msg("%s", errors);
    if (shell("$masa eval --problems train.jsonl --model . --chat-template chatml --suffix '' "
              "-n 2 -l 8 >/dev/null") != 0)
        fail_msg("%s", errors);
    return 0;
}

/* The last line of errors must say it; whatever else is there is the command's own talk. */
static void assert_lost(const char *line)
{
    char command[1024];
    snprintf(command, sizeof command, "%s", line);
    if (shell(command) != 0 || !*output) fail_msg("%s prints nothing: %s", line, errors);
    snprintf(command, sizeof command, "%s >/dev/full", line);
    int status = shell(command);
    size_t n = strlen(errors);
    static const char says[] =
        "masa: cannot write to standard output: No space left on device\n";
    if (status != 1 || n < sizeof says - 1 || strcmp(errors + n - (sizeof says - 1), says) != 0)
        fail_msg("%s >/dev/full: status %d, %s", line, status, errors);
}

static void help_that_is_lost_is_an_error(void **state)
{
    (void)state;
    size_t n = 0;
    assert_int_equal(shell("$masa --help"), 0);
    char *names = strdup(output);
    for (char *line = strtok(names, "\n"); line; line = strtok(NULL, "\n")) {
        char command[64], name[32];
        if (strncmp(line, "  ", 2) != 0 || sscanf(line, "  %31[a-z] ", name) != 1) continue;
        snprintf(command, sizeof command, "$masa %s --help", name);
        assert_lost(command);
        n++;
    }
    free(names);
    assert_lost("$masa --help");
    assert_true(n >= 18);
}

static void output_that_is_lost_is_an_error(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "$masa version",
        "$masa config",
        "$masa config --markdown",
        "$masa tasks -n 3",
        "$masa tasks -n 3000",
        "$masa inspect .",
        "$masa inspect --json --tensors .",
        "$masa inspect run",
        "$masa inspect run --rollouts",
        "$masa inspect run --json --evals",
        "$masa tokenize --model . ab",
        "$masa tokenize --model . --decode '5 6'",
        "$masa generate --model . --raw -l 4 ab",
        "$masa generate --model . --raw -l 4 --json ab",
        "$masa generate --model . --raw -l 4 -n 3 ab",
        "$masa generate --model . --raw -l 4 -f prompts.jsonl",
        "echo ab | $masa generate --model . --chat-template chatml -l 4 --chat",
        "$masa score --model . --raw 'abc on'",
        "$masa verify judged.jsonl",
        "$masa meta meta.jsonl",
        "$masa bench --model . --quick --sections decode",
        "$masa eval --list",
        "$masa eval eval.sqlite",
        "$masa eval --json eval.sqlite",
        "$masa lab lab.yaml --runs lab-runs --records records",
        "$masa report -o - run",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) assert_lost(commands[i]);
}

/* A stream that the caller closed must not lend its number to a file of ours. */
static void closed_streams_harm_nothing(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa tasks -n 3 >&-"), 1);
    assert_non_null(strstr(errors, "cannot write to standard output: Bad file descriptor"));
    assert_int_equal(
        shell("$masa convert . copy <&- >&- 2>&- && $masa inspect copy && rm -r copy"), 0);
    assert_int_equal(shell("$masa inspect run >&-"), 1);
    if (shell("$masa inspect run") != 0) fail_msg("%s", errors);
}

static void outputs_go_through_links_and_devices(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(
        shell("$masa report -o page.html run && ln -s page.html link && "
              "echo old >page.html && $masa report -o link run && test -L link && "
              "grep -q '<html' page.html && test \"$(ls page.html*)\" = page.html"),
        0);
    assert_int_equal(shell("$masa report -o - run | cmp - page.html"), 0);
    assert_int_equal(
        shell("mkfifo pipe && { cat pipe >got & $masa report -o pipe run && wait; } "
              "&& test -p pipe && cmp got page.html"),
        0);
    assert_int_equal(shell("$masa report -o /dev/stdout run | cmp - page.html"), 0);
    /* As root a rename would replace it. A node of one's own, lest the machine's be lost. */
    if (getuid() == 0 && shell("mknod null c 1 3 && mknod full c 1 7") == 0) {
        assert_int_equal(shell("$masa report -o null run && test -c null"), 0);
        assert_int_equal(shell("$masa report -o full run"), 1);
        assert_non_null(strstr(errors, "cannot write full: No space left on device"));
        assert_int_equal(shell("test -c full"), 0);
        assert_int_equal(shell("$masa convert -f . full.gguf && ln -sf full f.gguf && "
                               "$masa convert -f . f.gguf"),
                         1);
        assert_non_null(strstr(errors, "cannot write f.gguf"));
    }
    assert_int_equal(shell("$masa report -o /dev/null run"), 0);
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(shell("$masa eval --problems train.jsonl --model . --chat-template chatml "
                           "--suffix '' -n 1 -l 4 -o /dev/null"),
                     1);
    assert_non_null(strstr(errors, "/dev/null is not a regular file"));
}

/* A problem file that would paint a terminal: shown there as it is, passed on to a pipe. */
static void terminals_are_not_commanded(void **state)
{
    (void)state;
    if (shell("command -v script") != 0) skip_since("there is no program `script`");
    write_file("evil.jsonl", "{\"prediction\":\"4\",\"gold\":\"4\",\"id\":\"a\\u202eb\"}\n");
    assert_int_equal(shell("$masa verify evil.jsonl"), 0);
    assert_non_null(strstr(output, "a\xE2\x80\xAE"
                                   "b"));
    assert_int_equal(shell("script -qec '$masa verify evil.jsonl' /dev/null"), 0);
    assert_non_null(strstr(output, "a\\u202Eb"));
    assert_null(strstr(output, "\xE2\x80\xAE"));
    assert_int_equal(shell("$masa verify \"$(printf 'no\\033[2Jfile\\r')\""), 1);
    assert_int_equal(
        shell("script -qec \"$masa verify '$(printf 'no\\033[2Jfile')'\" /dev/null"), 1);
    assert_null(strchr(output, '\033'));
    if (shell(
            "rm -rf shown && "
            "script -qec '"
            "$masa train shown --model . "
            "-s model.chat_template=chatml --train train.jsonl --steps 2 -s rollout.group_size=2 "
            "-s rollout.prompts_per_step=2 -s rollout.max_tokens=8 -s rollout.batch=4 "
            "-s data.suffix= -s data.max_prompt_tokens=100 -s optimizer.tokens_per_pass=256' "
            "/dev/null") != 0)
        fail_msg("%s", output);
    assert_non_null(strstr(output, "step 2/2")); /* progress still draws */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_that_is_lost_is_an_error),
        cmocka_unit_test(output_that_is_lost_is_an_error),
        cmocka_unit_test(closed_streams_harm_nothing),
        cmocka_unit_test(terminals_are_not_commanded),
        cmocka_unit_test(outputs_go_through_links_and_devices),
    };
    return cmocka_run_group_tests(tests, set_up, remove_model);
}
