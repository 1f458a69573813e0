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

/* Storage of keys and values for all layers, in the model's compute dtype: [layers][2] planes
 * of n_blocks blocks. */
typedef struct masa_kv_store {
    void DEVICE *memory;
    size_t n_blocks, block_tokens;
    size_t planes, block_bytes; /* of one block in one plane */
} masa_kv_store;

masa_status masa_kv_store_init(masa_kv_store *store, const masa_model *model, size_t n_blocks,
                               size_t block_tokens, masa_error *err);
void masa_kv_store_deinit(masa_kv_store *store);
/** Copies one block's keys and values in every layer. */
void masa_kv_store_copy(masa_kv_store *store, int32_t to, int32_t from);
size_t masa_kv_store_bytes(const masa_model_config *config, masa_dtype dtype, size_t n_blocks,
                           size_t block_tokens);

/* Host arrays, borrowed during the call. */
typedef struct masa_decode_batch {
    size_t rows;
    const int32_t *tokens;       /* [rows] */
    const int32_t *positions;    /* [rows]: the row attends to positions 0..position */
    const int32_t *sequences;    /* [rows]: index into block_tables; a sequence's rows are
                                  * neighbours and go up by one position */
    const int32_t *block_tables; /* [sequences, max_blocks] block numbers */
    size_t max_blocks;
    size_t n_logits;           /* at most the decoder's max_rows */
    const int32_t *logit_rows; /* [n_logits]: rows whose logits are wanted */
    masa_activations *kept;    /* where activations are kept, or NULL */
    const int32_t *kept_rows;  /* [rows]: its row for each of these, or -1 */
} masa_decode_batch;

/* What a decoder's batches have at most: rows, sequences, and blocks of one sequence. */
typedef struct masa_decoder_sizes {
    size_t rows, sequences, blocks;
} masa_decoder_sizes;

typedef struct masa_decoder masa_decoder; /* scratch for batches of these sizes */
masa_status masa_decoder_create(masa_decoder **out, masa_model *model,
                                const masa_decoder_sizes *sizes, masa_error *err);
void masa_decoder_destroy(masa_decoder *decoder);
/** Bytes that masa_decoder_create takes of the device. */
size_t masa_decoder_bytes(const masa_model_config *config, masa_dtype compute,
                          const masa_decoder_sizes *sizes);

/** Writes the rows' keys and values to the store and the wanted logits
 *  [n_logits, vocab] float32 (not divided by a temperature) to device memory, which has room for
 *  a row of each of the decoder's sequences: where the device records, a step is filled up. */
void masa_decoder_run(masa_decoder *decoder, masa_kv_store *store,
                      const masa_decode_batch *batch, float DEVICE *logits);

#endif
