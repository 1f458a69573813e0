/* Chat templates: which one, its data, and tokens from what it renders. */
#include "tokenizer_internal.h"

#include "chat_internal.h"

#include <masa/chat.h>
#include <masa/file.h>
#include <masa/jinja.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct masa_chat {
    masa_jinja *template;
    const masa_tokenizer *tokenizer;
    const char *default_system; /* or NULL */
    bool no_thinking;
    char name[32];
};

#define NOTHINK "auto-nothink"

static masa_status unknown_name(const char *name, masa_error *err)
{
    masa_text names = {0};
    for (const chat_builtin *b = chat_builtins; b->name; b++)
        masa_text_addf(&names, ", %s", b->name);
    masa_status st = MASA_FAIL(
        err, MASA_ERR_CONFIG,
        "no chat template is called \"%.60s\"; there are auto (the model's own), " NOTHINK
        "%s, and files FILE.jinja",
        name, masa_text_get(&names));
    masa_text_deinit(&names);
    return st;
}

/* Parses a source that is not ours; `what` begins the error. */
static masa_status use_source(masa_chat *c, const char *source, size_t n, const char *what,
                              masa_error *err)
{
    masa_status st = masa_jinja_parse(&c->template, source, n, err);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)source[i]) * 0x100000001b3u;
    snprintf(c->name, sizeof c->name, "%016llx%s", (unsigned long long)hash,
             c->no_thinking ? "-nothink" : "");
    if (st != MASA_OK)
        masa_error_context(err, "%s, which another can replace by --chat-template NAME", what);
    return st;
}

static masa_status use_own(masa_chat *c, masa_error *err)
{
    const char *source = masa_tokenizer_chat_template(c->tokenizer);
    if (source) return use_source(c, source, strlen(source), "the model's chat template", err);
    return MASA_FAIL(
        err, MASA_ERR_CONFIG,
        "the model has no chat template; choose one by --chat-template NAME, such as "
        "chatml");
}

static masa_status use_file(masa_chat *c, const char *path, masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    if (st == MASA_OK) st = use_source(c, masa_text_get(&text), text.size, path, err);
    masa_text_deinit(&text);
    return st;
}

static const chat_builtin *find_builtin(const char *name)
{
    const chat_builtin *b = chat_builtins;
    while (b->name && strcmp(b->name, name) != 0) b++;
    return b->name ? b : NULL;
}

masa_status masa_chat_check_name(const char *name, masa_error *err)
{
    masa_text text = {0};
    if (strcmp(name, "auto") == 0 || strcmp(name, NOTHINK) == 0 || find_builtin(name))
        return MASA_OK;
    if (!masa_ends_with(name, ".jinja")) return unknown_name(name, err);
    masa_status st = masa_file_read(&text, name, err);
    masa_text_deinit(&text);
    return st;
}

static masa_status use_builtin(masa_chat *c, const char *name, masa_error *err)
{
    const chat_builtin *b = find_builtin(name);
    if (!b) return unknown_name(name, err);
    c->default_system = b->default_system;
    c->no_thinking = b->no_thinking;
    snprintf(c->name, sizeof c->name, "%s", name);
    return masa_jinja_parse(&c->template, b->source, strlen(b->source), err);
}

masa_status masa_chat_create(masa_chat **out, const char *name, const masa_tokenizer *tokenizer,
                             masa_error *err)
{
    masa_chat *c = masa_alloc(1, sizeof *c);
    c->tokenizer = tokenizer;
    c->no_thinking = strcmp(name, NOTHINK) == 0;
    masa_status st = strcmp(name, "auto") == 0 || c->no_thinking ? use_own(c, err)
                     : masa_ends_with(name, ".jinja")            ? use_file(c, name, err)
                                                                 : use_builtin(c, name, err);
    if (st == MASA_OK) *out = c;
    else masa_chat_destroy(c);
    return st;
}

void masa_chat_destroy(masa_chat *c)
{
    if (!c) return;
    masa_jinja_destroy(c->template);
    free(c);
}

