/**
 * Causal grouped-query attention: over packed sequences for training, over a
 * block KV cache for generation; both in the same order of additions, so that they
 * agree to the last bit. Storage in `dtype`, softmax and sums in float32.
 */
#ifndef MASA_ATTENTION_H
#define MASA_ATTENTION_H

#include <stddef.h>
#include <stdint.h>
#include <masa/device.h>
#include <masa/dtype.h>
#include <masa/error.h>

/* What the kernels of every device can do; the model's configuration is checked for it. */
enum {
    MASA_ATTENTION_MOST_GROUP = 32, /* query heads that share a key/value head */
    MASA_ATTENTION_MOST_DIM = 256,  /* head_dim, which is even */
};

typedef struct masa_attention_shape {
    size_t q_heads, kv_heads, head_dim; /* q_heads is a multiple of kv_heads */
    size_t stride; /* elements between rows of q, k and v: they live in one [rows, stride] */
    float scale;   /* usually 1/sqrt(head_dim) */
    masa_dtype dtype;
} masa_attention_shape;

/**
 * A part of a sequence inside a packed batch: rows [start, start+length). A segment with
 * parent >= 0 (a smaller index) continues it: its tokens also attend to every token of the
 * parent and of all that the parent continues. So what sequences begin with in common is
 * computed once for all of them, with exact gradients.
 */
typedef struct masa_segment {
    int32_t start, length, parent;
} masa_segment;

/** What the layers of a pass over one packed batch share: made once, set once a batch. */
typedef struct masa_attention_plan masa_attention_plan;
masa_status masa_attention_plan_create(masa_attention_plan **out, size_t max_segments,
                                       masa_error *err);
void masa_attention_plan_destroy(masa_attention_plan *plan);
/** Bytes of masa_attention_plan_create, SIZE_MAX if they overflow. */
size_t masa_attention_plan_bytes(size_t max_segments);
/** segments [n], at most max_segments, is a host array and copied. They follow one another
 *  from row 0 on. */
void masa_attention_plan_set(masa_attention_plan *plan, const masa_segment *segments, size_t n);

/**
 * out [rows, q_heads*head_dim] dtype (contiguous), lse [rows, q_heads] float32:
 * the log of the softmax's denominator, kept for the backward pass.
 * q, k, v point at row 0 of their part of the [rows, stride] buffer, already
 * rotated. Flash-style: no [length, length] matrix is stored.
 * Dao et al. 2022 (arXiv:2205.14135).
 */
void masa_attention_forward(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                            const void DEVICE *k, const void DEVICE *v,
                            const masa_attention_plan *plan, const masa_attention_shape *shape);

/**
 * dq, dk, dv OVERWRITTEN, laid out as q, k, v (same stride). dout, out
 * [rows, q_heads*head_dim]. parts is scratch of masa_attention_backward_floats floats:
 * each query head's share of dk and dv, which are summed in the order of heads. A shared
 * parent's gradients sum over the children in index order. So the result does not depend
 * on the number of threads.
 * Precision: where bf16 is native its products take bf16 operands, the probabilities and
 * their gradients among them, and sum in float32; elsewhere all is float32.
 */
void masa_attention_backward(void DEVICE *dq, void DEVICE *dk, void DEVICE *dv,
                             float DEVICE *parts, const void DEVICE *dout,
                             const void DEVICE *out, const float DEVICE *lse,
                             const void DEVICE *q, const void DEVICE *k, const void DEVICE *v,
                             const masa_attention_plan *plan,
                             const masa_attention_shape *shape);
size_t masa_attention_backward_floats(size_t rows, size_t q_heads, size_t head_dim);

/**
 * One layer of the block KV cache. A block of k, and of v, takes kv_heads * block_tokens *
 * head_dim elements; how they lie in it is the device's choice, so blocks are copied whole.
 */
typedef struct masa_kv_layer {
    void DEVICE *k, *v;
    size_t block_tokens, kv_heads, head_dim;
    masa_dtype dtype;
} masa_kv_layer;

/** Stores row r of k and v (row stride in elements) at slots[r] = block*block_tokens + offset. On
 *  devices that record (masa_device_records) a slot may be -1, that of a row that fills a batch
 *  up, and a row's length 0: its result is 0. */
void masa_kv_write(const masa_kv_layer *kv, const void DEVICE *k, const void DEVICE *v,
                   size_t stride, const int32_t DEVICE *slots, size_t rows);

/**
 * Heads as a product leaves them, and what makes q and k ready for attention: RMSNorm where there
 * are gains (Qwen3), then the rotation.
 */
typedef struct masa_heads {
    void DEVICE *qkv;                /* [rows, stride]: a row's q, k and v */
    void DEVICE *rotated;            /* likewise, for q and k; without gains it is qkv */
    const int32_t DEVICE *positions; /* [rows] */
    const float DEVICE *cos_table, *sin_table; /* [n_positions, head_dim/2] */
    const float DEVICE *q_gain, *k_gain;       /* [head_dim] each, or both NULL */
    float DEVICE *rstd; /* [rows, q_heads], then [rows, kv_heads]; NULL with a cache */
    float eps;
} masa_heads;

/** masa_headnorm_forward of q and of k where there are gains, masa_rope_apply of both and, where
 *  kv is not NULL, masa_kv_write: one kernel in place of four on a device that has it. */
void masa_heads_rotate(const masa_heads *heads, const masa_attention_shape *shape,
                       const masa_kv_layer *kv, const int32_t DEVICE *slots, size_t rows);

/**
 * Rows of a decoding step. Neighbouring rows of one sequence (a prompt's chunk, or a single
 * new token) are a run; a run's lengths grow by 1 from row to row.
 */
typedef struct masa_cached_rows {
    size_t rows, n_runs;
    size_t longest_run;                 /* rows of the longest run */
    size_t longest_context;             /* the highest of lengths */
    size_t max_blocks;                  /* of a sequence's row of block_tables */
    const int32_t DEVICE *block_tables; /* [sequences, max_blocks] block numbers */
    const int32_t DEVICE *sequences;    /* [rows]: index into block_tables */
    const int32_t DEVICE *lengths;      /* [rows]: tokens that the row attends to */
    const int32_t DEVICE *runs;         /* [n_runs + 1]: first row of each; then rows */
} masa_cached_rows;

/**
 * Each row attends to the first lengths[r] tokens of its sequence (its own is already
 * written). out [rows, q_heads*head_dim] dtype; lse [rows, q_heads] as above, or NULL.
 */
void masa_attention_cached(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                           const masa_kv_layer *kv, const masa_cached_rows *rows,
                           const masa_attention_shape *shape);

#endif
