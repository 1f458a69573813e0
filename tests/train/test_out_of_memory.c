/* Every n-th allocation fails in turn while a tiny model is loaded, generates and takes a step
 * of training: each time an error or one line, never a crash, and nothing is left behind. */
#include "tiny_llama.h"
#include <masa/generate.h>
#include <masa/memory.h>
#include <masa/optimizer.h>
#include <masa/parallel.h>
#include <masa/trainer.h>

#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CHILDREN = 120, REPORTED = 10 };

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

/* In a process of its own; says on its standard error what went wrong. Returns its status as
 * waitpid has it. */
static int fail_at(size_t n, const char *folder, char said[500])
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        masa_error err = {0};
        masa_threads_set(1);
        masa_memory_fail_at(n);
        masa_status st = all(folder, &err);
        masa_memory_fail_at(0);
        if (st != MASA_OK) fprintf(stderr, "masa: %s\n", err.message);
        exit(st == MASA_OK ? 0 : st == MASA_ERR_MEMORY ? REPORTED : 2);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], said + size, 499 - size)) > 0;) size += (size_t)got;
    said[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void one_line_and_no_crash(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-memory-XXXXXX", said[500];
    assert_non_null(mkdtemp(folder));
    tiny_llama_save(folder, 1);
    masa_threads_set(1);
    masa_memory_fail_at(SIZE_MAX);
    assert_int_equal(all(folder, NULL), MASA_OK);
    size_t total = SIZE_MAX - masa_memory_fail_at(0), failed = 0;
    assert_true(total > 100);
    for (size_t n = 1; n <= total; n += 1 + total / MOST_CHILDREN) {
        int status = fail_at(n, folder, said);
        bool fine =
            WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1 ||
                                  WEXITSTATUS(status) == REPORTED);
        bool ended = fine && WEXITSTATUS(status) != 0;
        char *end = strchr(said, '\n');
        if (!fine || (ended && (strncmp(said, "masa: ", 6) != 0 || !end || end[1] ||
                                !strstr(said, "memory")))) {
            print_error("allocation %zu of %zu: status %x, says: %s\n", n, total,
                        (unsigned)status, said);
            fail();
        }
        failed += ended;
    }
    assert_true(failed > MOST_CHILDREN / 4);
    masa_folder_remove(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line_and_no_crash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
