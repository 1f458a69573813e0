#include "hf_folder.h"

#include "hf_config.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef masa_status parser(masa_model_config *config, const char *json, size_t n,
                           masa_error *err);

static masa_status parse_file(const char *folder, const char *name, parser *parse,
                              masa_model_config *config, masa_error *err)
{
    char *path = masa_path_join(folder, name);
    masa_text text = {0};
    masa_status st = masa_file_read_part(&text, path, err);
    if (st == MASA_OK) {
        st = parse(config, masa_text_get(&text), text.size, err);
        if (st != MASA_OK) masa_error_at(err, path, err ? err->line : 0);
    }
    masa_text_deinit(&text);
    free(path);
    return st;
}

static masa_status open_shard(formats_hf_folder *f, const char *path, masa_error *err)
{
    f->shards = masa_realloc(f->shards, f->n_shards + 1, sizeof *f->shards);
    masa_safetensors **shard = &f->shards[f->n_shards];
    masa_status st = f->copy ? masa_safetensors_load(shard, path, err)
                             : masa_safetensors_open(shard, path, err);
    if (st == MASA_OK) f->n_shards++;
    return st;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Opens each file of the index once. Which tensor it holds is read from the file
 * itself; the index is believed only for the names of files. */
static masa_status open_indexed(formats_hf_folder *f, const char *folder, const json_t *map,
                                masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n = 0;
    const char **names = masa_alloc(json_object_size(map), sizeof *names);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        const char *name = json_string_value(value);
        if (!name || !*name || *name == '.' || strchr(name, '/')) {
            st = MASA_FAIL(err, MASA_ERR_FORMAT,
                           "weight_map: '%.80s' is not in a file of this folder", key);
            goto out;
        }
        names[n++] = name;
    }
    qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n && st == MASA_OK; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0) continue;
        char *path = masa_path_join(folder, names[i]);
        st = open_shard(f, path, err);
        free(path);
    }
out:
    free(names);
    return st;
}

static masa_status open_index(formats_hf_folder *f, const char *folder, const char *index_path,
                              masa_error *err)
{
    masa_text text = {0};
    json_t *root = NULL;
    masa_status st = masa_file_read_part(&text, index_path, err);
    if (st != MASA_OK) return st;
    json_error_t where;
    root = json_loadb(masa_text_get(&text), text.size, 0, &where);
    const json_t *map = json_object_get(root, "weight_map");
    if (!root) {
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "%.200s", where.text);
        masa_error_at(err, index_path, where.line < 0 ? 0 : (size_t)where.line);
    } else if (!json_is_object(map)) {
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "no 'weight_map' object");
        masa_error_at(err, index_path, 0);
    } else {
        st = open_indexed(f, folder, map, err);
        if (st != MASA_OK && err && !err->path[0] && err->code != MASA_ERR_IO)
            masa_error_at(err, index_path, 0);
    }
    json_decref(root);
    masa_text_deinit(&text);
    return st;
}

static masa_status open_weights(formats_hf_folder *f, const char *folder, masa_error *err)
{
    char *single = masa_path_join(folder, "model.safetensors");
    char *index = masa_path_join(folder, "model.safetensors.index.json");
    masa_status st;
    if (masa_path_exists(single)) st = open_shard(f, single, err);
    else if (masa_path_exists(index)) st = open_index(f, folder, index, err);
    else
        st = MASA_FAIL(err, MASA_ERR_FORMAT,
                       "no model.safetensors and no model.safetensors.index.json here; "
                       "other weight files are not read");
    free(single);
    free(index);
    return st;
}

masa_status formats_hf_folder_open(formats_hf_folder *folder, const char *path,
                                   masa_model_config *config, masa_error *err)
{
    masa_status st = parse_file(path, "config.json", formats_hf_config_parse, config, err);
    char *generation = masa_path_join(path, "generation_config.json");
    if (st == MASA_OK && masa_path_exists(generation))
        st = parse_file(path, "generation_config.json", formats_hf_generation_parse, config,
                        err);
    free(generation);
    if (st == MASA_OK) st = open_weights(folder, path, err);
    /* A folder whose head was left out ties it, whatever its config says. */
    if (st == MASA_OK && !formats_hf_folder_find(folder, "lm_head.weight"))
        config->tied_embeddings = true;
    return st;
}

void formats_hf_folder_close(formats_hf_folder *folder)
{
    for (size_t i = 0; i < folder->n_shards; i++) masa_safetensors_close(folder->shards[i]);
    free(folder->shards);
    *folder = (formats_hf_folder){0};
}

const masa_safetensors_tensor *formats_hf_folder_find(const formats_hf_folder *folder,
                                                      const char *name)
{
    const masa_safetensors_tensor *t = NULL;
    for (size_t i = 0; i < folder->n_shards && !t; i++)
        t = masa_safetensors_find(folder->shards[i], name);
    return t;
}

static bool is_known(const char *name, const masa_parameter *parameters, size_t n)
{
    if (strcmp(name, "lm_head.weight") == 0) return true;
    if (masa_ends_with(name, ".rotary_emb.inv_freq")) return true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, parameters[i].name) == 0) return true;
    return false;
}

masa_status formats_hf_folder_refuse_others(const formats_hf_folder *folder,
                                            const masa_parameter *parameters, size_t n,
                                            masa_error *err)
{
    size_t there = 0;
    for (size_t i = 0; i < folder->n_shards; i++)
        there += masa_safetensors_count(folder->shards[i]);
    if (there <= n) return MASA_OK;
    for (size_t i = 0; i < folder->n_shards; i++)
        for (size_t j = 0; j < masa_safetensors_count(folder->shards[i]); j++) {
            const char *name = masa_safetensors_get(folder->shards[i], j)->name;
            if (!is_known(name, parameters, n))
                return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                                 "tensor '%.80s' has no place in a model as supported", name);
        }
    return MASA_OK;
}
