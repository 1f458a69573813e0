#include "pack.h"

#include <assert.h>
#include <masa/memory.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAYS = 5 }; /* of a pack, with an element a token */

masa_status pack_init(pack *p, size_t max_tokens, masa_error *err)
{
    *p = (pack){.max_tokens = max_tokens};
    void *memory = NULL;
    masa_status st = masa_alloc_large(&memory, max_tokens * ARRAYS, sizeof(int32_t),
                                      "the packed batch", err);
    if (st != MASA_OK) return st;
    p->tokens = memory;
    p->positions = p->tokens + max_tokens;
    p->target_rows = p->positions + max_tokens;
    p->target_tokens = p->target_rows + max_tokens;
    p->kept_rows = p->target_tokens + max_tokens;
    p->segments = masa_alloc(max_tokens + 1, sizeof *p->segments);
    return MASA_OK;
}

size_t pack_bytes(size_t max_tokens)
{
    return max_tokens * ARRAYS * sizeof(int32_t) + (max_tokens + 1) * sizeof(masa_segment);
}

void pack_deinit(pack *p)
{
    free(p->tokens);
    free(p->segments);
    *p = (pack){0};
}

/* Rows of a response's own: its last token predicts nothing, so it has no row. */
static size_t own_rows(const masa_sequence *s)
{
    return s->response_size ? s->response_size - 1 : 0;
}

/* Tokens [from, from + n) of a sequence, which are of its prompt or of its response. */
static void add_segment(pack *p, const masa_sequence *s, size_t from, size_t n, int32_t parent)
{
    masa_batch *b = &p->batch;
    bool prompt = from < s->prompt_size;
    const int32_t *tokens = prompt ? s->prompt + from : s->response + from - s->prompt_size;
    for (size_t i = 0; i < n; i++) {
        p->tokens[b->n_tokens + i] = tokens[i];
        p->positions[b->n_tokens + i] = (int32_t)(from + i);
        if (s->kept_rows) p->kept_rows[b->n_tokens + i] = s->kept_rows[from + i];
    }
    p->segments[b->n_segments++] = (masa_segment){(int32_t)b->n_tokens, (int32_t)n, parent};
    b->n_tokens += n;
}

static void add_response(pack *p, const masa_sequence *s, int32_t prompt_segment)
{
    masa_batch *b = &p->batch;
    const masa_segment *prompt = &p->segments[prompt_segment];
    int32_t last_prompt_row = prompt->start + prompt->length - 1;
    int32_t first_row = (int32_t)b->n_tokens;
    for (size_t t = 0; t < s->response_size; t++) {
        /* Token t is predicted by the row before it. */
        p->target_rows[b->n_targets] = t == 0 ? last_prompt_row : first_row + (int32_t)t - 1;
        p->target_tokens[b->n_targets++] = s->response[t];
    }
    if (own_rows(s)) add_segment(p, s, s->prompt_size, own_rows(s), prompt_segment);
}

/* What groups that follow one another begin with in common: a system message, instructions. */
typedef struct stem {
    const int32_t *tokens;
    size_t size;     /* 0: nothing worth a segment */
    int32_t segment; /* -1: not packed yet */
} stem;

/* A prompt keeps at least one token of its own, which predicts the first of a response. */
static size_t common(const stem *t, const masa_sequence *s)
{
    size_t n = 0;
    while (n < t->size && n + 1 < s->prompt_size && t->tokens[n] == s->prompt[n]) n++;
    return n;
}

/* As long as all following groups that may fit have it in common; a group without it ends
 * the search. */
static stem find_stem(const pack *p, const masa_sequence *sequences, size_t n)
{
    enum { LEAST = 16 };
    stem t = {sequences[0].prompt, sequences[0].prompt_size - 1, -1};
    size_t tokens = sequences[0].prompt_size, shared = 0;
    for (size_t i = 1; i < n && tokens < p->max_tokens; i++) {
        tokens += own_rows(&sequences[i]);
        if (sequences[i].group == sequences[i - 1].group) continue;
        size_t both = common(&t, &sequences[i]);
        if (both < LEAST) break;
        t.size = both;
        tokens += sequences[i].prompt_size - both;
        shared++;
    }
    if (shared == 0) t.size = 0;
    return t;
}

size_t pack_fill(pack *p, const masa_sequence *sequences, size_t n,
                 const masa_activations *kept, float temperature)
{
    p->batch = (masa_batch){.tokens = p->tokens,
                            .positions = p->positions,
                            .segments = p->segments,
                            .target_rows = p->target_rows,
                            .target_tokens = p->target_tokens,
                            .temperature = temperature,
                            .kept = kept,
                            .kept_rows = p->kept_rows};
    masa_batch *b = &p->batch;
    stem t = {.segment = -1};
    int32_t prompt_segment = -1;
    size_t i = 0;
    for (; i < n; i++) {
        const masa_sequence *s = &sequences[i];
        bool joins = i > 0 && s->group == sequences[i - 1].group;
        if (!joins && (t.size == 0 || common(&t, s) < t.size)) t = find_stem(p, s, n - i);
        size_t rows = own_rows(s);
        if (!joins) rows += s->prompt_size - (t.segment < 0 ? 0 : t.size);
        if (b->n_tokens + rows > p->max_tokens ||
            b->n_targets + s->response_size > p->max_tokens)
            break;
        if (!joins && t.size > 0 && t.segment < 0) {
            t.segment = (int32_t)b->n_segments;
            add_segment(p, s, 0, t.size, -1);
        }
        if (!joins) {
            prompt_segment = (int32_t)b->n_segments;
            add_segment(p, s, t.size, s->prompt_size - t.size, t.segment);
        }
        add_response(p, s, prompt_segment);
        if (!s->kept_rows) b->kept = NULL;
    }
    assert(i > 0);
    return i;
}
