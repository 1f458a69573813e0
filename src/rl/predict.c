#include "predict.h"

#include "decide.h"

#include <masa/config_meta.h>
#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rl_predictions_destroy(rl_predictions *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) masa_prediction_deinit(&p->items[i]);
    masa_forecast_deinit(&p->forecast);
    masa_statistics_destroy(p->truth);
    free(p->items);
    free(p->rewards);
    free(p);
}

masa_meta_options rl_meta_options(const masa_config *config)
{
    return masa_config_meta_options(config);
}

void rl_predict(rl_draw *draw, const masa_config *config)
{
    const rl_group *meta = &draw->meta;
    masa_meta_options options = rl_meta_options(config);
    rl_predictions *p = masa_alloc(1, sizeof *p);
    p->items = masa_alloc(meta->n + 1, sizeof *p->items);
    p->n = meta->n;
    for (size_t i = 0; i < meta->n; i++)
        masa_prediction_parse(&p->items[i], meta->rollouts[i].text, meta->rollouts[i].text_size,
                              &options);
    masa_forecast_init(&p->forecast, p->items, p->n,
                       (masa_cutoff_statistic)config->meta.cutoff_statistic);
    draw->predictions = p;
}

masa_statistics *rl_statistics(const rl_draw *draw, const masa_config *config)
{
    const rl_group *solutions = &draw->solutions;
    size_t n = solutions->n;
    const char **texts = masa_alloc(n, sizeof *texts);
    bool *correct = masa_alloc(n, sizeof *correct);
    long *lengths = masa_alloc(n, sizeof *lengths);
    bool *cut = rl_limited(draw, config) ? masa_alloc(n, sizeof *cut) : NULL;
    for (size_t i = 0; i < n; i++) {
        texts[i] = solutions->rollouts[i].text;
        correct[i] = solutions->rollouts[i].correct;
        lengths[i] = (long)solutions->rollouts[i].completion.n;
        if (cut) cut[i] = rl_cut_off(draw, i, config);
    }
    masa_solutions all = {n, texts, correct, lengths, cut};
    masa_statistics *statistics = masa_statistics_create(
        draw->problem->problem, &all, (masa_notion_rule)config->meta.notion_rule);
    free(cut);
    free(texts);
    free(correct);
    free(lengths);
    return statistics;
}

double rl_true_pass_rate(const masa_statistics *truth)
{
    masa_statistics_summary s = masa_statistics_get(truth);
    return s.n_cut ? NAN : s.pass_rate;
}

double rl_true_length(const masa_statistics *truth)
{
    masa_statistics_summary s = masa_statistics_get(truth);
    return s.n_correct && !s.limited ? s.length_mean : NAN;
}

void rl_prediction_row(masa_store_prediction *out, masa_text *notions,
                       const rl_predictions *all, size_t i)
{
    const masa_prediction *p = &all->items[i];
    const masa_meta_reward *reward = all->rewards ? &all->rewards[i] : NULL;
    masa_text_add(notions, "[");
    for (size_t k = 0; p->notion_cause == MASA_META_VALID && k < p->n_notions; k++) {
        if (k) masa_text_add(notions, ",");
        masa_text_add_json(notions, p->notions[k], strlen(p->notions[k]));
    }
    masa_text_add(notions, "]");
    *out = (masa_store_prediction){
        .pass_rate = p->pass_rate_cause == MASA_META_VALID ? p->pass_rate : -1,
        .length = p->length_cause == MASA_META_VALID ? p->length : -1,
        .notions = masa_text_get(notions),
        .cause_pass_rate = masa_meta_cause_text(p->pass_rate_cause),
        .cause_length = masa_meta_cause_text(p->length_cause),
        .cause_notions = masa_meta_cause_text(p->notion_cause),
        .difficulty = reward ? reward->difficulty : NAN,
        .length_reward = reward ? reward->length : NAN,
        .notion_reward = reward ? reward->notion : NAN,
        .true_pass_rate = reward ? rl_true_pass_rate(all->truth) : NAN,
        .true_length = reward ? rl_true_length(all->truth) : NAN,
    };
}

void rl_reward_predictions(rl_draw *draw, const masa_config *config)
{
    masa_meta_options options = rl_meta_options(config);
    rl_predictions *p = draw->predictions;
    rl_group *meta = &draw->meta;
    if (draw->solutions.n > 0) {
        p->truth = rl_statistics(draw, config);
        p->rewards = masa_alloc(p->n + 1, sizeof *p->rewards);
    }
    meta->left_out = !p->truth;
    for (size_t i = 0; p->truth && i < p->n; i++) {
        p->rewards[i] = masa_meta_score(&p->items[i], p->truth, &options);
        meta->rollouts[i].reward = (float)p->rewards[i].total;
    }
}

void rl_shuffle_rewards(rl_draws *draws, uint64_t key)
{
    size_t n = 0;
    for (size_t i = 0; i < draws->n; i++)
        if (!draws->items[i].meta.left_out) n += draws->items[i].meta.n;
    rl_rollout **rollout = masa_alloc(n + 1, sizeof(rl_rollout *));
    size_t *from = masa_alloc(n + 1, sizeof *from), k = 0;
    float *reward = masa_alloc(n + 1, sizeof *reward);
    for (size_t i = 0; i < draws->n; i++) {
        rl_group *g = &draws->items[i].meta;
        for (size_t j = 0; !g->left_out && j < g->n; j++, k++) {
            rollout[k] = &g->rollouts[j];
            reward[k] = g->rollouts[j].reward;
            from[k] = k;
        }
    }
    masa_random random = masa_random_init(key, MASA_STREAM_SHUFFLE);
    masa_random_shuffle(&random, from, n);
    for (k = 0; k < n; k++) rollout[k]->reward = reward[from[k]];
    free(rollout);
    free(from);
    free(reward);
}
