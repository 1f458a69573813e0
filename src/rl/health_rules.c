/* The rules: sign, cause and remedy. What a healthy run may show is no sign. */
#include "health.h"

#include <masa/measures.h>

#include <math.h>

#define NOW(signal) (h->series[RL_SIGNAL_##signal][h->n - 1])

/* Of the last five steps, all of which must have it. */
static double lately(const rl_health *h, rl_signal signal)
{
    return rl_health_mean(h, signal, 0, 5, 5);
}

/* ---- rewards ---- */

static bool never_right(const rl_health *h, masa_text *text)
{
    if (lately(h, RL_SIGNAL_ACCURACY) != 0) return false;
    if (NOW(NO_ANSWER) > 0.5)
        masa_text_addf(
            text,
            "no rollout is right, and %.0f %% have no answer where data.answer_rules "
            "looks: read some with `masa inspect --rollouts`, and check data.suffix, "
            "data.answer_rules and model.chat_template",
            100 * NOW(NO_ANSWER));
    else
        masa_text_add(text,
                      "no rollout is right: the problems may be too hard for this model, or "
                      "their answers written in another way; read some with `masa inspect "
                      "--rollouts`");
    return true;
}

static bool truncated(const rl_health *h, masa_text *text)
{
    double cut = lately(h, RL_SIGNAL_TRUNCATED);
    if (!(cut > 0.5)) return false;
    masa_text_addf(text,
                   "%.0f %% of the rollouts end at the length limit, so their answers are "
                   "lost: raise rollout.max_tokens",
                   100 * cut);
    return true;
}

static const char *direction(const rl_health *h)
{
    return rl_health_mean(h, RL_SIGNAL_ACCURACY, 0, 20, 1) > 0.5 ? "harder" : "easier";
}

/* Steps that teach nothing, all of the last or half of many: where they alternate with
 * others, none of those in between makes them harmless. */
static bool no_variance(const rl_health *h, masa_text *text)
{
    int row = 0, flat = 0, steps = 0;
    for (; steps < 20 && (size_t)steps < h->n; steps++) {
        bool is = rl_health_flat(h, (size_t)steps);
        row += is && row == steps;
        flat += is;
    }
    if (row < 5 && (steps < 20 || flat < 10)) return false;
    masa_text_addf(text,
                   "in %d of the last %d steps no group of solutions had both right and wrong "
                   "ones, so they taught nothing: choose problems that are %s, sample more "
                   "(rollout.group_size), or set algorithm.dynamic_sampling",
                   flat, steps, direction(h));
    return true;
}

static bool little_variance(const rl_health *h, masa_text *text)
{
    double flat = rl_health_mean(h, RL_SIGNAL_ZERO_VARIANCE, 0, 20, 10);
    if (!(flat > 0.8 && flat < 1 && lately(h, RL_SIGNAL_ACCURACY) > 0)) return false;
    masa_text_addf(text,
                   "in %.0f %% of the groups all rollouts are right or all wrong: most of the "
                   "work teaches nothing. Choose problems that are %s, or set "
                   "algorithm.dynamic_sampling",
                   100 * flat, direction(h));
    return true;
}

static bool accuracy_fell(const rl_health *h, masa_text *text)
{
    double now = NOW(EVAL), best = h->eval_best;
    if (h->evals_below < 2 || isnan(now)) return false;
    masa_text_addf(text,
                   "unseen accuracy has fallen to %.1f %% from %.1f %%: the run does harm now. "
                   "Its best checkpoint is kept (train.keep_best); lower optimizer.lr, or stop",
                   100 * now, 100 * best);
    return true;
}

static bool rewards_fell(const rl_health *h, masa_text *text)
{
    double now = rl_health_mean(h, RL_SIGNAL_ACCURACY, 0, 20, 10), best = h->accuracy_best;
    if (!(best >= 0.2 && now < 0.5 * best)) return false;
    masa_text_addf(
        text,
        "%.1f %% of the rollouts are right where it was %.1f %% at best: look at them "
        "with `masa inspect --rollouts`, go back to a checkpoint, lower optimizer.lr",
        100 * now, 100 * best);
    return true;
}

