/* Units made of others, "km/h", "square meters", "kg m s^{-2}", and comparing any two. */
#include "unit_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { DIMENSIONS = 128, MOST_POWER = 9 };

/* A unit as the powers of its dimensions and its size in their base units. */
typedef struct measure {
    int power[DIMENSIONS];
    fmpq_t size;
    unsigned parts; /* units it is made of, a power or a denominator counting as one more */
} measure;

typedef struct reader {
    const char *s;
    size_t n, i;
    int sign; /* -1 behind "/" */
    bool per; /* the next unit divides, as behind "per" */
} reader;

static bool take(reader *r, const char *word)
{
    size_t m = strlen(word);
    if (m > r->n - r->i || strncasecmp(r->s + r->i, word, m) != 0) return false;
    if (isalpha((unsigned char)word[m - 1]) && r->i + m < r->n &&
        isalpha((unsigned char)r->s[r->i + m]))
        return false;
    r->i += m;
    return true;
}

/* Which of the words (ended by NULL) is next, behind which r is left; -1: none. */
static int take_any(reader *r, const char *const *words)
{
    for (int k = 0; words[k]; k++)
        if (take(r, words[k])) return k;
    return -1;
}

/* Takes what may stand between two units; whether it is more than spaces. */
static bool take_joint(reader *r)
{
    static const char *const joints[] = {
        " ",    "~",   "*",      "\u00b7",  "\u22c5", "\\cdot", "\\,",      "\\;",
        "\\ ",  "{",   "}",      "(",       ")",      "\\text", "\\mathrm", "\\textrm",
        "\\rm", "\\!", "\\left", "\\right", "\\quad", "\\mbox", "$",        NULL};
    static const char *const divisions[] = {"/", "per", "\u6bcf", NULL};
    for (bool more = false;;) {
        int joint = take_any(r, divisions);
        if (joint >= 0) {
            if (joint == 0) r->sign = -1;
            else r->per = true;
            more = true;
        } else if ((joint = take_any(r, joints)) < 0) {
            return more;
        } else {
            more |= joint > 0;
        }
    }
}

/* What may follow another unit with but a space between them: "kg m", not "cm in height". */
static bool is_factor(const unit *u)
{
    return u->dimension[strspn(u->dimension, "ltmAKn/")] == 0 && strcmp(u->name, "in") != 0;
}

/* "^2", "^{-1}", "**2", "\u00b2", " squared", or the digit of "m2"; 1: none. */
static int take_power(reader *r)
{
    static const char *const words[] = {" squared", " cubed", "\u00b2", "\u00b3", NULL};
    reader start = *r;
    int word = take_any(r, words);
    if (word >= 0) return word % 2 ? 3 : 2;
    bool minus = take(r, "\u207b");
    if (minus && take(r, "\u00b9")) return -1;
    if (minus && (word = take_any(r, words)) >= 0) return word % 2 ? -3 : -2;
    (void)take(r, "}"); /* \text{m/s}^2 */
    bool raised = take(r, "^") || take(r, "**"), braces = raised && take(r, "{");
    minus = raised && take(r, "-");
    char c = r->i < r->n ? r->s[r->i] : 0;
    if ((raised || r->i == start.i) && c >= '1' && c <= '0' + MOST_POWER) {
        r->i++;
        bool more = r->i < r->n && isdigit((unsigned char)r->s[r->i]);
        if (!more && (!braces || take(r, "}"))) return minus ? '0' - c : c - '0';
    }
    *r = start;
    return 1;
}

/* The letters at r as one unit; of a language without spaces, as many as are one. */
static const unit *take_unit(reader *r, int *ten)
{
    const char *s = r->s + r->i;
    size_t m = 0, left = r->n - r->i;
    while (m < left && (isalpha((unsigned char)s[m]) || (unsigned char)s[m] >= 0x80)) m++;
    for (; m > 0; m--) {
        const unit *out = unit_find(s, m, ten);
        if (out) r->i += m;
        if (out || isalpha((unsigned char)s[m - 1])) return out;
    }
    return NULL;
}

