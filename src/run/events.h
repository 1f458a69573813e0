/* A TensorBoard event file: scalars of steps, as TFRecords of Event messages. */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include <masa/error.h>

typedef struct events events;

/* Starts a new file in `folder` (created when missing). TensorBoard reads the files of
 * a folder in the order of their names, which is the order they were started in. */
masa_status events_open(events **out, const char *folder, masa_error *err);
/* Flushes and closes; NULL is fine. */
void events_close(events *file);

masa_status events_add_scalar(events *file, long step, const char *tag, double value,
                              masa_error *err);
/* A text for the page of texts, in Markdown. */
masa_status events_add_text(events *file, long step, const char *tag, const char *text,
                            masa_error *err);
/* Tells TensorBoard to forget what earlier files say of steps after `step`. */
masa_status events_rewind(events *file, long step, masa_error *err);
masa_status events_flush(events *file, masa_error *err);

#endif