const char *masa_chat_name(const masa_chat *c)
{
    return c->name;
}

static masa_status check_messages(const masa_message *messages, size_t n, masa_error *err)
{
    if (n == 0)
        return MASA_FAIL(err, MASA_ERR_DATA, "a conversation needs at least one message");
    for (size_t i = 0; i < n; i++)
        if (strcmp(messages[i].role, "system") != 0 && strcmp(messages[i].role, "user") != 0 &&
            strcmp(messages[i].role, "assistant") != 0)
            return MASA_FAIL(
                err, MASA_ERR_DATA,
                "message %zu has role \"%.40s\"; roles are system, user and assistant", i + 1,
                messages[i].role);
    return MASA_OK;
}

static masa_jinja_value plain(masa_jinja_data *d, const char *s, size_t n)
{
    return masa_jinja_string(d, s, n, false);
}

/* The texts of the special tokens, as transformers gives them to a template. */
static void set_tokens(masa_jinja_data *d, const masa_tokenizer *t)
{
    const struct {
        const char *name;
        int32_t id;
    } tokens[] = {{"bos_token", t->bos},
                  {"eos_token", t->eos},
                  {"pad_token", t->pad},
                  {"unk_token", t->unknown >= 0 ? t->unknown : t->gguf_unknown}};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (tokens[i].id < 0) continue;
        tokenizer_span bytes = t->tokens[tokens[i].id].bytes;
        masa_jinja_set(d, tokens[i].name, plain(d, t->strings.data + bytes.at, bytes.size));
    }
}

static void set_variables(masa_jinja_data *d, const masa_chat *c, const masa_message *messages,
                          size_t n, bool generation)
{
    masa_jinja_value list = masa_jinja_list(d);
    for (size_t i = 0; i < n; i++) {
        masa_jinja_value m = masa_jinja_dict(d);
        masa_jinja_dict_set(d, m, "role", plain(d, messages[i].role, strlen(messages[i].role)));
        masa_jinja_dict_set(
            d, m, "content",
            masa_jinja_string(d, messages[i].content, strlen(messages[i].content), true));
        masa_jinja_list_add(d, list, m);
    }
    masa_jinja_set(d, "messages", list);
    masa_jinja_set(d, "tools", masa_jinja_none());
    masa_jinja_set(d, "documents", masa_jinja_none());
    masa_jinja_set(d, "add_generation_prompt", masa_jinja_bool(generation));
    if (c->tokenizer) set_tokens(d, c->tokenizer);
    if (c->default_system)
        masa_jinja_set(d, "default_system",
                       plain(d, c->default_system, strlen(c->default_system)));
    if (!c->no_thinking) return;
    masa_jinja_set(d, "enable_thinking", masa_jinja_bool(false));
    masa_jinja_set(d, "thinking", masa_jinja_bool(false));
}

static masa_status render(masa_jinja_output *out, const masa_chat *c,
                          const masa_message *messages, size_t n, bool generation,
                          masa_error *err)
{
    masa_status st = check_messages(messages, n, err);
    if (st != MASA_OK) return st;
    masa_jinja_data *d = masa_jinja_data_create(NULL);
    set_variables(d, c, messages, n, generation);
    st = masa_jinja_render(out, c->template, d, err);
    if (st != MASA_OK) masa_error_context(err, "the chat template");
    masa_jinja_data_destroy(d);
    return st;
}

masa_status masa_chat_render(masa_text *out, const masa_chat *c, const masa_message *messages,
                             size_t n, bool add_generation_prompt, masa_error *err)
{
    masa_jinja_output rendered = {0};
    masa_status st = render(&rendered, c, messages, n, add_generation_prompt, err);
    if (st == MASA_OK) masa_text_append(out, masa_text_get(&rendered.text), rendered.text.size);
    masa_jinja_output_deinit(&rendered);
    return st;
}

