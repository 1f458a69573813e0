#include <masa/parallel.h>

#include <assert.h>
#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpu_split.h"

/* How long a thread that waits looks for work before it sleeps: longer than the gaps between
 * two calls of a layer, far shorter than the time slice of a program that wants the core. */
enum { SPIN_NANOSECONDS = 50000 };

enum { MOST_HELPERS = 255 };

static struct {
    /* Pieces of the call in the upper half, the next to claim in the lower one: a claim that
     * finds next < pieces is of the call that runs, for that does not end without it. */
    _Atomic uint64_t ticket;
    _Atomic uint32_t left; /* pieces that are not done */
    masa_work *work;
    void *call;
    atomic_bool caller_sleeps;    /* on left */
    _Atomic uint32_t sleepers;    /* helpers that sleep on call_number, or are about to */
    _Atomic uint32_t call_number; /* counts the calls that found sleepers */
    atomic_bool stop;             /* helpers are to end */
    atomic_flag busy;             /* a caller is inside */
    int threads;                  /* wanted; 0: not asked for yet */
    int helpers;                  /* that run */
    bool started;
    pthread_t ids[MOST_HELPERS];
} pool = {.busy = ATOMIC_FLAG_INIT};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, uint32_t most)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

static int64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void rest(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

static bool work_waits(void)
{
    uint64_t ticket = atomic_load(&pool.ticket);
    return (uint32_t)ticket < ticket >> 32 || atomic_load(&pool.stop);
}

static bool all_done(void)
{
    return atomic_load(&pool.left) == 0;
}

/* Whether it became true within the time that waiting may cost. */
static bool spin_until(bool (*happened)(void))
{
    if (happened()) return true;
    int64_t end = nanoseconds() + SPIN_NANOSECONDS;
    do {
        rest();
        if (happened()) return true;
    } while (nanoseconds() < end);
    return false;
}

/* Claims and does pieces until none is left. */
static void work_off(void)
{
    for (;;) {
        uint64_t ticket = atomic_load(&pool.ticket);
        if ((uint32_t)ticket >= ticket >> 32) return;
        ticket = atomic_fetch_add(&pool.ticket, 1);
        uint32_t piece = (uint32_t)ticket;
        if (piece >= ticket >> 32) return;
        pool.work(pool.call, piece);
        if (atomic_fetch_sub(&pool.left, 1) == 1 && atomic_load(&pool.caller_sleeps))
            futex_wake(&pool.left, 1);
    }
}

static _Thread_local struct {
    void (*release[8])(void);
    size_t n;
} at_end;

void parallel_at_end(void (*release)(void))
{
    assert(at_end.n < sizeof at_end.release / sizeof *at_end.release);
    at_end.release[at_end.n++] = release;
}

static void *help(void *unused)
{
    (void)unused;
    while (!atomic_load(&pool.stop)) {
        if (!spin_until(work_waits)) {
            uint32_t number = atomic_load(&pool.call_number);
            atomic_fetch_add(&pool.sleepers, 1);
            /* A caller looks for sleepers after it has set the ticket. */
            if (!work_waits()) futex_wait(&pool.call_number, number);
            atomic_fetch_sub(&pool.sleepers, 1);
        }
        work_off();
    }
    while (at_end.n > 0) at_end.release[--at_end.n]();
    return NULL;
}

static void wake_sleepers(uint32_t most)
{
    if (atomic_load(&pool.sleepers) == 0) return;
    atomic_fetch_add(&pool.call_number, 1);
    futex_wake(&pool.call_number, most);
}

/* A fork leaves the child without helpers. */
static void forget_helpers(void)
{
    atomic_store(&pool.ticket, 0);
    atomic_store(&pool.left, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_flag_clear(&pool.busy);
    pool.helpers = 0;
    pool.started = false;
}

static void start_helpers(void)
{
    static bool registered;
    if (!registered) pthread_atfork(NULL, NULL, forget_helpers);
    registered = pool.started = true;
    /* Signals are for the thread that the program began with. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int wanted = masa_threads() - 1;
    if (wanted > MOST_HELPERS) wanted = MOST_HELPERS;
    /* With fewer than wanted the work is done all the same. */
    while (pool.helpers < wanted &&
           pthread_create(&pool.ids[pool.helpers], NULL, help, NULL) == 0)
        pool.helpers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void stop_helpers(void)
{
    atomic_store(&pool.stop, true);
    wake_sleepers(MOST_HELPERS);
    while (pool.helpers > 0) pthread_join(pool.ids[--pool.helpers], NULL);
    atomic_store(&pool.stop, false);
    pool.started = false;
}

int masa_threads(void)
{
    if (!pool.threads) pool.threads = omp_get_max_threads();
    return pool.threads;
}

void masa_threads_set(int threads)
{
    assert(threads > 0);
    if (threads == masa_threads()) return;
    stop_helpers();
    pool.threads = threads;
}

static void run(size_t pieces, masa_work *work, void *call)
{
    if (!pool.started) start_helpers();
    pool.work = work;
    pool.call = call;
    atomic_store(&pool.left, (uint32_t)pieces);
    atomic_store(&pool.ticket, (uint64_t)pieces << 32);
    wake_sleepers((uint32_t)pieces - 1);
    work_off();
    if (spin_until(all_done)) return;
    atomic_store(&pool.caller_sleeps, true);
    for (uint32_t left; (left = atomic_load(&pool.left)) != 0;) futex_wait(&pool.left, left);
    atomic_store(&pool.caller_sleeps, false);
}

void masa_parallel(size_t pieces, masa_work *work, void *call)
{
    assert(pieces < UINT32_MAX);
    bool alone = pieces < 2 || masa_threads() < 2;
    if (alone || atomic_flag_test_and_set(&pool.busy)) {
        for (size_t i = 0; i < pieces; i++) work(call, i);
        return;
    }
    run(pieces, work, call);
    atomic_flag_clear(&pool.busy);
}

/* ---- ranges ---- */

struct ranges {
    range_work *work;
    void *call;
    size_t n, size;
};

static void run_range(void *of, size_t piece)
{
    const struct ranges *r = of;
    size_t begin = piece * r->size, left = r->n - begin;
    r->work(r->call, begin, begin + (left < r->size ? left : r->size));
}

void parallel_pieces(size_t n, size_t size, range_work *work, void *call)
{
    struct ranges r = {work, call, n, size};
    masa_parallel((n + size - 1) / size, run_range, &r);
}

void parallel_ranges(size_t n, size_t grain, size_t width, range_work *work, void *call)
{
    enum { PIECES = 16, SMALL = SPLIT_MINIMUM / 2, LARGE = 1 << 16 };
    if (n * width <= SPLIT_MINIMUM) {
        if (n) work(call, 0, n);
        return;
    }
    size_t elements = n * width / PIECES;
    if (elements < SMALL) elements = SMALL;
    if (elements > LARGE) elements = LARGE;
    size_t size = (elements / (width ? width : 1) + grain - 1) / grain * grain;
    parallel_pieces(n, size ? size : grain, work, call);
}
