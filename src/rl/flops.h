/* Estimated cost of a step: floating-point operations of every pass. */
#ifndef RL_FLOPS_H
#define RL_FLOPS_H

#include "rollout.h"

typedef struct rl_cost {
    double flops, meta; /* all; of these, those of predictions */
} rl_cost;

/* Of all training passes so far, the reference model's and other processes' too: the difference
 * of two readings is what was between them. */
double rl_trained_flops(const rl_session *session);

/* Adds what sampling these draws took, their prompts included. */
void rl_cost_add_sampling(rl_cost *cost, const rl_session *session, const rl_draws *draws);
/* Adds `flops` of an update on these draws (old and reference log-probabilities, forward and
 * backward pass), which both kinds share by the tokens that were trained on. */
void rl_cost_add_update(rl_cost *cost, const rl_session *session, const rl_draws *draws,
                        double flops);
/* Adds what predictions alone cost: cloning, a warm start. */
void rl_cost_add_meta(rl_cost *cost, double flops);

#endif
