#include "prompts.h"

#include <masa/log.h>

#include <stdlib.h>
#include <string.h>

static void problem_deinit(masa_problem *p)
{
    free(p->id);
    free(p->problem);
    free(p->answer);
    free(p->kind);
    free(p->context);
}

static masa_status leave_out_long(masa_problems *problems, const char *path,
                                  const rl_session *s, masa_error *err)
{
    size_t kept = 0, most = (size_t)s->config->data.max_prompt_tokens, all = problems->n;
    masa_tokens ids = {0};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < all; i++) {
        masa_problem p = problems->items[i];
        char *user = rl_solution_request(s->config, &p);
        ids.n = 0;
        if (st == MASA_OK) st = rl_prompt(&ids, NULL, s, s->config->model.system, user, err);
        free(user);
        if (ids.n <= most) problems->items[kept++] = p;
        else problem_deinit(&p);
    }
    problems->n = kept;
    masa_tokens_deinit(&ids);
    if (st != MASA_OK) return st;
    if (kept * 2 < all)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "%s: %zu of %zu prompts are longer than data.max_prompt_tokens = %zu; "
                         "raise it, or choose other problems", path, all - kept, all, most);
    if (kept < all)
        masa_warn("%s: %zu of %zu prompts are longer than data.max_prompt_tokens = %zu and "
                  "left out", path, all - kept, all, most);
    return MASA_OK;
}

static masa_status load(masa_problems *out, const char *path, size_t limit,
                        const rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_problem_keys keys = {c->data.problem_key, c->data.answer_key, c->data.kind_key};
    masa_status st = masa_problems_load(out, path, &keys, limit, err);
    return st == MASA_OK ? leave_out_long(out, path, s, err) : st;
}

masa_status rl_prompts_open(rl_prompts *prompts, const rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    *prompts = (rl_prompts){0};
    masa_status st = masa_config_require(c, "data.train", err);
    if (st == MASA_OK)
        st = load(&prompts->train, c->data.train, (size_t)c->data.limit, s, err);
    if (st == MASA_OK && c->data.test[0])
        st = load(&prompts->test, c->data.test, (size_t)c->train.eval_samples, s, err);
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
}

masa_status rl_prompts_draw(rl_prompts *prompts, rl_groups *groups, const rl_session *s,
                            uint64_t draw, masa_error *err)
{
    size_t index = masa_problem_order_get(&prompts->order, (size_t)draw);
    const masa_problem *problem = &prompts->train.items[index];
    rl_group *g = rl_groups_add(groups, RL_SOLUTION, problem, draw);
    g->max_tokens = (size_t)s->config->rollout.max_tokens;
    char *user = rl_solution_request(s->config, problem);
    masa_status st =
        rl_prompt(&g->prompt, &g->prompt_text, s, s->config->model.system, user, err);
    if (st != MASA_OK) masa_error_context(err, "problem %s", problem->id);
    free(user);
    return st;
}
