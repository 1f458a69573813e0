/* YAML through libcyaml. The schema knows sections and keys and takes every value as
 * text, so that a file's values and those of --set go through one reader
 * (config_value.c: libcyaml's own would take "flase" for true and 010 for 8). */
#include "config_entries.h"

#include <masa/memory.h>
#include <masa/yaml.h>

#include <cyaml/cyaml.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same shape as masa_config with a string, or NULL, in every place. */
#define TEXT_MEMBER(section, key, ...) char *key;
#define S(name, NAME, help)                                                                    \
    struct raw_##name {                                                                        \
        MASA_CONFIG_##NAME(TEXT_MEMBER, TEXT_MEMBER, TEXT_MEMBER, TEXT_MEMBER, TEXT_MEMBER,    \
                           TEXT_MEMBER)                                                        \
    };
MASA_CONFIG_SECTIONS(S)
#undef S
#define S(name, NAME, help) struct raw_##name *name;
struct config_raw {
    MASA_CONFIG_SECTIONS(S)
};
#undef S

#define TEXT_FIELD(section, key, ...)                                                          \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                     \
                           struct raw_##section, key, 0, CYAML_UNLIMITED),
#define S(name, NAME, help)                                                                    \
    static const cyaml_schema_field_t fields_##name[] = {                                      \
        MASA_CONFIG_##NAME(TEXT_FIELD, TEXT_FIELD, TEXT_FIELD, TEXT_FIELD, TEXT_FIELD,         \
                           TEXT_FIELD) CYAML_FIELD_END};
MASA_CONFIG_SECTIONS(S)
#undef S
static const cyaml_schema_field_t fields[] = {
#define S(name, NAME, help)                                                                    \
    CYAML_FIELD_MAPPING_PTR(#name, CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL,          \
                            config_raw, name, fields_##name),
    MASA_CONFIG_SECTIONS(S)
#undef S
        CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, config_raw, fields)};

/* What libcyaml's messages tell: the cause, then from the inside out where it was. */
typedef struct cause {
    char message[160];
    char fields[2][64]; /* the key, its section (or the section alone) */
    size_t n_fields;
    size_t line; /* of the last good event before the error */
} cause;

static void listen(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    (void)level;
    cause *c = context;
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    char field[64];
    size_t number;
    bool in_field = sscanf(line, " in mapping field '%63[^']' (line: %zu", field, &number) == 2;
    if (in_field && c->n_fields < 2) memcpy(c->fields[c->n_fields++], field, sizeof field);
    if (in_field || sscanf(line, " in mapping (line: %zu", &number) == 1) {
        if (!c->line) c->line = number;
    } else if (!c->message[0] && !strstr(line, "Backtrace")) {
        const char *text = masa_starts_with(line, "Load: ") ? line + 6 : line;
        snprintf(c->message, sizeof c->message, "%.150s", text);
    }
}

static const cyaml_config_t *reader(cyaml_config_t *out, cause *c)
{
    *out = (cyaml_config_t){.log_fn = listen,
                            .log_ctx = c,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_DEFAULT};
    return out;
}

/* Whether the word at p[0..n), maybe quoted, is `key` followed by a colon. */
static bool is_key(const char *p, size_t n, const char *key)
{
    size_t quoted = n > 0 && (*p == '"' || *p == '\''), length = strlen(key);
    if (n < length + 2 * quoted + 1 || memcmp(p + quoted, key, length) != 0) return false;
    p += length + 2 * quoted, n -= length + 2 * quoted;
    while (n > 0 && (*p == ' ' || *p == '\t')) p++, n--;
    return n > 0 && *p == ':';
}

size_t config_line_of(const char *yaml, size_t size, const char *section, const char *key)
{
    bool inside = false;
    size_t line = 0, found = 0;
    for (size_t start = 0; start < size && !found;) {
        const char *end = memchr(yaml + start, '\n', size - start);
        size_t stop = end ? (size_t)(end - yaml) : size, at = start;
        line++;
        while (at < stop && (yaml[at] == ' ' || yaml[at] == '{' || yaml[at] == ',')) at++;
        if (at == start && at < stop && yaml[at] != '#') {
            inside = is_key(yaml + at, stop - at, section);
            if (inside && !key) found = line;
        } else if (inside && key && is_key(yaml + at, stop - at, key)) {
            found = line;
        }
        start = stop + 1;
    }
    return found;
}

