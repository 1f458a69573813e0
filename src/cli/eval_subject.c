/* The model of masa eval: a file, a folder, or a run with its settings. */
#include "cmd_eval.h"

#include <masa/config_meta.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The folder of the run that path is or is a checkpoint of, or NULL; caller frees. */
static char *run_of(const char *path)
{
    char *config = masa_run_config_path(path);
    bool is_run = masa_path_exists(config);
    free(config);
    if (is_run) return masa_strdup(path);
    const char *checkpoint = strstr(path, "/checkpoints/");
    if (!checkpoint) return NULL;
    char *folder = masa_strndup(path, (size_t)(checkpoint - path));
    config = masa_run_config_path(folder);
    is_run = masa_path_exists(config);
    free(config);
    if (is_run) return folder;
    free(folder);
    return NULL;
}

/* The settings that the command line leaves open. */
static void take_settings(eval_command *c, const masa_config *config)
{
    if (!c->suffix) c->suffix = config->data.suffix;
    if (!c->text.system && config->model.system[0]) c->text.system = config->model.system;
    if (strcmp(c->text.template, "auto") == 0) c->text.template = config->model.chat_template;
    c->method.form = masa_config_meta_options(config).form;
    if (config->meta.length_rule == MASA_CONFIG_LENGTH_RULE_QUANTILE)
        c->method.length_rule = MASA_LENGTH_QUANTILE;
    if (!c->meta_max_tokens) c->meta_max_tokens = config->meta.max_tokens;
    if (!c->length_min) c->length_min = config->meta.length_min;
}

masa_status eval_subject_open(eval_subject *s, eval_command *c, masa_error *err)
{
    char *run = c->text.path ? run_of(c->text.path) : NULL;
    char *path = run ? masa_run_config_path(run) : NULL;
    masa_status st = masa_config_load(&s->config, path, NULL, NULL, 0, err);
    if (st == MASA_OK && run) st = masa_model_find(&s->checkpoint, c->text.path, err);
    if (st == MASA_OK && run) c->text.path = s->checkpoint;
    if (st == MASA_OK) {
        take_settings(c, &s->config);
        if (run && !c->length_max) c->length_max = s->config.rollout.max_tokens;
        const char *asks = c->template_path ? c->template_path : s->config.meta.template;
        bool file = masa_meta_template_is_file(asks);
        if (file) st = masa_file_read(&s->template_text, asks, err);
        if (file) s->meta_template = masa_text_get(&s->template_text);
        c->method.problem_first = strcmp(asks, MASA_META_PROBLEM_FIRST) == 0;
        s->meta_system = masa_meta_system_text(s->config.meta.system, c->method.problem_first,
                                               c->text.system ? c->text.system : "");
    }
    if (st == MASA_OK && run && s->config.meta.adapter)
        s->predictor = masa_path_join(s->checkpoint, MASA_PREDICTOR_FOLDER);
    if (st == MASA_OK && run && !c->quiet)
        fprintf(stderr, "masa: %s, with the settings of its run where none are given\n",
                c->text.path);
    free(path);
    free(run);
    return st;
}

void eval_subject_close(eval_subject *s)
{
    masa_text_deinit(&s->template_text);
    free(s->checkpoint);
    free(s->predictor);
    masa_config_deinit(&s->config);
}
