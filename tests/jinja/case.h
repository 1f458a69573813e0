/* A case: a template, its data and what Jinja2 made of them (tools/make_jinja_golden.py).
 */
#ifndef TEST_JINJA_CASE_H
#define TEST_JINJA_CASE_H

#include <masa/jinja.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static masa_jinja_value from_json(masa_jinja_data *d, const json_t *j)
{
    masa_jinja_value v = masa_jinja_none();
    size_t i;
    const char *key;
    json_t *item;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        v = masa_jinja_dict(d);
        json_object_foreach((json_t *)j, key, item)
            masa_jinja_dict_set(d, v, key, from_json(d, item));
        break;
    case JSON_ARRAY:
        v = masa_jinja_list(d);
        json_array_foreach(j, i, item) masa_jinja_list_add(d, v, from_json(d, item));
        break;
    case JSON_STRING:
        return masa_jinja_string(d, json_string_value(j), json_string_length(j), false);
    case JSON_INTEGER: return masa_jinja_integer(json_integer_value(j));
    case JSON_REAL: return masa_jinja_real(json_real_value(j));
    case JSON_TRUE: return masa_jinja_bool(true);
    case JSON_FALSE: return masa_jinja_bool(false);
    case JSON_NULL: break;
    }
    return v;
}

typedef enum case_result {
    CASE_SAME,    /* the same text, or both fail */
    CASE_REFUSED, /* named as not supported */
    CASE_DIFFERENT,
} case_result;

/* Says why on standard error when the result is CASE_DIFFERENT; the refusal goes to *err.
 */
static case_result run_case(const json_t *c, const json_t *context, masa_error *err)
{
    const json_t *source = json_object_get(c, "template"), *text = json_object_get(c, "text");
    masa_jinja *t = NULL;
    masa_jinja_data *d = masa_jinja_data_create(NULL);
    masa_jinja_output out = {0};
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)context, key, item)
        masa_jinja_set(d, key, from_json(d, item));
    *err = (masa_error){0};
    masa_status st =
        masa_jinja_parse(&t, json_string_value(source), json_string_length(source), err);
    if (st == MASA_OK) st = masa_jinja_render(&out, t, d, err);
    case_result result = CASE_SAME;
    if (st == MASA_ERR_UNSUPPORTED) result = CASE_REFUSED;
    else if ((st == MASA_OK) != json_is_string(text)) result = CASE_DIFFERENT;
    else if (st == MASA_OK &&
             (out.text.size != json_string_length(text) ||
              memcmp(masa_text_get(&out.text), json_string_value(text), out.text.size) != 0))
        result = CASE_DIFFERENT;
    if (result == CASE_DIFFERENT) {
        const char *name = json_string_value(json_object_get(c, "name"));
        const char *why = json_string_value(json_object_get(c, "error"));
        fprintf(stderr, "---- %s%s\n---- Jinja: %s%s\n---- masa: %s%s\n", name ? name : "",
                name ? "" : json_string_value(source),
                json_is_string(text) ? json_string_value(text) : "fails: ", why ? why : "",
                st == MASA_OK ? masa_text_get(&out.text) : "fails: ",
                st == MASA_OK ? "" : err->message);
    }
    masa_jinja_output_deinit(&out);
    masa_jinja_data_destroy(d);
    masa_jinja_destroy(t);
    return result;
}

#endif
