/**
 * The store of a run: an SQLite database (WAL) with every step's metrics, every
 * rollout, evaluation and decision. Readable with any SQLite tool while the run
 * goes on; tables and columns are in docs/runs.md.
 *
 * Writing is one transaction per step: what is between begin and commit is there
 * wholly or not at all. One thread at a time.
 *
 * Another program that has locked the file is waited for: to read it some seconds, to write it
 * until it has let go or a stop is asked for (MASA_ERR_INTERRUPTED).
 *
 * Errors are MASA_ERR_IO (full disk, read-only, locked) or MASA_ERR_FORMAT (not a
 * database, damaged, of another version), naming the file.
 */
#ifndef MASA_STORE_H
#define MASA_STORE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/text.h>

typedef struct masa_store masa_store;

typedef enum masa_store_mode {
    MASA_STORE_WRITE, /* create it when missing */
    MASA_STORE_READ,  /* must exist; writes nothing, so that read-only media will do */
} masa_store_mode;

masa_status masa_store_open(masa_store **out, const char *path, masa_store_mode mode,
                            masa_error *err);
/** A lock is no longer waited for once *stop, which is borrowed, is not 0. */
void masa_store_heed(masa_store *store, const volatile sig_atomic_t *stop);
/** Rolls back what was not committed. NULL is fine. */
void masa_store_close(masa_store *store);

/* ---- writing ---- */

masa_status masa_store_begin(masa_store *store, masa_error *err);
masa_status masa_store_commit(masa_store *store, masa_error *err);
void masa_store_rollback(masa_store *store);

/** Removes everything of the steps after `step`: what a resumed run does again. Its
 *  own transaction. */
masa_status masa_store_truncate(masa_store *store, long step, masa_error *err);

/** A metric of a step, such as "reward/mean"; a second value replaces the first. NaN and
 *  infinity are kept as NULL and read back as NaN. */
masa_status masa_store_add_metric(masa_store *store, long step, const char *name, double value,
                                  masa_error *err);

/* What a meta rollout predicted, and what was true of its prompt. */
typedef struct masa_store_prediction {
    long pass_rate;                                             /* in eighths; -1: not read */
    long length;                                                /* tokens; -1: not read */
    const char *notions;                                        /* a JSON list of strings */
    const char *cause_pass_rate, *cause_length, *cause_notions; /* masa_meta_cause_text */
    double difficulty, length_reward, notion_reward; /* NaN: there were no solutions */
    double true_pass_rate, true_length; /* the latter of right ones; NaN: unknown */
} masa_store_prediction;

/** Appends a line for people on what was predicted, and one on what was true when it is known. */
void masa_store_prediction_text(masa_text *out, const masa_store_prediction *prediction);

/* One rollout. Strings are borrowed; NULL is the same as "". */
typedef struct masa_store_rollout {
    long step;
    long prompt;         /* place of the prompt in the step, 0.. */
    const char *problem; /* id of the problem */
    const char *kind;    /* "solution" or "meta" */
    long sample;         /* 0.. within the prompt's rollouts of this kind */
    const char *prompt_text;
    const char *text;
    const char *answer; /* the expected answer */
    long prompt_tokens, tokens;
    const int32_t *ids; /* [tokens] of the response; NULL: not known */
    double reward, advantage;
    const char *cause; /* of its stop: masa_stop_cause_name */
    double logprob;    /* mean over its tokens */
    double seconds;
    const char *extracted;                   /* the answer that was found in a solution */
    bool correct;                            /* of a solution */
    const char *said;                        /* what a reward of the user's says of it */
    const masa_store_prediction *prediction; /* of a meta rollout; else NULL */
    const char *parts;                       /* only read: of a sum of rewards a JSON object,
                          {"format":1.0,...}; or "" */
} masa_store_rollout;
/** A rollout with the same step, prompt, kind and sample is replaced. */
masa_status masa_store_add_rollout(masa_store *store, const masa_store_rollout *rollout,
                                   masa_error *err);

/** A part of a solution's reward, without its weight. */
masa_status masa_store_add_reward(masa_store *store, const masa_store_rollout *solution,
                                  const char *part, double value, masa_error *err);

