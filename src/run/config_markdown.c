/* docs/configuration.md from the table that parses the configuration. */
#include "config_entries.h"

#include <string.h>

static const char opening[] =
    "# Configuration\n\n"
    "<!-- Made by `masa config --markdown`; a test compares them. Change\n"
    "     src/run/include/masa/config_table.h and write this file anew. -->\n\n"
    "A run is described by one YAML file of sections and keys. Everything has a default,\n"
    "so a file holds only what differs:\n\n"
    "```yaml\n"
    "model:\n"
    "  path: SmolLM2-135M-Instruct.gguf\n"
    "data:\n"
    "  train: train.jsonl\n"
    "  test: test.jsonl\n"
    "rollout:\n"
    "  group_size: 8\n"
    "```\n\n"
    "Values come from, later ones winning: the defaults below, `--preset NAME`, the file,\n"
    "and `--set section.key=value` (as often as wanted). The key `algorithm.name` sets the\n"
    "other keys of its section to that family's values first, wherever it stands. The\n"
    "result is checked as a whole before anything is loaded, an unknown key is an error,\n"
    "and the run's folder keeps the resolved file. `masa config --preset NAME` prints all\n"
    "of it.\n";

static void add_range(const config_entry *entry, masa_text *out)
{
    switch (entry->kind) {
    case CONFIG_INTEGER:
    case CONFIG_NUMBER:
        masa_text_addf(out, "%s from %s to %s%s%s",
                       entry->kind == CONFIG_INTEGER ? "whole number" : "number",
                       entry->least_text, entry->most_text, *entry->unit ? ", " : "",
                       entry->unit);
        break;
    case CONFIG_SWITCH: masa_text_add(out, "true or false"); break;
    case CONFIG_TEXT: masa_text_add(out, "text"); break;
    case CONFIG_FORMER: break;
    case CONFIG_CHOICE:
        for (int i = 0; i < entry->n_names; i++)
            masa_text_addf(out, "%s`%s`", i ? ", " : "", entry->names[i]);
        break;
    }
}

/* A pipe would end the cell of a table. */
static void add_cell(const char *text, masa_text *out)
{
    for (; *text; text++) masa_text_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_section(const config_section *section, masa_text *out)
{
    masa_text_addf(out, "\n## %s\n\n%c%s.\n\n", section->name, section->help[0] - 'a' + 'A',
                   section->help + 1);
    masa_text_add(out, "| key | default | values | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t k = 0; k < section->n; k++) {
        const config_entry *entry = &section->entries[k];
        if (entry->kind == CONFIG_FORMER) continue;
        const char *value = config_default(entry);
        masa_text_addf(out, "| `%s` | ", entry->key);
        if (*value) {
            masa_text_add(out, "`");
            add_cell(value, out);
            masa_text_add(out, "`");
        }
        masa_text_add(out, " | ");
        add_range(entry, out);
        masa_text_add(out, " | ");
        add_cell(entry->help, out);
        masa_text_add(out, " |\n");
    }
}

void masa_config_markdown(masa_text *out)
{
    masa_text_add(out, opening);
    for (size_t s = 0; s < config_n_sections; s++) add_section(&config_sections[s], out);
    masa_text_add(out,
                  "\n## Presets\n\n| preset | meaning | settings |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < config_n_presets; i++) {
        const config_preset *preset = &config_presets[i];
        masa_text_addf(out, "| `%s` | %s | ", preset->name, preset->help);
        for (const char *const *p = preset->settings; *p; p++)
            masa_text_addf(out, "%s`%s`", p == preset->settings ? "" : " ", *p);
        masa_text_add(out, " |\n");
    }
}
