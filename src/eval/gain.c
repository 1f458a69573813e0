/* What goes with an accuracy gain, from one checkpoint to another. */
#include <masa/summary.h>

#include <masa/memory.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>

masa_gain_split masa_eval_gain(const masa_checkpoint_result *results, size_t n)
{
    assert(n >= MASA_GAIN_LEAST);
    bool steps = true;
    for (size_t i = 0; i < n; i++) steps = steps && isfinite(results[i].step);
    size_t k = MASA_GAIN_PARTS - !steps, pairs = n * (n - 1) / 2, row = 0;
    double *features = masa_alloc(pairs * k, sizeof *features), share[MASA_GAIN_PARTS];
    double *target = masa_alloc(pairs, sizeof *target);
    for (size_t j = 1; j < n; j++)
        for (size_t i = 0; i < j; i++, row++) {
            const masa_checkpoint_result *a = &results[i], *b = &results[j];
            const double parts[MASA_GAIN_PARTS] = {
                b->step - a->step, b->difficulty - a->difficulty, b->length - a->length,
                b->notion - a->notion};
            for (size_t f = 0; f < k; f++) features[row * k + f] = parts[f + !steps];
            target[row] = b->accuracy - a->accuracy;
        }
    masa_gain_split out = {.pairs = pairs, .share = {[MASA_GAIN_STEPS] = NAN}};
    out.r2 = masa_shapley_r2(share, features, target, pairs, k);
    for (size_t f = 0; f < k; f++) out.share[f + !steps] = share[f];
    free(features);
    free(target);
    return out;
}
