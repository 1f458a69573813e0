/* What every test includes: cmocka with its prerequisites. */
#ifndef MASA_TEST_H
#define MASA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

/* Leaves the test out and says why; tools/skipped.sh counts. */
#define skip_since(reason)                                                                     \
    do {                                                                                       \
        print_message("skipped: %s\n", reason);                                                \
        skip();                                                                                \
    } while (0)

/* |a-b| <= tolerance, printing both values when it fails. */
#define assert_near(a, b, tolerance)                                                           \
    do {                                                                                       \
        double near_a = (a), near_b = (b), near_t = (tolerance);                               \
        if (!(fabs(near_a - near_b) <= near_t)) {                                              \
            print_error("%s = %.9g, %s = %.9g: apart by %.3g > %.3g\n", #a, near_a, #b,        \
                        near_b, fabs(near_a - near_b), near_t);                                \
            fail();                                                                            \
        }                                                                                      \
    } while (0)

#endif
