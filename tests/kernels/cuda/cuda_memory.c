/*
 * The tables of docs/gpu.md, what models take of a GPU's memory, against the plan that a run
 * makes. `test_kernels_cuda_memory print` writes them.
 */
#include "masa_test.h"
#include "memory_plan.h"
#include <masa/device.h>
#include <masa/file.h>
#include <masa/lora.h>
#include <masa/memory.h>
#include <masa/text.h>
#include <unistd.h>

static const struct {
    const char *name;
    masa_model_config config;
} models[] = {
#define LLAMA(hidden, intermediate, layers, heads, kv, head)                                   \
    .architecture = MASA_LLAMA, .hidden_size = hidden, .intermediate_size = intermediate,      \
    .n_layers = layers, .n_heads = heads, .n_kv_heads = kv, .head_dim = head
#define QWEN(which, hidden, intermediate, layers, heads, kv, head)                             \
    .architecture = which, .hidden_size = hidden, .intermediate_size = intermediate,           \
    .n_layers = layers, .n_heads = heads, .n_kv_heads = kv, .head_dim = head,                  \
    .vocab_size = 151936, .max_positions = 32768, .tied_embeddings = true
    {"SmolLM2-135M",
     {LLAMA(576, 1536, 30, 9, 3, 64), .vocab_size = 49152, .max_positions = 8192,
      .tied_embeddings = true}},
    {"SmolLM2-360M",
     {LLAMA(960, 2560, 32, 15, 5, 64), .vocab_size = 49152, .max_positions = 8192,
      .tied_embeddings = true}},
    {"Qwen2.5-0.5B", {QWEN(MASA_QWEN2, 896, 4864, 24, 14, 2, 64)}},
    {"Qwen3-0.6B", {QWEN(MASA_QWEN3, 1024, 3072, 28, 16, 8, 128)}},
    {"Qwen3-1.7B", {QWEN(MASA_QWEN3, 2048, 6144, 28, 16, 8, 128)}},
    {"Qwen3-4B", {QWEN(MASA_QWEN3, 2560, 9728, 36, 32, 8, 128)}},
    {"Llama-3.1-8B",
     {LLAMA(4096, 14336, 32, 32, 8, 128), .vocab_size = 128256, .max_positions = 131072}},
};
enum { MODELS = sizeof models / sizeof *models };

/* Ways to train, the most memory first. */
static const struct {
    const char *name, *settings[2];
} ways[] = {
    {"all weights", {"lora.rank=0", "optimizer.moments=f32"}},
    {"`moments=bf16`", {"lora.rank=0", "optimizer.moments=bf16"}},
    {"`on_host=true`", {"lora.rank=0", "optimizer.on_host=true"}},
    {"`lora.compact`, rank 16", {"lora.rank=16", "lora.compact=true"}},
};
enum { WAYS = sizeof ways / sizeof *ways };

static const struct {
    const char *name;
    double gib;
} cards[] = {{"24 GB", 22.4}, {"48 GB", 44.7}, {"80 GB", 74.5}};

static double gib(size_t bytes)
{
    return (double)bytes / (double)(1 << 30);
}

/* All but activations and the cache. */
static double training(size_t model, size_t way)
{
    masa_config config;
    assert_int_equal(masa_config_load(&config, NULL, NULL, ways[way].settings, 2, NULL),
                     MASA_OK);
    rl_memory_plan p = rl_memory_plan_make(&config, &models[model].config, MASA_BF16,
                                           &(rl_session_options){0}, NULL, 0);
    assert_true((p.host > 0) == config.optimizer.on_host);
    masa_config_deinit(&config);
    return gib(p.weights + p.gradients + p.optimizer);
}

static double generation(size_t model)
{
    return gib(masa_model_bytes_needed(&models[model].config,
                                       &(masa_model_options){MASA_BF16, false}));
}

static void write_models(masa_text *out)
{
    masa_text_add(out, "| model |");
    for (size_t w = 0; w < WAYS; w++) masa_text_addf(out, " %s |", ways[w].name);
    masa_text_add(out, " generation |\n| --- |");
    for (size_t w = 0; w <= WAYS; w++) masa_text_add(out, " --- |");
    masa_text_add(out, "\n");
    for (size_t m = 0; m < MODELS; m++) {
        masa_text_addf(out, "| %s |", models[m].name);
        for (size_t w = 0; w < WAYS; w++) masa_text_addf(out, " %.1f |", training(m, w));
        masa_text_addf(out, " %.1f |\n", generation(m));
    }
}

/* The largest that leaves a tenth of the card for activations and the cache. */
static void write_largest(masa_text *out, double card, size_t way)
{
    for (size_t m = MODELS; m-- > 0;) {
        double takes = way < WAYS ? training(m, way) : generation(m);
        if (takes > 0.9 * card) continue;
        masa_text_addf(out, " %s, %.1f |", models[m].name, card - takes);
        return;
    }
}

static void write_cards(masa_text *out)
{
    masa_text_add(out, "| card |");
    for (size_t w = 0; w < WAYS; w++) masa_text_addf(out, " %s |", ways[w].name);
    masa_text_add(out, " generation |\n| --- |");
    for (size_t w = 0; w <= WAYS; w++) masa_text_add(out, " --- |");
    masa_text_add(out, "\n");
    for (size_t c = 0; c < sizeof cards / sizeof *cards; c++) {
        masa_text_addf(out, "| %s (%.1f GiB) |", cards[c].name, cards[c].gib);
        for (size_t w = 0; w <= WAYS; w++) write_largest(out, cards[c].gib, w);
        masa_text_add(out, "\n");
    }
}

static void the_documentation_has_what_is_planned(void **state)
{
    (void)state;
    masa_text docs = {0}, tables[2] = {{0}, {0}};
    assert_int_equal(masa_file_read(&docs, MASA_TESTS "/../docs/gpu.md", NULL), MASA_OK);
    write_models(&tables[0]);
    write_cards(&tables[1]);
    for (int i = 0; i < 2; i++) {
        if (!strstr(masa_text_get(&docs), masa_text_get(&tables[i])))
            fail_msg("docs/gpu.md has not this table:\n%s", masa_text_get(&tables[i]));
        masa_text_deinit(&tables[i]);
    }
    masa_text_deinit(&docs);
}

int main(int argc, char **argv)
{
    masa_error err = {0};
    setenv("LD_LIBRARY_PATH", MASA_PLUGIN, 1);
    if (!getenv("MASA_MEMORY_AGAIN")) { /* the loader reads the path when a process begins */
        setenv("MASA_MEMORY_AGAIN", "1", 1);
        execv("/proc/self/exe", argv);
    }
    if (masa_device_start("cuda", 0, &err)) fail_msg("%s", err.message);
    if (argc == 2 && strcmp(argv[1], "print") == 0) {
        masa_text text = {0};
        write_models(&text);
        masa_text_add(&text, "\n");
        write_cards(&text);
        fputs(masa_text_get(&text), stdout);
        masa_text_deinit(&text);
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_documentation_has_what_is_planned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
