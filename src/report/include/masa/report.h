/**
 * A report on runs: one HTML file that needs nothing else, with learning curves, what the
 * model predicted of itself against what was true, decisions, rollouts to read, and
 * settings. What a model wrote is shown as text and never taken for markup; there are no
 * scripts.
 */
#ifndef MASA_REPORT_H
#define MASA_REPORT_H

#include <masa/error.h>
#include <masa/text.h>

/**
 * Appends the page on the runs in folders[0..n). Runs may be going on. Errors name the
 * folder.
 */
masa_status masa_report_html(masa_text *out, const char *const *folders, size_t n,
                             masa_error *err);

#endif
