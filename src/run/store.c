/* Opening the store, its schema, transactions and errors. */
#include "store_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    APPLICATION = 0x4D415341 /* "MASA" */,
    VERSION = 3,
    BEFORE = 2 /* is read, and brought up to date to be written */
};

#define PREDICTIONS                                                                            \
    "CREATE TABLE predictions (step INTEGER, prompt INTEGER, sample INTEGER,"                  \
    "  pass_rate INTEGER, length INTEGER, notions TEXT, cause_pass_rate TEXT,"                 \
    "  cause_length TEXT, cause_notions TEXT, difficulty REAL, length_reward REAL,"            \
    "  notion_reward REAL, true_pass_rate REAL, true_length REAL,"                             \
    "  PRIMARY KEY (step, prompt, sample));"
#define REWARDS                                                                                \
    "CREATE TABLE rewards (step INTEGER, prompt INTEGER, sample INTEGER, part TEXT,"           \
    "  value REAL, PRIMARY KEY (step, prompt, sample, part));"
#define WITH_PROMPTS                                                                           \
    "CREATE VIEW rollouts_with_prompts AS SELECT rollouts.*, prompts.text AS prompt_text"      \
    "  FROM rollouts LEFT JOIN prompts ON prompts.id = prompt_id;"

static const char schema[] =
    "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE metrics (step INTEGER, name TEXT, value REAL,"
    "  PRIMARY KEY (step, name));"
    "CREATE TABLE prompts (id INTEGER PRIMARY KEY, text TEXT UNIQUE);"
    "CREATE TABLE rollouts (step INTEGER, prompt INTEGER, problem TEXT, kind TEXT,"
    "  sample INTEGER, prompt_id INTEGER REFERENCES prompts (id), text TEXT, answer TEXT,"
    "  prompt_tokens INTEGER, tokens INTEGER, reward REAL, advantage REAL, cause TEXT,"
    "  logprob REAL, seconds REAL, said TEXT, ids BLOB, extracted TEXT, correct INTEGER,"
    "  PRIMARY KEY (step, prompt, kind, sample));"
    "CREATE TABLE evals (step INTEGER, problem TEXT, sample INTEGER, text TEXT,"
    "  answer TEXT, correct INTEGER, tokens INTEGER, cause TEXT, extracted TEXT);"
    "CREATE INDEX evals_step ON evals (step);"
    "CREATE TABLE decisions (step INTEGER, prompt INTEGER, problem TEXT, kind TEXT,"
    "  taken INTEGER, mean REAL, deviation REAL, value REAL, extra TEXT,"
    "  PRIMARY KEY (step, prompt, kind));" PREDICTIONS REWARDS WITH_PROMPTS;

/* The layout before: predictions were JSON in a column, which nothing else was in. */
#define PREDICTIONS_BEFORE                                                                     \
    "SELECT step, prompt, sample, json_extract(extra, '$.pass_rate') AS pass_rate,"            \
    "  json_extract(extra, '$.length') AS length,"                                             \
    "  json_extract(extra, '$.notions') AS notions,"                                           \
    "  json_extract(extra, '$.cause_pass_rate') AS cause_pass_rate,"                           \
    "  json_extract(extra, '$.cause_length') AS cause_length,"                                 \
    "  json_extract(extra, '$.cause_notions') AS cause_notions,"                               \
    "  json_extract(extra, '$.difficulty') AS difficulty,"                                     \
    "  json_extract(extra, '$.length_reward') AS length_reward,"                               \
    "  json_extract(extra, '$.notion_reward') AS notion_reward,"                               \
    "  json_extract(extra, '$.true_pass_rate') AS true_pass_rate,"                             \
    "  json_extract(extra, '$.true_length') AS true_length"                                    \
    "  FROM main.rollouts WHERE kind = 'meta' AND json_valid(extra)"

/* Shown in the present layout, without a change to the file. */
static const char views_of_before[] =
    "PRAGMA temp_store = MEMORY;"
    "CREATE TEMP VIEW rollouts_with_prompts AS SELECT step, prompt, problem, kind, sample,"
    "  prompts.text AS prompt_text, rollouts.text AS text, answer, prompt_tokens, tokens, reward,"
    "  advantage, cause, logprob, seconds, '' AS said, ids, '' AS extracted,"
    "  kind = 'solution' AND reward > 0 AS correct"
    "  FROM main.rollouts LEFT JOIN main.prompts ON prompts.id = prompt_id;"
    "CREATE TEMP VIEW evals AS SELECT rowid, step, problem, sample, text, answer, correct,"
    "  tokens, cause, '' AS extracted FROM main.evals;"
    "CREATE TEMP VIEW predictions AS " PREDICTIONS_BEFORE ";"
    "CREATE TEMP VIEW rewards AS SELECT 0 AS step, 0 AS prompt, 0 AS sample, '' AS part,"
    "  0 AS value WHERE 0;";

