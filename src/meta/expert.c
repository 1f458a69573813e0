#include "meta_answer.h"
#include "solution_statistics.h"

#include <math.h>
#include <string.h>

size_t masa_expert_pick(const double *notion_rewards, size_t n, double threshold)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (notion_rewards[i] > notion_rewards[best]) best = i;
    return n && notion_rewards[best] >= threshold ? best : n;
}

/* What the rollouts say in hindsight: round(8 p), and the mean length of the correct
 * ones, or their quantile if that is asked for (of all when none is correct: the mean),
 * within the valid range. */
static long expert_pass_rate(const masa_statistics_summary *s)
{
    return lround(MASA_PASS_RATE_SCALE * s->pass_rate);
}

static long expert_length(const masa_statistics_summary *s, const masa_meta_options *options)
{
    long length = lround(s->n_correct ? s->length_mean : s->length_mean_all);
    if (s->n_correct && options->length_rule == MASA_LENGTH_QUANTILE) length = s->length_upper;
    if (length < options->length_min) return options->length_min;
    return length > options->length_max ? options->length_max : length;
}

void meta_add_answer(masa_text *out, const masa_statistics_summary *s,
                     const masa_meta_options *options, const masa_prediction *own,
                     char *const *notions, size_t n_notions)
{
    masa_text_add(out, "{\"math_notion\": [");
    for (size_t i = 0; i < n_notions; i++) {
        if (i) masa_text_add(out, ", ");
        masa_text_add_json(out, notions[i], strlen(notions[i]));
    }
    masa_text_add(out, "]");
    if (options->weight_difficulty > 0)
        masa_text_addf(out, ", \"pass_rate\": %ld", expert_pass_rate(s));
    else if (own && own->pass_rate_cause == MASA_META_VALID)
        masa_text_addf(out, ", \"pass_rate\": %ld", (long)own->pass_rate);
    if (options->weight_length > 0)
        masa_text_addf(out, ", \"solution_length\": %ld", expert_length(s, options));
    else if (own && own->length_cause == MASA_META_VALID)
        masa_text_addf(out, ", \"solution_length\": %ld", (long)own->length);
    masa_text_add(out, "}");
}

bool masa_expert_text(masa_text *out, const char *text, size_t n,
                      const masa_prediction *prediction, const masa_statistics *statistics,
                      const masa_meta_options *options)
{
    size_t end = meta_answer_start(text, n);
    if (end == 0) return false;
    if (statistics->summary.limited) return false;
    if (statistics->summary.n_correct == 0 && !options->expert_hopeless) return false;
    const char *start = memmem(text, end, "<meta>", strlen("<meta>"));
    if (!start) start = text;
    masa_text_append(out, start, (size_t)(text + end - start));
    masa_text_add(out, "\n");
    meta_add_answer(out, &statistics->summary, options, prediction, prediction->notions,
                    prediction->n_notions);
    return true;
}
