/* What the rewards and the warm start read of a prompt's solution rollouts. */
#ifndef MASA_META_SOLUTION_STATISTICS_H
#define MASA_META_SOLUTION_STATISTICS_H

#include <masa/meta.h>

struct masa_statistics {
    masa_notion_rule rule;
    masa_words *problem;
    masa_words **words; /* [n] the text of each rollout that was not cut */
    bool *correct;      /* [n] */
    char **texts;       /* [n] copies of the rollouts' texts */
    long *lengths;      /* [n_correct] of the correct ones, rising */
    masa_statistics_summary summary;
};

/* How many correct and how many incorrect rollouts contain the notion. */
void meta_count_notion(size_t *in_correct, size_t *in_incorrect,
                       const masa_statistics *statistics, const masa_words *notion);

#endif
