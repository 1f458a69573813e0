#include "solution_statistics.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double score_difficulty(const masa_prediction *p, const masa_statistics_summary *s,
                               const masa_meta_options *o)
{
    if (p->pass_rate_cause != MASA_META_VALID) return 0;
    double rate = (double)p->pass_rate / MASA_PASS_RATE_SCALE;
    double distance = masa_statistics_distance(s, rate);
    return o->difficulty_rule == MASA_DIFFICULTY_BRIER ? 1 - distance * distance
                                                       : pow(o->base, distance);
}

/* Of lengths[n], n > 0, the mean pinball loss as a share of the greatest there can be. */
static double pinball(const long *lengths, size_t n, long predicted, const masa_meta_options *o)
{
    double low = log((double)o->length_min), high = log((double)o->length_max), sum = 0;
    if (high <= low) return 0;
    for (size_t i = 0; i < n; i++) {
        double truth = fmax(low, fmin(high, log(fmax(1, (double)lengths[i]))));
        double off = truth - log((double)predicted);
        sum += fmax(MASA_LENGTH_LEVEL * off, (MASA_LENGTH_LEVEL - 1) * off);
    }
    return sum / (double)n / (MASA_LENGTH_LEVEL * (high - low));
}

static double score_length(const masa_prediction *p, const masa_statistics *statistics,
                           const masa_meta_options *o)
{
    const masa_statistics_summary *s = &statistics->summary;
    if (p->length_cause != MASA_META_VALID || s->limited || s->n_correct == 0) return 0;
    switch (o->length_rule) {
    case MASA_LENGTH_STRICT: return s->length_min < p->length && p->length < s->length_max;
    case MASA_LENGTH_QUANTILE:
        return 1 - pinball(statistics->lengths, s->n_correct, p->length, o);
    default: return s->length_min <= p->length && p->length <= s->length_max;
    }
}

/* Whether a notion that so many rollouts contain tells right from wrong. */
static bool helps(size_t in_correct, size_t in_incorrect, const masa_statistics_summary *s,
                  masa_notion_test test)
{
    size_t n_incorrect = s->n - s->n_correct;
    if (test == MASA_NOTION_COUNTS || n_incorrect == 0) return in_correct > in_incorrect;
    return in_correct * n_incorrect > in_incorrect * s->n_correct;
}

/* Counts the notions kept and the helpful ones among them. */
static void count_notions(masa_meta_reward *reward, const masa_prediction *p,
                          const masa_statistics *s, masa_notion_test test)
{
    masa_words **kept = masa_alloc(p->n_notions + 1, sizeof *kept);
    for (size_t i = 0; i < p->n_notions; i++) {
        masa_words *notion = masa_words_create(p->notions[i], strlen(p->notions[i]), s->rule);
        bool drop = masa_words_empty(notion) || masa_words_contain(s->problem, notion);
        for (size_t k = 0; !drop && k < reward->notions_kept; k++)
            drop = masa_words_equal(kept[k], notion);
        if (drop) {
            masa_words_destroy(notion);
            continue;
        }
        kept[reward->notions_kept++] = notion;
        size_t in_correct, in_incorrect;
        meta_count_notion(&in_correct, &in_incorrect, s, notion);
        if (helps(in_correct, in_incorrect, &s->summary, test)) reward->notions_helpful++;
    }
    for (size_t k = 0; k < reward->notions_kept; k++) masa_words_destroy(kept[k]);
    free(kept);
}

/* Why a component is 0: the field's own cause, else what the rollouts say. */
static masa_meta_cause zero_cause(double reward, masa_meta_cause field, masa_meta_cause valid)
{
    if (reward > 0) return MASA_META_VALID;
    return field == MASA_META_VALID ? valid : field;
}

masa_meta_reward masa_meta_score(const masa_prediction *prediction,
                                 const masa_statistics *statistics,
                                 const masa_meta_options *options)
{
    const masa_statistics_summary *s = &statistics->summary;
    masa_meta_reward r = {0};
    r.difficulty = score_difficulty(prediction, s, options);
    r.length = score_length(prediction, statistics, options);
    if (prediction->notion_cause == MASA_META_VALID)
        count_notions(&r, prediction, statistics, options->notion_test);
    if (r.notions_kept) r.notion = (double)r.notions_helpful / (double)r.notions_kept;
    bool none = s->n_correct == 0;
    r.difficulty_cause = zero_cause(r.difficulty, prediction->pass_rate_cause, MASA_META_VALID);
    r.length_cause = zero_cause(r.length, prediction->length_cause,
                                s->limited ? MASA_META_LIMITED
                                : none     ? MASA_META_NO_CORRECT
                                           : MASA_META_OUTSIDE);
    r.notion_cause = zero_cause(r.notion, prediction->notion_cause,
                                r.notions_kept == 0 ? MASA_META_NONE_KEPT
                                : none              ? MASA_META_NO_CORRECT
                                                    : MASA_META_NONE_HELPFUL);
    double weight_length = s->limited ? 0 : options->weight_length;
    double weight = options->weight_difficulty + weight_length + options->weight_notion;
    if (weight > 0)
        r.total = (options->weight_difficulty * r.difficulty + weight_length * r.length +
                   options->weight_notion * r.notion) /
                  weight;
    return r;
}
