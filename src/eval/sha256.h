/* SHA-256 (FIPS 180-4), for the hashes in exported samples. */
#ifndef EVAL_SHA256_H
#define EVAL_SHA256_H

#include <stddef.h>

/* Lower-case hexadecimal digest of data[0..n), NUL-terminated. */
void eval_sha256(char out[65], const void *data, size_t n);

#endif
