/* A warm start under way as JSON, for the checkpoint that a stop leaves of it. */
#include "warm_start.h"

#include <masa/memory.h>

#include <jansson.h>
#include <stdlib.h>

void rl_lessons_deinit(rl_lessons *lessons)
{
    rl_experts_clear(&lessons->answers);
    rl_draws_deinit(&lessons->draws);
}

/* ---- to JSON ---- */

/* The token ids of those solutions that rehearsing may come to. */
static json_t *save_solutions(const rl_group *g, size_t most)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n && i < most; i++) {
        const masa_completion *c = &g->rollouts[i].completion;
        json_t *ids = json_array();
        for (size_t t = 0; t < c->n; t++)
            json_array_append_new(ids, json_integer(c->tokens[t]));
        json_array_append_new(list, ids);
    }
    return list;
}

static json_t *save_stats(const rl_warm_start_stats *s)
{
    return json_pack("[I,I,I,I,I,f,f,f,f]", (json_int_t)s->answers,
                     (json_int_t)s->generated_tokens, (json_int_t)s->cloning.updates,
                     (json_int_t)s->cloning.texts, (json_int_t)s->cloning.tokens,
                     s->cloning.loss, s->first_loss, s->flops, s->cpu_seconds);
}

char *rl_lessons_save(const rl_lessons *lessons, const masa_config *config)
{
    size_t most = (size_t)(config->meta.warm_start_epochs * config->meta.warm_start_rehearsal);
    json_t *solutions = json_array();
    for (size_t i = 0; i < lessons->draws.n; i++)
        json_array_append_new(solutions,
                              save_solutions(&lessons->draws.items[i].solutions, most));
    json_t *json = json_pack("{s:I,s:o,s:o,s:o}", "updates", (json_int_t)lessons->updates,
                             "stats", save_stats(&lessons->stats), "answers",
                             rl_experts_save(&lessons->answers), "solutions", solutions);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

/* ---- and back ---- */

static bool load_solutions(rl_group *g, const json_t *list)
{
    if (!json_is_array(list)) return false;
    g->rollouts = masa_alloc(json_array_size(list) + 1, sizeof *g->rollouts);
    for (g->n = 0; g->n < json_array_size(list); g->n++) {
        const json_t *ids = json_array_get(list, g->n);
        masa_completion *c = &g->rollouts[g->n].completion;
        c->n = json_array_size(ids);
        c->tokens = masa_alloc(c->n + 1, sizeof *c->tokens);
        for (size_t t = 0; t < c->n; t++)
            c->tokens[t] = (int32_t)json_integer_value(json_array_get(ids, t));
    }
    return true;
}

static bool load_stats(rl_warm_start_stats *s, json_t *list)
{
    json_int_t answers, generated, updates, texts, tokens;
    if (json_unpack(list, "[I,I,I,I,I,F,F,F,F]", &answers, &generated, &updates, &texts,
                    &tokens, &s->cloning.loss, &s->first_loss, &s->flops, &s->cpu_seconds) != 0)
        return false;
    s->answers = (size_t)answers;
    s->generated_tokens = (size_t)generated;
    s->cloning.updates = (size_t)updates;
    s->cloning.texts = (size_t)texts;
    s->cloning.tokens = (size_t)tokens;
    return true;
}

static bool answers_fit(const rl_lessons *lessons)
{
    for (size_t i = 0; i < lessons->answers.n; i++)
        if (lessons->answers.items[i].draw >= lessons->draws.n) return false;
    return true;
}

masa_status rl_lessons_load(rl_lessons *lessons, const char *text, rl_loop *l, masa_error *err)
{
    json_int_t updates;
    json_t *stats, *answers, *solutions;
    json_t *json = json_loads(text, 0, NULL);
    rl_draws *draws = &lessons->draws;
    masa_status st = MASA_OK;
    bool ok = json && json_unpack(json, "{s:I,s:o,s:o,s:o}", "updates", &updates, "stats",
                                  &stats, "answers", &answers, "solutions", &solutions) == 0;
    ok = ok && updates >= 0 && load_stats(&lessons->stats, stats) &&
         rl_experts_load(&lessons->answers, answers);
    for (size_t i = 0; st == MASA_OK && ok && i < json_array_size(solutions); i++) {
        st = rl_prompts_draw(&l->prompts, draws, &l->session, i, err);
        ok = st != MASA_OK ||
             load_solutions(&draws->items[i].solutions, json_array_get(solutions, i));
    }
    if (ok) lessons->updates = (size_t)updates;
    lessons->stats.prompts = draws->n;
    ok = ok && (st != MASA_OK || answers_fit(lessons));
    json_decref(json);
    return ok ? st
              : MASA_FAIL(err, MASA_ERR_FORMAT,
                          "the checkpoint's state of the warm start is damaged");
}
