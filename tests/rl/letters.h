/* The task of the tests of whole runs: a model of a few thousand parameters, supervised
 * until it answers with one of three letters, of which one is rewarded. */
#ifndef TESTS_RL_LETTERS_H
#define TESTS_RL_LETTERS_H

#include "rl_fixture.h"

#define TOKENIZER MASA_TESTS "/generate/data/tiny"

static inline void make_data(void)
{
    FILE *sft = fopen(in_root("sft.jsonl"), "w"), *train = fopen(in_root("train.jsonl"), "w");
    FILE *test = fopen(in_root("test.jsonl"), "w");
    assert_true(sft && train && test);
    /* Three answers to every question, so that the model answers each in a third of the
     * cases; reinforced is one of them. A problem with its solution is asked for as the
     * question of a conversation is. */
    for (char a = 'a'; a <= 'h'; a++)
        for (char b = 'a'; b <= 'd'; b++) {
            fprintf(sft, "{\"problem\":\"%c %c\",\"solution\":\"x\"}\n", a, b);
            for (char answer = 'y'; answer <= 'z'; answer++)
                fprintf(sft,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"%c %c\"},"
                        "{\"role\":\"assistant\",\"content\":\"%c\"}]}\n",
                        a, b, answer);
            fprintf(b == 'd' ? test : train, "{\"problem\":\"%c %c\",\"answer\":\"y\"}\n", a,
                    b);
        }
    assert_int_equal(fclose(sft) + fclose(train) + fclose(test), 0);
}

static inline int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    make_model(TOKENIZER, 128);
    make_data();
    const char *set[] = {"data.suffix=",      "optimizer.lr=0.01",
                         "sft.batch=8",       "sft.epochs=5",
                         "sft.max_tokens=64", "optimizer.tokens_per_pass=576",
                         "sft.holdout=0.1",   "rollout.max_tokens=64"};
    supervise(set, sizeof set / sizeof *set);
    return 0;
}

/* A run's settings: the common ones, then `more` (separated by spaces). */
static masa_status reinforce(const char *folder, const char *more,
                             const masa_train_options *options, masa_error *err)
{
    char model[300], train[300], test[300], text[512];
    const char *set[32];
    size_t n = 0;
    snprintf(model, sizeof model, "model.path=%s", base);
    snprintf(train, sizeof train, "data.train=%s", in_root("train.jsonl"));
    snprintf(test, sizeof test, "data.test=%s", in_root("test.jsonl"));
    if (!options->resume) {
        const char *common[] = {model,
                                train,
                                test,
                                "data.suffix=",
                                "data.answer_rules=whole",
                                "rollout.prompts_per_step=4",
                                "rollout.group_size=6",
                                "rollout.max_tokens=12",
                                "data.max_prompt_tokens=48",
                                "optimizer.tokens_per_pass=512",
                                "optimizer.lr=0.001",
                                "model.compute=f32",
                                "train.steps=4",
                                "train.save_every=0",
                                "train.eval_every=2",
                                "rollout.batch=16"};
        for (; n < sizeof common / sizeof *common; n++) set[n] = common[n];
    }
    snprintf(text, sizeof text, "%s", more);
    for (char *p = strtok(text, " "); p; p = strtok(NULL, " ")) set[n++] = p;
    return run(masa_rl_train, folder, set, n, options, err);
}

static inline void must(const char *folder, const char *more, bool resume)
{
    masa_train_options options = {.resume = resume};
    masa_error err = {0};
    if (reinforce(folder, more, &options, &err)) fail_msg("%s: %s", folder, err.message);
}

#endif
