/* What a step leaves in the run folder: metrics and rollouts. */
#ifndef RL_RECORD_H
#define RL_RECORD_H

#include "evaluate.h"
#include "experts.h"
#include "flops.h"
#include "update.h"

#include <masa/dist.h>

/* A finished step, summed up. Shares are of the solution rollouts trained on. */
typedef struct rl_summary {
    long step;
    size_t groups, left_out;         /* solution groups */
    double reward, accuracy, length; /* means over solution rollouts of all groups */
    double truncated, no_answer;     /* shares of them */
    masa_found found;                /* which rules found their answers, but for programs */
    double parts[MASA_REWARD_PARTS]; /* means of rewards without weights; NaN: not asked for */
    double meta_reward;              /* mean over rewarded meta rollouts; NaN: none */
    double gated;                    /* share of the prompts decided on; NaN: none */
    double zero_variance;            /* share of the groups */
    size_t prompt_tokens, generated_tokens; /* of both kinds */
    size_t prefilled_tokens; /* of prompts that were computed: the rest was in the cache */
    double rollout_seconds, update_seconds;
    rl_cost cost;                           /* estimated, of this step */
    double exchanged_mib, exchange_seconds; /* sent to other processes, and spent with that */
    double vote_seconds;                    /* of these, waiting for the slowest */
} rl_summary;

/* All that a finished step is reported by. */
typedef struct rl_step {
    rl_summary summary;
    rl_update_stats update;
    rl_cloning cloning;
} rl_step;

void rl_summarise(rl_summary *out, const rl_draws *draws);
/* What exchanges have cost since `before` (masa_dist_cost_get). */
void rl_add_exchange(rl_summary *out, const masa_dist_cost *before);

typedef struct rl_metric {
    const char *name;
    double value; /* NaN: not to be had in this step */
} rl_metric;
masa_status rl_add_metrics(rl_session *session, long step, const rl_metric *metrics, size_t n,
                           masa_error *err);

/* Metrics of the step, inside the open transaction: what a reader looks at first comes
 * first. evaluation may be NULL. */
masa_status rl_record_metrics(rl_session *session, const rl_summary *summary,
                              const rl_update_stats *update, masa_error *err);
masa_status rl_record_evaluation(rl_session *session, long step,
                                 const rl_evaluation *evaluation, masa_error *err);
/* What the evaluation of the session's weights gave `metric`, where it is on record. */
typedef struct rl_score {
    bool recorded;
    double value;
} rl_score;
masa_status rl_find_score(rl_session *session, const char *metric, rl_score *out,
                          masa_error *err);
/* Every rollout of the step, those left out too. */
masa_status rl_record_rollouts(rl_session *session, long step, const rl_draws *draws,
                               masa_error *err);

#endif
