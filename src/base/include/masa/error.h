/**
 * Errors with context.
 *
 * A fallible function returns a masa_status and takes a nullable masa_error
 * pointer last. On failure it fills the error with what happened, where and
 * what to do about it; outputs are written only on success.
 *
 *     masa_status st = MASA_OK;
 *     if (n == 0) {
 *         st = MASA_FAIL(err, MASA_ERR_DATA, "no problems; give at least one");
 *         goto out;
 *     }
 *
 * File contents are never asserted on: a bad file is an error, a wrong shape
 * inside the program is a bug and asserts.
 */
#ifndef MASA_ERROR_H
#define MASA_ERROR_H

#include <stddef.h>

/* One table: the code and the exit status a program ends with for it cannot drift apart. */
/* clang-format off */
#define MASA_STATUS_TABLE(X)            \
    X(MASA_OK, 0)                       \
    X(MASA_ERR_USAGE, 2)                \
    X(MASA_ERR_IO, 1)                   \
    X(MASA_ERR_FORMAT, 1)               \
    X(MASA_ERR_UNSUPPORTED, 1)          \
    X(MASA_ERR_CONFIG, 1)               \
    X(MASA_ERR_DATA, 1)                 \
    X(MASA_ERR_MEMORY, 1)               \
    X(MASA_ERR_NUMERIC, 4)              \
    X(MASA_ERR_PEER, 5)                 \
    X(MASA_ERR_INTERRUPTED, 130)
/* clang-format on */

typedef enum masa_status {
#define X(code, exit_status) code,
    MASA_STATUS_TABLE(X)
#undef X
} masa_status;

typedef struct masa_error {
    masa_status code;
    char message[512];
    char path[256];     /* the user's file the error is in; "" when none */
    size_t line;        /* 1-based line in that file; 0 when none */
    const char *source; /* where in masa it was raised */
    int source_line;
} masa_error;

/** Fills err (if not NULL) and returns code. Use through MASA_FAIL. */
masa_status masa_error_set(masa_error *err, masa_status code, const char *source,
                           int source_line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#define MASA_FAIL(err, code, ...) masa_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)

/** Puts "prefix: " before the message while an error travels up. */
void masa_error_context(masa_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Names the user's file ("-": standard input) and line (0: unknown) the error is about. */
void masa_error_at(masa_error *err, const char *path, size_t line);

/** The exit status that a program ends with for a code. */
int masa_status_exit(masa_status code);

#endif
