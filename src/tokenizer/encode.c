/*
 * Text to ids: added tokens are cut out, the rest is normalised, split into
 * pieces and merged. And back.
 */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <stdlib.h>

typedef struct encoder {
    const masa_tokenizer *t;
    tokenizer_bpe *bpe;
    tokenizer_splitter splitter;
    masa_text normal;
    const char *text; /* the whole of it, which `plain` is about */
    bool skip_special;
    const tokenizer_ranges *plain;
    masa_tokens *out;
} encoder;

void masa_tokens_deinit(masa_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (masa_tokens){0};
}

static void push_id(masa_tokens *out, int32_t id)
{
    MASA_PUSH(out->ids, out->n, out->capacity, id);
}

/* Normalised text without added tokens. */
static void encode_plain(encoder *e, const char *s, size_t n)
{
    tokenizer_split(e->t, &e->splitter, s, n);
    for (size_t i = 0; i < e->splitter.n_now; i++)
        tokenizer_bpe_word(e->t, e->bpe, e->splitter.now[i].s, e->splitter.now[i].n, e->out);
}

/* Valid UTF-8 without the added tokens that are matched before the normaliser. */
static void encode_valid(encoder *e, const char *s, size_t n)
{
    tokenizer_match_rule rule = {e->skip_special, e->plain, (size_t)(s - e->text)};
    if (e->t->nfc) {
        /* Offsets end here. Special tokens that are matched in normalised text (no known
         * family has them) are plain text wherever that is asked for. */
        rule = (tokenizer_match_rule){.skip_special = e->skip_special || e->plain};
        masa_text_clear(&e->normal);
        tokenizer_normalize(&e->normal, s, n);
        s = masa_text_get(&e->normal);
        n = e->normal.size;
    }
    tokenizer_match m;
    size_t at = 0;
    while (tokenizer_next_added(e->t, &e->t->normalized, s, n, at, &rule, &m)) {
        encode_plain(e, s + at, m.begin - at);
        push_id(e->out, e->t->added[m.added].id);
        at = m.end;
    }
    encode_plain(e, s + at, n - at);
}

/* Cuts at bytes that are not UTF-8. Those are words by themselves, so that decoding
 * gives them back: the models' alphabet has all bytes. */
static void encode_bytes(encoder *e, const char *s, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t size = (unsigned char)s[i] < 0x80 ? 1 : masa_utf8_decode(s + i, n - i, &code);
        if (size == 0) {
            if (i > from) encode_valid(e, s + from, i - from);
            tokenizer_bpe_word(e->t, e->bpe, s + i, 1, e->out);
            from = i + 1;
            size = 1;
        }
        i += size;
    }
    if (n > from) encode_valid(e, s + from, n - from);
}

void tokenizer_encode(const masa_tokenizer *t, const char *s, size_t n, bool parse_special,
                      const tokenizer_ranges *plain, masa_tokens *out)
{
    encoder e = {.t = t,
                 .bpe = tokenizer_bpe_create(),
                 .out = out,
                 .text = s,
                 .skip_special = !parse_special,
                 .plain = plain};
    tokenizer_match_rule rule = {!parse_special, plain, 0};
    tokenizer_match m;
    size_t at = 0;
    while (tokenizer_next_added(t, &t->raw, s, n, at, &rule, &m)) {
        encode_bytes(&e, s + at, m.begin - at);
        push_id(out, t->added[m.added].id);
        at = m.end;
    }
    encode_bytes(&e, s + at, n - at);
    tokenizer_bpe_destroy(e.bpe);
    tokenizer_splitter_deinit(&e.splitter);
    masa_text_deinit(&e.normal);
}

void masa_tokenizer_encode(const masa_tokenizer *t, const char *text, size_t n,
                           bool parse_special, masa_tokens *out)
{
    tokenizer_encode(t, text, n, parse_special, NULL, out);
}

void masa_tokenizer_decode(const masa_tokenizer *t, const int32_t *ids, size_t n,
                           bool skip_special, masa_text *out)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= t->n) continue;
        const tokenizer_token *token = &t->tokens[ids[i]];
        if (skip_special && token->flags & TOKEN_SPECIAL) continue;
        masa_text_append(out, t->strings.data + token->bytes.at, token->bytes.size);
    }
}
