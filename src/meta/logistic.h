/* The probability of a logit. */
#ifndef META_LOGISTIC_H
#define META_LOGISTIC_H

#include <math.h>

static inline double meta_logistic(double logit)
{
    return 1 / (1 + exp(-logit));
}

#endif
