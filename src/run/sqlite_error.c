#include <masa/sqlite_error.h>

#include <string.h>

masa_status masa_sqlite_fail(sqlite3 *db, const char *path, const char *what,
                             const char *remedy, masa_error *err)
{
    int code = sqlite3_errcode(db) & 0xFF;
    /* "unable to open database file" alone does not say that the disk is read-only. */
    int cause = code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
    switch (code) {
    case SQLITE_FULL:
        return MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: the disk is full", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MASA_FAIL(err, MASA_ERR_IO, "%s is locked by another program; close it", path);
    case SQLITE_NOTADB: return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not %s", path, what);
    case SQLITE_CORRUPT:
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is damaged or cut short%s%s", path,
                         remedy ? "; " : "", remedy ? remedy : "");
    case SQLITE_NOMEM: return MASA_FAIL(err, MASA_ERR_MEMORY, "not enough memory for %s", path);
    default:
        return MASA_FAIL(err, MASA_ERR_IO, "cannot use %s: %s%s%s", path, sqlite3_errmsg(db),
                         cause ? ": " : "", cause ? strerror(cause) : "");
    }
}
