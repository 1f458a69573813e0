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

/* Counts a call that began at `start` and sent `bytes`; `why` (NULL: nothing) is what went
 * wrong with it. */
masa_status dist_done(const char *why, double start, size_t bytes, masa_error *err);

/* Parts of arrays go a window at a time: how many of a part's numbers from `at` on are in one of at
 * most `most`, and how many there are in the longest part. */
size_t dist_in_window(masa_dist_part part, size_t at, size_t most);
size_t dist_longest_part(size_t n, size_t unit);

/* The tree of masa_dist_sum over rows first to last - 1, wherever they are: the sum comes into row
 * `first`. */
typedef void dist_add_row(void *rows, size_t to, size_t from);
void dist_add_tree(dist_add_row *add, void *rows, size_t first, size_t last);

/* masa_dist_sum_part and masa_dist_share_parts from GPU to GPU, with the same bits. Whether they
 * can is found out, by all ranks together, when it is asked for the first time. */
bool dist_linked(void);
masa_status dist_sum_linked(float DEVICE *values, size_t n, size_t unit, masa_error *err);
masa_status dist_share_linked(float DEVICE *values, size_t n, size_t unit, masa_error *err);
void dist_link_end(void);

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
