/* A disk that fails, loaded before the C library (LD_PRELOAD). Of the operations on files below
 * $INJECT_UNDER the one with number $INJECT_NTH fails with errno $INJECT_ERRNO (with EIO where
 * it only reads); so do all after it when $INJECT_ON is set. With $INJECT_STALLS it does not fail
 * but takes for ever. Into the file $INJECT_COUNT go how
 * many there were and the name of the one that failed, and, where none did, the numbers of those
 * that were the first from their place, a place being a chain of callers: of several processes
 * those of the one with the most.
 *
 * Left out are closing, for what must be on the disk is synced before, and SQLite's locks, which
 * it takes for those of another program when they fail. What the C library buffers is counted
 * where it comes to the disk. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, DEPTH = 16, MOST = 4096 };
static bool below[DESCRIPTORS]; /* descriptors of files that count */
static long calls;
static uint64_t seen[MOST]; /* hashes of places */
static long places[MOST];   /* their first calls */
static size_t n_places;
static const char *failed = "none";

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static bool counts(const char *path)
{
    const char *under = getenv("INJECT_UNDER");
    char here[PATH_MAX], whole[2 * PATH_MAX];
    if (path[0] != '/' && getcwd(here, sizeof here)) {
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return under && strncmp(path, under, strlen(under)) == 0;
}

static bool counts_fd(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && below[fd];
}

static void note_place(void)
{
    void *callers[DEPTH];
    uint64_t hash = 1;
    int n = backtrace(callers, DEPTH);
    for (int i = 0; i < n; i++) hash = (hash ^ (uintptr_t)callers[i]) * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n_places; i++)
        if (seen[i] == hash) return;
    if (n_places == MOST) return;
    seen[n_places] = hash;
    places[n_places++] = calls;
}

static void say_count(void);

static bool fails_with(int code, bool counted, const char *name)
{
    if (!counted) return false;
    long nth = number("INJECT_NTH");
    calls++;
    if (nth == 0) note_place();
    if (nth == 0 || calls < nth || (calls > nth && !getenv("INJECT_ON"))) return false;
    if (calls == nth) failed = name;
    if (getenv("INJECT_STALLS")) say_count();
    while (getenv("INJECT_STALLS")) pause();
    errno = code;
    return true;
}

/* Of what writes, and of what only reads, which no full disk prevents. */
#define FAILS(counted)         fails_with((int)number("INJECT_ERRNO"), counted, __func__)
#define FAILS_TO_READ(counted) fails_with(EIO, counted, __func__)

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The next definition of `name` with the type of this one. */
#define REAL(name) ((__typeof__(&name))(uintptr_t)next(#name))

static int note(int fd, bool counted)
{
    if (fd >= 0 && fd < DESCRIPTORS) below[fd] = counted;
    return fd;
}

/* ---- by path ---- */

