/* A path to a model means the same to every command: a run's folder is its newest checkpoint. */
#include "masa_test.h"

#include <masa/file.h>
#include <sys/wait.h>

static char folder[] = "/tmp/masa-cli-paths-XXXXXX";
static char output[65536];

/* Output and exit status of a shell line, with masa as $M, in the folder. */
static int shell(const char *line)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && M=%s && { %s; } 2>&1", folder, MASA_PROGRAM,
             line);
    FILE *pipe = popen(command, "r");
    size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void must(const char *line)
{
    if (shell(line) != 0) fail_msg("%s: %s", line, output);
}

#define SMALL                                                                                  \
    "-s train.steps=2 -s rollout.prompts_per_step=1 -s rollout.group_size=2 "                  \
    "-s rollout.max_tokens=4 -s data.max_prompt_tokens=200 -s data.suffix=x -s train.save_every=1 "

static int make_run(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("OMP_NUM_THREADS", "1", 1);
    must("$M init tiny --hidden 32 --layers 1 --heads 2 --kv-heads 1 --head-dim 16 "
         "--intermediate 64 --context 512");
    must("$M tasks -n 8 --kind add:3-4 --seed 1 > p.jsonl");
    /* Rewards that differ, so that every step moves the weights. */
    must(
        "$M train run -m tiny -d p.jsonl -p grpo -s optimizer.lr=0.01 -s reward.command='sed -u "
        "\"s/^{.id.:\\([0-9]*\\),.*/{\\\"id\\\":\\1,\\\"reward\\\":\\1}/\"' " SMALL);
    must("mkdir empty && cp run/config.yaml run/store.sqlite empty");
    return 0;
}

static int remove_run(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

/* The same line on the run and on its newest checkpoint gives the same; on the one before, the
 * training shows. */
static void assert_same(const char *line, bool shows)
{
    static const char *const paths[] = {"run", "run/checkpoints/step-000002",
                                        "run/checkpoints/step-000001"};
    char command[700], *first = NULL;
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "P=%s; %s", paths[i], line);
        must(command);
        if (i == 0) first = strdup(output);
        if (i == 1) assert_string_equal(output, first);
        if (i == 2 && shows) assert_string_not_equal(output, first);
    }
    free(first);
    snprintf(command, sizeof command, "P=empty; %s", line);
    shell(command);
    if (!strstr(output, "empty has no checkpoint yet")) fail_msg("%s: %s", line, output);
}

static void every_command_takes_a_run(void **state)
{
    (void)state;
    assert_same(
        "echo '{\"prompt\":\"hello\",\"completion\":\"world\"}' | $M score -m $P --file -",
        true);
    assert_same(
        "$M generate -m $P --temperature 0 --max-tokens 8 hello 2>&1 | grep -a -v tokens/s",
        false);
    assert_same("$M tokenize -m $P hello", false);
    assert_same("rm -rf c.gguf; $M convert --dtype f32 $P c.gguf && md5sum c.gguf", true);
    assert_same("$M inspect --tensors $P", true);
    assert_same("$M bench -m $P --quick --sections prefill > /dev/null", false);
}

/* Training from a run names the checkpoint that it began with. */
static void training_goes_on_from_a_run(void **state)
{
    (void)state;
    must("$M train next -m run -d p.jsonl -p grpo " SMALL);
    must("grep 'path: .*run/checkpoints/step-000002' next/config.yaml");
    must("printf '{\"problem\":\"a\",\"solution\":\"b\"}\\n' > sft.jsonl");
    must("$M sft taught -m run -d sft.jsonl");
    must("grep 'path: .*run/checkpoints/step-000002' taught/config.yaml");
    assert_int_not_equal(shell("$M train none -m empty -d p.jsonl " SMALL), 0);
    assert_non_null(strstr(output, "has no checkpoint yet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_takes_a_run),
        cmocka_unit_test(training_goes_on_from_a_run),
    };
    return cmocka_run_group_tests(tests, make_run, remove_run);
}
