/* What the method remembers from step to step: the experts collected, each problem's
 * history, how good the predictions were. Kept in the checkpoint. */
#ifndef RL_METHOD_H
#define RL_METHOD_H

#include <masa/cutoff_fit.h>
#include <masa/gate_fit.h>
#include <masa/probe.h>

#include "experts.h"
#include "predict.h"
#include "prompts.h"

/* How many draws the gate closed, of how many; each step's count for less than the next one's. */
typedef struct rl_gated {
    double draws, gated;
} rl_gated;

typedef struct rl_method {
    bool warm_started;
    char *warm_start; /* one that was stopped: how far it is (warm_start.h); or NULL */
    bool acting;      /* predictions gate and cut off in this step */
    masa_calibration calibration;
    masa_gate_fit fit;      /* what past forecasts came to */
    masa_probe probe;       /* what hidden states came to (meta.forecast=probe) */
    masa_cutoff_fit cutoff; /* how far right solutions ran beyond their forecasts */
    masa_belief *beliefs;   /* [n_beliefs] one for each training problem, by epoch */
    bool *shut;             /* [n_beliefs] gated for good (meta.gate_static) */
    rl_gated gated;         /* in the steps that acted */
    size_t n_beliefs;
    rl_experts experts;
} rl_method;

/* Whether a run has anything to remember: meta rollouts, a probe, or a gate without either. */
bool rl_method_remembers(const masa_config *config);
/* Refuses settings whose soft cutoff would change the gradient on average. */
masa_status rl_method_check(const masa_config *config, masa_error *err);
void rl_method_init(rl_method *method, const masa_config *config, size_t n_problems);
void rl_method_deinit(rl_method *method);

/* Whether step number `step` acts on predictions: sets method->acting. */
void rl_method_begin_step(rl_method *method, const masa_config *config, long step);
/* Learns from a step's scored draws: beliefs, the gate's fit and calibration. */
void rl_method_observe(rl_method *method, const rl_draws *draws, rl_prompts *prompts,
                       const masa_config *config);

/*
 * How many draws leave as many open as are missing of a step, by the share that the gate left
 * open in the last steps (two thirds of it in the last five) and of the `drawn` so far, of which
 * it closed `gated`:
 *
 *   missing / (1 - (past gated + gated) / (past draws + drawn))
 *
 * A refill for the last few would keep the decoder all but idle; the step may come out somewhat
 * larger instead. No more than four times what is missing: a share that a few draws happened to
 * have is not trusted beyond.
 */
long rl_method_draws_for(const rl_method *method, long missing, size_t drawn, size_t gated);

/* As a JSON object (caller frees), and back; NULL or a text without it is a fresh start.
 * A damaged one is MASA_ERR_FORMAT. */
char *rl_method_save(const rl_method *method);
masa_status rl_method_load(rl_method *method, const masa_config *config, const char *json,
                           masa_error *err);

#endif
