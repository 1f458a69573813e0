#include "training.h"
#include "output.h"

#include <masa/cpu.h>
#include <masa/dist.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/text.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t cli_stop_asked, cli_status_asked;

static const char *ended_line; /* of a second signal */
static volatile sig_atomic_t heeds_stops;
static volatile sig_atomic_t asked_by_hand;
static struct timespec asked_at; /* by hand */

static void say(const char *line)
{
    (void)!write(STDERR_FILENO, line, strlen(line));
}

/* `timeout` and others send a signal to the process and then to its group: that is one. */
static bool is_the_same(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - asked_at.tv_sec) +
                   1e-9 * (double)(now.tv_nsec - asked_at.tv_nsec);
    return since < 0.5;
}

static void end_by(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

/* A second ^C or SIGTERM means it. Of the others many may come while the run is saved: each line
 * of progress that nobody reads is a SIGPIPE. */
static void on_stop(int number)
{
    int before = errno;
    bool by_hand = number == SIGINT || number == SIGTERM;
    if (by_hand && !heeds_stops) {
        end_by(number);
    } else if (by_hand && asked_by_hand && !is_the_same()) {
        say(ended_line);
        end_by(number);
    } else if (by_hand && !asked_by_hand) {
        clock_gettime(CLOCK_MONOTONIC, &asked_at);
        asked_by_hand = 1;
        if (number == SIGINT && isatty(STDERR_FILENO))
            say("\nmasa: stopping; another ^C ends at once, with nothing more saved\n");
    }
    cli_stop_asked = 1;
    errno = before;
}

static void on_status(int number)
{
    (void)number;
    cli_status_asked = 1;
}

void cli_catch_signals(const char *line)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR2};
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, before;
    struct sigaction status = {.sa_handler = on_status, .sa_flags = SA_RESTART};
    ended_line = line;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        /* What nohup and its like have set to be ignored stays so; a shell does that to ^C of
         * a program in the background, which `kill -INT` is still to reach. */
        if (stops[i] == SIGINT ||
            (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(stops[i], &stop, NULL);
    sigaction(SIGUSR1, &status, NULL);
}

void cli_heed_stops(void)
{
    heeds_stops = 1;
}

void cli_pairs_make(cli_pairs *out, const cli_shortcut *shortcuts, size_t n_shortcuts,
                    const cli_list *set)
{
    *out = (cli_pairs){masa_alloc(n_shortcuts + set->n + 1, sizeof *out->items), 0};
    for (size_t i = 0; i < n_shortcuts; i++) {
        masa_text pair = {0};
        if (!shortcuts[i].value) continue;
        masa_text_addf(&pair, "%s=%s", shortcuts[i].key, shortcuts[i].value);
        out->items[out->n++] = masa_text_take(&pair);
    }
    for (size_t i = 0; i < set->n; i++) out->items[out->n++] = masa_strdup(set->items[i]);
}

void cli_pairs_deinit(cli_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) free(pairs->items[i]);
    free(pairs->items);
    *pairs = (cli_pairs){0};
}

masa_status cli_settings_load(masa_config *out, const cli_settings *settings, masa_error *err)
{
    cli_pairs pairs;
    cli_pairs_make(&pairs, settings->shortcuts, settings->n_shortcuts, settings->set);
    masa_status st = masa_config_load(out, settings->file, settings->preset,
                                      (const char *const *)pairs.items, pairs.n, err);
    cli_pairs_deinit(&pairs);
    if (st != MASA_OK) return st;
    st = masa_config_resolve(out, err);
    if (st != MASA_OK) masa_config_deinit(out);
    return st;
}

void cli_say_machine(const masa_config *config)
{
    int threads = config->train.threads ? (int)config->train.threads : masa_threads();
    masa_dist_place here = masa_dist_where();
    if (masa_dist_size() > 1)
        fprintf(stderr, "masa: %zu processes on %zu machine%s, ", masa_dist_size(),
                here.machines, here.machines > 1 ? "s" : "");
    else fprintf(stderr, "masa: ");
    fprintf(stderr, "%d threads%s, %s\n", threads, masa_dist_size() > 1 ? " each" : "",
            masa_isa_name(masa_isa_get()));
}

static void begin(void *context, const masa_config *first)
{
    (void)context;
    cli_say_machine(first);
}

static void tell(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "masa: %s\n", line);
}

masa_experiment_options cli_experiment_options(bool quiet)
{
    cli_catch_signals(CLI_ENDED "; the same command goes on from the last checkpoints\n");
    cli_heed_stops();
    return (masa_experiment_options){.jobs = 1,
                                     .progress = quiet ? NULL : cli_output_progress(),
                                     .stop = &cli_stop_asked,
                                     .status = &cli_status_asked,
                                     .begin = quiet ? NULL : begin,
                                     .tell = quiet ? NULL : tell};
}

void cli_say_time_up(size_t finished, size_t n)
{
    if (finished < n)
        fprintf(stderr,
                "masa: time is up: %zu of %zu runs are done; the same command goes on\n",
                finished, n);
}
