/* masa bench: what its sections share, the machine's peaks and the table. */
#ifndef MASA_CLI_BENCH_H
#define MASA_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/model.h>

enum { BENCH_MOST = 16 }; /* values of one list */

/* A packed pass: so many sequences of one length. */
typedef struct bench_pass {
    size_t count, length;
} bench_pass;

typedef struct bench {
    masa_model *model;
    masa_dtype compute;
    bool json, quick, recompute;
    /* What replaces the sections' own sizes; n 0 or a size 0: nothing does. */
    size_t batches[BENCH_MOST], n_batches;
    bench_pass passes[BENCH_MOST];
    size_t n_passes;
    size_t contexts[BENCH_MOST], n_contexts;
    long new_tokens, prompts, group, kept_memory;
    double gemm_f32, gemm_bf16; /* FLOP/s of a large square product; 0: not measured */
    double bandwidth;           /* bytes/s */
} bench;

/* One measurement. flops and bytes are what the work needs at the least. */
typedef struct bench_row {
    const char *section, *name;
    double tokens, seconds;
    double flops;   /* as masa_model_flops counts, for all tokens */
    double bytes;   /* moved to and from memory: weights once a step, keys and values */
    double planned; /* bytes that the program said it would need; 0: not asked */
} bench_row;

/* Forgets the most memory that the process had so far, where the system lets it. */
void bench_reset_memory(void);
/*
 * Prints a row: tokens/s, GFLOP/s, and its share of the roofline, which is the time that
 * either the products at the measured peak or the reading of memory at the measured
 * bandwidth takes, whichever is longer, over the time it took.
 */
void bench_print(const bench *b, const bench_row *row);

/* Whether the model takes so many tokens; what does not fit is left out. */
bool bench_fits(const bench *b, size_t tokens);

/* n tokens of a text without meaning, the same for the same seed. */
void bench_tokens(const bench *b, int32_t *tokens, size_t n, uint64_t seed);

/* The size that was asked for, else the section's own. */
size_t bench_size(long asked, size_t own);

/*
 * Forward and backward pass over `count` sequences of `length` random tokens: the least
 * seconds of `repeats`.
 */
masa_status bench_measure_pass(bench *b, bench_pass pass, int repeats, double *seconds,
                               masa_error *err);

/* bench_decode.c, bench_train.c, bench_curve.c: the sections. */
masa_status bench_prefill(bench *b, masa_error *err);
masa_status bench_decode(bench *b, masa_error *err);
masa_status bench_groups(bench *b, masa_error *err);
masa_status bench_train(bench *b, masa_error *err);
masa_status bench_step(bench *b, masa_error *err);
masa_status bench_curve(bench *b, masa_error *err);

#endif
