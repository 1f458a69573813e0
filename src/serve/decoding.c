/* The decoding thread: jobs in, tokens out, all that are there at once. */
#include "service.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The generator keeps a little of every request until it is idle: under a load without end it
 * has to be, now and then. */
enum { RUN_MOST = 1 << 16 };

static bool is_gone(service *s, const job *j)
{
    pthread_mutex_lock(&s->lock);
    bool gone = j->gone;
    pthread_mutex_unlock(&s->lock);
    return gone;
}

static bool on_token(void *context, const masa_completion *c, bool finished)
{
    service *s = context;
    job *j = s->running[c->request];
    bool wanted = !j->failed && !is_gone(s, j);
    if (j->stream && wanted) openai_stream(s, j, c, finished);
    if (!finished && wanted) return true;
    if (--j->unfinished > 0 || !wanted) return wanted;
    if (j->kind == JOB_TOKENS) tokens_finish(s, j);
    else openai_finish(s, j);
    return true;
}

/* Lets go of jobs once the generator has. A job stands as often as it has prompts. */
static void release_finished(service *s, bool idle)
{
    for (size_t i = 0; i < s->n_running; i++) {
        job *j = s->running[i];
        if (!j || !(j->unfinished == 0 || idle)) continue;
        for (size_t k = i; k < s->n_running && s->running[k] == j; k++) s->running[k] = NULL;
        job_release(s, j);
    }
    if (idle) s->n_running = 0;
}

/* All prompts or none. */
static void start_job(service *s, job *j)
{
    masa_error err = {0};
    masa_status st = MASA_OK;
    size_t added = 0, n = j->n_choices / j->n_prompts;
    while (st == MASA_OK && added < j->n_prompts) {
        st = masa_generator_add(s->generator, &j->requests[added], j->completions + added * n,
                                &err);
        if (st != MASA_OK) break;
        MASA_PUSH(s->running, s->n_running, s->running_capacity, j);
        added++;
    }
    if (st == MASA_OK) return;
    job_fail_with(s, j, st, &err);
    j->failed = true;
    j->unfinished = added * n; /* the generator has these */
    if (added == 0) job_release(s, j);
}

/* The next one that may begin; NULL: none. */
static job *take_job(service *s)
{
    bool idle = s->n_running == 0;
    pthread_mutex_lock(&s->lock);
    job *j = s->first;
    bool waits = !j || (j->kind == JOB_RELOAD && !idle) || s->n_running >= RUN_MOST;
    if (!waits) {
        s->first = j->next;
        if (!s->first) s->last = NULL;
        s->n_waiting--;
    }
    pthread_mutex_unlock(&s->lock);
    return waits ? NULL : j;
}

static void start_waiting(service *s)
{
    for (job *j; (j = take_job(s));) {
        if (is_gone(s, j)) {
            job_release(s, j);
        } else if (j->kind == JOB_RELOAD) {
            reload_run(s, j);
            job_release(s, j);
        } else if (s->broken) {
            job_fail(s, j, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "reading weights failed half-way; reload them first");
            job_release(s, j);
        } else {
            start_job(s, j);
        }
    }
}

static void fail_running(service *s, unsigned status, const char *message)
{
    for (size_t i = 0; i < s->n_running; i++) {
        job *j = s->running[i];
        if (!j || j->failed) continue;
        job_fail(s, j, status, message);
        j->failed = true;
    }
    release_finished(s, true);
}

/* Until a job arrives, or for a moment. */
static void wait_for_jobs(service *s)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->lock);
    if (!s->first) pthread_cond_timedwait(&s->arrived, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void refuse_all(service *s)
{
    static const char why[] = "the server is stopping";
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_mutex_unlock(&s->lock);
    masa_generator_abandon(s->generator);
    fail_running(s, MHD_HTTP_SERVICE_UNAVAILABLE, why);
    for (job *j; (j = take_job(s));) {
        job_fail(s, j, MHD_HTTP_SERVICE_UNAVAILABLE, why);
        job_release(s, j);
    }
}

bool decode_round(service *s)
{
    masa_error err = {0};
    bool busy;
    start_waiting(s);
    if (s->n_running == 0) return false;
    masa_status st = masa_generator_advance(s->generator, on_token, s, &busy, &err);
    if (st == MASA_OK) release_finished(s, !busy);
    else fail_running(s, MHD_HTTP_INTERNAL_SERVER_ERROR, err.message);
    return true;
}

void decode_jobs(service *s)
{
    while (!*s->options->stop)
        if (!decode_round(s)) wait_for_jobs(s);
    refuse_all(s);
}
