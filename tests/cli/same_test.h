/* What the tests have in common that run the same training in different ways, with the reference
 * kernels: what one process computes does not depend on how rows are batched. */
#ifndef SAME_TEST_H
#define SAME_TEST_H

#include "kinds_test.h"

#include <sqlite3.h>

/* Metrics that are of the machine. */
#define WITHOUT                                                                                                                                  \
    "'seconds_rollouts','seconds_update','seconds_exchange','seconds_vote','exchanged_mib',"                                                     \
    "'tokens_per_second','total_seconds','cpu_seconds','memory_mib','disk_free_mib'," /* a beginning that prompts share is run once a process */ \
    "'prefilled_tokens','flops','meta_flops_share'," /* where servers sample nothing is kept */                                                  \
    "'recalled_tokens'"

/* A line of shell with the kind's arguments for RUN and more, in a buffer of its own. */
static inline const char *arguments(const char *more, const kind *k, const char *run)
{
    static char text[4][2048];
    static int next;
    char *out = text[next++ % 4];
    const char *hole = strstr(k->arguments, "RUN");
    snprintf(out, sizeof *text, "%.*s%s%s -q %s", (int)(hole - k->arguments), k->arguments, run,
             hole + 3, more);
    return out;
}

/* For ranks of one program, and the reference kernels. */
static inline void set_mpi(void)
{
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1); /* in a container one often is */
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("MASA_ISA", "reference", 1);
#ifdef __SANITIZE_ADDRESS__ /* Open MPI leaves much to the end of its processes */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
#endif
}

/* Of what the program says to people, warnings left out, one line, which says `part`. */
static inline void assert_one_line(const char *part)
{
    int lines = 0;
    for (const char *p = errors; (p = strstr(p, "masa: ")); p += 6)
        lines += (p == errors || p[-1] == '\n') && strncmp(p + 6, "warning", 7) != 0;
    if (lines != 1 || !strstr(errors, part))
        fail_msg("not one line with '%s':\n%s", part, errors);
}

static inline void must(int status, const char *how)
{
    if (status != 0) fail_msg("%s: status %d, %s", how, status, errors);
}

static inline void assert_same_file(const char *a, const char *b, const char *file)
{
    masa_text x = read_saved(a, file), y = read_saved(b, file);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
        fail_msg("%s and %s: another %s", a, b, file);
    masa_text_deinit(&x);
    masa_text_deinit(&y);
}

/* Rows of `columns` that are in one store and not in the other, NaNs and all. */
static inline int differences(sqlite3 *store, const char *columns, const char *from)
{
    char query[4096];
    sqlite3_stmt *statement = NULL;
    snprintf(
        query, sizeof query,
        "SELECT (SELECT count(*) FROM (SELECT %s FROM main.%s EXCEPT SELECT %s FROM b.%s)) + "
        "(SELECT count(*) FROM (SELECT %s FROM b.%s EXCEPT SELECT %s FROM main.%s))",
        columns, from, columns, from, columns, from, columns, from);
    assert_int_equal(sqlite3_prepare_v2(store, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return n;
}

static inline void assert_same_record(const char *a, const char *b)
{
    static const struct {
        const char *columns, *from;
    } tables[] = {
        {"step, name, value", "metrics WHERE name NOT IN (" WITHOUT ")"},
        {"step, prompt, problem, kind, sample, text, tokens, ids, reward, advantage, "
         "logprob, cause",
         "rollouts"},
        {"step, problem, sample, text, correct, tokens", "evals"},
        {"step, prompt, kind, taken, mean, deviation, value, extra", "decisions"},
        {"step, prompt, sample, pass_rate, length, notions, difficulty", "predictions"},
    };
    char text[300];
    sqlite3 *store = NULL;
    snprintf(text, sizeof text, "%s/store.sqlite", a);
    assert_int_equal(sqlite3_open(text, &store), SQLITE_OK);
    snprintf(text, sizeof text, "ATTACH '%s/store.sqlite' AS b", b);
    assert_int_equal(sqlite3_exec(store, text, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        int n = differences(store, tables[i].columns, tables[i].from);
        if (n) fail_msg("%s and %s: %d rows differ in %s", a, b, n, tables[i].from);
    }
    sqlite3_close(store);
}

#endif
