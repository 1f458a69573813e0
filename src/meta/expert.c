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
static int expert_pass_rate(const masa_statistics_summary *s)
{
    return (int)lround(MASA_PASS_RATE_SCALE * s->pass_rate);
}

static long expert_length(const masa_statistics_summary *s, const masa_meta_options *options)
{
    long length = lround(s->n_correct ? s->length_mean : s->length_mean_all);
    if (s->n_correct && options->length_rule == MASA_LENGTH_QUANTILE) length = s->length_upper;
    if (length < options->length_min) return options->length_min;
    return length > options->length_max ? options->length_max : length;
}

void meta_add_hindsight(masa_text *out, const masa_statistics_summary *s,
                        const masa_meta_options *options, const masa_prediction *own)
{
    masa_prediction p = *own;
    p.notion_cause = MASA_META_VALID; /* none where they could not be read */
    if (options->weight_difficulty > 0) {
        p.pass_rate_cause = MASA_META_VALID;
        p.pass_rate = expert_pass_rate(s);
    }
    if (options->weight_length > 0) {
        p.length_cause = MASA_META_VALID;
        p.length = expert_length(s, options);
    }
    masa_prediction_add(out, &p, options);
}

static bool says_something(const masa_prediction *p)
{
    return p->pass_rate_cause == MASA_META_VALID || p->length_cause == MASA_META_VALID ||
           p->notion_cause == MASA_META_VALID;
}

bool masa_expert_text(masa_text *out, const char *text, size_t n,
                      const masa_prediction *prediction, const masa_statistics *statistics,
                      const masa_meta_options *options)
{
    size_t end = meta_answer_start(text, n);
    bool alone = end == 0 && options->form == MASA_FORM_OBJECT && says_something(prediction);
    if (end == 0 && !alone) return false;
    if (statistics->summary.limited) return false;
    if (statistics->summary.n_correct == 0 && !options->expert_hopeless) return false;
    if (!alone) {
        const char *start = memmem(text, end, "<meta>", strlen("<meta>"));
        if (!start) start = text;
        masa_text_append(out, start, (size_t)(text + end - start));
        masa_text_add(out, "\n");
    }
    meta_add_hindsight(out, &statistics->summary, options, prediction);
    return true;
}
