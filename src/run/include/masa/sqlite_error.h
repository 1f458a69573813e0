/** What SQLite's errors are called, for every file of its kind. */
#ifndef MASA_SQLITE_ERROR_H
#define MASA_SQLITE_ERROR_H

#include <masa/error.h>
#include <sqlite3.h>

/**
 * The error of the last call on db, naming the file at path. `what` a file should be ("a store of
 * masa"); `remedy` for one that is damaged, or NULL. Never MASA_OK.
 */
masa_status masa_sqlite_fail(sqlite3 *db, const char *path, const char *what,
                             const char *remedy, masa_error *err);

#endif
