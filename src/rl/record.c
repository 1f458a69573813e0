#include "record.h"

#include "predict.h"
#include "score.h"

#include <math.h>

static void add_solutions(rl_summary *out, const masa_problem *problem, const rl_group *g)
{
    out->groups++;
    out->left_out += g->left_out;
    out->zero_variance += rl_zero_variance(g);
    for (size_t j = 0; j < g->n; j++) {
        const rl_rollout *r = &g->rollouts[j];
        masa_stop_cause cause = r->completion.cause;
        out->reward += r->reward;
        out->accuracy += r->correct;
        out->length += (double)r->completion.n;
        out->truncated += cause == MASA_STOP_LENGTH || cause == MASA_STOP_CONTEXT;
        out->no_answer += !r->answer;
        if (problem->kind != MASA_PROBLEM_CODE)
            masa_found_add(&out->found, r->found, r->correct);
        for (int k = 0; k < MASA_REWARD_PARTS; k++) out->parts[k] += r->parts[k];
    }
}

void rl_summarise(rl_summary *out, const rl_draws *draws)
{
    size_t rollouts = 0, meta = 0, decided = 0;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        const rl_group *groups[] = {&d->solutions, &d->meta};
        for (size_t k = 0; k < 2; k++) {
            const rl_group *g = groups[k];
            for (size_t j = 0; j < g->n; j++)
                out->generated_tokens += g->rollouts[j].completion.n;
            if (g->n > 0) out->prompt_tokens += g->prompt.n;
        }
        for (size_t j = 0; !d->meta.left_out && j < d->meta.n; j++, meta++)
            out->meta_reward += d->meta.rollouts[j].reward;
        decided += d->decision.made;
        out->gated += d->decision.gated;
        rollouts += d->solutions.n;
        if (d->solutions.n > 0) add_solutions(out, d->problem, &d->solutions);
    }
    out->prefilled_tokens = draws->prefilled;
    double n = rollouts ? (double)rollouts : NAN;
    out->meta_reward /= meta ? (double)meta : NAN;
    out->gated /= decided ? (double)decided : NAN;
    out->reward /= n;
    out->accuracy /= n;
    out->length /= n;
    out->truncated /= n;
    out->no_answer /= n;
    for (int k = 0; k < MASA_REWARD_PARTS; k++) out->parts[k] /= n;
    out->zero_variance /= out->groups ? (double)out->groups : NAN;
}

void rl_add_exchange(rl_summary *out, const masa_dist_cost *before)
{
    masa_dist_cost now = masa_dist_cost_get();
    out->exchanged_mib = (now.bytes - before->bytes) / (1 << 20);
    out->exchange_seconds = now.seconds - before->seconds;
    out->vote_seconds = now.waited - before->waited;
}

masa_status rl_add_metrics(rl_session *s, long step, const rl_metric *metrics, size_t n,
                           masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        st = masa_run_add_metric(s->run, step, metrics[i].name, metrics[i].value, err);
    return st;
}

/* Of a sum of rewards each part by itself, as reward_format. */
static masa_status record_part_means(rl_session *s, const rl_summary *y, masa_error *err)
{
    masa_status st = MASA_OK;
    for (int k = 0; st == MASA_OK && k < MASA_REWARD_PARTS; k++) {
        char name[64];
        snprintf(name, sizeof name, "reward_%s", masa_reward_part_name((masa_reward_part)k));
        if (!isnan(y->parts[k]))
            st = masa_run_add_metric(s->run, y->step, name, y->parts[k], err);
    }
    return st;
}

static masa_status record_exchange(rl_session *s, const rl_summary *y, masa_error *err)
{
    const rl_metric metrics[] = {
        {"exchanged_mib", y->exchanged_mib},
        {"seconds_exchange", y->exchange_seconds},
        {"seconds_vote", y->vote_seconds},
    };
    return rl_add_metrics(s, y->step, metrics, sizeof metrics / sizeof *metrics, err);
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
        {"lr", u->lr},
        {"no_answer", y->no_answer},
        {"loss", o->loss},
        {"clipped", o->clipped / tokens},
        {"kl_old", o->kl_old / tokens},
        {"kl_reference", s->reference ? o->kl_ref / tokens : NAN},
        {"logprob_difference", u->compared_tokens > 0 ? u->logprob_difference : NAN},
        {"updates", (double)masa_optimizer_steps(s->optimizer)},
        {"prompts", (double)y->groups},
        {"prompts_left_out", (double)y->left_out},
        {"rollouts_trained", (double)u->trained},
        {"generated_tokens", (double)y->generated_tokens},
        {"prompt_tokens", (double)y->prompt_tokens},
        {"prefilled_tokens", (double)y->prefilled_tokens},
        {"trained_tokens", (double)u->trainer.packed_tokens},
        {"skipped_updates", (double)s->skipped},
        {"recalled_tokens", (double)u->trainer.recalled_tokens},
        {"seconds_rollouts", y->rollout_seconds},
        {"seconds_update", y->update_seconds},
        {"total_tokens", (double)s->state.tokens},
        {"total_seconds", s->state.seconds},
        {"cpu_seconds", s->state.cpu_seconds},
        {"flops", y->cost.flops},
        {"meta_flops_share", y->cost.meta / y->cost.flops},
    };
    masa_status st = rl_add_metrics(s, y->step, metrics, sizeof metrics / sizeof *metrics, err);
    if (st == MASA_OK && masa_dist_size() > 1) st = record_exchange(s, y, err);
    return st == MASA_OK && rl_rewards_are_summed(s->config) ? record_part_means(s, y, err)
                                                             : st;
}