/* Encodes the bytes [begin, end) of a rendering; those of messages are plain text. */
static void encode_part(masa_tokens *out, const masa_chat *c, const masa_jinja_output *rendered,
                        size_t begin, size_t end)
{
    tokenizer_ranges plain = {0};
    bool inside = false;
    for (size_t i = begin; i <= end; i++) {
        bool marked = i < end && rendered->marks.data[i] & MASA_JINJA_MARKED;
        if (marked != inside) MASA_PUSH(plain.at, plain.n, plain.capacity, i - begin);
        inside = marked;
    }
    tokenizer_encode(c->tokenizer, masa_text_get(&rendered->text) + begin, end - begin, true,
                     &plain, out);
    free(plain.at);
}

masa_status masa_chat_encode(masa_tokens *out, const masa_chat *c, const masa_message *messages,
                             size_t n, bool add_generation_prompt, masa_error *err)
{
    masa_jinja_output rendered = {0};
    masa_status st = render(&rendered, c, messages, n, add_generation_prompt, err);
    if (st == MASA_OK) encode_part(out, c, &rendered, 0, rendered.text.size);
    masa_jinja_output_deinit(&rendered);
    return st;
}

masa_status masa_chat_encode_answer(masa_tokens *prompt, masa_tokens *answer,
                                    const masa_chat *c, const masa_message *messages, size_t n,
                                    masa_error *err)
{
    masa_jinja_output rendered = {0};
    masa_status st = render(&rendered, c, messages, n, false, err);
    size_t end = rendered.text.size;
    while (end && !(rendered.marks.data[end - 1] & MASA_JINJA_GENERATED)) end--;
    size_t begin = end;
    while (begin && rendered.marks.data[begin - 1] & MASA_JINJA_GENERATED) begin--;
    if (st == MASA_OK && begin == end)
        st = MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "the chat template has no generation block");
    if (st == MASA_OK) {
        encode_part(prompt, c, &rendered, 0, begin);
        encode_part(answer, c, &rendered, begin, end);
    }
    masa_jinja_output_deinit(&rendered);
    return st;
}

masa_status masa_chat_encode_turn(masa_tokens *out, const masa_chat *c, const char *system,
                                  const char *user, masa_error *err)
{
    masa_message messages[2] = {{"system", system}, {"user", user}};
    size_t skip = system && system[0] ? 0 : 1;
    return masa_chat_encode(out, c, messages + skip, 2 - skip, true, err);
}

/* The first special token that the template writes behind an answer, or -1. */
static int32_t end_of_turn(const masa_chat *c)
{
    static const masa_message turns[] = {{"user", "a"}, {"assistant", "a"}};
    masa_jinja_output out = {0};
    masa_tokens tail = {0};
    int32_t found = -1;
    if (render(&out, c, turns, 2, false, NULL) == MASA_OK) {
        size_t end = out.text.size;
        while (end && !(out.marks.data[end - 1] & MASA_JINJA_MARKED)) end--;
        masa_tokenizer_encode(c->tokenizer, masa_text_get(&out.text) + end, out.text.size - end,
                              true, &tail);
        for (size_t i = 0; end && found < 0 && i < tail.n; i++)
            if (masa_tokenizer_is_special(c->tokenizer, tail.ids[i])) found = tail.ids[i];
    }
    masa_tokens_deinit(&tail);
    masa_jinja_output_deinit(&out);
    return found;
}

size_t masa_chat_stop_tokens(int32_t out[8], const masa_chat *c)
{
    static const char *const usual[] = {"<|im_end|>", "<|endoftext|>",   "<|eot_id|>",
                                        "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>",
                                        "<eos>"};
    enum { N_USUAL = sizeof usual / sizeof *usual };
    size_t n = 0;
    for (int i = -2; i < N_USUAL && n < 8; i++) {
        int32_t id = i == -2   ? masa_tokenizer_eos(c->tokenizer)
                     : i == -1 ? end_of_turn(c)
                               : masa_tokenizer_find(c->tokenizer, usual[i]);
        bool listed = id < 0;
        for (size_t k = 0; k < n; k++) listed |= out[k] == id;
        if (!listed) out[n++] = id;
    }
    return n;
}
