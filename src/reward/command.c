/* Asking a program of the user's: copies of it that are fed while they answer. */
#include "ask.h"
#include "process.h"

#include <masa/clock.h>
#include <masa/file.h>
#include <masa/memory.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char who[] = "reward.command";

typedef struct copy {
    process process;
    size_t *asked; /* [batch] responses before it */
    size_t n_asked;
    double since; /* when it last answered, or was asked with nothing before it */
    int failed;   /* times it failed since it last answered */
} copy;

struct ask_command {
    char *command, *log;
    size_t n_copies, batch;
    double timeout;
    const volatile sig_atomic_t *stop;
    copy *copies;
    /* of the responses under way */
    ask *ask;
    size_t *waiting; /* [n_waiting] responses to be asked for, the last first */
    size_t n_waiting;
};

masa_status ask_command_open(ask_command **out, const masa_reward_options *o, masa_error *err)
{
    ask_command *c = masa_alloc(1, sizeof *c);
    *c = (ask_command){.command = masa_strdup(o->command),
                       .log = masa_strdup(o->log),
                       .n_copies = o->copies,
                       .batch = o->batch,
                       .timeout = o->timeout,
                       .stop = o->stop,
                       .copies = masa_alloc(o->copies, sizeof *c->copies)};
    masa_status st = MASA_OK;
    for (size_t k = 0; k < c->n_copies; k++)
        c->copies[k].asked = masa_alloc(o->batch, sizeof(size_t));
    for (size_t k = 0; st == MASA_OK && k < c->n_copies; k++)
        st = process_start(&c->copies[k].process, c->command, c->log, err);
    if (st == MASA_OK) *out = c;
    else ask_command_close(c);
    return st;
}

void ask_command_close(ask_command *c)
{
    if (!c) return;
    for (size_t k = 0; k < c->n_copies; k++) {
        process_end(&c->copies[k].process, 2);
        free(c->copies[k].asked);
    }
    free(c->copies);
    free(c->command);
    free(c->log);
    free(c);
}

/* ---- failures ---- */

/* Appends the last line of its standard error, and where the others are. */
static void add_last_words(masa_text *out, const ask_command *c)
{
    masa_text log = {0};
    if (masa_file_read(&log, c->log, NULL) == MASA_OK) {
        size_t end = log.size, start;
        while (end && strchr(" \t\r\n", log.data[end - 1])) end--;
        for (start = end; start && log.data[start - 1] != '\n';) start--;
        size_t n = end - start > 160 ? masa_utf8_complete(log.data + start, 160) : end - start;
        masa_text line = {0};
        masa_text_add_utf8(&line, log.data + start, n);
        if (n && strstr(masa_text_get(&line), "\"reward\""))
            masa_text_addf(out,
                           "; it printed '%s' to standard error, where no reward is looked for",
                           masa_text_get(&line));
        else if (n) masa_text_addf(out, "; its last words: %s", masa_text_get(&line));
        masa_text_deinit(&line);
    }
    masa_text_addf(out, " (standard error is kept in %s)", c->log);
    masa_text_deinit(&log);
}

/* It died or hangs: another one takes its place and its responses, unless that was too often. */
static masa_status replace(ask_command *c, copy *k, bool hangs, masa_error *err)
{
    char how[120];
    int status = process_end(&k->process, hangs ? 0 : 2);
    if (hangs)
        snprintf(how, sizeof how, "gave no answer for %g s (is its output flushed?)",
                 c->timeout);
    else if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "died of signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof how, "ended with status %d before it had answered",
                 WEXITSTATUS(status));
    if (++k->failed == ASK_TRIES) {
        masa_text words = {0};
        add_last_words(&words, c);
        masa_status st = MASA_FAIL(err, MASA_ERR_IO, "%s %s, %d times in a row%s", who, how,
                                   ASK_TRIES, masa_text_get(&words));
        masa_text_deinit(&words);
        return st;
    }
    while (k->n_asked) c->waiting[c->n_waiting++] = k->asked[--k->n_asked];
    return process_start(&k->process, c->command, c->log, err);
}

