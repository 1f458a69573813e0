/* CRC-32C (Castagnoli), as RFC 3720 defines it: for event files and checkpoints. */
#ifndef RUN_CRC32C_H
#define RUN_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of the bytes before (crc; 0 at the start) followed by data[0..size). */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
/* The masked form that TFRecord stores: a checksum of bytes that hold checksums. */
uint32_t crc32c_masked(const void *data, size_t size);

#endif
