/**
 * The decoding pass: new tokens of many sequences in one batch over a block KV
 * cache. A prompt's chunk and a single new token are the same thing: rows.
 */
#ifndef MASA_DECODE_H
#define MASA_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include <masa/activations.h>
#include <masa/attention.h>
#include <masa/model.h>

/* Storage of keys and values for all layers, in the model's compute dtype:
 * [layers][2][blocks, kv_heads, block_tokens, head_dim]. */
typedef struct masa_kv_store {
    void *memory;
    size_t n_blocks, block_tokens;
} masa_kv_store;

masa_status masa_kv_store_init(masa_kv_store *store, const masa_model *model,
                               size_t n_blocks, size_t block_tokens, masa_error *err);
void masa_kv_store_deinit(masa_kv_store *store);
size_t masa_kv_store_bytes(const masa_model_config *config, masa_dtype dtype,
                           size_t n_blocks, size_t block_tokens);

typedef struct masa_decode_batch {
    size_t rows;
    const int32_t *tokens;       /* [rows] */
    const int32_t *positions;    /* [rows]: the row attends to positions 0..position */
    const int32_t *sequences;    /* [rows]: index into block_tables */
    const int32_t *block_tables; /* [sequences, max_blocks] block numbers */
    size_t max_blocks;
    size_t n_logits;           /* at most the decoder's max_rows */
    const int32_t *logit_rows; /* [n_logits]: rows whose logits are wanted */
    masa_activations *kept;    /* where activations are kept, or NULL */
    const int32_t *kept_rows;  /* [rows]: its row for each of these, or -1 */
} masa_decode_batch;

typedef struct masa_decoder masa_decoder; /* scratch for batches of up to max_rows */
masa_status masa_decoder_create(masa_decoder **out, masa_model *model, size_t max_rows,
                                masa_error *err);
void masa_decoder_destroy(masa_decoder *decoder);
/** Bytes of scratch that masa_decoder_create takes. */
size_t masa_decoder_bytes(const masa_model_config *config, masa_dtype compute,
                          size_t max_rows);

/** Writes the rows' keys and values to the store and the wanted logits
 *  [n_logits, vocab] float32 (not divided by a temperature). */
void masa_decoder_run(masa_decoder *decoder, masa_kv_store *store,
                      const masa_decode_batch *batch, float *logits);

#endif
