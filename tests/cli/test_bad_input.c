/* Damaged files, wrong data and a failing system: one clear line, exit status 1, and
 * nothing lost. */
#include "cli_test.h"

#include <unistd.h>

/* The last line of errors, which must be the only one unless the command tells progress.
 */
static const char *complaint(bool alone)
{
    size_t n = strlen(errors);
    if (n == 0 || errors[n - 1] != '\n') fail_msg("no line: '%s'", errors);
    errors[n - 1] = '\0';
    char *line = strrchr(errors, '\n');
    if (alone && line) fail_msg("more than one line: %s", errors);
    return line ? line + 1 : errors;
}

static void refused(const char *line, bool alone, const char *says)
{
    int status = shell(line);
    const char *said = complaint(alone);
    if (status != 1 || strncmp(said, "masa: ", 6) != 0 || !strstr(said, says))
        fail_msg("%s: status %d, %s", line, status, said);
}

static masa_text contents(const char *name)
{
    masa_text text = {0};
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_read(&text, path, NULL), MASA_OK);
    free(path);
    return text;
}

static void write_bytes(const char *name, const char *bytes, size_t n)
{
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_write(path, bytes, n, NULL), MASA_OK);
    free(path);
}

enum { CUTS = 9 };

/* The command must refuse the file cut short anywhere, and name it. */
static void cut_everywhere(const char *name, const char *command)
{
    masa_text whole = contents(name);
    for (size_t i = 0; i <= CUTS; i++) {
        size_t size = i < CUTS ? whole.size * i / CUTS : whole.size - 2;
        write_bytes(name, whole.data, size);
        refused(command, true, name);
    }
    write_bytes(name, whole.data, whole.size);
    if (shell(command) != 0) fail_msg("%s: %s", command, errors);
    masa_text_deinit(&whole);
}

/* Overwritten bytes may be an error or another value, but never a crash. */
static void spoil_everywhere(const char *name, const char *command)
{
    masa_text whole = contents(name);
    size_t header = whole.size < 3000 ? whole.size : 3000;
    for (size_t at = 0; at + 8 <= header; at += header / 20) {
        char kept[8];
        memcpy(kept, whole.data + at, sizeof kept);
        memset(whole.data + at, 0xFF, sizeof kept);
        write_bytes(name, whole.data, whole.size);
        int status = shell(command);
        if (status == 1) complaint(true);
        else if (status != 0)
            fail_msg("%s spoilt at %zu: status %d, %s", name, at, status, errors);
        memcpy(whole.data + at, kept, sizeof kept);
    }
    write_bytes(name, whole.data, whole.size);
    masa_text_deinit(&whole);
}

static void damaged_models_are_refused(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa convert -f . /tmp/m.$$.gguf && mv /tmp/m.$$.gguf model.gguf"),
                     0);
    cut_everywhere("model.gguf", "$masa inspect --tensors model.gguf");
    cut_everywhere("model.safetensors", "$masa inspect --tensors .");
    cut_everywhere("config.json", "$masa inspect --tensors .");
    cut_everywhere("tokenizer.json", "$masa tokenize --model . ab");
    cut_everywhere("tokenizer_config.json", "$masa tokenize --model . ab");
    spoil_everywhere("model.gguf", "$masa inspect --tensors model.gguf");
    spoil_everywhere("model.safetensors", "$masa inspect --tensors .");
    spoil_everywhere("config.json", "$masa inspect --tensors .");
    spoil_everywhere("tokenizer.json", "$masa tokenize --model . ab");
}

static void unknown_architectures_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        shell("mkdir other && cp *.json *.safetensors other && "
              "sed -i 's/\"llama\"/\"mamba\"/; s/LlamaFor/MambaFor/' other/config.json"),
        0);
    refused("$masa generate --model other --chat-template chatml ab", true,
            "the architecture 'mamba' is not supported; it must be llama, qwen2 or qwen3");
}

#define TRAIN                                                                                  \
    "$masa train run --model . --set model.chat_template=chatml --set "                        \
    "rollout.group_size=2 "                                                                    \
    "--set rollout.prompts_per_step=2 --set rollout.max_tokens=8 "                             \
    "--set rollout.batch=4 --set data.suffix= --set data.max_prompt_tokens=100 "               \
    "--set optimizer.tokens_per_pass=256 --set train.save_every=1 "

static void wrong_problems_are_refused(void **state)
{
    (void)state;
    write_file("empty.jsonl", "");
    write_file("cut.jsonl", "{\"problem\":\"ab\",\"answer\":\"b\"}\n{\"problem\":\"a");
    write_file("key.jsonl", "{\"problem\":\"ab\"}\n");
    char text[400] = "{\"answer\":\"b\",\"problem\":\"";
    memset(text + strlen(text), 'q', 300);
    write_file("long.jsonl", strcat(text, "\"}\n"));
    refused(TRAIN "--train empty.jsonl", false,
            "empty.jsonl is empty; it needs one JSON object a line");
    refused(TRAIN "--train cut.jsonl", false, "cut.jsonl:2: not a JSON object");
    refused(TRAIN "--train key.jsonl", false, "key.jsonl:1: the line has no \"answer\"");
    refused(TRAIN "--train long.jsonl", false, "longer than data.max_prompt_tokens = 100");
    refused(TRAIN "--train absent.jsonl", false, "absent.jsonl");
    refused(TRAIN "--train /dev/zero", false, "/dev/zero has more than 16 MiB");
    assert_int_not_equal(shell("test -e run"), 0); /* none left a folder behind */
}

/* A disk that fills up in the second step's checkpoint: the first step's is whole, and
 * with room again the run goes on from it. */
