#include <masa/file.h>
#include <masa/memory.h>
#include <masa/text.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static masa_status fail_errno(masa_error *err, const char *what, const char *path)
{
    return MASA_FAIL(err, MASA_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* Opens a regular file; *size is what it has. */
static masa_status open_regular(int *out, size_t *size, const char *path, masa_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    if (fd < 0) return fail_errno(err, "open", path);
    masa_status st = MASA_OK;
    if (fstat(fd, &info) != 0) st = fail_errno(err, "read", path);
    else if (!S_ISREG(info.st_mode))
        st = MASA_FAIL(err, MASA_ERR_IO, "%s is not a regular file", path);
    if (st != MASA_OK) {
        close(fd);
        return st;
    }
    *out = fd;
    *size = (size_t)info.st_size;
    return MASA_OK;
}

masa_status masa_file_map(masa_mapping *out, const char *path, masa_error *err)
{
    int fd = -1;
    size_t size = 0;
    masa_status st = open_regular(&fd, &size, path, err);
    if (st != MASA_OK) return st;
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (data == MAP_FAILED) st = fail_errno(err, "map", path);
    else *out = (masa_mapping){.data = data, .size = size};
    close(fd);
    return st;
}

static masa_status read_whole(char *to, size_t size, int fd, const char *path, masa_error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(err, "read", path);
        if (n == 0)
            return MASA_FAIL(err, MASA_ERR_IO,
                             "%s was cut short while it was read, at byte %zu of %zu", path,
                             done, size);
        done += (size_t)n;
    }
    return MASA_OK;
}

masa_status masa_file_load(masa_mapping *out, const char *path, masa_error *err)
{
    int fd = -1;
    size_t size = 0;
    masa_status st = open_regular(&fd, &size, path, err);
    if (st != MASA_OK) return st;
    masa_mapping copy = {.size = size};
    void *data =
        size ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
             : NULL;
    if (data == MAP_FAILED)
        st = MASA_FAIL(err, MASA_ERR_MEMORY, "no memory for the %zu bytes of %s", size, path);
    else copy.data = data;
    if (st == MASA_OK) st = read_whole(data, size, fd, path, err);
    if (st == MASA_OK) *out = copy;
    else if (copy.data) masa_file_unmap(&copy);
    close(fd);
    return st;
}

void masa_file_unmap(masa_mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (masa_mapping){0};
}

masa_status masa_utf8_mark(size_t *out, const char *s, size_t n, masa_error *err)
{
    if (n >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "text in UTF-16; save it as UTF-8");
    *out = n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return MASA_OK;
}

/* Without the mark that Windows' editors put before a text. */
static masa_status check_mark(masa_text *text, size_t from, const char *path, masa_error *err)
{
    const char *s = text->data + from;
    size_t n = text->size - from, mark = 0;
    masa_status st = masa_utf8_mark(&mark, s, n, err);
    if (st != MASA_OK) {
        masa_error_at(err, path, 0);
    } else if (mark) {
        memmove(text->data + from, s + mark, n - mark + 1);
        text->size -= mark;
    }
    return st;
}

static masa_status append_stream(masa_text *text, FILE *file, size_t most, const char *path,
                                 masa_error *err)
{
    char block[65536];
    size_t n, from = text->size;
    while (text->size - from <= most && (n = fread(block, 1, sizeof block, file)) > 0)
        masa_text_append(text, block, n);
    if (ferror(file)) return fail_errno(err, "read", path);
    if (text->size - from > most)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s has more than %zu MiB", path, most >> 20);
    return text->size > from ? check_mark(text, from, path, err) : MASA_OK;
}

/* On failure the text is what it was: nothing to free, if it held nothing. */
static masa_status read_stream(masa_text *text, FILE *file, size_t most, const char *path,
                               masa_error *err)
{
    size_t from = text->size;
    masa_status st = append_stream(text, file, most, path, err);
    if (st == MASA_OK) return MASA_OK;
    if (from == 0) masa_text_deinit(text);
    else text->data[text->size = from] = '\0';
    return st;
}

/* Bytes of a file that are read as a whole: a device like /dev/zero has no end, nor need a FIFO
 * have one. */
static size_t most_of(FILE *file)
{
    struct stat info;
    size_t room = masa_memory_available() / 2;
    if (fstat(fileno(file), &info) == 0 && S_ISCHR(info.st_mode)) return MASA_LINE_MOST;
    return room ? room : SIZE_MAX - 1;
}

masa_status masa_file_read(masa_text *text, const char *path, masa_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    if (!file) return fail_errno(err, "open", path);
    masa_status st = read_stream(text, file, most_of(file), path, err);
    if (!standard) fclose(file);
    return st;
}

masa_status masa_line_read(FILE *file, masa_text *line, bool *more, masa_error *err)
{
    char piece[4096];
    masa_text_clear(line);
    *more = false;
    flockfile(file);
    for (int c = 0; c != '\n' && c != EOF && line->size <= MASA_LINE_MOST;) {
        size_t n = 0;
        while (n < sizeof piece && (c = getc_unlocked(file)) != EOF) {
            *more = true;
            if (c == '\n') break;
            piece[n++] = (char)c;
        }
        masa_text_append(line, piece, n);
    }
    funlockfile(file);
    if (ferror(file)) return MASA_FAIL(err, MASA_ERR_IO, "cannot read: %s", strerror(errno));
    if (line->size > MASA_LINE_MOST)
        return MASA_FAIL(err, MASA_ERR_DATA, "a line of more than %d MiB",
                         MASA_LINE_MOST >> 20);
    return MASA_OK;
}

masa_status masa_file_read_part(masa_text *text, const char *path, masa_error *err)
{
    enum { MOST = 1 << 30 };
    int fd = -1;
    size_t size = 0;
    masa_status st = open_regular(&fd, &size, path, err);
    if (st != MASA_OK) return st;
    FILE *file = fdopen(fd, "rb");
    if (!file) {
        st = fail_errno(err, "open", path);
        close(fd);
        return st;
    }
    st = read_stream(text, file, MOST, path, err);
    fclose(file);
    return st;
}

/* What a rename may replace when `path` is written: itself, or the file that it links to. NULL
 * when it must be written straight: a device, a FIFO, a link to nothing, and what the kernel
 * shows of open files (/dev/stdout). The caller frees it. */
static masa_status find_replaceable(char **out, const char *path, masa_error *err)
{
    struct stat info;
    *out = NULL;
    /* Not all of /dev: files lie in /dev/shm. */
    if (strcmp(path, "-") == 0 || masa_starts_with(path, "/dev/std") ||
        masa_starts_with(path, "/dev/fd/") || masa_starts_with(path, "/proc/"))
        return MASA_OK;
    bool is_new = lstat(path, &info) != 0;
    if (is_new || S_ISREG(info.st_mode)) *out = masa_strdup(path);
    else if (S_ISLNK(info.st_mode) && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
             !(*out = realpath(path, NULL)))
        return fail_errno(err, "write", path);
    return MASA_OK;
}

/* A new file beside the target, under a name that nothing has: whatever lies there, a link or
 * what another process writes or has left, is not touched. NULL: errno says why. */
static FILE *open_beside(char **name, const char *target)
{
    enum { TRIES = 1000 };
    int fd = -1;
    for (int i = 0; fd < 0 && i < TRIES; i++) {
        masa_text text = {0};
        masa_text_addf(&text, "%s.tmp-%ld-%d", target, (long)getpid(), i);
        free(*name);
        *name = masa_text_take(&text);
        fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) return NULL;
    }
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (fd >= 0 && !file) {
        int cause = errno;
        close(fd);
        unlink(*name);
        errno = cause;
    }
    return file;
}

