/* The shim itself: right kernels compute, and each planted fault is caught. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#include <cmocka.h>
}
#include <sys/wait.h>
#include <unistd.h>
#include "cuda_elements.h"
#include "cuda_language.h"

enum { N = 64 };

static cudaStream_t stream;

static void *device(size_t bytes)
{
    void *p = NULL;
    assert_int_equal(cudaMalloc(&p, bytes), cudaSuccess);
    return p;
}

template <class T> static void fetch(T *to, const void *from, size_t n)
{
    cudaMemcpyAsync(to, from, n * sizeof(T), cudaMemcpyDeviceToHost, stream);
    cudaStreamSynchronize(stream);
}

/* The sum of all threads' numbers through shared memory. */
__global__ void sum_block(float *out, bool with_barrier)
{
    GPU_DYNAMIC_SHARED(float, part);
    float v = warp_sum((float)threadIdx.x);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    if (with_barrier) __syncthreads();
    float sum = 0;
    for (unsigned w = 0; w < blockDim.x / 32; w++) sum += part[w];
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/* Whether every thread gets the same in all four orders. */
static bool sums_agree(bool with_barrier)
{
    float *out = (float *)device(2 * N * sizeof *out), got[2 * N];
    bool agree = true;
    for (gpu::order = 0; gpu::order < 4; gpu::order++) {
        GPU_LAUNCH_ON(stream, sum_block, dim3(2), dim3(N), 2 * sizeof(float), out,
                      with_barrier);
        fetch(got, out, 2 * N);
        for (float g : got) agree = agree && g == N * (N - 1) / 2;
    }
    gpu::order = 0;
    cudaFree(out);
    return agree;
}

static void a_missing_barrier_shows(void **)
{
    assert_true(sums_agree(true));
    assert_false(sums_agree(false));
}

__global__ void ask_the_warp(unsigned *out)
{
    unsigned l = threadIdx.x % 32, bits = __ballot_sync(GPU_ALL, l % 3 == 0);
    out[threadIdx.x] = bits ^ __shfl_sync(GPU_ALL, l * l, 5) ^ __shfl_xor_sync(GPU_ALL, l, 9);
}

static void warps_exchange(void **)
{
    unsigned *out = (unsigned *)device(N * sizeof *out), got[N], bits = 0;
    for (unsigned i = 0; i < 32; i += 3) bits |= 1u << i;
    GPU_LAUNCH_ON(stream, ask_the_warp, dim3(1), dim3(N), 0, out);
    fetch(got, out, N);
    for (unsigned i = 0; i < N; i++) assert_int_equal(got[i], bits ^ 25u ^ (i % 32 ^ 9u));
    cudaFree(out);
}

/* c [16, 8] = a [16, 16] b, staged by cp.async and read by ldmatrix. b is [16, 8], read
 * transposed, or [8, 16] and read as it is. */
__global__ void product(float *c, const bf16 *a, const bf16 *b, bool b_is_deep, bool with_wait)
{
    GPU_DYNAMIC_SHARED(bf16, tile);
    bf16 *ta = tile, *tb = tile + 256;
    unsigned l = threadIdx.x;
    gpu_copy_async(ta + 8 * l, a + 8 * l, 16);
    if (l < 16) gpu_copy_async(tb + 8 * l, b + 8 * l, 16);
    gpu_copy_commit();
    if (with_wait) gpu_copy_wait<0>();
    __syncthreads();
    uint32_t fa[4], fb[4];
    ldmatrix_x4(fa, ta + (l % 16) * 16 + l / 16 * 8, false);
    if (b_is_deep) ldmatrix_x4(fb, tb + (l % 16) * 8, true);
    else ldmatrix_x4(fb, tb + (l % 8) * 16 + l / 8 % 2 * 8, false);
    float d[4] = {0, 0, 0, 0};
    mma_16816(d, fa, fb);
    for (int i = 0; i < 4; i++)
        c[(l / 4 + 8 * (unsigned)(i / 2)) * 8 + 2 * (l % 4) + (unsigned)i % 2] = d[i];
    if (!with_wait) gpu_copy_wait<0>();
}

static bool products_agree(bool b_is_deep, bool with_wait)
{
    bf16 a[256], b[128];
    float got[128];
    for (int i = 0; i < 256; i++) a[i] = to_b((float)((i * 37) % 17 - 8));
    for (int i = 0; i < 128; i++) b[i] = to_b((float)((i * 29) % 13 - 6));
    bf16 *da = (bf16 *)device(sizeof a), *db = (bf16 *)device(sizeof b);
    float *dc = (float *)device(sizeof got);
    cudaMemcpyAsync(da, a, sizeof a, cudaMemcpyHostToDevice, stream);
    cudaMemcpyAsync(db, b, sizeof b, cudaMemcpyHostToDevice, stream);
    bool agree = true;
    for (gpu::order = 0; gpu::order < 4; gpu::order++) {
        GPU_LAUNCH_ON(stream, product, dim3(1), dim3(32), 384 * sizeof(bf16), dc, da, db,
                      b_is_deep, with_wait);
        fetch(got, dc, 128);
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 8; j++) {
                float want = 0;
                for (int k = 0; k < 16; k++)
                    want +=
                        to_f(a[i * 16 + k]) * to_f(b_is_deep ? b[k * 8 + j] : b[j * 16 + k]);
                agree = agree && got[i * 8 + j] == want;
            }
    }
    gpu::order = 0;
    cudaFree(da), cudaFree(db), cudaFree(dc);
    return agree;
}

