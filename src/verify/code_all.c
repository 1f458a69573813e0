/* Programs by the batch: threads that take the next one until there is none. */
#include <masa/code.h>

#include <masa/memory.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

typedef struct batch {
    masa_code_result *results;
    const masa_code_job *jobs;
    size_t n;
    const masa_code_limits *limits;
    pthread_mutex_t lock;
    /* under the lock */
    size_t next, failed; /* failed: the first in order of those that could not be run */
    masa_status status;
    masa_error error;
} batch;

static size_t take(batch *b)
{
    bool stopped = b->limits->stop && *b->limits->stop;
    pthread_mutex_lock(&b->lock);
    bool more = b->status == MASA_OK && b->next < b->n && !stopped;
    size_t i = more ? b->next++ : b->n;
    pthread_mutex_unlock(&b->lock);
    return i;
}

static void *work(void *context)
{
    batch *b = context;
    for (size_t i; (i = take(b)) < b->n;) {
        masa_error error = {0};
        masa_status st = masa_code_run(&b->results[i], b->jobs[i].program, b->jobs[i].tests,
                                       b->limits, &error);
        if (st == MASA_OK) continue;
        pthread_mutex_lock(&b->lock);
        if (i < b->failed) {
            b->failed = i;
            b->status = st;
            b->error = error;
        }
        pthread_mutex_unlock(&b->lock);
    }
    return NULL;
}

/* As many as there are processors, and as the memory has room for if each takes all that
 * it may, in both interpreters. */
static size_t most_at_once(const masa_code_limits *limits)
{
    cpu_set_t set;
    size_t n = 1, free_memory = masa_memory_available();
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = (size_t)CPU_COUNT(&set);
    size_t room = free_memory / 2 / limits->memory_bytes;
    if (free_memory && room < n) n = room;
    return n ? n : 1;
}

masa_status masa_code_run_all(masa_code_result *results, const masa_code_job *jobs, size_t n,
                              size_t at_once, const masa_code_limits *limits, masa_error *err)
{
    static const masa_code_limits defaults = MASA_CODE_LIMITS;
    if (!limits) limits = &defaults;
    batch b = {.results = results,
               .jobs = jobs,
               .n = n,
               .limits = limits,
               .failed = n,
               .lock = PTHREAD_MUTEX_INITIALIZER};
    if (at_once == 0) at_once = most_at_once(limits);
    if (at_once > n) at_once = n;
    /* One of them is the caller's; what cannot be started, the others do. */
    pthread_t *threads = masa_alloc(at_once, sizeof *threads);
    size_t started = 0;
    while (started + 1 < at_once && pthread_create(&threads[started], NULL, work, &b) == 0)
        started++;
    work(&b);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    free(threads);
    if (b.status == MASA_OK && b.next < n)
        return MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped between programs");
    if (b.status != MASA_OK && err) *err = b.error;
    return b.status;
}
