#include "training.h"

#include <masa/cpu.h>
#include <masa/dist.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>

volatile sig_atomic_t cli_stop_asked, cli_status_asked;

/* A second ^C means it. Of the others many may come while the run is saved: each line of
 * progress that nobody reads is a SIGPIPE. */
static void on_stop(int number)
{
    if (cli_stop_asked && (number == SIGINT || number == SIGTERM)) {
        signal(number, SIG_DFL);
        raise(number);
    }
    cli_stop_asked = 1;
}

static void on_status(int number)
{
    (void)number;
    cli_status_asked = 1;
}

void cli_catch_signals(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR2};
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, before;
    struct sigaction status = {.sa_handler = on_status, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        /* What nohup and its like have set to be ignored stays so; a shell does that to ^C of
         * a program in the background, which `kill -INT` is still to reach. */
        if (stops[i] == SIGINT ||
            (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(stops[i], &stop, NULL);
    sigaction(SIGUSR1, &status, NULL);
}

/* The run's settings name the checkpoint that it begins with, whatever comes after it. */
static masa_status find_model(masa_config *config, masa_error *err)
{
    char *found = NULL;
    if (!config->model.path[0]) return MASA_OK;
    masa_status st = masa_model_find(&found, config->model.path, err);
    if (st == MASA_OK) st = masa_config_set(config, "model.path", found, err);
    free(found);
    return st;
}

masa_status cli_settings_load(masa_config *out, const cli_settings *settings, masa_error *err)
{
    const cli_list *set = settings->set;
    size_t most = settings->n_shortcuts + set->n, n = 0, made = 0;
    const char **all = masa_alloc(most + 1, sizeof *all);
    char **owned = masa_alloc(settings->n_shortcuts + 1, sizeof *owned);
    for (size_t i = 0; i < settings->n_shortcuts; i++) {
        const cli_shortcut *s = &settings->shortcuts[i];
        masa_text pair = {0};
        if (!s->value) continue;
        masa_text_addf(&pair, "%s=%s", s->key, s->value);
        all[n++] = owned[made++] = masa_text_take(&pair);
    }
    for (size_t i = 0; i < set->n; i++) all[n++] = set->items[i];
    masa_status st = masa_config_load(out, settings->file, settings->preset, all, n, err);
    if (st == MASA_OK) {
        st = masa_config_make_absolute(out, err);
        if (st == MASA_OK) st = find_model(out, err);
        if (st != MASA_OK) masa_config_deinit(out);
    }
    for (size_t i = 0; i < made; i++) free(owned[i]);
    free(owned);
    free(all);
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
