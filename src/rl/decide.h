/* MASA-efficient: acting on the predictions for a prompt before its solutions are sampled. */
#ifndef RL_DECIDE_H
#define RL_DECIDE_H

#include "method.h"
#include "predict.h"
#include "prompts.h"

/* Sets the level of the forecasts from draw number `first` on by all of the step's so far. */
void rl_set_level(rl_draws *draws, size_t first, const rl_method *method, rl_prompts *prompts,
                  const masa_config *config);

/*
 * Decides for the draws from number `first` on, by the predictions of each, whether its solutions
 * are sampled (gate), to which length (cutoff) and with which prompt (hint), and sets them up so.
 * With meta.gate_candidates no more than `places` stay open, those of the greatest expected
 * p (1 - p). Random numbers are keyed by the seed and the number of the draw.
 */
masa_status rl_decide(rl_draws *draws, size_t first, size_t places, const rl_method *method,
                      rl_prompts *prompts, const rl_session *session, masa_error *err);

/*
 * The fitted gate again, with the draw's scored rollouts beside forecast and history
 * (meta.gate_pilot). Whether more are to be sampled; rollouts that differ, or that no
 * agreement of more could close, are followed by all that are missing.
 */
bool rl_decide_again(rl_draw *draw, const rl_method *method, rl_prompts *prompts,
                     const rl_session *session);

/*
 * Divides the tokens of whole groups among the draws from `first` on that the gate left open and
 * that are not complete, by what each is worth (masa/worth.h): sets their sizes, from a quarter
 * to twice of rollout.group_size and not below what they have (meta.size_by_worth).
 */
void rl_share_out(rl_draws *draws, size_t first, const rl_method *method, rl_prompts *prompts,
                  const rl_session *session);

/* Whether meta rollouts of a draw are sampled (meta.share; nobody asks twice about a prompt that
 * is gated for good). */
bool rl_asked_to_predict(const rl_draw *draw, const rl_method *method, rl_prompts *prompts,
                         const rl_session *session);

/* Whether a pass is to forecast a draw (meta.forecast=one_pass or probe): not one that is closed
 * by itself, by its own history or for good. One that is audited all the same is asked, so that
 * predictions and the gate's fit learn of such prompts too. */
bool rl_needs_forecast(const rl_draw *draw, const rl_method *method, rl_prompts *prompts,
                       const rl_session *session);

/* Once the solutions are scored: weights of a soft cutoff (1, 0 or 1/s). */
void rl_weigh_survivors(rl_draw *draw, const masa_config *config);

/* Whether a rollout was stopped by the cutoff and not by the response limit. */
bool rl_cut_off(const rl_draw *draw, size_t rollout, const masa_config *config);

/* Whether a cutoff was in force, stopping a rollout or not. */
bool rl_limited(const rl_draw *draw, const masa_config *config);

/* Whether all rollouts that no cutoff stopped were equally correct (a group of which fewer
 * than two are left says nothing). */
bool rl_flat(const rl_draw *draw, const masa_config *config);

/* The decisions of a step, and what they go by where no meta rollout says it, into the store,
 * inside its open transaction. */
masa_status rl_record_decisions(rl_session *session, long step, const rl_draws *draws,
                                masa_error *err);

#endif
