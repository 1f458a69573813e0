/* How bytes get from process to process: what libmasa_mpi.so must do. */
#ifndef DIST_TRANSPORT_H
#define DIST_TRANSPORT_H

#include <stddef.h>

enum { TRANSPORT_VERSION = 1 };

/* Functions return NULL, or what went wrong (static or valid until the next call). */
struct transport {
    int version;
    size_t rank, size;
    /* Rank r's `mine` [bytes] is all[r * bytes ...] everywhere. */
    const char *(*gather)(void *all, const void *mine, size_t bytes);
    /* Block s of rank r's `mine` [size * bytes] is block r of rank s's `all`. */
    const char *(*exchange)(void *all, const void *mine, size_t bytes);
    /* Rank `from`'s data [bytes] is everybody's. */
    const char *(*spread)(void *data, size_t bytes, size_t from);
    void (*close)(void);
    /* Ends every process of the job, this one with `status`. */
    void (*abort)(int status);
};

/* Exported by the plugin as "masa_transport": joins the others; *why is set when it fails. */
typedef const struct transport *transport_start(const char **why);

#endif
