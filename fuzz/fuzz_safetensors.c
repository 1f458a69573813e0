/* safetensors: whatever opens tiles its file, and each tensor is found by its name. */
#include <masa/safetensors.h>

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_safetensors *s = NULL;
    if (masa_safetensors_open_memory(&s, data, size, NULL) != MASA_OK) return 0;
    for (size_t i = 0; i < masa_safetensors_count(s); i++) {
        const masa_safetensors_tensor *t = masa_safetensors_get(s, i);
        if (masa_safetensors_find(s, t->name) != t) abort();
        float *values = malloc(t->n * sizeof *values + 1);
        if (!values) abort();
        masa_tensor_dequantize(values, t->type, t->data, t->n);
        free(values);
    }
    masa_safetensors_close(s);
    return 0;
}