static masa_status fail_key(const cause *c, const char *key, const char *yaml, size_t size,
                            const char *path, masa_error *err)
{
    const char *section = c->n_fields ? c->fields[0] : NULL;
    char name[160];
    snprintf(name, sizeof name, "%s%s%.80s", section ? section : "", section ? "." : "", key);
    masa_status st;
    if (section) {
        const config_entry *near = config_nearest(name);
        st = MASA_FAIL(err, MASA_ERR_CONFIG, "no setting %s; did you mean %s.%s?", name,
                       near->section, near->key);
    } else {
        masa_text list = {0};
        for (size_t s = 0; s < config_n_sections; s++)
            masa_text_addf(&list, "%s%s", s ? ", " : "", config_sections[s].name);
        const config_entry *near = config_nearest(name);
        bool exact = strcmp(near->key, key) == 0;
        st = MASA_FAIL(err, MASA_ERR_CONFIG, "no section %s; %s%s%s%ssections are %s", name,
                       exact ? "did you mean " : "", exact ? near->section : "",
                       exact ? "." : "", exact ? near->key : "", masa_text_get(&list));
        if (exact)
            st = MASA_FAIL(err, MASA_ERR_CONFIG,
                           "no section %s; did you mean %s inside the section %s?", name,
                           near->key, near->section);
        masa_text_deinit(&list);
    }
    size_t line = section ? config_line_of(yaml, size, section, key)
                          : config_line_of(yaml, size, key, NULL);
    masa_error_at(err, path, line ? line : c->line);
    return st;
}

static masa_status fail_yaml(const cause *c, cyaml_err_t error, const char *yaml, size_t size,
                             const char *path, masa_error *err)
{
    static const char unexpected[] = "Unexpected key: ", parser[] = "libyaml: ";
    if (masa_starts_with(c->message, unexpected))
        return fail_key(c, c->message + strlen(unexpected), yaml, size, path, err);
    /* Before a mapping's first key libcyaml names a key all the same: the schema's first.
     * Only where it speaks of a value does the key belong to it. */
    const char *where = c->n_fields && c->message[0] ? c->fields[0] : NULL;
    masa_status st;
    if (masa_yaml_out_of_memory(c->message))
        st = MASA_FAIL(err, MASA_ERR_MEMORY, "out of memory");
    else if (masa_starts_with(c->message, parser))
        st = MASA_FAIL(err, MASA_ERR_CONFIG, "not YAML: %s", c->message + strlen(parser));
    else
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s%s%s; expected sections of `key: value` lines, each key once",
                       where ? where : "", where ? ": " : "",
                       c->message[0] ? c->message : cyaml_strerror(error));
    masa_error_at(err, path, c->line);
    return st;
}

masa_status config_raw_parse(config_raw **out, const char *yaml, size_t size, const char *path,
                             masa_error *err)
{
    cause c = {0};
    cyaml_config_t config;
    cyaml_data_t *data = NULL;
    /* libcyaml refuses an empty buffer, where a file of comments alone is fine. */
    if (size == 0) yaml = "\n", size = 1;
    cyaml_err_t error =
        cyaml_load_data((const uint8_t *)yaml, size, reader(&config, &c), &schema, &data, NULL);
    if (error != CYAML_OK) return fail_yaml(&c, error, yaml, size, path, err);
    *out = data;
    return MASA_OK;
}

void config_raw_free(config_raw *raw)
{
    cause c = {0};
    cyaml_config_t config;
    if (raw) cyaml_free(reader(&config, &c), &schema, raw, 0);
}

const char *config_raw_get(const config_raw *raw, size_t s, size_t k)
{
    static const size_t offsets[] = {
#define S(name, NAME, help) offsetof(config_raw, name),
        MASA_CONFIG_SECTIONS(S)
#undef S
    };
    if (!raw) return NULL;
    /* A raw section is a struct of string pointers alone, in the table's order. */
    char *const *section = *(char *const *const *)((const char *)raw + offsets[s]);
    return section ? section[k] : NULL;
}
