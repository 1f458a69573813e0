/*
 * A whole model of each architecture on the GPU's plugin against the processor: two steps of
 * training, two of factors on top, and a greedy continuation. A process has one device, so this
 * program runs itself once for each, which writes its numbers to a file. Without a GPU the plugin
 * is the shim.
 */
#include "gpu/gpu_counts.h"
#include "model_fixture.h"
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <masa/adamw.h>
#include <masa/device.h>
#include <masa/lora.h>
#include <masa/sample.h>

enum { VOCAB = 90, PROMPT = 41, ROWS = 72, TARGETS = ROWS - 1, STEPS = 3, BLOCK = 16 };
enum { RANK = 4 };
static const char FOLDER_VARIABLE[] = "MASA_PLUGIN_FOLDER";

static masa_model_config config_of(masa_architecture architecture)
{
    masa_model_config c = {.architecture = architecture,
                           .vocab_size = VOCAB,
                           .hidden_size = 32,
                           .intermediate_size = 40,
                           .n_layers = 2,
                           .n_heads = 2,
                           .n_kv_heads = 1,
                           .head_dim = architecture == MASA_QWEN2 ? 20 : 64,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = architecture == MASA_LLAMA,
                           .bos_token = 1,
                           .eos_token = 2,
                           .pad_token = -1};
    return c;
}

static void write_floats(FILE *f, const float *x, size_t n)
{
    assert_int_equal(fwrite(x, sizeof *x, n, f), n);
}

static void write_device(FILE *f, const float DEVICE *x, size_t n)
{
    float *host = masa_alloc(n, sizeof *host);
    masa_device_get(host, x, n * sizeof *host);
    write_floats(f, host, n);
    free(host);
}

/* One step by AdamW of all weights, or of the factors; writes the gradient it takes. */
static void update(FILE *f, masa_model *model, masa_lora *lora, float DEVICE *moments,
                   long number)
{
    size_t n = lora ? masa_lora_count(lora) : masa_model_parameter_count(model);
    masa_adamw options = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1, number, MASA_F32, 0};
    float DEVICE *values = lora ? masa_lora_values(lora) : masa_model_values(model);
    float DEVICE *grads = lora ? masa_lora_grads(lora) : masa_model_grads(model);
    if (lora) masa_lora_project(lora);
    write_device(f, grads, n);
    masa_adamw_update(values, moments, moments + n, grads, n, &options);
    if (lora) masa_lora_merge(lora);
    masa_model_refresh(model);
}

/* A prompt that two continuations share. */
static void train_step(FILE *f, masa_model *model, masa_lora *lora, masa_pass *pass,
                       float DEVICE *moments, long number)
{
    static const masa_segment segments[] = {
        {0, PROMPT, -1}, {PROMPT, 20, 0}, {PROMPT + 20, 11, 0}};
    int32_t tokens[ROWS], positions[ROWS], rows[TARGETS], targets[TARGETS];
    float logprob[TARGETS], entropy[TARGETS], dlogprob[TARGETS];
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    size_t count = masa_model_parameter_count(model);
    for (int i = 0; i < ROWS; i++) {
        tokens[i] = (int32_t)masa_random_below(&random, VOCAB);
        positions[i] = i < PROMPT + 20 ? i : i - 20;
    }
    for (int i = 0; i < TARGETS; i++) {
        rows[i] = i + 1 == PROMPT + 20 ? PROMPT - 1 : i;
        targets[i] = tokens[i + 1];
        dlogprob[i] = i % 4 == 1 ? 0 : (float)masa_random_normal(&random);
    }
    masa_batch batch = {.n_tokens = ROWS,
                        .n_segments = 3,
                        .n_targets = TARGETS,
                        .tokens = tokens,
                        .positions = positions,
                        .segments = segments,
                        .target_rows = rows,
                        .target_tokens = targets,
                        .temperature = 0.9f};
    masa_device_zero(masa_model_grads(model), count * sizeof(float));
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logprob, entropy);
    masa_pass_backward(pass, dlogprob);
    write_floats(f, logprob, TARGETS);
    write_floats(f, entropy, TARGETS);
    update(f, model, lora, moments, number);
}

