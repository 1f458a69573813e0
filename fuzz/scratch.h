/* For formats that are read from files: the input as a file in a folder of its own, which goes
 * with the process. */
#ifndef FUZZ_SCRATCH_H
#define FUZZ_SCRATCH_H

#include <masa/file.h>
#include <masa/log.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static char scratch[] = "/dev/shm/masa-fuzz-XXXXXX";

static void scratch_leave(void)
{
    masa_folder_remove(scratch, NULL);
}

/* Writes bytes to NAME in the folder and returns the file's path; the caller frees it. */
static inline char *scratch_put(const char *name, const void *data, size_t size)
{
    static bool ready;
    if (!ready) {
        if (!mkdtemp(scratch)) abort();
        masa_log_set_sink(NULL);
        atexit(scratch_leave);
        ready = true;
    }
    char *path = masa_path_join(scratch, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
    return path;
}

/* A failure says why. */
static inline bool scratch_good(masa_status status, const masa_error *err)
{
    if (status != MASA_OK && !err->message[0]) abort();
    return status == MASA_OK;
}

#endif
