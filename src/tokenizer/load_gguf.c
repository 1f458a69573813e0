/* The tokenizer inside a GGUF file: tokenizer.ggml.*. */
#include "tokenizer_internal.h"

#include <masa/gguf.h>
#include <masa/gguf_write.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static masa_status check_model(const masa_gguf *gguf, masa_error *err)
{
    masa_gguf_string model = {0};
    if (!masa_gguf_get_string(gguf, "tokenizer.ggml.model", &model))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "it has no tokenizer (tokenizer.ggml.model)");
    if (!masa_gguf_string_is(model, "gpt2"))
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "a tokenizer of type \"%.*s\" is not supported; masa reads byte-level "
                         "BPE (\"gpt2\")",
                         (int)(model.size < 60 ? model.size : 60), model.data);
    return MASA_OK;
}

static masa_status read_tokens(masa_tokenizer *t, const masa_gguf *gguf, masa_error *err)
{
    masa_gguf_array tokens, types = {0};
    if (!masa_gguf_get_array(gguf, "tokenizer.ggml.tokens", MASA_GGUF_STRING, &tokens))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "it has no tokenizer.ggml.tokens");
    bool typed = masa_gguf_get_array(gguf, "tokenizer.ggml.token_type", MASA_GGUF_I32, &types);
    if (typed && types.n != tokens.n)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "tokenizer.ggml.token_type has %zu items for %zu tokens", types.n,
                         tokens.n);
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < tokens.n; i++) {
        const char *s = tokens.strings[i].data;
        size_t n = tokens.strings[i].size;
        int64_t type = typed ? masa_gguf_array_integer(&types, i) : MASA_GGUF_TOKEN_NORMAL;
        tokenizer_added how = {.special = type == MASA_GGUF_TOKEN_CONTROL};
        if (type == MASA_GGUF_TOKEN_CONTROL || type == MASA_GGUF_TOKEN_USER_DEFINED)
            st = tokenizer_add_added(t, (int64_t)i, s, n, how, err);
        else if (type == MASA_GGUF_TOKEN_BYTE)
            st = MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "byte tokens are not supported");
        else if (type != MASA_GGUF_TOKEN_UNUSED) /* fill up to the size of the model */
            st = tokenizer_put(t, (int64_t)i, s, n, TOKEN_MODEL, err);
    }
    return st;
}

static masa_status read_merges(masa_tokenizer *t, const masa_gguf *gguf, masa_error *err)
{
    masa_gguf_array merges;
    if (!masa_gguf_get_array(gguf, "tokenizer.ggml.merges", MASA_GGUF_STRING, &merges))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "it has no tokenizer.ggml.merges");
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < merges.n; i++) {
        const char *s = merges.strings[i].data;
        size_t n = merges.strings[i].size;
        const char *space = n ? memchr(s, ' ', n) : NULL;
        if (!space)
            return MASA_FAIL(err, MASA_ERR_FORMAT, "tokenizer.ggml.merges[%zu] is not a pair",
                             i);
        size_t at = (size_t)(space - s);
        st = tokenizer_add_merge(t, s, at, space + 1, n - at - 1, err);
    }
    return st;
}

static masa_status read_pre(masa_tokenizer *t, const masa_gguf *gguf, masa_error *err)
{
    masa_gguf_string pre;
    if (!masa_gguf_get_string(gguf, "tokenizer.ggml.pre", &pre) ||
        masa_gguf_string_is(pre, "default"))
        return MASA_FAIL(
            err, MASA_ERR_UNSUPPORTED,
            "the file does not say how its tokenizer splits text (tokenizer.ggml.pre "
            "is missing or \"default\"); use the model's Hugging Face folder or "
            "convert it anew");
    char *name = masa_strndup(pre.data, pre.size);
    masa_status st = tokenizer_set_pre(t, name, err);
    free(name);
    return st;
}

static masa_status read_id(const masa_tokenizer *t, const masa_gguf *gguf, const char *key,
                           int32_t *id, masa_error *err)
{
    int64_t value;
    if (!masa_gguf_get_integer(gguf, key, &value)) return MASA_OK;
    if (value < 0 || (size_t)value >= t->n || !(t->tokens[value].flags & TOKEN_KNOWN))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is %lld, which is not a token", key,
                         (long long)value);
    *id = (int32_t)value;
    return MASA_OK;
}

masa_status tokenizer_read_gguf(masa_tokenizer *t, const char *path, masa_error *err)
{
    masa_gguf *gguf = NULL;
    masa_status st = masa_gguf_open(&gguf, path, err);
    if (st != MASA_OK) return st;
    st = check_model(gguf, err);
    if (st == MASA_OK) st = read_pre(t, gguf, err);
    if (st == MASA_OK) st = read_tokens(t, gguf, err);
    if (st == MASA_OK) st = read_merges(t, gguf, err);
    if (st == MASA_OK) st = read_id(t, gguf, "tokenizer.ggml.bos_token_id", &t->bos, err);
    if (st == MASA_OK) st = read_id(t, gguf, "tokenizer.ggml.eos_token_id", &t->eos, err);
    if (st == MASA_OK) st = read_id(t, gguf, "tokenizer.ggml.padding_token_id", &t->pad, err);
    if (st == MASA_OK)
        st = read_id(t, gguf, "tokenizer.ggml.unknown_token_id", &t->gguf_unknown, err);
    masa_gguf_get_bool(gguf, "tokenizer.ggml.add_bos_token", &t->add_bos);
    masa_gguf_string chat;
    if (st == MASA_OK && masa_gguf_get_string(gguf, "tokenizer.chat_template", &chat))
        t->chat_template = masa_strndup(chat.data, chat.size);
    masa_gguf_close(gguf);
    if (st != MASA_OK && err && !err->path[0]) masa_error_at(err, path, 0);
    return st;
}
