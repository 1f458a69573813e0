/* The runtime: device memory that the host cannot touch, and streams that wait. */
#include "gpu_host.h"

#include <sys/mman.h>
#include <unistd.h>
#include <deque>
#include <map>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

typedef std::vector<std::function<void()>> work_list;
struct gpu_stream {
    std::deque<std::function<void()>> queue;
    bool asked;          /* since something was queued */
    work_list *captured; /* NULL: work is queued */
};
struct gpu_graph {
    work_list work;
};
struct gpu_graph_exec {
    work_list work;
};

namespace gpu
{
void run_launch(const char *name, dim3 grid, dim3 block, size_t shared,
                const std::function<void()> &body);

/* An allocation: whole pages and one more that is never accessible. */
struct area {
    size_t bytes, pages; /* asked for; mapped, without the guard */
};
static std::map<char *, area> areas;
static std::map<const void *, size_t> raised;
static std::vector<gpu_stream *> streams;

static const size_t DEVICE_BYTES = (size_t)8 << 30;
static const unsigned char PATTERN = 0xa5;
static const size_t SPOILED = (size_t)4 << 20;

static size_t used()
{
    size_t sum = 0;
    for (auto &a : areas) sum += a.second.pages;
    return sum;
}

static void allow(int protection)
{
    for (auto &a : areas) mprotect(a.first, a.second.pages, protection);
}

static gpu_counts counts;

void enqueue(cudaStream_t stream, unsigned long gpu_counts::*kind, std::function<void()> work)
{
    stream->asked = false;
    if (stream->captured) {
        stream->captured->push_back(std::move(work));
        return;
    }
    stream->queue.push_back(std::move(work));
    counts.*kind += 1;
}

static int current;

int device()
{
    return current;
}

bool has(const void *p, size_t bytes)
{
    auto it = areas.upper_bound((char *)(uintptr_t)p);
    if (it == areas.begin()) return false;
    --it;
    char *end =
        it->first + (it->second.pages - it->second.bytes) / 256 * 256 + it->second.bytes;
    return (const char *)p + bytes <= end;
}

bool is_stream(cudaStream_t stream)
{
    for (gpu_stream *s : streams)
        if (s == stream) return true;
    return false;
}

static void must_not_capture(const char *what)
{
    for (gpu_stream *s : streams)
        if (s->captured) die(what);
}

static void drain(gpu_stream *stream)
{
    if (stream->queue.empty()) return;
    allow(PROT_READ | PROT_WRITE);
    while (!stream->queue.empty()) {
        stream->queue.front()();
        stream->queue.pop_front();
    }
    allow(PROT_NONE);
}

void allow_shared(const void *kernel, size_t bytes)
{
    /* What every GPU from sm_80 on has (sm_86, sm_89 and sm_120 the least). */
    if (bytes > 99 << 10) die("more shared memory than every GPU has");
    raised[kernel] = bytes;
}

void launch(const char *name, const void *kernel, dim3 grid, dim3 block, size_t shared,
            cudaStream_t stream, std::function<void()> body)
{
    unsigned n = block.x * block.y * block.z;
    size_t most = raised.count(kernel) ? raised[kernel] : 0;
    if (most < 48 << 10) most = 48 << 10;
    const char *wrong = n == 0 || n > 1024 ? "a block of 0 or more than 1024 threads"
                        : n % 32           ? "a block with a part of a warp"
                        : shared > most    ? "more shared memory than was asked for"
                        : !grid.x || !grid.y || !grid.z ? "an empty grid"
                        : grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535
                            ? "a grid that is too large"
                            : NULL;
    if (wrong) {
        fprintf(stderr, "gpu: %s: %s\n", name, wrong);
        abort();
    }
    enqueue(stream, &gpu_counts::launches,
            [=]() { run_launch(name, grid, block, shared, body); });
}

/* ---- cp.async: early in even orders, at the wait in odd ones ---- */

struct copy {
    void *to;
    const void *from;
    unsigned bytes;
};
/* Of each thread of a block: what is not committed, and the groups under way. */
struct copies {
    std::vector<copy> open;
    std::deque<std::vector<copy>> groups;
};
static copies all_copies[1024];

static void copy_now(const copy &c)
{
    unsigned char sixteen[16] = {0};
    memcpy(sixteen, c.from, c.bytes);
    memcpy(c.to, sixteen, 16);
}

void copy_async(void *to, const void *from, unsigned bytes)
{
    if ((uintptr_t)to % 16 || (bytes && (uintptr_t)from % 16)) die("cp.async not on 16 bytes");
    if (bytes > 16) die("cp.async of more than 16 bytes");
    copy c = {to, from, bytes};
    if (order % 2 == 0) copy_now(c);
    else all_copies[self->index].open.push_back(c);
}

void copy_commit()
{
    copies &mine = all_copies[self->index];
    mine.groups.push_back(std::move(mine.open));
    mine.open.clear();
}

void copy_wait(unsigned groups_left)
{
    copies &mine = all_copies[self->index];
    while (mine.groups.size() > groups_left) {
        for (const copy &c : mine.groups.front()) copy_now(c);
        mine.groups.pop_front();
    }
}

void copies_must_be_done()
{
    copies &mine = all_copies[self->index];
    bool left = !mine.open.empty();
    for (auto &g : mine.groups) left = left || !g.empty();
    if (left) die("a thread ends with copies that it did not wait for");
    mine.groups.clear();
}
} // namespace gpu

