#include <masa/gate.h>

#include <math.h>

/* The deviation of the rewards as the survivors show it; 0 when they are all equal. */
static double reweighted_deviation(const float *reward, const float *weight, size_t n)
{
    double total = 0, sum = 0, square = 0, first = NAN;
    bool equal = true;
    for (size_t i = 0; i < n; i++) {
        if (weight[i] == 0) continue;
        if (isnan(first)) first = reward[i];
        equal = equal && reward[i] == first;
        total += weight[i];
        sum += (double)weight[i] * reward[i];
    }
    if (total == 0 || equal) return 0;
    double mean = sum / total;
    for (size_t i = 0; i < n; i++)
        if (weight[i] != 0) square += weight[i] * (reward[i] - mean) * (reward[i] - mean);
    return sqrt(square / total);
}

/* Nothing reached the cutoff. */
static bool is_whole(const float *weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (weight[i] != 1) return false;
    return true;
}

/* w_i (r_i - 1/(n-1) sum_{j != i} w_j r_j) times / per, divided by the deviation on demand. */
static void contrast(float *advantage, const float *reward, const float *weight, size_t n,
                     double times, double per, bool divide_by_deviation)
{
    double deviation = reweighted_deviation(reward, weight, n), sum = 0;
    /* Equal rewards carry no signal; say so exactly, whatever the rounding. */
    bool silent = n == 1 || (deviation == 0 && (divide_by_deviation || is_whole(weight, n)));
    for (size_t i = 0; i < n; i++)
        if (weight[i] != 0) sum += (double)weight[i] * reward[i];
    for (size_t i = 0; i < n; i++) {
        advantage[i] = 0;
        if (silent || weight[i] == 0) continue;
        double others = (sum - (double)weight[i] * reward[i]) / (double)(n - 1);
        double a = weight[i] * (reward[i] - others) * times / per;
        advantage[i] = (float)(divide_by_deviation ? a / (deviation + 1e-6) : a);
    }
}

void masa_soft_cutoff_advantages(float *advantage, const float *reward, const float *weight,
                                 size_t n, bool divide_by_deviation)
{
    contrast(advantage, reward, weight, n, (double)(n - 1), (double)n, divide_by_deviation);
}

void masa_soft_cutoff_leave_one_out(float *advantage, const float *reward, const float *weight,
                                    size_t n)
{
    contrast(advantage, reward, weight, n, 1, 1, false);
}

const char *masa_soft_cutoff_obstacle(const masa_soft_cutoff_use *use)
{
    if (use->deviation)
        return "the advantage is divided by a deviation, which depends on who survives";
    if (use->token_total) return "a token's weight depends on how many tokens survive";
    if (use->clipped)
        return "the ratio's clip depends on the sign of an advantage, which survival can turn";
    if (use->reference) return "the KL term is not weighted by survival";
    if (use->chosen)
        return "which rollouts are made or trained on depends on who survives "
               "(algorithm.dynamic_sampling, algorithm.subset, meta.gate_pilot, "
               "meta.size_by_worth)";
    return NULL;
}
