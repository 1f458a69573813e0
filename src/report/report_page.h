/* The sections of a report. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report_data.h"

/* Style sheet included: everything up to the first section. */
void page_open(masa_text *out, const report_run *runs, size_t n);
void page_close(masa_text *out);

void page_summary(masa_text *out, const report_run *runs, size_t n);
void page_curves(masa_text *out, const report_run *runs, size_t n);
/* What the runs' health had to say; nothing where there is nothing. */
void page_events(masa_text *out, const report_run *runs, size_t n);
void page_settings(masa_text *out, const report_run *runs, size_t n);

/* Of one run (report_predictions.c). Nothing is appended where there is nothing. */
void page_predictions(masa_text *out, const report_run *run);
void page_decisions(masa_text *out, const report_run *run);
void page_examples(masa_text *out, const report_run *run);

#endif
