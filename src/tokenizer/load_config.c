/* A Hugging Face folder: tokenizer.json and the small files beside it. */
#include "tokenizer_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The file's bytes, or NULL when there is none. */
static masa_status read_optional(char **out, size_t *size, const char *folder, const char *name,
                                 masa_error *err)
{
    char *path = masa_path_join(folder, name);
    masa_text text = {0};
    masa_status st = MASA_OK;
    if (masa_path_exists(path)) {
        st = masa_file_read_part(&text, path, err);
        if (size) *size = text.size;
        if (st == MASA_OK) *out = masa_text_take(&text);
    }
    masa_text_deinit(&text);
    free(path);
    return st;
}

static masa_status parse(json_t **out, const char *data, const char *folder, const char *name,
                         masa_error *err)
{
    json_error_t where;
    /* transformers writes model_max_length as an integer beyond 64 bits. */
    *out = json_loads(data, JSON_DECODE_INT_AS_REAL, &where);
    if (*out) return MASA_OK;
    char *path = masa_path_join(folder, name);
    masa_status st = MASA_FAIL(err, MASA_ERR_FORMAT, "not JSON: %s", where.text);
    masa_error_at(err, path, where.line > 0 ? (size_t)where.line : 0);
    free(path);
    return st;
}

/* "text" or {"content": "text"}: its id into *id, if it is a token. */
static void read_token(const masa_tokenizer *t, const json_t *root, const char *key,
                       int32_t *id)
{
    const json_t *value = json_object_get(root, key);
    if (json_is_object(value)) value = json_object_get(value, "content");
    if (!json_is_string(value)) return;
    int32_t found = tokenizer_lookup(t, json_string_value(value), json_string_length(value));
    if (found >= 0) *id = found;
}

/* A template, or the one called "default" of a list of named ones. */
static const char *find_template(const json_t *value)
{
    if (json_is_string(value)) return json_string_value(value);
    size_t i;
    const json_t *named;
    json_array_foreach(value, i, named)
    {
        const char *name = json_string_value(json_object_get(named, "name"));
        if (name && strcmp(name, "default") == 0)
            return json_string_value(json_object_get(named, "template"));
    }
    return NULL;
}

/* transformers adds the tokens listed here that tokenizer.json lacks. */
static masa_status read_added(masa_tokenizer *t, const json_t *root, masa_error *err)
{
    const char *key;
    json_t *token;
    json_object_foreach(json_object_get(root, "added_tokens_decoder"), key, token)
    {
        const json_t *text = json_object_get(token, "content");
        long long id = strtoll(key, NULL, 10);
        if (!json_is_string(text)) continue;
        int32_t has = tokenizer_lookup(t, json_string_value(text), json_string_length(text));
        if (has >= 0 && t->tokens[has].flags & TOKEN_ADDED) continue;
        tokenizer_added how = {.special = json_is_true(json_object_get(token, "special")),
                               .normalized = json_is_true(json_object_get(token, "normalized")),
                               .lstrip = json_is_true(json_object_get(token, "lstrip")),
                               .rstrip = json_is_true(json_object_get(token, "rstrip")),
                               .single_word =
                                   json_is_true(json_object_get(token, "single_word"))};
        masa_status st = tokenizer_add_added(t, id, json_string_value(text),
                                             json_string_length(text), how, err);
        if (st != MASA_OK) return st;
    }
    return MASA_OK;
}

static masa_status use_config(masa_tokenizer *t, const json_t *root, masa_error *err)
{
    read_token(t, root, "bos_token", &t->bos);
    read_token(t, root, "eos_token", &t->eos);
    read_token(t, root, "pad_token", &t->pad);
    const json_t *add_bos = json_object_get(root, "add_bos_token");
    if (json_is_boolean(add_bos)) t->add_bos = json_is_true(add_bos);
    const char *chat = find_template(json_object_get(root, "chat_template"));
    if (chat) t->chat_template = masa_strdup(chat);
    return read_added(t, root, err);
}

/* tokenizer_config.json and special_tokens_map.json; either may be missing. */
static masa_status read_configs(masa_tokenizer *t, const char *folder, masa_error *err)
{
    static const char map_name[] = "special_tokens_map.json",
                      config_name[] = "tokenizer_config.json";
    masa_status st = read_optional(&t->special_json, NULL, folder, map_name, err);
    if (st == MASA_OK) st = read_optional(&t->config_json, NULL, folder, config_name, err);
    if (st == MASA_OK)
        st = read_optional(&t->template_file, NULL, folder, "chat_template.jinja", err);
    json_t *map = NULL, *config = NULL;
    if (st == MASA_OK && t->special_json)
        st = parse(&map, t->special_json, folder, map_name, err);
    if (st == MASA_OK && t->config_json)
        st = parse(&config, t->config_json, folder, config_name, err);
    if (st == MASA_OK && map) {
        read_token(t, map, "bos_token", &t->bos);
        read_token(t, map, "eos_token", &t->eos);
        read_token(t, map, "pad_token", &t->pad);
    }
    if (st == MASA_OK && config) st = use_config(t, config, err);
    if (st == MASA_OK && t->template_file) {
        free(t->chat_template);
        t->chat_template = masa_strdup(t->template_file);
    }
    json_decref(map);
    json_decref(config);
    return st;
}

masa_status tokenizer_read_folder(masa_tokenizer *t, const char *folder, masa_error *err)
{
    masa_status st = read_optional(&t->json, &t->json_size, folder, "tokenizer.json", err);
    if (st != MASA_OK) return st;
    if (!t->json)
        return MASA_FAIL(err, MASA_ERR_IO,
                         "%s has no tokenizer.json; save the model's fast tokenizer there",
                         folder);
    st = tokenizer_read_json(t, t->json, t->json_size, err);
    if (st != MASA_OK) {
        char *path = masa_path_join(folder, "tokenizer.json");
        masa_error_at(err, path, err ? err->line : 0);
        free(path);
        return st;
    }
    return read_configs(t, folder, err);
}
