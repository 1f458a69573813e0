#include <masa/clock.h>

#include <stdio.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double masa_clock(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double masa_processor_clock(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void masa_duration_text(char *out, size_t size, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600) snprintf(out, size, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else if (s >= 60) snprintf(out, size, "%ldm%02lds", s / 60, s % 60);
    else snprintf(out, size, "%lds", s);
}
