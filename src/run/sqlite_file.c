#include <masa/sqlite_file.h>

#include <masa/clock.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/text.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_stopped(const masa_sqlite_wait *wait)
{
    return wait->stop && *wait->stop;
}

/* Called by SQLite while another program has the lock; 0 gives up. */
static int wait_for_lock(void *context, int tries)
{
    enum { FIRST_TOLD = 1, TOLD_EVERY = 60 }; /* seconds */
    masa_sqlite_wait *wait = context;
    double now = masa_clock();
    if (tries == 0) {
        wait->since = now;
        wait->told = now + FIRST_TOLD - TOLD_EVERY;
    }
    if (is_stopped(wait) || now - wait->since > wait->patience) return 0;
    if (now - wait->told >= TOLD_EVERY) {
        masa_warn("%s is locked by another program; waiting", wait->path);
        wait->told = now;
    }
    usleep(50000);
    return 1;
}

void masa_sqlite_wait_for_locks(sqlite3 *db, masa_sqlite_wait *wait)
{
    sqlite3_busy_handler(db, wait_for_lock, wait);
}

static bool is_of_reading(int cause)
{
    return cause == EIO || cause == ENXIO;
}

/* errno of what last failed on the file or on its log; 0: nothing has. */
static int last_cause(sqlite3 *db, bool of_log)
{
    int cause = 0;
    sqlite3_file *log = NULL;
    if (!of_log) {
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &cause);
        return cause;
    }
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &cause);
    return cause;
}

/* The cause where the disk would not give what a file or its log holds, which SQLite takes for
 * damage (SQLITE_IOERR_CORRUPTFS); 0: it gave it. */
static int unreadable(sqlite3 *db)
{
    int file = last_cause(db, false), log = last_cause(db, true);
    return is_of_reading(file) ? file : is_of_reading(log) ? log : 0;
}

/* Why the system would not have it, where SQLite alone does not say; 0: unknown. */
static int cause_of(sqlite3 *db, const char *path)
{
    int code = sqlite3_errcode(db) & 0xFF, cause = 0;
    if (code == SQLITE_READONLY) return access(path, W_OK) == 0 ? 0 : errno;
    if (code != SQLITE_CANTOPEN && code != SQLITE_IOERR) return 0;
    if (!(cause = sqlite3_system_errno(db))) cause = last_cause(db, false);
    return cause ? cause : last_cause(db, true);
}

masa_status masa_sqlite_fail(sqlite3 *db, const masa_sqlite_wait *wait, const char *what,
                             const char *remedy, masa_error *err)
{
    const char *path = wait->path;
    int code = sqlite3_errcode(db) & 0xFF;
    /* "unable to open database file" alone does not say that the disk is read-only. */
    int cause = cause_of(db, path);
    int unread = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? unreadable(db) : 0;
    if (unread)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot read %s: %s", path, strerror(unread));
    switch (code) {
    case SQLITE_FULL:
        return MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: the disk is full", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (is_stopped(wait))
            return MASA_FAIL(err, MASA_ERR_INTERRUPTED,
                             "stopped while %s was locked by another program", path);
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
