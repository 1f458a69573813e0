/* CRC-32C, eight bytes at a time: table k advances a byte by k further bytes (Kounavis
 * and Berry 2005, "slicing-by-8"). A gigabyte takes about a second. */
#include "crc32c.h"

#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (c & 1 ? 0x82F63B78u : 0);
        table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xFF];
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    pthread_once(&once, fill_table);
    const uint8_t *p = data;
    uint32_t c = ~crc;
    for (; size >= 8; p += 8, size -= 8) {
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = table[7][c & 0xFF] ^ table[6][c >> 8 & 0xFF] ^ table[5][c >> 16 & 0xFF] ^
            table[4][c >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
            table[0][p[7]];
    }
    for (; size > 0; p++, size--) c = c >> 8 ^ table[0][(c ^ *p) & 0xFF];
    return ~c;
}

uint32_t crc32c_masked(const void *data, size_t size)
{
    uint32_t c = crc32c(0, data, size);
    return (c >> 15 | c << 17) + 0xA282EAD8u;
}
