/* Queries. Each gives its rows to a visit function, one at a time. */
#include "store_internal.h"

#include <masa/memory.h>

#include <limits.h>
#include <math.h>
#include <string.h>

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static long long_of(sqlite3_stmt *row, int column)
{
    return (long)sqlite3_column_int64(row, column);
}

static double double_of(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN
                                                           : sqlite3_column_double(row, column);
}

/* Next row: *more tells whether there is one. */
static masa_status next(masa_store *store, sqlite3_stmt *rows, bool *more, masa_error *err)
{
    int code = sqlite3_step(rows);
    *more = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? MASA_OK : store_fail(store, err);
}

static void bind_name(sqlite3_stmt *statement, int column, const char *text)
{
    if (text) sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
}

static void bind_steps(sqlite3_stmt *statement, long first, long last)
{
    sqlite3_bind_int64(statement, 1, first);
    sqlite3_bind_int64(statement, 2, last < 0 ? LONG_MAX : last);
}

masa_status masa_store_get_info(masa_store *store, const char *key, char **out,
                                masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = false;
    masa_status st = store_prepare(store, "SELECT value FROM info WHERE key = ?", &rows, err);
    if (st == MASA_OK) {
        bind_name(rows, 1, key);
        st = next(store, rows, &more, err);
    }
    if (st == MASA_OK) *out = more ? masa_strdup(text_of(rows, 0)) : NULL;
    sqlite3_finalize(rows);
    return st;
}

masa_status masa_store_last_step(masa_store *store, long *out, masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = false;
    masa_status st =
        store_prepare(store, "SELECT ifnull(max(step), -1) FROM metrics", &rows, err);
    if (st == MASA_OK) st = next(store, rows, &more, err);
    if (st == MASA_OK) *out = long_of(rows, 0);
    sqlite3_finalize(rows);
    return st;
}

masa_status masa_store_metrics(masa_store *store, long first, long last, const char *name,
                               masa_store_metric_visit *visit, void *context,
                               masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = true;
    masa_status st = store_prepare(store,
                                   "SELECT step, name, value FROM metrics"
                                   " WHERE step BETWEEN ?1 AND ?2"
                                   " AND (?3 IS NULL OR name = ?3) ORDER BY step, rowid",
                                   &rows, err);
    if (st == MASA_OK) {
        bind_steps(rows, first, last);
        bind_name(rows, 3, name);
    }
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more)
        st = visit(context, long_of(rows, 0), text_of(rows, 1), double_of(rows, 2), err);
    sqlite3_finalize(rows);
    return st;
}

/* Token ids, unless there are none or not as many as the row says. */
static const int32_t *ids_of(sqlite3_stmt *row, int column, long n)
{
    const void *ids = sqlite3_column_blob(row, column);
    return sqlite3_column_bytes(row, column) == n * (long)sizeof(int32_t) ? ids : NULL;
}

static const char rollouts_sql[] =
    "SELECT step, prompt, problem, kind, sample, prompt_text, text, answer, prompt_tokens,"
    " tokens, reward, advantage, cause, logprob, seconds, extra, ids FROM rollouts_with_prompts"
    " WHERE step BETWEEN ?1 AND ?2 AND (?3 < 0 OR prompt = ?3)"
    " AND (?4 IS NULL OR problem = ?4) AND (?5 IS NULL OR kind = ?5)"
    " AND (?6 IS NULL OR cause = ?6) AND (?7 IS NULL OR instr(text, ?7) > 0)"
    " AND ifnull(reward, ?8) BETWEEN ?8 AND ?9"
    " ORDER BY step, prompt, kind DESC, sample LIMIT ?10";

