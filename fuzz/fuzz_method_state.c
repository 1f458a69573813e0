/* What the method remembers, in a checkpoint's state.json: what is accepted is written and read
 * back to the same bytes. */
#include "rl/method.h"

#include <masa/log.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS = 5 };

static masa_status load(rl_method *m, const masa_config *config, const char *text)
{
    masa_error err = {0};
    rl_method_init(m, config, PROBLEMS);
    masa_status st = rl_method_load(m, config, text, &err);
    if (st != MASA_OK && !err.message[0]) abort();
    return st;
}

static char *write_back(const masa_config *config, const char *text)
{
    rl_method m;
    char *written = load(&m, config, text) == MASA_OK ? rl_method_save(&m) : NULL;
    rl_method_deinit(&m);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static masa_config config;
    static const char *const set[] = {"meta.samples=2"};
    if (!config.model.path && masa_config_load(&config, NULL, NULL, set, 1, NULL) != MASA_OK)
        abort();
    masa_log_set_sink(NULL);
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    char *first = write_back(&config, text), *second = NULL;
    if (first && (!(second = write_back(&config, first)) || strcmp(first, second) != 0))
        abort();
    free(first);
    free(second);
    free(text);
    return 0;
}
