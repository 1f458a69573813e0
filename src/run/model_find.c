/* Which model a path means. */
#include <masa/run_folder.h>

#include <masa/file.h>
#include <masa/memory.h>

#include <stdlib.h>

static bool holds(const char *folder, const char *name)
{
    char *path = masa_path_join(folder, name);
    bool there = masa_path_exists(path);
    free(path);
    return there;
}

static bool is_run(const char *path)
{
    char *config = masa_run_config_path(path);
    bool there = masa_path_exists(config);
    free(config);
    return there && !holds(path, "config.json");
}

masa_status masa_model_find(char **out, const char *path, masa_error *err)
{
    masa_run_state state = {0};
    masa_status st = MASA_OK;
    char *found = NULL;
    if (is_run(path)) {
        st = masa_run_checkpoint_find(path, &found, &state, err);
        masa_run_state_deinit(&state);
        if (st == MASA_OK && !found)
            st = MASA_FAIL(err, MASA_ERR_DATA, "%s has no checkpoint yet", path);
    } else {
        found = masa_strdup(path);
    }
    if (st == MASA_OK && masa_path_is_folder(found) && holds(found, "adapter") &&
        !holds(found, "config.json"))
        st = MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                       "%s holds an adapter alone; resume the run with --set "
                       "lora.merge_on_save=true to get a model",
                       found);
    if (st == MASA_OK) *out = found;
    else free(found);
    return st;
}
