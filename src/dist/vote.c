/* Votes: the outcome of what each rank did by itself, the same on all of them. */
#include "dist_internal.h"

#include <masa/clock.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one rank. */
typedef struct ballot {
    int status;
    unsigned flags;
    char message[448];
} ballot;

static bool told; /* the last vote was on a failure, so that all know of it */

bool dist_is_told(void)
{
    return told;
}

bool masa_dist_speaks(void)
{
    return masa_dist_rank() == 0 || !told;
}

/* What a run deals with everywhere alike. */
static bool is_common(int status)
{
    return status == MASA_ERR_NUMERIC || status == MASA_ERR_INTERRUPTED;
}

/* The rank whose failure counts; size: none failed. */
static size_t worst(const ballot *all, size_t size)
{
    size_t found = size;
    for (size_t r = 0; r < size; r++)
        if (all[r].status != MASA_OK &&
            (found == size || (is_common(all[found].status) && !is_common(all[r].status))))
            found = r;
    return found;
}

/* Of a failure that was voted on before, by those whom it has brought here. */
static bool is_old(const ballot *all, size_t size)
{
    size_t failed = 0;
    while (failed < size && all[failed].status != MASA_OK) failed++;
    return told && failed == size;
}

static masa_status decide(const ballot *all, size_t rank, size_t size, masa_error *err)
{
    if (is_old(all, size)) return (masa_status)all[rank].status;
    size_t bad = worst(all, size);
    told = bad < size;
    if (!told) return MASA_OK;
    masa_status cause = (masa_status)all[bad].status;
    if (rank == bad) {
        masa_error_context(err, "rank %zu of %zu (%s)", bad, size, dist_host(bad));
        return cause;
    }
    return MASA_FAIL(err, is_common((int)cause) ? cause : MASA_ERR_PEER,
                     "rank %zu of %zu (%s): %s", bad, size, dist_host(bad), all[bad].message);
}

static void add_place(ballot *mine, const masa_error *err)
{
    masa_text text = {0};
    if (err->path[0]) masa_text_addf(&text, "%s:", err->path);
    if (err->path[0] && err->line) masa_text_addf(&text, "%zu:", err->line);
    masa_text_addf(&text, "%s%s", err->path[0] ? " " : "", err->message);
    snprintf(mine->message, sizeof mine->message, "%s", masa_text_get(&text));
    masa_text_deinit(&text);
}

masa_status masa_dist_agree(masa_status status, unsigned *flags, masa_error *err)
{
    if (!dist_transport) return status;
    size_t size = dist_transport->size;
    ballot mine = {.status = (int)status, .flags = flags ? *flags : 0};
    ballot *all = masa_alloc(size, sizeof *all);
    masa_error unused = {0};
    double start = masa_clock();
    if (!err) err = &unused;
    if (status != MASA_OK) add_place(&mine, err);
    masa_status st = dist_gather(all, &mine, sizeof mine, err);
    dist_count_vote(start);
    for (size_t r = 0; st == MASA_OK && flags && r < size; r++) *flags |= all[r].flags;
    if (st == MASA_OK) st = decide(all, dist_transport->rank, size, err);
    free(all);
    return st;
}

/* ---- what must be the same ---- */

/* The first line of a that b has otherwise, and what b has there. */
static bool differ(const char *a, const char *b, masa_text *line, masa_text *other)
{
    while (*a || *b) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (n != m || memcmp(a, b, n) != 0) {
            masa_text_append(line, a, n);
            masa_text_append(other, b, m);
            return true;
        }
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
    return false;
}

masa_status masa_dist_same(const char *mine, masa_error *err)
{
    if (!dist_transport) return MASA_OK;
    masa_text all = {0}, line = {0}, other = {0};
    size_t *ends = masa_alloc(dist_transport->size, sizeof *ends);
    masa_status st = masa_dist_gather(&all, ends, mine, strlen(mine) + 1, err);
    if (st == MASA_OK && differ(mine, all.data, &line, &other))
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "disagrees with rank 0 (%s): here '%.160s', there '%.160s'",
                       dist_host(0), masa_text_get(&line), masa_text_get(&other));
    masa_text_deinit(&all);
    masa_text_deinit(&line);
    masa_text_deinit(&other);
    free(ends);
    return masa_dist_agree(st, NULL, err);
}
