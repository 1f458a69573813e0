#include "prompts.h"

#include "predict.h"
#include "score.h"

#include <masa/config_meta.h>
#include <masa/file.h>
#include <masa/judge.h>
#include <masa/log.h>

#include <stdlib.h>
#include <string.h>

static masa_status solution_prompt(masa_tokens *out, char **text, const rl_session *s,
                                   const masa_problem *problem, masa_error *err)
{
    char *user = rl_solution_request(s->config, problem);
    masa_status st = rl_prompt(out, text, s, s->config->model.system, user, err);
    free(user);
    return st;
}

masa_meta_options rl_prompts_options(const rl_prompts *prompts, const masa_config *config)
{
    masa_meta_options options = rl_meta_options(config);
    if (prompts->meta_template) masa_meta_follow(&options, prompts->meta_template);
    return options;
}

masa_status rl_meta_request(masa_text *out, const rl_prompts *prompts,
                            const masa_config *config, const masa_problem *problem,
                            masa_error *err)
{
    masa_meta_options options = rl_meta_options(config);
    return masa_meta_prompt(out, prompts->meta_template, problem->question, &options, err);
}

const char *rl_meta_system(const masa_config *config)
{
    bool first = rl_meta_options(config).problem_first;
    const char *text = masa_meta_system_text(config->meta.system, first, config->model.system);
    return text ? text : masa_meta_system;
}

static masa_status meta_prompt(masa_tokens *out, char **text, const rl_prompts *prompts,
                               const rl_session *s, const masa_problem *problem,
                               masa_error *err)
{
    masa_text user = {0};
    masa_status st = rl_meta_request(&user, prompts, s->config, problem, err);
    if (st == MASA_OK)
        st = rl_prompt(out, text, s, rl_meta_system(s->config), masa_text_get(&user), err);
    masa_text_deinit(&user);
    return st;
}

static masa_status leave_out_long(rl_prompts *prompts, masa_problems *problems,
                                  const char *path, const rl_session *s, masa_error *err)
{
    size_t kept = 0, most = (size_t)s->config->data.max_prompt_tokens, all = problems->n;
    masa_tokens ids = {0}, meta = {0};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < all; i++) {
        masa_problem p = problems->items[i];
        ids.n = meta.n = 0;
        if (st == MASA_OK) st = solution_prompt(&ids, NULL, s, &p, err);
        if (st == MASA_OK && s->config->meta.samples && problems == &prompts->train)
            st = meta_prompt(&meta, NULL, prompts, s, &p, err);
        if (ids.n <= most && meta.n <= most) problems->items[kept++] = p;
        else masa_problem_deinit(&p);
    }
    problems->n = kept;
    masa_tokens_deinit(&ids);
    masa_tokens_deinit(&meta);
    if (st != MASA_OK) return st;
    if (kept * 2 < all)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "%s: %zu of %zu prompts are longer than data.max_prompt_tokens = %zu; "
                         "raise it, or choose other problems",
                         path, all - kept, all, most);
    if (kept < all)
        masa_warn("%s: %zu of %zu prompts are longer than data.max_prompt_tokens = %zu and "
                  "left out",
                  path, all - kept, all, most);
    return MASA_OK;
}

/* A key that no problem has is a slip; one with a value for each problem would be as many
 * metrics. */
static masa_status check_strata(const masa_problems *problems, const char *path,
                                const char *keys, masa_error *err)
{
    enum { MOST = 64 };
    const char *values[MOST];
    for (size_t n; *keys; keys += n + (keys[n] == ',')) {
        size_t n_values = 0;
        n = strcspn(keys, ",");
        for (size_t i = 0; n && i < problems->n; i++)
            for (size_t k = 0; k < problems->items[i].n_strata; k++) {
                const char *value = problems->items[i].strata[k];
                size_t v = 0;
                if (strncmp(value, keys, n) != 0 || value[n] != '=') continue;
                while (v < n_values && strcmp(values[v], value) != 0) v++;
                if (v == MOST)
                    return MASA_FAIL(err, MASA_ERR_DATA,
                                     "%s: data.strata: \"%.*s\" has more than %d values", path,
                                     (int)n, keys, MOST);
                if (v == n_values) values[n_values++] = value;
            }
        if (n && n_values == 0)
            return MASA_FAIL(err, MASA_ERR_DATA, "%s: data.strata: no problem has \"%.*s\"",
                             path, (int)n, keys);
    }
    return MASA_OK;
}

