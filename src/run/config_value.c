/* One setting's value: reading it from text, and writing it as YAML. */
#include "config_entries.h"

#include <masa/memory.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *config_default(const config_entry *entry)
{
    return entry->kind == CONFIG_CHOICE ? entry->names[entry->choice] : entry->fallback;
}

static masa_status fail_range(const config_entry *entry, const char *value, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_CONFIG, "%s.%s must be %s from %s to %s (got \"%.60s\")",
                     entry->section, entry->key,
                     entry->kind == CONFIG_INTEGER ? "a whole number" : "a number",
                     entry->least_text, entry->most_text, value);
}

static masa_status fail_names(const config_entry *entry, const char *value, masa_error *err)
{
    masa_text list = {0};
    for (int i = 0; i < entry->n_names; i++)
        masa_text_addf(&list, "%s%s", i ? ", " : "", entry->names[i]);
    masa_status st = MASA_FAIL(err, MASA_ERR_CONFIG, "%s.%s must be one of %s (got \"%.60s\")",
                               entry->section, entry->key, masa_text_get(&list), value);
    masa_text_deinit(&list);
    return st;
}

static bool read_switch(const char *value, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
                                                                           "off"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(value, yes[i]) == 0) return *out = true, true;
        if (strcmp(value, no[i]) == 0) return *out = false, true;
    }
    return false;
}

masa_status config_store(masa_config *config, const config_entry *entry, const char *value,
                         masa_error *err)
{
    void *place = (char *)config + entry->offset;
    char *end = NULL;
    errno = 0;
    switch (entry->kind) {
    case CONFIG_INTEGER: {
        long n = strtol(value, &end, 10);
        if (errno || end == value || *end || (double)n < entry->least ||
            (double)n > entry->most)
            return fail_range(entry, value, err);
        *(long *)place = n;
        break;
    }
    case CONFIG_NUMBER: {
        double x = strtod(value, &end);
        /* the comparison is false for NaN; underflow to 0 is not an error */
        if (end == value || *end || !(x >= entry->least && x <= entry->most))
            return fail_range(entry, value, err);
        *(double *)place = x;
        break;
    }
    case CONFIG_SWITCH:
        if (!read_switch(value, place))
            return MASA_FAIL(err, MASA_ERR_CONFIG,
                             "%s.%s must be true or false (got \"%.60s\")", entry->section,
                             entry->key, value);
        break;
    case CONFIG_TEXT: {
        char *copy = masa_strdup(value);
        free(*(char **)place);
        *(char **)place = copy;
        break;
    }
    case CONFIG_FORMER: break;
    case CONFIG_CHOICE:
        for (int i = 0; i < entry->n_names; i++)
            if (strcmp(value, entry->names[i]) == 0) return *(int *)place = i, MASA_OK;
        return fail_names(entry, value, err);
    }
    return MASA_OK;
}

/* A double-quoted YAML string. Unlike JSON, YAML folds the Unicode line ends and its
 * reader refuses control characters and byte order marks, so these are escaped too. */
static void print_string(const char *s, masa_text *out)
{
    size_t n = strlen(s);
    masa_text_add(out, "\"");
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t length = masa_utf8_decode(s + i, n - i, &code);
        if (length == 0) masa_text_add(out, "\xEF\xBF\xBD");
        else if (code == '"' || code == '\\') masa_text_addf(out, "\\%c", (char)code);
        else if (code == '\n') masa_text_add(out, "\\n");
        else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 ||
                 code == 0x2029 || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF)
            masa_text_addf(out, "\\u%04X", code);
        else masa_text_append(out, s + i, length);
        i += length ? length : 1;
    }
    masa_text_add(out, "\"");
}

/* The shortest spelling that reads back as the same number. */
static void print_number(double x, masa_text *out)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    masa_text_add(out, text);
}

void config_print_value(const masa_config *config, const config_entry *entry, masa_text *out)
{
    const void *place = (const char *)config + entry->offset;
    switch (entry->kind) {
    case CONFIG_INTEGER: masa_text_addf(out, "%ld", *(const long *)place); break;
    case CONFIG_NUMBER: print_number(*(const double *)place, out); break;
    case CONFIG_SWITCH: masa_text_add(out, *(const bool *)place ? "true" : "false"); break;
    case CONFIG_TEXT: print_string(*(char *const *)place, out); break;
    case CONFIG_FORMER: break;
    case CONFIG_CHOICE: masa_text_add(out, entry->names[*(const int *)place]); break;
    }
}
