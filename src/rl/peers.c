#include "peers.h"

#include <masa/adamw.h>
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/dist.h>

masa_status rl_peers_check_start(const rl_session *s, masa_error *err)
{
    masa_text lines = {0};
    masa_text_addf(&lines, "computes on %s with %s in %s\n", masa_device_kind(),
                   masa_isa_name(masa_isa_get()),
                   rl_compute_dtype(s->config) == MASA_BF16 ? "bf16" : "f32");
    masa_text_addf(&lines, "goes on after step %ld\n", s->state.step);
    masa_text_addf(&lines, "checksums of model and data: %s\n", s->state.inputs);
    masa_config_print(s->config, false, &lines);
    masa_status st = masa_dist_same(masa_text_get(&lines), err);
    masa_text_deinit(&lines);
    return st;
}

masa_status rl_peers_check_step(const rl_session *s, masa_error *err)
{
    if (masa_dist_size() == 1) return MASA_OK;
    masa_text line = {0};
    double trained = s->lora
                         ? masa_sum_squares(masa_lora_values(s->lora), masa_lora_count(s->lora))
                         : masa_sum_squares(masa_model_values(s->model),
                                            masa_model_parameter_count(s->model));
    masa_text_addf(&line, "after step %ld, draw %ld, token %ld: weights %a\n", s->state.step,
                   s->state.draws, s->state.tokens, trained);
    masa_status st = masa_dist_same(masa_text_get(&line), err);
    masa_text_deinit(&line);
    return st;
}
