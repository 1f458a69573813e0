/*
 * What a step of training and a step of decoding ask of the GPU: kernels and products a layer,
 * copies and waits a step, as docs/gpu.md has them. Counted by the shim in small models of two and
 * three layers; the difference is what a layer takes, at any size.
 */
#include "gpu/gpu_counts.h"
#include "model_fixture.h"
#include <dlfcn.h>
#include <masa/device.h>
#include <masa/optimizer.h>
#include <masa/sample.h>

enum { VOCAB = 90, ROWS = 40, TARGETS = ROWS - 1, SEQUENCES = 2, BLOCKS = 4 };

static void (*counted)(struct gpu_counts *);

static masa_model *make_model(masa_architecture architecture, size_t n_layers)
{
    masa_model_config c = {.architecture = architecture,
                           .vocab_size = VOCAB,
                           .hidden_size = 64,
                           .intermediate_size = 80,
                           .n_layers = n_layers,
                           .n_heads = 2,
                           .n_kv_heads = 1,
                           .head_dim = 64,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = true,
                           .bos_token = 1,
                           .eos_token = 2,
                           .pad_token = -1};
    masa_model *model = NULL;
    masa_model_options options = {MASA_BF16, true};
    assert_int_equal(masa_model_create_fresh(&model, &c, &options, 5, NULL), MASA_OK);
    return model;
}

static void run_pass(masa_pass *pass)
{
    static const masa_segment segments[] = {{0, 20, -1}, {20, 20, 0}};
    int32_t tokens[ROWS], positions[ROWS], rows[TARGETS];
    float logprob[TARGETS], entropy[TARGETS], dlogprob[TARGETS];
    for (int i = 0; i < ROWS; i++) tokens[i] = i * 7 % VOCAB, positions[i] = i;
    for (int i = 0; i < TARGETS; i++) rows[i] = i, dlogprob[i] = 0.01f;
    masa_batch batch = {.n_tokens = ROWS,
                        .n_segments = 2,
                        .n_targets = TARGETS,
                        .tokens = tokens,
                        .positions = positions,
                        .segments = segments,
                        .target_rows = rows,
                        .target_tokens = tokens,
                        .temperature = 1};
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logprob, entropy);
    masa_pass_backward(pass, dlogprob);
}

/* What work(context) asks for, each after all before is done. */
static struct gpu_counts count(void (*work)(void *), void *context)
{
    struct gpu_counts a, b;
    counted(&a);
    work(context);
    counted(&b);
    return (struct gpu_counts){
        b.launches - a.launches,   b.products - a.products, b.copies - a.copies,
        b.puts - a.puts,           b.gets - a.gets,         b.waits - a.waits,
        b.put_bytes - a.put_bytes, b.graphs - a.graphs,     b.replayed - a.replayed};
}

static void pass_work(void *context)
{
    run_pass(context);
}

static void update_work(void *context)
{
    assert_int_equal(masa_optimizer_step(context, 1, NULL, NULL), MASA_OK);
}

static void count_training(size_t n_layers, struct gpu_counts *pass, struct gpu_counts *update)
{
    masa_model *model = make_model(MASA_LLAMA, n_layers);
    masa_pass *p = NULL;
    masa_optimizer *optimizer = NULL;
    masa_optimizer_options options = {
        .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .total_steps = 9};
    assert_int_equal(masa_pass_create(&p, model, ROWS, TARGETS, false, NULL), MASA_OK);
    assert_int_equal(masa_optimizer_create(&optimizer, model, NULL, &options, NULL), MASA_OK);
    run_pass(p); /* makes its scratch */
    *pass = count(pass_work, p);
    *update = count(update_work, optimizer);
    masa_optimizer_destroy(optimizer);
    masa_pass_destroy(p);
    masa_model_destroy(model);
}

/* A step of decoding: tokens of sequences that go on, and draws. */
struct decoding {
    masa_decoder *decoder;
    masa_kv_store store;
    float DEVICE *logits;
    int32_t position;
};

