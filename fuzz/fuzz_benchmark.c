/* A benchmark's description in YAML. */
#include "scratch.h"

#include <masa/benchmark.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_benchmark *benchmark = NULL;
    masa_error err = {0};
    masa_log_set_sink(NULL);
    if (!scratch_good(masa_benchmark_parse(&benchmark, (const char *)data, size, "fuzz", &err),
                      &err))
        return 0;
    if (!benchmark->name || !benchmark->name[0]) abort();
    masa_benchmark_close(benchmark);
    return 0;
}
