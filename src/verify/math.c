/* Compares two answers as numbers where both are, else as text without spaces. */
#include "answer.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <flint/fmpq.h>

/* The answer without spaces, dollar signs, thin spaces and thousands separators. */
static char *squeeze(const char *s, size_t n)
{
    static const char *const dropped[] = {"\\!", "\\,", "\\;", "\\left", "\\right", "\\$", "\\(", "\\)"};
    masa_text out = {0};
    for (size_t i = 0; i < n; i++) {
        bool drop = isspace((unsigned char)s[i]) || s[i] == '$';
        for (size_t k = 0; !drop && k < sizeof dropped / sizeof *dropped; k++) {
            size_t m = strlen(dropped[k]);
            if (m > n - i || memcmp(s + i, dropped[k], m) != 0) continue;
            i += m - 1;
            drop = true;
        }
        if (s[i] == ',' && i && isdigit((unsigned char)s[i - 1]) && n - i > 3 &&
            isdigit((unsigned char)s[i + 1]) && isdigit((unsigned char)s[i + 2]) &&
            isdigit((unsigned char)s[i + 3]))
            drop = true;
        if (!drop) masa_text_append(&out, s + i, 1);
    }
    return masa_text_take(&out);
}

/* digits[.digits][e[sign]digits] at *s; moves *s behind it. */
static bool read_decimal(fmpq_t out, const char **s)
{
    const char *p = *s;
    masa_text digits = {0};
    long point = 0, exponent = 0;
    while (isdigit((unsigned char)*p)) masa_text_append(&digits, p++, 1);
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); point++) masa_text_append(&digits, p++, 1);
    bool good = digits.size > 0 && digits.size < 4000;
    if (good && (*p == 'e' || *p == 'E')) {
        char *end;
        long value = strtol(p + 1, &end, 10);
        if (end > p + 1) exponent = value, p = end;
    }
    exponent -= point;
    good = good && labs(exponent) < 4000;
    if (good) {
        fmpz_t power;
        fmpz_init(power);
        fmpz_set_str(fmpq_numref(out), digits.data, 10);
        fmpz_one(fmpq_denref(out));
        fmpz_set_ui(power, 10);
        fmpz_pow_ui(power, power, (ulong)labs(exponent));
        if (exponent < 0)
            fmpq_div_fmpz(out, out, power);
        else
            fmpq_mul_fmpz(out, out, power);
        fmpz_clear(power);
        *s = p;
    }
    masa_text_deinit(&digits);
    return good;
}

static bool read_fraction(fmpq_t out, const char *s)
{
    bool negative = *s == '-';
    if (*s == '-' || *s == '+') s++;
    bool frac = strncmp(s, "\\frac{", 6) == 0, good;
    if (frac) s += 6;
    good = read_decimal(out, &s);
    const char *middle = frac ? "}{" : "/";
    size_t n = strlen(middle);
    if (good && (frac || *s == '/')) {
        fmpq_t below;
        fmpq_init(below);
        good = strncmp(s, middle, n) == 0 && (s += n, read_decimal(below, &s)) &&
               !fmpq_is_zero(below);
        if (good) fmpq_div(out, out, below);
        if (good && frac) good = *s++ == '}';
        fmpq_clear(below);
    }
    if (negative) fmpq_neg(out, out);
    return good && *s == 0;
}

static bool close_enough(const fmpq_t a, const fmpq_t b, double tolerance)
{
    if (fmpq_equal(a, b)) return true;
    if (!(tolerance > 0)) return false;
    double x = fmpq_get_d(a), y = fmpq_get_d(b);
    double apart = x > y ? x - y : y - x;
    return apart <= tolerance * (y < 0 ? -y : y);
}

masa_verdict verify__compare_math(const char *answer, size_t size, const char *gold,
                                  size_t gold_size, const masa_verify_options *options,
                                  const char **rule)
{
    char *a = squeeze(answer, size), *b = squeeze(gold, gold_size);
    masa_verdict verdict;
    fmpq_t x, y;
    fmpq_init(x);
    fmpq_init(y);
    *rule = "text";
    if (!*b) {
        verdict = MASA_VERDICT_BAD_GOLD;
    } else if (read_fraction(x, a) && read_fraction(y, b)) {
        *rule = "number: exact";
        verdict = close_enough(x, y, options->tolerance) ? MASA_VERDICT_EQUAL
                                                         : MASA_VERDICT_DIFFERENT;
    } else {
        verdict = strcasecmp(a, b) == 0 ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    }
    fmpq_clear(x);
    fmpq_clear(y);
    free(a);
    free(b);
    return verdict;
}