static void tensor_cores_multiply(void **)
{
    assert_true(products_agree(true, true));
    assert_true(products_agree(false, true));
}

static void a_missing_wait_for_copies_shows(void **)
{
    assert_false(products_agree(false, false));
}

static void work_waits_for_synchronisation(void **)
{
    float *out = (float *)device(N * sizeof *out), got[N] = {-1};
    GPU_LAUNCH_ON(stream, sum_block, dim3(1), dim3(N), 2 * sizeof(float), out, true);
    cudaMemcpyAsync(got, out, sizeof got, cudaMemcpyDeviceToHost, stream);
    assert_true(got[0] == -1);
    cudaStreamSynchronize(stream);
    assert_true(got[0] == N * (N - 1) / 2);
    cudaFree(out);
}

/* What is put may be changed at once, and arguments are those of the launch. */
static void sources_are_read_at_the_call(void **)
{
    float from[2] = {1, 2}, got[2];
    void *out = device(sizeof from);
    cudaMemcpyAsync(out, from, sizeof from, cudaMemcpyHostToDevice, stream);
    from[0] = from[1] = 9;
    fetch(got, out, 2);
    assert_true(got[0] == 1 && got[1] == 2);
    cudaFree(out);
}

/* ---- faults that end the program ---- */

/* Runs it in a child: it must end badly, and say `word` (if not NULL). */
static void dies(void (*fault)(), const char *word)
{
    int ends[2], status = 0;
    char text[4096] = {0};
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        signal(SIGSEGV, SIG_DFL), signal(SIGABRT, SIG_DFL), signal(SIGBUS, SIG_DFL);
        fault();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got;
         n < sizeof text - 1 && (got = read(ends[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)got;
    close(ends[0]);
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_not_equal(status, 0);
    if (word && !strstr(text, word)) print_error("it said: %s\n", text);
    if (word) assert_non_null(strstr(text, word));
}

static void wait()
{
    cudaStreamSynchronize(stream);
}

__global__ void half_a_barrier(int)
{
    if (threadIdx.x < 32) __syncthreads();
}

__global__ void half_a_shuffle(float *out)
{
    if (threadIdx.x % 32 < 7) out[0] = __shfl_xor_sync(GPU_ALL, 1.0f, 1);
}

__global__ void two_places(float *out)
{
    if (threadIdx.x % 2) __syncwarp();
    else out[0] = __shfl_sync(GPU_ALL, 1.0f, 0);
}

__global__ void beyond_shared(int)
{
    GPU_DYNAMIC_SHARED(float, part);
    part[threadIdx.x] = 1;
}

__global__ void write_at(float *out, size_t at)
{
    out[at] = 1;
}

static void barriers_must_be_reached(void **)
{
    dies(
        []() {
            GPU_LAUNCH_ON(stream, half_a_barrier, dim3(1), dim3(64), 0, 0);
            wait();
        },
        "deadlock");
    dies(
        []() {
            GPU_LAUNCH_ON(stream, half_a_shuffle, dim3(1), dim3(32), 0, (float *)device(4));
            wait();
        },
        "deadlock");
    dies(
        []() {
            GPU_LAUNCH_ON(stream, two_places, dim3(1), dim3(32), 0, (float *)device(4));
            wait();
        },
        "same instruction");
}

static void memory_has_its_bounds(void **)
{
    dies(
        []() {
            GPU_LAUNCH_ON(stream, beyond_shared, dim3(1), dim3(32), 31 * 4, 0);
            wait();
        },
#if defined(__SANITIZE_ADDRESS__)
        "heap-buffer-overflow");
#else
        "behind the end of shared memory");
#endif
    dies(
        []() {
            float *p = (float *)device(5 * 4);
            GPU_LAUNCH_ON(stream, write_at, dim3(1), dim3(32), 0, p, 5);
            wait();
            cudaFree(p);
        },
#if defined(__SANITIZE_ADDRESS__)
        "use-after-poison");
#else
        "behind the end of device memory");
#endif
    dies(
        []() { /* the guard page */
               GPU_LAUNCH_ON(stream, write_at, dim3(1), dim3(32), 0, (float *)device(256), 64);
               wait();
        },
        NULL);
}

