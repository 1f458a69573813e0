/* masa_report_html: reads the runs, then writes section by section. */
#include <masa/report.h>

#include <masa/memory.h>

#include <stdlib.h>

#include "report_page.h"

masa_status masa_report_html(masa_text *out, const char *const *folders, size_t n,
                             masa_error *err)
{
    report_run *runs = masa_alloc(n, sizeof *runs);
    masa_status st = MASA_OK;
    size_t read = 0;
    while (st == MASA_OK && read < n) {
        st = report_run_read(&runs[read], folders[read], err);
        if (st == MASA_OK) read++;
    }
    if (st == MASA_OK) {
        page_open(out, runs, n);
        page_summary(out, runs, n);
        page_events(out, runs, n);
        page_curves(out, runs, n);
        for (size_t i = 0; i < n; i++) {
            page_predictions(out, &runs[i]);
            page_decisions(out, &runs[i]);
        }
        for (size_t i = 0; i < n; i++) page_examples(out, &runs[i]);
        page_settings(out, runs, n);
        page_close(out);
    }
    for (size_t i = 0; i < read; i++) report_run_deinit(&runs[i]);
    free(runs);
    return st;
}
