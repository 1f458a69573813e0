/* Loading by the kind of path, and what can be asked of a tokenizer. */
#include "tokenizer_internal.h"

#include <masa/file.h>
#include <masa/gguf.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* A tokenizer.json by itself. */
static masa_status read_json_file(masa_tokenizer *t, const char *path, masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read_part(&text, path, err);
    if (st == MASA_OK) {
        t->json_size = text.size;
        t->json = masa_text_take(&text);
        st = tokenizer_read_json(t, t->json, t->json_size, err);
        if (st != MASA_OK) masa_error_at(err, path, err ? err->line : 0);
    }
    masa_text_deinit(&text);
    return st;
}

masa_status masa_tokenizer_load(masa_tokenizer **out, const char *model_path, masa_error *err)
{
    masa_tokenizer *t = tokenizer_create();
    masa_status st;
    if (masa_path_is_folder(model_path)) st = tokenizer_read_folder(t, model_path, err);
    else if (masa_ends_with(model_path, ".json")) st = read_json_file(t, model_path, err);
    else st = tokenizer_read_gguf(t, model_path, err);
    if (st == MASA_OK) {
        st = tokenizer_finish(t, err);
        if (st != MASA_OK) masa_error_at(err, model_path, 0);
    }
    if (st == MASA_OK) *out = t;
    else masa_tokenizer_destroy(t);
    return st;
}

void masa_tokenizer_destroy(masa_tokenizer *t)
{
    if (!t) return;
    masa_text_deinit(&t->strings);
    masa_text_deinit(&t->signature);
    free(t->tokens);
    free(t->by_text.slots);
    free(t->merges.slots);
    free(t->merge_list);
    free(t->added);
    free(t->raw.nodes);
    free(t->normalized.nodes);
    for (size_t i = 0; i < t->n_steps; i++) pcre2_code_free(t->steps[i].code);
    free(t->steps);
    free(t->chat_template);
    free(t->json);
    free(t->config_json);
    free(t->special_json);
    free(t->template_file);
    free(t);
}

size_t masa_tokenizer_vocab_size(const masa_tokenizer *t)
{
    return t->n;
}

bool masa_tokenizer_is_special(const masa_tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->n && t->tokens[id].flags & TOKEN_SPECIAL;
}

int32_t masa_tokenizer_bos(const masa_tokenizer *t)
{
    return t->bos;
}

int32_t masa_tokenizer_eos(const masa_tokenizer *t)
{
    return t->eos;
}

int32_t masa_tokenizer_find(const masa_tokenizer *t, const char *text)
{
    return tokenizer_lookup(t, text, strlen(text));
}

const char *masa_tokenizer_chat_template(const masa_tokenizer *t)
{
    return t->chat_template;
}
