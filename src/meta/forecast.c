#include <masa/gate.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void mean_and_deviation(double *mean, double *deviation, const double *x, size_t n)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    *mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) square += (x[i] - *mean) * (x[i] - *mean);
    *deviation = n ? sqrt(square / (double)n) : 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. */
static double aggregate(double *x, size_t n, double mean, masa_cutoff_statistic statistic)
{
    if (n == 0 || statistic == MASA_CUTOFF_MEAN) return mean;
    qsort(x, n, sizeof *x, compare_doubles);
    if (statistic == MASA_CUTOFF_MAX) return x[n - 1];
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

/* A different notion, while the predictions are gone through. */
typedef struct notion {
    masa_words *words;
    const char *spelling;
    size_t count, last; /* rollouts naming it; the last of them, from 1 */
} notion;

typedef struct notions {
    notion *items;
    size_t n, capacity;
} notions;

static void add_notion(notions *all, const char *spelling, size_t rollout)
{
    masa_words *words = masa_words_create(spelling, strlen(spelling), MASA_NOTION_LEMMA);
    size_t i = 0;
    while (i < all->n && !masa_words_equal(all->items[i].words, words)) i++;
    if (i < all->n || masa_words_empty(words)) {
        masa_words_destroy(words);
    } else {
        notion fresh = {.words = words, .spelling = spelling};
        MASA_PUSH(all->items, all->n, all->capacity, fresh);
    }
    /* A rollout that repeats itself counts once. */
    if (i < all->n && all->items[i].last != rollout) {
        all->items[i].count++;
        all->items[i].last = rollout;
    }
}

static void gather_notions(masa_forecast *out, const masa_prediction *predictions, size_t n)
{
    notions all = {0};
    for (size_t i = 0; i < n; i++) {
        if (predictions[i].notion_cause != MASA_META_VALID) continue;
        for (size_t k = 0; k < predictions[i].n_notions; k++)
            add_notion(&all, predictions[i].notions[k], i + 1);
    }
    out->notions = masa_alloc(all.n + 1, sizeof *out->notions);
    out->notion_counts = masa_alloc(all.n + 1, sizeof *out->notion_counts);
    for (size_t count = n; count > 0; count--)
        for (size_t i = 0; i < all.n; i++)
            if (all.items[i].count == count) {
                out->notions[out->n_notions] = masa_strdup(all.items[i].spelling);
                out->notion_counts[out->n_notions++] = count;
            }
    for (size_t i = 0; i < all.n; i++) masa_words_destroy(all.items[i].words);
    free(all.items);
}

void masa_forecast_init(masa_forecast *out, const masa_prediction *predictions, size_t n,
                        masa_cutoff_statistic statistic)
{
    *out = (masa_forecast){.n = n};
    double *rates = masa_alloc(n + 1, sizeof *rates),
           *lengths = masa_alloc(n + 1, sizeof *lengths);
    for (size_t i = 0; i < n; i++) {
        const masa_prediction *p = &predictions[i];
        if (p->pass_rate_cause == MASA_META_VALID)
            rates[out->n_pass_rates++] = (double)p->pass_rate / MASA_PASS_RATE_SCALE;
        if (p->length_cause == MASA_META_VALID) lengths[out->n_lengths++] = (double)p->length;
    }
    mean_and_deviation(&out->pass_rate_mean, &out->pass_rate_deviation, rates,
                       out->n_pass_rates);
    mean_and_deviation(&out->length_mean, &out->length_deviation, lengths, out->n_lengths);
    out->length = aggregate(lengths, out->n_lengths, out->length_mean, statistic);
    gather_notions(out, predictions, n);
    free(rates);
    free(lengths);
}

void masa_forecast_init_one_pass(masa_forecast *out,
                                 const double probability[MASA_PASS_RATE_SCALE + 1])
{
    double mass = 0, sum = 0, square = 0;
    for (int k = 0; k <= MASA_PASS_RATE_SCALE; k++) {
        mass += probability[k];
        sum += probability[k] * k / MASA_PASS_RATE_SCALE;
    }
    *out = (masa_forecast){.n = 2, .n_pass_rates = mass >= 0.5 ? 2 : 0};
    if (!out->n_pass_rates) return;
    out->pass_rate_mean = sum / mass;
    for (int k = 0; k <= MASA_PASS_RATE_SCALE; k++) {
        double off = (double)k / MASA_PASS_RATE_SCALE - out->pass_rate_mean;
        square += probability[k] / mass * off * off;
    }
    out->pass_rate_deviation = sqrt(square);
}

bool masa_forecast_readable(const masa_forecast *forecast)
{
    return forecast->n_pass_rates >= 2 && 2 * forecast->n_pass_rates >= forecast->n;
}

void masa_forecast_deinit(masa_forecast *forecast)
{
    for (size_t i = 0; i < forecast->n_notions; i++) free(forecast->notions[i]);
    free(forecast->notions);
    free(forecast->notion_counts);
    *forecast = (masa_forecast){0};
}
