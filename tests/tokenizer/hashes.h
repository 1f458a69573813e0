/* Made by tools/make_tokenizer_golden.py. */
#ifndef MASA_TEST_HASHES_H
#define MASA_TEST_HASHES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct parity_hash {
    const char *name;
    uint64_t parsed, plain;
    size_t n_ids;
    bool comes_back; /* decoding gives every line back */
} parity_hash;
enum { PARITY_COUNT = 4 };
static const parity_hash parity_hashes[PARITY_COUNT] = {
    {"smollm2", 0x6ee08fce8b032ac4, 0x502a8b7450817ce, 2355882, true},
    {"qwen2", 0x36ddb86b26fc5472, 0xa8b70b535c23af6e, 2344438, false},
    {"llama3", 0x34354635a459291f, 0xeccba0b248e5c4e0, 2246599, true},
    {"quirks", 0x436ace26e8f4b34c, 0x3528fdc06570f019, 2799476, false}};
static const parity_hash parity_model = {"model", 0x77c6b0e75e13e295, 0xc1505deb6b3b335a,
                                         2296692, false};
#endif
