/* masa init, as a user calls it. */
#include "cli_test.h"

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("phrases", "system\\n\n? \n\n\"chain\"\na\\\\b\n");
    write_file("corpus", "the cat sat on the mat and the hat; the cat, the mat, the hat. "
                         "the cat sat on the mat and the hat\n");
    return 0;
}

#define SHAPE " --hidden 32 --layers 2 --heads 4 --kv-heads 2 --context 160 "

static void same_seed_same_bytes(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa init one" SHAPE "-p phrases && $masa init two" SHAPE
                           "-p phrases"
                           " && diff -r one two && $masa init three" SHAPE "-p phrases -s 2"
                           " && ! cmp -s one/model.safetensors three/model.safetensors"
                           " && diff one/config.json three/config.json"
                           " && diff one/tokenizer.json three/tokenizer.json"),
                     0);
}

static void architectures_load_and_run(void **state)
{
    (void)state;
    static const char *const names[] = {"llama", "qwen2", "qwen3"};
    write_file("texts.jsonl", "{\"prompt\": \"c3 5+4\", \"completion\": \"-9*2\"}\n");
    for (size_t i = 0; i < 3; i++) {
        char line[1024];
        snprintf(line, sizeof line,
                 "$masa init m%zu -a %s" SHAPE "--head-dim 16 --rope-theta 5000 %s -p phrases"
                 " && $masa inspect --json m%zu && $masa score --model m%zu -f texts.jsonl"
                 " && $masa generate --model m%zu --max-tokens 4 'c3 5+4'",
                 i, names[i], i ? "--untied" : "", i, i, i);
        if (shell(line) != 0) fail_msg("%s: %s", names[i], errors);
        assert_non_null(strstr(output, names[i]));
        assert_null(strstr(output, "nan"));
        assert_null(strstr(output, "inf"));
    }
}

static void phrases_and_merges_are_tokens(void **state)
{
    (void)state;
    /* 259 ids of bytes and special tokens; then the phrases in order. */
    assert_int_equal(shell("$masa init p" SHAPE "-p phrases && "
                           "$masa tokenize -m p '? \"chain\"a\\b'"),
                     0);
    assert_non_null(strstr(output, "[260,261,262]"));
    assert_int_equal(shell("$masa init c" SHAPE "--vocab 300 -c corpus && "
                           "$masa tokenize -m c ' the' && $masa inspect --json c"),
                     0);
    const char *ids = strstr(output, "\"ids\":[");
    assert_non_null(ids);
    assert_null(memchr(ids, ',', strcspn(ids, "]"))); /* one token */
    assert_non_null(strstr(output, "300"));
    assert_non_null(strstr(errors, "276 tokens"));
}

static void trains_from_the_first_step(void **state)
{
    (void)state;
    int rc = shell("$masa tasks -n 40 -k chain:1-2,add:1-2 --solutions >s.jsonl && "
                   "$masa init t" SHAPE "&& $masa sft run -m t -d s.jsonl -n 4 "
                   "-s sft.batch=8 -s optimizer.lr=1e-2 -s optimizer.warmup_steps=0 "
                   "-s sft.max_tokens=128 -s sft.holdout=0.2 && $masa inspect run --json");
    if (rc != 0) fail_msg("%s", errors);
    /* A uniform guess has log 272 = 5.6; unseen problems of the families are far below. */
    const char *last = output, *next;
    while ((next = strstr(last, "\"heldout_loss\":"))) last = next + 15;
    assert_true(last > output);
    assert_true(strtod(last, NULL) < 3.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_seed_same_bytes),
                                       cmocka_unit_test(architectures_load_and_run),
                                       cmocka_unit_test(phrases_and_merges_are_tokens),
                                       cmocka_unit_test(trains_from_the_first_step)};
    return cmocka_run_group_tests(tests, make_folder, remove_model);
}
