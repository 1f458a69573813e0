/** What every file of SQLite's has in common here: reading it, waiting for other programs, and
 *  what errors are called. */
#ifndef MASA_SQLITE_FILE_H
#define MASA_SQLITE_FILE_H

#include <signal.h>
#include <masa/error.h>
#include <sqlite3.h>

/* How another program is waited for that has locked a file. */
typedef struct masa_sqlite_wait {
    const char *path;                  /* of the file, borrowed */
    double patience;                   /* seconds */
    const volatile sig_atomic_t *stop; /* ends a wait once it is not 0; NULL: none */
    double since, told;                /* of the wait under way, on masa_clock's clock */
} masa_sqlite_wait;

/** Has db wait so from here on, and say so after a second and then once a minute. The wait must
 *  live as long as db. */
void masa_sqlite_wait_for_locks(sqlite3 *db, masa_sqlite_wait *wait);

/**
 * The error of the last call on db, naming the file. `what` a file should be ("a store of
 * masa"); `remedy` for one that is damaged, or NULL. A wait that a stop has ended is
 * MASA_ERR_INTERRUPTED. Never MASA_OK.
 */
masa_status masa_sqlite_fail(sqlite3 *db, const masa_sqlite_wait *wait, const char *what,
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
