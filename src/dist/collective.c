/* Bytes and sums from everybody to everybody. */
#include "dist_internal.h"

#include <masa/clock.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static masa_dist_cost cost;

masa_dist_cost masa_dist_cost_get(void)
{
    return cost;
}

void dist_count_vote(double start)
{
    cost.waited += masa_clock() - start;
}

masa_status dist_done(const char *why, double start, size_t bytes, masa_error *err)
{
    cost.seconds += masa_clock() - start;
    cost.bytes += (double)bytes;
    if (!why) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_PEER, "rank %zu (%s) lost touch with the others: %s",
                     masa_dist_rank(), dist_host(masa_dist_rank()), why);
}

masa_status dist_gather(void *all, const void *mine, size_t bytes, masa_error *err)
{
    double start = masa_clock();
    return dist_done(dist_transport->gather(all, mine, bytes), start,
                     (dist_transport->size - 1) * bytes, err);
}

static masa_status exchange(void *all, const void *mine, size_t bytes, masa_error *err)
{
    double start = masa_clock();
    return dist_done(dist_transport->exchange(all, mine, bytes), start,
                     (dist_transport->size - 1) * bytes, err);
}

masa_status masa_dist_spread(void *data, size_t bytes, size_t from, masa_error *err)
{
    double start = masa_clock();
    if (!dist_transport) return MASA_OK;
    size_t sent = dist_transport->rank == from ? (dist_transport->size - 1) * bytes : 0;
    return dist_done(dist_transport->spread(data, bytes, from), start, sent, err);
}

masa_status masa_dist_gather(masa_text *all, size_t *ends, const void *mine, size_t n,
                             masa_error *err)
{
    enum { PIECE = 64 << 20 }; /* a transport counts in int */
    if (!dist_transport) {
        masa_text_append(all, mine, n);
        ends[0] = all->size;
        return MASA_OK;
    }
    size_t size = dist_transport->size, rank = dist_transport->rank, most = 0;
    masa_status st = dist_gather(ends, &n, sizeof n, err);
    for (size_t r = 0; st == MASA_OK && r < size; r++)
        if (ends[r] > most) most = ends[r];
    char *piece = masa_alloc((most < PIECE ? most : PIECE) + 1, 1);
    for (size_t r = 0; st == MASA_OK && r < size; r++) {
        size_t total = ends[r];
        for (size_t at = 0; st == MASA_OK && at < total; at += PIECE) {
            size_t part = total - at < PIECE ? total - at : PIECE;
            if (r == rank) memcpy(piece, (const char *)mine + at, part);
            st = masa_dist_spread(piece, part, r, err);
            masa_text_append(all, piece, part);
        }
        ends[r] = all->size;
    }
    free(piece);
    return st;
}

void dist_add_tree(dist_add_row *add, void *rows, size_t first, size_t last)
{
    if (last - first < 2) return;
    size_t middle = first + (last - first) / 2;
    dist_add_tree(add, rows, first, middle);
    dist_add_tree(add, rows, middle, last);
    add(rows, first, middle);
}

typedef struct host_rows {
    float *values; /* [size, n] */
    size_t n;
} host_rows;

static void add_on_host(void *rows, size_t to, size_t from)
{
    const host_rows *h = rows;
    float *a = h->values + to * h->n;
    const float *b = h->values + from * h->n;
    for (size_t i = 0; i < h->n; i++) a[i] += b[i];
}

masa_dist_part masa_dist_part_of(size_t rank, size_t n, size_t unit)
{
    size_t size = masa_dist_size(), units = (n + unit - 1) / unit;
    masa_dist_part part = {units * rank / size * unit, units * (rank + 1) / size * unit};
    if (part.first > n) part.first = n;
    if (part.last > n) part.last = n;
    return part;
}

/* Parts go through the host a window at a time, which has as many numbers of each. */
enum { WINDOW = 1 << 20 }; /* floats, of all parts together */

