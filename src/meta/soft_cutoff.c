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

void masa_soft_cutoff_advantages(float *advantage, const float *reward,
                                 const float *weight, size_t n, bool divide_by_deviation)
{
    double deviation = reweighted_deviation(reward, weight, n), sum = 0;
    bool whole = true; /* nothing reached the cutoff */
    for (size_t i = 0; i < n; i++) {
        whole = whole && weight[i] == 1;
        if (weight[i] != 0) sum += (double)weight[i] * reward[i];
    }
    for (size_t i = 0; i < n; i++) {
        advantage[i] = 0;
        /* Equal rewards carry no signal; say so exactly, whatever the rounding. */
        if (n == 1 || weight[i] == 0 ||
            (deviation == 0 && (whole || divide_by_deviation)))
            continue;
        double others = (sum - (double)weight[i] * reward[i]) / (double)(n - 1);
        double a = weight[i] * (reward[i] - others) * (double)(n - 1) / (double)n;
        advantage[i] = (float)(divide_by_deviation ? a / (deviation + 1e-6) : a);
    }
}