masa_status masa_file_begin(masa_output *out, const char *path, masa_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    masa_output o = {.path = standard ? "to standard output" : path};
    masa_status st = find_replaceable(&o.target, path, err);
    if (st != MASA_OK) return st;
    if (o.target) o.file = open_beside(&o.temporary, o.target);
    else o.file = standard ? stdout : fopen(path, "wbe");
    if (!o.file) st = fail_errno(err, "write", path);
    if (st == MASA_OK) {
        *out = o;
    } else {
        free(o.target);
        free(o.temporary);
    }
    return st;
}

/* Standard output stays open. */
static bool close_output(masa_output *out)
{
    return out->file == stdout || fclose(out->file) == 0;
}

static void forget_output(masa_output *out)
{
    free(out->target);
    free(out->temporary);
    *out = (masa_output){0};
}

int masa_file_cause(FILE *file)
{
    return fputc('\n', file) == EOF || fflush(file) != 0 ? errno : EIO;
}

masa_status masa_file_commit(masa_output *out, masa_error *err)
{
    masa_status st = MASA_OK;
    bool lost = ferror(out->file);
    int cause = lost ? masa_file_cause(out->file) : 0;
    bool written =
        !lost && fflush(out->file) == 0 && (!out->temporary || fsync(fileno(out->file)) == 0);
    if (!lost) cause = errno;
    written = close_output(out) && written;
    if (!written || (out->temporary && rename(out->temporary, out->target) != 0)) {
        if (!written) errno = cause;
        st = fail_errno(err, "write", out->path);
        if (out->temporary) unlink(out->temporary);
    }
    forget_output(out);
    return st;
}

