/* What the files of this part share: the transport, and its functions with their cost counted. */
#ifndef DIST_INTERNAL_H
#define DIST_INTERNAL_H

#include <masa/dist.h>

#include "transport.h"

enum { DIST_HOST = 64 }; /* bytes of a host's name, the end included */

/* NULL in a process by itself. */
extern const struct transport *dist_transport;

const char *dist_host(size_t rank);

/* Each is a collective. MASA_ERR_PEER when it breaks down. */
masa_status dist_gather(void *all, const void *mine, size_t bytes, masa_error *err);

/* Watches whether the others are there, from a thread of its own that ends the process when one
 * is not; a collective. dist_watch_stop is to be called when all have come to their end. */
masa_status dist_watch_start(masa_error *err);
/* Tells the others to end without a word. */
void dist_watch_end(void);
void dist_watch_stop(void);

/* Whether all ranks know of the last failure. */
bool dist_is_told(void);

/* Seconds since `start` were spent in votes. */
void dist_count_vote(double start);

#endif
