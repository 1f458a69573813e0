/**
 * Acting on predictions before a prompt is solved: what its meta rollouts foretell
 * together, the gate that skips it, the length cutoff, the hint; the soft form of the
 * cutoff; and the measure of how far predictions can be trusted at present.
 *
 * Source: MASA-efficient (arXiv:2510.03259); the soft forms and the adaptive transition
 * are this project's own and derived below.
 *
 * Threads: every function may run in any number of threads on different objects.
 */
#ifndef MASA_GATE_H
#define MASA_GATE_H

#include <masa/meta.h>

typedef enum masa_cutoff_statistic {
    MASA_CUTOFF_MEDIAN,
    MASA_CUTOFF_MEAN,
    MASA_CUTOFF_MAX,
} masa_cutoff_statistic;

/* What a prompt's meta rollouts predict together; its own copies. */
typedef struct masa_forecast {
    size_t n;                   /* predictions asked for */
    size_t n_pass_rates;        /* valid predicted pass rates */
    double pass_rate_mean;      /* of p^/8, in [0, 1]; 0 when there is none */
    double pass_rate_deviation; /* standard deviation of the population, in [0, 1/2] */
    double level;               /* what the fitted gate adds to the mean's logit */
    size_t n_lengths;           /* valid predicted lengths */
    double length;              /* the statistic asked for, in tokens; 0 when there is none */
    double length_mean, length_deviation;
    /* The different notions (by lemma, in the first spelling), those that most rollouts
     * name first, of equals the first named. */
    char **notions;
    size_t *notion_counts; /* [n_notions] rollouts that name it */
    size_t n_notions;
} masa_forecast;

/** The deviations are numpy's (divided by n). Free with masa_forecast_deinit. */
void masa_forecast_init(masa_forecast *forecast, const masa_prediction *predictions, size_t n,
                        masa_cutoff_statistic statistic);
void masa_forecast_deinit(masa_forecast *forecast);

/**
 * The forecast of a single pass: mean and deviation of the distribution over the digits of
 * the pass rate, as the model's own probabilities after `"pass_rate": ` give it.
 * probability[k] is that of digit k, not negative; they need not sum to 1: what is missing
 * went to other tokens. Lengths and notions stay empty. The distribution counts as two
 * predictions, both valid where the digits hold at least half of the probability, none where
 * they hold less; so the rule below holds for it as it stands.
 */
void masa_forecast_init_one_pass(masa_forecast *forecast,
                                 const double probability[MASA_PASS_RATE_SCALE + 1]);

/** Whether pass rates can be judged by: at least two are valid, and at least half of the
 *  predictions asked for. */
bool masa_forecast_readable(const masa_forecast *forecast);

/**
 * Whether the prompt is predicted to be trivial or unsolvable beyond doubt (the paper's
 * gate): the forecast is readable, the deviation of its pass rates < sigma, their mean
 * within tolerance of 0 or of 1.
 */
bool masa_gate_closed(const masa_forecast *forecast, double sigma, double tolerance);

/**
 * Tokens after which a solution rollout is cut: margin x the predicted length, rounded,
 * within 1..max_tokens. max_tokens when no length is valid or margin is 0.
 */
size_t masa_cutoff_tokens(const masa_forecast *forecast, double margin, size_t max_tokens);

enum { MASA_HINT_NOTIONS = 5 }; /* the usual `most`: more would be a list, not a hint */

/**
 * Appends " It could be solved using A, B and C." with the first `most` notions.
 * Notions that no list reads well with (over 64 bytes, or a control character in them)
 * are passed over. Appends nothing when none is left. Returns how many it named.
 */
size_t masa_hint_add(masa_text *out, const masa_forecast *forecast, size_t most);

/* ---- a prompt's history ---- */

/* What a prompt's own rollouts showed so far: counts of right and wrong ones, each worth
 * discount^(epochs since). Starts as {0, 0, 0}. A checkpoint keeps the three numbers. */
