/*
 * The optimiser's moments in a file, all little-endian:
 *     "MASAOPT1", n (u64), step (i64), CRC-32C of these 24 bytes (u32), 0 (u32)
 *     m, v: n floats each
 *     CRC-32C of m and v (u32)
 */
#include "crc32c.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'M', 'A', 'S', 'A', 'O', 'P', 'T', '1'};
enum { HEADER = 32, CHECKED = 24, TRAILER = 4 };

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are written as they lie");

static void write_header(FILE *file, size_t n, long step)
{
    uint8_t header[HEADER] = {0};
    uint64_t count = n;
    int64_t steps = step;
    memcpy(header, magic, 8);
    memcpy(header + 8, &count, 8);
    memcpy(header + 16, &steps, 8);
    uint32_t sum = crc32c(0, header, CHECKED);
    memcpy(header + CHECKED, &sum, 4);
    fwrite(header, HEADER, 1, file);
}

masa_status masa_moments_write(const char *path, masa_moments_source *source, void *context,
                               size_t n, long step, masa_error *err)
{
    enum { PIECE = 1 << 20 };
    masa_output out = {0};
    uint32_t trailer = 0;
    float *piece = masa_alloc(n < PIECE ? n + 1 : PIECE, sizeof *piece);
    masa_status opened = path ? masa_file_begin(&out, path, err) : MASA_OK, st = MASA_OK;
    if (out.file) write_header(out.file, n, step);
    for (int second = 0; second < 2; second++)
        for (size_t at = 0; st == MASA_OK && at < n; at += PIECE) {
            size_t now = n - at < PIECE ? n - at : PIECE;
            st = source(context, piece, second, at, now, err);
            if (st != MASA_OK || !out.file) continue;
            trailer = crc32c(trailer, piece, 4 * now);
            fwrite(piece, 4, now, out.file);
        }
    free(piece);
    if (out.file) fwrite(&trailer, TRAILER, 1, out.file);
    if (out.file && st == MASA_OK) return masa_file_commit(&out, err);
    if (out.file) masa_file_abort(&out);
    return st == MASA_OK ? opened : st;
}

static masa_status check(const masa_mapping *map, const char *path, size_t n, masa_error *err)
{
    uint32_t sum, trailer;
    uint64_t count;
    if (map->size < HEADER || memcmp(map->data, magic, 8) != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is not the optimiser's state", path);
    memcpy(&sum, map->data + CHECKED, 4);
    memcpy(&count, map->data + 8, 8);
    if (sum != crc32c(0, map->data, CHECKED))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is damaged (header checksum)", path);
    if (count != n)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "%s is the state of %llu trained numbers, the run has %zu; were "
                         "model.path or lora changed?",
                         path, (unsigned long long)count, n);
    size_t expected = HEADER + 8 * n + TRAILER;
    if (map->size != expected)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is cut short: %zu of %zu bytes", path,
                         map->size, expected);
    memcpy(&trailer, map->data + HEADER + 8 * n, 4);
    if (trailer != crc32c(0, map->data + HEADER, 8 * n))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is damaged (checksum)", path);
    return MASA_OK;
}

masa_status masa_moments_read(const char *path, masa_moments_sink *sink, void *context,
                              size_t n, long *step, masa_error *err)
{
    masa_mapping map = {0};
    masa_status st = masa_file_map(&map, path, err);
    if (st == MASA_OK) st = check(&map, path, n, err);
    if (st == MASA_OK) {
        int64_t steps;
        memcpy(&steps, map.data + 16, 8);
        const float *all = (const void *)(map.data + HEADER);
        sink(context, all, false);
        sink(context, all + n, true);
        *step = (long)steps;
    }
    masa_file_unmap(&map);
    return st;
}
