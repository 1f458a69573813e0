/**
 * What a run's meta rollouts, or single passes, predicted, prompt by prompt, beside what
 * came true; and how well that agrees, and how well the gate did, over any window of
 * steps.
 */
#ifndef MASA_FORECASTS_H
#define MASA_FORECASTS_H

#include <masa/error.h>
#include <masa/measures.h>
#include <masa/store.h>

/* A prompt of a step. Numbers are NaN where they are not known. */
typedef struct masa_forecast_row {
    long step, prompt;
    char *problem;              /* owned */
    double rate, true_rate;     /* 0..1; the mean of the predictions */
    double length, true_length; /* tokens; the median; the mean of the right solutions */
} masa_forecast_row;

typedef struct masa_forecasts {
    masa_forecast_row *rows; /* [n] by step and prompt */
    size_t n, capacity;
    struct masa_gate_step {
        long step;
        masa_gate_audit audit;
        masa_gate_audit pilots; /* the same of groups given up after some rollouts */
    } * gate;                   /* [n_gate] the steps in which predictions were acted on */
    size_t n_gate, gate_capacity;
} masa_forecasts;

/** Of the meta rollouts and forecasts that the filter takes (its kind and limit are not
 * looked at). */
masa_status masa_forecasts_read(masa_forecasts *out, masa_store *store,
                                const masa_store_filter *filter, masa_error *err);
void masa_forecasts_deinit(masa_forecasts *forecasts);

enum { MASA_DECILES = 10 };

typedef struct masa_forecast_agreement {
    size_t n_rates, n_lengths;           /* prompts with a prediction and a truth */
    double rate_correlation, rate_error; /* Pearson; mean absolute */
    double calibration_error;
    masa_calibration_bin deciles[MASA_DECILES]; /* of the predicted pass rate */
    double length_correlation, length_error;
    masa_gate_counts gate;  /* NaN where it closed and nothing was audited */
    bool gated;             /* whether there was a gate */
    masa_gate_audit pilots; /* groups given up, and those sampled whole all the same */
} masa_forecast_agreement;

/** Over steps first..last (last < 0: all). */
masa_forecast_agreement masa_forecasts_agreement(const masa_forecasts *forecasts, long first,
                                                 long last);

#endif
