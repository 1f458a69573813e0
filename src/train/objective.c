#include <masa/objective.h>

#include <math.h>
#include <stdbool.h>

/* A ratio far outside any clip is a constant either way; this keeps exp finite. */
static double ratio_of(double difference)
{
    return exp(fmin(fmax(difference, -20), 20));
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
    double loss = -fmin(gain, limited);
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

void masa_objective_apply(float *dlogprob, const float *logprob, const float *old,
                          const float *ref, size_t n, float advantage, float weight,
                          const masa_objective *o, masa_objective_stats *stats)
{
    bool by_sequence = o->ratio == MASA_RATIO_SEQUENCE;
    double shared = by_sequence ? sequence_difference(logprob, old, n) : 0;
    masa_objective_stats sum = {.tokens = (double)n};
    for (size_t t = 0; t < n; t++) {
        double d = old ? (double)logprob[t] - old[t] : 0;
        double rho = ratio_of(by_sequence ? shared : d), derivative;
        bool clipped;
        /* The sequence ratio is the same for all n tokens: each carries 1/n of
         * d log rho, and the n equal terms of the sum make that 1 again. */
        double loss = surrogate(rho, advantage, o, &derivative, &clipped);
        if (o->kl_coef > 0) {
            double e = (double)ref[t] - logprob[t], k3 = ratio_of(e) - e - 1;
            loss += o->kl_coef * k3;
            derivative += o->kl_coef * (1 - ratio_of(e));
            sum.kl_ref += k3;
        }
        dlogprob[t] = (float)(weight * derivative);
        sum.loss += weight * loss;
        sum.clipped += clipped;
        sum.kl_old += ratio_of(-d) + d - 1;
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
