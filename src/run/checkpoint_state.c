/* state.json: where the run stands, and the sizes and checksums by which a checkpoint is
 * known to be whole. */
#include "crc32c.h"
#include "run_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_FILE "state.json"

static masa_status fail_errno(masa_error *err, const char *what, const char *path)
{
    return MASA_FAIL(err, MASA_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* Read, not mapped: pages of a mapped file count as the process's memory. */
masa_status masa_run_file_checksum(const char *path, uint32_t *out, masa_error *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file) return fail_errno(err, "open", path);
    char block[65536];
    size_t n;
    *out = 0;
    while ((n = fread(block, 1, sizeof block, file)) > 0) *out = crc32c(*out, block, n);
    masa_status st = ferror(file) ? fail_errno(err, "read", path) : MASA_OK;
    fclose(file);
    return st;
}

static masa_status seal_file(json_t *files, const char *path, const char *name, size_t size,
                             masa_error *err)
{
    uint32_t sum;
    masa_status st = masa_run_file_checksum(path, &sum, err);
    if (st != MASA_OK) return st;
    json_object_set_new(
        files, name,
        json_pack("{s:I,s:I}", "size", (json_int_t)size, "crc32c", (json_int_t)sum));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) st = fail_errno(err, "sync", path);
    if (fd >= 0) close(fd);
    return st;
}

/* Lists every file below folder; names are relative to where the listing began. */
static masa_status seal_folder(json_t *files, const char *folder, const char *prefix,
                               masa_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir) return fail_errno(err, "read", folder);
    masa_status st = MASA_OK;
    struct dirent *entry = NULL;
    while (st == MASA_OK && (errno = 0, entry = readdir(dir))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (!*prefix && strcmp(name, STATE_FILE) == 0) continue;
        char *path = masa_path_join(folder, name), *relative = masa_path_join(prefix, name);
        struct stat info;
        if (stat(path, &info) != 0) st = fail_errno(err, "read", path);
        else if (S_ISDIR(info.st_mode)) st = seal_folder(files, path, relative, err);
        else st = seal_file(files, path, relative, (size_t)info.st_size, err);
        free(path);
        free(relative);
    }
    if (st == MASA_OK && errno) st = fail_errno(err, "read", folder);
    closedir(dir);
    return st == MASA_OK ? masa_folder_sync(folder, err) : st;
}

/* The text ends with its own checksum, for no other file has it. */
static const char checksum_mark[] = ",\n \"checksum\": ";

static void add_checksum(masa_text *text)
{
    text->size -= strlen("\n}");
    uint32_t sum = crc32c(0, text->data, text->size);
    masa_text_addf(text, "%s%lu\n}", checksum_mark, (unsigned long)sum);
}

static masa_status check_checksum(const masa_text *text, const char *path, masa_error *err)
{
    const char *all = masa_text_get(text), *at = NULL;
    for (const char *p = all; (p = strstr(p, checksum_mark)); p++) at = p;
    masa_text again = {0};
    if (at) {
        masa_text_append(&again, all, (size_t)(at - all));
        masa_text_add(&again, "\n}");
        add_checksum(&again);
    }
    /* Version 1 had none. */
    bool good = at ? again.size == text->size && memcmp(again.data, all, again.size) == 0
                   : strstr(all, "\"version\": 1\n") != NULL;
    masa_text_deinit(&again);
    return good ? MASA_OK : MASA_FAIL(err, MASA_ERR_FORMAT, "%s is damaged (checksum)", path);
}

masa_status checkpoint_seal(const char *folder, const masa_run_state *state, masa_error *err)
{
    masa_status st = MASA_OK;
    char *path = masa_path_join(folder, STATE_FILE);
    masa_text text = {0};
    json_t *root =
        json_pack("{s:i,s:I,s:I,s:I,s:f,s:f}", "version", 2, "step", (json_int_t)state->step,
                  "draws", (json_int_t)state->draws, "tokens", (json_int_t)state->tokens,
                  "seconds", state->seconds, "cpu_seconds", state->cpu_seconds);
    json_t *files = json_object();
    json_t *extra = json_loads(state->extra ? state->extra : "{}", 0, NULL);
    /* No root, or no score: not a number. */
    bool whole = root && (!state->evaluated ||
                          json_object_set_new(root, "score", json_real(state->score)) == 0);
    if (!whole || !json_is_object(extra)) {
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "the state to be saved is not finite or its extra part no JSON object");
        json_decref(extra);
    } else {
        json_object_set_new(root, "extra", extra);
    }
    if (state->inputs) json_object_set_new(root, "inputs", json_loads(state->inputs, 0, NULL));
    json_object_set_new(root, "files", files);
    if (st == MASA_OK) st = seal_folder(files, folder, "", err);
    if (st == MASA_OK) {
        char *json =
            json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
        masa_text_add(&text, json);
        free(json);
        add_checksum(&text);
        st = masa_file_write(path, text.data, text.size, err);
    }
    if (st == MASA_OK) st = masa_folder_sync(folder, err);
    masa_text_deinit(&text);
    json_decref(root);
    free(path);
    return st;
}

