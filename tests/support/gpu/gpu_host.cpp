/* Blocks of threads on the host: fibers, or real threads with -DGPU_THREADS. */
#include "gpu_host.h"

#include <sys/mman.h>
#include <vector>
#ifdef GPU_THREADS
#include <pthread.h>
#include <thread>
#elif !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace gpu
{
unsigned order;
__thread thread *self;
dim3 block_index, block_size, grid_size;

static void *shared_memory;
static const char *kernel_name = "";
static unsigned n_threads;
static warp_slots all_slots[32];

void die(const char *what)
{
    fprintf(stderr, "gpu: %s: %s\n", kernel_name, what);
    abort();
}

unsigned lane()
{
    return self->index % 32;
}

warp_slots &slots()
{
    return all_slots[self->index / 32];
}

void *dynamic_shared()
{
    return shared_memory;
}

/* Shared memory of exactly so many bytes, so that ASan sees what goes beyond; without ASan
 * a pattern behind it shows at least what was written there. */
static const size_t BEHIND = 256;

static void shared_make(size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    if (posix_memalign(&shared_memory, 128, bytes ? bytes : 1)) abort();
#else
    if (posix_memalign(&shared_memory, 128, bytes + BEHIND)) abort();
    memset((char *)shared_memory + bytes, 0xa5, BEHIND);
#endif
}

static void shared_drop(size_t bytes)
{
#if !defined(__SANITIZE_ADDRESS__)
    for (size_t i = 0; i < BEHIND; i++)
        if (((unsigned char *)shared_memory)[bytes + i] != 0xa5)
            die("written behind the end of shared memory");
#endif
    (void)bytes;
    free(shared_memory);
}

/* NaNs: nobody may rely on zeros, nor on what another block left. */
static void shared_spoil(size_t bytes)
{
    memset(shared_memory, 0xff, bytes);
}

/* How things numbered 0..n-1 take turns. */
static std::vector<unsigned> turns(unsigned n)
{
    std::vector<unsigned> turn(n);
    for (unsigned i = 0; i < n; i++) turn[i] = order == 1 ? n - 1 - i : i;
    unsigned s = order;
    for (unsigned i = n; order > 1 && i-- > 1;) {
        s = s * 1664525u + 1013904223u;
        std::swap(turn[i], turn[(s >> 8) % (i + 1)]);
    }
    return turn;
}

static dim3 place(unsigned i, dim3 size)
{
    return dim3(i % size.x, i / size.x % size.y, i / size.x / size.y);
}

#ifdef GPU_THREADS

static pthread_barrier_t block_barrier, warp_barriers[32];

void barrier(kind k)
{
    pthread_barrier_wait(k == BLOCK ? &block_barrier : &warp_barriers[self->index / 32]);
}

static void run_thread(unsigned i, const std::vector<unsigned> &blocks, dim3 grid, dim3 block,
                       size_t shared, const std::function<void()> &body)
{
    thread me = {place(i, block), i};
    self = &me;
    for (unsigned b : blocks) {
        barrier(BLOCK);
        if (i == 0) {
            shared_spoil(shared);
            block_index = place(b, grid);
        }
        barrier(BLOCK);
        body();
        copies_must_be_done();
    }
}

static void run_grid(dim3 grid, dim3 block, size_t shared, const std::function<void()> &body)
{
    pthread_barrier_init(&block_barrier, NULL, n_threads);
    for (unsigned w = 0; w < n_threads / 32; w++)
        pthread_barrier_init(&warp_barriers[w], NULL, 32);
    std::vector<unsigned> blocks = turns(grid.x * grid.y * grid.z);
    std::vector<std::thread> team;
    block_size = block;
    grid_size = grid;
    shared_make(shared);
    for (unsigned i = 0; i < n_threads; i++)
        team.emplace_back([&, i]() { run_thread(i, blocks, grid, block, shared, body); });
    for (auto &t : team) t.join();
    shared_drop(shared);
}

#else

enum { STACK = 256 << 10 };

struct fiber {
    thread me;
    void *stack;
#ifdef __x86_64__
    void *at;   /* its stack pointer while it waits */
#else
    ucontext_t at;
#endif
    void *fake; /* ASan's */
    bool started, done;
    int waits; /* 0, or 1 + the kind of barrier */
};

static std::vector<fiber> fibers;
static unsigned now;
static unsigned at_block, at_warp[32];
static fiber home;
static const std::function<void()> *work;

#ifdef __x86_64__
/* Saves what the ABI says a callee keeps, and changes stacks. */
extern "C" void gpu_switch(void **save, void *to);
asm(".text\n.globl gpu_switch\n.type gpu_switch,@function\ngpu_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
    ".size gpu_switch,.-gpu_switch\n");

static void prepare(fiber *f, void (*entry)())
{
    /* As after a call: 8 bytes off 16. */
    void **top = (void **)((char *)f->stack + STACK) - 3;
    *--top = (void *)entry;
    f->at = top - 6;
}

static void change(fiber *from, fiber *to)
{
    gpu_switch(&from->at, to->at);
}
#else
static void prepare(fiber *f, void (*entry)())
{
    getcontext(&f->at);
    f->at.uc_stack.ss_sp = f->stack;
    f->at.uc_stack.ss_size = STACK;
    f->at.uc_link = NULL;
    makecontext(&f->at, entry, 0);
}

static void change(fiber *from, fiber *to)
{
    swapcontext(&from->at, &to->at);
}
#endif

static void to_fiber(fiber *f)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&home.fake, f->stack, STACK);
#endif
    change(&home, f);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(home.fake, NULL, NULL);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
