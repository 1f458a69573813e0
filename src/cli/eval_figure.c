/* masa eval --figure: what files of results predict, beside what was true. */
#include "cmd_eval.h"

#include <masa/figure.h>
#include <masa/file.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>

/* Squares as they are found: one for each benchmark with predictions of each file. */
typedef struct squares {
    masa_meta_summary *summaries; /* [n] owned */
    char **titles;                /* [n] owned, each too */
    size_t n;
} squares;

static void add_squares(squares *s, const masa_result_sets *sets, const char *path,
                        const masa_meta_judge *judge)
{
    s->summaries = masa_realloc(s->summaries, s->n + sets->n, sizeof *s->summaries);
    s->titles = masa_realloc(s->titles, s->n + sets->n, sizeof *s->titles);
    for (size_t i = 0; i < sets->n; i++) {
        masa_meta_summary *summary = &s->summaries[s->n];
        masa_meta_summarise(summary, &sets->items[i], judge, &MASA_BOOTSTRAP_DEFAULTS);
        if (summary->n == 0) {
            masa_meta_summary_deinit(summary);
            continue;
        }
        masa_text title = {0};
        masa_text_addf(&title, "%s: %s", path, sets->items[i].benchmark);
        s->titles[s->n++] = masa_text_take(&title);
    }
}

masa_status eval_figure(const eval_command *c, int n, char *const *paths, masa_error *err)
{
    squares s = {0};
    masa_status st = MASA_OK;
    for (int i = 0; st == MASA_OK && i < n; i++) {
        masa_result_sets sets = {0};
        char *settings = NULL;
        st = eval_read_file(&sets, &settings, paths[i], err);
        if (st == MASA_OK) {
            masa_meta_judge judge = eval_judge(c, settings);
            add_squares(&s, &sets, paths[i], &judge);
        }
        masa_result_sets_deinit(&sets);
        free(settings);
    }
    if (st == MASA_OK && s.n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "--figure: there are no predictions in %s%s; "
                       "evaluate with --meta",
                       paths[0], n > 1 ? " and the others" : "");
    if (st == MASA_OK) {
        masa_text text = {0};
        masa_figure_predictions_svg(&text, s.summaries, (const char *const *)s.titles, s.n);
        st = masa_file_write(c->figure, text.data, text.size, err);
        masa_text_deinit(&text);
    }
    for (size_t i = 0; i < s.n; i++) {
        masa_meta_summary_deinit(&s.summaries[i]);
        free(s.titles[i]);
    }
    free(s.summaries);
    free(s.titles);
    return st;
}