static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    if (getuid() != 0) skip_since("mounting takes root");
    write_file("train.jsonl", "{\"problem\":\"ab\",\"answer\":\"b\"}\n");
    if (shell("mkdir -p run && mount -t tmpfs -o size=700k tmpfs run") != 0)
        skip_since("nothing can be mounted here");
    int status = shell(TRAIN "--train train.jsonl --steps 40 --set train.keep_checkpoints=100 "
                             "--set train.wait_for_room=false");
    char *said = strdup(complaint(false));
    int resumed = shell("mount -o remount,size=20m run && $masa train run --resume --steps 41 "
                        "--set train.keep_checkpoints=2 && $masa inspect run --metrics reward; "
                        "status=$?; umount run && rmdir run && exit $status");
    bool full = strstr(said, "No space left") || strstr(said, "disk is full");
    if (status != 1 || !full) fail_msg("status %d: %s", status, said);
    free(said);
    if (resumed != 0) fail_msg("not resumed: %s", errors);
    if (!strstr(output, "\n    41 ")) fail_msg("%s", output);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    if (getuid() != 0) skip_since("mounting takes root");
    if (shell("mkdir -p run && mount -t tmpfs -o size=700k tmpfs run") != 0)
        skip_since("nothing can be mounted here");
    int status = shell("rm -f log; " TRAIN
                       "--train train.jsonl --steps 40 --set train.keep_checkpoints=100 "
                       "2>log & i=0; until grep -qs 'waiting for room' log || [ $i = 300 ]; do "
                       "sleep 0.1; i=$((i+1)); "
                       "done; mount -o remount,size=60m run; wait $!; status=$?; cat log >&2; "
                       "umount run && rmdir run && exit $status");
    if (status != 0) fail_msg("status %d: %s", status, errors);
    if (!strstr(errors, "the disk is full")) fail_msg("%s", errors);
}

static void a_full_disk_leaves_no_half_model(void **state)
{
    (void)state;
    if (getuid() != 0) skip_since("mounting takes root");
    if (shell("mkdir -p small && mount -t tmpfs -o size=8k tmpfs small") != 0)
        skip_since("nothing can be mounted here");
    int status = shell("$masa convert . small/copy");
    int kept = shell("test -e small/copy");
    shell("umount small && rmdir small");
    assert_int_equal(status, 1);
    assert_int_not_equal(kept, 0);
}

static void other_troubles_are_said(void **state)
{
    (void)state;
    write_file("train.jsonl", "{\"problem\":\"ab\",\"answer\":\"b\"}\n");
    refused("ln -s /proc/none run && " TRAIN "--steps 1 "
            "--train train.jsonl",
            false, "folder run");
    refused("rm run && touch run && " TRAIN "--steps 1 --train train.jsonl; status=$?; rm run; "
            "exit $status",
            false, "cannot create folder run: Not a directory");
    /* Files of line counts, where they are made, meet the limit too: they go elsewhere. */
    refused(TRAIN "--steps 3 --train train.jsonl >/dev/null 2>&1; ulimit -f 20; "
                  "export GCOV_PREFIX=$PWD/counts GCOV_ERROR_FILE=/dev/null; "
                  "$masa train run --resume --steps 4; status=$?; rm -r run; exit $status",
            false, "File too large");
    refused("mkfifo fifo && timeout -k 9 -s INT 2 " TRAIN "--train fifo; test $? = 124 && "
            "{ echo 'masa: ended' >&2; exit 1; }",
            false, "ended");
    refused("$masa generate --model . --device cuda hello", true,
            "no device cuda: its plugin cannot be opened (libmasa_cuda.so");
    refused("MASA_DEVICE=cuda:1 " TRAIN "--train train.jsonl", true, "no device cuda");
    assert_int_equal(shell("$masa bench --model . --device moon"), 2);
    assert_non_null(strstr(errors, "no device 'moon'; there are auto, cpu, cuda and cuda:N"));
    refused("$masa verify - </dev/null", true, "standard input: no answers");
    refused("$masa tasks > /dev/full", true, "cannot write to standard output");
    refused("$masa convert . /proc/x.gguf", true, "/proc/x.gguf");
}

/* A model's folder may be hostile: what has no end, or waits for a writer, is no part of it. */
static void what_is_no_file_is_no_part_of_a_model(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json", "tokenizer.json",
                                        "tokenizer_config.json", "model.safetensors",
                                        "generation_config.json"};
    assert_int_equal(shell("mkdir odd && cp *.json *.safetensors odd"), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int device = 0; device < 2; device++) {
            char make[256];
            snprintf(make, sizeof make, "rm -f odd/%s && %s odd/%s", names[i],
                     device ? "ln -s /dev/zero" : "mkfifo", names[i]);
            assert_int_equal(shell(make), 0);
            refused("timeout 20 $masa generate --model odd --chat-template chatml -l 1 ab",
                    true, "is not a regular file");
            snprintf(make, sizeof make, "rm odd/%s; cp %s odd 2>/dev/null", names[i], names[i]);
            shell(make);
        }
    refused("mkfifo pipe.gguf && timeout 20 $masa inspect pipe.gguf", true, "pipe.gguf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_models_are_refused),
                                       cmocka_unit_test(unknown_architectures_are_refused),
                                       cmocka_unit_test(wrong_problems_are_refused),
                                       cmocka_unit_test(a_full_disk_loses_nothing),
                                       cmocka_unit_test(a_full_disk_is_waited_for),
                                       cmocka_unit_test(a_full_disk_leaves_no_half_model),
                                       cmocka_unit_test(what_is_no_file_is_no_part_of_a_model),
                                       cmocka_unit_test(other_troubles_are_said)};
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
