#include "solution_statistics.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_lengths(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* Of n > 0 rising values the first that at least MASA_LENGTH_LEVEL of them do not exceed:
 * the one at which the mean of the pinball loss is least. */
static size_t quantile_index(size_t n)
{
    size_t i = 0;
    while ((double)(i + 1) < MASA_LENGTH_LEVEL * (double)n) i++;
    return i;
}

masa_statistics *masa_statistics_create(const char *problem, const masa_solutions *solutions,
                                        masa_notion_rule rule)
{
    size_t n = solutions->n, k = 0; /* k: those that were not cut */
    masa_statistics *s = masa_alloc(1, sizeof *s);
    s->rule = rule;
    s->problem = masa_words_create(problem, strlen(problem), rule);
    s->words = masa_alloc(n + 1, sizeof *s->words);
    s->correct = masa_alloc(n + 1, sizeof *s->correct);
    s->texts = masa_alloc(n + 1, sizeof *s->texts);
    s->lengths = masa_alloc(n + 1, sizeof *s->lengths);
    masa_statistics_summary *sum = &s->summary;
    sum->limited = solutions->cut != NULL;
    double total = 0, total_all = 0;
    for (size_t i = 0; i < n; i++) {
        if (solutions->cut && solutions->cut[i]) continue;
        const char *text = solutions->texts[i];
        long length = solutions->lengths[i];
        s->words[k] = masa_words_create(text, strlen(text), rule);
        s->correct[k] = solutions->correct[i];
        s->texts[k++] = masa_strdup(text);
        total_all += (double)length;
        if (length > sum->length_longest) sum->length_longest = length;
        if (!solutions->correct[i]) continue;
        if (sum->n_correct == 0 || length < sum->length_min) sum->length_min = length;
        if (sum->n_correct == 0 || length > sum->length_max) sum->length_max = length;
        total += (double)length;
        s->lengths[sum->n_correct++] = length;
    }
    sum->n = k;
    sum->n_cut = n - k;
    if (k) sum->pass_rate = (double)sum->n_correct / (double)k;
    if (n) sum->pass_rate_low = (double)sum->n_correct / (double)n;
    if (n) sum->pass_rate_high = (double)(sum->n_correct + sum->n_cut) / (double)n;
    if (k) sum->length_mean_all = total_all / (double)k;
    if (sum->n_correct) sum->length_mean = total / (double)sum->n_correct;
    qsort(s->lengths, sum->n_correct, sizeof *s->lengths, compare_lengths);
    if (sum->n_correct) sum->length_upper = s->lengths[quantile_index(sum->n_correct)];
    return s;
}

void masa_statistics_destroy(masa_statistics *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->summary.n; i++) {
        masa_words_destroy(s->words[i]);
        free(s->texts[i]);
    }
    masa_words_destroy(s->problem);
    free(s->words);
    free(s->texts);
    free(s->lengths);
    free(s->correct);
    free(s);
}

masa_statistics_summary masa_statistics_get(const masa_statistics *statistics)
{
    return statistics->summary;
}

double masa_statistics_distance(const masa_statistics_summary *s, double rate)
{
    return fmax(0, fmax(s->pass_rate_low - rate, rate - s->pass_rate_high));
}

double masa_statistics_weight(const masa_statistics_summary *s, long cutoff, double audit_share)
{
    bool fits = s->length_longest <= cutoff;
    if (s->n_cut || (s->limited && !fits)) return 0;
    return fits ? 1 : 1 / audit_share;
}

void meta_count_notion(size_t *in_correct, size_t *in_incorrect, const masa_statistics *s,
                       const masa_words *notion)
{
    *in_correct = *in_incorrect = 0;
    for (size_t i = 0; i < s->summary.n; i++)
        if (masa_words_contain(s->words[i], notion))
            ++*(s->correct[i] ? in_correct : in_incorrect);
}