static const char update_of_before[] =
    "DROP VIEW rollouts_with_prompts;" PREDICTIONS REWARDS
    "INSERT INTO predictions " PREDICTIONS_BEFORE ";"
    "UPDATE rollouts SET extra = '';"
    "ALTER TABLE rollouts RENAME COLUMN extra TO said;"
    "ALTER TABLE rollouts ADD COLUMN extracted TEXT;"
    "ALTER TABLE rollouts ADD COLUMN correct INTEGER;"
    "UPDATE rollouts SET correct = kind = 'solution' AND reward > 0;"
    "ALTER TABLE evals ADD COLUMN extracted TEXT;" WITH_PROMPTS;

/* Beside the schema, as stores of older programs lack it. */
static const char events_table[] =
    "CREATE TABLE IF NOT EXISTS events (step INTEGER, rule TEXT, text TEXT,"
    "  PRIMARY KEY (step, rule))";

static const char *const statements[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_SET_INFO] = "INSERT OR REPLACE INTO info VALUES (?, ?)",
    [STORE_METRIC] = "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)",
    [STORE_PROMPT] = "INSERT OR IGNORE INTO prompts (text) VALUES (?)",
    [STORE_ROLLOUT] =
        ("INSERT OR REPLACE INTO rollouts VALUES (?, ?, ?, ?, ?,"
         " (SELECT id FROM prompts WHERE text = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    [STORE_PREDICTION] = ("INSERT OR REPLACE INTO predictions VALUES"
                          " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    [STORE_REWARD] = "INSERT OR REPLACE INTO rewards VALUES (?, ?, ?, ?, ?)",
    [STORE_EVAL] = "INSERT INTO evals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STORE_DECISION] = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STORE_EVENT] = "INSERT OR REPLACE INTO events VALUES (?, ?, ?)",
};

#define STORE "a store of masa"

masa_status store_fail(const masa_store *store, masa_error *err)
{
    return masa_sqlite_fail(
        store->db, &store->wait, STORE,
        "`sqlite3 FILE .recover` may save rows of it, and with the file moved "
        "away --resume goes on with a new record",
        err);
}

masa_status store_prepare(const masa_store *store, const char *sql, sqlite3_stmt **out,
                          masa_error *err)
{
    return sqlite3_prepare_v2(store->db, sql, -1, out, NULL) == SQLITE_OK
               ? MASA_OK
               : store_fail(store, err);
}

masa_status store_run(const masa_store *store, sqlite3_stmt *statement, masa_error *err)
{
    masa_status st = MASA_OK;
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) st = store_fail(store, err);
    sqlite3_reset(statement);
    return st;
}

static masa_status execute(const masa_store *store, const char *sql, masa_error *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? MASA_OK
                                                                       : store_fail(store, err);
}

static masa_status read_pragma(const masa_store *store, const char *sql, long *out,
                               masa_error *err)
{
    sqlite3_stmt *statement = NULL;
    masa_status st = store_prepare(store, sql, &statement, err);
    if (st == MASA_OK && sqlite3_step(statement) != SQLITE_ROW) st = store_fail(store, err);
    if (st == MASA_OK) *out = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return st;
}

/* Runs these statements as one, and then is of the present version. */
static masa_status lay_out(masa_store *store, const char *statement_list, masa_error *err)
{
    masa_text sql = {0};
    masa_text_addf(&sql,
                   "BEGIN IMMEDIATE; %s PRAGMA application_id = %d;"
                   " PRAGMA user_version = %d; COMMIT;",
                   statement_list, APPLICATION, VERSION);
    masa_status st = execute(store, masa_text_get(&sql), err);
    if (st != MASA_OK) masa_store_rollback(store);
    masa_text_deinit(&sql);
    return st;
}

