/* What two configurations do not agree on. */
#include "config_entries.h"

#include <string.h>

size_t masa_config_difference(const masa_config *a, const masa_config *b, masa_text *out)
{
    size_t n = 0;
    masa_text x = {0}, y = {0};
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *entry = &config_sections[s].entries[k];
            masa_text_clear(&x);
            masa_text_clear(&y);
            config_print_value(a, entry, &x);
            config_print_value(b, entry, &y);
            if (strcmp(masa_text_get(&x), masa_text_get(&y)) == 0) continue;
            masa_text_addf(out, "%s%s.%s (%s, %s)", n ? ", " : "", entry->section, entry->key,
                           masa_text_get(&x), masa_text_get(&y));
            n++;
        }
    masa_text_deinit(&x);
    masa_text_deinit(&y);
    return n;
}

void masa_config_changes_json(const masa_config *config, masa_text *out)
{
    masa_config defaults;
    masa_text x = {0}, y = {0};
    size_t n = 0;
    if (masa_config_load(&defaults, NULL, NULL, NULL, 0, NULL) != MASA_OK) return;
    masa_text_add(out, "{");
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *entry = &config_sections[s].entries[k];
            masa_text_clear(&x);
            masa_text_clear(&y);
            config_print_value(config, entry, &x);
            config_print_value(&defaults, entry, &y);
            if (strcmp(masa_text_get(&x), masa_text_get(&y)) == 0) continue;
            const char *value = masa_text_get(&x);
            if (entry->kind == CONFIG_TEXT)
                value = *(char *const *)((const char *)config + entry->offset);
            masa_text_addf(out, "%s\"%s.%s\":", n++ ? "," : "", entry->section, entry->key);
            masa_text_add_json(out, value, strlen(value));
        }
    masa_text_add(out, "}");
    masa_text_deinit(&x);
    masa_text_deinit(&y);
    masa_config_deinit(&defaults);
}
