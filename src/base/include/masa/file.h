/** Files: map for reading, read whole, and write so that a crash loses nothing. */
#ifndef MASA_FILE_H
#define MASA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <masa/error.h>
#include <masa/text.h>

typedef struct masa_mapping {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
} masa_mapping;

/** Maps a regular file read-only. The error names the path. */
masa_status masa_file_map(masa_mapping *out, const char *path, masa_error *err);
/** The same, but a copy in memory: whatever becomes of the file, its bytes stay. A mapped file that
 *  somebody cuts short ends the process that reads on; here it is MASA_ERR_IO. */
masa_status masa_file_load(masa_mapping *out, const char *path, masa_error *err);
void masa_file_unmap(masa_mapping *mapping);

/** Appends the whole file to text; "-" reads standard input. A byte order mark of UTF-8 at its
 *  beginning is left out; a text in UTF-16 is MASA_ERR_FORMAT, and so is what does not fit half of
 *  the memory that is free, or of a device MASA_LINE_MOST. */
masa_status masa_file_read(masa_text *text, const char *path, masa_error *err);
/** The same for a file that is part of a folder (a model's, a run's): what is no regular file (a
 *  FIFO, a device without an end) is MASA_ERR_IO, more than a GiB MASA_ERR_FORMAT. */
masa_status masa_file_read_part(masa_text *text, const char *path, masa_error *err);
/** Bytes of the byte order mark of UTF-8 that a text s of n bytes begins with: 3 or 0. A text in
 *  UTF-16 is MASA_ERR_FORMAT; the caller knows the path. */
masa_status masa_utf8_mark(size_t *out, const char *s, size_t n, masa_error *err);

/* A file that is being written. */
typedef struct masa_output {
    FILE *file;
    const char *path; /* borrowed: as the caller calls it */
    char *target; /* the regular file that is to be, links followed; NULL: written straight */
    char *temporary;
} masa_output;

/* Bytes of a line that is read as one: a file without line ends is not taken into memory. */
enum { MASA_LINE_MOST = 16 << 20 };

/**
 * The next line of a stream in line's place, without its end; *more is false when there is none.
 * MASA_ERR_DATA where it is longer than MASA_LINE_MOST, MASA_ERR_IO where it cannot be read;
 * the caller knows path and line.
 */
masa_status masa_line_read(FILE *file, masa_text *line, bool *more, masa_error *err);

/**
 * Atomic writing: masa_file_begin opens a new file beside PATH (PATH.tmp-PROCESS-NUMBER),
 * masa_file_commit flushes, syncs and renames it to PATH (and reports a full disk),
 * masa_file_abort removes it. A link stays and the file it leads to is replaced. What is no
 * regular file (a device, a FIFO, standard output as "-") cannot be replaced and is written
 * straight. The path must live until the end.
 */
masa_status masa_file_begin(masa_output *out, const char *path, masa_error *err);
masa_status masa_file_commit(masa_output *out, masa_error *err);
void masa_file_abort(masa_output *out);
/** errno of a stream that a write has failed on. It knows that, but not why; as what it holds is
 *  lost anyway, a line end is tried. */
int masa_file_cause(FILE *file);
/** The three calls above for bytes in memory. */
masa_status masa_file_write(const char *path, const void *data, size_t size, masa_error *err);

/** There is something at path, or the disk does not say, in which case opening it will say why:
 *  what cannot be read is never taken for missing. */
bool masa_path_exists(const char *path);
/** There is certainly nothing at path, not even a link that leads nowhere. */
bool masa_path_missing(const char *path);
bool masa_path_is_folder(const char *path);
/** There is something that may be read, "-" for standard input; errno says why not. */
bool masa_path_is_readable(const char *path);
/** Or a link to one. */
bool masa_path_is_regular(const char *path);
/** "a/b" from "a" and "b"; caller frees. */
char *masa_path_join(const char *folder, const char *name);
/** mkdir -p. */
masa_status masa_folder_create(const char *path, masa_error *err);
/** fsync on a folder, so that renames in it survive a power cut. */
masa_status masa_folder_sync(const char *path, masa_error *err);
/** rm -r; a path that does not exist is fine. */
masa_status masa_folder_remove(const char *path, masa_error *err);

#endif
