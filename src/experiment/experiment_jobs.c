/* The runs of an experiment, one or several at a time, each in a process of its own: what it
 * held goes back to the system when it ends, and one that dies takes no other along. */
#include "experiment_internal.h"

#include <masa/clock.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/rl.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- what people read ---- */

/* Seconds of work left for runs[from..n), from the pace of those that have begun: of the same
 * arm where there is one, else of all. NaN when none has. */
static double time_left(const masa_experiment *runs, const masa_run_standing *states,
                        size_t from)
{
    double left = 0;
    for (size_t i = from; i < runs->n; i++) {
        double own = 0, all = 0, steps = (double)states[i].steps;
        size_t n_own = 0, n_all = 0;
        for (size_t j = 0; j < runs->n; j++) {
            if (states[j].step < 1) continue;
            double pace = states[j].seconds / (double)states[j].step;
            bool same = strcmp(runs->items[i].arm, runs->items[j].arm) == 0;
            all += pace, n_all++;
            if (same) own += pace, n_own++;
        }
        if (n_all == 0) return NAN;
        double pace = n_own ? own / (double)n_own : all / (double)n_all;
        if (!states[i].finished) left += pace * (steps - (double)states[i].step);
    }
    return left;
}

static void say_run(const masa_experiment *runs, const masa_run_standing *states, size_t i,
                    const masa_experiment_options *how)
{
    if (!how->tell) return;
    const masa_experiment_run *run = &runs->items[i];
    double left = time_left(runs, states, i) / (double)how->jobs;
    char text[32] = "";
    if (isfinite(left)) masa_duration_text(text, sizeof text, left);
    masa_text line = {0};
    masa_text_addf(&line, "run %zu of %zu: %s, seed %ld", i + 1, runs->n, run->arm, run->seed);
    if (states[i].finished) masa_text_add(&line, "; done already");
    else
        masa_text_addf(&line, "%s%s%s", states[i].exists ? "; goes on" : "",
                       *text ? "; all runs: left " : "", text);
    how->tell(how->context, masa_text_get(&line));
    masa_text_deinit(&line);
}

static bool stop_asked(const masa_experiment_options *how)
{
    return how->stop && *how->stop;
}

/* ---- a run's process ---- */

/* How a run ended, through a pipe; smaller than what a pipe takes in one piece. */
typedef struct verdict {
    masa_status status;
    masa_error error;
} verdict;

typedef struct job {
    pid_t pid; /* 0: none */
    int pipe;
    size_t run;
} job;

typedef struct jobs {
    const masa_experiment *runs;
    const masa_config *configs;
    const bool *done; /* [runs->n] whatever the folder says */
    const masa_experiment_options *how;
    const experiment_keeper *keeper;
    masa_run_standing *states; /* [runs->n] */
    job *items;                /* [how->jobs] */
    size_t next;               /* run to be started */
    double end;                /* clock at which time is up */
    bool told;                 /* all were asked to stop */
    masa_status status;        /* of the first that failed */
    masa_error *err;
} jobs;

/* With others beside it a run writes what people read into PATH.log, and shares the
 * processors where its settings leave their number open. */
