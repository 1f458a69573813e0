#include "score.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "shares.h"

masa_status rl_answer_rules(unsigned *out, const char *names, masa_error *err)
{
    masa_status st = masa_problem_rules_parse(out, names, err);
    if (st != MASA_OK) masa_error_context(err, "data.answer_rules");
    return st;
}

masa_reward_options rl_reward_options(const masa_config *c)
{
    bool own = c->reward.command[0] || c->reward.url[0];
    double correctness = c->reward.correctness < 0 ? !own : c->reward.correctness;
    return (masa_reward_options){
        .weights = {[MASA_REWARD_CORRECTNESS] = correctness,
                    [MASA_REWARD_FORMAT] = c->reward.format,
                    [MASA_REWARD_LENGTH] = c->reward.length,
                    [MASA_REWARD_REPETITION] = c->reward.repetition,
                    [MASA_REWARD_USER] = own ? c->reward.user : 0},
        .longest = (size_t)c->rollout.max_tokens,
        .command = c->reward.command,
        .url = c->reward.url,
        .copies = (size_t)c->reward.copies,
        .batch = (size_t)c->reward.batch,
        .timeout = c->reward.timeout,
    };
}

bool rl_rewards_are_summed(const masa_config *config)
{
    masa_reward_options options = rl_reward_options(config);
    int n = 0;
    for (int k = 0; k < MASA_REWARD_PARTS; k++) n += options.weights[k] != 0;
    return n > 1;
}

masa_status rl_rewards_open(rl_session *s, masa_error *err)
{
    masa_reward_options options = rl_reward_options(s->config);
    char *log = s->folder ? masa_path_join(s->folder, "reward.log") : masa_strdup("/dev/null");
    options.log = log;
    options.stop = s->stop;
    masa_status st = masa_rewards_open(&s->rewards, &options, err);
    free(log);
    return st;
}

/* DAPO's soft overlong punishment (arXiv:2503.14476, eq. 13), scaled. */
static float overlong_penalty(const masa_config *config, size_t length)
{
    double buffer = (double)config->algorithm.overlong_buffer;
    double over = (double)length - ((double)config->rollout.max_tokens - buffer);
    if (buffer <= 0 || over <= 0) return 0;
    return (float)(-config->algorithm.overlong_penalty * (over < buffer ? over / buffer : 1));
}

static masa_response response_of(const masa_problem *problem, const rl_rollout *r)
{
    masa_stop_cause cause = r->completion.cause;
    return (masa_response){.problem = problem,
                           .text = r->text,
                           .size = r->text_size,
                           .truncated = cause != MASA_STOP_EOS && cause != MASA_STOP_STRING,
                           .tokens = r->completion.n,
                           .cause = masa_stop_cause_name(cause)};
}

masa_status rl_score_solutions(rl_draws *draws, size_t first, rl_session *s, masa_error *err)
{
    size_t n = 0, k = 0;
    for (size_t i = first; i < draws->n; i++)
        n += draws->items[i].solutions.n - draws->items[i].solutions.scored;
    rl_rollout **rollouts = masa_alloc(n + 1, sizeof(rl_rollout *));
    masa_response *responses = masa_alloc(n + 1, sizeof *responses);
    masa_reward *rewards = masa_alloc(n + 1, sizeof *rewards);
    for (size_t i = first; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        const rl_group *g = &d->solutions;
        for (size_t j = g->scored; rl_is_mine(s, d->number) && j < g->n; j++, k++) {
            rollouts[k] = &g->rollouts[j];
            responses[k] = response_of(d->problem, rollouts[k]);
        }
    }
    n = k;
    masa_status st = masa_rewards_give(s->rewards, rewards, responses, n, err);
    for (k = 0; st == MASA_OK && k < n; k++) {
        rl_rollout *r = rollouts[k];
        r->correct = rewards[k].correct;
        r->answer = rewards[k].answer;
        r->found = rewards[k].found;
        r->said = rewards[k].text;
        memcpy(r->parts, rewards[k].parts, sizeof r->parts);
        r->reward = (float)rewards[k].total + overlong_penalty(s->config, r->completion.n);
    }
    free(rollouts);
    free(responses);
    free(rewards);
    st = rl_exchange_rewards(draws, first, s, st, err);
    for (size_t i = first; st == MASA_OK && i < draws->n; i++)
        draws->items[i].solutions.scored = draws->items[i].solutions.n;
    return st;
}
