/* config.json: what is accepted is written and read back as the same bytes. */
#include "formats/hf_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_model_config config, again;
    const char *json = (const char *)data;
    if (formats_hf_config_parse(&config, json, size, NULL) != MASA_OK) return 0;
    masa_text first = {0}, second = {0};
    formats_hf_config_write(&first, &config, MASA_SAVE_F32);
    if (formats_hf_config_parse(&again, first.data, first.size, NULL) != MASA_OK) abort();
    formats_hf_config_write(&second, &again, MASA_SAVE_F32);
    if (strcmp(first.data, second.data) != 0) abort();
    if (formats_hf_generation_parse(&again, json, size, NULL) != MASA_OK) abort();
    masa_text_deinit(&first);
    masa_text_deinit(&second);
    return 0;
}
