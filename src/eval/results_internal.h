/* What the files of the results share. */
#ifndef EVAL_RESULTS_INTERNAL_H
#define EVAL_RESULTS_INTERNAL_H

#include "results_write.h"

#include <masa/sqlite_file.h>

struct masa_results {
    sqlite3 *db;
    char *path;
    bool write;
    masa_sqlite_wait wait;
};

/* The error of the last call on the database. */
masa_status results_fail(const masa_results *r, masa_error *err);
masa_status results_prepare(const masa_results *r, sqlite3_stmt **out, const char *sql,
                            masa_error *err);
/* A copy of a column's text, NULL of NULL; size may be NULL. */
char *results_text(sqlite3_stmt *statement, int column, size_t *size);
/* The sample in columns first..first + 7: sample, text, answer, verdict, correct, tokens,
 * cause, seconds. */
void results_take_sample(masa_result_sample *out, sqlite3_stmt *statement, int first);
#define RESULTS_SAMPLE_COLUMNS                                                                 \
    "samples.sample, samples.text, samples.answer, verdict, correct, tokens, cause, "          \
    "seconds"

#endif
