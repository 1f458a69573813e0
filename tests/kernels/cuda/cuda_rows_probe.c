/* Whether a product's row is the same to the last bit whatever the number of rows: one line
 * of JSON for each shape and type. For a GPU at hand; it says what is, and cannot fail. */
#include "cuda_test.h"

static const size_t counts[] = {1, 8, 64, 256, 2048};
enum { COUNTS = sizeof counts / sizeof *counts, FIRST = 8 };

/* Rows 0 to 7 of a product of `rows` rows, bf16 to float32. */
static void first_rows(float *to, void *map, const void *x, float *y, size_t rows, size_t out)
{
    size_t n = rows < FIRST ? rows : FIRST;
    cuda_linear_forward(map, y, MASA_F32, x, NULL, rows, false);
    device_get(to, y, n * out * sizeof *to);
}

static void probe(size_t out, size_t in)
{
    masa_random random = masa_random_init(out + in, MASA_STREAM_TEST);
    size_t most = counts[COUNTS - 1];
    struct tensor x = tensor_random(&random, MASA_BF16, most * in, 1);
    struct tensor w = tensor_random(&random, MASA_F32, out * in, 0.05);
    const char *why = NULL;
    void *map = cuda_linear_create(out, in, MASA_BF16, &why);
    void *gx = device_alloc(x.n * 2, false), *gw = device_alloc(w.n * 4, false);
    float *gy = device_alloc(most * out * 4, false);
    float *want = malloc(FIRST * out * 4), *got = malloc(FIRST * out * 4);
    if (!map || !gx || !gw || !gy) exit(1);
    device_put(gx, x.data, x.n * 2);
    device_put(gw, w.data, w.n * 4);
    cuda_linear_pack(map, gw);
    first_rows(want, map, gx, gy, most, out);
    printf("{\"out\": %zu, \"in\": %zu, \"agree\": {", out, in);
    for (size_t i = 0; i < COUNTS; i++) {
        size_t n = counts[i] < FIRST ? counts[i] : FIRST;
        first_rows(got, map, gx, gy, counts[i], out);
        printf("%s\"%zu\": %s", i ? ", " : "", counts[i],
               memcmp(got, want, n * out * 4) ? "false" : "true");
    }
    printf("}}\n");
    cuda_linear_destroy(map);
    device_free(gx), device_free(gw), device_free(gy);
    free(want), free(got);
    tensor_free(&x), tensor_free(&w);
}

int main(void)
{
    static const size_t shapes[][2] = {{960, 576},   {576, 576},   {3072, 576},  {576, 1536},
                                       {4096, 1024}, {1024, 2048}, {6144, 1024}, {1024, 3072}};
    if (gpu_start(NULL)) return 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        probe(shapes[i][0], shapes[i][1]);
    return 0;
}