static masa_status be_one_of_many(const masa_experiment_run *run, long many, masa_error *err)
{
    masa_text log = {0};
    masa_text_addf(&log, "%s.log", run->path);
    int fd = open(masa_text_get(&log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    masa_status st = MASA_OK;
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot write %s", masa_text_get(&log));
    int threads = masa_threads() / (int)many;
    masa_threads_set(threads > 0 ? threads : 1);
    masa_text_deinit(&log);
    return st;
}

/* Waits until no other process trains in the run's folder, or the clock says `end`. */
static void await_holder(const masa_experiment_run *run, double end,
                         const volatile sig_atomic_t *stop)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    char pid[32];
    for (bool told = false; masa_run_is_training(run->path, pid); told = true) {
        if (masa_clock() > end || (stop && *stop)) return;
        if (!told)
            masa_warn("%s is being trained in by process %s; waiting up to a minute for it to "
                      "save and end",
                      run->path, pid);
        nanosleep(&pause, NULL);
    }
}

/* The run of a command that was killed saves itself and ends, which may take a while: it is waited
 * for, and gone on with. What holds the folder for longer is told by the refusal to train there. */
static masa_status train(const jobs *j, size_t run, masa_error *err)
{
    const masa_experiment_run *r = &j->runs->items[run];
    char *config = masa_run_config_path(r->path);
    masa_train_options options = {.restart = j->how->restart,
                                  .progress = j->how->progress,
                                  .stop = j->how->stop,
                                  .status = j->how->status};
    double end = masa_clock() + 60;
    masa_status st;
    bool again; /* it had begun, or ended, when this one was about to */
    do {
        await_holder(r, end, options.stop);
        options.resume = masa_path_exists(config);
        st = masa_rl_train(&j->configs[run], r->path, &options, err);
        again =
            st == MASA_ERR_CONFIG && masa_clock() < end &&
            (masa_run_is_training(r->path, NULL) || options.resume != masa_path_exists(config));
    } while (again);
    free(config);
    return st;
}

static _Noreturn void be_child(const jobs *j, size_t run, int pipe, pid_t parent)
{
    verdict v = {0};
    /* A ^C is for the parent, which asks each run to stop once; when it dies, so do they. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    if (j->how->jobs > 1)
        v.status = be_one_of_many(&j->runs->items[run], j->how->jobs, &v.error);
    if (v.status == MASA_OK) v.status = train(j, run, &v.error);
    fflush(NULL);
    _exit(write(pipe, &v, sizeof v) != sizeof v);
}

static masa_status start(jobs *j, job *slot, size_t run, masa_error *err)
{
    int ends[2];
    pid_t parent = getpid();
    fflush(NULL);
    if (pipe(ends) != 0) return MASA_FAIL(err, MASA_ERR_IO, "cannot make a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_child(j, run, ends[1], parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return MASA_FAIL(err, MASA_ERR_IO, "cannot start a process");
    }
    *slot = (job){pid, ends[0], run};
    return MASA_OK;
}

static verdict take_verdict(const job *slot, int status)
{
    verdict v;
    if (read(slot->pipe, &v, sizeof v) != sizeof v) {
        v = (verdict){.status = MASA_ERR_PEER};
        if (WIFSIGNALED(status))
            MASA_FAIL(&v.error, v.status, "its process was ended by signal %d",
                      WTERMSIG(status));
        else
            MASA_FAIL(&v.error, v.status,
                      "its process ended with status %d; what it said last "
                      "says why",
                      WEXITSTATUS(status));
    }
    close(slot->pipe);
    return v;
}

/* ---- all of them ---- */

static masa_status observe(jobs *j, size_t run, masa_error *err)
{
    const masa_experiment_run *r = &j->runs->items[run];
    if (j->done[run]) {
        j->states[run] = (masa_run_standing){.finished = true};
        return MASA_OK;
    }
    masa_status st = masa_run_standing_read(&j->states[run], r, err);
    if (!j->states[run].exists) j->states[run].steps = j->configs[run].train.steps;
    if (st == MASA_OK && j->keeper->ended && j->states[run].exists)
        st = j->keeper->ended(j->keeper->context, r, err);
    return st;
}

/* The first failure is what all ends with; later ones are told of at once. */
static void fail(jobs *j, masa_status st, const masa_error *error)
{
    if (j->status == MASA_OK) {
        j->status = st;
        *j->err = *error;
    } else {
        masa_warn("%s", error->message);
    }
}

static void end_job(jobs *j, job *slot, int status)
{
    const masa_experiment_run *run = &j->runs->items[slot->run];
    verdict v = take_verdict(slot, status);
    slot->pid = 0;
    bool time_up = v.status == MASA_ERR_INTERRUPTED && j->told && !stop_asked(j->how);
    if (v.status == MASA_ERR_INTERRUPTED && stop_asked(j->how))
        MASA_FAIL(&v.error, v.status,
                  "stopped in run %zu of %zu (%s), which is saved; the same command goes on",
                  slot->run + 1, j->runs->n, run->path);
    else if (v.status != MASA_OK) masa_error_context(&v.error, "%s", run->path);
    if (v.status != MASA_OK && !time_up) fail(j, v.status, &v.error);
    masa_status st = observe(j, slot->run, &v.error);
    if (st != MASA_OK) fail(j, st, &v.error);
}

static size_t end_those_done(jobs *j)
{
    size_t running = 0;
    for (long i = 0; i < j->how->jobs; i++) {
        job *slot = &j->items[i];
        int status;
        if (slot->pid && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
            end_job(j, slot, status);
        running += slot->pid != 0;
    }
    return running;
}

static void ask_to_stop(jobs *j)
{
    for (long i = 0; i < j->how->jobs; i++)
        if (j->items[i].pid && !j->told) kill(j->items[i].pid, SIGTERM);
    j->told = true;
}

/* Fills free places with the next runs that are not finished. */
static masa_status start_next(jobs *j, masa_error *err)
{
    masa_status st = MASA_OK;
    for (long i = 0; st == MASA_OK && i < j->how->jobs; i++) {
        if (j->items[i].pid) continue;
        for (; j->next < j->runs->n && j->states[j->next].finished; j->next++)
            say_run(j->runs, j->states, j->next, j->how);
        if (j->next == j->runs->n) break;
        say_run(j->runs, j->states, j->next, j->how);
        st = start(j, &j->items[i], j->next++, err);
    }
    return st;
}

static void go(jobs *j)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    masa_error error = {0};
    for (size_t running = 0;;) {
        bool stop = stop_asked(j->how) || masa_clock() > j->end;
        if (stop) ask_to_stop(j);
        masa_status st = stop ? MASA_OK : start_next(j, &error);
        if (st != MASA_OK) {
            fail(j, st, &error);
            j->end = 0;
        }
        running = end_those_done(j);
        if (running == 0 && (j->told || j->next == j->runs->n)) break;
        nanosleep(&pause, NULL);
    }
}

masa_status experiment_go(const masa_experiment *runs, const masa_config *configs,
                          const bool *done, const masa_experiment_options *how,
                          const experiment_keeper *keeper, size_t *finished, masa_error *err)
{
    masa_error unused = {0};
    jobs j = {.runs = runs,
              .configs = configs,
              .done = done,
              .how = how,
              .keeper = keeper,
              .states = masa_alloc(runs->n, sizeof *j.states),
              .items = masa_alloc((size_t)how->jobs, sizeof *j.items),
              .end = how->minutes > 0 ? masa_clock() + 60 * how->minutes : INFINITY,
              .err = err ? err : &unused};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++) st = observe(&j, i, err);
    if (st == MASA_OK) {
        char *folder = masa_strdup(runs->items[0].path);
        *strrchr(folder, '/') = '\0';
        st = masa_folder_create(folder, err);
        free(folder);
    }
    if (st == MASA_OK) {
        if (how->begin) how->begin(how->context, &configs[0]);
        go(&j);
        st = j.status;
        if (st == MASA_OK && stop_asked(how))
            st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped; the same command goes on");
        *finished = 0;
        for (size_t i = 0; i < runs->n; i++) *finished += j.states[i].finished;
    }
    free(j.states);
    free(j.items);
    return st;
}
