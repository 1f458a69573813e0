/*
 * The few calls of NCCL that src/kernels/cuda/cuda_link.cu makes, between processes that mpirun has
 * started: a library of the name that it opens, with the same arguments. Bytes go by MPI, when the
 * stream is waited for and not before. What NCCL leaves undefined, or hangs in, ends the test:
 * another name or number of ranks than the others have, what is not the GPU's memory, no stream,
 * pieces of other sizes than the other side's, pieces that overlap.
 */
#include "cuda_nccl.h"

#include <mpi.h>
#include <vector>

struct ncclComm {
    MPI_Comm world;
    int rank, size;
};

struct piece {
    bool sent;
    char *at;
    size_t bytes;
    int peer;
    ncclComm_t comm;
    cudaStream_t stream;
};
static std::vector<piece> group;
static bool grouped;

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    FILE *random = fopen("/dev/urandom", "rb");
    bool made = random && fread(id, sizeof *id, 1, random) == 1;
    if (random) fclose(random);
    return made ? ncclSuccess : ncclInvalidUsage;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int n, ncclUniqueId id, int rank)
{
    struct {
        ncclUniqueId id;
        int device;
    } mine = {id, gpu::device()};
    ncclComm made = {};
    MPI_Comm_dup(MPI_COMM_WORLD, &made.world);
    MPI_Comm_rank(made.world, &made.rank);
    MPI_Comm_size(made.world, &made.size);
    if (made.rank != rank || made.size != n) gpu::die("NCCL: ranks that are not the job's");
    std::vector<decltype(mine)> all((size_t)n);
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, made.world);
    for (int r = 0; r < n; r++) {
        if (memcmp(&all[(size_t)r].id, &id, sizeof id)) gpu::die("NCCL: ranks of other links");
        for (int s = 0; s < r; s++) /* "Duplicate GPU detected" */
            if (all[(size_t)s].device == all[(size_t)r].device) return ncclInvalidUsage;
    }
    *comm = new ncclComm(made);
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    MPI_Comm_free(&comm->world);
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *result)
{
    *result = ncclSuccess;
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    return result == ncclInvalidUsage ? "invalid usage" : "unknown";
}

ncclResult_t ncclGroupStart(void)
{
    if (grouped) gpu::die("NCCL: a group within a group");
    grouped = true;
    return ncclSuccess;
}

static ncclResult_t add(piece p, ncclDataType_t type)
{
    if (!grouped) gpu::die("NCCL: without a group the others' pieces are never received");
    if (type != ncclUint8 || p.peer < 0 || p.peer >= p.comm->size || p.peer == p.comm->rank)
        return ncclInvalidArgument;
    if (!gpu::is_stream(p.stream)) gpu::die("NCCL: no stream");
    if (!gpu::has(p.at, p.bytes)) gpu::die("NCCL: no memory of the GPU");
    for (const piece &other : group)
        if (!(p.sent && other.sent) && p.at < other.at + other.bytes &&
            other.at < p.at + p.bytes)
            gpu::die("NCCL: a piece comes in where another is");
    group.push_back(p);
    return ncclSuccess;
}

ncclResult_t ncclSend(const void *at, size_t n, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream)
{
    return add({true, (char *)(uintptr_t)at, n, peer, comm, stream}, type);
}

ncclResult_t ncclRecv(void *at, size_t n, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream)
{
    return add({false, (char *)at, n, peer, comm, stream}, type);
}

static void move(const std::vector<piece> &pieces)
{
    std::vector<std::vector<char>> host;
    std::vector<MPI_Request> requests(pieces.size());
    std::vector<MPI_Status> status(pieces.size());
    for (const piece &p : pieces) {
        host.emplace_back(p.bytes);
        if (p.sent) memcpy(host.back().data(), p.at, p.bytes);
    }
    for (size_t i = 0; i < pieces.size(); i++) {
        const piece &p = pieces[i];
        int n = (int)p.bytes;
        if (p.sent)
            MPI_Isend(host[i].data(), n, MPI_BYTE, p.peer, 0, p.comm->world, &requests[i]);
        else MPI_Irecv(host[i].data(), n, MPI_BYTE, p.peer, 0, p.comm->world, &requests[i]);
    }
    if (MPI_Waitall((int)requests.size(), requests.data(), status.data()) != MPI_SUCCESS)
        gpu::die("NCCL: a piece larger than what the other side receives");
    for (size_t i = 0; i < pieces.size(); i++) {
        int n = 0;
        if (pieces[i].sent) continue;
        MPI_Get_count(&status[i], MPI_BYTE, &n);
        if ((size_t)n != pieces[i].bytes) gpu::die("NCCL: a piece of another size");
        memcpy(pieces[i].at, host[i].data(), pieces[i].bytes);
    }
}

ncclResult_t ncclGroupEnd(void)
{
    if (!grouped) gpu::die("NCCL: the end of no group");
    std::vector<piece> pieces;
    pieces.swap(group);
    grouped = false;
    for (const piece &p : pieces)
        if (p.stream != pieces[0].stream) gpu::die("NCCL: a group on two streams");
    if (!pieces.empty())
        gpu::enqueue(pieces[0].stream, &gpu_counts::launches, [=]() { move(pieces); });
    return ncclSuccess;
}
}
