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

masa_status masa_store_get_info(masa_store *store, const char *key, char **out, masa_error *err)
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
                               masa_store_metric_visit *visit, void *context, masa_error *err)
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
    "SELECT r.step, r.prompt, problem, kind, r.sample, prompt_text, text, answer,"
    " prompt_tokens, tokens, reward, advantage, cause, logprob, seconds, said, ids, extracted,"
    " correct, cause_pass_rate, pass_rate, length, notions, cause_length, cause_notions,"
    " difficulty, length_reward, notion_reward, true_pass_rate, true_length,"
    " (SELECT nullif(json_group_object(part, value), '{}') FROM rewards w"
    "   WHERE r.kind = 'solution' AND w.step = r.step AND w.prompt = r.prompt"
    "   AND w.sample = r.sample)"
    " FROM rollouts_with_prompts r LEFT JOIN predictions p ON r.kind = 'meta'"
    " AND p.step = r.step AND p.prompt = r.prompt AND p.sample = r.sample"
    " WHERE r.step BETWEEN ?1 AND ?2 AND (?3 < 0 OR r.prompt = ?3)"
    " AND (?4 IS NULL OR problem = ?4) AND (?5 IS NULL OR kind = ?5)"
    " AND (?6 IS NULL OR cause = ?6) AND (?7 IS NULL OR instr(text, ?7) > 0)"
    " AND ifnull(reward, ?8) BETWEEN ?8 AND ?9"
    " ORDER BY r.step, r.prompt, kind DESC, r.sample LIMIT ?10";

/* Columns of rollouts_sql. */
enum { PREDICTED = 19 /* where a prediction begins */, PARTS = 30 };

static long count_of(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : long_of(row, column);
}

static masa_store_prediction prediction_of(sqlite3_stmt *row)
{
    return (masa_store_prediction){
        .cause_pass_rate = text_of(row, PREDICTED),
        .pass_rate = count_of(row, PREDICTED + 1),
        .length = count_of(row, PREDICTED + 2),
        .notions = text_of(row, PREDICTED + 3),
        .cause_length = text_of(row, PREDICTED + 4),
        .cause_notions = text_of(row, PREDICTED + 5),
        .difficulty = double_of(row, PREDICTED + 6),
        .length_reward = double_of(row, PREDICTED + 7),
        .notion_reward = double_of(row, PREDICTED + 8),
        .true_pass_rate = double_of(row, PREDICTED + 9),
        .true_length = double_of(row, PREDICTED + 10),
    };
}

static masa_store_rollout rollout_of(sqlite3_stmt *row)
{
    masa_store_rollout r = {
        .step = long_of(row, 0),
        .prompt = long_of(row, 1),
        .problem = text_of(row, 2),
        .kind = text_of(row, 3),
        .sample = long_of(row, 4),
        .prompt_text = text_of(row, 5),
        .text = text_of(row, 6),
        .answer = text_of(row, 7),
        .prompt_tokens = long_of(row, 8),
        .tokens = long_of(row, 9),
        .reward = double_of(row, 10),
        .advantage = double_of(row, 11),
        .cause = text_of(row, 12),
        .logprob = double_of(row, 13),
        .seconds = double_of(row, 14),
        .said = text_of(row, 15),
        .extracted = text_of(row, 17),
        .correct = long_of(row, 18) != 0,
        .parts = text_of(row, PARTS),
    };
    r.ids = ids_of(row, 16, r.tokens);
    return r;
}

masa_status masa_store_rollouts(masa_store *store, const masa_store_filter *filter,
                                masa_store_rollout_visit *visit, void *context, masa_error *err)
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
        masa_store_rollout rollout = rollout_of(rows);
        masa_store_prediction prediction = prediction_of(rows);
        /* In stores of before a meta rollout may lack one of its members. */
        if (sqlite3_column_type(rows, PREDICTED) != SQLITE_NULL || prediction.pass_rate >= 0 ||
            prediction.length >= 0)
            rollout.prediction = &prediction;
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
        "SELECT step, problem, sample, text, answer, correct, tokens, cause, extracted FROM evals"
        " WHERE step BETWEEN ?1 AND ?2 ORDER BY step, rowid",
        &rows, err);
    if (st == MASA_OK) bind_steps(rows, first, last);
    while (st == MASA_OK && (st = next(store, rows, &more, err)) == MASA_OK && more) {
        masa_store_eval eval = {long_of(rows, 0), text_of(rows, 1), long_of(rows, 2),
                                text_of(rows, 3), text_of(rows, 4), long_of(rows, 5) != 0,
                                long_of(rows, 6), text_of(rows, 7), text_of(rows, 8)};
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
            long_of(rows, 0),   long_of(rows, 1),      text_of(rows, 2),
            text_of(rows, 3),   long_of(rows, 4) != 0, double_of(rows, 5),
            double_of(rows, 6), double_of(rows, 7),    text_of(rows, 8)};
        st = visit(context, &decision, err);
    }
    sqlite3_finalize(rows);
    return st;
}

static masa_status has_events(masa_store *store, bool *out, masa_error *err)
{
    sqlite3_stmt *rows = NULL;
    masa_status st = store_prepare(
        store, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'", &rows,
        err);
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
