/* Chat templates by name and by the model's own; their tokens. */
#include "chat_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [MASA_CHAT_AUTO] = "auto",
    [MASA_CHAT_SMOLLM2] = "smollm2",
    [MASA_CHAT_CHATML] = "chatml",
    [MASA_CHAT_QWEN2] = "qwen2",
    [MASA_CHAT_QWEN3] = "qwen3",
    [MASA_CHAT_LLAMA3] = "llama3",
    [MASA_CHAT_GEMMA] = "gemma",
    [MASA_CHAT_QWEN25] = "qwen2.5",
    [MASA_CHAT_QWEN25_MATH] = "qwen2.5-math",
    [MASA_CHAT_QWEN3_NOTHINK] = "qwen3-nothink",
    [MASA_CHAT_LLAMA31] = "llama3.1",
    [MASA_CHAT_GEMMA3] = "gemma3",
};
enum { N_NAMES = sizeof names / sizeof *names };

#define NAME_LIST                                                                         \
    "smollm2, chatml, qwen2, qwen2.5, qwen2.5-math, qwen3, qwen3-nothink, llama3, "       \
    "llama3.1, gemma, gemma3"

const char *masa_chat_family_name(masa_chat_family family)
{
    return names[family];
}

masa_status masa_chat_family_parse(masa_chat_family *out, const char *name, masa_error *err)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (masa_chat_family)i;
        return MASA_OK;
    }
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "no chat template is called \"%.60s\"; there are auto, " NAME_LIST, name);
}

masa_status masa_chat_family_resolve(masa_chat_family *family,
                                     const masa_tokenizer *tokenizer, masa_error *err)
{
    if (*family != MASA_CHAT_AUTO) return MASA_OK;
    const char *text = masa_tokenizer_chat_template(tokenizer);
    if (!text)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the model has no chat template; choose one by --chat-template NAME: "
                         NAME_LIST);
    masa_chat_family found = chat__known_template(text);
    if (found == MASA_CHAT_AUTO) {
        masa_chat_family near = chat__similar_template(text);
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the model's chat template is not one that masa knows%s%s; choose one "
                         "by --chat-template NAME: " NAME_LIST,
                         near ? "; it has marks of " : "", near ? names[near] : "");
    }
    *family = found;
    return MASA_OK;
}

masa_status masa_chat_render(masa_text *out, masa_chat_family family,
                             const masa_message *messages, size_t n,
                             bool add_generation_prompt, masa_error *err)
{
    masa_text text = {0};
    chat__writer w = {.text = &text};
    masa_status st = chat__render(&w, family, messages, n, add_generation_prompt, err);
    if (st == MASA_OK) masa_text_append(out, masa_text_get(&text), text.size);
    free(w.contents.at);
    masa_text_deinit(&text);
    return st;
}

masa_status masa_chat_encode(masa_tokens *out, const masa_tokenizer *tokenizer,
                             masa_chat_family family, const masa_message *messages,
                             size_t n, bool add_generation_prompt, masa_error *err)
{
    masa_status st = masa_chat_family_resolve(&family, tokenizer, err);
    if (st != MASA_OK) return st;
    masa_text text = {0};
    chat__writer w = {.text = &text};
    st = chat__render(&w, family, messages, n, add_generation_prompt, err);
    if (st == MASA_OK)
        tokenizer__encode(tokenizer, masa_text_get(&text), text.size, true, &w.contents, out);
    free(w.contents.at);
    masa_text_deinit(&text);
    return st;
}

masa_status masa_chat_encode_turn(masa_tokens *out, const masa_tokenizer *tokenizer,
                                  masa_chat_family family, const char *system,
                                  const char *user, masa_error *err)
{
    masa_message messages[2] = {{"system", system}, {"user", user}};
    size_t skip = system && system[0] ? 0 : 1;
    return masa_chat_encode(out, tokenizer, family, messages + skip, 2 - skip, true, err);
}

/* Texts of the tokens that end a turn or the text in a family. */
static const char *const *end_texts(masa_chat_family family)
{
    static const char *const chatml[] = {"<|im_end|>", "<|endoftext|>", NULL};
    static const char *const llama[] = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", NULL};
    static const char *const gemma[] = {"<end_of_turn>", "<eos>", NULL};
    static const char *const none[] = {NULL};
    switch (family) {
    case MASA_CHAT_AUTO: return none;
    case MASA_CHAT_LLAMA3:
    case MASA_CHAT_LLAMA31: return llama;
    case MASA_CHAT_GEMMA:
    case MASA_CHAT_GEMMA3: return gemma;
    default: return chatml;
    }
}

size_t masa_chat_stop_tokens(int32_t out[8], const masa_tokenizer *tokenizer,
                             masa_chat_family family)
{
    size_t n = 0;
    if (family == MASA_CHAT_AUTO && masa_chat_family_resolve(&family, tokenizer, NULL))
        family = MASA_CHAT_AUTO;
    if (masa_tokenizer_eos(tokenizer) >= 0) out[n++] = masa_tokenizer_eos(tokenizer);
    for (const char *const *text = end_texts(family); *text; text++) {
        int32_t id = masa_tokenizer_find(tokenizer, *text);
        bool listed = id < 0;
        for (size_t i = 0; i < n; i++) listed |= out[i] == id;
        if (!listed) out[n++] = id;
    }
    return n;
}