static const void *home_stack;
static size_t home_size;
#endif

/* last: the fiber does not come back. */
static void to_home(fiber *f, bool last)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? NULL : &f->fake, home_stack, home_size);
#endif
    change(f, &home);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(f->fake, &home_stack, &home_size);
#endif
    (void)last;
}

void barrier(kind k)
{
    unsigned warp = now / 32;
    unsigned first = k == BLOCK ? 0 : warp * 32, size = k == BLOCK ? n_threads : 32;
    unsigned &count = k == BLOCK ? at_block : at_warp[warp];
    fiber *f = &fibers[now];
    f->waits = 1 + k;
    if (++count == size) {
        for (unsigned i = first; i < first + size; i++) {
            if (fibers[i].waits != 1 + k)
                die("the threads of a warp are not at the same instruction");
            fibers[i].waits = 0;
        }
        count = 0;
    }
    to_home(f, false);
}

static void entry()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &home_stack, &home_size);
#endif
    (*work)();
    copies_must_be_done();
    fibers[now].done = true;
    to_home(&fibers[now], true);
}

static void run_block(const std::vector<unsigned> &turn, dim3 block)
{
    for (unsigned i = 0; i < n_threads; i++) {
        fiber *f = &fibers[i];
        f->me = {place(i, block), i};
        f->done = false;
        f->waits = 0;
        prepare(f, entry);
    }
    for (unsigned left = n_threads; left;) {
        bool moved = false;
        for (unsigned i : turn) {
            fiber *f = &fibers[i];
            if (f->done || f->waits) continue;
            moved = true;
            now = i;
            self = &f->me;
            to_fiber(f);
            left -= f->done;
        }
        if (!moved) die("deadlock: a barrier that not all threads reach");
    }
}

static void run_grid(dim3 grid, dim3 block, size_t shared, const std::function<void()> &body)
{
    while (fibers.size() < n_threads) {
        fiber f = {};
        f.stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (f.stack == MAP_FAILED) die("no memory for a stack");
        fibers.push_back(f);
    }
    std::vector<unsigned> turn = turns(n_threads);
    work = &body;
    block_size = block;
    grid_size = grid;
    shared_make(shared);
    for (unsigned b : turns(grid.x * grid.y * grid.z)) {
        block_index = place(b, grid);
        shared_spoil(shared);
        run_block(turn, block);
    }
    shared_drop(shared);
}

#endif

/* Called when the stream comes to it: gpu_memory.cpp. */
void run_launch(const char *name, dim3 grid, dim3 block, size_t shared,
                const std::function<void()> &body)
{
    kernel_name = name;
    n_threads = block.x * block.y * block.z;
    run_grid(grid, block, shared, body);
    kernel_name = "";
}
} // namespace gpu

/* For tests in C. */
extern "C" void gpu_set_order(unsigned order)
{
    gpu::order = order;
}