/* ---- asking ---- */

static void feed(ask_command *c, copy *k)
{
    while (c->n_waiting && k->n_asked < c->batch) {
        if (k->n_asked == 0) k->since = masa_clock();
        size_t i = c->waiting[--c->n_waiting];
        k->asked[k->n_asked++] = i;
        ask_add_line(&k->process.to_write, c->ask, i);
    }
}

static masa_status take(ask_command *c, copy *k, const char *line, size_t size, masa_error *err)
{
    size_t i = 0, at = 0;
    masa_status st = ask_take_line(c->ask, &i, who, line, size, err);
    if (st != MASA_OK) return st;
    while (at < k->n_asked && k->asked[at] != i) at++;
    if (at == k->n_asked)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "%s answered id %zu, which another copy was asked for", who,
                         c->ask->first + i);
    k->asked[at] = k->asked[--k->n_asked];
    k->since = masa_clock();
    k->failed = 0;
    return MASA_OK;
}

/* Takes the whole lines of what was read. */
static masa_status take_lines(ask_command *c, copy *k, masa_error *err)
{
    enum { LONGEST = 16 << 20 };
    masa_text *read = &k->process.read;
    masa_status st = MASA_OK;
    size_t at = 0;
    for (char *end; st == MASA_OK && at < read->size &&
                    (end = memchr(read->data + at, '\n', read->size - at));) {
        const char *line = read->data + at;
        size_t n = (size_t)(end - line);
        at += n + 1;
        if (n > 0) st = take(c, k, line, n, err);
    }
    if (at > 0) memmove(read->data, read->data + at, read->size - at);
    read->size -= at;
    if (st == MASA_OK && read->size > LONGEST)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s printed a line of more than 16 MiB", who);
    return st;
}

/* What one of them has printed and can be told. */
static masa_status serve(ask_command *c, copy *k, bool printed, masa_error *err)
{
    bool alive = !printed || process_read(&k->process);
    masa_status st = take_lines(c, k, err);
    if (st != MASA_OK) return st;
    if (!alive) return replace(c, k, false, err);
    if (k->n_asked && masa_clock() - k->since > c->timeout) return replace(c, k, true, err);
    return MASA_OK;
}

static masa_status go_on(ask_command *c, struct pollfd *fds, masa_error *err)
{
    enum { TICK = 200 /* ms */ };
    masa_status st = MASA_OK;
    for (size_t k = 0; k < c->n_copies; k++) {
        process *p = &c->copies[k].process;
        feed(c, &c->copies[k]);
        bool open = process_write(p);
        fds[2 * k] = (struct pollfd){p->out, POLLIN, 0};
        fds[2 * k + 1] = (struct pollfd){open && p->to_write.size ? p->in : -1, POLLOUT, 0};
    }
    poll(fds, 2 * c->n_copies, TICK);
    for (size_t k = 0; st == MASA_OK && k < c->n_copies; k++)
        st = serve(c, &c->copies[k], fds[2 * k].revents != 0, err);
    if (st == MASA_OK && c->stop && *c->stop)
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while waiting for rewards");
    return st;
}

masa_status ask_command_run(ask_command *c, ask *a, masa_error *err)
{
    masa_status st = MASA_OK;
    struct pollfd *fds = masa_alloc(2 * c->n_copies, sizeof *fds);
    c->ask = a;
    c->waiting = masa_alloc(a->n + 1, sizeof *c->waiting);
    while (c->n_waiting < a->n) {
        c->waiting[c->n_waiting] = a->n - 1 - c->n_waiting;
        c->n_waiting++;
    }
    while (st == MASA_OK && a->n_there < a->n) st = go_on(c, fds, err);
    free(c->waiting);
    free(fds);
    c->waiting = NULL;
    return st;
}
