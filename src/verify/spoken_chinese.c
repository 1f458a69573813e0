/* Numbers in the words of Chinese: 二十五, 三分之二, 负三, 三点一四, 百分之五十, 一半. */
#include "parser.h"

#include <string.h>

enum { SIGN_BYTES = 3, MOST_PLACES = 12 };

/* Which of the signs, three bytes each, is at s; -1: none. */
static int which_sign(const char *s, const char *signs)
{
    for (int k = 0; signs[SIGN_BYTES * k]; k++)
        if (memcmp(s, signs + SIGN_BYTES * k, SIGN_BYTES) == 0) return k;
    return -1;
}

static int digit_of(const char *s)
{
    int digit = which_sign(s, "零一二三四五六七八九〇两");
    return digit == 10 ? 0 : digit == 11 ? 2 : digit;
}

/* A whole number, of digits with their places; -1: none. Digits in a row, 一二, are none. */
static long whole_number(const char *s, size_t n)
{
    static const long places[] = {10, 100, 1000, 10000, 100000000};
    long total = 0, section = 0, digit = -1;
    if (n == 0 || n % SIGN_BYTES || n > MOST_PLACES * SIGN_BYTES) return -1;
    for (size_t i = 0; i < n; i += SIGN_BYTES) {
        int next = digit_of(s + i), place = which_sign(s + i, "十百千万亿");
        if (next >= 0) {
            if (digit > 0) return -1;
            digit = next;
        } else if (place < 0) {
            return -1;
        } else if (place < 3) {
            if (digit <= 0 && (place > 0 || section)) return -1;
            section += (digit > 0 ? digit : 1) * places[place];
            digit = -1;
        } else {
            section += digit > 0 ? digit : 0;
            if (section == 0) return -1;
            total += section * places[place];
            section = 0;
            digit = -1;
        }
    }
    return total + section + (digit > 0 ? digit : 0);
}

/* Digits behind the point, out = out + 0.digits. */
static bool add_places(fmpq_t out, const char *s, size_t n)
{
    fmpq_t place;
    fmpq_init(place);
    bool good = n > 0 && n % SIGN_BYTES == 0 && n <= MOST_PLACES * SIGN_BYTES;
    unsigned long scale = 10;
    for (size_t i = 0; good && i < n; i += SIGN_BYTES, scale *= 10) {
        int digit = digit_of(s + i);
        good = digit >= 0;
        if (good) fmpq_set_si(place, digit, scale);
        if (good) fmpq_canonicalise(place);
        if (good) fmpq_add(out, out, place);
    }
    fmpq_clear(place);
    return good;
}

/* A number with a point or without, or one part of another; false: none. */
static bool read_number(fmpq_t out, const char *s, size_t n)
{
    static const char point[] = "点", part[] = "分之", percent[] = "百分之";
    const char *cut = memmem(s, n, part, strlen(part));
    if (n == strlen("一半") && memcmp(s, "一半", n) == 0) return fmpq_set_si(out, 1, 2), true;
    if (cut) {
        fmpq_t under;
        fmpq_init(under);
        size_t head = (size_t)(cut - s), skip = head + strlen(part);
        bool hundred = n > strlen(percent) && memcmp(s, percent, strlen(percent)) == 0;
        if (hundred) fmpq_set_si(under, 100, 1);
        bool good = (hundred || read_number(under, s, head)) && !fmpq_is_zero(under) &&
                    read_number(out, s + skip, n - skip);
        if (good) fmpq_div(out, out, under);
        fmpq_clear(under);
        return good;
    }
    cut = memmem(s, n, point, strlen(point));
    size_t head = cut ? (size_t)(cut - s) : n;
    long whole = whole_number(s, head);
    if (whole < 0) return false;
    fmpq_set_si(out, whole, 1);
    return !cut || add_places(out, cut + strlen(point), n - head - strlen(point));
}

node *parse_spoken_chinese(work *w, const char *s, size_t n)
{
    static const char minus[] = "负";
    if (n < SIGN_BYTES || (unsigned char)*s < 0xE3) return NULL;
    bool negative = n > strlen(minus) && memcmp(s, minus, strlen(minus)) == 0;
    if (negative) s += strlen(minus), n -= strlen(minus);
    fmpq_t value;
    fmpq_init(value);
    bool good = read_number(value, s, n);
    node *out = good ? node_number(w) : NULL;
    if (good) fmpq_set(out->value, value);
    if (good && negative) fmpq_neg(out->value, out->value);
    fmpq_clear(value);
    return out;
}
