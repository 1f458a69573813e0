#include "training.h"

#include <masa/cpu.h>
#include <masa/memory.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>

volatile sig_atomic_t cli_stop_asked;

static void on_signal(int number)
{
    if (cli_stop_asked) {
        signal(number, SIG_DFL);
        raise(number);
    }
    cli_stop_asked = 1;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

masa_status cli_settings_load(masa_config *out, const cli_settings *settings,
                              masa_error *err)
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
    fprintf(stderr, "masa: %d threads, %s\n", threads, masa_isa_name(masa_isa_get()));
}
