#include "text_model.h"

#include <masa/device.h>
#include <masa/dist.h>
#include <masa/json_lines.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static masa_status parse_compute(masa_dtype *out, const char *name, masa_error *err)
{
    *out = masa_device_compute();
    if (strcmp(name, "f32") == 0) *out = MASA_F32;
    else if (strcmp(name, "bf16") == 0) *out = MASA_BF16;
    else if (strcmp(name, "auto") != 0)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--compute takes auto, f32 or bf16, not '%s'",
                         name);
    return MASA_OK;
}

masa_status text_model_open(text_model *m, masa_error *err)
{
    masa_model_options options = {0};
    if (!m->path)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--model PATH is needed: " CLI_MODEL_HELP);
    masa_status st = masa_device_start(m->device, masa_dist_where().number, err);
    if (st == MASA_OK) st = parse_compute(&options.compute, m->compute, err);
    if (st == MASA_OK) st = masa_model_find(&m->found, m->path, err);
    if (st == MASA_OK) st = masa_tokenizer_load(&m->tokenizer, m->found, err);
    if (st == MASA_OK && !m->raw)
        st = masa_chat_create(&m->chat, m->template, m->tokenizer, err);
    if (st == MASA_OK) st = masa_model_load(&m->model, m->found, &options, err);
    if (st != MASA_OK) text_model_close(m);
    return st;
}

void text_model_close(text_model *m)
{
    masa_model_destroy(m->model);
    masa_chat_destroy(m->chat);
    masa_tokenizer_destroy(m->tokenizer);
    free(m->found);
    m->found = NULL;
    m->model = NULL;
    m->chat = NULL;
    m->tokenizer = NULL;
}

masa_status text_model_prompt(masa_tokens *out, const text_model *m, const char *prompt,
                              size_t size, masa_error *err)
{
    if (m->raw) {
        masa_tokenizer_encode(m->tokenizer, prompt, size, true, out);
        return MASA_OK;
    }
    return masa_chat_encode_turn(out, m->chat, m->system, prompt, err);
}

static masa_status messages_prompt(masa_tokens *out, const text_model *m, const json_t *list,
                                   masa_error *err)
{
    size_t n = 0, i;
    const json_t *item;
    if (m->raw)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "\"messages\" need a chat template; leave --raw out");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return MASA_FAIL(err, MASA_ERR_DATA, "\"messages\" must be a list of messages");
    masa_message *messages = masa_alloc(json_array_size(list) + 1, sizeof *messages);
    const char *first = json_string_value(json_object_get(json_array_get(list, 0), "role"));
    if (m->system && first && strcmp(first, "system") != 0)
        messages[n++] = (masa_message){"system", m->system};
    masa_status st = MASA_OK;
    json_array_foreach(list, i, item)
    {
        messages[n].role = json_string_value(json_object_get(item, "role"));
        messages[n].content = json_string_value(json_object_get(item, "content"));
        if (!messages[n].role || !messages[n].content)
            st = MASA_FAIL(err, MASA_ERR_DATA,
                           "messages[%zu] needs the strings \"role\" and \"content\"", i);
        n++;
    }
    if (st == MASA_OK) st = masa_chat_encode(out, m->chat, messages, n, true, err);
    free(messages);
    return st;
}

masa_status text_model_json_ids(masa_tokens *out, const text_model *m, const json_t *list,
                                const char *name, masa_error *err)
{
    size_t i, vocab = masa_model_get_config(m->model)->vocab_size;
    const json_t *item;
    if (!json_is_array(list))
        return MASA_FAIL(err, MASA_ERR_DATA, "\"%s\" must be a list of token ids", name);
    json_array_foreach(list, i, item)
    {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || (size_t)id >= vocab)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "%s[%zu] is no token id; they go from 0 to %zu", name, i,
                             vocab - 1);
        MASA_PUSH(out->ids, out->n, out->capacity, (int32_t)id);
    }
    return MASA_OK;
}

masa_status text_model_json_prompt(masa_tokens *out, const text_model *m, const json_t *line,
                                   masa_error *err)
{
    const json_t *ids = json_object_get(line, "prompt_tokens"),
                 *messages = json_object_get(line, "messages"),
                 *prompt = json_object_get(line, "prompt");
    if (ids) return text_model_json_ids(out, m, ids, "prompt_tokens", err);
    if (messages) return messages_prompt(out, m, messages, err);
    if (json_is_string(prompt))
        return text_model_prompt(out, m, json_string_value(prompt), json_string_length(prompt),
                                 err);
    return MASA_FAIL(err, MASA_ERR_DATA,
                     "the line needs a string \"prompt\" or a list \"messages\"");
}

static masa_status add_line(void *context, json_t *line, size_t number, bool *enough,
                            masa_error *err)
{
    json_lines *out = context;
    (void)enough, (void)err;
    MASA_PUSH(out->numbers, out->n, out->numbers_capacity, number);
    out->n--;
    MASA_PUSH(out->items, out->n, out->capacity, json_incref(line));
    return MASA_OK;
}

masa_status json_lines_read(json_lines *out, const char *path, masa_error *err)
{
    json_lines lines = {0};
    masa_status st = masa_json_lines_read(path, add_line, &lines, err);
    if (st == MASA_OK) *out = lines;
    else json_lines_deinit(&lines);
    return st;
}

void json_lines_deinit(json_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) json_decref(lines->items[i]);
    free(lines->items);
    free(lines->numbers);
    *lines = (json_lines){0};
}

json_t *json_ids(const int32_t *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_integer(ids[i]));
    return list;
}

json_t *json_floats(const float *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              isfinite(values[i]) ? json_real((double)values[i]) : json_null());
    return list;
}

void json_print_line(const json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
}
