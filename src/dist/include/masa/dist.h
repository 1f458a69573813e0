/**
 * Several processes that work on one thing, started by mpirun or srun: who they are, what they
 * tell one another, and what becomes of all when one fails.
 *
 * Nobody else needs MPI: the plugin libmasa_mpi.so, which knows it, is opened only in a process
 * that one of the two has started. In a single process everything here is a no-op that succeeds.
 *
 * Collectives (masa_dist_agree, _same, _gather, _sum...) are made by all ranks, in the same order.
 * Nobody enters one while another rank has failed: what may fail on one rank alone is followed
 * by a vote, masa_dist_agree, whose outcome is the same everywhere. A collective that breaks
 * down is MASA_ERR_PEER. Call from one thread.
 */
#ifndef MASA_DIST_H
#define MASA_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/device.h>
#include <masa/error.h>
#include <masa/text.h>

/**
 * Joins the processes that were started together. `version` is that of the program, which all
 * must share. MASA_ERR_UNSUPPORTED where mpirun or srun has started this process and the plugin
 * cannot be opened. From here on rank 0 alone writes messages of masa/log.h, and where
 * OMP_NUM_THREADS says nothing each process has its share of the cores as threads.
 */
masa_status masa_dist_open(const char *version, masa_error *err);
/**
 * Leaves them; `outcome` is the program's. A failure that the others do not know of ends the
 * whole job. Nothing where masa_dist_open was not called.
 */
void masa_dist_close(masa_status outcome);

size_t masa_dist_rank(void); /* 0 .. size - 1 */
size_t masa_dist_size(void);

/* Where a process runs. */
typedef struct masa_dist_place {
    size_t processes; /* of ours on this machine */
    size_t number;    /* of this one among them, from 0 on */
    size_t machines;  /* that we run on */
} masa_dist_place;
masa_dist_place masa_dist_where(void);

/** Whether this process is the one to print an outcome: rank 0 speaks for all, another rank of
 *  what the others do not know. */
bool masa_dist_speaks(void);

/**
 * The vote: MASA_OK when `mine` is MASA_OK on every rank. Else the same everywhere where the
 * failure is one that a run deals with, MASA_ERR_NUMERIC or MASA_ERR_INTERRUPTED; of others,
 * the rank that failed gets its own back and the healthy ones MASA_ERR_PEER. err then names
 * the rank, its host and the cause. *flags (may be NULL) becomes the OR of all ranks' flags.
 */
masa_status masa_dist_agree(masa_status mine, unsigned *flags, masa_error *err);

/** What ranks must agree in: `mine` is compared with rank 0's line by line. A line that differs
 *  is MASA_ERR_CONFIG on that rank, told as in a vote, with both texts. */
masa_status masa_dist_same(const char *mine, masa_error *err);

/** Everybody's n bytes, in the order of ranks, appended to *all; ends[r], [size], is
 * where those of rank r end in all. */
masa_status masa_dist_gather(masa_text *all, size_t *ends, const void *mine, size_t n,
                             masa_error *err);

/**
 * values [n] = the sum of all ranks' values, the same bits everywhere: a tree over the ranks
 * whose halves are (lo, mid), (mid, hi) with mid = lo + (hi - lo) / 2, each the sum of its own
 * halves. n is the same on every rank.
 */
masa_status masa_dist_sum(float DEVICE *values, size_t n, masa_error *err);

/* A rank's part of n numbers: those from first to last - 1. */
typedef struct masa_dist_part {
    size_t first, last;
} masa_dist_part;
/** Parts are whole units, the last one's end aside, and as equal as these allow. */
masa_dist_part masa_dist_part_of(size_t rank, size_t n, size_t unit);
/** The first half of masa_dist_sum: a rank's own part of values [n] becomes the sum, the others
 *  stay as they were. */
masa_status masa_dist_sum_part(float DEVICE *values, size_t n, size_t unit, masa_error *err);
/** The second: a rank's own part of values becomes everybody's. */
masa_status masa_dist_share_parts(float DEVICE *values, size_t n, size_t unit, masa_error *err);

/** data [bytes] on the host: that of rank `from` becomes everybody's. */
masa_status masa_dist_spread(void *data, size_t bytes, size_t from, masa_error *err);

/** The same for a few numbers on the host, added in the order of ranks. */
masa_status masa_dist_sum_doubles(double *values, size_t n, masa_error *err);

/* What collectives have cost this process so far. */
typedef struct masa_dist_cost {
    double bytes;   /* sent */
    double seconds; /* in them, waiting for others included */
    double waited;  /* of these, in votes: for ranks that were not there yet */
} masa_dist_cost;
masa_dist_cost masa_dist_cost_get(void);

#endif
