/* The table of settings (masa/config_table.h) as data: what the parser, the printer
 * and the documentation loop over. */
#ifndef RUN_CONFIG_ENTRIES_H
#define RUN_CONFIG_ENTRIES_H

#include <masa/config.h>

typedef enum config_kind {
    CONFIG_INTEGER,
    CONFIG_NUMBER,
    CONFIG_SWITCH,
    CONFIG_TEXT,
    CONFIG_CHOICE,
    CONFIG_FORMER, /* what a setting was called before: read, never written */
} config_kind;

typedef struct config_entry {
    config_kind kind;
    const char *section, *key;
    size_t offset; /* in masa_config */
    /* The default as the table writes it; NULL for a CHOICE; of a FORMER today's name. */
    const char *fallback;
    int choice; /* the default of a CHOICE */
    double least, most;
    const char *least_text, *most_text, *unit, *help;
    const char *const *names; /* of a CHOICE, by value */
    int n_names;
} config_entry;

typedef struct config_section {
    const char *name, *help;
    const config_entry *entries;
    size_t n;
} config_section;

extern const config_section config_sections[];
extern const size_t config_n_sections;

/* The setting called "section.key", or NULL. */
const config_entry *config_find(const char *name, size_t n);
/* The setting whose name is nearest to a wrong one, with or without its section. */
const config_entry *config_nearest(const char *name);

/* The default in its YAML spelling. */
const char *config_default(const config_entry *entry);
/* Reads `value` into the setting's place; checks its bounds. */
masa_status config_store(masa_config *config, const config_entry *entry, const char *value,
                         masa_error *err);
/* Appends the setting's value in YAML. */
void config_print_value(const masa_config *config, const config_entry *entry, masa_text *out);

/* Presets (config_preset.c). */
typedef struct config_preset {
    const char *name, *help;
    const char *const *settings; /* "section.key=value", NULL at the end */
} config_preset;
extern const config_preset config_presets[];
extern const size_t config_n_presets;
const config_preset *config_preset_find(const char *name);
/* Sets algorithm.name and resets its section to that family's settings. */
masa_status config_set_family(masa_config *config, const char *name, masa_error *err);

/* The keys and values of a YAML text, in its spelling (config_yaml.c). */
typedef struct config_raw config_raw;
masa_status config_raw_parse(config_raw **out, const char *yaml, size_t size, const char *path,
                             masa_error *err);
void config_raw_free(config_raw *raw);
/* NULL: not given. s and k count sections and keys of config_sections. */
const char *config_raw_get(const config_raw *raw, size_t s, size_t k);
/* Line (1-based) where `key` of `section` stands (key NULL: the section); 0: not found. */
size_t config_line_of(const char *yaml, size_t size, const char *section, const char *key);

#endif
