/*
 * Sampling without sorting the vocabulary.
 *
 * One vectorised pass takes the log-sum-exp of every chunk of 256 tokens. Their
 * sum is the softmax's denominator, and the draw first inverts the distribution
 * over chunks, then over the tokens of one chunk: 256 exponentials instead of a
 * vocabulary of them. Since no score in a chunk exceeds its log-sum-exp, the
 * same numbers let the filters and the greedy choice skip whole chunks.
 */
#include <masa/memory.h>
#include <masa/parallel.h>

#include <math.h>
#include <stdlib.h>

#include "cpu_backend.h"
#include "isa/isa_head.h"
#include "cpu_scratch.h"

enum { CHUNK = 256 };

typedef struct candidate {
    float score; /* logit / temperature */
    int32_t token;
} candidate;

/* Filters look first at tokens within this distance of the best score (a
 * probability ratio of 6e-6) and at all of them only when those were too few. */
static const float first_span = 12.0f;

/* What the steps of one draw share. */
typedef struct draw {
    const float *logits; /* [vocab] */
    size_t vocab, chunks;
    float scale;     /* 1 / temperature */
    double lse;      /* log sum of exp(score) over the vocabulary */
    float best;      /* the highest score */
    int32_t first;   /* the lowest token id that has it */
    float *sums;     /* [chunks] log-sum-exp of each chunk of the vocabulary */
    double *weights; /* [chunks] their exponentials */
    candidate *candidates;
} draw;

static size_t chunk_end(const draw *d, size_t chunk)
{
    size_t end = (chunk + 1) * CHUNK;
    return end < d->vocab ? end : d->vocab;
}

/* A chunk of impossible tokens has no finite sum; that is no error. */
static bool is_impossible(const draw *d, size_t chunk)
{
    for (size_t i = chunk * CHUNK; i < chunk_end(d, chunk); i++)
        if (d->logits[i] != -INFINITY) return false;
    return true;
}

/* The sums of all chunks and of the whole row; false when they are not numbers. */
static bool sum_chunks(draw *d)
{
    d->weights = scratch_get(SCRATCH_CHUNKS, d->chunks * (sizeof(double) + sizeof(float)));
    d->sums = (float *)(d->weights + d->chunks);
    size_t whole = d->vocab / CHUNK, rest = d->vocab % CHUNK;
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    k->logsumexp(d->sums, d->logits, whole, CHUNK, d->scale);
    if (rest) k->logsumexp(d->sums + whole, d->logits + whole * CHUNK, 1, rest, d->scale);
    float top = -INFINITY;
    for (size_t c = 0; c < d->chunks; c++) {
        if (!isfinite(d->sums[c])) {
            if (!is_impossible(d, c)) return false;
            d->sums[c] = -INFINITY;
        }
        if (d->sums[c] > top) top = d->sums[c];
    }
    double total = 0;
    for (size_t c = 0; c < d->chunks; c++) total += exp((double)d->sums[c] - (double)top);
    d->lse = (double)top + log(total);
    return isfinite(d->lse);
}

/* Whether a chunk can hold a score of at least `score`, allowing for rounding. */
static bool reaches(const draw *d, size_t chunk, float score)
{
    return d->sums[chunk] >= score - 1e-5f * fabsf(score) - 1e-5f;
}

static void find_best(draw *d)
{
    d->best = -INFINITY;
    for (size_t c = 0; c < d->chunks; c++) {
        if (!reaches(d, c, d->best)) continue;
        for (size_t i = c * CHUNK; i < chunk_end(d, c); i++) {
            float score = d->logits[i] * d->scale;
            if (score <= d->best) continue;
            d->best = score;
            d->first = (int32_t)i;
        }
    }
}

/*
 * The first index at which the running sum of weights exceeds `u` times their
 * total. *within: how far into that weight u lies, in [0, 1). Total and running
 * sum are added up in the same order, so rounding cannot lead past the last
 * weight that counts.
 */
static size_t invert(const double *weights, size_t n, double u, double *within)
{
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) total += weights[i];
    size_t i = 0;
    while (i + 1 < n && !(sum + weights[i] > u * total)) sum += weights[i++];
    double fraction = (u * total - sum) / weights[i];
    *within = fraction < 1 ? fmax(fraction, 0) : 1 - 0x1p-53;
    return i;
}

/* Inverts the distribution over the chunks, then over the tokens of one. */
static int32_t draw_plain(const draw *d, double u)
{
    double within, weights[CHUNK];
    for (size_t c = 0; c < d->chunks; c++) d->weights[c] = exp((double)d->sums[c] - d->lse);
    size_t chunk = invert(d->weights, d->chunks, u, &within);
    size_t first = chunk * CHUNK, n = chunk_end(d, chunk) - first;
    for (size_t i = 0; i < n; i++)
        weights[i] = exp((double)(d->logits[first + i] * d->scale) - (double)d->sums[chunk]);
    return (int32_t)(first + invert(weights, n, within, &within));
}

/* Whether a comes before b in the order that filters keep tokens. */
static bool before(candidate a, candidate b)
{
    return a.score > b.score || (a.score == b.score && a.token < b.token);
}

static void sift(candidate *heap, size_t n, size_t at)
{
    candidate item = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], item)) break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