/* An empty database becomes ours; any other must be ours already. */
static masa_status check_schema(masa_store *store, masa_store_mode mode, masa_error *err)
{
    long application, version, tables;
    bool write = mode == MASA_STORE_WRITE;
    masa_status st = read_pragma(store, "PRAGMA application_id", &application, err);
    if (st == MASA_OK) st = read_pragma(store, "PRAGMA user_version", &version, err);
    if (st == MASA_OK)
        st = read_pragma(store, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (st != MASA_OK) return st;
    if (write && tables == 0 && application == 0) return lay_out(store, schema, err);
    if (application != APPLICATION)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not " STORE, store->path);
    if (version == BEFORE)
        return write ? lay_out(store, update_of_before, err)
                     : execute(store, views_of_before, err);
    if (version != VERSION)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "%s is a store of version %ld; this masa reads versions %d and %d",
                         store->path, version, BEFORE, VERSION);
    return MASA_OK;
}

static masa_status set_up(masa_store *store, masa_store_mode mode, masa_error *err)
{
    masa_sqlite_wait_for_locks(store->db, &store->wait);
    masa_status st = check_schema(store, mode, err);
    if (st != MASA_OK || mode == MASA_STORE_READ) return st;
    /* A commit is on the disk when it returns: a resumed run relies on it. */
    st = execute(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err);
    if (st == MASA_OK) st = execute(store, events_table, err);
    for (int i = 0; i < STORE_STATEMENTS && st == MASA_OK; i++)
        st = store_prepare(store, statements[i], &store->statements[i], err);
    return st;
}

static masa_status open_name(masa_store **out, const char *path, const char *name,
                             masa_store_mode mode, masa_error *err)
{
    masa_store *store = masa_alloc(1, sizeof *store);
    store->path = masa_strdup(path);
    store->wait = (masa_sqlite_wait){
        .path = store->path,
        .patience = mode == MASA_STORE_READ ? 5 : INFINITY,
    };
    int flags = mode == MASA_STORE_READ ? masa_sqlite_read_flags
                                        : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    masa_status st = sqlite3_open_v2(name, &store->db, flags, NULL) == SQLITE_OK
                         ? set_up(store, mode, err)
                         : store_fail(store, err);
    if (st == MASA_OK) *out = store;
    else masa_store_close(store);
    return st;
}

typedef struct reading {
    masa_store **out;
    const char *path;
} reading;

static masa_status open_to_read(void *context, const char *name, masa_error *err)
{
    const reading *r = context;
    return open_name(r->out, r->path, name, MASA_STORE_READ, err);
}

masa_status masa_store_open(masa_store **out, const char *path, masa_store_mode mode,
                            masa_error *err)
{
    reading r = {out, path};
    if (mode == MASA_STORE_WRITE) return open_name(out, path, path, mode, err);
    return masa_path_missing(path)
               ? MASA_FAIL(err, MASA_ERR_IO, "no store %s; is this the folder of a run?", path)
               : masa_sqlite_open_to_read(path, open_to_read, &r, err);
}

void masa_store_heed(masa_store *store, const volatile sig_atomic_t *stop)
{
    store->wait.stop = stop;
}

void masa_store_close(masa_store *store)
{
    if (!store) return;
    for (int i = 0; i < STORE_STATEMENTS; i++) sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    free(store->path);
    free(store);
}

masa_status masa_store_begin(masa_store *store, masa_error *err)
{
    return store_run(store, store->statements[STORE_BEGIN], err);
}

masa_status masa_store_commit(masa_store *store, masa_error *err)
{
    masa_status st = store_run(store, store->statements[STORE_COMMIT], err);
    if (st != MASA_OK) masa_store_rollback(store);
    return st;
}

void masa_store_rollback(masa_store *store)
{
    /* Nothing to roll back (SQLite did it itself after an error) is fine too. */
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

masa_status masa_store_truncate(masa_store *store, long step, masa_error *err)
{
    masa_text sql = {0};
    masa_text_addf(
        &sql,
        "DELETE FROM metrics WHERE step > %ld; DELETE FROM rollouts WHERE step > %ld;"
        "DELETE FROM evals WHERE step > %ld; DELETE FROM decisions WHERE step > %ld;"
        "DELETE FROM predictions WHERE step > %ld; DELETE FROM rewards WHERE step > %ld;"
        "DELETE FROM events WHERE step > %ld;"
        "DELETE FROM prompts WHERE id NOT IN (SELECT prompt_id FROM rollouts);",
        step, step, step, step, step, step, step);
    masa_status st = masa_store_begin(store, err);
    if (st == MASA_OK) {
        st = execute(store, masa_text_get(&sql), err);
        if (st == MASA_OK) st = masa_store_commit(store, err);
        else masa_store_rollback(store);
    }
    masa_text_deinit(&sql);
    return st;
}
