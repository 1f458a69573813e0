#include <masa/objective.h>

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/* A log-ratio beyond this counts as this, a constant without a gradient: it keeps exp
 * finite, and one token far off from deciding a whole update. */
static const double farthest = 20;

/* Not fmin and fmax, which would make a number of NaN. */
static double ratio_of(double difference)
{
    double d = difference > farthest ? farthest : difference;
    return exp(d < -farthest ? -farthest : d);
}

/* Schulman's estimator of a divergence, of e = other - new; *derivative by new. */
static double k3_of(double e, double *derivative)
{
    double bounded = e > farthest ? farthest : e;
    *derivative = e > farthest ? 0 : 1 - exp(bounded);
    return exp(bounded) - bounded - 1;
}

/*
 * The clipped surrogate -min(rho A, clip(rho) A) and its derivative in log rho.
 * Where the clip is active the derivative is zero.
 */
static double surrogate(double rho, double advantage, const masa_objective *o,
                        double *derivative, bool *clipped)
{
    double bounded = fmin(fmax(rho, 1 - (double)o->clip_low), 1 + (double)o->clip_high);
    double gain = rho * advantage, limited = bounded * advantage;
    *clipped = limited < gain;
    double loss = *clipped ? -limited : -gain;
    *derivative = *clipped ? 0 : -gain;
    if (o->dual_clip > 0 && advantage < 0 && loss > -o->dual_clip * advantage) {
        loss = -o->dual_clip * advantage;
        *derivative = 0;
        *clipped = true;
    }
    return loss;
}

static double sequence_difference(const float *logprob, const float *old, size_t n)
{
    double sum = 0;
    for (size_t t = 0; old && t < n; t++) sum += (double)logprob[t] - old[t];
    return n ? sum / (double)n : 0;
}

static double mean(const float *values, size_t n)
{
    double sum = 0;
    for (size_t t = 0; values && t < n; t++) sum += values[t];
    return n ? sum / (double)n : 0;
}

void masa_importance(float *out, const float *old, const float *sampled, size_t n, float cap)
{
    double most = log((double)cap);
    for (size_t t = 0; t < n; t++) out[t] = (float)exp(fmin((double)old[t] - sampled[t], most));
}

void masa_objective_apply(float *dlogprob, const float *logprob, const float *old,
                          const float *ref, const float *importance, size_t n, float advantage,
                          float weight, const masa_objective *o, masa_objective_stats *stats)
{
    assert(ref || !(o->kl_coef > 0));
    bool by_sequence = o->ratio == MASA_RATIO_SEQUENCE;
    double shared = by_sequence ? sequence_difference(logprob, old, n) : 0;
    double mean_weight = by_sequence ? mean(importance, n) : 0; /* of the ratio's equal terms */
    masa_objective_stats sum = {.tokens = (double)n};
    for (size_t t = 0; t < n; t++) {
        double d = old ? (double)logprob[t] - old[t] : 0;
        double log_ratio = by_sequence ? shared : d, rho = ratio_of(log_ratio), derivative,
               unused;
        bool clipped;
        /* The sequence ratio is the same for all n tokens: each carries 1/n of
         * d log rho, and the n equal terms of the sum make that 1 again. */
        double loss = surrogate(rho, advantage, o, &derivative, &clipped);
        if (fabs(log_ratio) > farthest) derivative = 0;
        if (importance) {
            double w = by_sequence ? mean_weight : importance[t];
            loss *= w;
            derivative *= w;
        }
        if (o->kl_coef > 0) {
            double slope, k3 = k3_of((double)ref[t] - logprob[t], &slope);
            loss += o->kl_coef * k3;
            derivative += o->kl_coef * slope;
            sum.kl_ref += k3;
        }
        dlogprob[t] = (float)(weight * derivative);
        sum.loss += weight * loss;
        sum.clipped += clipped;
        sum.kl_old += k3_of(-d, &unused);
        sum.ratio += rho;
    }
    if (!stats) return;
    stats->tokens += sum.tokens;
    stats->loss += sum.loss;
    stats->clipped += sum.clipped;
    stats->kl_old += sum.kl_old;
    stats->kl_ref += sum.kl_ref;
    stats->ratio += sum.ratio;
}
