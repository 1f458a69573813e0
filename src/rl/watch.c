#include "watch.h"

#include <masa/log.h>

/* A sign is reported when it was there this many steps in a row, and again each time it
 * was there this many more. */
enum { PATIENCE = 5 };

static bool lasting(int *count, bool seen)
{
    *count = seen ? *count + 1 : 0;
    return *count > 0 && *count % PATIENCE == 0;
}

void rl_watch_step(rl_watch *w, const rl_summary *y, const rl_update_stats *u)
{
    if (lasting(&w->no_reward, y->accuracy == 0)) {
        if (y->no_answer > 0.5)
            masa_warn("no rollout was right for %d steps, and %.0f %% have no answer where "
                      "data.answer_rules looks: read some with `masa inspect`, and check "
                      "data.suffix, data.answer_rules and model.chat_template",
                      w->no_reward, 100 * y->no_answer);
        else
            masa_warn("no rollout was right for %d steps: the problems may be too hard for "
                      "this model, or their answers written in another way", w->no_reward);
    }
    if (lasting(&w->truncated, y->truncated > 0.5))
        masa_warn("%.0f %% of the rollouts end at the length limit, so their answers are lost: "
                  "raise rollout.max_tokens", 100 * y->truncated);
    if (lasting(&w->no_variance, y->accuracy > 0 && y->zero_variance > 0.8))
        masa_warn("in %.0f %% of the groups all rollouts are right or all wrong: most of the "
                  "work teaches nothing. Choose problems that are %s, or set "
                  "algorithm.dynamic_sampling",
                  100 * y->zero_variance, y->accuracy > 0.5 ? "harder" : "easier");
    if (lasting(&w->drift, u->compared_tokens > 0 && u->logprob_difference > 0.05))
        masa_warn("the log-probabilities of rollouts and trainer differ by %.3f on average: "
                  "set model.compute to f32", u->logprob_difference);
    if (lasting(&w->flat, u->trainer.objective.tokens > 0 &&
                              u->trainer.entropy_sum < 0.01 * u->trainer.objective.tokens))
        masa_warn("the policy has almost no entropy left (%.4f nats a token): it no longer "
                  "explores. Lower optimizer.lr or raise algorithm.clip_high",
                  u->trainer.entropy_sum / u->trainer.objective.tokens);
}
