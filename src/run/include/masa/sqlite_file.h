/** What every file of SQLite's has in common here: reading it, and what errors are called. */
#ifndef MASA_SQLITE_FILE_H
#define MASA_SQLITE_FILE_H

#include <masa/error.h>
#include <sqlite3.h>

/**
 * The error of the last call on db, naming the file at path. `what` a file should be ("a store of
 * masa"); `remedy` for one that is damaged, or NULL. Never MASA_OK.
 */
masa_status masa_sqlite_fail(sqlite3 *db, const char *path, const char *what,
                             const char *remedy, masa_error *err);

/** Opens the database of this name to be read (masa_sqlite_read_flags), and looks at it. */
typedef masa_status masa_sqlite_opener(void *context, const char *name, masa_error *err);
enum { masa_sqlite_read_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI };

/**
 * Reads the file at path and writes nothing, so that read-only media and folders of another user
 * will do. One with a log beside it is shared with its writer, or was left by a crash: if the log
 * cannot be read here, that is warned about and the file read without it. Errors are the
 * opener's, which may be called twice and leaves nothing behind when it fails.
 */
masa_status masa_sqlite_open_to_read(const char *path, masa_sqlite_opener *open, void *context,
                                     masa_error *err);

#endif
