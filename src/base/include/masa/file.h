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
void masa_file_unmap(masa_mapping *mapping);

/** Appends the whole file to text; "-" reads standard input. */
masa_status masa_file_read(masa_text *text, const char *path, masa_error *err);

/* Bytes of a line that is read as one: a file without line ends is not taken into memory. */
enum { MASA_LINE_MOST = 16 << 20 };

/**
 * The next line of a stream in line's place, without its end; *more is false when there is none.
 * MASA_ERR_DATA where it is longer than MASA_LINE_MOST, MASA_ERR_IO where it cannot be read;
 * the caller knows path and line.
 */
masa_status masa_line_read(FILE *file, masa_text *line, bool *more, masa_error *err);

/**
 * Atomic writing: masa_file_begin opens PATH.tmp, masa_file_commit flushes, syncs and
 * renames it to PATH (and reports a full disk), masa_file_abort removes it.
 */
masa_status masa_file_begin(FILE **out, const char *path, masa_error *err);
masa_status masa_file_commit(FILE *file, const char *path, masa_error *err);
void masa_file_abort(FILE *file, const char *path);
/** The three calls above for bytes in memory. */
masa_status masa_file_write(const char *path, const void *data, size_t size,
                            masa_error *err);

bool masa_path_exists(const char *path);
/** There is certainly nothing at path. Not the opposite of masa_path_exists: of a path that
 *  cannot be looked at neither is true. */
bool masa_path_missing(const char *path);
bool masa_path_is_folder(const char *path);
/** "a/b" from "a" and "b"; caller frees. */
char *masa_path_join(const char *folder, const char *name);
/** mkdir -p. */
masa_status masa_folder_create(const char *path, masa_error *err);
/** fsync on a folder, so that renames in it survive a power cut. */
masa_status masa_folder_sync(const char *path, masa_error *err);
/** rm -r; a path that does not exist is fine. */
masa_status masa_folder_remove(const char *path, masa_error *err);

#endif
