/* GGUF: whatever opens can be listed, described and every tensor dequantised. */
#include "formats/gguf_config.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile int64_t sink;

static void read_entries(const masa_gguf *g)
{
    for (size_t i = 0; i < masa_gguf_entry_count(g); i++) {
        masa_gguf_type type;
        masa_gguf_string key = masa_gguf_entry_key(g, i, &type);
        for (size_t j = 0; j < key.size; j++) sink += key.data[j];
    }
    masa_gguf_array a;
    masa_gguf_string s;
    double real;
    if (masa_gguf_get_array(g, "tokenizer.ggml.tokens", MASA_GGUF_STRING, &a))
        for (size_t i = 0; i < a.n; i++)
            if (a.strings[i].size) sink += a.strings[i].data[a.strings[i].size - 1];
    if (masa_gguf_get_array(g, "tokenizer.ggml.token_type", MASA_GGUF_I32, &a))
        for (size_t i = 0; i < a.n; i++) sink += masa_gguf_array_integer(&a, i);
    if (masa_gguf_get_string(g, "general.architecture", &s) && s.size) sink += s.data[0];
    if (masa_gguf_get_float(g, "llama.rope.freq_base", &real)) sink += real > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_gguf *g = NULL;
    if (masa_gguf_open_memory(&g, data, size, NULL) != MASA_OK) return 0;
    read_entries(g);
    masa_model_config config;
    if (formats_gguf_config(&config, g, NULL) == MASA_OK && config.vocab_size == 0) abort();
    for (size_t i = 0; i < masa_gguf_tensor_count(g); i++) {
        const masa_gguf_tensor *t = masa_gguf_get_tensor(g, i);
        float *values = malloc(t->n * sizeof *values);
        if (!values) abort(); /* the elements are in the file, so they are few */
        masa_tensor_dequantize(values, t->type, t->data, t->n);
        free(values);
    }
    masa_gguf_close(g);
    return 0;
}
