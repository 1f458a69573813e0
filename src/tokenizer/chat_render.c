/*
 * The families' templates, written out. Each function says what the Jinja source
 * does for turns of system, user and assistant without tools; tests compare them
 * with Jinja over the sources.
 */
#include "chat_internal.h"

#include <masa/memory.h>

#include <string.h>

/* What the templates of Llama 3.1 and later print when they are given no date. */
#define LLAMA_DATE "26 Jul 2024"

static void add(chat__writer *w, const char *s)
{
    masa_text_add(w->text, s);
}

static void add_content(chat__writer *w, const char *s, size_t n)
{
    if (n == 0) return;
    MASA_PUSH(w->contents.at, w->contents.n, w->contents.capacity, w->text->size);
    masa_text_append(w->text, s, n);
    MASA_PUSH(w->contents.at, w->contents.n, w->contents.capacity, w->text->size);
}

/* Python's str.strip(): White_Space and the four separators of ASCII. */
static bool is_stripped(const char *s, size_t n, size_t *size)
{
    unsigned code;
    *size = masa_utf8_decode(s, n, &code);
    return *size && (tokenizer__is_space(code) || (code >= 0x1C && code <= 0x1F));
}

static void add_trimmed(chat__writer *w, const char *s)
{
    size_t n = strlen(s), size;
    while (n && is_stripped(s, n, &size)) s += size, n -= size;
    for (bool more = true; more && n;) {
        size_t back = 1;
        while (back < 4 && back < n && ((unsigned char)s[n - back] & 0xC0) == 0x80) back++;
        more = is_stripped(s + n - back, back, &size) && size == back;
        if (more) n -= back;
    }
    add_content(w, s, n);
}

static bool is_role(const masa_message *m, const char *role)
{
    return strcmp(m->role, role) == 0;
}

static void add_chatml_turn(chat__writer *w, const masa_message *m)
{
    add(w, "<|im_start|>");
    add(w, m->role);
    add(w, "\n");
    add_content(w, m->content, strlen(m->content));
    add(w, "<|im_end|>\n");
}

/* default_system: the turn put in front when the conversation has none, or NULL. */
static void render_chatml(chat__writer *w, const masa_message *messages, size_t n,
                          bool generation, const char *default_system)
{
    if (default_system && !is_role(&messages[0], "system")) {
        add(w, "<|im_start|>system\n");
        add(w, default_system);
        add(w, "<|im_end|>\n");
    }
    for (size_t i = 0; i < n; i++) add_chatml_turn(w, &messages[i]);
    if (generation) add(w, "<|im_start|>assistant\n");
}

typedef struct slice {
    const char *s;
    size_t n;
} slice;

static slice strip_newlines(slice x, bool left, bool right)
{
    while (left && x.n && *x.s == '\n') x.s++, x.n--;
    while (right && x.n && x.s[x.n - 1] == '\n') x.n--;
    return x;
}

static const char *last_in(slice x, const char *needle)
{
    size_t m = strlen(needle);
    for (size_t i = x.n >= m ? x.n - m + 1 : 0; i-- > 0;)
        if (memcmp(x.s + i, needle, m) == 0) return x.s + i;
    return NULL;
}

/* Takes the reasoning, if any, off the front of an assistant's content. */
static slice split_thought(slice *content)
{
    static const char open[] = "<think>", close[] = "</think>";
    const char *first = memmem(content->s, content->n, close, sizeof close - 1);
    if (!first) return (slice){"", 0};
    const char *end = content->s + content->n;
    slice thought = {content->s, (size_t)(first - content->s)};
    thought = strip_newlines(thought, false, true);
    const char *begin = last_in(thought, open);
    if (begin) {
        begin += sizeof open - 1;
        thought = (slice){begin, (size_t)(thought.s + thought.n - begin)};
    }
    const char *rest = last_in(*content, close) + sizeof close - 1;
    *content = strip_newlines((slice){rest, (size_t)(end - rest)}, true, false);
    return strip_newlines(thought, true, false);
}

/* Qwen3: reasoning stays only in what follows the last user's turn. */
static void render_qwen3(chat__writer *w, const masa_message *messages, size_t n,
                         bool generation, bool thinking)
{
    size_t last_query = n - 1;
    for (size_t i = n; i-- > 0;) {
        const char *s = messages[i].content;
        bool response = masa_starts_with(s, "<tool_response>") && masa_ends_with(s, "</tool_response>");
        if (!is_role(&messages[i], "user") || response) continue;
        last_query = i;
        break;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_role(&messages[i], "assistant")) {
            add_chatml_turn(w, &messages[i]);
            continue;
        }
        slice content = {messages[i].content, strlen(messages[i].content)};
        slice thought = split_thought(&content);
        add(w, "<|im_start|>assistant\n");
        if (i > last_query && (i + 1 == n || thought.n)) {
            add(w, "<think>\n");
            thought = strip_newlines(thought, true, true);
            add_content(w, thought.s, thought.n);
            add(w, "\n</think>\n\n");
            content = strip_newlines(content, true, false);
        }
        add_content(w, content.s, content.n);
        add(w, "<|im_end|>\n");
    }
    if (!generation) return;
    add(w, "<|im_start|>assistant\n");
    if (!thinking) add(w, "<think>\n\n</think>\n\n");
}

