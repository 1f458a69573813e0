#include <masa/advantage.h>

#include <math.h>
#include <stdbool.h>

static size_t group_end(const size_t *groups, size_t n, size_t start)
{
    size_t end = start;
    while (end < n && groups[end] == groups[start]) end++;
    return end;
}

/* The advantages of one group of size n, before any batch scaling. */
static void group_advantages(float *advantage, const float *reward, size_t n,
                             masa_advantage_kind kind)
{
    double sum = 0, square = 0;
    bool equal = true;
    for (size_t i = 0; i < n; i++) {
        sum += reward[i];
        equal = equal && reward[i] == reward[0];
    }
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) square += (reward[i] - mean) * (reward[i] - mean);
    double std = sqrt(square / (double)n);
    for (size_t i = 0; i < n; i++) {
        /* Equal rewards carry no signal; say so exactly, whatever the rounding. */
        if (equal) advantage[i] = 0;
        else if (kind == MASA_ADVANTAGE_GROUP_NORM)
            advantage[i] = (float)((reward[i] - mean) / (std + 1e-6));
        else if (kind == MASA_ADVANTAGE_LEAVE_ONE_OUT)
            advantage[i] = (float)((reward[i] - mean) * (double)n / (double)(n - 1));
        else advantage[i] = (float)(reward[i] - mean);
    }
}

void masa_advantages(float *advantage, const float *reward, const size_t *groups, size_t n,
                     masa_advantage_kind kind)
{
    for (size_t start = 0, end; start < n; start = end) {
        end = group_end(groups, n, start);
        group_advantages(advantage + start, reward + start, end - start, kind);
    }
    if (kind != MASA_ADVANTAGE_BATCH_NORM) return;
    double square = 0;
    for (size_t i = 0; i < n; i++) square += (double)advantage[i] * advantage[i];
    double scale = 1 / (sqrt(square / (double)n) + 1e-6);
    for (size_t i = 0; i < n; i++) advantage[i] = (float)(advantage[i] * scale);
}
