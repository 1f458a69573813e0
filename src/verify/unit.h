/* Units of measurement: what may follow a number without changing it, and which two
 * units measure the same thing. */
#ifndef MASA_VERIFY_UNIT_H
#define MASA_VERIFY_UNIT_H

#include <stdbool.h>
#include <stddef.h>

#include <flint/fmpq.h>

/* Whether letters right behind a number are a unit rather than a product ("5 cm"). */
bool unit_known(const char *s, size_t n);

/* The same of units with a prefix too, "mV": letters that may also be a product. */
bool unit_prefixed(const char *s, size_t n);

/* Bytes of the unit made of several at the beginning of s: "km/h", "kg m^2", "square meters",
 * "meters per second squared"; 0: there is none, or a simple one. */
size_t unit_compound(const char *s, size_t n);

/* Factor that turns a number in unit a into one in unit b, each simple or compound.
 * UNIT_SAME: factor 1. UNIT_SCALED: *factor is set. UNIT_OTHER: they measure different
 * things. UNIT_UNKNOWN: at least one is no unit known here, so nothing can be said. */
typedef enum unit_relation { UNIT_SAME, UNIT_SCALED, UNIT_OTHER, UNIT_UNKNOWN } unit_relation;
unit_relation unit_compare(fmpq_t factor, const char *a, size_t a_size, const char *b,
                           size_t b_size);

#endif
