/* Chat templates: any bytes are parsed and rendered within limits, and twice alike. */
#include <masa/jinja.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static masa_jinja_value message(masa_jinja_data *d, const char *role, const char *content)
{
    masa_jinja_value m = masa_jinja_dict(d);
    masa_jinja_dict_set(d, m, "role", masa_jinja_string(d, role, strlen(role), false));
    masa_jinja_dict_set(d, m, "content", masa_jinja_string(d, content, strlen(content), true));
    return m;
}

static masa_status render(masa_jinja_output *out, const masa_jinja *t)
{
    const masa_jinja_limits limits = {20000, 1 << 20, 200};
    masa_jinja_data *d = masa_jinja_data_create(&limits);
    masa_jinja_value messages = masa_jinja_list(d);
    masa_jinja_list_add(d, messages, message(d, "system", " a system \xc3\xa9\n"));
    masa_jinja_list_add(d, messages, message(d, "user", "<think>1</think> {{2}}"));
    masa_jinja_list_add(d, messages, message(d, "assistant", ""));
    masa_jinja_set(d, "messages", messages);
    masa_jinja_set(d, "i", masa_jinja_integer(3));
    masa_jinja_set(d, "x", masa_jinja_real(2.5));
    masa_jinja_set(d, "tools", masa_jinja_none());
    masa_jinja_set(d, "add_generation_prompt", masa_jinja_bool(true));
    masa_status st = masa_jinja_render(out, t, d, NULL);
    masa_jinja_data_destroy(d);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_jinja *t;
    masa_jinja_output first = {0}, second = {0};
    if (masa_jinja_parse(&t, (const char *)data, size, NULL) != MASA_OK) return 0;
    masa_status st = render(&first, t);
    if (render(&second, t) != st) abort();
    if (first.text.size != second.text.size || first.marks.size != first.text.size) abort();
    if (first.text.size && memcmp(first.text.data, second.text.data, first.text.size) != 0)
        abort();
    for (size_t i = 0; i < first.marks.size; i++)
        if (first.marks.data[i] & ~(MASA_JINJA_MARKED | MASA_JINJA_GENERATED)) abort();
    masa_jinja_output_deinit(&first);
    masa_jinja_output_deinit(&second);
    masa_jinja_destroy(t);
    return 0;
}
