/**
 * What a file of results says: accuracy with its uncertainty, the quality of the
 * predictions, and how two files differ.
 *
 * Only complete problems count: those with all their samples, each judged. Shares are in
 * [0, 1]; lengths in tokens; what the results do not determine is NAN.
 *
 * Threads: every function may run in any number of threads at once.
 */
#ifndef MASA_SUMMARY_H
#define MASA_SUMMARY_H

#include <masa/gate.h>
#include <masa/measures.h>
#include <masa/meta.h>
#include <masa/results.h>
#include <masa/statistics.h>

enum { MASA_PASS_KS = 24 }; /* 1, 2, 4, ... and the number of samples itself */

typedef struct masa_eval_summary {
    size_t problems;        /* complete */
    size_t samples;         /* of each problem */
    double accuracy;        /* avg@n: mean over problems and samples */
    double deviation;       /* of the accuracy from sample number to sample number */
    masa_interval interval; /* of the accuracy, over problems */
    size_t n_pass;
    struct {
        size_t k;
        double value;
    } pass[MASA_PASS_KS];
    double majority; /* maj@n; NAN of programs, which have no vote */
    double truncated, no_answer, undecided, too_long; /* shares of the samples */
    double tokens, tokens_right, tokens_wrong;        /* mean length of a response */
} masa_eval_summary;

void masa_eval_summarise(masa_eval_summary *out, const masa_result_set *set,
                         const masa_bootstrap_options *bootstrap);

/* ---- predictions ---- */

typedef struct masa_meta_judge {
    masa_meta_options meta;  /* as the predictions were asked for */
    double sigma, tolerance; /* of the gate: masa_gate_closed */
} masa_meta_judge;

/* A problem's predictions and what happened. */
typedef struct masa_meta_record {
    size_t problem; /* in the set */
    size_t n, n_correct;
    double predicted_rate, true_rate;         /* mean prediction; NAN when none is valid */
    double predicted_length, true_length;     /* of correct solutions; NAN when there is none */
    double difficulty, length, notion, total; /* mean rewards of its predictions */
    bool gate_closed;
} masa_meta_record;

typedef struct masa_agreement {
    size_t n;                        /* problems with both values */
    double pearson, spearman, error; /* error: mean of |predicted - true| */
    masa_interval pearson_interval, spearman_interval, error_interval;
} masa_agreement;

enum { MASA_META_BINS = 10 };

typedef struct masa_meta_summary {
    masa_meta_record *records; /* [n] */
    size_t n, n_predictions;
    double difficulty, length, notion, total; /* mean rewards of a prediction */
    /* Of the predictions, why pass rate, length and notions count nothing (VALID: they
     * count), before any comparison with what happened. */
    size_t causes[3][MASA_META_CAUSES];
    masa_agreement rate, lengths;
    masa_calibration_bin bins[MASA_META_BINS]; /* of problems by predicted pass rate */
    double calibration_error;
    masa_gate_counts gate;
    masa_length_errors correct, incorrect; /* standardised errors of predicted lengths */
    double token_share; /* of all generated tokens, those of the predictions */
} masa_meta_summary;

/** Free with masa_meta_summary_deinit; zeroes when the set has no predictions. */
void masa_meta_summarise(masa_meta_summary *out, const masa_result_set *set,
                         const masa_meta_judge *judge, const masa_bootstrap_options *bootstrap);
void masa_meta_summary_deinit(masa_meta_summary *summary);

/* ---- what an accuracy gain goes with ---- */

/* Results of a checkpoint. */
typedef struct masa_checkpoint_result {
    double step; /* NAN: not known */
    double accuracy;
    double difficulty, length, notion; /* mean rewards of its predictions */
} masa_checkpoint_result;

enum {
    MASA_GAIN_STEPS,
    MASA_GAIN_DIFFICULTY,
    MASA_GAIN_LENGTH,
    MASA_GAIN_NOTION,
    MASA_GAIN_PARTS,
    MASA_GAIN_LEAST = 4
};

typedef struct masa_gain_split {
    size_t pairs;
    double r2;                     /* of all parts together */
    double share[MASA_GAIN_PARTS]; /* of r2; NAN of steps where one is not known */
} masa_gain_split;

/**
 * Splits what the differences of accuracy between all pairs of n checkpoints, the later less
 * the earlier, have to do with the differences of steps and of the three rewards:
 * masa_shapley_r2 of the regression. n >= MASA_GAIN_LEAST, since fewer pairs are explained
 * by anything. It is a split of agreement, and no proof of a cause.
 */
masa_gain_split masa_eval_gain(const masa_checkpoint_result *results, size_t n);

/* ---- comparison ---- */

/* One measure of two results, over the problems where both have it. */
typedef struct masa_contrast {
    const char *measure; /* static: "accuracy", "tokens", "meta reward", ... */
    bool lower_is_better;
    masa_paired paired;
} masa_contrast;

enum { MASA_CONTRASTS = 8 };

/**
 * Compares b with a on the problems that are complete in both, joined by id: accuracy and
 * tokens, then the mean rewards of the predictions and the errors of predicted pass rate
 * and length where there are predictions. Writes out [MASA_CONTRASTS], returns how many;
 * *unmatched counts problems that only one has. MASA_ERR_DATA when a problem's gold
 * answers differ or none is in both.
 */
masa_status masa_eval_contrast(masa_contrast *out, size_t *n, size_t *unmatched,
                               const masa_result_set *a, const masa_result_set *b,
                               const masa_meta_judge *judge,
                               const masa_bootstrap_options *bootstrap, masa_error *err);

#endif
