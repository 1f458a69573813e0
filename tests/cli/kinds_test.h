/* What the tests have in common that disturb runs, or cut them up: kinds of training that each
 * take a second or two, and what they leave. */
#ifndef KINDS_TEST_H
#define KINDS_TEST_H

#include "cli_test.h"

#include <unistd.h>

/* A kind of training: its command line without the run's folder, its weights in a checkpoint,
 * and how many faults of the disk it meets in a run and as many in a resume. */
typedef struct kind {
    const char *name, *arguments, *weights;
    long faults;
} kind;

/* A model this small is never right; that long answers cost something gives it a gradient. */
#define RL_SETTINGS                                                                            \
    "-s data.suffix= -s data.answer_rules=whole -s rollout.prompts_per_step=2 "                \
    "-s rollout.group_size=4 -s rollout.max_tokens=12 -s data.max_prompt_tokens=120 "          \
    "-s optimizer.lr=0.001 -s optimizer.tokens_per_pass=512 -s model.compute=f32 "             \
    "-s train.save_every=2 -s train.eval_every=3 -s algorithm.overlong_buffer=12 "             \
    "-s rollout.batch=8 -s model.chat_template=chatml "
#define REINFORCE                                                                              \
    "train RUN --model model --train train.jsonl --test train.jsonl -n 6 " RL_SETTINGS
#define PREDICT                                                                                \
    "-s meta.start_step=2 -s data.max_prompt_tokens=1900 -s optimizer.tokens_per_pass=2048 "   \
    "-s meta.template=meta.txt -s meta.length_min=1 -s meta.max_tokens=12 "
/* Sampled predictions, in the policy's own weights, acted on in every way. */
#define ACTING                                                                                 \
    "--preset masa " PREDICT "-s meta.samples=2 "                                              \
    "-s meta.warm_start_prompts=2 -s meta.gate=soft -s meta.cutoff_margin=2 "                  \
    "-s meta.audit_share=0.1 "
static const kind kinds[] = {
    {"grpo", REINFORCE, "model.safetensors", 16},
    {"lora", REINFORCE "-s lora.rank=2", "adapter/adapter_model.safetensors", 8},
    {"masa", REINFORCE ACTING, "model.safetensors", 8},
    {"masa-efficient",
     REINFORCE "--preset masa-efficient " PREDICT "-s meta.adapter=2 -s meta.bc_batch=2 "
               "-s meta.bc_mini_batch=1 -s meta.gate_pilot=2 -s meta.size_by_worth=true",
     "predictor/adapter_model.safetensors", 8},
    {"masa-probe",
     REINFORCE "--preset masa-probe -s meta.start_step=2 -s meta.gate_pilot=2 "
               "-s meta.gate_candidates=2",
     "model.safetensors", 8},
    {"sft",
     "sft RUN --model model --data sft.jsonl -s sft.batch=4 -s sft.max_tokens=128 -s data.suffix= "
     "-s optimizer.tokens_per_pass=1024 -s model.compute=f32 -s train.save_every=2 "
     "-s model.chat_template=chatml",
     "model.safetensors", 8},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static inline const kind *kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    fail_msg("no kind %s", name);
    return NULL;
}

/* The tiny model with room for the prompts of meta rollouts. */
static void make_long_model(void)
{
    masa_tokenizer *tokenizer = NULL;
    masa_model *model = tiny_llama_sized(MASA_F32, TINY_VOCAB, 2048);
    assert_int_equal(masa_folder_create("model", NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, "model", MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_load(&tokenizer, TINY_TOKENIZER, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, "model", NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
}

static inline int make_kinds(void **state)
{
    (void)state;
    /* Hundreds of runs, each of which syncs what it writes. */
    if (masa_path_is_folder("/dev/shm"))
        snprintf(folder, sizeof folder, "/dev/shm/masa-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    make_long_model();
    masa_text problems = {0}, turns = {0};
    for (char a = 'a'; a <= 'h'; a++) {
        masa_text_addf(&problems, "{\"problem\":\"%c\",\"answer\":\"y\"}\n", a);
        for (int i = 0; i < 3; i++)
            masa_text_addf(&turns, "{\"problem\":\"%c\",\"solution\":\"%c\"}\n", a, 'x' + i);
    }
    write_file("train.jsonl", masa_text_get(&problems));
    write_file("meta.txt", "{problem}");
    write_file("sft.jsonl", masa_text_get(&turns));
    masa_text_deinit(&problems);
    masa_text_deinit(&turns);
    return 0;
}

static inline int remove_kinds(void **state)
{
    assert_int_equal(chdir("/"), 0);
    return remove_model(state);
}

/* A file of the newest checkpoint. */
static inline masa_text read_saved(const char *run, const char *file)
{
    masa_text latest = {0}, text = {0}, path = {0};
    masa_text_addf(&path, "%s/checkpoints/latest", run);
    masa_error err = {0};
    if (masa_file_read(&latest, masa_text_get(&path), &err)) fail_msg("%s", err.message);
    masa_text_clear(&path);
    masa_text_addf(&path, "%s/checkpoints/%.*s/%s", run,
                   (int)strcspn(masa_text_get(&latest), "\n"), masa_text_get(&latest), file);
    if (masa_file_read(&text, masa_text_get(&path), &err)) fail_msg("%s", err.message);
    masa_text_deinit(&latest);
    masa_text_deinit(&path);
    return text;
}

#endif
