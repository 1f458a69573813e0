/* What the files that measure share. */
#ifndef SPEED_INTERNAL_H
#define SPEED_INTERNAL_H

#include <masa/speed.h>

typedef struct speed {
    masa_model *model;
    masa_dtype compute;
    const masa_speed_options *options;
    const masa_speed_report *report;
    masa_speed_peaks peaks;
} speed;

/* Forgets the most memory that the process had so far, where the system lets it. */
void speed_reset_memory(void);
/* Reports a row, with peak and share. */
void speed_add(const speed *s, const masa_speed_row *row);

/* Whether the model takes so many tokens; what does not fit is left out. */
bool speed_fits(const speed *s, size_t tokens);

/* n tokens of a text without meaning, the same for the same seed. */
void speed_tokens(const speed *s, int32_t *tokens, size_t n, uint64_t seed);

/* The size that was asked for, else the section's own. */
size_t speed_size(size_t asked, size_t own);

/* Waits until all that was queued is done; p: any of the device's memory. */
void speed_wait(const void DEVICE *p);

/*
 * Forward and backward pass over `count` sequences of `length` random tokens: the least
 * seconds of `repeats`.
 */
masa_status speed_measure_pass(speed *s, masa_speed_pass pass, int repeats, double *seconds,
                               masa_error *err);

/* speed_decode.c, speed_train.c, speed_curve.c: the sections. */
masa_status speed_prefill(speed *s, masa_error *err);
masa_status speed_decode(speed *s, masa_error *err);
masa_status speed_groups(speed *s, masa_error *err);
masa_status speed_train(speed *s, masa_error *err);
masa_status speed_step(speed *s, masa_error *err);
masa_status speed_curve(speed *s, masa_error *err);

#endif
