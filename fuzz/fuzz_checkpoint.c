/* The state of a checkpoint (state.json) and the optimiser's file beside it. */
#include <masa/file.h>
#include <masa/log.h>
#include <masa/run_folder.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/masa-fuzz-checkpoint-XXXXXX";

static void leave(void)
{
    masa_folder_remove(folder, NULL);
}

static void take_moments(void *to, const float *moments, bool second)
{
    memcpy((float *)to + (second ? 4 : 0), moments, 4 * sizeof *moments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char inner[128], path[160];
    static bool ready;
    if (!ready) {
        if (!mkdtemp(folder)) abort();
        snprintf(inner, sizeof inner, "%s/checkpoints/step-000001", folder);
        snprintf(path, sizeof path, "%s/state.json", inner);
        if (masa_folder_create(inner, NULL) != MASA_OK) abort();
        masa_log_set_sink(NULL);
        atexit(leave);
        ready = true;
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();

    char *found = NULL;
    masa_run_state state;
    masa_error err = {0};
    if (masa_run_checkpoint_find(folder, &found, &state, &err) == MASA_OK) {
        if (!found) abort();
        free(found);
        masa_run_state_deinit(&state);
    }
    float moments[8];
    long step;
    err = (masa_error){0};
    if (masa_moments_read(path, take_moments, moments, 4, &step, &err) != MASA_OK &&
        !err.message[0])
        abort();
    return 0;
}
