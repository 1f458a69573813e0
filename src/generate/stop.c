#include "stop.h"

#include <string.h>

/* Where the earliest stop string in text[from..size) begins, or size. */
static size_t find_stop(const masa_text *text, size_t from, const masa_request *request)
{
    size_t found = text->size;
    for (size_t i = 0; i < request->n_stop_strings; i++) {
        const char *s = request->stop_strings[i];
        const char *at = memmem(text->data + from, text->size - from, s, strlen(s));
        if (at && (size_t)(at - text->data) < found) found = (size_t)(at - text->data);
    }
    return found;
}

static size_t longest_stop(const masa_request *request)
{
    size_t longest = 1;
    for (size_t i = 0; i < request->n_stop_strings; i++) {
        size_t n = strlen(request->stop_strings[i]);
        if (n > longest) longest = n;
    }
    return longest;
}

bool stop_string_completes(masa_text *tail, const masa_tokenizer *tokenizer,
                           const masa_request *request, int32_t token)
{
    masa_tokenizer_decode(tokenizer, &token, 1, false, tail);
    if (tail->size == 0) return false;
    if (find_stop(tail, 0, request) < tail->size) return true;
    size_t keep = longest_stop(request) - 1;
    if (tail->size > keep) {
        memmove(tail->data, tail->data + tail->size - keep, keep + 1);
        tail->size = keep;
    }
    return false;
}

void masa_completion_text(masa_text *out, const masa_completion *completion,
                          const masa_request *request, const masa_tokenizer *tokenizer)
{
    size_t n = completion->n;
    if (completion->cause == MASA_STOP_EOS && n > 0) n--;
    masa_text bytes = {0};
    size_t cut = SIZE_MAX;
    if (completion->cause == MASA_STOP_STRING) {
        masa_tokenizer_decode(tokenizer, completion->tokens, n, false, &bytes);
        if (bytes.size) cut = find_stop(&bytes, 0, request);
        masa_text_clear(&bytes);
    }
    size_t at = 0; /* bytes of the text with special tokens, in which `cut` counts */
    for (size_t i = 0; i < n && at < cut; i++) {
        int32_t token = completion->tokens[i];
        masa_text_clear(&bytes);
        masa_tokenizer_decode(tokenizer, &token, 1, false, &bytes);
        size_t take = bytes.size < cut - at ? bytes.size : cut - at;
        if (!masa_tokenizer_is_special(tokenizer, token) && take > 0)
            masa_text_append(out, bytes.data, take);
        at += bytes.size;
    }
    masa_text_deinit(&bytes);
}

void masa_text_stream_next(masa_text_stream *s, const masa_completion *c, bool finished,
                           const char **piece, size_t *n)
{
    size_t hold = 0;
    if (finished) {
        masa_text_clear(&s->text);
        masa_completion_text(&s->text, c, s->request, s->tokenizer);
    } else {
        masa_tokenizer_decode(s->tokenizer, c->tokens + s->seen, c->n - s->seen, true,
                              &s->text);
        s->seen = c->n;
        hold = longest_stop(s->request) - 1;
    }
    size_t end = s->text.size > hold ? s->text.size - hold : 0;
    if (!finished && end > 0) end = masa_utf8_complete(s->text.data, end);
    *n = end > s->shown ? end - s->shown : 0;
    *piece = masa_text_get(&s->text) + (*n ? s->shown : 0);
    s->shown += *n;
}
