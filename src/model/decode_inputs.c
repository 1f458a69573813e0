/* A step's integers: what its rows are, where they store and what they see. */
#include <assert.h>
#include <string.h>
#include "decode_internal.h"

/* The next of a step's integers, written to the host's array; *used are before them. n come
 * `from` there (NULL: the caller writes them), 0 fills up to `room`. */
static int32_t *take(const masa_decoder *d, size_t *used, size_t n, size_t room,
                     const int32_t *from, const int32_t DEVICE **to)
{
    int32_t *host = d->host + *used;
    *to = d->inputs + *used;
    *used += room;
    if (from && n) memcpy(host, from, n * sizeof *host);
    memset(host + n, 0, (room - n) * sizeof *host);
    return host;
}

/* Where each row's key and value are stored, and how far it sees. */
static void locate_rows(const masa_decoder *d, const masa_kv_store *store,
                        const masa_decode_batch *batch, size_t room, size_t *used, inputs *in)
{
    size_t rows = batch->rows, size = store->block_tokens;
    int32_t *slots = take(d, used, rows, room, NULL, &in->slots);
    int32_t *lengths = take(d, used, rows, room, NULL, &in->cached.lengths);
    for (size_t r = rows; r < room; r++) slots[r] = -1;
    for (size_t r = 0; r < rows; r++) {
        size_t position = (size_t)batch->positions[r];
        const int32_t *table =
            batch->block_tables + (size_t)batch->sequences[r] * batch->max_blocks;
        size_t block = (size_t)table[position / size];
        assert(position < d->model->config.max_positions && block < store->n_blocks);
        slots[r] = (int32_t)(block * size + position % size);
        lengths[r] = batch->positions[r] + 1;
        if (position >= in->cached.longest_context) in->cached.longest_context = position + 1;
    }
}

/* Runs of rows of one sequence, which number the sequences of the step. Rows that fill up are of
 * the first sequence, of which they see nothing. */
static void find_runs(const masa_decoder *d, const masa_decode_batch *batch, size_t room,
                      size_t *used, inputs *in)
{
    size_t rows = batch->rows, n = 0, most = d->sizes.sequences + 1;
    int32_t *sequences = take(d, used, rows, room, NULL, &in->cached.sequences);
    int32_t *runs = take(d, used, most, most, NULL, &in->cached.runs);
    for (size_t r = 0; r < rows; r++) {
        if (r == 0 || batch->sequences[r] != batch->sequences[r - 1]) {
            assert(n < d->sizes.sequences);
            runs[n++] = (int32_t)r;
        }
        sequences[r] = (int32_t)n - 1;
        size_t length = r + 1 - (size_t)runs[n - 1];
        if (length > in->cached.longest_run) in->cached.longest_run = length;
    }
    runs[n] = (int32_t)rows;
    in->cached.rows = room;
    in->cached.n_runs = n;
}

/* The runs' block tables, as long as the longest of them needs, or as long as `at_least`. */
static void gather_tables(const masa_decoder *d, const masa_kv_store *store,
                          const masa_decode_batch *batch, size_t room, size_t at_least,
                          size_t *used, inputs *in)
{
    const int32_t *runs = d->host + (in->cached.runs - d->inputs);
    size_t blocks =
        (in->cached.longest_context + store->block_tokens - 1) / store->block_tokens;
    assert(blocks <= d->sizes.blocks);
    if (at_least) {
        assert(blocks <= at_least);
        blocks = at_least;
        in->cached.longest_context = blocks * store->block_tokens;
    }
    in->cached.max_blocks = blocks;
    size_t n_tables = in->cached.n_runs * blocks;
    int32_t *tables = take(d, used, n_tables, room > batch->rows ? room * blocks : n_tables,
                           NULL, &in->cached.block_tables);
    for (size_t i = 0; i < in->cached.n_runs; i++) {
        size_t from = (size_t)batch->sequences[runs[i]] * batch->max_blocks;
        size_t n = blocks < batch->max_blocks ? blocks : batch->max_blocks;
        memcpy(tables + i * blocks, batch->block_tables + from, n * sizeof *tables);
    }
}

inputs decode_put_inputs(const masa_decoder *d, const masa_kv_store *store,
                         const masa_decode_batch *batch, size_t rows, size_t blocks)
{
    inputs in = {0};
    size_t used = 0, n = batch->rows, room = rows ? rows : n;
    take(d, &used, n, room, batch->tokens, &in.tokens);
    take(d, &used, n, room, batch->positions, &in.positions);
    if (batch->kept) take(d, &used, n, room, batch->kept_rows, &in.kept_rows);
    in.n_logits = rows ? rows : batch->n_logits;
    if (!rows) take(d, &used, in.n_logits, in.n_logits, batch->logit_rows, &in.logit_rows);
    locate_rows(d, store, batch, room, &used, &in);
    find_runs(d, batch, room, &used, &in);
    gather_tables(d, store, batch, room, blocks, &used, &in);
    masa_device_put(d->inputs, d->host, used * sizeof *d->host);
    return in;
}
