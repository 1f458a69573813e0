#include "predictor.h"

#include <masa/file.h>

#include <stdlib.h>

#define FOLDER "predictor"

masa_status rl_predictor_open(rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_lora_options options = {.rank = (size_t)c->meta.adapter,
                                 .alpha = 2 * (double)c->meta.adapter,
                                 .targets = "all-linear",
                                 .seed = (uint64_t)c->train.seed};
    masa_status st = masa_lora_create(&s->predictor, s->model, &options, err);
    if (st != MASA_OK || !s->checkpoint) return st;
    char *folder = masa_path_join(s->checkpoint, FOLDER);
    st = masa_lora_load(s->predictor, folder, err);
    free(folder);
    if (st == MASA_OK) rl_predictor_end(s);
    return st;
}

masa_status rl_predictor_save(const rl_session *s, const char *folder, masa_error *err)
{
    if (!s->predictor) return MASA_OK;
    char *path = masa_path_join(folder, FOLDER);
    masa_status st = masa_folder_create(path, err);
    if (st == MASA_OK) st = masa_lora_save(s->predictor, path, s->config->model.path, err);
    free(path);
    return st;
}

void rl_predictor_begin(rl_session *s)
{
    if (!s->predictor) return;
    masa_lora_attach(s->predictor);
    masa_model_refresh(s->model);
}

void rl_predictor_end(rl_session *s)
{
    if (!s->predictor) return;
    masa_lora_detach(s->predictor);
    masa_model_refresh(s->model);
}
