/* A few groups, sampled and judged as the run's first step would. */
#include "doctor_internal.h"

#include "score.h"

#include <masa/clock.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

enum { N_RULES = 9 };

/* Counts of responses, unless it says otherwise. */
typedef struct tally {
    size_t n, groups, tokens;
    size_t stopped, truncated, repeated, correct;
    size_t answered;         /* by the run's rules */
    size_t found[N_RULES];   /* by each rule, whichever the run has */
    size_t without_variance; /* groups */
    size_t all_wrong, all_right;
    double seconds;
} tally;

static double share(size_t part, size_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* The last third of a response is a piece of at most 64 tokens over and over. */
static bool repeats(const masa_completion *c)
{
    size_t tail = c->n / 3;
    for (size_t period = 1; period <= 64 && period * 3 <= tail; period++) {
        size_t i = c->n - tail + period;
        while (i < c->n && c->tokens[i] == c->tokens[i - period]) i++;
        if (i == c->n) return true;
    }
    return false;
}

static void count(tally *t, const rl_draw *d)
{
    const rl_group *g = &d->solutions;
    size_t correct = 0;
    for (size_t i = 0; i < g->n; i++) {
        const rl_rollout *r = &g->rollouts[i];
        masa_extraction where;
        bool ended =
            r->completion.cause == MASA_STOP_EOS || r->completion.cause == MASA_STOP_STRING;
        t->n++;
        t->tokens += r->completion.n;
        t->stopped += ended;
        t->truncated += !ended;
        t->repeated += repeats(&r->completion);
        t->answered += r->answer != NULL;
        correct += r->correct;
        for (int k = 0; k < N_RULES; k++)
            t->found[k] += masa_extract_answer(r->text, r->text_size, 1u << k, &where);
    }
    t->groups++;
    t->correct += correct;
    t->without_variance += rl_zero_variance(g);
    t->all_wrong += correct == 0;
    t->all_right += correct == g->n;
}

static void tell_ends(masa_findings *f, const tally *t, const masa_config *c)
{
    bool none = t->stopped == 0, many = t->truncated * 2 > t->n;
    doctor_add(
        f, "ends",
        none   ? MASA_FINDING_SPOILS
        : many ? MASA_FINDING_NOTE
               : MASA_FINDING_FINE,
        none   ? "the model never ends its turn: it may be a base model or have another "
                 "template (model.chat_template); or raise rollout.max_tokens"
        : many ? "raise rollout.max_tokens: a response that is cut off counts as wrong"
               : NULL,
        "%.0f %% of %zu responses end by a stop token, %.0f %% are cut off at %ld tokens",
        share(t->stopped, t->n), t->n, share(t->truncated, t->n), c->rollout.max_tokens);
    bool loops = t->repeated * 4 > t->n;
    doctor_add(f, "repetition", loops ? MASA_FINDING_NOTE : MASA_FINDING_FINE,
               loops ? "a higher rollout.temperature, or supervised training (masa sft) first"
                     : NULL,
               "%.0f %% of the responses end in a loop", share(t->repeated, t->n));
}

static void tell_rules(masa_findings *f, const tally *t, unsigned rules)
{
    masa_text list = {0}, own = {0};
    size_t best = 0;
    for (int k = 0; k < N_RULES; k++) {
        if (1u << k == MASA_EXTRACT_WHOLE || !t->found[k]) continue;
        masa_text_addf(&list, "%s%s %.0f %%", list.size ? ", " : "",
                       masa_extract_rule_text((masa_extract_rule)(1u << k)),
                       share(t->found[k], t->n));
        if (1u << k != MASA_EXTRACT_NUMBER && t->found[k] > best) best = t->found[k];
    }
    masa_extract_rules_text(&own, rules);
    bool few = t->answered * 10 < t->n, other = best >= 2 * t->answered && best * 4 > t->n;
    doctor_add(f, "answers",
               few     ? MASA_FINDING_SPOILS
               : other ? MASA_FINDING_NOTE
                       : MASA_FINDING_FINE,
               other ? "add the rule that finds them to data.answer_rules, or say in "
                       "data.suffix how to "
                       "answer"
               : few ? "say in data.suffix how to answer, or teach the form by masa sft first"
                     : NULL,
               "data.answer_rules=%.60s finds an answer in %.0f %% of the responses; by rule: "
               "%s",
               masa_text_get(&own), share(t->answered, t->n),
               list.size ? masa_text_get(&list) : "none");
    masa_text_deinit(&list);
    masa_text_deinit(&own);
}

static void tell_rewards(masa_findings *f, const tally *t)
{
    bool wrong = t->all_wrong == t->groups, right = t->all_right == t->groups;
    bool spoils = wrong || right, few = t->without_variance * 10 > t->groups * 8;
    doctor_add(
        f, "variance",
        spoils ? MASA_FINDING_SPOILS
        : few  ? MASA_FINDING_NOTE
               : MASA_FINDING_FINE,
        wrong   ? "choose easier problems, or check answers and rules above: nothing is "
                  "learned "
                  "where all are wrong"
        : right ? "choose harder problems: nothing is learned where all are right"
        : few   ? "problems nearer to the model's level, a larger rollout.group_size or "
                  "algorithm.dynamic_sampling"
                : NULL,
        "%.1f %% of the responses are right; %zu of %zu groups have no variance (%zu all "
        "wrong, "
        "%zu all right)",
        share(t->correct, t->n), t->without_variance, t->groups, t->all_wrong, t->all_right);
}

static void tell_time(masa_findings *f, const tally *t, const masa_config *c)
{
    double speed = t->seconds > 0 ? (double)t->tokens / t->seconds : 0;
    double length = (double)t->tokens / (double)t->n;
    double step = (double)c->rollout.prompts_per_step * (double)c->rollout.group_size * length;
    if (c->meta.samples)
        step += (double)c->rollout.prompts_per_step *
                (double)(c->meta.samples * c->meta.max_tokens);
    double seconds = speed > 0 ? step / speed : 0;
    doctor_add(f, "time", MASA_FINDING_FINE, NULL,
               "%.0f tokens a second, %.0f a response: sampling a step takes about %.0f "
               "s, %ld steps %.1f "
               "hours; updates come on top",
               speed, length, seconds, c->train.steps, seconds * (double)c->train.steps / 3600);
}

static masa_status sample(rl_draws *draws, rl_session *s, masa_generator *generator, tally *t,
                          masa_error *err)
{
    const masa_config *c = s->config;
    rl_group **groups = masa_alloc(draws->n, sizeof *groups);
    for (size_t i = 0; i < draws->n; i++) groups[i] = &draws->items[i].solutions;
    rl_sampling how[2] = {
        [RL_SOLUTION] = {.n_samples = (size_t)c->rollout.group_size,
                         .sampling = {.temperature = (float)c->rollout.temperature,
                                      .top_p = (float)c->rollout.top_p,
                                      .top_k = (int)c->rollout.top_k},
                         .key = (uint64_t)c->train.seed,
                         .what = "examining"}};
    double begin = masa_clock();
    masa_status st = rl_sample(s, generator, groups, draws->n, how, NULL, err);
    t->seconds = masa_clock() - begin;
    free(groups);
    return st;
}

masa_status doctor_sample(masa_findings *f, rl_session *s, rl_prompts *prompts, size_t n,
                          masa_error *err)
{
    const masa_config *c = s->config;
    masa_generator *generator = NULL;
    masa_generator_options options = doctor_generator_options(c);
    rl_draws draws = {0};
    tally t = {0};
    masa_error why = {0};
    masa_status st = masa_generator_create(&generator, s->model, NULL, &options, &why);
    if (st == MASA_ERR_CONFIG) {
        doctor_add(f, "context", MASA_FINDING_SPOILS,
                   "lower data.max_prompt_tokens or rollout.max_tokens", "%s", why.message);
        return MASA_OK;
    }
    if (st != MASA_OK && err) *err = why;
    if (n > prompts->train.n) n = prompts->train.n;
    for (size_t i = 0; st == MASA_OK && i < n; i++)
        st = rl_prompts_draw(prompts, &draws, s, i, err);
    if (st == MASA_OK) st = sample(&draws, s, generator, &t, err);
    if (st == MASA_OK) st = rl_rewards_open(s, err);
    if (st == MASA_OK) st = rl_score_solutions(&draws, 0, s, err);
    for (size_t i = 0; st == MASA_OK && i < draws.n; i++) count(&t, &draws.items[i]);
    if (st == MASA_OK) {
        tell_ends(f, &t, c);
        tell_rules(f, &t, masa_problems_rules(&prompts->train));
        tell_rewards(f, &t);
        tell_time(f, &t, c);
    }
    rl_draws_deinit(&draws);
    masa_generator_destroy(generator);
    return st;
}
