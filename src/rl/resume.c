#include "resume.h"

#include <masa/config_meta.h>
#include <masa/dist.h>
#include <masa/file.h>
#include <masa/log.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

masa_status rl_resume_open(rl_session *s, const char *folder, bool restart, masa_error *err)
{
    long last = 0;
    bool keeps = masa_dist_rank() == 0;
    masa_status st = keeps ? masa_run_resume(&s->run, folder, err) : MASA_OK;
    if (st == MASA_OK && keeps) masa_run_heed(s->run, s->stop);
    if (st == MASA_OK) st = masa_run_checkpoint_find(folder, &s->checkpoint, &s->state, err);
    if (st == MASA_OK && keeps && !s->checkpoint) st = masa_run_last_step(s->run, &last, err);
    if (st == MASA_OK && last > 0 && !restart)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s has %ld steps on record and no checkpoint to go on from; if "
                       "checkpoints/ was moved, bring it back; --resume --restart drops the "
                       "record and begins again",
                       folder, last);
    return st;
}

/* ---- inputs ---- */

#define MODEL_KEY "model.path"

/* The model that the run began with, where it is loaded: factors and the reference are of no
 * use with another one. NULL: training goes on from the checkpoint alone. */
static masa_model *base_of(const rl_session *s)
{
    if (s->reference) return s->reference;
    return s->checkpoint && !s->lora ? NULL : s->model;
}

/* A FIFO, which would be waited for a second time. */
static bool is_read_once(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
}

static masa_status add_file(json_t *inputs, const char *key, const char *path, masa_error *err)
{
    uint32_t sum;
    if (!*path || strcmp(path, "-") == 0 || masa_path_missing(path) || is_read_once(path))
        return MASA_OK;
    masa_status st = masa_run_file_checksum(path, &sum, err);
    if (st == MASA_OK) json_object_set_new(inputs, key, json_integer(sum));
    return st;
}

static masa_status add_files(json_t *inputs, const masa_config *c, masa_error *err)
{
    masa_status st = add_file(inputs, "data.train", c->data.train, err);
    if (st == MASA_OK) st = add_file(inputs, "data.test", c->data.test, err);
    if (st == MASA_OK && masa_meta_template_is_file(c->meta.template))
        st = add_file(inputs, "meta.template", c->meta.template, err);
    return st == MASA_OK ? add_file(inputs, "sft.data", c->sft.data, err) : st;
}

/* Factors are merged into the model's values once they are loaded, so a model with factors is
 * measured before (rl_session_open). */
static void add_model(json_t *inputs, const rl_session *s, const json_t *before)
{
    json_t *known = json_object_get(before, MODEL_KEY);
    if (base_of(s)) json_object_set_new(inputs, MODEL_KEY, json_integer(s->base_fingerprint));
    else if (known) json_object_set(inputs, MODEL_KEY, known);
}

static masa_status compare(const json_t *before, const json_t *now, const masa_config *c,
                           masa_error *err)
{
    const char *key;
    json_t *was;
    json_object_foreach((json_t *)(uintptr_t)before, key, was)
    {
        const json_t *is = json_object_get(now, key);
        if (!is || json_equal(was, is)) continue;
        if (strcmp(key, MODEL_KEY) == 0)
            return MASA_FAIL(err, MASA_ERR_CONFIG,
                             "%s is not the model that this run began with; --set model.path "
                             "names it where it is now",
                             c->model.path);
        masa_warn("the file that %s names is not the one that the checkpoint was trained with",
                  key);
    }
    return MASA_OK;
}

masa_status rl_resume_check(rl_session *s, masa_error *err)
{
    json_t *before = s->state.inputs ? json_loads(s->state.inputs, 0, NULL) : NULL;
    json_t *now = json_object();
    masa_status st = add_files(now, s->config, err);
    add_model(now, s, before);
    if (st == MASA_OK && before) st = compare(before, now, s->config, err);
    if (st == MASA_OK) {
        free(s->state.inputs);
        s->state.inputs = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);
    }
    json_decref(before);
    json_decref(now);
    return st;
}

/* ---- settings ---- */

masa_status rl_resume_tell(rl_session *s, masa_error *err)
{
    if (!s->checkpoint) return MASA_OK;
    masa_config before;
    masa_text difference = {0};
    char *path = masa_path_join(s->checkpoint, RL_SETTINGS_FILE);
    /* Of a version of masa with other settings it cannot be read, which is no reason to stop. */
    if (masa_config_load(&before, path, NULL, NULL, 0, NULL) == MASA_OK) {
        masa_config_difference(&before, s->config, &difference);
        masa_config_deinit(&before);
    }
    masa_status st = MASA_OK;
    if (difference.size) {
        masa_progress_note(s->progress, "settings changed after step %ld (before, now): %s",
                           s->state.step, difference.data);
        st = masa_run_add_history(s->run, s->state.step, difference.data, err);
    }
    masa_text_deinit(&difference);
    free(path);
    return st;
}
