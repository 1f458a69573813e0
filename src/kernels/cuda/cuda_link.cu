/* Arrays from GPU to GPU of several processes: pieces that are sent and received as one group, on
 * the stream of everything else. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_nccl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DECLARE(result, name, arguments) static result(*name) arguments;
NCCL_FUNCTIONS(DECLARE)

static ncclComm_t comm; /* NULL: there is no link */
static int own, others_end;

/* Symbol by symbol; the name of one that is not there. */
static const char *find_functions(void *library)
{
#define FIND(result, name, arguments)                                                          \
    if (!(*(void **)&name = dlsym(library, #name))) return #name;
    NCCL_FUNCTIONS(FIND)
    return NULL;
}

const char *cuda_link_find(char *place)
{
    static char why[300];
    void *library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    memcpy(place, device_place(), MASA_LINK_PLACE);
    if (!library) {
        const char *said = dlerror();
        snprintf(why, sizeof why, "libnccl.so.2 cannot be opened (%s)",
                 said ? said : "unknown");
        return why;
    }
    const char *missing = find_functions(library);
    if (!missing) return NULL;
    snprintf(why, sizeof why, "libnccl.so.2 has no %s: it is older than 2.7", missing);
    return why;
}

static const char *text_of(ncclResult_t result)
{
    return result == ncclSuccess ? NULL : ncclGetErrorString(result);
}

const char *cuda_link_name(char *name)
{
    ncclUniqueId id;
    static_assert(sizeof id == MASA_LINK_NAME, "a link's name is NCCL's");
    ncclResult_t result = ncclGetUniqueId(&id);
    memcpy(name, &id, sizeof id);
    return text_of(result);
}

const char *cuda_link_join(const char *name, size_t rank, size_t size)
{
    ncclUniqueId id;
    memcpy(&id, name, sizeof id);
    own = (int)rank;
    others_end = (int)size;
    return text_of(ncclCommInitRank(&comm, others_end, id, own));
}

void cuda_link_leave(void)
{
    if (comm) ncclCommDestroy(comm);
    comm = NULL;
}

/* The stream may never come to its end when something happens to the network or to the others: so
 * NCCL is asked while one waits. */
static ncclResult_t wait_for_stream()
{
    ncclResult_t result = ncclSuccess;
    struct timespec pause = {0, 20000};
    while (!device_idle()) {
        ncclResult_t asked = ncclCommGetAsyncError(comm, &result);
        if (asked != ncclSuccess) result = asked;
        if (result != ncclSuccess && result != ncclInProgress) return result;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 500000) pause.tv_nsec += pause.tv_nsec / 4;
    }
    return ncclSuccess;
}

const char *cuda_link_swap(const masa_link_piece *send, const masa_link_piece *receive)
{
    ncclResult_t result = ncclGroupStart();
    for (int r = 0; result == ncclSuccess && r < others_end; r++) {
        if (r == own) continue;
        if (send[r].bytes)
            result = ncclSend(send[r].at, send[r].bytes, ncclUint8, r, comm, device_stream());
        if (result == ncclSuccess && receive[r].bytes)
            result =
                ncclRecv(receive[r].at, receive[r].bytes, ncclUint8, r, comm, device_stream());
    }
    ncclResult_t ended = ncclGroupEnd();
    if (result == ncclSuccess) result = ended;
    if (result == ncclSuccess) result = wait_for_stream();
    if (result == ncclSuccess) return NULL;
    ncclCommAbort(comm);
    comm = NULL;
    return ncclGetErrorString(result);
}