static void decode_work(void *context)
{
    struct decoding *d = context;
    static const int32_t tables[SEQUENCES * BLOCKS] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const int32_t numbers[SEQUENCES] = {0, 1}, tokens[SEQUENCES] = {7, 8};
    int32_t positions[SEQUENCES] = {d->position, d->position};
    masa_draw draws[SEQUENCES] = {{.row = 0, .u = 0.5, .sampling = {1, 0, 1, 0}},
                                  {.row = 1, .u = 0.5, .sampling = {1, 0, 1, 0}}};
    masa_decode_batch batch = {.rows = SEQUENCES,
                               .tokens = tokens,
                               .positions = positions,
                               .sequences = numbers,
                               .block_tables = tables,
                               .max_blocks = BLOCKS,
                               .n_logits = SEQUENCES,
                               .logit_rows = numbers};
    masa_decoder_run(d->decoder, &d->store, &batch, d->logits);
    masa_sample(draws, SEQUENCES, d->logits, VOCAB);
    d->position++;
}

/* Of a step that is replayed, the third of its kind. */
static struct gpu_counts count_decoding(masa_architecture architecture, size_t n_layers)
{
    masa_model *model = make_model(architecture, n_layers);
    masa_decoder_sizes sizes = {8, SEQUENCES, BLOCKS};
    struct decoding d = {0};
    void DEVICE *memory = NULL;
    assert_int_equal(masa_kv_store_init(&d.store, model, SEQUENCES * BLOCKS, 16, NULL),
                     MASA_OK);
    assert_int_equal(masa_decoder_create(&d.decoder, model, &sizes, NULL), MASA_OK);
    assert_int_equal(
        masa_device_alloc(&memory, SEQUENCES * VOCAB, sizeof(float), "logits", NULL), MASA_OK);
    d.logits = memory;
    for (int i = 0; i < 2; i++) decode_work(&d);
    struct gpu_counts counts = count(decode_work, &d);
    masa_device_free(memory);
    masa_decoder_destroy(d.decoder);
    masa_kv_store_deinit(&d.store);
    masa_model_destroy(model);
    return counts;
}

static void training_asks_for_little(void **state)
{
    struct gpu_counts pass[2], update[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) count_training(2 + i, &pass[i], &update[i]);
    assert_int_equal(pass[1].products - pass[0].products, 12);
    assert_int_equal(pass[1].launches - pass[0].launches, 19);
    assert_int_equal(pass[1].copies - pass[0].copies, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pass[i].waits, 2);
        assert_int_equal(pass[i].gets, 2);
        assert_int_equal(pass[i].puts, 7);
        assert_int_equal(update[i].waits, 1);
        assert_int_equal(update[i].puts, 0);
    }
    assert_int_equal(update[1].launches - update[0].launches, 13);
}

static void decoding_waits_once(void **state)
{
    struct gpu_counts two = count_decoding(MASA_LLAMA, 2);
    struct gpu_counts three = count_decoding(MASA_LLAMA, 3);
    (void)state;
    assert_int_equal(three.replayed - two.replayed, 10);
    assert_int_equal(three.replayed, 33);
    assert_int_equal(three.launches, 1); /* the draws */
    assert_int_equal(three.products, 0);
    assert_int_equal(three.graphs, 1);
    assert_int_equal(three.puts, 2);
    assert_int_equal(three.gets, 1);
    assert_int_equal(three.waits, 1);
}

/* The norms of q and k cost no kernel. */
static void heads_are_one_kernel(void **state)
{
    (void)state;
    assert_int_equal(count_decoding(MASA_QWEN3, 3).replayed, 33);
}

/* The plugin that is open already is the one that the device finds. */
static int start(void **state)
{
    void *plugin = dlopen(MASA_PLUGIN "/libmasa_cuda.so", RTLD_NOW | RTLD_LOCAL);
    (void)state;
    if (!plugin) print_error("%s\n", dlerror());
    if (!plugin) return 1;
    *(void **)&counted = dlsym(plugin, "gpu_counted");
    return !counted || masa_device_start("cuda", 0, NULL) != MASA_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(training_asks_for_little),
                                       cmocka_unit_test(decoding_waits_once),
                                       cmocka_unit_test(heads_are_one_kernel)};
    return cmocka_run_group_tests(tests, start, NULL);
}
