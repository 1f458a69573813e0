/* Sums of arrays on GPUs, which never come to the host: bytes go by masa/link.h, and each rank adds
 * up its part by the tree that the processor adds by. */
#include "dist_internal.h"

#include <masa/clock.h>
#include <masa/link.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/rows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats of all ranks together that come in at once. */
enum { LINK_WINDOW = 4 << 20 };

static enum { UNKNOWN, APART, LINKED } state;
static float DEVICE *window; /* [LINK_WINDOW] */

/* ---- whether there is a link ---- */

/* Of one rank. */
typedef struct link_card {
    bool able;
    char place[MASA_LINK_PLACE];
    char why[200];
} link_card;

/* Why there can be no link, or NULL: the same on all ranks. */
static const char *obstacle(const link_card *all, size_t size)
{
    for (size_t r = 0; r < size; r++) {
        if (!all[r].able) return all[r].why;
        for (size_t other = 0; other < r; other++)
            if (memcmp(all[r].place, all[other].place, MASA_LINK_PLACE) == 0)
                return "two processes share one";
    }
    return NULL;
}

static masa_status join(masa_error *err)
{
    char name[MASA_LINK_NAME] = {0};
    masa_status st = masa_dist_rank() == 0 ? masa_link_name(name, err) : MASA_OK;
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = masa_dist_spread(name, sizeof name, 0, err);
    if (st == MASA_OK) st = masa_link_join(name, masa_dist_rank(), masa_dist_size(), err);
    return masa_dist_agree(st, NULL, err);
}

/* Everybody's card; what cannot be is no error, since there is the way through the host. */
static void find(void)
{
    masa_error err = {0};
    link_card mine = {0}, *all = masa_alloc(masa_dist_size(), sizeof *all);
    void DEVICE *room = NULL;
    masa_status st = masa_link_find(mine.place, &err);
    if (st == MASA_OK)
        st = masa_device_reserve(&room, LINK_WINDOW, sizeof *window, "sums over GPUs", &err);
    mine.able = st == MASA_OK;
    snprintf(mine.why, sizeof mine.why, "%.199s", err.message);
    st = dist_gather(all, &mine, sizeof mine, &err);
    const char *why = st == MASA_OK ? obstacle(all, masa_dist_size()) : err.message;
    if (!why && join(&err) != MASA_OK) {
        why = err.message;
        (void)masa_dist_agree(MASA_OK, NULL, NULL); /* nobody ends by the vote before */
    }
    state = why ? APART : LINKED;
    if (why) masa_device_free(room);
    else window = room;
    if (why && strcmp(masa_device_kind(), "cpu") != 0)
        masa_warn("GPUs send one another their numbers through the hosts: %s", why);
    free(all);
}

bool dist_linked(void)
{
    if (state == UNKNOWN) find();
    return state == LINKED;
}

void dist_link_end(void)
{
    if (state != LINKED) return;
    masa_link_leave();
    masa_device_free(window);
    window = NULL;
    state = UNKNOWN;
}

/* ---- sums ---- */

static masa_status swap(const masa_link_piece *send, const masa_link_piece *receive,
                        masa_error *err)
{
    masa_error why = {0};
    double start = masa_clock();
    size_t bytes = 0;
    masa_status st = masa_link_swap(send, receive, &why);
    for (size_t r = 0; r < masa_dist_size(); r++)
        if (r != masa_dist_rank()) bytes += send[r].bytes;
    return dist_done(st == MASA_OK ? NULL : why.message, start, bytes, err);
}

static masa_link_piece piece_of(float DEVICE *values, masa_dist_part part, size_t at,
                                size_t most)
{
    return (masa_link_piece){values + part.first + at,
                             dist_in_window(part, at, most) * sizeof *values};
}

/* Rows of the window: how long each is, and how much of it is to be added. */
typedef struct window_rows {
    size_t most, n;
} window_rows;

static void add_on_device(void *rows, size_t to, size_t from)
{
    const window_rows *w = rows;
    masa_add(window + to * w->most, window + from * w->most, w->n);
}

masa_status dist_sum_linked(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    size_t size = masa_dist_size(), rank = masa_dist_rank(), end = dist_longest_part(n, unit),
           most = LINK_WINDOW / size;
    masa_link_piece *send = masa_alloc(2 * size, sizeof *send), *receive = send + size;
    masa_dist_part own = masa_dist_part_of(rank, n, unit);
    masa_status st = MASA_OK;
    for (size_t at = 0; st == MASA_OK && at < end; at += most) {
        masa_link_piece mine = piece_of(values, own, at, most);
        for (size_t r = 0; r < size; r++) {
            send[r] = piece_of(values, masa_dist_part_of(r, n, unit), at, most);
            receive[r] = (masa_link_piece){window + r * most, mine.bytes};
        }
        masa_device_copy(receive[rank].at, mine.at, mine.bytes);
        st = swap(send, receive, err);
        if (st != MASA_OK) break;
        window_rows rows = {most, mine.bytes / sizeof *values};
        dist_add_tree(add_on_device, &rows, 0, size);
        masa_device_copy(mine.at, window, mine.bytes);
    }
    free(send);
    return st;
}

masa_status dist_share_linked(float DEVICE *values, size_t n, size_t unit, masa_error *err)
{
    size_t size = masa_dist_size(), rank = masa_dist_rank();
    masa_link_piece *send = masa_alloc(2 * size, sizeof *send), *receive = send + size;
    for (size_t r = 0; r < size; r++) {
        send[r] = piece_of(values, masa_dist_part_of(rank, n, unit), 0, n);
        receive[r] = piece_of(values, masa_dist_part_of(r, n, unit), 0, n);
    }
    masa_status st = swap(send, receive, err);
    free(send);
    return st;
}