/* The prompt in chunks, then the likeliest tokens; each step's logits and token. */
static void continue_greedily(FILE *f, masa_model *model)
{
    masa_decoder_sizes sizes = {PROMPT, 1, 8};
    masa_kv_store store;
    masa_decoder *decoder = NULL;
    void DEVICE *memory = NULL;
    int32_t tables[8] = {5, 2, 7, 0, 3, 1, 4, 6}, tokens[PROMPT], positions[PROMPT];
    int32_t sequences[PROMPT] = {0}, last;
    float logits[VOCAB];
    assert_int_equal(masa_kv_store_init(&store, model, 8, BLOCK, NULL), MASA_OK);
    assert_int_equal(masa_decoder_create(&decoder, model, &sizes, NULL), MASA_OK);
    assert_int_equal(masa_device_alloc(&memory, VOCAB, sizeof(float), "logits", NULL), MASA_OK);
    float DEVICE *row = memory;
    for (int i = 0; i < PROMPT; i++) tokens[i] = (i * 7 + 3) % VOCAB;
    for (int step = 0, done = 0; step < 2 + STEPS; step++) {
        int n = step == 0 ? 30 : step == 1 ? PROMPT - 30 : 1;
        for (int i = 0; i < n; i++) positions[i] = done + i;
        last = n - 1;
        masa_decode_batch batch = {.rows = (size_t)n,
                                   .tokens = step < 2 ? tokens + done : tokens,
                                   .positions = positions,
                                   .sequences = sequences,
                                   .block_tables = tables,
                                   .max_blocks = 8,
                                   .n_logits = 1,
                                   .logit_rows = &last};
        masa_draw draw = {.row = 0, .sampling = {0, 0, 1, 0}};
        masa_decoder_run(decoder, &store, &batch, row);
        masa_sample(&draw, 1, row, VOCAB);
        masa_device_get(logits, row, sizeof logits);
        write_floats(f, logits, VOCAB);
        write_floats(f, &(float){(float)draw.token}, 1);
        assert_true(draw.valid);
        done += n;
        if (step) tokens[0] = draw.token;
    }
    masa_device_free(memory);
    masa_decoder_destroy(decoder);
    masa_kv_store_deinit(&store);
}

/* Three sequences side by side, then two: a decoder that has seen such steps replays them, a new
 * one computes them as they come, each over a cache of its own; the logits are the same bits. */
static void check_replays(masa_model *model)
{
    enum { SEQUENCES = 3, BLOCKS = 6, TOKENS = 70, LESS = 50 };
    masa_decoder_sizes sizes = {8, SEQUENCES, BLOCKS};
    masa_kv_store stores[2];
    masa_decoder *old = NULL;
    void DEVICE *memory = NULL;
    int32_t tables[SEQUENCES * BLOCKS], tokens[SEQUENCES], positions[SEQUENCES];
    int32_t sequences[SEQUENCES] = {0, 1, 2}, rows[SEQUENCES] = {0, 1, 2};
    float logits[2][SEQUENCES * VOCAB];
    for (int k = 0; k < 2; k++)
        assert_int_equal(masa_kv_store_init(&stores[k], model, SEQUENCES * BLOCKS, BLOCK, NULL),
                         MASA_OK);
    assert_int_equal(masa_device_alloc(&memory, sizeof logits, 1, "logits", NULL), MASA_OK);
    assert_int_equal(masa_decoder_create(&old, model, &sizes, NULL), MASA_OK);
    for (int i = 0; i < SEQUENCES * BLOCKS; i++) tables[i] = i * 5 % (SEQUENCES * BLOCKS);
    for (int step = 0; step < TOKENS; step++) {
        size_t n = step < LESS ? SEQUENCES : SEQUENCES - 1;
        for (int i = 0; i < SEQUENCES; i++) {
            tokens[i] = (step * 7 + i * 11) % VOCAB;
            positions[i] = step;
        }
        masa_decode_batch batch = {.rows = n,
                                   .tokens = tokens,
                                   .positions = positions,
                                   .sequences = sequences,
                                   .block_tables = tables,
                                   .max_blocks = BLOCKS,
                                   .n_logits = n,
                                   .logit_rows = rows};
        for (int k = 0; k < 2; k++) {
            masa_decoder *one = old;
            if (k) assert_int_equal(masa_decoder_create(&one, model, &sizes, NULL), MASA_OK);
            masa_decoder_run(one, &stores[k], &batch, memory);
            masa_device_get(logits[k], memory, n * VOCAB * sizeof(float));
            if (k) masa_decoder_destroy(one);
        }
        assert_memory_equal(logits[0], logits[1], n * VOCAB * sizeof(float));
    }
    masa_decoder_destroy(old);
    masa_device_free(memory);
    for (int k = 0; k < 2; k++) masa_kv_store_deinit(&stores[k]);
    /* All but the first of each kind: blocks 1, 2, 4 of three rows, 4 and 6 of two. */
    void *plugin = dlopen("libmasa_cuda.so", RTLD_NOLOAD | RTLD_NOW);
    struct gpu_counts counts;
    void (*counted)(struct gpu_counts *) = NULL;
    assert_non_null(plugin);
    *(void **)&counted = dlsym(plugin, "gpu_counted");
    if (counted) {
        counted(&counts);
        assert_in_range(counts.graphs, TOKENS - 5, TOKENS + 2 * STEPS);
    }
    dlclose(plugin);
}

