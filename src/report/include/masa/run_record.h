/**
 * What is kept of a run when its folder is not: some kilobytes of JSON that can be committed,
 * with the curve that comparisons are made of, every metric between evaluations, what was
 * decided, and the settings. docs/runs.md describes the file.
 */
#ifndef MASA_RUN_RECORD_H
#define MASA_RUN_RECORD_H

#include <stdbool.h>
#include <masa/config.h>
#include <masa/curve.h>
#include <masa/error.h>
#include <masa/text.h>

/* What a run's folder does not say. */
typedef struct masa_record_about {
    const char *lab, *arm; /* the series it belongs to, and what it is called in it */
    const char *version;   /* of the program */
    long seed;
    bool finished;
} masa_record_about;

/** Appends the record of the run in `folder`, which may be going on. Errors name the
 *  folder. */
masa_status masa_record_make(masa_text *out, const char *folder, const masa_record_about *about,
                             masa_error *err);

/* A record as comparisons read it. */
typedef struct masa_record {
    char *arm; /* owned */
    long seed;
    bool finished;
    masa_curve curve;
} masa_record;

/** From its text. `path` is used in messages; a damaged one is MASA_ERR_FORMAT. */
masa_status masa_record_parse(masa_record *out, const char *json, size_t size, const char *path,
                              masa_error *err);
void masa_record_deinit(masa_record *record);

/** The settings that the record's run was made with; the caller deinits them. Those that the
 *  program no longer knows are an error. */
masa_status masa_record_settings(masa_config *out, const char *json, size_t size,
                                 const char *path, masa_error *err);

#endif
