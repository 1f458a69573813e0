#include "predictor.h"

#include "factors.h"

masa_status rl_predictor_open(rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_lora_options options = {.rank = (size_t)c->meta.adapter,
                                 .alpha = 2 * (double)c->meta.adapter,
                                 .targets = "all-linear",
                                 .seed = (uint64_t)c->train.seed};
    masa_status st = rl_factors_open(&s->predictor, s, &options, MASA_PREDICTOR_FOLDER, err);
    if (st == MASA_OK && s->checkpoint) rl_predictor_end(s); /* they came merged */
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
