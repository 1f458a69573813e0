#include "output.h"

#include <masa/file.h>
#include <masa/terminal.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int cause; /* errno of the first flush that failed; 0: none did */

void cli_output_start(void)
{
    /* The wrong way round, so that reading or writing there is an error. */
    static const int ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", ways[fd]) == -1) return;
}

size_t cli_output_columns(void)
{
    return masa_terminal_columns(stdout);
}

bool cli_output_flush(void)
{
    if (fflush(stdout) != 0 && !cause) cause = errno;
    return !cause && !ferror(stdout);
}

masa_status cli_output_close(masa_error *err)
{
    cli_output_flush();
    if (ferror(stdout) && !cause) cause = masa_file_cause(stdout);
    /* A network's file system may say only now that the disk was full. */
    if (fclose(stdout) != 0 && !cause) cause = errno;
    if (!cause) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_IO, "cannot write to standard output: %s",
                     strerror(cause));
}