/* Collects the possible tokens with a score of at least `least`; returns how many. */
static size_t gather(draw *d, float least)
{
    size_t n = 0;
    d->candidates = scratch_get(SCRATCH_CANDIDATES, d->vocab * sizeof *d->candidates);
    for (size_t c = 0; c < d->chunks; c++) {
        if (!reaches(d, c, least)) continue;
        for (size_t i = c * CHUNK; i < chunk_end(d, c); i++) {
            float score = d->logits[i] * d->scale;
            d->candidates[n] = (candidate){score, (int32_t)i};
            n += score >= least && score > -INFINITY;
        }
    }
    return n;
}

static double weight_of(const draw *d, candidate c)
{
    return exp((double)c.score - (double)d->best);
}

/*
 * Moves the best candidates, in falling order, to the end of the array until
 * top-k or top-p is full; returns how many. *full: one of them was, so that more
 * candidates would change nothing. Weights are relative to the best token's.
 */
static size_t select_best(const draw *d, size_t n, const masa_sampling *s, bool *full)
{
    candidate *heap = d->candidates;
    size_t k = s->top_k > 0 ? (size_t)s->top_k : SIZE_MAX, kept = 0;
    double nucleus = s->top_k > 0 ? INFINITY : s->top_p * exp(d->lse - (double)d->best);
    double mass = 0;
    for (size_t i = n / 2; i-- > 0;) sift(heap, n, i);
    while (n > 0 && kept < k && mass < nucleus) {
        candidate top = heap[0];
        heap[0] = heap[--n];
        if (n > 0) sift(heap, n, 0);
        heap[n] = top;
        kept++;
        mass += weight_of(d, top);
    }
    *full = kept == k || mass >= nucleus;
    return kept;
}

/* How many of the tokens in falling order (items[n-1] is the best) the filters keep. */
static size_t cut(const draw *d, const candidate *items, size_t n, const masa_sampling *s)
{
    double total = 0, mass = 0;
    float least = s->min_p > 0 ? d->best + logf(s->min_p) : -INFINITY;
    for (size_t i = 0; s->top_k > 0 && i < n; i++) total += weight_of(d, items[i]);
    size_t kept = 0;
    while (kept < n) {
        candidate next = items[n - 1 - kept];
        if (next.score < least && kept > 0) break;
        mass += weight_of(d, next);
        kept++;
        if (s->top_k > 0 && s->top_p < 1 && mass >= s->top_p * total) break;
    }
    return kept;
}

static int32_t draw_kept(const draw *d, const candidate *kept, size_t n, double u)
{
    double total = 0, sum = 0;
    for (size_t i = n; i-- > 0;) total += weight_of(d, kept[i]);
    int32_t token = d->first;
    for (size_t i = n; i-- > 0;) {
        double w = weight_of(d, kept[i]);
        if (w <= 0) continue;
        token = kept[i].token;
        sum += w;
        if (sum > u * total) break;
    }
    return token;
}

static int32_t draw_filtered(draw *d, const masa_sampling *given, double u)
{
    masa_sampling s = *given;
    if ((size_t)s.top_k >= d->vocab) s.top_k = 0;
    candidate *items = NULL;
    size_t n = 0, kept = 0;
    if (s.top_k == 0 && s.top_p >= 1) { /* min-p alone needs no order */
        n = gather(d, s.min_p > 0 ? d->best + logf(s.min_p) : -INFINITY);
        return n ? draw_kept(d, d->candidates, n, u) : d->first;
    }
    bool full = false;
    n = gather(d, d->best - first_span);
    kept = select_best(d, n, &s, &full);
    if (!full) {
        n = gather(d, -INFINITY);
        kept = select_best(d, n, &s, &full);
    }
    items = d->candidates + n - kept;
    size_t last = cut(d, items, kept, &s);
    return draw_kept(d, items + kept - last, last, u);
}

/* One draw from its row [vocab] of logits; false: there is no token to draw. */
static bool draw_one(masa_draw *out, const float *logits, size_t vocab)
{
    const masa_sampling *sampling = &out->sampling;
    bool greedy = sampling->temperature == 0;
    bool filtered = sampling->top_k > 0 || sampling->top_p < 1 || sampling->min_p > 0;
    draw d = {.logits = logits,
              .vocab = vocab,
              .chunks = (vocab + CHUNK - 1) / CHUNK,
              .scale = greedy ? 1.0f : 1.0f / sampling->temperature};
    if (!sum_chunks(&d)) return false;
    if (greedy || filtered) find_best(&d);
    int32_t chosen = greedy     ? d.first
                     : filtered ? draw_filtered(&d, sampling, out->u)
                                : draw_plain(&d, out->u);
    out->token = chosen;
    out->logprob = (float)((double)(logits[chosen] * d.scale) - d.lse);
    return true;
}

struct call {
    masa_draw *draws;
    const float *logits;
    size_t vocab;
};

static void draw_number(void *of, size_t i)
{
    const struct call *c = of;
    masa_draw *to = &c->draws[i];
    to->valid = draw_one(to, c->logits + to->row * c->vocab, c->vocab);
}

void cpu_sample(masa_draw *draws, size_t n, const float *logits, size_t vocab)
{
    struct call c = {draws, logits, vocab};
    masa_parallel(n, draw_number, &c);
}