masa_problem_reader rl_problem_reader(const masa_config *config)
{
    return (masa_problem_reader){
        .fields = {.problem = config->data.problem_key,
                   .answer = config->data.answer_key,
                   .kind = config->data.kind_key},
        .advice = "; name the keys with data.problem_key and data.answer_key",
    };
}

static masa_status load(rl_prompts *prompts, masa_problems *out, const char *path, size_t limit,
                        unsigned rules, const masa_config *c, masa_error *err)
{
    bool test = out == &prompts->test;
    masa_problem_reader reader = rl_problem_reader(c);
    reader.rules = rules;
    reader.strata = test ? c->data.strata : NULL;
    masa_reward_options rewards = rl_reward_options(c);
    reader.unjudged = !masa_rewards_are_judged(&rewards);
    reader.keep_lines = c->reward.command[0] || c->reward.url[0];
    masa_status st = masa_problems_load(out, path, &reader, limit, err);
    if (st == MASA_OK && !reader.unjudged) st = masa_judge_available(out, err);
    return st == MASA_OK && test ? check_strata(out, path, c->data.strata, err) : st;
}

static masa_status load_template(rl_prompts *prompts, const masa_config *c, masa_error *err)
{
    masa_text text = {0}, filled = {0};
    masa_meta_options options = rl_meta_options(c);
    const char *path = c->meta.template;
    masa_status st = masa_file_read(&text, path, err);
    if (st == MASA_OK) prompts->meta_template = masa_text_take(&text);
    if (st == MASA_OK) {
        st = masa_meta_prompt(&filled, prompts->meta_template, "", &options, err);
        if (st != MASA_OK) masa_error_at(err, path, 0);
    }
    masa_text_deinit(&filled);
    masa_text_deinit(&text);
    return st;
}

masa_status rl_prompts_load(rl_prompts *prompts, const masa_config *c, unsigned rules,
                            masa_error *err)
{
    *prompts = (rl_prompts){0};
    masa_status st = masa_config_require(c, "data.train", err);
    if (st == MASA_OK && c->meta.samples && masa_meta_template_is_file(c->meta.template))
        st = load_template(prompts, c, err);
    if (st == MASA_OK)
        st =
            load(prompts, &prompts->train, c->data.train, (size_t)c->data.limit, rules, c, err);
    if (st == MASA_OK && c->data.test[0])
        st = load(prompts, &prompts->test, c->data.test, (size_t)c->train.eval_samples, rules,
                  c, err);
    return st;
}

masa_status rl_prompts_fit(rl_prompts *prompts, const rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_status st = leave_out_long(prompts, &prompts->train, c->data.train, s, err);
    if (st == MASA_OK && c->data.test[0])
        st = leave_out_long(prompts, &prompts->test, c->data.test, s, err);
    if (st == MASA_OK)
        masa_problem_order_init(&prompts->order, prompts->train.n, (uint64_t)c->train.seed,
                                c->data.shuffle);
    return st;
}

void rl_prompts_close(rl_prompts *prompts)
{
    masa_problem_order_deinit(&prompts->order);
    masa_problems_deinit(&prompts->train);
    masa_problems_deinit(&prompts->test);
    free(prompts->meta_template);
}

size_t rl_prompts_index(rl_prompts *prompts, uint64_t draw)
{
    return masa_problem_order_get(&prompts->order, (size_t)draw);
}

long rl_prompts_epoch(const rl_prompts *prompts, uint64_t draw)
{
    return (long)(draw / prompts->train.n);
}

masa_status rl_prompts_draw(rl_prompts *prompts, rl_draws *draws, const rl_session *s,
                            uint64_t number, masa_error *err)
{
    const masa_problem *problem = &prompts->train.items[rl_prompts_index(prompts, number)];
    rl_draw *d = rl_draws_add(draws, problem, number);
    rl_group *solutions = &d->solutions, *meta = &d->meta;
    solutions->max_tokens = (size_t)s->config->rollout.max_tokens;
    meta->max_tokens = (size_t)s->config->meta.max_tokens;
    masa_status st =
        solution_prompt(&solutions->prompt, &solutions->prompt_text, s, problem, err);
    if (st == MASA_OK && s->config->meta.samples)
        st = meta_prompt(&meta->prompt, &meta->prompt_text, prompts, s, problem, err);
    if (st != MASA_OK) masa_error_context(err, "problem %s", problem->id);
    return st;
}
