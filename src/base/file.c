#include <masa/file.h>
#include <masa/memory.h>

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

masa_status masa_file_map(masa_mapping *out, const char *path, masa_error *err)
{
    masa_status st = MASA_OK;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "open", path);
    if (fstat(fd, &info) != 0) {
        st = fail_errno(err, "read", path);
    } else if (!S_ISREG(info.st_mode)) {
        st = MASA_FAIL(err, MASA_ERR_IO, "%s is not a regular file", path);
    } else if (info.st_size == 0) {
        *out = (masa_mapping){0};
    } else {
        size_t size = (size_t)info.st_size;
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            st = fail_errno(err, "map", path);
        else
            *out = (masa_mapping){.data = data, .size = size};
    }
    close(fd);
    return st;
}

void masa_file_unmap(masa_mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (masa_mapping){0};
}

masa_status masa_file_read(masa_text *text, const char *path, masa_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    if (!file) return fail_errno(err, "open", path);
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, file)) > 0) masa_text_append(text, block, n);
    masa_status st = ferror(file) ? fail_errno(err, "read", path) : MASA_OK;
    if (!standard) fclose(file);
    return st;
}

static char *temporary_name(const char *path)
{
    masa_text name = {0};
    masa_text_addf(&name, "%s.tmp", path);
    return masa_text_take(&name);
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
        return MASA_FAIL(err, MASA_ERR_DATA, "a line of more than %d MiB", MASA_LINE_MOST >> 20);
    return MASA_OK;
}

masa_status masa_file_begin(FILE **out, const char *path, masa_error *err)
{
    char *temporary = temporary_name(path);
    FILE *file = fopen(temporary, "wbe");
    masa_status st = file ? MASA_OK : fail_errno(err, "write", path);
    if (file) *out = file;
    free(temporary);
    return st;
}

masa_status masa_file_commit(FILE *file, const char *path, masa_error *err)
{
    char *temporary = temporary_name(path);
    masa_status st = MASA_OK;
    bool written = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
    int cause = errno;
    written = fclose(file) == 0 && written;
    if (!written || rename(temporary, path) != 0) {
        if (!written) errno = cause;
        st = fail_errno(err, "write", path);
        unlink(temporary);
    }
    free(temporary);
    return st;
}

void masa_file_abort(FILE *file, const char *path)
{
    char *temporary = temporary_name(path);
    fclose(file);
    unlink(temporary);
    free(temporary);
}

masa_status masa_file_write(const char *path, const void *data, size_t size,
                            masa_error *err)
{
    FILE *file = NULL;
    masa_status st = masa_file_begin(&file, path, err);
    if (st != MASA_OK) return st;
    fwrite(data, 1, size, file);
    return masa_file_commit(file, path, err);
}

bool masa_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
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
        if (mkdir(partial, 0777) != 0 && !masa_path_is_folder(partial))
            st = fail_errno(err, "create folder", partial);
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

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

masa_status masa_folder_remove(const char *path, masa_error *err)
{
    if (masa_path_missing(path)) return MASA_OK;
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return fail_errno(err, "remove", path);
    return MASA_OK;
}
