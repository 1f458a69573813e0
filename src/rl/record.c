#include "record.h"

#include <math.h>

void rl_summarise(rl_summary *out, const rl_groups *groups)
{
    size_t rollouts = 0, truncated = 0, no_answer = 0, meta = 0, decided = 0;
    for (size_t i = 0; i < groups->n; i++) {
        const rl_group *g = &groups->items[i];
        for (size_t j = 0; j < g->n; j++) out->generated_tokens += g->rollouts[j].completion.n;
        if (g->n > 0) out->prompt_tokens += g->prompt.n;
        for (size_t j = 0; g->kind == RL_META && !g->left_out && j < g->n; j++, meta++)
            out->meta_reward += g->rollouts[j].reward;
        decided += g->decision.made;
        out->gated += g->decision.gated;
        if (g->kind != RL_SOLUTION || g->n == 0) continue;
        out->groups++;
        out->left_out += g->left_out;
        out->zero_variance += rl_zero_variance(g);
        for (size_t j = 0; j < g->n; j++) {
            const rl_rollout *r = &g->rollouts[j];
            masa_stop_cause cause = r->completion.cause;
            out->reward += r->reward;
            out->accuracy += r->correct;
            out->length += (double)r->completion.n;
            truncated += cause == MASA_STOP_LENGTH || cause == MASA_STOP_CONTEXT;
            no_answer += !r->answer;
            rollouts++;
        }
    }
    double n = rollouts ? (double)rollouts : NAN;
    out->meta_reward /= meta ? (double)meta : NAN;
    out->gated /= decided ? (double)decided : NAN;
    out->reward /= n;
    out->accuracy /= n;
    out->length /= n;
    out->truncated = (double)truncated / n;
    out->no_answer = (double)no_answer / n;
    out->zero_variance /= out->groups ? (double)out->groups : NAN;
}

masa_status rl_add_metrics(rl_session *s, long step, const rl_metric *metrics, size_t n,
                           masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        st = masa_run_add_metric(s->run, step, metrics[i].name, metrics[i].value, err);
    return st;
}

masa_status rl_record_metrics(rl_session *s, const rl_summary *y, const rl_update_stats *u,
                              masa_error *err)
{
    const masa_objective_stats *o = &u->trainer.objective;
    double tokens = o->tokens > 0 ? o->tokens : NAN;
    double rate = (double)y->generated_tokens / y->rollout_seconds;
    const rl_metric metrics[] = {
        {"reward", y->reward},
        {"accuracy", y->accuracy},
        {"length", y->length},
        {"truncated", y->truncated},
        {"zero_variance", y->zero_variance},
        {"entropy", u->trainer.entropy_sum / tokens},
        {"grad_norm", u->optimizer_steps ? u->grad_norm : NAN},
        {"tokens_per_second", rate},
        {"no_answer", y->no_answer},
        {"loss", o->loss},
        {"clipped", o->clipped / tokens},
        {"kl_old", o->kl_old / tokens},
        {"kl_reference", s->reference ? o->kl_ref / tokens : NAN},
        {"logprob_difference", u->compared_tokens > 0 ? u->logprob_difference : NAN},
        {"updates", (double)*masa_optimizer_get_state(s->optimizer).step},
        {"prompts", (double)y->groups},
        {"prompts_left_out", (double)y->left_out},
        {"rollouts_trained", (double)u->trained},
        {"generated_tokens", (double)y->generated_tokens},
        {"prompt_tokens", (double)y->prompt_tokens},
        {"trained_tokens", (double)u->trainer.packed_tokens},
        {"recalled_tokens", (double)u->trainer.recalled_tokens},
        {"seconds_rollouts", y->rollout_seconds},
        {"seconds_update", y->update_seconds},
        {"total_tokens", (double)s->state.tokens},
        {"total_seconds", s->state.seconds},
        {"cpu_seconds", s->state.cpu_seconds},
        {"flops", y->cost.flops},
        {"meta_flops_share", y->cost.meta / y->cost.flops},
    };
    return rl_add_metrics(s, y->step, metrics, sizeof metrics / sizeof *metrics, err);
}

masa_status rl_record_evaluation(rl_session *s, long step, const rl_evaluation *e,
                                 masa_error *err)
{
    double n = e->problems ? (double)e->problems : NAN;
    const rl_metric metrics[] = {
        {"eval_accuracy", (double)e->correct / n},
        {"eval_length", e->mean_length},
        {"eval_truncated", (double)e->truncated / n},
        {"eval_no_answer", (double)e->no_answer / n},
    };
    return rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
}

static double mean_logprob(const masa_completion *c)
{
    double sum = 0;
    for (size_t t = 0; t < c->n; t++) sum += c->logprobs[t];
    return c->n ? sum / (double)c->n : NAN;
}

masa_status rl_record_rollouts(rl_session *s, long step, const rl_groups *groups,
                               masa_error *err)
{
    masa_status st = MASA_OK;
    long place = -1;
    for (size_t i = 0; i < groups->n; i++) {
        const rl_group *g = &groups->items[i];
        /* A prompt's meta group follows its solution group and shares its place. */
        if (g->kind == RL_SOLUTION) place++;
        for (size_t j = 0; st == MASA_OK && j < g->n; j++) {
            const rl_rollout *r = &g->rollouts[j];
            masa_store_rollout row = {
                .step = step,
                .prompt = place,
                .problem = g->problem->id,
                .kind = rl_kind_name(g->kind),
                .sample = (long)j,
                .prompt_text = g->prompt_text,
                .text = r->text,
                .answer = g->problem->answer,
                .prompt_tokens = (long)g->prompt.n,
                .tokens = (long)r->completion.n,
                .ids = r->completion.tokens,
                .reward = r->reward,
                .advantage = g->left_out ? NAN : r->advantage,
                .cause = masa_stop_cause_name(r->completion.cause),
                .logprob = mean_logprob(&r->completion),
                .seconds = r->completion.seconds,
                .extra = r->extra,
            };
            st = masa_store_add_rollout(masa_run_store(s->run), &row, err);
        }
    }
    return st;
}
