/* A disk that fails, loaded before the C library (LD_PRELOAD). Of the calls on files below
 * $INJECT_UNDER the one with number $INJECT_NTH fails with errno $INJECT_ERRNO; so do all after
 * it when $INJECT_ON is set. How many there were goes into the file $INJECT_COUNT. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096 };
static bool below[DESCRIPTORS]; /* descriptors of files that count */
static long calls;

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static bool counts(const char *path)
{
    const char *under = getenv("INJECT_UNDER");
    return under && strncmp(path, under, strlen(under)) == 0;
}

static bool counts_fd(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && below[fd];
}

static bool fails(bool counted)
{
    if (!counted) return false;
    long nth = number("INJECT_NTH");
    calls++;
    if (nth == 0 || calls < nth || (calls > nth && !getenv("INJECT_ON"))) return false;
    errno = (int)number("INJECT_ERRNO");
    return true;
}

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

#define OPEN(name)                                                                             \
    int name(const char *path, int flags, ...)                                                 \
    {                                                                                          \
        va_list arguments;                                                                     \
        va_start(arguments, flags);                                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;           \
        va_end(arguments);                                                                     \
        bool counted = counts(path);                                                           \
        return fails(counted) ? -1 : note(REAL(name)(path, flags, mode), counted);             \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                            \
    FILE *name(const char *path, const char *mode)                                             \
    {                                                                                          \
        bool counted = counts(path);                                                           \
        FILE *file = fails(counted) ? NULL : REAL(name)(path, mode);                           \
        if (file) note(fileno(file), counted);                                                 \
        return file;                                                                           \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define ON_PATH(type, failed, name)                                                            \
    type name(const char *path)                                                                \
    {                                                                                          \
        return fails(counts(path)) ? failed : REAL(name)(path);                                \
    }
ON_PATH(int, -1, unlink)
ON_PATH(int, -1, remove)

DIR *opendir(const char *path)
{
    bool counted = counts(path);
    DIR *dir = fails(counted) ? NULL : REAL(opendir)(path);
    if (dir) note(dirfd(dir), counted);
    return dir;
}

#define READDIR(type, name)                                                                    \
    struct type *name(DIR *dir)                                                                \
    {                                                                                          \
        return fails(counts_fd(dirfd(dir))) ? NULL : REAL(name)(dir);                          \
    }
READDIR(dirent, readdir)
READDIR(dirent64, readdir64)

int closedir(DIR *dir)
{
    note(dirfd(dir), false);
    return REAL(closedir)(dir);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(counts(path)) ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to)
{
    return fails(counts(from)) ? -1 : REAL(rename)(from, to);
}

#define ON_FD(name)                                                                            \
    int name(int fd)                                                                           \
    {                                                                                          \
        return fails(counts_fd(fd)) ? -1 : REAL(name)(fd);                                     \
    }
ON_FD(fsync)
ON_FD(fdatasync)

ssize_t write(int fd, const void *data, size_t size)
{
    return fails(counts_fd(fd)) ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return fails(counts_fd(fd)) ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return fails(counts_fd(fd)) ? -1 : REAL(pwrite64)(fd, data, size, at);
}

/* Buffered writing reaches the kernel from inside the C library: it fails here instead, and
 * leaves the mark that ferror sees (_IO_ERR_SEEN of glibc). */
enum { ERROR_SEEN = 0x20 };

size_t fwrite(const void *data, size_t size, size_t n, FILE *file)
{
    if (!fails(counts_fd(fileno(file)))) return REAL(fwrite)(data, size, n, file);
    file->_flags |= ERROR_SEEN;
    return 0;
}

int fflush(FILE *file)
{
    if (!file || !fails(counts_fd(fileno(file)))) return REAL(fflush)(file);
    file->_flags |= ERROR_SEEN;
    return EOF;
}

int fclose(FILE *file)
{
    int fd = fileno(file);
    bool counted = counts_fd(fd);
    note(fd, false);
    int result = REAL(fclose)(file);
    return fails(counted) ? EOF : result;
}

int close(int fd)
{
    note(fd, false);
    return REAL(close)(fd);
}

__attribute__((destructor)) static void say_count(void)
{
    const char *path = getenv("INJECT_COUNT");
    FILE *file = path ? REAL(fopen)(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", calls);
    REAL(fclose)(file);
}
