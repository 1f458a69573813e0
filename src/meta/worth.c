#include <masa/worth.h>

#include <masa/memory.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>

typedef struct offer {
    double gain; /* of one more rollout, per token */
    size_t prompt;
} offer;

static double gain_of(double spread, double tokens, size_t size)
{
    return spread / (tokens * (double)size * (double)(size + 1));
}

/* Size of a prompt that gets every rollout that gains more than price per token. */
static size_t size_at(double price, double spread, double tokens, size_t least, size_t most)
{
    double size = floor((1 + sqrt(1 + 4 * spread / (tokens * price))) / 2);
    if (size >= (double)most) return most;
    return size <= (double)least ? least : (size_t)size;
}

/* Sets the sizes; returns what they cost. */
static double buy(size_t *size, double price, const double *spread, const double *tokens,
                  size_t n, size_t least, size_t most)
{
    double cost = 0;
    for (size_t q = 0; q < n; q++) {
        size[q] = size_at(price, spread[q], tokens[q], least, most);
        cost += tokens[q] * (double)size[q];
    }
    return cost;
}

static int compare_offers(const void *a, const void *b)
{
    const offer *x = a, *y = b;
    if (x->gain != y->gain) return x->gain > y->gain ? -1 : 1;
    return (x->prompt > y->prompt) - (x->prompt < y->prompt);
}

static void spend_rest(size_t *size, const double *spread, const double *tokens, size_t n,
                       double rest, size_t most)
{
    offer *offers = masa_alloc(n + 1, sizeof *offers);
    for (size_t q = 0; q < n; q++)
        offers[q] = (offer){gain_of(spread[q], tokens[q], size[q]), q};
    qsort(offers, n, sizeof *offers, compare_offers);
    for (size_t i = 0; i < n; i++) {
        size_t q = offers[i].prompt;
        if (spread[q] > 0 && size[q] < most && tokens[q] <= rest) {
            size[q]++;
            rest -= tokens[q];
        }
    }
    free(offers);
}

void masa_worth_allocate(size_t *size, const double *spread, const double *tokens, size_t n,
                         double budget, size_t least, size_t most)
{
    assert(1 <= least && least <= most);
    /* At the high price nobody gets more than the least, at the low one all get the most.
     */
    double high = 0, low = INFINITY;
    for (size_t q = 0; q < n; q++) {
        if (!(spread[q] > 0)) continue;
        high = fmax(high, 2 * gain_of(spread[q], tokens[q], least));
        low = fmin(low, gain_of(spread[q], tokens[q], most) / 2);
    }
    if (high == 0) high = low = 1; /* no prompt is worth more than the least */
    double cost = buy(size, high, spread, tokens, n, least, most);
    if (cost >= budget) return;
    if (buy(size, low, spread, tokens, n, least, most) <= budget) return;
    /* In logarithms, to the last bit or so: prices may be orders of magnitude apart. */
    for (int i = 0; i < 100; i++) {
        double middle = sqrt(low) * sqrt(high);
        *(buy(size, middle, spread, tokens, n, least, most) <= budget ? &high : &low) = middle;
    }
    cost = buy(size, high, spread, tokens, n, least, most);
    spend_rest(size, spread, tokens, n, budget - cost, most);
}
