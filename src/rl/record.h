/* What a step leaves in the run folder: metrics and rollouts. */
#ifndef RL_RECORD_H
#define RL_RECORD_H

#include "evaluate.h"
#include "update.h"

/* A finished step, summed up. Shares are of the solution rollouts trained on. */
typedef struct rl_summary {
    long step;
    size_t groups, left_out; /* solution groups */
    double reward, accuracy, length; /* means over solution rollouts of all groups */
    double truncated, no_answer;     /* shares of them */
    double zero_variance;            /* share of the groups */
    size_t prompt_tokens, generated_tokens;
    double rollout_seconds, update_seconds;
    double flops; /* estimated, of this step */
} rl_summary;

void rl_summarise(rl_summary *out, const rl_groups *groups);

/* Metrics of the step, inside the open transaction: what a reader looks at first comes
 * first. evaluation may be NULL. */
masa_status rl_record_metrics(rl_session *session, const rl_summary *summary,
                              const rl_update_stats *update, masa_error *err);
masa_status rl_record_evaluation(rl_session *session, long step,
                                 const rl_evaluation *evaluation, masa_error *err);
/* Every rollout of the step, those left out too. */
masa_status rl_record_rollouts(rl_session *session, long step, const rl_groups *groups,
                               masa_error *err);

#endif
