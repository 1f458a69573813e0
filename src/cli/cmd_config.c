/* masa config: the settings of a run, resolved, or their documentation. */
#include "commands.h"
#include "options.h"

#include <masa/config.h>

#include <stdio.h>
#include <stdlib.h>

static char *presets_text(void)
{
    masa_text text = {0};
    const char *name, *help;
    masa_text_add(&text, "Presets:\n");
    for (size_t i = 0; (name = masa_config_preset(i, &help)); i++)
        masa_text_addf(&text, "  %-14s %s\n", name, help);
    masa_text_add(&text, "\ndocs/configuration.md explains every setting.");
    return masa_text_take(&text);
}

masa_status cli_config(int argc, char **argv, masa_error *err)
{
    bool markdown = false, plain = false, helped = false;
    const char *preset = NULL;
    cli_list set = {0};
    const cli_option options[] = {
        CLI_STRING("preset", 'p', &preset, "NAME", "start from a preset"),
        CLI_LIST("set", 's', &set, "KEY=VALUE", "set one key, as rollout.group_size=16"),
        CLI_FLAG("plain", 0, &plain, "without comments"),
        CLI_FLAG("markdown", 0, &markdown, "print docs/configuration.md"),
        CLI_END,
    };
    char *details = presets_text();
    const cli_usage usage = {"config",
                             "[FILE]",
                             "Prints the resolved configuration of a run as YAML: the "
                             "defaults,\na preset, a file and --set, checked.",
                             details,
                             0,
                             1};
    masa_text out = {0};
    masa_config config = {0};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped && markdown) {
        masa_config_markdown(&out);
    } else if (st == MASA_OK && !helped) {
        st = masa_config_load(&config, argc ? argv[0] : NULL, preset, set.items, set.n, err);
        if (st == MASA_OK) masa_config_print(&config, !plain, &out);
    }
    fputs(masa_text_get(&out), stdout);
    masa_config_deinit(&config);
    masa_text_deinit(&out);
    free(set.items);
    free(details);
    return st;
}