void masa_file_abort(masa_output *out)
{
    close_output(out);
    if (out->temporary) unlink(out->temporary);
    forget_output(out);
}

masa_status masa_file_write(const char *path, const void *data, size_t size, masa_error *err)
{
    masa_output out;
    masa_status st = masa_file_begin(&out, path, err);
    if (st != MASA_OK) return st;
    fwrite(data, 1, size, out.file);
    return masa_file_commit(&out, err);
}

bool masa_path_exists(const char *path)
{
    return access(path, F_OK) == 0 ||
           !(errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG);
}

bool masa_path_missing(const char *path)
{
    struct stat info;
    return lstat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool masa_path_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool masa_path_is_readable(const char *path)
{
    return strcmp(path, "-") == 0 || access(path, R_OK) == 0;
}

bool masa_path_is_regular(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

char *masa_path_join(const char *folder, const char *name)
{
    masa_text path = {0};
    bool slash = *folder && !masa_ends_with(folder, "/");
    masa_text_addf(&path, "%s%s%s", folder, slash ? "/" : "", name);
    return masa_text_take(&path);
}

masa_status masa_folder_create(const char *path, masa_error *err)
{
    char *partial = masa_strdup(path);
    masa_status st = MASA_OK;
    for (char *p = partial + 1; st == MASA_OK && *partial; p++) {
        if (*p != '/' && *p != '\0') continue;
        char end = *p;
        *p = '\0';
        if (mkdir(partial, 0777) != 0) {
            int cause = errno;
            bool is_there = masa_path_is_folder(partial);
            if (cause != EEXIST) errno = cause;
            else if (errno == EEXIST) errno = ENOTDIR; /* else why it cannot be looked at */
            if (!is_there) st = fail_errno(err, "create folder", partial);
        }
        *p = end;
        if (end == '\0') break;
    }
    free(partial);
    return st;
}

masa_status masa_folder_sync(const char *path, masa_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "open folder", path);
    masa_status st = fsync(fd) == 0 ? MASA_OK : fail_errno(err, "sync folder", path);
    close(fd);
    return st;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path) != 0 && errno != ENOENT;
}

masa_status masa_folder_remove(const char *path, masa_error *err)
{
    bool gone = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ||
                errno == ENOTDIR;
    return gone ? MASA_OK : fail_errno(err, "remove", path);
}
