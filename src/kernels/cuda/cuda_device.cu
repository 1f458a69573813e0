#include "cuda_device.h"

#include <stdio.h>
#include <stdlib.h>

/* The device, like the instruction set a property of the process. */
static struct {
    cudaStream_t stream; /* NULL: not started */
    cudaDeviceProp properties;
    size_t at_start, peak; /* bytes free at the start; most taken since */
    struct {
        void *data;
        size_t bytes;
    } scratch[SCRATCH_KINDS];
    unsigned long scratch_moves; /* times that one of them was another afterwards */
} state;

void device_fail(const char *what, const char *why)
{
    fprintf(stderr, "masa: the GPU: %s: %s\n", what, why);
    exit(1);
}

void device_check(cudaError_t error, const char *what)
{
    if (error != cudaSuccess) device_fail(what, cudaGetErrorString(error));
}

const char *device_start(size_t number, bool round)
{
    int count = 0, index;
    if (state.stream) return NULL;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) return cudaGetErrorString(error);
    if (count == 0 || (!round && number >= (size_t)count))
        return "there is no GPU of that number";
    index = (int)(number % (size_t)count);
    error = cudaSetDevice(index);
    if (error == cudaSuccess) error = cudaGetDeviceProperties(&state.properties, index);
    if (error != cudaSuccess) return cudaGetErrorString(error);
    if (state.properties.major < 8) return "bf16 products need compute capability 8.0 (Ampere)";
    error = cudaStreamCreate(&state.stream);
    if (error != cudaSuccess) return cudaGetErrorString(error);
    state.at_start = device_available();
    return NULL;
}

const char *device_name(void)
{
    return state.properties.name;
}

const char *device_place(void)
{
    return state.properties.uuid.bytes;
}

const char *device_facts(void)
{
    static char facts[400];
    const cudaDeviceProp *p = &state.properties;
    int driver = 0, runtime = 0;
    device_check(cudaDriverGetVersion(&driver), "its driver's version");
    device_check(cudaRuntimeGetVersion(&runtime), "CUDA's version");
    snprintf(facts, sizeof facts,
             "%s, compute capability %d.%d, %d multiprocessors, %.1f GiB, %.1f of them free at "
             "the start, driver for CUDA %d.%d, built with CUDA %d.%d",
             p->name, p->major, p->minor, p->multiProcessorCount,
             (double)p->totalGlobalMem / (1 << 30), (double)state.at_start / (1 << 30),
             driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    return facts;
}

int device_units(void)
{
    return state.properties.multiProcessorCount;
}

size_t device_available(void)
{
    size_t available = 0, total = 0;
    device_check(cudaMemGetInfo(&available, &total), "its memory");
    return available;
}

size_t device_peak(void)
{
    return state.peak;
}

cudaStream_t device_stream()
{
    return state.stream;
}

void *device_alloc(size_t bytes, bool zeroed)
{
    void *p = NULL;
    cudaError_t error = cudaMalloc(&p, bytes ? bytes : 1);
    if (error == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError(); /* it is told to the caller, not to the next launch */
        return NULL;
    }
    device_check(error, "memory");
    if (zeroed) device_zero(p, bytes);
    size_t left = device_available();
    if (left < state.at_start && state.at_start - left > state.peak)
        state.peak = state.at_start - left;
    return p;
}

void device_free(void *p)
{
    device_check(cudaFree(p), "memory");
}

void device_put(void *to, const void *from_host, size_t bytes)
{
    /* Pageable memory: CUDA has read it when the call returns. */
    device_check(cudaMemcpyAsync(to, from_host, bytes, cudaMemcpyHostToDevice, state.stream),
                 "a copy to it");
}

void device_get(void *to_host, const void *from, size_t bytes)
{
    device_check(cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost, state.stream),
                 "a copy from it");
    device_wait();
}

/* The most that CUDA takes for a pitch. */
static const size_t PITCH = 0x7fffffff;

void device_copy(void *to, const void *from, size_t pitch, size_t bytes, size_t n)
{
    if (n > 1 && pitch <= PITCH) {
        device_check(cudaMemcpy2DAsync(to, pitch, from, pitch, bytes, n,
                                       cudaMemcpyDeviceToDevice, state.stream),
                     "a copy");
        return;
    }
    for (size_t i = 0; i < n; i++)
        device_check(cudaMemcpyAsync((char *)to + i * pitch, (const char *)from + i * pitch,
                                     bytes, cudaMemcpyDeviceToDevice, state.stream),
                     "a copy");
}

void device_zero(void *to, size_t bytes)
{
    device_check(cudaMemsetAsync(to, 0, bytes, state.stream), "zeros");
}

void device_wait(void)
{
    device_check(cudaStreamSynchronize(state.stream), "its work");
}

bool device_idle(void)
{
    cudaError_t error = cudaStreamQuery(state.stream);
    if (error != cudaErrorNotReady) device_check(error, "its work");
    return error == cudaSuccess;
}

struct graph {
    cudaGraphExec_t exec;
    unsigned long scratch_moves; /* when it was recorded */
};

void device_record(void)
{
    device_check(cudaStreamBeginCapture(state.stream, cudaStreamCaptureModeThreadLocal),
                 "a recording");
}

void *device_record_end(void)
{
    cudaGraph_t noted = NULL;
    cudaGraphExec_t exec = NULL;
    device_check(cudaStreamEndCapture(state.stream, &noted), "a recording");
    bool made = cudaGraphInstantiate(&exec, noted, 0) == cudaSuccess;
    device_check(cudaGraphDestroy(noted), "a recording");
    if (made) return new graph{exec, state.scratch_moves};
    (void)cudaGetLastError(); /* no memory for it, say: work goes on without */
    return NULL;
}

bool device_replay(void *recording)
{
    const graph *g = (const graph *)recording;
    if (g->scratch_moves != state.scratch_moves) return false;
    device_check(cudaGraphLaunch(g->exec, state.stream), "recorded work");
    return true;
}

void device_record_drop(void *recording)
{
    graph *g = (graph *)recording;
    device_wait(); /* it may be under way */
    device_check(cudaGraphExecDestroy(g->exec), "a recording");
    delete g;
}

void *device_scratch(enum device_scratch kind, size_t bytes)
{
    if (state.scratch[kind].bytes < bytes) {
        state.scratch_moves++;
        device_free(state.scratch[kind].data); /* waits for its users */
        state.scratch[kind].data = device_alloc(bytes, false);
        if (!state.scratch[kind].data) device_check(cudaErrorMemoryAllocation, "scratch");
        state.scratch[kind].bytes = bytes;
    }
    return state.scratch[kind].data;
}
