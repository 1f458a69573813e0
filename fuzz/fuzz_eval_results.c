/* A file of an evaluation's results, an SQLite file that anybody may have made. */
#include "scratch.h"

#include <masa/results.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = scratch_put("eval.sqlite", data, size), *settings = NULL;
    masa_results *results = NULL;
    masa_result_sets sets = {0};
    masa_error err = {0};
    if (scratch_good(masa_results_open(&results, path, MASA_RESULTS_READ, NULL, &err), &err)) {
        scratch_good(masa_results_settings(&settings, results, &err), &err);
        if (scratch_good(masa_results_read(&sets, results, &err), &err))
            masa_result_sets_deinit(&sets);
        masa_results_close(results);
    }
    free(settings);
    free(path);
    return 0;
}
