/* Two Python interpreters, each in its own bubblewrap, that can only talk to each other. */
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
    SANDBOX_STOPPED,
} sandbox_end;

typedef struct sandbox_result {
    sandbox_end ended;
    masa_text output; /* the judge's, as far as it was allowed; caller frees */
} sandbox_result;

/* Runs judge[0] and worker[0], the ends of one socket as their standard inputs, until the
 * judge ends; the other files are for them to read. MASA_ERR_INTERRUPTED after limits->stop. */
masa_status sandbox_run(sandbox_result *out, const sandbox_file judge[2],
                        const sandbox_file worker[2], const masa_code_limits *limits,
                        masa_error *err);

#endif