#define OPEN(name)                                                                             \
    int name(const char *path, int flags, ...)                                                 \
    {                                                                                          \
        va_list arguments;                                                                     \
        va_start(arguments, flags);                                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;           \
        va_end(arguments);                                                                     \
        bool counted = counts(path);                                                           \
        bool fails = flags & O_CREAT ? FAILS(counted) : FAILS_TO_READ(counted);                \
        return fails ? -1 : note(REAL(name)(path, flags, mode), counted);                      \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                            \
    FILE *name(const char *path, const char *mode)                                             \
    {                                                                                          \
        bool counted = counts(path);                                                           \
        bool fails = mode[0] == 'r' ? FAILS_TO_READ(counted) : FAILS(counted);                 \
        FILE *file = fails ? NULL : REAL(name)(path, mode);                                    \
        if (file) note(fileno(file), counted);                                                 \
        return file;                                                                           \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define ON_PATH(name)                                                                          \
    int name(const char *path)                                                                 \
    {                                                                                          \
        return FAILS(counts(path)) ? -1 : REAL(name)(path);                                    \
    }
ON_PATH(unlink)
ON_PATH(remove)
ON_PATH(rmdir)

int mkdir(const char *path, mode_t mode)
{
    return FAILS(counts(path)) ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to)
{
    return FAILS(counts(from)) ? -1 : REAL(rename)(from, to);
}

int access(const char *path, int how)
{
    return FAILS_TO_READ(counts(path)) ? -1 : REAL(access)(path, how);
}

char *realpath(const char *path, char *resolved)
{
    return FAILS_TO_READ(counts(path)) ? NULL : REAL(realpath)(path, resolved);
}

ssize_t readlink(const char *path, char *to, size_t size)
{
    return FAILS_TO_READ(counts(path)) ? -1 : REAL(readlink)(path, to, size);
}

#define STAT(name, type)                                                                       \
    int name(const char *path, struct type *info)                                              \
    {                                                                                          \
        return FAILS_TO_READ(counts(path)) ? -1 : REAL(name)(path, info);                      \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
STAT(statvfs, statvfs)
STAT(statvfs64, statvfs64)

/* ---- folders ---- */

DIR *opendir(const char *path)
{
    bool counted = counts(path);
    DIR *dir = FAILS_TO_READ(counted) ? NULL : REAL(opendir)(path);
    if (dir) note(dirfd(dir), counted);
    return dir;
}

#define READDIR(type, name)                                                                    \
    struct type *name(DIR *dir)                                                                \
    {                                                                                          \
        return FAILS_TO_READ(counts_fd(dirfd(dir))) ? NULL : REAL(name)(dir);                  \
    }
READDIR(dirent, readdir)
READDIR(dirent64, readdir64)

int closedir(DIR *dir)
{
    note(dirfd(dir), false);
    return REAL(closedir)(dir);
}

/* ---- by descriptor ---- */

#define ON_FD(name)                                                                            \
    int name(int fd)                                                                           \
    {                                                                                          \
        return FAILS(counts_fd(fd)) ? -1 : REAL(name)(fd);                                     \
    }
ON_FD(fsync)
ON_FD(fdatasync)

#define FSTAT(name, type)                                                                      \
    int name(int fd, struct type *info)                                                        \
    {                                                                                          \
        return FAILS_TO_READ(counts_fd(fd)) ? -1 : REAL(name)(fd, info);                       \
    }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

#define TRUNCATE(name, type)                                                                   \
    int name(int fd, type size)                                                                \
    {                                                                                          \
        return FAILS(counts_fd(fd)) ? -1 : REAL(name)(fd, size);                               \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int flock(int fd, int how)
{
    return FAILS_TO_READ(counts_fd(fd)) ? -1 : REAL(flock)(fd, how);
}

#define MMAP(name, type)                                                                       \
    void *name(void *at, size_t size, int access_to, int flags, int fd, type from)             \
    {                                                                                          \
        bool fails = FAILS_TO_READ(counts_fd(fd));                                             \
        return fails ? MAP_FAILED : REAL(name)(at, size, access_to, flags, fd, from);          \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

ssize_t read(int fd, void *to, size_t size)
{
    return FAILS_TO_READ(counts_fd(fd)) ? -1 : REAL(read)(fd, to, size);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return FAILS(counts_fd(fd)) ? -1 : REAL(write)(fd, data, size);
}

#define AT(name, type)                                                                         \
    ssize_t p##read##name(int fd, void *to, size_t size, type at)                              \
    {                                                                                          \
        return FAILS_TO_READ(counts_fd(fd)) ? -1 : REAL(pread##name)(fd, to, size, at);        \
    }                                                                                          \
    ssize_t p##write##name(int fd, const void *data, size_t size, type at)                     \
    {                                                                                          \
        return FAILS(counts_fd(fd)) ? -1 : REAL(pwrite##name)(fd, data, size, at);             \
    }
AT(, off_t)
AT(64, off64_t)

/* ---- by stream ---- */

/* Buffered reading and writing reach the kernel from inside the C library: they fail here
 * instead, and leave the mark that ferror sees (_IO_ERR_SEEN of glibc). */
static bool mark(FILE *file)
{
    enum { ERROR_SEEN = 0x20 };
    file->_flags |= ERROR_SEEN;
    return true;
}

static bool counts_stream(FILE *file)
{
    return counts_fd(fileno(file));
}

static size_t unread(const FILE *file)
{
    return (size_t)(file->_IO_read_end - file->_IO_read_ptr);
}

/* The buffer is made by the first of them. */
size_t fwrite(const void *data, size_t size, size_t n, FILE *file)
{
    size_t all = __fpending(file) + size * n;
    bool reaches = __fbufsize(file) == 0 ? all > BUFSIZ : all > __fbufsize(file);
    if (reaches && FAILS(counts_stream(file)) && mark(file)) return 0;
    return REAL(fwrite)(data, size, n, file);
}

size_t fread(void *to, size_t size, size_t n, FILE *file)
{
    bool reaches = size * n > unread(file);
    if (reaches && FAILS_TO_READ(counts_stream(file)) && mark(file)) return 0;
    return REAL(fread)(to, size, n, file);
}

char *fgets(char *to, int size, FILE *file)
{
    bool reaches = unread(file) == 0;
    if (reaches && FAILS_TO_READ(counts_stream(file)) && mark(file)) return NULL;
    return REAL(fgets)(to, size, file);
}

/* Of getc_unlocked, where the buffer holds nothing. */
int __uflow(FILE *file)
{
    return FAILS_TO_READ(counts_stream(file)) && mark(file) ? EOF : REAL(__uflow)(file);
}

int fflush(FILE *file)
{
    bool reaches = file && __fpending(file) > 0;
    return reaches && FAILS(counts_stream(file)) && mark(file) ? EOF : REAL(fflush)(file);
}

int fclose(FILE *file)
{
    int fd = fileno(file);
    bool fails = __fpending(file) > 0 && FAILS(counts_fd(fd));
    note(fd, false);
    int result = REAL(fclose)(file);
    return fails ? EOF : result;
}

int close(int fd)
{
    note(fd, false);
    return REAL(close)(fd);
}

/* Also of a process that another one has forked. */
__attribute__((destructor)) static void say_count(void)
{
    const char *path = getenv("INJECT_COUNT");
    FILE *file = path ? REAL(fopen)(path, "r") : NULL;
    long before = -1;
    if (file && fscanf(file, "%ld", &before) != 1) before = -1;
    if (file) REAL(fclose)(file);
    file = path && calls > before ? REAL(fopen)(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld %s\n", calls, failed);
    for (size_t i = 0; i < n_places; i++) fprintf(file, "%ld\n", places[i]);
    REAL(fclose)(file);
}

_Noreturn void _exit(int status)
{
    say_count();
    REAL(_exit)(status);
    __builtin_unreachable();
}
