#include <masa/yaml.h>

#include <masa/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libcyaml says of an error: its first line, and the place in a later one. */
typedef struct cause {
    char message[160];
    size_t line;
} cause;

static void listen(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    (void)level;
    cause *c = context;
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    const char *place = strstr(text, "(line: ");
    if (place && !c->line) c->line = strtoul(place + strlen("(line: "), NULL, 10);
    if (!c->message[0])
        snprintf(c->message, sizeof c->message, "%.150s",
                 masa_starts_with(text, "Load: ") ? text + strlen("Load: ") : text);
}

static const cyaml_config_t *reader(cyaml_config_t *out, cause *c)
{
    *out = (cyaml_config_t){
        .log_fn = listen, .log_ctx = c, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
    return out;
}

bool masa_yaml_out_of_memory(const char *message)
{
    return strcmp(message, "libyaml: (null)") == 0 ||
           strcmp(message, "libyaml parser init failed") == 0;
}

void masa_yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    cause c = {0};
    cyaml_config_t config;
    if (data) cyaml_free(reader(&config, &c), schema, data, 0);
}

masa_status masa_yaml_parse(void **out, const cyaml_schema_value_t *schema, const char *text,
                            size_t size, const char *path, const char *what, masa_error *err)
{
    cause c = {0};
    cyaml_config_t config;
    cyaml_data_t *data = NULL;
    if (size == 0) text = "\n", size = 1; /* libcyaml refuses an empty buffer */
    cyaml_err_t error =
        cyaml_load_data((const uint8_t *)text, size, reader(&config, &c), schema, &data, NULL);
    if (error == CYAML_OK && data) {
        *out = data;
        return MASA_OK;
    }
    const char *why = c.message[0] ? c.message : cyaml_strerror(error);
    if (masa_yaml_out_of_memory(why)) why = "out of memory";
    masa_status st = MASA_FAIL(err, MASA_ERR_CONFIG, "%s: %s", what, why);
    masa_error_at(err, path, c.line);
    return st;
}
