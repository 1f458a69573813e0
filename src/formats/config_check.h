/* What the readers of a description share. */
#ifndef MASA_FORMATS_CONFIG_CHECK_H
#define MASA_FORMATS_CONFIG_CHECK_H

#include <masa/model_config.h>

/* Adds an id that ends a text, once; the first becomes eos_token. False when full. */
bool formats_add_eos(masa_model_config *config, int32_t id);

/* "the model uses FEATURE, which is not supported": MASA_ERR_UNSUPPORTED. */
masa_status formats_refuse(const char *feature, masa_error *err);

#endif
