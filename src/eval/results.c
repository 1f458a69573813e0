/* The file of results: opening, schema, settings. */
#include "results_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { APPLICATION = 0x4D41534C /* "MASL" */, VERSION = 1 };

static const char schema[] =
    "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE benchmarks (id INTEGER PRIMARY KEY, name TEXT UNIQUE, title TEXT,"
    "  problems INTEGER, samples INTEGER, meta_samples INTEGER);"
    "CREATE TABLE problems (id INTEGER PRIMARY KEY, benchmark INTEGER, name TEXT,"
    "  place INTEGER, kind TEXT, question TEXT, prompt TEXT, gold TEXT,"
    "  prompt_tokens INTEGER, meta_prompt_tokens INTEGER, UNIQUE (benchmark, name));"
    "CREATE TABLE samples (problem INTEGER, kind TEXT, sample INTEGER, text TEXT,"
    "  answer TEXT, verdict TEXT, rule TEXT, correct INTEGER, tokens INTEGER, cause TEXT,"
    "  seconds REAL, PRIMARY KEY (problem, kind, sample)) WITHOUT ROWID;";

masa_status results_fail(const masa_results *r, masa_error *err)
{
    return masa_sqlite_fail(r->db, &r->wait, "a file of results", NULL, err);
}

masa_status results_prepare(const masa_results *r, sqlite3_stmt **out, const char *sql,
                            masa_error *err)
{
    return sqlite3_prepare_v2(r->db, sql, -1, out, NULL) == SQLITE_OK ? MASA_OK
                                                                      : results_fail(r, err);
}

static masa_status execute(const masa_results *r, const char *sql, masa_error *err)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? MASA_OK
                                                                   : results_fail(r, err);
}

char *results_text(sqlite3_stmt *statement, int column, size_t *size)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t n = (size_t)sqlite3_column_bytes(statement, column);
    if (size) *size = n;
    if (!text) return NULL;
    char *copy = masa_alloc(n + 1, 1); /* the text may hold NULs */
    memcpy(copy, text, n);
    return copy;
}

static masa_status pragma(const masa_results *r, const char *sql, long *out, masa_error *err)
{
    sqlite3_stmt *statement = NULL;
    masa_status st = results_prepare(r, &statement, sql, err);
    if (st == MASA_OK && sqlite3_step(statement) != SQLITE_ROW) st = results_fail(r, err);
    if (st == MASA_OK) *out = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return st;
}

/* An empty database becomes ours; any other must be ours already. */
static masa_status check_schema(masa_results *r, masa_error *err)
{
    long application = 0, version = 0, tables = 0;
    masa_status st = pragma(r, "PRAGMA application_id", &application, err);
    if (st == MASA_OK) st = pragma(r, "PRAGMA user_version", &version, err);
    if (st == MASA_OK) st = pragma(r, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (st != MASA_OK) return st;
    if (r->write && tables == 0 && application == 0) {
        masa_text sql = {0};
        masa_text_addf(
            &sql, "BEGIN; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
            schema, APPLICATION, VERSION);
        st = execute(r, masa_text_get(&sql), err);
        masa_text_deinit(&sql);
        return st;
    }
    if (application != APPLICATION || version != VERSION)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not a file of results of this masa",
                         r->path);
    return MASA_OK;
}

