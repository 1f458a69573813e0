/**
 * The configuration of a run: one struct, read from YAML, presets and
 * "section.key=value" overrides, checked wholly before anything is loaded.
 *
 *     masa_config config;
 *     st = masa_config_load(&config, "run.yaml", "dapo", overrides, n, err);
 *     ... config.rollout.group_size ...
 *     masa_config_deinit(&config);
 *
 * Every setting is in config_table.h; docs/configuration.md is made from it.
 */
#ifndef MASA_CONFIG_H
#define MASA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/config_table.h>
#include <masa/error.h>
#include <masa/text.h>

#define V(KIND, CONSTANT, text) MASA_CONFIG_##KIND##_##CONSTANT,
#define K(KIND)                 enum { MASA_CONFIG_VALUES_##KIND(V) MASA_CONFIG_##KIND##_COUNT };
MASA_CONFIG_KINDS(K)
#undef K
#undef V

/* INTEGER long, NUMBER double, SWITCH bool, TEXT an owned string (never NULL),
 * CHOICE an int that is one of MASA_CONFIG_<KIND>_*. */
#define MASA_CONFIG_INTEGER(section, key, value, least, most, unit, help) long key;
#define MASA_CONFIG_NUMBER(section, key, value, least, most, unit, help)  double key;
#define MASA_CONFIG_SWITCH(section, key, value, help)                     bool key;
#define MASA_CONFIG_TEXT(section, key, value, help)                       char *key;
#define MASA_CONFIG_CHOICE(section, key, KIND, value, help)               int key;
#define MASA_CONFIG_FORMER(section, key, now)
#define S(name, NAME, help)                                                                    \
    struct {                                                                                   \
        MASA_CONFIG_##NAME(MASA_CONFIG_INTEGER, MASA_CONFIG_NUMBER, MASA_CONFIG_SWITCH,        \
                           MASA_CONFIG_TEXT, MASA_CONFIG_CHOICE, MASA_CONFIG_FORMER)           \
    } name;
typedef struct masa_config {
    MASA_CONFIG_SECTIONS(S)
} masa_config;
#undef S
#undef MASA_CONFIG_INTEGER
#undef MASA_CONFIG_NUMBER
#undef MASA_CONFIG_SWITCH
#undef MASA_CONFIG_TEXT
#undef MASA_CONFIG_CHOICE

/**
 * Fills *out from, in this order, later ones winning: the defaults; the preset
 * (NULL: none); the YAML file (NULL: none); overrides[0..n) such as
 * "rollout.group_size=16". Wherever algorithm.name is given, that family's
 * settings come before the other keys of the same source.
 *
 * Errors: MASA_ERR_CONFIG with path and line for the file; an unknown key names
 * the nearest one. On success masa_config_deinit frees the strings; on failure
 * nothing is left.
 */
masa_status masa_config_load(masa_config *out, const char *path, const char *preset,
                             const char *const *overrides, size_t n, masa_error *err);
/** The same from YAML text in memory (NULL: none); `path` appears in errors. */
masa_status masa_config_parse(masa_config *out, const char *yaml, size_t size, const char *path,
                              const char *preset, const char *const *overrides, size_t n,
                              masa_error *err);
void masa_config_deinit(masa_config *config);

/** Sets one key ("rollout.top_p") of a loaded configuration; bounds of the key are
 *  checked, masa_config_check is the caller's. "algorithm.name" also resets the other
 *  keys of its section to that family's. */
masa_status masa_config_set(masa_config *config, const char *key, const char *value,
                            masa_error *err);
/** Puts the working folder before paths that are relative to it, so that a run goes on from
 *  any other. */
masa_status masa_config_make_absolute(masa_config *config, masa_error *err);
/** The same, and model.path becomes the file or folder that it means (masa_model_find): what a run
 *  is made with, whatever comes after it. */
masa_status masa_config_resolve(masa_config *config, masa_error *err);
/** Takes the working folder off paths below it: what is published is to tell nothing of a
 *  machine. */
masa_status masa_config_make_relative(masa_config *config, masa_error *err);
/** What no single key's bounds can say: combinations. Part of loading. */
masa_status masa_config_check(const masa_config *config, masa_error *err);
/** MASA_ERR_CONFIG when the TEXT key ("model.path") is empty, saying how to give it. */
masa_status masa_config_require(const masa_config *config, const char *key, masa_error *err);

/** Appends the whole configuration as YAML; with comments, each key's help. */
void masa_config_print(const masa_config *config, bool comments, masa_text *out);
/** Writes it to a file, complete or not at all. Loading it gives an equal struct. */
masa_status masa_config_write(const masa_config *config, const char *path, masa_error *err);

/** Appends the settings that differ, as "train.seed (1, 2), ..." with the values of a and
 *  b; returns how many they are. */
size_t masa_config_difference(const masa_config *a, const masa_config *b, masa_text *out);

/** Appends a JSON object of the settings that are not the defaults: key to value, texts as
 *  they are, all else in its YAML spelling. */
void masa_config_changes_json(const masa_config *config, masa_text *out);

/** Appends docs/configuration.md. */
void masa_config_markdown(masa_text *out);

/** Preset number i: its name, *help (may be NULL) its line of help; NULL beyond the last. */
const char *masa_config_preset(size_t i, const char **help);

#endif
