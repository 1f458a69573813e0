/**
 * Work of several threads. This is the only place that starts any to compute.
 *
 * Work is cut into pieces that threads claim one after the other, so that one which has no
 * core, since other programs run, holds nobody up: the others do its share. Threads that wait
 * look for work during microseconds and then sleep.
 */
#ifndef MASA_PARALLEL_H
#define MASA_PARALLEL_H

#include <stddef.h>

/** Threads that work, the caller among them: OMP_NUM_THREADS, else the cores we may use. */
int masa_threads(void);
/** For the work that follows; at least 1. */
void masa_threads_set(int threads);

/** Piece number `piece` of a call. */
typedef void masa_work(void *call, size_t piece);

/**
 * Runs work(call, 0) ... work(call, pieces - 1), each once, on whatever threads come, and returns
 * when all are done. Which thread does which, and in which order, is not known: results are the
 * same for any number of threads if the pieces depend on the shapes alone and write apart.
 *
 * Inside a piece, or while another thread's call runs, the caller does its pieces alone.
 * fork: the child has the forking thread alone and starts its own others.
 */
void masa_parallel(size_t pieces, masa_work *work, void *call);

#endif
