#include "statistics.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

masa_statistics *masa_statistics_create(const char *problem,
                                        const masa_solutions *solutions,
                                        masa_notion_rule rule)
{
    size_t n = solutions->n;
    masa_statistics *s = masa_alloc(1, sizeof *s);
    s->rule = rule;
    s->problem = masa_words_create(problem, strlen(problem), rule);
    s->words = masa_alloc(n + 1, sizeof *s->words);
    s->correct = masa_alloc(n + 1, sizeof *s->correct);
    s->texts = masa_alloc(n + 1, sizeof *s->texts);
    masa_statistics_summary *sum = &s->summary;
    sum->n = n;
    double total = 0, total_all = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = solutions->texts[i];
        long length = solutions->lengths[i];
        s->words[i] = masa_words_create(text, strlen(text), rule);
        s->correct[i] = solutions->correct[i];
        total_all += (double)length;
        s->texts[i] = masa_strdup(text);
        if (!s->correct[i]) continue;
        if (sum->n_correct == 0 || length < sum->length_min) sum->length_min = length;
        if (sum->n_correct == 0 || length > sum->length_max) sum->length_max = length;
        total += (double)length;
        sum->n_correct++;
    }
    if (n) sum->pass_rate = (double)sum->n_correct / (double)n;
    if (n) sum->length_mean_all = total_all / (double)n;
    if (sum->n_correct) sum->length_mean = total / (double)sum->n_correct;
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
    free(s->correct);
    free(s);
}

masa_statistics_summary masa_statistics_get(const masa_statistics *statistics)
{
    return statistics->summary;
}

void meta__count_notion(size_t *in_correct, size_t *in_incorrect,
                        const masa_statistics *s, const masa_words *notion)
{
    *in_correct = *in_incorrect = 0;
    for (size_t i = 0; i < s->summary.n; i++)
        if (masa_words_contain(s->words[i], notion))
            ++*(s->correct[i] ? in_correct : in_incorrect);
}