/* One answer to one problem in an evaluation. Rows are added, never replaced: an evaluation
 * belongs into the transaction of its step, before that step's checkpoint. */
typedef struct masa_store_eval {
    long step;           /* of the weights; 0: before the first update */
    const char *problem; /* id */
    long sample;
    const char *text, *answer;
    bool correct;
    long tokens;
    const char *cause;
    const char *extracted; /* the answer that was found in text */
} masa_store_eval;
masa_status masa_store_add_eval(masa_store *store, const masa_store_eval *eval,
                                masa_error *err);

/* A decision taken on a prediction. */
typedef struct masa_store_decision {
    long step, prompt;
    const char *problem;
    /* "forecast", "gate", "audit", "pilot", "pilot audit", "size", "cutoff" or "hint" */
    const char *kind;
    bool taken;             /* gated; cut off */
    double mean, deviation; /* of the predictions behind it */
    double value;           /* what was decided, such as the cutoff in tokens; of a forecast
                               what came true */
    const char *extra;      /* a JSON object, or NULL */
} masa_store_decision;
masa_status masa_store_add_decision(masa_store *store, const masa_store_decision *decision,
                                    masa_error *err);

/** What the run's health had to say of a step: which rule, and a line of text. Outside or inside
 *  a transaction. */
masa_status masa_store_add_event(masa_store *store, long step, const char *rule,
                                 const char *text, masa_error *err);

/** Facts about the run: "model", "masa_version". Outside or inside a transaction. */
masa_status masa_store_set_info(masa_store *store, const char *key, const char *value,
                                masa_error *err);
/** NULL when there is none; caller frees. */
masa_status masa_store_get_info(masa_store *store, const char *key, char **out,
                                masa_error *err);

/* ---- reading: each calls visit for every row in order; a visit that fails ends it ---- */

/** Last step that has metrics; -1 when there is none. */
masa_status masa_store_last_step(masa_store *store, long *out, masa_error *err);

typedef masa_status masa_store_metric_visit(void *context, long step, const char *name,
                                            double value, masa_error *err);
/** Metrics of steps first..last (last < 0: all), by step, then as they were added; name
 *  NULL: all. So the loop adds first what a reader should see first. */
masa_status masa_store_metrics(masa_store *store, long first, long last, const char *name,
                               masa_store_metric_visit *visit, void *context, masa_error *err);

/* Which rollouts. MASA_STORE_ALL takes all; strings NULL do not filter. */
typedef struct masa_store_filter {
    long first_step, last_step; /* last < 0: no end */
    long prompt;                /* < 0: any */
    const char *problem;        /* id */
    const char *kind, *cause;
    const char *contains; /* a part of the response's text */
    double reward_min, reward_max;
    long limit; /* < 0: all */
} masa_store_filter;
#define MASA_STORE_ALL                                                                         \
    ((masa_store_filter){0, -1, -1, NULL, NULL, NULL, NULL, -1e300, 1e300, -1})

typedef masa_status masa_store_rollout_visit(void *context, const masa_store_rollout *rollout,
                                             masa_error *err);
/** Rollouts by step, prompt, kind (solutions first), sample. */
masa_status masa_store_rollouts(masa_store *store, const masa_store_filter *filter,
                                masa_store_rollout_visit *visit, void *context,
                                masa_error *err);

typedef masa_status masa_store_eval_visit(void *context, const masa_store_eval *eval,
                                          masa_error *err);
/** Answers of the evaluations of steps first..last (last < 0: all). */
masa_status masa_store_evals(masa_store *store, long first, long last,
                             masa_store_eval_visit *visit, void *context, masa_error *err);

typedef masa_status
masa_store_decision_visit(void *context, const masa_store_decision *decision, masa_error *err);
masa_status masa_store_decisions(masa_store *store, long first, long last,
                                 masa_store_decision_visit *visit, void *context,
                                 masa_error *err);

typedef masa_status masa_store_event_visit(void *context, long step, const char *rule,
                                           const char *text, masa_error *err);
/** Stores of older programs have none. */
masa_status masa_store_events(masa_store *store, long first, long last,
                              masa_store_event_visit *visit, void *context, masa_error *err);

#endif