typedef struct masa_belief {
    double right, wrong; /* as of `step` */
    long step;
} masa_belief;

/** The belief as it is at `step` (not before the belief's own). The caller says what it
 *  counts by; epochs (or the prompt's visits) are better than steps, of which a large set of
 *  prompts has so many between two visits that nothing is left. */
masa_belief masa_belief_at(const masa_belief *belief, long step, double discount);

/** Brings the belief to `step` and adds the new counts. */
void masa_belief_update(masa_belief *belief, long step, double right, double wrong,
                        double discount);

/* ---- soft cutoff ---- */

/**
 * Advantages of one prompt's rollouts when a rollout that reaches the cutoff goes on with
 * probability s only, decided for each by itself.
 *
 * weight[i] is 1 for a rollout that ended before the cutoff, 1/s for one that went past
 * it, 0 for one that was cut there (its reward is unknown and not read). With S the
 * survival, E_S[w_i] = 1 for every i, and w_i is independent of w_j.
 *
 *   A_i = w_i (r_i - 1/(n-1) sum_{j != i} w_j r_j) (n-1)/n
 *
 * Proof that nothing is lost on average. Let g_i be the gradient of rollout i's
 * log-probability, r_i the reward it would have had uncut; both are fixed before the
 * survival is drawn. Then
 *
 *   E_S[A_i g_i] = (r_i - 1/(n-1) sum_{j != i} r_j) (n-1)/n g_i
 *                = ((n-1) r_i - (n mean(r) - r_i)) / n g_i  = (r_i - mean(r)) g_i,
 *
 * which is the uncut, mean-centred gradient of the rollout, exactly, for every s > 0. A
 * baseline with rollout i itself in it would not do: E_S[w_i w_i] = 1/s. (A length
 * normalisation of the objective must not depend on what survived.)
 *
 * divide_by_deviation divides by the reweighted deviation sqrt(sum w (r - m)^2 / sum w),
 * m = sum w r / sum w, plus 1e-6: consistent, since it tends to the uncut one as n grows,
 * but not exactly unbiased, since it is random and not independent of w_i. Survivors
 * with equal rewards then get 0, as in GRPO.
 *
 * advantage [n] out, reward [n] in, weight [n] in; no overlap. All are 0 when n is 1.
 */
void masa_soft_cutoff_advantages(float *advantage, const float *reward, const float *weight,
                                 size_t n, bool divide_by_deviation);

/**
 * The same for RLOO, r_i less the mean of the others: n/(n-1) times the above undivided, and
 * as exact.
 */
void masa_soft_cutoff_leave_one_out(float *advantage, const float *reward, const float *weight,
                                    size_t n);

/* What an update does with the advantages; each of these lets a rollout's share of the
 * gradient depend on which others survived, or on its own weight otherwise than linearly. */
typedef struct masa_soft_cutoff_use {
    bool deviation;   /* advantages are divided by a deviation of these rewards: GRPO's
                         group norm, REINFORCE++'s batch norm */
    bool token_total; /* a token weighs 1 / the tokens of this batch: token mean */
    bool clipped;     /* the ratio to the old policy may leave the clip range: more than one
                         update on the same rollouts, or old log-probabilities recomputed */
    bool reference;   /* a KL term, which is not weighted by survival */
    bool chosen;      /* what is sampled or trained on follows from this batch's rewards or
                         lengths: dynamic sampling, pilots, sizes by worth, a subset */
} masa_soft_cutoff_use;

