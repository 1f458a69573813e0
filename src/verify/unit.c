#include "unit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* dimension letters: l length, a area, v volume, t time, m mass, $ money, s speed,
 * p part, d angle, # how many; the unit is over/under of its dimension's base unit. */
typedef struct unit {
    const char *name;
    char dimension;
    long over, under;
} unit;

/* clang-format off */
static const unit units[] = {
    {"mm", 'l', 1, 1000},       {"cm", 'l', 1, 100},         {"m", 'l', 1, 1},
    {"km", 'l', 1000, 1},       {"millimeter", 'l', 1, 1000}, {"centimeter", 'l', 1, 100},
    {"meter", 'l', 1, 1},       {"metre", 'l', 1, 1},        {"kilometer", 'l', 1000, 1},
    {"kilometre", 'l', 1000, 1}, {"in", 'l', 254, 10000},    {"inch", 'l', 254, 10000},
    {"inches", 'l', 254, 10000}, {"ft", 'l', 3048, 10000},   {"foot", 'l', 3048, 10000},
    {"feet", 'l', 3048, 10000}, {"yd", 'l', 9144, 10000},    {"yard", 'l', 9144, 10000},
    {"mi", 'l', 1609344, 1000}, {"mile", 'l', 1609344, 1000}, {"cm^2", 'a', 1, 10000},
    {"m^2", 'a', 1, 1},         {"km^2", 'a', 1000000, 1},   {"cm^3", 'v', 1, 1000000},
    {"m^3", 'v', 1, 1},         {"L", 'v', 1, 1000},         {"liter", 'v', 1, 1000},
    {"litre", 'v', 1, 1000},    {"mL", 'v', 1, 1000000},     {"ml", 'v', 1, 1000000},
    {"s", 't', 1, 1},           {"sec", 't', 1, 1},          {"second", 't', 1, 1},
    {"min", 't', 60, 1},        {"minute", 't', 60, 1},      {"h", 't', 3600, 1},
    {"hr", 't', 3600, 1},       {"hour", 't', 3600, 1},      {"day", 't', 86400, 1},
    {"week", 't', 604800, 1},   {"month", 'o', 1, 1},        {"year", 'o', 12, 1},
    {"g", 'm', 1, 1000},        {"gram", 'm', 1, 1000},      {"kg", 'm', 1, 1},
    {"kilogram", 'm', 1, 1},    {"mg", 'm', 1, 1000000},     {"lb", 'w', 1, 1},
    {"pound", 'w', 1, 1},       {"oz", 'w', 1, 16},          {"ounce", 'w', 1, 16},
    {"dollar", '$', 1, 1},      {"usd", '$', 1, 1},          {"cent", '$', 1, 100},
    {"N", 'N', 1, 1},           {"newton", 'N', 1, 1},       {"J", 'j', 1, 1},
    {"W", 'W', 1, 1},           {"watt", 'W', 1, 1},         {"V", 'V', 1, 1},
    {"volt", 'V', 1, 1},        {"A", 'A', 1, 1},            {"ampere", 'A', 1, 1},
    {"amp", 'A', 1, 1},         {"K", 'K', 1, 1},            {"kelvin", 'K', 1, 1},
    {"F", 'F', 1, 1},           {"farad", 'F', 1, 1},        {"C", 'C', 1, 1},
    {"coulomb", 'C', 1, 1},     {"T", 'T', 1, 1},            {"tesla", 'T', 1, 1},
    {"Pa", 'P', 1, 1},          {"pascal", 'P', 1, 1},       {"hertz", 'f', 1, 1},
    {"ohm", 'R', 1, 1},         {"\u03a9", 'R', 1, 1},       {"\u2126", 'R', 1, 1},
    {"\u7c73", 'l', 1, 1},      {"\u5398\u7c73", 'l', 1, 100}, {"\u6beb\u7c73", 'l', 1, 1000},
    {"\u5343\u7c73", 'l', 1000, 1}, {"\u516c\u91cc", 'l', 1000, 1}, {"\u514b", 'm', 1, 1000},
    {"\u5343\u514b", 'm', 1, 1}, {"\u516c\u65a4", 'm', 1, 1}, {"\u79d2", 't', 1, 1},
    {"\u5206\u949f", 't', 60, 1}, {"\u5c0f\u65f6", 't', 3600, 1}, {"\u5929", 't', 86400, 1},
    {"mph", 's', 1, 1},         {"km/h", 'k', 1, 1},         {"kph", 'k', 1, 1},
    {"m/s", 'q', 1, 1},         {"a.m.", 'x', 1, 1},         {"am", 'x', 1, 1},
    {"AM", 'x', 1, 1},          {"PM", 'y', 1, 1},
    {"p.m.", 'y', 1, 1},        {"pm", 'y', 1, 1},           {"mol", 'n', 1, 1},
    {"Hz", 'f', 1, 1},          {"joule", 'j', 1, 1},        {"kj", 'j', 1000, 1},
    {"th", 'i', 1, 1},          {"st", 'i', 1, 1},           {"nd", 'i', 1, 1},
    {"rd", 'i', 1, 1},
    {"pct", 'p', 1, 1},         {"percent", 'p', 1, 1},      {"percentage", 'p', 1, 1},
    {"per cent", 'p', 1, 1},    {"percentage point", 'p', 1, 1},
    {"eV", 'e', 1, 1},          {"deg", 'd', 1, 1},          {"%", 'p', 1, 1},
    {"one", '#', 1, 1},         {"dozen", '#', 12, 1},       {"hundred", '#', 100, 1},
    {"thousand", '#', 1000, 1}, {"million", '#', 1000000, 1}, {"billion", '#', 1000000000, 1},
};
/* clang-format on */