/* ---- the policy ---- */

static bool entropy_fell(const rl_health *h, masa_text *text)
{
    double now = rl_health_mean(h, RL_SIGNAL_ENTROPY, 0, 5, 3), start = h->entropy_start;
    if (!(now < 0.01 || now < 0.1 * start)) return false;
    masa_text_addf(text,
                   "the policy has almost no entropy left (%.4f nats a token, %.4f at the "
                   "start): it no longer explores. Lower optimizer.lr or raise "
                   "algorithm.clip_high",
                   now, start);
    return true;
}

static bool gradient_leaps(const rl_health *h, masa_text *text)
{
    double leaps = 0;
    for (size_t i = 0; i < RL_HEALTH_WINDOW && i < h->n; i++) leaps += h->spikes[h->n - 1 - i];
    if (leaps < 2 || !(h->spikes[h->n - 1] > 0)) return false;
    masa_text_addf(text,
                   "the gradient's norm leapt to more than ten times the usual %.0f times in "
                   "the last %d steps (now %.3g): lower optimizer.lr or optimizer.grad_clip",
                   leaps, RL_HEALTH_WINDOW, NOW(GRAD_NORM));
    return true;
}

static bool drift(const rl_health *h, masa_text *text)
{
    double difference = lately(h, RL_SIGNAL_DIFFERENCE);
    if (!(difference > 0.05)) return false;
    masa_text_addf(text,
                   "the log-probabilities of rollouts and trainer differ by %.3f on average: "
                   "set model.compute to f32",
                   difference);
    return true;
}

/* ---- predictions ---- */

static double unreadable(const rl_health *h)
{
    return NOW(RATE_NO_JSON) + NOW(RATE_MISSING) + NOW(RATE_WRONG_TYPE) +
           NOW(RATE_OUT_OF_RANGE);
}

static bool predictions_unreadable(const rl_health *h, masa_text *text)
{
    if (!(unreadable(h) > 0.9)) return false;
    masa_text_addf(
        text,
        "%.0f %% of the predictions cannot be read (%.0f %% have no JSON object): read "
        "some with `masa inspect --kind meta`; begin with a warm start "
        "(meta.warm_start_prompts), and see that meta.max_tokens lets them end",
        100 * unreadable(h), 100 * NOW(RATE_NO_JSON));
    return true;
}

static bool notions_empty(const rl_health *h, masa_text *text)
{
    double empty = NOW(NOTIONS_MISSING) + NOW(NOTIONS_WRONG_TYPE) + NOW(NOTIONS_NONE_KEPT);
    if (!h->notions || !(empty > 0.95) || unreadable(h) > 0.5) return false;
    masa_text_addf(
        text,
        "%.0f %% of the predictions name no notion that the problem lacks, so notions "
        "earn nothing: ask for them in meta.template, or set meta.weight_notion=0",
        100 * empty);
    return true;
}

static bool predictions_say_nothing(const rl_health *h, masa_text *text)
{
    double r = rl_health_mean(h, RL_SIGNAL_CORRELATION, 0, RL_HEALTH_WINDOW, 25);
    if (!(fabs(r) < 0.1)) return false;
    masa_text_addf(text,
                   "predicted pass rates have nothing to do with the true ones (correlation "
                   "%.2f over the last steps): do not act on them (meta.start_step=-1), or "
                   "let more be learned of them (meta.samples, meta.weight)",
                   r);
    return true;
}

