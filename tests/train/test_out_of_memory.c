/* Every n-th allocation fails in turn while a tiny model is loaded, generates and takes a step
 * of training: each time an error or one line, never a crash, and nothing is left behind. */
#include "out_of_memory.h"
#include "tiny_llama.h"
#include <masa/generate.h>
#include <masa/optimizer.h>
#include <masa/trainer.h>

enum { CHILDREN = 120 };

static masa_status generate(masa_model *model, const masa_tokenizer *tokenizer, masa_error *err)
{
    static const int32_t prompt[] = {2, 3, 4, 5};
    masa_generator *generator = NULL;
    masa_generator_options options = {.max_batch = 2, .max_context = 16};
    masa_request request = {.prompt = prompt,
                            .prompt_size = 4,
                            .n_samples = 2,
                            .max_tokens = 4,
                            .sampling = {1, 0, 1, 0}};
    masa_completion out[2] = {0};
    masa_status st = masa_generator_create(&generator, model, tokenizer, &options, err);
    if (st == MASA_OK) st = masa_generate(generator, &request, 1, out, NULL, NULL, err);
    for (int i = 0; i < 2; i++) masa_completion_deinit(&out[i]);
    masa_generator_destroy(generator);
    return st;
}

static masa_status train(masa_model *model, masa_error *err)
{
    static const int32_t prompt[] = {2, 3, 4}, response[] = {5, 6, 1};
    masa_sequence sequence = {.prompt = prompt,
                              .prompt_size = 3,
                              .response = response,
                              .response_size = 3,
                              .weight = 1};
    masa_trainer_options options = {.tokens_per_pass = 16, .temperature = 1};
    masa_trainer *trainer = NULL;
    masa_status st = masa_trainer_create(&trainer, model, &options, err);
    if (st == MASA_OK) st = masa_trainer_accumulate(trainer, &sequence, 1, NULL, NULL, err);
    masa_trainer_destroy(trainer);
    return st;
}

static masa_status all(const char *folder, masa_error *err)
{
    masa_model_options options = {MASA_F32, true};
    masa_model *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    masa_status st = masa_model_load(&model, folder, &options, err);
    if (st == MASA_OK) st = masa_tokenizer_load(&tokenizer, folder, err);
    if (st == MASA_OK) st = generate(model, tokenizer, err);
    if (st == MASA_OK) st = train(model, err);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
    return st;
}

static void one_line_and_no_crash(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-memory-XXXXXX";
    assert_non_null(mkdtemp(folder));
    tiny_llama_save(folder, 1);
    memory_walk("loading, generating, a step", all, folder, CHILDREN);
    masa_folder_remove(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line_and_no_crash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
