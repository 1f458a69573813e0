/* A model's description from the metadata (and rope_freqs.weight) of a GGUF file. */
#ifndef MASA_FORMATS_GGUF_CONFIG_H
#define MASA_FORMATS_GGUF_CONFIG_H

#include <masa/gguf.h>
#include <masa/model_config.h>

/* Checked, all but the shapes of the tensors it implies. */
masa_status formats_gguf_config(masa_model_config *out, const masa_gguf *gguf, masa_error *err);

#endif
