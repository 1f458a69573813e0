/* The plugin libmasa_mpi.so: MPI behind the table of transport.h. */
#include "transport.h"

#include <mpi.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

static struct transport table;

static const char *text_of(int code)
{
    static char text[MPI_MAX_ERROR_STRING];
    int n;
    return MPI_Error_string(code, text, &n) == MPI_SUCCESS ? text : "unknown";
}

/* Waits without burning a core: others of this machine may have work for it. */
static const char *wait_for(int code, MPI_Request *request)
{
    enum { EAGER = 200 };
    struct timespec pause = {0, 20000};
    int done = false;
    for (int i = 0; code == MPI_SUCCESS; i++) {
        code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS || done) break;
        if (i < EAGER) {
            sched_yield();
        } else {
            nanosleep(&pause, NULL);
            if (pause.tv_nsec < 1000000) pause.tv_nsec += pause.tv_nsec / 4;
        }
    }
    return code == MPI_SUCCESS ? NULL : text_of(code);
}

static const char *gather(void *all, const void *mine, size_t bytes)
{
    MPI_Request request;
    int n = (int)bytes;
    return wait_for(
        MPI_Iallgather(mine, n, MPI_BYTE, all, n, MPI_BYTE, MPI_COMM_WORLD, &request),
        &request);
}

static const char *exchange(void *all, const void *mine, size_t bytes)
{
    MPI_Request request;
    int n = (int)bytes;
    return wait_for(
        MPI_Ialltoall(mine, n, MPI_BYTE, all, n, MPI_BYTE, MPI_COMM_WORLD, &request), &request);
}

static const char *spread(void *data, size_t bytes, size_t from)
{
    MPI_Request request;
    return wait_for(MPI_Ibcast(data, (int)bytes, MPI_BYTE, (int)from, MPI_COMM_WORLD, &request),
                    &request);
}

static void leave(void)
{
    MPI_Finalize();
}

static void end_all(int status)
{
    MPI_Abort(MPI_COMM_WORLD, status);
}

__attribute__((visibility("default"))) extern transport_start masa_transport;
const struct transport *masa_transport(const char **why)
{
    int provided, rank, size;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (code != MPI_SUCCESS) {
        *why = text_of(code);
        return NULL;
    }
    table = (struct transport){
        .version = TRANSPORT_VERSION,
        .rank = (size_t)rank,
        .size = (size_t)size,
        .gather = gather,
        .exchange = exchange,
        .spread = spread,
        .close = leave,
        .abort = end_all,
    };
    return &table;
}