static masa_status open_name(masa_results **out, const char *path, const char *name, bool write,
                             const volatile sig_atomic_t *stop, masa_error *err)
{
    masa_results *r = masa_alloc(1, sizeof *r);
    r->path = masa_strdup(path);
    r->write = write;
    r->wait = (masa_sqlite_wait){
        .path = r->path,
        .patience = write ? INFINITY : 5,
        .stop = stop,
    };
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : masa_sqlite_read_flags;
    masa_status st = MASA_OK;
    if (sqlite3_open_v2(name, &r->db, flags, NULL) != SQLITE_OK) st = results_fail(r, err);
    if (st == MASA_OK) {
        masa_sqlite_wait_for_locks(r->db, &r->wait);
        st = check_schema(r, err);
    }
    /* A crash of the machine may lose the last seconds: they are sampled again. What one
     * evaluation has read is not to be made untrue by another one: that waits. */
    if (st == MASA_OK && write)
        st = execute(
            r, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", err);
    if (st == MASA_OK) *out = r;
    else masa_results_close(r);
    return st;
}

typedef struct reading {
    masa_results **out;
    const char *path;
} reading;

static masa_status open_to_read(void *context, const char *name, masa_error *err)
{
    const reading *r = context;
    return open_name(r->out, r->path, name, false, NULL, err);
}

masa_status masa_results_open(masa_results **out, const char *path, masa_results_mode mode,
                              const volatile sig_atomic_t *stop, masa_error *err)
{
    reading r = {out, path};
    bool write = mode == MASA_RESULTS_WRITE;
    if (!write && !masa_path_exists(path))
        return MASA_FAIL(err, MASA_ERR_IO, "there is no file of results %s", path);
    if (!masa_path_missing(path) && !masa_path_is_regular(path))
        return MASA_FAIL(err, MASA_ERR_IO, "%s is not a regular file, as results need", path);
    return write ? open_name(out, path, path, true, stop, err)
                 : masa_sqlite_open_to_read(path, open_to_read, &r, err);
}

masa_status results_commit(masa_results *r, masa_error *err)
{
    return execute(r, "COMMIT; BEGIN IMMEDIATE", err);
}

void masa_results_close(masa_results *r)
{
    if (!r) return;
    if (r->write && r->db && !sqlite3_get_autocommit(r->db))
        sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}

/* ---- settings ---- */

masa_status masa_results_settings(char **out, masa_results *r, masa_error *err)
{
    sqlite3_stmt *statement = NULL;
    masa_status st =
        results_prepare(r, &statement, "SELECT value FROM info WHERE key = 'settings'", err);
    if (st != MASA_OK) return st;
    *out = sqlite3_step(statement) == SQLITE_ROW ? results_text(statement, 0, NULL)
                                                 : masa_strdup("{}");
    sqlite3_finalize(statement);
    return MASA_OK;
}

static masa_status compare(const masa_results *r, const json_t *before, json_t *now,
                           masa_error *err)
{
    const char *key;
    json_t *value;
    masa_status st = MASA_OK;
    json_object_foreach(now, key, value)
    {
        const json_t *old = json_object_get(before, key);
        /* The weights say which model it is; its place may change. */
        if (json_equal(old, value) || strcmp(key, "model") == 0) continue;
        char *was = old ? json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
        char *is = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s was made with %s %.80s, not %.80s; give another file (--out) or the "
                       "old setting",
                       r->path, key, was ? was : "unset", is);
        free(was);
        free(is);
        return st;
    }
    return st;
}

masa_status masa_results_bind(masa_results *r, const char *settings, masa_error *err)
{
    char *text = NULL;
    masa_status st = masa_results_settings(&text, r, err);
    if (st != MASA_OK) return st;
    json_t *before = json_loads(text, 0, NULL), *now = json_loads(settings, 0, NULL);
    if (json_object_size(before) > 0) {
        st = compare(r, before, now, err);
    } else {
        sqlite3_stmt *statement = NULL;
        st = results_prepare(r, &statement, "INSERT INTO info VALUES ('settings', ?)", err);
        if (st == MASA_OK) {
            sqlite3_bind_text(statement, 1, settings, -1, SQLITE_STATIC);
            if (sqlite3_step(statement) != SQLITE_DONE) st = results_fail(r, err);
        }
        sqlite3_finalize(statement);
        if (st == MASA_OK) st = results_commit(r, err);
    }
    json_decref(before);
    json_decref(now);
    free(text);
    return st;
}
