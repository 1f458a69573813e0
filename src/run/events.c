/*
 * TensorBoard event files. A record is
 *     length (8 bytes, little-endian), masked CRC-32C of these 8 bytes (4),
 *     an Event message, masked CRC-32C of the message (4)
 * and the first message names the version.
 */
#include "events.h"
#include "crc32c.h"
#include "event.pb-c.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events {
    FILE *file;
    char *path;
};

static masa_status fail_write(const events *file, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: %s", file->path, strerror(errno));
}

static void put_little(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> 8 * i);
}

static masa_status add_event(events *file, Tb__Event *event, masa_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    event->has_wall_time = true;
    event->wall_time = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    size_t size = tb__event__get_packed_size(event);
    uint8_t *record = masa_alloc(size + 16, 1);
    put_little(record, size, 8);
    put_little(record + 8, crc32c_masked(record, 8), 4);
    tb__event__pack(event, record + 12);
    put_little(record + 12 + size, crc32c_masked(record + 12, size), 4);
    bool written = fwrite(record, 1, size + 16, file->file) == size + 16;
    free(record);
    return written ? MASA_OK : fail_write(file, err);
}

/* Event files already in the folder. */
static size_t count_files(const char *folder)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) n += strstr(entry->d_name, "tfevents") != NULL;
    if (dir) closedir(dir);
    return n;
}

masa_status events_open(events **out, const char *folder, masa_error *err)
{
    masa_status st = masa_folder_create(folder, err);
    if (st != MASA_OK) return st;
    events *file = masa_alloc(1, sizeof *file);
    masa_text path = {0};
    masa_text_addf(&path, "%s/events.out.tfevents.%010ld.%04zu", folder, (long)time(NULL),
                   count_files(folder));
    file->path = masa_text_take(&path);
    file->file = fopen(file->path, "wbxe");
    if (file->file) {
        Tb__Event event = TB__EVENT__INIT;
        event.file_version = "brain.Event:2";
        st = add_event(file, &event, err);
        if (st == MASA_OK) st = events_flush(file, err);
    } else {
        st = fail_write(file, err);
    }
    if (st == MASA_OK) *out = file;
    else events_close(file);
    return st;
}

void events_close(events *file)
{
    if (!file) return;
    if (file->file) fclose(file->file);
    free(file->path);
    free(file);
}

static masa_status add_value(events *file, long step, Tb__Value *value, masa_error *err)
{
    Tb__Summary summary = TB__SUMMARY__INIT;
    Tb__Event event = TB__EVENT__INIT;
    summary.n_value = 1;
    summary.value = &value;
    event.has_step = true;
    event.step = step;
    event.summary = &summary;
    return add_event(file, &event, err);
}

masa_status events_add_scalar(events *file, long step, const char *tag, double scalar,
                              masa_error *err)
{
    Tb__Value value = TB__VALUE__INIT;
    value.tag = (char *)(uintptr_t)tag; /* read only */
    value.has_simple_value = true;
    value.simple_value = (float)scalar;
    return add_value(file, step, &value, err);
}

masa_status events_add_text(events *file, long step, const char *tag, const char *text,
                            masa_error *err)
{
    enum { DT_STRING = 7 };
    ProtobufCBinaryData string = {strlen(text), (uint8_t *)(uintptr_t)text}; /* read only */
    Tb__PluginData plugin = TB__PLUGIN_DATA__INIT;
    Tb__SummaryMetadata metadata = TB__SUMMARY_METADATA__INIT;
    Tb__Tensor tensor = TB__TENSOR__INIT;
    Tb__Value value = TB__VALUE__INIT;
    plugin.plugin_name = (char *)(uintptr_t) "text";
    metadata.plugin_data = &plugin;
    tensor.has_dtype = true;
    tensor.dtype = DT_STRING;
    tensor.n_string_val = 1;
    tensor.string_val = &string;
    value.tag = (char *)(uintptr_t)tag;
    value.metadata = &metadata;
    value.tensor = &tensor;
    return add_value(file, step, &value, err);
}

masa_status events_rewind(events *file, long step, masa_error *err)
{
    Tb__SessionLog session = TB__SESSION_LOG__INIT;
    Tb__Event event = TB__EVENT__INIT;
    session.has_status = true;
    session.status = 1;
    event.has_step = true;
    event.step = step + 1;
    event.session_log = &session;
    return add_event(file, &event, err);
}

masa_status events_flush(events *file, masa_error *err)
{
    return fflush(file->file) == 0 ? MASA_OK : fail_write(file, err);
}