/* size *= (unit with its prefix)^power */
static void multiply(measure *out, const unit *u, int ten, int power)
{
    fmpq_t one;
    fmpz_t scale;
    fmpq_init(one);
    fmpz_init_set_ui(scale, 10);
    fmpz_pow_ui(scale, scale, (ulong)(ten < 0 ? -ten : ten));
    fmpq_set_si(one, u->over, (ulong)u->under);
    if (ten < 0) fmpq_div_fmpz(one, one, scale);
    else fmpq_mul_fmpz(one, one, scale);
    fmpq_pow_si(one, one, power);
    fmpq_mul(out->size, out->size, one);
    fmpz_clear(scale);
    fmpq_clear(one);
    int sign = 1;
    for (const char *d = u->dimension; *d; d++) {
        if (*d == '/') sign = -1;
        else out->power[(unsigned char)*d % DIMENSIONS] += sign * power;
    }
}

/* Reads as many units as s begins with; bytes of them. out->size is initialised by it. */
static size_t measure_read(measure *out, const char *s, size_t n)
{
    static const char *const raised[] = {"square", "cubic",        "sq.",          "cu.", "sq",
                                         "cu",     "\u5e73\u65b9", "\u7acb\u65b9", NULL};
    enum { MOST_PARTS = 12 };
    reader r = {s, n, 0, 1, false};
    size_t end = 0;
    int ten, word;
    memset(out->power, 0, sizeof out->power);
    fmpq_init(out->size);
    fmpq_one(out->size);
    const unit *u = unit_find(s, n, &ten); /* "%", "a.m.", "per cent" as well */
    out->parts = u != NULL;
    if (u) return multiply(out, u, ten, 1), n;
    while (out->parts < MOST_PARTS) {
        bool joined = take_joint(&r);
        if ((word = take_any(&r, raised)) >= 0) take_joint(&r);
        u = take_unit(&r, &ten);
        if (!u || (out->parts && !joined && !is_factor(u))) break;
        int power = take_power(&r), sign = r.per ? -1 : r.sign;
        r.per = false;
        out->parts += 1 + (power != 1 || word >= 0 || sign < 0);
        if (word >= 0) power *= word % 2 ? 3 : 2;
        multiply(out, u, ten, power * sign);
        end = r.i;
    }
    while (end < n && (s[end] == '}' || s[end] == ')')) end++; /* of \text{km/h} */
    return end;
}

size_t unit_compound(const char *s, size_t n)
{
    measure m;
    size_t end = measure_read(&m, s, n);
    fmpq_clear(m.size);
    return m.parts > 1 ? end : 0;
}

static void trim(const char **s, size_t *n)
{
    while (*n && (isspace((unsigned char)**s) || **s == '~')) (*s)++, (*n)--;
    while (*n && (isspace((unsigned char)(*s)[*n - 1]) || strchr("~,;", (*s)[*n - 1]))) (*n)--;
}

unit_relation unit_compare(fmpq_t factor, const char *a, size_t a_size, const char *b,
                           size_t b_size)
{
    measure x, y;
    trim(&a, &a_size);
    trim(&b, &b_size);
    if (a_size == b_size && strncasecmp(a, b, a_size) == 0) return UNIT_SAME;
    bool known = measure_read(&x, a, a_size) == a_size && a_size;
    known &= measure_read(&y, b, b_size) == b_size && b_size;
    fmpq_div(factor, x.size, y.size);
    fmpq_clear(x.size);
    fmpq_clear(y.size);
    if (!known) return UNIT_UNKNOWN;
    if (memcmp(x.power, y.power, sizeof x.power) != 0) return UNIT_OTHER;
    return fmpq_is_one(factor) ? UNIT_SAME : UNIT_SCALED;
}
