/* What the two files about units share. */
#ifndef MASA_VERIFY_UNIT_INTERNAL_H
#define MASA_VERIFY_UNIT_INTERNAL_H

#include "unit.h"

typedef struct unit {
    const char *name, *dimension;
    long over, under;
} unit;

/* The unit that s names, without its prefix; *power: what the prefix says, as a power of ten.
 * NULL: none. */
const unit *unit_find(const char *s, size_t n, int *power);

#endif