static bool gate_at_base_rate(const rl_health *h, masa_text *text)
{
    double audited = rl_health_sum(h, RL_SIGNAL_AUDITED, RL_HEALTH_WINDOW);
    masa_gate_audit audit = {
        .closed = rl_health_sum(h, RL_SIGNAL_GATED, RL_HEALTH_WINDOW) + audited,
        .audited = audited,
        .audited_flat = rl_health_sum(h, RL_SIGNAL_AUDITED_FLAT, RL_HEALTH_WINDOW),
        .open = rl_health_sum(h, RL_SIGNAL_OPEN, RL_HEALTH_WINDOW),
        .open_flat = rl_health_sum(h, RL_SIGNAL_OPEN_FLAT, RL_HEALTH_WINDOW)};
    masa_gate_counts counts = masa_gate_audited(&audit);
    double precision = masa_gate_precision(&counts), base = masa_gate_base_rate(&counts);
    if (audited < 20 || !(precision < base + 0.05)) return false;
    masa_text_addf(
        text,
        "the gate is no better than chance: %.0f %% of what it closes on has no "
        "variance, as has %.0f %% of all (%.0f audited): it throws away what could be "
        "learned. Set meta.start_step=-1, or make it stricter (meta.gate_sigma, "
        "meta.gate_threshold)",
        100 * precision, 100 * base, audited);
    return true;
}

/* ---- the machine ---- */

static bool slower(const rl_health *h, masa_text *text)
{
    double now = rl_health_mean(h, RL_SIGNAL_SPEED, 0, 10, 5);
    double length = rl_health_mean(h, RL_SIGNAL_LENGTH, 0, 10, 5);
    bool shorter = length < 0.5 * h->speed_best_length; /* then prompts take most of the time */
    if (h->own < 30 || shorter || !(now < 0.4 * h->speed_best)) return false;
    masa_text_addf(text,
                   "%.0f tokens/s, where it was %.0f: does another program compute, has the "
                   "machine grown hot, or does it swap?",
                   now, h->speed_best);
    return true;
}

static bool memory_grows(const rl_health *h, masa_text *text)
{
    double now = rl_health_mean(h, RL_SIGNAL_MEMORY, 0, 10, 10);
    double before = rl_health_mean(h, RL_SIGNAL_MEMORY, 10, 10, 10);
    bool grows = h->own >= 30 && now > 1.01 * before;
    if (!grows || !(now > 1.5 * h->memory_start + 256)) return false;
    masa_text_addf(text,
                   "the process holds %.0f MiB, %.0f at its tenth step, and grows: save and "
                   "resume it before memory is out; lower rollout.kept_memory",
                   now, h->memory_start);
    return true;
}

static bool disk_fills(const rl_health *h, masa_text *text)
{
    size_t back = h->own - 1 < RL_HEALTH_WINDOW ? (size_t)(h->own - 1) : RL_HEALTH_WINDOW;
    if (back < 10) return false;
    double now = NOW(DISK),
           rate = (h->series[RL_SIGNAL_DISK][h->n - 1 - back] - now) / (double)back;
    double steps = now / rate;
    if (!(rate > 0 && steps < (double)(h->steps - h->step) && steps < 500)) return false;
    masa_text_addf(text,
                   "the disk has %.0f MiB left and each step takes %.1f: it is full in %.0f "
                   "steps, before the run ends. Make room, or lower train.keep_checkpoints",
                   now, rate, steps);
    return true;
}

const rl_health_entry rl_health_table[RL_HEALTH_RULES] = {
    {"never right", 1, never_right},
    {"truncated", 1, truncated},
    {"no variance", 1, no_variance},
    {"little variance", 1, little_variance},
    {"accuracy fell", 1, accuracy_fell},
    {"rewards fell", 5, rewards_fell},
    {"entropy fell", 5, entropy_fell},
    {"gradient leaps", 1, gradient_leaps},
    {"drift", 1, drift},
    {"predictions unreadable", 5, predictions_unreadable},
    {"notions empty", 10, notions_empty},
    {"predictions say nothing", 1, predictions_say_nothing},
    {"gate at the base rate", 1, gate_at_base_rate},
    {"slower", 5, slower},
    {"memory grows", 5, memory_grows},
    {"disk fills", 5, disk_fills},
};
