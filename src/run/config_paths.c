/* Paths among the settings. */
#include <masa/config.h>

#include <masa/file.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

masa_status masa_config_make_absolute(masa_config *config, masa_error *err)
{
    const struct {
        const char *key, *value;
    } paths[] = {{"model.path", config->model.path},
                 {"data.train", config->data.train},
                 {"data.test", config->data.test},
                 {"meta.template", config->meta.template},
                 {"sft.data", config->sft.data}};
    masa_status st = MASA_OK;
    char *here = getcwd(NULL, 0);
    if (!here)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot find the working folder: %s",
                         strerror(errno));
    for (size_t i = 0; i < sizeof paths / sizeof *paths && st == MASA_OK; i++) {
        const char *value = paths[i].value;
        if (!*value || *value == '/' || strcmp(value, "-") == 0) continue;
        char *whole = masa_path_join(here, value);
        st = masa_config_set(config, paths[i].key, whole, err);
        free(whole);
    }
    free(here);
    return st;
}