/**
 * Whether the expectation of the update's gradient over the survival is the gradient without
 * the cutoff, exactly: NULL, or the first reason against it, as it can be put into a sentence
 * ("a soft cutoff is unbiased only if ...: REASON").
 *
 * The gradient is sum_i sum_t v_i A_i rho_it g_it, v_i the weight of a token of rollout i and
 * rho its ratio. A_i is linear in every w_j, so E_S[v_i A_i] = v_i E_S[A_i] as soon as v_i is
 * fixed before the survival is drawn:
 *
 *   advantage       group mean (Dr.GRPO) and leave-one-out (RLOO): exact; group norm and batch
 *                   norm are not, the deviation being random and not independent of w_i. A
 *                   deviation known beforehand (of the last steps, of the forecast) would be.
 *   aggregation     sequence mean, v_i = 1 / (rollouts x own length), and constant, 1 /
 *                   (rollouts x longest): exact, the rollouts counted with those cut, which
 *                   have weight 0, and a survivor's length being its whole one. Token mean, 1 /
 *                   tokens: not, since a batch with more survivors has more tokens; with a
 *                   normaliser from elsewhere, as the mean of the steps before, exact.
 *   ratio           rho = 1, or any as long as nothing is clipped. The clip asks for the sign
 *                   of A_i, which survival can turn: max(A_i, 0) is not linear.
 *   reference       the KL term of cut rollouts is missing and that of survivors not
 *                   multiplied.
 *
 *   chosen          a group is kept, completed, sized or trained by what survived of it, so that
 *                   E_S is no longer over all outcomes alike.
 *
 * tests/meta/test_soft_cutoff.c enumerates all survivals for every combination.
 */
const char *masa_soft_cutoff_obstacle(const masa_soft_cutoff_use *use);

/* ---- adaptive transition ---- */

/* Decayed sums of how predictions compared with what happened. Starts as all 0; a
 * checkpoint keeps the six numbers. */
typedef struct masa_calibration {
    double pass_rate_weight, pass_rate_error; /* prompts; sum of |p^ - p| */
    double length_weight, length_error;       /* prompts; sum of |log(l^ / l)| */
    double gate_weight, gate_right;           /* closed gates; those with zero variance */
} masa_calibration;

typedef struct masa_calibration_options {
    double window;          /* prompts: each new one takes 1/window of the old weight */
    double least;           /* prompts seen before anything is switched on, < window */
    double pass_rate_error; /* efficient while the mean of |p^ - p| is at most this, */
    double length_error;    /* the mean of |log(l^ / l)| at most this, */
    double gate_precision;  /* and the share of closed gates with zero variance at least
                               this */
    double slack; /* >= 1: how far beyond these a measure goes before it switches off */
} masa_calibration_options;

#define MASA_CALIBRATION_DEFAULTS                                                              \
    {                                                                                          \
        512, 128, 0.15, 0.4, 0.8, 1.5                                                          \
    }

/**
 * Adds one prompt whose solutions were rolled out: p^ and l^ from the forecast, p and the
 * mean length of the correct rollouts from the summary. A forecast without a valid pass
 * rate counts as the error 1; lengths count where one is predicted, no cutoff was in force
 * and a rollout is correct. gate_closed: the gate closed, or would have, on this prompt; it
 * was right if all rollouts were correct or none was, wrong if some were (and nothing is
 * added where rollouts were cut and the others agree).
 */
void masa_calibration_update(masa_calibration *calibration, const masa_forecast *forecast,
                             const masa_statistics_summary *truth, bool gate_closed,
                             const masa_calibration_options *options);

/* The measures; NAN while there is nothing to measure. */
double masa_calibration_pass_rate_error(const masa_calibration *calibration);
double masa_calibration_length_error(const masa_calibration *calibration);
double masa_calibration_gate_precision(const masa_calibration *calibration);

/**
 * Whether to act on predictions from now on. Switches on when enough prompts were seen
 * and every measure meets its threshold; off when one is beyond slack x its threshold
 * (for the precision: its shortfall from 1). In between things stay as they are. A
 * measure without observations is no obstacle.
 */
bool masa_calibration_switch(const masa_calibration *calibration,
                             const masa_calibration_options *options, bool efficient_now);

#endif
