/** Messages for people, on standard error. */
#ifndef MASA_LOG_H
#define MASA_LOG_H

typedef enum masa_log_level { MASA_LOG_INFO, MASA_LOG_WARN } masa_log_level;

/** Where messages go; NULL silences them. The default writes "masa: ..." lines to stderr. */
typedef void (*masa_log_sink)(masa_log_level level, const char *message);
void masa_log_set_sink(masa_log_sink sink);
/** Who sees every message before the sink writes it: a line of progress
 *  makes way, a file keeps a copy. NULL: nobody. */
typedef void (*masa_log_watcher)(void *context, masa_log_level level, const char *message);
void masa_log_set_watcher(masa_log_watcher watcher, void *context);

void masa_log(masa_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define masa_info(...) masa_log(MASA_LOG_INFO, __VA_ARGS__)
#define masa_warn(...) masa_log(MASA_LOG_WARN, __VA_ARGS__)

#endif
