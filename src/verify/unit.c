/* The units by themselves: names, what they measure, prefixes. */
#include "unit_internal.h"

#include <string.h>
#include <strings.h>

/* Dimensions, multiplied, those behind the / divided by: l length, t time, m mass, A current,
 * K temperature, n amount; and what is converted to nothing else: $ money, e electron volts,
 * w weight, o months, d angle, p part, # how many, i place in a row, x and y halves of a day.
 * The unit is over/under of its dimension's base unit. */
/* clang-format off */
static const unit units[] = {
    {"mm", "l", 1, 1000},        {"cm", "l", 1, 100},          {"m", "l", 1, 1},
    {"km", "l", 1000, 1},        {"millimeter", "l", 1, 1000}, {"centimeter", "l", 1, 100},
    {"meter", "l", 1, 1},        {"metre", "l", 1, 1},         {"kilometer", "l", 1000, 1},
    {"kilometre", "l", 1000, 1}, {"in", "l", 254, 10000},      {"inch", "l", 254, 10000},
    {"inches", "l", 254, 10000}, {"ft", "l", 3048, 10000},     {"foot", "l", 3048, 10000},
    {"feet", "l", 3048, 10000},  {"yd", "l", 9144, 10000},     {"yard", "l", 9144, 10000},
    {"mi", "l", 1609344, 1000},  {"mile", "l", 1609344, 1000}, {"L", "lll", 1, 1000},
    {"liter", "lll", 1, 1000},   {"litre", "lll", 1, 1000},    {"mL", "lll", 1, 1000000},
    {"ml", "lll", 1, 1000000},   {"hectare", "ll", 10000, 1},  {"ha", "ll", 10000, 1},
    {"s", "t", 1, 1},            {"sec", "t", 1, 1},           {"second", "t", 1, 1},
    {"min", "t", 60, 1},         {"minute", "t", 60, 1},       {"h", "t", 3600, 1},
    {"hr", "t", 3600, 1},        {"hour", "t", 3600, 1},       {"day", "t", 86400, 1},
    {"week", "t", 604800, 1},    {"month", "o", 1, 1},         {"year", "o", 12, 1},
    {"g", "m", 1, 1000},         {"gram", "m", 1, 1000},       {"kg", "m", 1, 1},
    {"kilogram", "m", 1, 1},     {"mg", "m", 1, 1000000},      {"tonne", "m", 1000, 1},
    {"lb", "w", 1, 1},           {"lbs", "w", 1, 1},           {"pound", "w", 1, 1},
    {"oz", "w", 1, 16},          {"ounce", "w", 1, 16},
    {"dollar", "$", 1, 1},       {"usd", "$", 1, 1},           {"cent", "$", 1, 100},
    {"N", "ml/tt", 1, 1},        {"newton", "ml/tt", 1, 1},    {"J", "mll/tt", 1, 1},
    {"joule", "mll/tt", 1, 1},   {"kj", "mll/tt", 1000, 1},    {"W", "mll/ttt", 1, 1},
    {"watt", "mll/ttt", 1, 1},   {"V", "mll/tttA", 1, 1},      {"volt", "mll/tttA", 1, 1},
    {"A", "A", 1, 1},            {"ampere", "A", 1, 1},        {"amp", "A", 1, 1},
    {"K", "K", 1, 1},            {"kelvin", "K", 1, 1},        {"F", "AAtttt/mll", 1, 1},
    {"farad", "AAtttt/mll", 1, 1}, {"C", "At", 1, 1},          {"coulomb", "At", 1, 1},
    {"T", "m/ttA", 1, 1},        {"tesla", "m/ttA", 1, 1},     {"Pa", "m/ltt", 1, 1},
    {"pascal", "m/ltt", 1, 1},   {"Hz", "/t", 1, 1},           {"hertz", "/t", 1, 1},
    {"ohm", "mll/tttAA", 1, 1},  {"\u03a9", "mll/tttAA", 1, 1}, {"\u2126", "mll/tttAA", 1, 1},
    {"mol", "n", 1, 1},          {"mole", "n", 1, 1},          {"eV", "e", 1, 1},
    {"mph", "l/t", 1609344, 3600000}, {"kph", "l/t", 1000, 3600}, {"kmh", "l/t", 1000, 3600},
    {"\u7c73", "l", 1, 1},       {"\u5398\u7c73", "l", 1, 100}, {"\u6beb\u7c73", "l", 1, 1000},
    {"\u5206\u7c73", "l", 1, 10}, {"\u5343\u7c73", "l", 1000, 1}, {"\u516c\u91cc", "l", 1000, 1},
    {"\u514b", "m", 1, 1000},    {"\u5343\u514b", "m", 1, 1},  {"\u516c\u65a4", "m", 1, 1},
    {"\u5428", "m", 1000, 1},    {"\u79d2", "t", 1, 1},        {"\u5206\u949f", "t", 60, 1},
    {"\u5c0f\u65f6", "t", 3600, 1}, {"\u65f6", "t", 3600, 1},  {"\u5929", "t", 86400, 1},
    {"\u5347", "lll", 1, 1000},  {"\u6beb\u5347", "lll", 1, 1000000}, {"\u5ea6", "d", 1, 1},
    {"a.m.", "x", 1, 1},         {"am", "x", 1, 1},            {"AM", "x", 1, 1},
    {"p.m.", "y", 1, 1},         {"pm", "y", 1, 1},            {"PM", "y", 1, 1},
    {"th", "i", 1, 1},           {"st", "i", 1, 1},            {"nd", "i", 1, 1},
    {"rd", "i", 1, 1},           {"pct", "p", 1, 1},           {"percent", "p", 1, 1},
    {"percentage", "p", 1, 1},   {"per cent", "p", 1, 1},      {"percentage point", "p", 1, 1},
    {"deg", "d", 1, 1},          {"%", "p", 1, 1},             {"one", "#", 1, 1},
    {"dozen", "#", 12, 1},       {"hundred", "#", 100, 1},     {"thousand", "#", 1000, 1},
    {"million", "#", 1000000, 1}, {"billion", "#", 1000000000, 1},
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

/* Whether the unit may follow a prefix: a base unit of physics, and a sign behind a sign
 * ("kPa"), a name behind a name ("kilopascals"). */
static bool takes_prefix(const unit *u, bool name)
{
    bool gram = u->under == 1000 && *u->dimension == 'm';
    bool sign =
        strlen(u->name) <= 2 || (unsigned char)*u->name >= 0x80 || strcmp(u->name, "mol") == 0;
    return u->over == 1 && (u->under == 1 || gram) && sign != name &&
           u->dimension[strspn(u->dimension, "ltmAKne/")] == 0;
}

const unit *unit_find(const char *s, size_t n, int *power)
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
    return n >= 2 && unit_find(s, n, &power) != NULL;
}
