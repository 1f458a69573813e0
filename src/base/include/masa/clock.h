/** Seconds on clocks that never go back, and texts for durations. */
#ifndef MASA_CLOCK_H
#define MASA_CLOCK_H

#include <stddef.h>

double masa_clock(void);
/** Seconds that processors have worked for this process, all of its threads together. */
double masa_processor_clock(void);
/** "2h05m", "3m20s" or "12s" into out. */
void masa_duration_text(char *out, size_t size, double seconds);

#endif