static void add_llama_header(chat__writer *w, const char *role)
{
    add(w, "<|start_header_id|>");
    add(w, role);
    add(w, "<|end_header_id|>\n\n");
}

/* dated: Llama 3.1 and later always have a system turn with dates. */
static void render_llama3(chat__writer *w, const masa_message *messages, size_t n,
                          bool generation, bool dated)
{
    size_t first = 0;
    add(w, "<|begin_of_text|>");
    if (dated) {
        add_llama_header(w, "system");
        add(w, "Cutting Knowledge Date: December 2023\nToday Date: " LLAMA_DATE "\n\n");
        if (is_role(&messages[0], "system")) add_trimmed(w, messages[first++].content);
        add(w, "<|eot_id|>");
    }
    for (size_t i = first; i < n; i++) {
        add_llama_header(w, messages[i].role);
        add_trimmed(w, messages[i].content);
        add(w, "<|eot_id|>");
    }
    if (generation) add_llama_header(w, "assistant");
}

/* system: Gemma 3 puts the system text before the first user's; older ones refuse it. */
static masa_status render_gemma(chat__writer *w, const masa_message *messages, size_t n,
                                bool generation, bool system, masa_error *err)
{
    size_t first = is_role(&messages[0], "system") ? 1 : 0;
    if (first && !system)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "Gemma's chat template has no system turn; put its text at the "
                         "beginning of the first user message");
    add(w, "<bos>");
    for (size_t i = first; i < n; i++) {
        if (is_role(&messages[i], "user") != ((i - first) % 2 == 0))
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "message %zu: Gemma's chat template needs turns of user and "
                             "assistant to alternate, beginning with user",
                             i + 1);
        add(w, "<start_of_turn>");
        add(w, is_role(&messages[i], "assistant") ? "model" : messages[i].role);
        add(w, "\n");
        if (first && i == first) {
            add_content(w, messages[0].content, strlen(messages[0].content));
            add(w, "\n\n");
        }
        add_trimmed(w, messages[i].content);
        add(w, "<end_of_turn>\n");
    }
    if (generation) add(w, "<start_of_turn>model\n");
    return MASA_OK;
}

static masa_status check_messages(const masa_message *messages, size_t n, masa_error *err)
{
    if (n == 0)
        return MASA_FAIL(err, MASA_ERR_DATA, "a conversation needs at least one message");
    for (size_t i = 0; i < n; i++)
        if (!is_role(&messages[i], "system") && !is_role(&messages[i], "user") &&
            !is_role(&messages[i], "assistant"))
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "message %zu has role \"%.40s\"; roles are system, user and assistant",
                             i + 1, messages[i].role);
    return MASA_OK;
}

masa_status chat__render(chat__writer *w, masa_chat_family family,
                         const masa_message *messages, size_t n, bool generation,
                         masa_error *err)
{
    masa_status st = check_messages(messages, n, err);
    if (st != MASA_OK) return st;
    switch (family) {
    case MASA_CHAT_AUTO:
        return MASA_FAIL(err, MASA_ERR_CONFIG, "the chat template was not chosen");
    case MASA_CHAT_SMOLLM2:
        render_chatml(w, messages, n, generation,
                      "You are a helpful AI assistant named SmolLM, trained by Hugging Face");
        break;
    case MASA_CHAT_CHATML: render_chatml(w, messages, n, generation, NULL); break;
    case MASA_CHAT_QWEN2:
        render_chatml(w, messages, n, generation, "You are a helpful assistant.");
        break;
    case MASA_CHAT_QWEN25:
        render_chatml(w, messages, n, generation,
                      "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
        break;
    case MASA_CHAT_QWEN25_MATH:
        render_chatml(w, messages, n, generation,
                      "Please reason step by step, and put your final answer within \\boxed{}.");
        break;
    case MASA_CHAT_QWEN3: render_qwen3(w, messages, n, generation, true); break;
    case MASA_CHAT_QWEN3_NOTHINK: render_qwen3(w, messages, n, generation, false); break;
    case MASA_CHAT_LLAMA3: render_llama3(w, messages, n, generation, false); break;
    case MASA_CHAT_LLAMA31: render_llama3(w, messages, n, generation, true); break;
    case MASA_CHAT_GEMMA: return render_gemma(w, messages, n, generation, false, err);
    case MASA_CHAT_GEMMA3: return render_gemma(w, messages, n, generation, true, err);
    }
    return MASA_OK;
}