static void the_host_stays_out(void **)
{
    dies([]() { *(volatile float *)device(4) = 1; }, NULL);
    dies(
        []() {
            float x = *(volatile float *)device(4);
            (void)x;
        },
        NULL);
}

__global__ void add_one(float *x, float amount)
{
    x[threadIdx.x] += amount;
}

/* A graph of one launch, with the argument that it then has. */
static cudaGraphExec_t record_launch(float *x, float amount)
{
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    GPU_LAUNCH_ON(stream, add_one, dim3(1), dim3(32), 0, x, amount);
    amount = 100;
    cudaStreamEndCapture(stream, &graph);
    cudaGraphInstantiate(&exec, graph, 0);
    cudaGraphDestroy(graph);
    return exec;
}

static void graphs_do_again_what_was_captured(void **)
{
    float *x = (float *)device(32 * sizeof *x), got[32];
    cudaMemsetAsync(x, 0, 32 * sizeof *x, stream);
    cudaGraphExec_t exec = record_launch(x, 2);
    fetch(got, x, 32);
    assert_true(got[7] == 0); /* captured, not done */
    for (int i = 0; i < 3; i++) cudaGraphLaunch(exec, stream);
    fetch(got, x, 32);
    for (float g : got) assert_true(g == 6);
    cudaGraphExecDestroy(exec);
    cudaFree(x);
}

static void begin()
{
    cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
}

/* A captured copy from the host, replayed when the array holds `now` in the place of 1. */
static void replay_copy(float now)
{
    float host = 1, *x = (float *)device(4);
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    begin();
    cudaMemcpyAsync(x, &host, 4, cudaMemcpyHostToDevice, stream);
    cudaStreamEndCapture(stream, &graph);
    cudaGraphInstantiate(&exec, graph, 0);
    host = now;
    cudaGraphLaunch(exec, stream);
    cudaStreamSynchronize(stream);
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
    cudaFree(x);
}

static void graphs_must_not_read_the_host(void **)
{
    replay_copy(1);
    dies([]() { replay_copy(2); }, "has changed since");
}

static void captures_do_not_wait_nor_allocate(void **)
{
    dies([]() { begin(), cudaStreamSynchronize(stream); }, "waiting while");
    dies([]() { begin(), device(4); }, "cudaMalloc while");
    dies(
        []() {
            void *x = device(4);
            begin(), cudaFree(x);
        },
        "cudaFree while");
    dies([]() { begin(), begin(); }, "captured already");
}

static void impossible_launches_are_refused(void **)
{
    dies([]() { GPU_LAUNCH_ON(stream, half_a_barrier, dim3(0), dim3(32), 0, 0); },
         "empty grid");
    dies([]() { GPU_LAUNCH_ON(stream, half_a_barrier, dim3(1), dim3(33), 0, 0); },
         "part of a warp");
    dies([]() { GPU_LAUNCH_ON(stream, half_a_barrier, dim3(1), dim3(1056), 0, 0); }, "1024");
    dies([]() { GPU_LAUNCH_ON(stream, half_a_barrier, dim3(1, 65536), dim3(32), 0, 0); },
         "too large");
    dies([]() { GPU_LAUNCH_ON(stream, half_a_barrier, dim3(1), dim3(32), 50000, 0); },
         "than was asked for");
}

int main(void)
{
    cudaStreamCreate(&stream);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_missing_barrier_shows),
                                       cmocka_unit_test(warps_exchange),
                                       cmocka_unit_test(tensor_cores_multiply),
                                       cmocka_unit_test(a_missing_wait_for_copies_shows),
                                       cmocka_unit_test(work_waits_for_synchronisation),
                                       cmocka_unit_test(sources_are_read_at_the_call),
                                       cmocka_unit_test(barriers_must_be_reached),
                                       cmocka_unit_test(memory_has_its_bounds),
                                       cmocka_unit_test(the_host_stays_out),
                                       cmocka_unit_test(impossible_launches_are_refused),
                                       cmocka_unit_test(graphs_do_again_what_was_captured),
                                       cmocka_unit_test(graphs_must_not_read_the_host),
                                       cmocka_unit_test(captures_do_not_wait_nor_allocate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