size_t dist_in_window(masa_dist_part part, size_t at, size_t most)
{
    size_t n = part.last - part.first;
    if (at >= n) return 0;
    return n - at < most ? n - at : most;
}

size_t dist_longest_part(size_t n, size_t unit)
{
    size_t most = 0;
    for (size_t r = 0; r < dist_transport->size; r++) {
        masa_dist_part part = masa_dist_part_of(r, n, unit);
        if (part.last - part.first > most) most = part.last - part.first;
    }
    return most;
}

static masa_status sum_by_host(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    size_t size = dist_transport->size, rank = dist_transport->rank,
           end = dist_longest_part(n, unit);
    size_t most = (WINDOW + size - 1) / size;
    if (most > end) most = end;
    float *mine = masa_alloc(2 * size * most + 1, sizeof *mine), *all = mine + size * most;
    masa_dist_part own = masa_dist_part_of(rank, n, unit);
    masa_status st = MASA_OK;
    for (size_t at = 0; st == MASA_OK && at < end; at += most) {
        for (size_t r = 0; r < size; r++) {
            masa_dist_part part = masa_dist_part_of(r, n, unit);
            masa_device_get(mine + r * most, values + part.first + at,
                            dist_in_window(part, at, most) * sizeof *mine);
        }
        st = exchange(all, mine, most * sizeof *mine, err);
        if (st != MASA_OK) break;
        dist_add_tree(add_on_host, &(host_rows){all, most}, 0, size);
        masa_device_put(values + own.first + at, all,
                        dist_in_window(own, at, most) * sizeof *mine);
    }
    free(mine);
    return st;
}

static masa_status share_by_host(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    size_t size = dist_transport->size, rank = dist_transport->rank,
           end = dist_longest_part(n, unit);
    size_t most = (WINDOW + size - 1) / size;
    if (most > end) most = end;
    float *mine = masa_alloc((size + 1) * most + 1, sizeof *mine), *all = mine + most;
    masa_dist_part own = masa_dist_part_of(rank, n, unit);
    masa_status st = MASA_OK;
    for (size_t at = 0; st == MASA_OK && at < end; at += most) {
        masa_device_get(mine, values + own.first + at,
                        dist_in_window(own, at, most) * sizeof *mine);
        st = dist_gather(all, mine, most * sizeof *mine, err);
        for (size_t r = 0; st == MASA_OK && r < size; r++) {
            masa_dist_part part = masa_dist_part_of(r, n, unit);
            if (r != rank)
                masa_device_put(values + part.first + at, all + r * most,
                                dist_in_window(part, at, most) * sizeof *mine);
        }
    }
    free(mine);
    return st;
}

masa_status masa_dist_sum_part(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    if (!dist_transport) return MASA_OK;
    return dist_linked() ? dist_sum_linked(values, n, unit, err)
                         : sum_by_host(values, n, unit, err);
}

masa_status masa_dist_share_parts(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    if (!dist_transport) return MASA_OK;
    return dist_linked() ? dist_share_linked(values, n, unit, err)
                         : share_by_host(values, n, unit, err);
}

/* Each rank adds up its part, which then goes to all: as few bytes as a ring sends, and nothing
 * depends on the order in which MPI or NCCL would add. */
masa_status masa_dist_sum(float DEVICE *values, size_t n, masa_error *err)
{
    masa_status st = masa_dist_sum_part(values, n, 1, err);
    return st == MASA_OK ? masa_dist_share_parts(values, n, 1, err) : st;
}

masa_status masa_dist_sum_doubles(double *values, size_t n, masa_error *err)
{
    if (!dist_transport) return MASA_OK;
    size_t size = dist_transport->size;
    double *all = masa_alloc(size * n, sizeof *all);
    masa_status st = dist_gather(all, values, n * sizeof *values, err);
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        values[i] = 0;
        for (size_t r = 0; r < size; r++) values[i] += all[r * n + i];
    }
    free(all);
    return st;
}