using namespace gpu;

/* How many the machine has, in the environment, so that each of several processes can have its own;
 * else one. */
cudaError_t cudaGetDeviceCount(int *count)
{
    const char *said = getenv("GPU_COUNT");
    *count = said ? atoi(said) : 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    int count;
    cudaGetDeviceCount(&count);
    if (device < 0 || device >= count) return cudaErrorNoDevice;
    current = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device)
{
    *p = {"no GPU: the tests' shim", {"shim"}, 8, 0, 4, DEVICE_BYTES};
    p->uuid.bytes[15] = (char)device;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = 12080;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    *total = DEVICE_BYTES;
    *available = DEVICE_BYTES - used();
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
    return error == cudaErrorMemoryAllocation ? "out of memory" : "no such device";
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    *stream = new gpu_stream();
    streams.push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    drain(stream);
    for (size_t i = 0; i < streams.size(); i++)
        if (streams[i] == stream) streams.erase(streams.begin() + (ptrdiff_t)i);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    must_not_capture("waiting while a stream is captured");
    counts.waits++;
    drain(stream);
    return cudaSuccess;
}

/* Work takes its time: who asks once is told that it is not done. */
cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    if (!stream->queue.empty() && !stream->asked) {
        stream->asked = true;
        return cudaErrorNotReady;
    }
    drain(stream);
    return cudaSuccess;
}

/* ---- graphs ---- */

/* For tests. */
extern "C" __attribute__((visibility("default"))) void gpu_counted(gpu_counts *to)
{
    *to = counts;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    if (stream->captured) die("a stream that is captured already");
    stream->captured = new work_list;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    if (!stream->captured) die("the end of no capture");
    *graph = new gpu_graph{std::move(*stream->captured)};
    delete stream->captured;
    stream->captured = NULL;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    *exec = new gpu_graph_exec{graph->work};
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    for (const auto &work : exec->work) enqueue(stream, &gpu_counts::replayed, work);
    counts.graphs++;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page) / page * page;
    must_not_capture("cudaMalloc while a stream is captured");
    if (bytes > DEVICE_BYTES || used() + pages > DEVICE_BYTES) return cudaErrorMemoryAllocation;
    char *base = (char *)mmap(NULL, pages + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return cudaErrorMemoryAllocation;
    mprotect(base + pages, page, PROT_NONE);
    /* As near to the guard as the alignment of 256 bytes allows. */
    char *at = base + (pages - bytes) / 256 * 256;
    /* NaNs: it is not zero on a GPU either. Of large ones the beginning: pages that nobody
     * touches cost nothing, and tests' arrays are small. */
    memset(at, 0xff, bytes < SPOILED ? bytes : SPOILED);
    memset(at + bytes, PATTERN, (size_t)(base + pages - at) - bytes);
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(at + bytes, (size_t)(base + pages - at) - bytes);
#endif
    mprotect(base, pages, PROT_NONE);
    areas[base] = {bytes, pages};
    *p = at;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    if (!p) return cudaSuccess;
    must_not_capture("cudaFree while a stream is captured");
    for (gpu_stream *s : streams) drain(s); /* as the real one does */
    auto it = areas.upper_bound((char *)p);
    if (it == areas.begin()) die("cudaFree of what is no allocation");
    --it;
    char *base = it->first;
    area a = it->second;
    if ((char *)p != base + (a.pages - a.bytes) / 256 * 256)
        die("cudaFree of what is no allocation");
    mprotect(base, a.pages, PROT_READ | PROT_WRITE);
    char *end = (char *)p + a.bytes;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(end, (size_t)(base + a.pages - end));
#endif
    for (; end < base + a.pages; end++)
        if ((unsigned char)*end != PATTERN) die("written behind the end of device memory");
    munmap(base, a.pages + (size_t)sysconf(_SC_PAGESIZE));
    areas.erase(it);
    return cudaSuccess;
}

/* From pageable memory the source is read before the call returns, as CUDA does; what goes
 * to the host arrives when the stream is waited for. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    if (kind == cudaMemcpyHostToDevice) {
        std::vector<char> kept((const char *)from, (const char *)from + bytes);
        bool captured = stream->captured != NULL;
        if (!captured) counts.put_bytes += bytes;
        enqueue(stream, &gpu_counts::puts, [=]() {
            /* A graph would read the array again, whatever has become of it. */
            if (captured && memcmp(from, kept.data(), bytes))
                die("a graph copies a host array that has changed since");
            if (bytes) memcpy(to, kept.data(), bytes);
        });
    } else {
        bool within = kind == cudaMemcpyDeviceToDevice;
        enqueue(stream, within ? &gpu_counts::copies : &gpu_counts::gets, [=]() {
            if (bytes) memmove(to, from, bytes);
        });
    }
    return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    if (width > to_pitch || width > from_pitch) die("rows of a copy longer than their pitch");
    for (size_t i = 0; i < height; i++)
        cudaMemcpyAsync((char *)to + i * to_pitch, (const char *)from + i * from_pitch, width,
                        kind, stream);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    enqueue(stream, &gpu_counts::copies, [=]() { memset(to, value, bytes); });
    return cudaSuccess;
}
