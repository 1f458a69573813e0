/* The forecast of a single pass: what the model would say of a prompt's pass rate, from its
 * own probabilities after the beginning of an answer, without sampling one. */
#ifndef RL_ONE_PASS_H
#define RL_ONE_PASS_H

#include "predict.h"
#include "prompts.h"

/* The ids that begin an answer up to the pass rate, and those of its digits. */
typedef struct rl_one_pass {
    masa_tokens prefix;
    int32_t digits[MASA_PASS_RATE_SCALE + 1];
} rl_one_pass;

/* Encodes meta.forecast_prefix; MASA_ERR_CONFIG where the digits after it are not one token
 * each, or where the meta prompt asks for no pass rate. Free with rl_one_pass_deinit. */
masa_status rl_one_pass_init(rl_one_pass *out, const rl_prompts *prompts,
                             const rl_session *session, masa_error *err);
void rl_one_pass_deinit(rl_one_pass *one_pass);

/*
 * Fills the forecast of each of the n draws: the probabilities of the digits after its meta
 * prompt and the prefix, in one forward pass over all of them (the policy's temperature
 * included). Draws without predictions get an object for them; what sampled meta rollouts say
 * of lengths and notions stays.
 */
masa_status rl_one_pass_forecast(const rl_one_pass *one_pass, rl_draw *const *draws, size_t n,
                                 rl_session *session, masa_error *err);

#endif
