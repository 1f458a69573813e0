#include <masa/terminal.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool masa_terminal_draws(FILE *file)
{
    const char *kind = getenv("TERM");
    return file && isatty(fileno(file)) && kind && *kind && strcmp(kind, "dumb") != 0;
}

size_t masa_terminal_columns(FILE *file)
{
    struct winsize size;
    if (!isatty(fileno(file))) return SIZE_MAX;
    bool says = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return says ? size.ws_col : 80;
}