masa_status masa_store_rollouts(masa_store *store, const masa_store_filter *filter,
                                masa_store_rollout_visit *visit, void *context,
                                masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = true;
    masa_status st = store_prepare(store, rollouts_sql, &rows, err);
    if (st == MASA_OK) {
        bind_steps(rows, filter->first_step, filter->last_step);
        sqlite3_bind_int64(rows, 3, filter->prompt);
        bind_name(rows, 4, filter->problem);
        bind_name(rows, 5, filter->kind);
        bind_name(rows, 6, filter->cause);
        bind_name(rows, 7, filter->contains);
        sqlite3_bind_double(rows, 8, filter->reward_min);
        sqlite3_bind_double(rows, 9, filter->reward_max);
        sqlite3_bind_int64(rows, 10, filter->limit);
    }
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more) {
        masa_store_rollout rollout = {
            long_of(rows, 0),    long_of(rows, 1),  text_of(rows, 2),    text_of(rows, 3),
            long_of(rows, 4),    text_of(rows, 5),  text_of(rows, 6),    text_of(rows, 7),
            long_of(rows, 8),    long_of(rows, 9),  NULL,                double_of(rows, 10),
            double_of(rows, 11), text_of(rows, 12), double_of(rows, 13), double_of(rows, 14),
            text_of(rows, 15)};
        rollout.ids = ids_of(rows, 16, rollout.tokens);
        st = visit(context, &rollout, err);
    }
    sqlite3_finalize(rows);
    return st;
}

masa_status masa_store_evals(masa_store *store, long first, long last,
                             masa_store_eval_visit *visit, void *context, masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = true;
    masa_status st = store_prepare(
        store,
        "SELECT step, problem, sample, text, answer, correct, tokens, cause FROM evals"
        " WHERE step BETWEEN ?1 AND ?2 ORDER BY step, rowid",
        &rows, err);
    if (st == MASA_OK) bind_steps(rows, first, last);
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more) {
        masa_store_eval eval = {long_of(rows, 0), text_of(rows, 1),      long_of(rows, 2),
                                text_of(rows, 3), text_of(rows, 4),      long_of(rows, 5) != 0,
                                long_of(rows, 6), text_of(rows, 7)};
        st = visit(context, &eval, err);
    }
    sqlite3_finalize(rows);
    return st;
}

masa_status masa_store_decisions(masa_store *store, long first, long last,
                                 masa_store_decision_visit *visit, void *context,
                                 masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = true;
    masa_status st = store_prepare(
        store,
        "SELECT step, prompt, problem, kind, taken, mean, deviation, value, extra"
        " FROM decisions WHERE step BETWEEN ?1 AND ?2 ORDER BY step, prompt, kind",
        &rows, err);
    if (st == MASA_OK) bind_steps(rows, first, last);
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more) {
        masa_store_decision decision = {
            long_of(rows, 0),      long_of(rows, 1),   text_of(rows, 2),
            text_of(rows, 3),      long_of(rows, 4) != 0, double_of(rows, 5),
            double_of(rows, 6),    double_of(rows, 7), text_of(rows, 8)};
        st = visit(context, &decision, err);
    }
    sqlite3_finalize(rows);
    return st;
}

static masa_status has_events(masa_store *store, bool *out, masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    masa_status st = store_prepare(
        store, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'", &rows, err);
    if (st == MASA_OK) st = next(store, rows, out, err);
    sqlite3_finalize(rows);
    return st;
}

masa_status masa_store_events(masa_store *store, long first, long last,
                              masa_store_event_visit *visit, void *context, masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    bool more = false;
    masa_status st = has_events(store, &more, err);
    if (st != MASA_OK || !more) return st;
    st = store_prepare(store,
                       "SELECT step, rule, text FROM events WHERE step BETWEEN ?1 AND ?2"
                       " ORDER BY step, rowid",
                       &rows, err);
    if (st == MASA_OK) bind_steps(rows, first, last);
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more)
        st = visit(context, long_of(rows, 0), text_of(rows, 1), text_of(rows, 2), err);
    sqlite3_finalize(rows);
    return st;
}
