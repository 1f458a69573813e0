/* Paths among the settings, absolute and back. */
#include <masa/config_meta.h>

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path `here` ends with a slash. NULL: the path stays as it is. */
typedef char *change(const char *here, const char *path);

static char *make_absolute(const char *here, const char *path)
{
    return *path == '/' || strcmp(path, "-") == 0 ? NULL : masa_path_join(here, path);
}

static char *make_relative(const char *here, const char *path)
{
    size_t n = strlen(here);
    return masa_starts_with(path, here) && path[n] ? masa_strdup(path + n) : NULL;
}

static masa_status change_all(masa_config *config, change *made, masa_error *err)
{
    static const char *const keys[] = {"model.path",         "data.train", "data.test",
                                       "meta.template",      "sft.data",   "rollout.weights",
                                       "model.chat_template"};
    const char *const values[] = {
        config->model.path,
        config->data.train,
        config->data.test,
        masa_meta_template_is_file(config->meta.template) ? config->meta.template : "",
        config->sft.data,
        config->rollout.weights,
        masa_ends_with(config->model.chat_template, ".jinja") ? config->model.chat_template
                                                              : ""}; /* else it is a name */
    char *folder = getcwd(NULL, 0);
    if (!folder)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot find the working folder: %s",
                         strerror(errno));
    char *here = masa_path_join(folder, "");
    masa_status st = MASA_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && st == MASA_OK; i++) {
        char *path = *values[i] ? made(here, values[i]) : NULL;
        if (path) st = masa_config_set(config, keys[i], path, err);
        free(path);
    }
    free(here);
    free(folder);
    return st;
}

masa_status masa_config_make_absolute(masa_config *config, masa_error *err)
{
    return change_all(config, make_absolute, err);
}

masa_status masa_config_resolve(masa_config *config, masa_error *err)
{
    char *found = NULL;
    masa_status st = masa_config_make_absolute(config, err);
    if (st != MASA_OK || !config->model.path[0]) return st;
    st = masa_model_find(&found, config->model.path, err);
    if (st == MASA_OK) st = masa_config_set(config, "model.path", found, err);
    free(found);
    return st;
}

masa_status masa_config_make_relative(masa_config *config, masa_error *err)
{
    return change_all(config, make_relative, err);
}
