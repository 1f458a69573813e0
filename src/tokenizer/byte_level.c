/*
 * The byte-level alphabet of GPT-2: bytes that are printable in Latin-1 are
 * themselves, the other 68 are U+0100, U+0101, ... in ascending order.
 */
#include "tokenizer_internal.h"

enum { FIRST_SHIFTED = 0x100, N_SHIFTED = 68 };

static bool is_printable(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/* How many bytes below this one are written as U+0100 and above. */
static unsigned shifted_below(unsigned byte)
{
    if (byte <= ' ') return byte;              /* 0x00..0x20 are the first 33 */
    if (byte <= 0xA0) return 33 + byte - 0x7F; /* 0x7F..0xA0 the next 34 */
    return N_SHIFTED - 1;                      /* 0xAD is the last */
}

static unsigned unshift(unsigned index)
{
    return index < 33 ? index : index < N_SHIFTED - 1 ? index - 33 + 0x7F : 0xAD;
}

void tokenizer_bytes_to_alphabet(masa_text *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned byte = (unsigned char)s[i];
        char utf8[4];
        size_t size = masa_utf8_encode(
            is_printable(byte) ? byte : FIRST_SHIFTED + shifted_below(byte), utf8);
        masa_text_append(out, utf8, size);
    }
}

bool tokenizer_alphabet_to_bytes(masa_text *out, const char *s, size_t n)
{
    size_t before = out->size;
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t size = masa_utf8_decode(s + i, n - i, &code);
        bool shifted = code >= FIRST_SHIFTED && code < FIRST_SHIFTED + N_SHIFTED;
        if (size == 0 || !(shifted || (code < FIRST_SHIFTED && is_printable(code)))) {
            out->size = before;
            return false;
        }
        char byte = (char)(shifted ? unshift(code - FIRST_SHIFTED) : code);
        masa_text_append(out, &byte, 1);
        i += size;
    }
    return true;
}
