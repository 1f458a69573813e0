/* Estimated cost of a step. */
#ifndef RL_FLOPS_H
#define RL_FLOPS_H

#include "loop.h"

/* Floating-point operations of sampling these draws and of a forward and backward pass over trained_tokens with the same mean context. */
double rl_flops(const rl_loop *loop, const rl_draws *draws, size_t trained_tokens);

#endif