static masa_status verify_file(const char *folder, const char *name, const json_t *file,
                               masa_error *err)
{
    char *path = masa_path_join(folder, name);
    json_int_t size = json_integer_value(json_object_get(file, "size"));
    json_int_t sum = json_integer_value(json_object_get(file, "crc32c"));
    masa_status st = MASA_OK;
    struct stat info;
    uint32_t found = 0;
    if (masa_path_missing(path)) st = MASA_FAIL(err, MASA_ERR_FORMAT, "%s is missing", path);
    else if (stat(path, &info) != 0) st = fail_errno(err, "read", path);
    else if (!S_ISREG(info.st_mode))
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not a regular file", path);
    else if (info.st_size != size)
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "%s has %lld bytes and should have %lld", path,
                       (long long)info.st_size, (long long)size);
    else if ((st = masa_run_file_checksum(path, &found, err)) == MASA_OK && found != sum)
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "%s is damaged (checksum)", path);
    free(path);
    return st;
}

static masa_status read_state(const json_t *root, const char *path, masa_run_state *out,
                              masa_error *err)
{
    json_int_t version, step, draws, tokens;
    double seconds, cpu_seconds = 0; /* the latter is newer than version 1 */
    json_t *extra, *files;
    if (json_unpack((json_t *)(uintptr_t)root, "{s:I,s:I,s:I,s:I,s:F,s?F,s:o,s:o}", "version",
                    &version, "step", &step, "draws", &draws, "tokens", &tokens, "seconds",
                    &seconds, "cpu_seconds", &cpu_seconds, "extra", &extra, "files",
                    &files) != 0 ||
        (version != 1 && version != 2) || !json_is_object(extra) || !json_is_object(files))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not the state of a checkpoint", path);
    *out = (masa_run_state){.step = (long)step,
                            .draws = (long)draws,
                            .tokens = (long)tokens,
                            .seconds = seconds,
                            .cpu_seconds = cpu_seconds};
    const json_t *score = json_object_get(root, "score");
    if (!score) score = json_object_get(root, "accuracy"); /* of an older program */
    out->evaluated = json_is_number(score);
    if (out->evaluated) out->score = json_number_value(score);
    const json_t *inputs = json_object_get(root, "inputs");
    if (json_object_size(extra)) out->extra = json_dumps(extra, JSON_COMPACT);
    if (inputs) out->inputs = json_dumps(inputs, JSON_COMPACT);
    return MASA_OK;
}

static masa_status load_state(json_t **out, const char *path, masa_error *err)
{
    json_error_t why;
    masa_text text = {0};
    masa_status st = masa_path_missing(path)
                         ? MASA_FAIL(err, MASA_ERR_FORMAT, "%s is missing", path)
                         : masa_file_read_part(&text, path, err);
    if (st == MASA_OK) st = check_checksum(&text, path, err);
    if (st == MASA_OK) {
        *out = json_loadb(masa_text_get(&text), text.size, JSON_REJECT_DUPLICATES, &why);
        if (!*out) st = MASA_FAIL(err, MASA_ERR_FORMAT, "%s: %s", path, why.text);
    }
    masa_text_deinit(&text);
    return st;
}

masa_status checkpoint_read(const char *folder, masa_run_state *state, masa_error *err)
{
    char *path = masa_path_join(folder, STATE_FILE);
    json_t *root = NULL;
    masa_status st = load_state(&root, path, err);
    if (st == MASA_OK) st = read_state(root, path, state, err);
    json_decref(root);
    free(path);
    return st;
}

masa_status checkpoint_verify(const char *folder, masa_run_state *state, masa_error *err)
{
    char *path = masa_path_join(folder, STATE_FILE);
    json_t *root = NULL, *file;
    masa_run_state found = {0};
    const char *name;
    masa_status st = load_state(&root, path, err);
    if (st == MASA_OK) st = read_state(root, path, &found, err);
    if (st == MASA_OK)
        json_object_foreach(json_object_get(root, "files"), name, file) if (st == MASA_OK) st =
            verify_file(folder, name, file, err);
    if (st == MASA_OK) *state = found;
    else masa_run_state_deinit(&found);
    json_decref(root);
    free(path);
    return st;
}