masa_status rl_record_evaluation(rl_session *s, long step, const rl_evaluation *e,
                                 masa_error *err)
{
    double n = e->responses ? (double)e->responses : NAN;
    const rl_metric metrics[] = {
        {"eval_accuracy", (double)e->correct / n},
        {"eval_length", e->mean_length},
        {"eval_truncated", (double)e->truncated / n},
        {"eval_no_answer", (double)e->no_answer / n},
    };
    masa_status st = rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
    for (size_t i = 0; st == MASA_OK && i < e->n_strata; i++) {
        const rl_stratum *stratum = &e->strata[i];
        masa_text name = {0};
        masa_text_addf(&name, "eval_accuracy/%s", stratum->name);
        st = masa_run_add_metric(s->run, step, masa_text_get(&name),
                                 (double)stratum->correct / (double)stratum->responses, err);
        masa_text_deinit(&name);
    }
    return st;
}

static masa_status see_score(void *context, long step, const char *name, double value,
                             masa_error *err)
{
    (void)step, (void)name, (void)err;
    *(rl_score *)context = (rl_score){true, value};
    return MASA_OK;
}

masa_status rl_find_score(rl_session *s, const char *metric, rl_score *out, masa_error *err)
{
    long step = s->state.step;
    *out = (rl_score){0};
    return masa_store_metrics(masa_run_store(s->run), step, step, metric, see_score, out, err);
}

static double mean_logprob(const masa_completion *c)
{
    double sum = 0;
    for (size_t t = 0; t < c->n; t++) sum += c->logprobs[t];
    return c->n ? sum / (double)c->n : NAN;
}

static masa_status record_parts(rl_session *s, const masa_store_rollout *row,
                                const rl_rollout *r, masa_error *err)
{
    masa_status st = MASA_OK;
    for (int k = 0; st == MASA_OK && k < MASA_REWARD_PARTS; k++)
        if (!isnan(r->parts[k]))
            st = masa_store_add_reward(masa_run_store(s->run), row,
                                       masa_reward_part_name((masa_reward_part)k), r->parts[k],
                                       err);
    return st;
}

static masa_status record_group(rl_session *s, long step, long place, const rl_draw *d,
                                const rl_group *g, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t j = 0; st == MASA_OK && j < g->n; j++) {
        const rl_rollout *r = &g->rollouts[j];
        masa_store_prediction prediction;
        masa_text notions = {0};
        bool meta = g->kind == RL_META && d->predictions;
        if (meta) rl_prediction_row(&prediction, &notions, d->predictions, j);
        masa_store_rollout row = {
            .step = step,
            .prompt = place,
            .problem = d->problem->id,
            .kind = rl_kind_name(g->kind),
            .sample = (long)j,
            .prompt_text = g->prompt_text,
            .text = r->text,
            .answer = d->problem->answer,
            .prompt_tokens = (long)g->prompt.n,
            .tokens = (long)r->completion.n,
            .ids = r->completion.tokens,
            .reward = r->reward,
            .advantage = g->left_out ? NAN : r->advantage,
            .cause = masa_stop_cause_name(r->completion.cause),
            .logprob = mean_logprob(&r->completion),
            .seconds = r->completion.seconds,
            .extracted = r->answer,
            .correct = r->correct,
            .said = r->said,
            .prediction = meta ? &prediction : NULL,
        };
        st = masa_store_add_rollout(masa_run_store(s->run), &row, err);
        if (st == MASA_OK && g->kind == RL_SOLUTION && rl_rewards_are_summed(s->config))
            st = record_parts(s, &row, r, err);
        masa_text_deinit(&notions);
    }
    return st;
}

masa_status rl_record_rollouts(rl_session *s, long step, const rl_draws *draws, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        st = record_group(s, step, (long)i, d, &d->solutions, err);
        if (st == MASA_OK) st = record_group(s, step, (long)i, d, &d->meta, err);
    }
    return st;
}
