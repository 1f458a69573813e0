/**
 * The objectives: from log-probabilities to their gradient. A sequence at a
 * time, no model, no memory.
 */
#ifndef MASA_OBJECTIVE_H
#define MASA_OBJECTIVE_H

#include <stddef.h>

typedef enum masa_ratio_kind {
    MASA_RATIO_TOKEN,    /* rho_t = p_new(t) / p_old(t)                    PPO, GRPO */
    MASA_RATIO_SEQUENCE, /* rho = (p_new(o) / p_old(o))^(1/|o|)  GSPO, arXiv:2507.18071 */
} masa_ratio_kind;

typedef struct masa_objective {
    masa_ratio_kind ratio;
    float clip_low, clip_high; /* ratios are clipped to [1-low, 1+high] */
    float dual_clip;           /* c > 1: for A < 0 the loss is at most c|A|; 0: off */
    float kl_coef;             /* beta, against ref_logprobs; 0: off */
} masa_objective;

/**
 * What tokens weigh that another engine has sampled, whose policy is nearly the old one: the ratio
 * of the two, at most `cap` (truncated importance sampling, Yao et al. 2025).
 *   out[t] = min(p_old(t) / p_sampled(t), cap)        cap > 0
 * out [n] OVERWRITTEN; old, sampled [n] log-probabilities.
 */
void masa_importance(float *out, const float *old, const float *sampled, size_t n, float cap);

/* Sums over tokens, for metrics. */
typedef struct masa_objective_stats {
    double tokens;  /* tokens that took part */
    double loss;    /* weighted, as differentiated */
    double clipped; /* tokens whose gradient the clip removed */
    double kl_old;  /* sum of k3 = exp(-d)-1+d with d = new - old */
    double kl_ref;  /* the same against the reference */
    double ratio;   /* sum of ratios */
} masa_objective_stats;

/**
 * Loss of one response, to be minimised, and its gradient:
 *   L = weight * sum_t [ -w_t min(rho_t A, clip(rho_t, 1-low, 1+high) A) + beta k3_t ]
 *   k3_t = exp(ref - new) - (ref - new) - 1         (Schulman's estimator)
 * dlogprob [n] OVERWRITTEN with dL/dnew. `old` NULL means old = new (the policy
 * that sampled is the one being trained: rho is 1). `ref` may be NULL when
 * kl_coef is 0. `importance` [n] is w, NULL: all 1; its mean
 * is what a sequence's ratio is weighed by. `weight` carries the aggregation: 1/tokens of
 * the batch, or 1/(sequences * n), and so on. stats are ADDED to; may be NULL.
 */
void masa_objective_apply(float *dlogprob, const float *logprob, const float *old,
                          const float *ref, const float *importance, size_t n, float advantage,
                          float weight, const masa_objective *objective,
                          masa_objective_stats *stats);

#endif
