/* Products where memory is short: oneDNN's failures end the program with one line too. */
#include "masa_test.h"
#include <masa/cpu.h>
#include <masa/linear.h>
#include <masa/memory.h>
#include <masa/parallel.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN = 96, OUT = 160, ROWS = 12, STEPS = 40, STEP = 4 << 20 };

/* Address space that the process has. */
static size_t taken(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%zu", &pages) != 1) exit(3);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Products of many numbers of rows, each compiled. */
static void multiply(masa_linear *map, float *x, float *y, float *weight)
{
    for (size_t rows = 1; rows <= ROWS; rows++) {
        masa_linear_forward(map, y, MASA_F32, x, NULL, rows, false);
        masa_linear_backward_input(map, x, MASA_F32, y, rows, true);
        masa_linear_backward_weight(map, weight, NULL, y, x, rows);
    }
}

static void run_within(size_t more)
{
    masa_linear *map = NULL;
    float *x = masa_alloc(ROWS * IN, sizeof *x), *y = masa_alloc(ROWS * OUT, sizeof *y);
    float *weight = masa_alloc(IN * OUT, sizeof *weight);
    masa_error err = {0};
    masa_threads_set(1);
    masa_status st = masa_linear_create(&map, OUT, IN, MASA_F32, true, &err);
    if (st == MASA_OK) {
        masa_linear_pack(map, weight);
        struct rlimit limit = {taken() + more, RLIM_INFINITY};
        setrlimit(RLIMIT_AS, &limit);
        multiply(map, x, y, weight);
    }
    masa_linear_destroy(map);
    free(x), free(y), free(weight);
    _exit(st == MASA_OK ? 0 : 2);
}

static void short_of_address_space(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip_since("the sanitizer needs address space without end");
#endif
    if (masa_isa_get() == MASA_ISA_REFERENCE) skip_since("oneDNN is not asked");
    size_t ended = 0;
    for (size_t step = 0; step < STEPS; step++) {
        char said[500] = "";
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            dup2(ends[1], STDERR_FILENO);
            signal(SIGSEGV, SIG_DFL); /* which cmocka takes */
            signal(SIGABRT, SIG_DFL);
            run_within(step * STEP);
        }
        close(ends[1]);
        if (read(ends[0], said, sizeof said - 1) < 0) fail();
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("%zu KiB more: status %x, says: %s", step * STEP >> 10, (unsigned)status,
                     said);
        if (WEXITSTATUS(status) == 1) {
            if (!strstr(said, "masa: out of memory: ")) fail_msg("says: %s", said);
            ended++;
        }
    }
    assert_in_range(ended, 1, STEPS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_of_address_space)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
