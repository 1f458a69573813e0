/* Who the processes are: joining, leaving, and where each runs. */
#include "dist_internal.h"

#include <masa/log.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/plugin.h>

#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of one process, as the others know it. */
typedef struct seat {
    char host[DIST_HOST];
    cpu_set_t cores; /* that it may use */
} seat;

const struct transport *dist_transport;
static seat *seats; /* [size] */

/* What mpirun (Open MPI, MPICH) and srun tell a process that they start. */
static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};

static bool was_started_with_others(void)
{
    const char *size = getenv(marks[0]);
    if (size) return strcmp(size, "1") != 0;
    return getenv(marks[1]) || getenv(marks[2]);
}

size_t masa_dist_rank(void)
{
    return dist_transport ? dist_transport->rank : 0;
}

size_t masa_dist_size(void)
{
    return dist_transport ? dist_transport->size : 1;
}

const char *dist_host(size_t rank)
{
    return seats[rank].host;
}

static masa_status start(masa_error *err)
{
    const char *why = "unknown";
    void *plugin = masa_plugin_open("libmasa_mpi.so");
    if (!plugin)
        return MASA_FAIL(
            err, MASA_ERR_UNSUPPORTED,
            "started by mpirun or srun, but the plugin for MPI cannot be opened (%s); "
            "build masa where MPI is installed (Debian: libopenmpi-dev)",
            dlerror());
    transport_start *join;
    *(void **)&join = dlsym(plugin, "masa_transport");
    const struct transport *t = join ? join(&why) : NULL;
    if (join && !t) return MASA_FAIL(err, MASA_ERR_PEER, "MPI does not start: %s", why);
    if (!t || t->version != TRANSPORT_VERSION)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "libmasa_mpi.so is of another version of masa");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        unsetenv(marks[i]); /* programs that we start are no ranks */
    if (t->size > 1) dist_transport = t;
    else t->close();
    return MASA_OK;
}

static masa_status take_seats(masa_error *err)
{
    seat mine = {0};
    gethostname(mine.host, sizeof mine.host - 1);
    sched_getaffinity(0, sizeof mine.cores, &mine.cores);
    seats = masa_alloc(masa_dist_size(), sizeof *seats);
    return dist_gather(seats, &mine, sizeof mine, err);
}

/* The cores that this process may use, each shared with those who may use it too: mpirun binds
 * processes to cores, or does not. */
static int fair_threads(void)
{
    const seat *mine = &seats[dist_transport->rank];
    double share = 0;
    for (size_t core = 0; core < CPU_SETSIZE; core++) {
        int users = 0;
        if (!CPU_ISSET(core, &mine->cores)) continue;
        for (size_t r = 0; r < dist_transport->size; r++)
            users += strcmp(seats[r].host, mine->host) == 0 && CPU_ISSET(core, &seats[r].cores);
        share += 1.0 / users;
    }
    return share >= 1 ? (int)(share + 1e-6) : 1;
}

masa_status masa_dist_open(const char *version, masa_error *err)
{
    masa_text line = {0};
    if (!was_started_with_others()) return MASA_OK;
    masa_status st = start(err);
    if (st != MASA_OK || !dist_transport) return st;
    if (dist_transport->rank) masa_log_set_sink(NULL);
    st = take_seats(err);
    if (st == MASA_OK) st = dist_watch_start(err);
    if (st == MASA_OK && !getenv("OMP_NUM_THREADS")) masa_threads_set(fair_threads());
    masa_text_addf(&line, "version of masa: %s\n", version);
    if (st == MASA_OK) st = masa_dist_same(masa_text_get(&line), err);
    masa_text_deinit(&line);
    return st;
}

void masa_dist_close(masa_status outcome)
{
    if (!dist_transport) return;
    const struct transport *t = dist_transport;
    if (outcome != MASA_OK && !dist_is_told()) {
        dist_watch_end();
        t->abort(masa_status_exit(outcome));
    }
    dist_link_end();
    t->close();
    dist_watch_stop();
    dist_transport = NULL;
    free(seats);
    seats = NULL;
}

masa_dist_place masa_dist_where(void)
{
    masa_dist_place place = {1, 0, 1};
    if (!dist_transport) return place;
    const char *here = seats[dist_transport->rank].host;
    place.processes = place.machines = 0;
    for (size_t r = 0; r < dist_transport->size; r++) {
        size_t first = 0;
        while (strcmp(seats[first].host, seats[r].host) != 0) first++;
        place.machines += first == r;
        bool ours = strcmp(seats[r].host, here) == 0;
        place.processes += ours;
        place.number += ours && r < dist_transport->rank;
    }
    return place;
}
