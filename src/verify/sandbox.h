/* A Python interpreter in bubblewrap, with limits. */
#ifndef MASA_VERIFY_SANDBOX_H
#define MASA_VERIFY_SANDBOX_H

#include <masa/code.h>
#include <masa/text.h>

/* A file that exists inside the sandbox only. */
typedef struct sandbox_file {
    const char *path, *content;
} sandbox_file;

typedef enum sandbox_end {
    SANDBOX_EXITED,
    SANDBOX_TIME,
    SANDBOX_OUTPUT,
    SANDBOX_MEMORY, /* of the kernel's, in more files than /tmp may hold */
} sandbox_end;

typedef struct sandbox_result {
    sandbox_end ended;
    int exit_status;         /* 128 + signal when killed */
    masa_text output, errors; /* what was written, as far as it was allowed; caller frees */
} sandbox_result;

/* Runs files[0] with `input` on its standard input. */
masa_status sandbox_run(sandbox_result *out, const sandbox_file *files, size_t n_files,
                        const char *input, const masa_code_limits *limits, masa_error *err);

#endif
