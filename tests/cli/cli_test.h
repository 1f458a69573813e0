/* What the tests of commands on a model share: a tiny random model with a tokenizer in a
 * folder of its own, and the program run in that folder. */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include "tiny_llama.h"

#include <sys/wait.h>

static char folder[64] = "/tmp/masa-cli-XXXXXX";

static inline int make_model(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    tiny_llama_save(folder, 12);
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

static inline void write_file(const char *name, const char *text)
{
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_write(path, text, strlen(text), NULL), MASA_OK);
    free(path);
}

#endif
