#include "health.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name, text) [RL_SIGNAL_##name] = text,
    RL_SIGNALS(X)
#undef X
};

/* A sign that is away for so many steps has ended: the next one begins anew. */
enum { FORGET = 3, FIRST_PAUSE = 10, SPIKE = 10 };

static void clear_now(rl_health *h)
{
    for (int i = 0; i < RL_SIGNAL_COUNT; i++) h->now[i] = NAN;
}

void rl_health_init(rl_health *h, long steps, bool notions)
{
    *h = (rl_health){.steps = steps, .notions = notions};
    h->entropy_start = h->accuracy_best = h->eval_best = NAN;
    for (int i = 0; i < RL_HEALTH_RULES; i++) h->rules[i].pause = FIRST_PAUSE;
    clear_now(h);
    rl_health_restart(h);
}

void rl_health_restart(rl_health *h)
{
    h->own = 0;
    h->speed_best = h->memory_start = NAN;
}

void rl_health_see(rl_health *h, const char *name, double value)
{
    for (int i = 0; i < RL_SIGNAL_COUNT; i++)
        if (strcmp(names[i], name) == 0) h->now[i] = value;
}

double rl_health_mean(const rl_health *h, rl_signal signal, size_t back, size_t n, size_t least)
{
    double sum = 0;
    size_t there = 0;
    for (size_t i = back; i < back + n && i < h->n; i++) {
        double value = h->series[signal][h->n - 1 - i];
        if (isnan(value)) continue;
        sum += value;
        there++;
    }
    return there && there >= least ? sum / (double)there : NAN;
}

double rl_health_sum(const rl_health *h, rl_signal signal, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n && i < h->n; i++) {
        double value = h->series[signal][h->n - 1 - i];
        if (!isnan(value)) sum += value;
    }
    return sum;
}

bool rl_health_flat(const rl_health *h, size_t back)
{
    size_t at = h->n - 1 - back;
    bool rolled = !isnan(h->series[RL_SIGNAL_PROMPTS][at]);
    return rolled && !(h->series[RL_SIGNAL_ZERO_VARIANCE][at] < 1);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whether this step's gradient is many times the usual one. */
static bool is_spike(const rl_health *h)
{
    double norms[RL_HEALTH_WINDOW], now = h->now[RL_SIGNAL_GRAD_NORM];
    size_t n = 0;
    for (size_t i = 0; i < RL_HEALTH_WINDOW && i < h->n; i++) {
        double value = h->series[RL_SIGNAL_GRAD_NORM][h->n - 1 - i];
        if (value > 0) norms[n++] = value;
    }
    qsort(norms, n, sizeof *norms, compare_numbers);
    return n >= 10 && now > SPIKE * norms[n / 2];
}

static void append(rl_health *h)
{
    enum { HALF = RL_HEALTH_KEPT / 2 };
    if (h->n == RL_HEALTH_KEPT) {
        for (int i = 0; i < RL_SIGNAL_COUNT; i++)
            memcpy(h->series[i], h->series[i] + HALF, HALF * sizeof **h->series);
        memcpy(h->spikes, h->spikes + HALF, HALF * sizeof *h->spikes);
        h->n = HALF;
    }
    h->spikes[h->n] = is_spike(h);
    for (int i = 0; i < RL_SIGNAL_COUNT; i++) h->series[i][h->n] = h->now[i];
    h->n++;
    h->own++;
}

/* What later steps are compared with. */
static void remember(rl_health *h)
{
    double eval = h->now[RL_SIGNAL_EVAL];
    if (isnan(h->entropy_start))
        h->entropy_start = rl_health_mean(h, RL_SIGNAL_ENTROPY, 0, 5, 5);
    h->accuracy_best = fmax(h->accuracy_best, rl_health_mean(h, RL_SIGNAL_ACCURACY, 0, 20, 10));
    if (!isnan(eval)) {
        bool below = eval < h->eval_best - fmax(0.1, 0.2 * h->eval_best);
        h->evals_below = below ? h->evals_below + 1 : 0;
        h->eval_best = fmax(h->eval_best, eval);
    }
    double speed = h->own < 10 ? NAN : rl_health_mean(h, RL_SIGNAL_SPEED, 0, 10, 5);
    if (speed > h->speed_best || isnan(h->speed_best)) {
        h->speed_best = speed;
        h->speed_best_length = rl_health_mean(h, RL_SIGNAL_LENGTH, 0, 10, 5);
    }
    if (h->own == 10) h->memory_start = rl_health_mean(h, RL_SIGNAL_MEMORY, 0, 5, 5);
}

static void judge(rl_health *h, int i, rl_health_say *say, void *context)
{
    rl_health_rule *r = &h->rules[i];
    masa_text text = {0};
    if (rl_health_table[i].sign(h, &text)) {
        r->seen++;
        r->absent = 0;
    } else if (++r->absent >= FORGET) {
        r->seen = 0;
    }
    bool due = r->said_at == 0 || h->step - r->said_at >= r->pause;
    if (text.size && r->seen >= rl_health_table[i].patience && due) {
        if (r->said_at) r->pause *= 2;
        r->said_at = h->step;
        if (say) say(context, rl_health_table[i].name, masa_text_get(&text));
    }
    masa_text_deinit(&text);
}

void rl_health_step(rl_health *h, long step, rl_health_say *say, void *context)
{
    append(h);
    remember(h);
    h->step = step;
    for (int i = 0; i < RL_HEALTH_RULES; i++) judge(h, i, say, context);
    clear_now(h);
}
