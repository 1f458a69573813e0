#include "factors.h"

#include <masa/file.h>
#include <masa/model_file.h>

#include <stdlib.h>

masa_status rl_factors_open(masa_lora **out, const rl_session *s,
                            const masa_lora_options *options, const char *name, masa_error *err)
{
    masa_status st = masa_lora_create(out, s->model, options, err);
    if (st != MASA_OK || !s->checkpoint) return st;
    char *folder = masa_path_join(s->checkpoint, name);
    st = masa_lora_load(*out, folder, err);
    free(folder);
    return st;
}

masa_status rl_factors_save(const masa_lora *factors, const rl_session *s, const char *folder,
                            const char *name, masa_error *err)
{
    if (!factors) return MASA_OK;
    char *path = masa_path_join(folder, name);
    masa_status st = masa_folder_create(path, err);
    if (st == MASA_OK) st = masa_lora_save(factors, path, s->config->model.path, err);
    free(path);
    return st;
}

static masa_status add_factors(void *lora, const char *name, float *data, size_t rows,
                               size_t cols, masa_error *err)
{
    (void)rows, (void)cols;
    return masa_lora_add(lora, name, data, err);
}

masa_status rl_weights_save(const rl_session *s, const char *folder, masa_error *err)
{
    masa_model_file *file = NULL;
    if (!masa_model_is_frozen(s->model))
        return masa_model_save(s->model, folder, MASA_SAVE_F32, err);
    masa_status st = masa_model_file_open(&file, s->config->model.path, err);
    if (st == MASA_OK)
        st = masa_model_folder_write_file(folder, file, add_factors, s->lora, MASA_SAVE_F32,
                                          err);
    masa_model_file_close(file);
    return st;
}

masa_lora_options rl_predictor_options(const masa_config *c)
{
    return (masa_lora_options){.rank = (size_t)c->meta.adapter,
                               .alpha = 2 * (double)c->meta.adapter,
                               .targets = "all-linear",
                               .seed = (uint64_t)c->train.seed};
}

masa_status rl_predictor_open(rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_lora_options options = rl_predictor_options(c);
    masa_status st = rl_factors_open(&s->predictor, s, &options, MASA_PREDICTOR_FOLDER, err);
    /* They came merged, or beside the weights. */
    if (st == MASA_OK && (s->checkpoint || rl_is_compact(c))) rl_predictor_end(s);
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
