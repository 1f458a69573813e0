/* A run's configuration in YAML: whatever is accepted prints as something that reads
 * back the same. */
#include <masa/config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_config config, again;
    masa_error err = {0};
    if (masa_config_parse(&config, (const char *)data, size, "fuzz", NULL, NULL, 0, &err) !=
        MASA_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    masa_text first = {0}, second = {0};
    masa_config_print(&config, true, &first);
    if (masa_config_parse(&again, first.data, first.size, "again", NULL, NULL, 0, &err) !=
        MASA_OK)
        abort();
    masa_config_print(&again, true, &second);
    if (strcmp(first.data, second.data) != 0) abort();
    masa_text_deinit(&first);
    masa_text_deinit(&second);
    masa_config_deinit(&config);
    masa_config_deinit(&again);
    return 0;
}
