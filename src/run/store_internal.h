/* What the files of the store share. */
#ifndef RUN_STORE_INTERNAL_H
#define RUN_STORE_INTERNAL_H

#include <masa/sqlite_file.h>
#include <masa/store.h>

/* Statements that are prepared once. */
typedef enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_SET_INFO,
    STORE_METRIC,
    STORE_PROMPT,
    STORE_ROLLOUT,
    STORE_PREDICTION,
    STORE_REWARD,
    STORE_EVAL,
    STORE_DECISION,
    STORE_EVENT,
    STORE_STATEMENTS,
} store_statement;

struct masa_store {
    sqlite3 *db;
    char *path;
    masa_sqlite_wait wait;
    sqlite3_stmt *statements[STORE_STATEMENTS]; /* NULL in MASA_STORE_READ */
};

/* The error of the last call on the database. */
masa_status store_fail(const masa_store *store, masa_error *err);
/* Runs a prepared statement that gives no rows, and resets it. */
masa_status store_run(const masa_store *store, sqlite3_stmt *statement, masa_error *err);
masa_status store_prepare(const masa_store *store, const char *sql, sqlite3_stmt **out,
                          masa_error *err);

#endif