/* What may stand before a unit of physics, in short and in full; 10 to the power. */
static const struct {
    const char *sign, *name;
    int power;
} prefixes[] = {
    {"k", "kilo", 3},   {"M", "mega", 6},        {"G", "giga", 9},        {"T", "tera", 12},
    {"c", "centi", -2}, {"m", "milli", -3},      {"u", "micro", -6},      {"n", "nano", -9},
    {"p", "pico", -12}, {"\u03bc", "micro", -6}, {"\u00b5", "micro", -6},
};

/* Dimensions whose first unit in the table takes prefixes. */
static const char prefixed[] = "ltmNjWVAKFCTPfRne";

static const unit *find_plain(const char *s, size_t n)
{
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        size_t m = strlen(units[k].name);
        bool plural = n == m + 1 && m > 2 && s[m] == 's';
        if ((n != m && !plural)) continue;
        /* Short names are told apart by their case. */
        if (m <= 2 ? memcmp(s, units[k].name, m) == 0 : strncasecmp(s, units[k].name, m) == 0)
            return &units[k];
    }
    return NULL;
}

/* Whether the unit may follow a prefix: one of its dimension's base, and a sign behind a
 * sign ("kPa"), a name behind a name ("kilopascals"). */
static bool takes_prefix(const unit *u, bool name)
{
    bool base = u->over == 1 && (u->under == 1 || (u->dimension == 'm' && u->under == 1000));
    bool sign =
        strlen(u->name) <= 2 || (unsigned char)*u->name >= 0x80 || strcmp(u->name, "mol") == 0;
    return base && sign != name && strchr(prefixed, u->dimension) != NULL;
}

/* The unit that s names, without its prefix; *power: what the prefix says. NULL: none. */
static const unit *find(const char *s, size_t n, int *power)
{
    *power = 0;
    const unit *out = find_plain(s, n);
    for (size_t k = 0; !out && k < sizeof prefixes / sizeof *prefixes; k++)
        for (int name = 0; name < 2 && !out; name++) {
            const char *prefix = name ? prefixes[k].name : prefixes[k].sign;
            size_t m = strlen(prefix);
            if (m >= n || (name ? strncasecmp(s, prefix, m) : memcmp(s, prefix, m)) != 0)
                continue;
            out = find_plain(s + m, n - m);
            if (out && !takes_prefix(out, name)) out = NULL;
            *power = prefixes[k].power;
        }
    return out;
}

bool unit_known(const char *s, size_t n)
{
    return n >= 2 && find_plain(s, n) != NULL;
}

bool unit_prefixed(const char *s, size_t n)
{
    int power;
    return n >= 2 && find(s, n, &power) != NULL;
}

/* The unit in base units of its dimension. */
static void size_of(fmpq_t out, const unit *u, int power)
{
    fmpz_t ten;
    fmpz_init_set_ui(ten, 10);
    fmpz_pow_ui(ten, ten, (ulong)(power < 0 ? -power : power));
    fmpq_set_si(out, u->over, (ulong)u->under);
    if (power < 0) fmpq_div_fmpz(out, out, ten);
    else fmpq_mul_fmpz(out, out, ten);
    fmpz_clear(ten);
}

static void trim(const char **s, size_t *n)
{
    while (*n && (isspace((unsigned char)**s) || **s == '~')) (*s)++, (*n)--;
    while (*n && (isspace((unsigned char)(*s)[*n - 1]) || strchr("~,;", (*s)[*n - 1]))) (*n)--;
}

unit_relation unit_compare(fmpq_t factor, const char *a, size_t a_size, const char *b,
                           size_t b_size)
{
    trim(&a, &a_size);
    trim(&b, &b_size);
    if (a_size == b_size && strncasecmp(a, b, a_size) == 0) return UNIT_SAME;
    int power_x, power_y;
    const unit *x = find(a, a_size, &power_x), *y = find(b, b_size, &power_y);
    if (!x || !y) return UNIT_UNKNOWN;
    if (x->dimension != y->dimension) return UNIT_OTHER;
    fmpq_t base;
    fmpq_init(base);
    size_of(factor, x, power_x);
    size_of(base, y, power_y);
    fmpq_div(factor, factor, base);
    fmpq_clear(base);
    return fmpq_is_one(factor) ? UNIT_SAME : UNIT_SCALED;
}
