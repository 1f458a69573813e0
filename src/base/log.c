#include <masa/log.h>

#include <masa/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_stderr(masa_log_level level, const char *message)
{
    fprintf(stderr, "masa: %s%s\n", level == MASA_LOG_WARN ? "warning: " : "", message);
}

static masa_log_sink current_sink = write_stderr;

void masa_log_set_sink(masa_log_sink sink)
{
    current_sink = sink;
}

static masa_log_watcher current_watcher;
static void *watcher_context;

void masa_log_set_watcher(masa_log_watcher watcher, void *context)
{
    current_watcher = watcher;
    watcher_context = context;
}

void masa_log(masa_log_level level, const char *format, ...)
{
    if (!current_sink && !current_watcher) return;
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    /* What it quotes of a file cannot pass for a message of its own, nor command a terminal. */
    masa_text line = {0};
    masa_text_add_line_shown(&line, message);
    if (current_watcher) current_watcher(watcher_context, level, masa_text_get(&line));
    if (current_sink) current_sink(level, masa_text_get(&line));
    masa_text_deinit(&line);
}
