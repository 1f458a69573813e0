/* Making a tokenizer from bytes, phrases and a corpus. */
#include "tokenizer_internal.h"

#include <masa/memory.h>
#include <masa/tokenizer_make.h>

#include <string.h>

enum { LONGEST_PHRASE = 4096 };

static const char *const special[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
enum { PAD, START, END, N_SPECIAL };

static const char chatml[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\\n' }}{% endif %}";

static masa_status add_bytes(masa_tokenizer *t, masa_error *err)
{
    masa_status st = MASA_OK;
    for (int i = 0; st == MASA_OK && i < N_SPECIAL; i++)
        st = tokenizer_add_added(t, i, special[i], strlen(special[i]),
                                 (tokenizer_added){.special = true}, err);
    masa_text letter = {0};
    for (int i = 0; st == MASA_OK && i < 256; i++) {
        char byte = (char)i;
        masa_text_clear(&letter);
        tokenizer_bytes_to_alphabet(&letter, &byte, 1);
        st = tokenizer_put(t, N_SPECIAL + i, letter.data, letter.size, TOKEN_MODEL, err);
    }
    masa_text_deinit(&letter);
    return st;
}

static bool is_utf8(const char *s, size_t n)
{
    unsigned code;
    for (size_t i = 0, size; i < n; i += size)
        if ((size = masa_utf8_decode(s + i, n - i, &code)) == 0) return false;
    return true;
}

static masa_status add_phrase(masa_tokenizer *t, const char *phrase, masa_error *err)
{
    size_t n = strlen(phrase);
    if (n == 0 || n > LONGEST_PHRASE || !is_utf8(phrase, n))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "\"%.40s\" cannot be a phrase: it must be valid "
                         "UTF-8 of 1 to %d bytes",
                         phrase, LONGEST_PHRASE);
    int64_t id = tokenizer_lookup(t, phrase, n);
    if (id >= 0) {
        /* The token of a merge may have the same text; but a character of the alphabet that
         * stands for another byte must stay that byte. */
        masa_text bytes = {0};
        bool same = !(t->tokens[id].flags & TOKEN_ADDED) &&
                    tokenizer_alphabet_to_bytes(&bytes, phrase, n) && bytes.size == n &&
                    memcmp(bytes.data, phrase, n) == 0;
        masa_text_deinit(&bytes);
        if (!same)
            return MASA_FAIL(err, MASA_ERR_CONFIG, "the phrase \"%.40s\" is a token already",
                             phrase);
    }
    return tokenizer_add_added(t, id >= 0 ? id : (int64_t)t->n, phrase, n, (tokenizer_added){0},
                               err);
}

/* cut: the same without merges, which the corpus is cut with; NULL: no merges. */
static masa_status build(masa_tokenizer **out, const masa_tokenizer_plan *plan,
                         const masa_tokenizer *cut, masa_error *err)
{
    masa_tokenizer *t = tokenizer_create();
    masa_status st = add_bytes(t, err);
    if (st == MASA_OK && cut)
        st =
            tokenizer_learn(t, cut, plan->corpus, plan->corpus_size, plan->vocab - cut->n, err);
    for (size_t i = 0; st == MASA_OK && i < plan->n_phrases; i++)
        st = add_phrase(t, plan->phrases[i], err);
    if (st == MASA_OK) st = tokenizer_set_pre(t, "smollm", err);
    if (st == MASA_OK) st = tokenizer_finish(t, err);
    t->pad = PAD;
    t->eos = END;
    t->chat_template = masa_strdup(chatml);
    if (st == MASA_OK) *out = t;
    else masa_tokenizer_destroy(t);
    return st;
}

masa_status masa_tokenizer_make(masa_tokenizer **out, const masa_tokenizer_plan *plan,
                                masa_error *err)
{
    masa_tokenizer *bytes = NULL;
    masa_status st = build(&bytes, plan, NULL, err);
    if (st != MASA_OK || !plan->corpus) {
        if (st == MASA_OK) *out = bytes;
        return st;
    }
    if (plan->vocab < bytes->n)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "a vocabulary of %zu does not hold the %zu special "
                       "tokens, bytes and phrases",
                       plan->vocab, bytes->n);
    if (st == MASA_OK) st = build(out, plan, bytes, err);
    masa_tokenizer_destroy(bytes);
    return st;
}
