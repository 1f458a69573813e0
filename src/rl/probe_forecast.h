/*
 * Forecasts by the probe: of what the model's hidden state at a prompt has come to so far
 * (masa/probe.h). No predictions are sampled, and none are learned. Where the run has the weights
 * that it began with, under LoRA's factors or as a reference, it is their state: they stay, and
 * so do the states that the probe has learned from. Trained weights move away from what they
 * made of earlier prompts, which costs a probe most where they learn fast (experiments/PLAN.md,
 * mix S).
 */
#ifndef RL_PROBE_FORECAST_H
#define RL_PROBE_FORECAST_H

#include <masa/probe.h>

#include "predict.h"

/*
 * Takes the features of each of the n draws' prompts from the model, in one pass through the
 * layers below meta.probe_depth, and, where the probe has learned, fills the draw's forecast.
 * Draws without predictions get an object for them; what sampled meta rollouts say of lengths and
 * notions stays.
 */
masa_status rl_probe_forecast(const masa_probe *probe, rl_draw *const *draws, size_t n,
                              rl_session *session, masa_error *err);

#endif
