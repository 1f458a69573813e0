/*
 * Looks at every step's metrics for the signs of a run that only seems to train. Pure: what is
 * found depends on the metrics alone, so that a resumed run reads its store once more and
 * knows what the undisturbed one knew.
 *
 *     rl_health_init(&h, steps, notions);
 *     for each step: rl_health_see for its metrics, then rl_health_step
 */
#ifndef RL_HEALTH_H
#define RL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/text.h>

/* The metrics that rules look at: one table for the index and the name. */
/* clang-format off */
#define RL_SIGNALS(X)                                                                     \
    X(ACCURACY, "accuracy")                                                               \
    X(LENGTH, "length")                                                                   \
    X(TRUNCATED, "truncated")                                                             \
    X(NO_ANSWER, "no_answer")                                                             \
    X(ZERO_VARIANCE, "zero_variance")                                                     \
    X(PROMPTS, "prompts") /* rolled out */                                                \
    X(ENTROPY, "entropy")                                                                 \
    X(GRAD_NORM, "grad_norm")                                                             \
    X(DIFFERENCE, "logprob_difference")                                                   \
    X(SPEED, "tokens_per_second")                                                         \
    X(EVAL, "eval_accuracy")                                                              \
    X(RATE_NO_JSON, "meta_pass_rate_no_json")                                             \
    X(RATE_MISSING, "meta_pass_rate_missing")                                             \
    X(RATE_WRONG_TYPE, "meta_pass_rate_wrong_type")                                       \
    X(RATE_OUT_OF_RANGE, "meta_pass_rate_out_of_range")                                   \
    X(NOTIONS_MISSING, "meta_notions_missing")                                            \
    X(NOTIONS_WRONG_TYPE, "meta_notions_wrong_type")                                      \
    X(NOTIONS_NONE_KEPT, "meta_notions_none_kept")                                        \
    X(CORRELATION, "meta_pass_rate_correlation")                                          \
    X(GATED, "gated")                                                                     \
    X(AUDITED, "audited")                                                                 \
    X(AUDITED_FLAT, "audited_flat")                                                       \
    X(OPEN, "gate_open")                                                                  \
    X(OPEN_FLAT, "gate_open_flat")                                                        \
    X(MEMORY, "memory_mib")                                                               \
    X(DISK, "disk_free_mib")
/* clang-format on */

typedef enum rl_signal {
#define X(name, text) RL_SIGNAL_##name,
    RL_SIGNALS(X)
#undef X
        RL_SIGNAL_COUNT
} rl_signal;

enum {
    RL_HEALTH_WINDOW = 50, /* steps that rules look back at most */
    RL_HEALTH_KEPT = 4 * RL_HEALTH_WINDOW,
    RL_HEALTH_RULES = 16,
};

/* How often a rule's sign was there. */
typedef struct rl_health_rule {
    int seen, absent; /* steps with the sign; without it since the last */
    long said_at;     /* step; 0: never */
    long pause;       /* steps until it may be said again */
} rl_health_rule;

typedef struct rl_health {
    long steps;                  /* of the whole run */
    bool notions;                /* predicted notions are rewarded */
    double now[RL_SIGNAL_COUNT]; /* of the step being seen; NaN: not recorded */
    double series[RL_SIGNAL_COUNT][RL_HEALTH_KEPT];
    double spikes[RL_HEALTH_KEPT]; /* 1 where the gradient's norm leapt */
    size_t n;                      /* steps in the series */
    long step;                     /* the last one judged; 0: none */
    long own; /* steps judged since rl_health_restart: machine's matters count from there */
    double entropy_start, accuracy_best, eval_best, speed_best, speed_best_length, memory_start;
    int evals_below; /* evaluations in a row far below the best */
    rl_health_rule rules[RL_HEALTH_RULES];
} rl_health;

void rl_health_init(rl_health *health, long steps, bool notions);
/* From here on another process trains: its speed, memory and disk are not the last one's. */
void rl_health_restart(rl_health *health);

/* A metric of the step; others than the signals are passed over. */
void rl_health_see(rl_health *health, const char *name, double value);

/* Called for what is to be said of a step: which rule, and in one line the sign, its likely cause
 * and the remedy. */
typedef void rl_health_say(void *context, const char *rule, const char *text);
/* Ends the step. A rule speaks once its sign has lasted, then at doubling intervals. say NULL:
 * the step is only remembered. */
void rl_health_step(rl_health *health, long step, rl_health_say *say, void *context);

/* ---- for the rules ---- */

/* Whether the sign is there in the step that has just been seen; then the text is appended. */
typedef bool rl_health_sign(const rl_health *health, masa_text *text);
typedef struct rl_health_entry {
    const char *name;
    int patience; /* steps that the sign must last */
    rl_health_sign *sign;
} rl_health_entry;
extern const rl_health_entry rl_health_table[RL_HEALTH_RULES];

/* Mean over those of the last n steps, `back` steps ago, that have the metric; NaN when fewer
 * than `least` have. */
double rl_health_mean(const rl_health *health, rl_signal signal, size_t back, size_t n,
                      size_t least);
/* Sum over the last n steps; what is not recorded counts nothing. */
double rl_health_sum(const rl_health *health, rl_signal signal, size_t n);
/* Whether a step, `back` before the last, had no group of solutions to learn from. */
bool rl_health_flat(const rl_health *health, size_t back);

#endif
