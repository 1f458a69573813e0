/* The tokenizer as arrays, for a GGUF file. */
#include "tokenizer_internal.h"

#include <masa/memory.h>
#include <masa/tokenizer_export.h>

#include <stdlib.h>
#include <string.h>

static int32_t token_type(unsigned char flags)
{
    if (flags & TOKEN_SPECIAL) return MASA_GGUF_TOKEN_CONTROL;
    if (flags & TOKEN_ADDED) return MASA_GGUF_TOKEN_USER_DEFINED;
    return flags & TOKEN_KNOWN ? MASA_GGUF_TOKEN_NORMAL : MASA_GGUF_TOKEN_UNUSED;
}

/* Texts made here ("[PAD7]" of holes, "left right" of merges), by offset until the
 * text has stopped growing. */
static masa_status write_texts(masa_tokenizer_arrays *a, const masa_tokenizer *t,
                               masa_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->tokens[i].flags & TOKEN_KNOWN) continue;
        size_t before = a->text.size;
        masa_text_addf(&a->text, "[PAD%zu]", i);
        a->tokens[i].size = a->text.size - before;
    }
    for (size_t i = 0; i < t->n_merges; i++) {
        size_t before = a->text.size;
        const int32_t pair[2] = {t->merge_list[i].left, t->merge_list[i].right};
        for (int k = 0; k < 2; k++) {
            tokenizer_span span = t->tokens[pair[k]].text;
            const char *s = t->strings.data + span.at;
            if (memchr(s, ' ', span.size))
                return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                                 "a GGUF file cannot hold merge %zu: a part has a space", i);
            if (k) masa_text_append(&a->text, " ", 1);
            masa_text_append(&a->text, s, span.size);
        }
        a->merges[i].size = a->text.size - before;
    }
    return MASA_OK;
}

static void set_pointers(masa_tokenizer_arrays *a, const masa_tokenizer *t)
{
    const char *made = masa_text_get(&a->text);
    for (size_t i = 0; i < t->n; i++) {
        tokenizer_span span = t->tokens[i].text;
        if (t->tokens[i].flags & TOKEN_KNOWN) {
            a->tokens[i] = (masa_gguf_string){t->strings.data + span.at, span.size};
        } else {
            a->tokens[i].data = made;
            made += a->tokens[i].size;
        }
        a->types[i] = token_type(t->tokens[i].flags);
    }
    for (size_t i = 0; i < t->n_merges; i++) {
        a->merges[i].data = made;
        made += a->merges[i].size;
    }
}

masa_status masa_tokenizer_export(masa_tokenizer_arrays *out, const masa_tokenizer *t,
                                  masa_error *err)
{
    const char *pre = tokenizer_pre_name(t);
    if (!pre)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "a GGUF file has no name for the way this tokenizer splits text; keep "
                         "the model as a Hugging Face folder");
    masa_tokenizer_arrays a = {0};
    a.tokens = masa_alloc(t->n, sizeof *a.tokens);
    a.types = masa_alloc(t->n, sizeof *a.types);
    a.merges = masa_alloc(t->n_merges, sizeof *a.merges);
    masa_status st = write_texts(&a, t, err);
    if (st != MASA_OK) {
        masa_tokenizer_arrays_deinit(&a);
        return st;
    }
    set_pointers(&a, t);
    a.vocab = (masa_gguf_vocab){.pre = pre,
                                .tokens = a.tokens,
                                .types = a.types,
                                .n = t->n,
                                .merges = a.merges,
                                .n_merges = t->n_merges,
                                .chat_template = t->chat_template,
                                .bos = t->bos,
                                .eos = t->eos,
                                .pad = t->pad,
                                .add_bos = t->add_bos,
                                .unknown = t->unknown >= 0 ? t->unknown : t->gguf_unknown};
    *out = a;
    return MASA_OK;
}

void masa_tokenizer_arrays_deinit(masa_tokenizer_arrays *arrays)
{
    free(arrays->tokens);
    free(arrays->types);
    free(arrays->merges);
    masa_text_deinit(&arrays->text);
    *arrays = (masa_tokenizer_arrays){0};
}
