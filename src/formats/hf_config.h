/* config.json and generation_config.json of a Hugging Face folder. */
#ifndef MASA_FORMATS_HF_CONFIG_H
#define MASA_FORMATS_HF_CONFIG_H

#include <masa/error.h>
#include <masa/model_config.h>
#include <masa/model_file.h>
#include <masa/text.h>

/* Parses config.json, as transformers 4 (rope_theta, rope_scaling) and 5
 * (rope_parameters) write it. Checked, all but the shapes it implies. */
masa_status formats_hf_config_parse(masa_model_config *out, const char *json, size_t n,
                                    masa_error *err);
/* Fills the special tokens that config.json left out from generation_config.json, and
 * adds its tokens that end a text. */
masa_status formats_hf_generation_parse(masa_model_config *config, const char *json, size_t n,
                                        masa_error *err);

/* Append what transformers 4 and 5 load as this description. */
void formats_hf_config_write(masa_text *out, const masa_model_config *config,
                             masa_save_dtype dtype);
void formats_hf_generation_write(masa_text *out, const masa_model_config *config);

#endif
