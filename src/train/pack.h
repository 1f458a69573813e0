/* Packs sequences into a masa_batch: what prompts begin with in common once, each group's
 * prompt once, then its responses. */
#ifndef MASA_TRAIN_PACK_H
#define MASA_TRAIN_PACK_H

#include <masa/pass.h>
#include <masa/trainer.h>

typedef struct pack {
    masa_batch batch; /* points into the arrays below */
    int32_t *tokens, *positions, *target_rows, *target_tokens, *kept_rows;
    masa_segment *segments;
    size_t max_tokens; /* and most targets: only one-token responses have more than rows */
} pack;

masa_status pack_init(pack *p, size_t max_tokens, masa_error *err);
void pack_deinit(pack *p);
size_t pack_bytes(size_t max_tokens);

/*
 * Packs as many of sequences[0..n) as fit, from the first on; returns how many
 * (at least 1: the caller has checked that each fits alone). Their targets
 * follow one another in order: the response tokens of sequence 0, 1, ...
 * A response's last token is a target but is not run through the model. The batch has
 * the store of activations if that has those of all its sequences: how sequences are packed,
 * and so what is computed, does not depend on what was kept.
 */
size_t pack_fill(pack *p, const masa_sequence *sequences, size_t n,
                 const masa_activations *kept, float temperature);

#endif
