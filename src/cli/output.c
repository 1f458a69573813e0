#include "output.h"

#include <masa/file.h>
#include <masa/terminal.h>
#include <masa/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int cause; /* errno of the first flush that failed; 0: none did */

/* ---- what a terminal is shown ---- */

/* A stream that is a terminal, and the beginning of a character whose rest is to come. */
typedef struct shown {
    FILE *terminal;
    char held[4];
    size_t n;
} shown;
static shown out, err_out;

static ssize_t write_shown(void *cookie, const char *bytes, size_t n)
{
    shown *s = cookie;
    masa_text all = {0}, safe = {0};
    masa_text_append(&all, s->held, s->n);
    masa_text_append(&all, bytes, n);
    size_t whole = masa_utf8_complete(all.data, all.size);
    s->n = all.size - whole;
    memcpy(s->held, all.data + whole, s->n);
    masa_text_add_shown(&safe, all.data, whole);
    bool written = fwrite(masa_text_get(&safe), 1, safe.size, s->terminal) == safe.size &&
                   fflush(s->terminal) == 0;
    masa_text_deinit(&safe);
    masa_text_deinit(&all);
    return written ? (ssize_t)n : 0;
}

/* The stream in whose place it comes lives on as s->terminal. */
static FILE *show(shown *s, FILE *stream, int buffering)
{
    if (!isatty(fileno(stream))) return stream;
    FILE *filter = fopencookie(s, "w", (cookie_io_functions_t){.write = write_shown});
    if (!filter) return stream;
    s->terminal = stream;
    setvbuf(filter, NULL, buffering, buffering == _IONBF ? 0 : BUFSIZ);
    return filter;
}

FILE *cli_output_progress(void)
{
    return err_out.terminal ? err_out.terminal : stderr;
}

/* ---- */

void cli_output_start(void)
{
    /* The wrong way round, so that reading or writing there is an error. */
    static const int ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", ways[fd]) == -1) return;
    stdout = show(&out, stdout, _IOLBF);
    stderr = show(&err_out, stderr, _IONBF);
}

size_t cli_output_columns(void)
{
    return masa_terminal_columns(out.terminal ? out.terminal : stdout);
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
    return MASA_FAIL(err, MASA_ERR_IO, "cannot write to standard output: %s", strerror(cause));
}
