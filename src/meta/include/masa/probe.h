/**
 * What a model knows of a prompt before it answers, read off its hidden state: a logistic
 * regression from the residual stream to the pass rate, fitted to the prompts that were rolled
 * out so far. The model need not be asked, nor taught to answer.
 *
 * The features. Of a prompt two vectors are taken from the residual stream h after one of the
 * model's layers, the mean over its tokens and its last token's, each divided by its root mean
 * square and multiplied by a fixed matrix R of random signs (Johnson and Lindenstrauss: inner
 * products stay, up to 1/sqrt(256)), so that what is kept of a prompt does not grow with the model:
 *
 *   x = [R mean_t h_t / rms / sqrt(d),  R h_T / rms / sqrt(d)]       R in {-1, 1}^(256 x d)
 *
 * The fit. With z the features less their mean and divided by their deviation over the groups
 * that are kept, and by sqrt(512), r_i right and w_i wrong rollouts of group i, b the logit of
 * the share of right ones in all of them,
 *
 *   minimise   sum_i r_i log(1 + exp(-f_i)) + w_i log(1 + exp(f_i))  +  |v|^2 / 2,   f_i = b + v z_i
 *
 * by Newton's method from v = 0 on: the posterior mode where logits differ from b with
 * deviation 1 beforehand. It is convex, so that the fit is a function of the groups alone and does
 * not swing from update to update as the answers of a model that is taught to predict do.
 *
 * Source: a linear probe (Alain and Bengio, arXiv:1610.01644) for P(IK), the probability that the
 * model knows (Kadavath et al., arXiv:2207.05221), here of what its weights are at each step.
 *
 * Threads: every function may run in any number of threads on different objects; all are
 * deterministic.
 */
#ifndef MASA_PROBE_H
#define MASA_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MASA_PROBE_HALF = 256,                     /* features of one of the two vectors */
    MASA_PROBE_FEATURES = 2 * MASA_PROBE_HALF, /* of a prompt */
    MASA_PROBE_MOST = 1024,                    /* groups that are kept, the newest */
};

/* A prompt that was rolled out. */
typedef struct masa_probe_group {
    float features[MASA_PROBE_FEATURES];
    double right, wrong;
} masa_probe_group;

/* Starts as all 0. */
typedef struct masa_probe {
    masa_probe_group *groups; /* [n] the newest last */
    size_t n;
    /* What was learned of them: f = bias + sum_j weight[j] (x[j] - mean[j]). */
    bool learned;
    double bias, mean[MASA_PROBE_FEATURES], weight[MASA_PROBE_FEATURES];
} masa_probe;

void masa_probe_deinit(masa_probe *probe);

/** Features of a prompt from the mean of its hidden states and its last one, [hidden] each. */
void masa_probe_features(float features[MASA_PROBE_FEATURES], const float *mean,
                         const float *last, size_t hidden);

/** Adds a prompt's rollouts, of which there must be some; beyond MASA_PROBE_MOST the oldest
 *  group goes. features are copied. */
void masa_probe_observe(masa_probe *probe, const float features[MASA_PROBE_FEATURES],
                        double right, double wrong);

/** Fits to all groups that are kept; without any nothing is learned. */
void masa_probe_learn(masa_probe *probe);

/** The pass rate that is expected of a prompt, within (0, 1). The probe must have learned. */
double masa_probe_pass_rate(const masa_probe *probe, const float features[MASA_PROBE_FEATURES]);

#endif
