/* Shared by the kernels' tests: random matrices, tolerances by dtype, and the whole
 * program run again under every lower instruction set of this machine. */
#ifndef KERNELS_TEST_H
#define KERNELS_TEST_H

#include "masa_test.h"
#include <sys/wait.h>
#include <unistd.h>
#include <masa/dtype.h>
#include <masa/random.h>
#include "isa.h"

/* A tensor in its storage type and what it holds, as float64. */
struct tensor {
    void *data;
    double *value;
    masa_dtype dtype;
    size_t n;
};

static inline float tensor_at(const struct tensor *t, size_t i)
{
    return t->dtype == MASA_F32 ? ((float *)t->data)[i]
                                : masa_bf16_to_f32(((uint16_t *)t->data)[i]);
}

static inline struct tensor tensor_zero(masa_dtype dtype, size_t n)
{
    return (struct tensor){calloc(n + 1, masa_dtype_size(dtype)), calloc(n + 1, sizeof(double)),
                           dtype, n};
}

/* Nearly normal values (the sum of four uniform ones) with deviation `scale`, rounded to the
 * storage type: millions of them, so by a xorshift of their own. */
static inline struct tensor tensor_random(masa_random *random, masa_dtype dtype, size_t n,
                                          double scale)
{
    struct tensor t = tensor_zero(dtype, n);
    uint64_t bits = masa_random_below(random, UINT64_MAX) + 1;
    double unit = scale * sqrt(3) / 65536; /* the sum has a variance of 65536^2 / 3 */
    for (size_t i = 0; i < n; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        int sum = (int)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) +
                        (bits >> 48)) -
                  2 * 65535;
        float f = (float)(unit * sum);
        if (dtype == MASA_F32) ((float *)t.data)[i] = f;
        else ((uint16_t *)t.data)[i] = masa_f32_to_bf16(f);
        t.value[i] = tensor_at(&t, i);
    }
    return t;
}

static inline void tensor_free(struct tensor *t)
{
    free(t->data);
    free(t->value);
}

/* Every element of t is near want[i], relative to max(1, |want|). */
static inline void tensor_matches(const struct tensor *t, const double *want, double tolerance)
{
    for (size_t i = 0; i < t->n; i++)
        assert_near(tensor_at(t, i), want[i], tolerance * fmax(1, fabs(want[i])));
}

/* Half a unit in the last place of bf16 is 2^-9 of the value. */
static inline double storage_tolerance(masa_dtype dtype, double f32)
{
    return dtype == MASA_F32 ? f32 : f32 + 1.0 / 250;
}

/* Runs this same test program under each lower MASA_ISA; one failing fails this. */
static inline void passes_on_lower_instruction_sets(void **state)
{
    (void)state;
    if (getenv("MASA_ISA")) return;
    for (int isa = 0; isa < (int)isa_detect(); isa++) {
        pid_t child = fork();
        if (child == 0) {
            setenv("MASA_ISA", masa_isa_name((masa_isa)isa), 1);
            execl("/proc/self/exe", "test", (char *)NULL);
            _exit(127);
        }
        int status = -1;
        assert_true(waitpid(child, &status, 0) == child);
        if (status != 0) print_error("under MASA_ISA=%s\n", masa_isa_name((masa_isa)isa));
        assert_int_equal(status, 0);
    }
}

#endif