/* What a child does: all of it on its own device. */
static void compute_all(const char *path, masa_architecture architecture, masa_dtype compute)
{
    FILE *f = fopen(path, "wb");
    masa_model_config config = config_of(architecture);
    masa_model_options options = {compute, true};
    masa_model *model = NULL;
    masa_pass *pass = NULL;
    masa_lora *lora = NULL;
    void DEVICE *memory = NULL;
    assert_non_null(f);
    assert_int_equal(masa_model_create_fresh(&model, &config, &options, 5, NULL), MASA_OK);
    size_t count = masa_model_parameter_count(model);
    assert_int_equal(masa_device_alloc(&memory, 2 * count, sizeof(float), "moments", NULL),
                     MASA_OK);
    assert_int_equal(
        masa_pass_create(&pass, model, ROWS, TARGETS, architecture == MASA_QWEN3, NULL),
        MASA_OK);
    float DEVICE *moments = memory;
    for (long step = 1; step <= 2; step++) train_step(f, model, NULL, pass, moments, step);
    masa_device_zero(moments, 2 * count * sizeof *moments);
    masa_lora_options factors = {RANK, 2 * RANK, "all-linear", 7};
    assert_int_equal(masa_lora_create(&lora, model, &factors, NULL), MASA_OK);
    for (long step = 1; step <= 2; step++) train_step(f, model, lora, pass, moments, step);
    continue_greedily(f, model);
    if (masa_device_records()) check_replays(model);
    write_floats(f, &(float){(float)count}, 1);
    write_floats(f, &(float){(float)masa_lora_count(lora)}, 1);
    masa_device_free(memory);
    masa_lora_destroy(lora);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
    fclose(f);
}

static void run_child(const char *device, const char *path, int architecture, int compute)
{
    char a[8], c[8];
    pid_t child = fork();
    if (child == 0) {
        const char *folder = getenv(FOLDER_VARIABLE);
        snprintf(a, sizeof a, "%d", architecture);
        snprintf(c, sizeof c, "%d", compute);
        setenv("MASA_DEVICE", device, 1);
        setenv("LD_LIBRARY_PATH", folder ? folder : MASA_PLUGIN, 1);
        execl("/proc/self/exe", "whole", path, a, c, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static float *read_floats(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f) / sizeof(float);
    rewind(f);
    float *x = malloc(*n * sizeof *x + 1);
    assert_int_equal(fread(x, sizeof *x, *n, f), *n);
    fclose(f);
    remove(path);
    return x;
}

/* Parts of one kind: relative to the whole of them, single elements may cancel out. */
static void near(const char *what, const float *a, const float *b, size_t n, double tolerance)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        error += d * d;
        size += (double)b[i] * (double)b[i];
    }
    if (!(sqrt(error) <= tolerance * sqrt(size)))
        print_error("%s: apart by %g of their size, more than %g\n", what, sqrt(error / size),
                    tolerance);
    assert_true(sqrt(error) <= tolerance * sqrt(size));
}

static void check(int architecture, int compute)
{
    char paths[2][64];
    float *x[2];
    size_t n[2];
    for (int d = 0; d < 2; d++) {
        snprintf(paths[d], sizeof paths[d], "/tmp/masa_whole_%d_%d", (int)getpid(), d);
        run_child(d ? "cuda" : "cpu", paths[d], architecture, compute);
        x[d] = read_floats(paths[d], &n[d]);
    }
    assert_int_equal(n[0], n[1]);
    size_t counts[2] = {(size_t)x[0][n[0] - 2], (size_t)x[0][n[0] - 1]}, at = 0;
    bool exact = compute == MASA_F32;
    for (int s = 0; s < 4; s++) { /* two of all weights, two of factors */
        /* Where gradients are near 0 AdamW's first step goes by their sign. */
        double tolerance = exact ? (s ? 2e-3 : 2e-5) : s ? 6e-2 : 2e-2;
        near("log-probabilities", x[1] + at, x[0] + at, TARGETS, tolerance);
        near("entropies", x[1] + at + TARGETS, x[0] + at + TARGETS, TARGETS, tolerance);
        at += 2 * TARGETS;
        near("gradients", x[1] + at, x[0] + at, counts[s / 2], tolerance * 2);
        at += counts[s / 2];
    }
    assert_int_equal(n[0], at + (2 + STEPS) * (VOCAB + 1) + 2);
    for (; at + 2 < n[0]; at += VOCAB + 1) {
        near("logits", x[1] + at, x[0] + at, VOCAB, exact ? 2e-3 : 8e-2);
        if (exact) assert_true(x[1][at + VOCAB] == x[0][at + VOCAB]);
        else if (x[1][at + VOCAB] != x[0][at + VOCAB]) break; /* near a tie; they go apart */
    }
    free(x[0]), free(x[1]);
}

static void in_float32(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) check(a, MASA_F32);
}

static void in_bf16(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) check(a, MASA_BF16);
}

int main(int argc, char **argv)
{
    if (argc == 4) {
        compute_all(argv[1], (masa_architecture)atoi(argv[2]), (masa_dtype)atoi(argv[3]));
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_float32), cmocka_unit_test(in_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
