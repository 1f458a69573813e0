/* Files of results made by hand. */
#ifndef EVAL_RESULTS_FIXTURE_H
#define EVAL_RESULTS_FIXTURE_H

#include "masa_test.h"

#include "results_write.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/summary.h>

#define OK(call) assert_int_equal((call), MASA_OK)

static char root[] = "/tmp/masa-results-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    return masa_folder_remove(root, NULL) != MASA_OK;
}

static inline masa_results *open_file(const char *name, masa_results_mode mode)
{
    char *path = masa_path_join(root, name);
    masa_results *r = NULL;
    OK(masa_results_open(&r, path, mode, NULL, NULL));
    free(path);
    return r;
}

static inline void add_sample(masa_results *r, long problem, eval_sample_kind kind,
                              size_t sample, const char *text, const char *answer,
                              const char *verdict, long tokens, const char *cause)
{
    masa_result_sample s = {.sample = sample,
                            .text = (char *)(uintptr_t)text,
                            .text_size = strlen(text),
                            .answer = (char *)(uintptr_t)answer,
                            .verdict = (char *)(uintptr_t)verdict,
                            .right = verdict && strcmp(verdict, "equal") == 0,
                            .tokens = tokens,
                            .cause = (char *)(uintptr_t)cause};
    OK(results_add_sample(r, problem, kind, &s, verdict ? "rule" : NULL, NULL));
}

static inline long add_problem(masa_results *r, long benchmark, size_t place, const char *id,
                               masa_problem_kind kind)
{
    masa_problem p = {.id = (char *)(uintptr_t)id,
                      .place = place,
                      .kind = kind,
                      .question = "How many stars are there?",
                      .prompt = "How many stars are there? Answer.",
                      .answer = "7"};
    long row = 0;
    OK(results_add_problem(&row, r, benchmark, &p, 10, 20, NULL));
    return row;
}

/* The only set of a file. */
static inline masa_result_sets read_sets(const char *name)
{
    masa_results *r = open_file(name, MASA_RESULTS_READ);
    masa_result_sets sets = {0};
    OK(masa_results_read(&sets, r, NULL));
    masa_results_close(r);
    return sets;
}

#endif
