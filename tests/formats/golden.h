/* The weights of the golden models: the formula of tools/make_gguf_golden.py. */
#ifndef MASA_TESTS_FORMATS_GOLDEN_H
#define MASA_TESTS_FORMATS_GOLDEN_H

#include "masa_test.h"
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/model_file.h>

static inline float golden_value(const char *name, size_t i)
{
    size_t sum = 0;
    for (const char *p = name; *p; p++) sum += (unsigned char)*p;
    return ((float)((i * 7 + sum) % 255) - 127) / 128;
}

#define assert_ok(call)                                                                        \
    do {                                                                                       \
        masa_error ok_err = {0};                                                               \
        masa_error *err = &ok_err;                                                             \
        if ((call) != MASA_OK) fail_msg("%s: %s", ok_err.path, ok_err.message);                \
    } while (0)

/* Every tensor of the file has the formula's values. */
static inline void assert_golden(const masa_model_file *file)
{
    size_t n;
    const masa_tensor_info *infos = masa_model_file_tensors(file, &n);
    for (size_t i = 0; i < n; i++) {
        size_t count = infos[i].rows * infos[i].cols;
        float *values = malloc(count * sizeof *values);
        assert_ok(masa_model_file_read(file, infos[i].name, values, infos[i].rows,
                                       infos[i].cols, err));
        for (size_t j = 0; j < count; j++)
            if (values[j] != golden_value(infos[i].name, j))
                fail_msg("%s[%zu] is %g, not %g", infos[i].name, j, (double)values[j],
                         (double)golden_value(infos[i].name, j));
        free(values);
    }
}

/* A copy of n bytes without a byte to spare, for the address sanitizer. */
static inline char *exact_copy(const char *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, data, n);
    return copy;
}

#endif
