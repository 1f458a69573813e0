#include <masa/sqlite_file.h>

#include <masa/file.h>
#include <masa/log.h>
#include <masa/text.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_of_reading(int cause)
{
    return cause == EIO || cause == ENXIO;
}

/* The cause where the disk would not give what a file or its log holds, which SQLite takes for
 * damage (SQLITE_IOERR_CORRUPTFS); 0: it gave it. */
static int unreadable(sqlite3 *db)
{
    int cause = 0;
    sqlite3_file *log = NULL;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &cause);
    if (is_of_reading(cause)) return cause;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &cause);
    return is_of_reading(cause) ? cause : 0;
}

masa_status masa_sqlite_fail(sqlite3 *db, const char *path, const char *what,
                             const char *remedy, masa_error *err)
{
    int code = sqlite3_errcode(db) & 0xFF;
    /* "unable to open database file" alone does not say that the disk is read-only. */
    int cause = code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
    int unread = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? unreadable(db) : 0;
    if (unread)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot read %s: %s", path, strerror(unread));
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

static char *uri(const char *path, const char *parameters)
{
    masa_text text = {0};
    masa_text_add(&text, "file:");
    for (const char *p = path; *p; p++)
        if (strchr("?#%", *p)) masa_text_addf(&text, "%%%02X", (unsigned)*p);
        else masa_text_append(&text, p, 1);
    masa_text_add(&text, parameters);
    return masa_text_take(&text);
}

static bool has_log(const char *path)
{
    masa_text name = {0};
    masa_text_addf(&name, "%s-wal", path);
    bool has = !masa_path_missing(masa_text_get(&name));
    masa_text_deinit(&name);
    return has;
}

/* Without a log a file is read as it is: SQLite would make files beside it, which takes a folder
 * that may be written. */
masa_status masa_sqlite_open_to_read(const char *path, masa_sqlite_opener *open, void *context,
                                     masa_error *err)
{
    bool log = has_log(path);
    char *shared = uri(path, ""), *alone = uri(path, "?immutable=1");
    masa_error why = {0};
    masa_status st = log ? open(context, shared, &why) : MASA_ERR_IO;
    if (st == MASA_ERR_IO && open(context, alone, log ? NULL : &why) == MASA_OK) {
        st = MASA_OK;
        if (log)
            masa_warn("%s: a crash left a log that cannot be read here (read-only?): what was "
                      "written last may be missing",
                      path);
    }
    if (st != MASA_OK && err) *err = why;
    free(alone);
    free(shared);
    return st == MASA_OK ? st : why.code;
}
