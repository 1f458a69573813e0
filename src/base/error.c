#include <masa/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

masa_status masa_error_set(masa_error *err, masa_status code, const char *source,
                           int source_line, const char *format, ...)
{
    if (!err) return code;
    memset(err, 0, sizeof *err);
    err->code = code;
    err->source = source;
    err->source_line = source_line;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

void masa_error_context(masa_error *err, const char *format, ...)
{
    if (!err) return;
    char prefixed[sizeof err->message];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(prefixed, sizeof prefixed, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof prefixed) return;
    size_t room = sizeof prefixed - (size_t)n;
    if (snprintf(prefixed + n, room, ": %.*s", (int)room, err->message) < 0) return;
    memcpy(err->message, prefixed, sizeof prefixed);
}

void masa_error_at(masa_error *err, const char *path, size_t line)
{
    if (!err) return;
    snprintf(err->path, sizeof err->path, "%s",
             strcmp(path, "-") == 0 ? "standard input" : path);
    err->line = line;
}

int masa_status_exit(masa_status code)
{
    static const int statuses[] = {
#define X(code, exit_status) [code] = exit_status,
        MASA_STATUS_TABLE(X)
#undef X
    };
    return statuses[code];
}
