/* What the tests of commands on a model share: a tiny random model with a tokenizer in a
 * folder of its own, and the program run in that folder. */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include "masa_test.h"

#include <masa/file.h>
#include <masa/model.h>
#include <masa/tokenizer.h>
#include <sys/wait.h>

static char folder[] = "/tmp/masa-cli-XXXXXX";

static int make_model(void **state)
{
    (void)state;
    masa_model_config c = {.architecture = MASA_LLAMA,
                           .vocab_size = 64,
                           .hidden_size = 32,
                           .intermediate_size = 48,
                           .n_layers = 2,
                           .n_heads = 4,
                           .n_kv_heads = 2,
                           .head_dim = 8,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .bos_token = 0,
                           .eos_token = 1,
                           .pad_token = -1};
    masa_model_options options = {MASA_F32, false};
    masa_model *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(masa_model_create(&model, &c, &options, 3, NULL), MASA_OK);
    float *w = masa_model_values(model);
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        if (w[i] != 1) w[i] *= 12;
    assert_int_equal(masa_model_save(model, folder, MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(
        masa_tokenizer_load(&tokenizer, MASA_TESTS "/generate/data/tiny", NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, folder, NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static char output[1 << 20], errors[1 << 16];

static void read_all(char *to, size_t size, FILE *file)
{
    size_t n = fread(to, 1, size - 1, file);
    to[n] = '\0';
}

/* Runs a line of shell in the folder, $masa being the program; fills output and errors.
 */
static int shell(const char *line)
{
    char command[4096];
    snprintf(command, sizeof command,
             "cd '%s' && export OMP_NUM_THREADS=2 masa='%s' && ( %s\n) 2>errors", folder,
             MASA_PROGRAM, line);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    read_all(output, sizeof output, pipe);
    int status = WEXITSTATUS(pclose(pipe));
    char *path = masa_path_join(folder, "errors");
    FILE *file = fopen(path, "r");
    read_all(errors, sizeof errors, file);
    fclose(file);
    free(path);
    return status;
}

static void write_file(const char *name, const char *text)
{
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_write(path, text, strlen(text), NULL), MASA_OK);
    free(path);
}

#endif
