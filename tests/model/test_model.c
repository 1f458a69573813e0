/* The description of parameters, saving and loading, bad configs, the plan. */
#include "model_fixture.h"
#include "model_internal.h"
#include <unistd.h>
#include <masa/file.h>
#include <masa/gguf_write.h>
#include <masa/linear.h>

static const masa_parameter *find(const masa_model *model, const char *name)
{
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, name) == 0) return &p[i];
    return NULL;
}

static void parameters_cover_the_buffer(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, false);
        size_t n, at = 0;
        const masa_parameter *p = masa_model_parameters(model, &n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(p[i].offset, at);
            assert_int_equal(p[i].vector, p[i].rows == 1);
            assert_int_equal(p[i].decay, !p[i].vector);
            at += p[i].rows * p[i].cols;
        }
        assert_int_equal(at, masa_model_parameter_count(model));
        masa_model_destroy(model);
    }
}

static void architectures_have_their_parameters(void **state)
{
    (void)state;
    masa_model *llama = fixture_model(MASA_LLAMA, MASA_F32, false);
    masa_model *qwen2 = fixture_model(MASA_QWEN2, MASA_F32, false);
    masa_model *qwen3 = fixture_model(MASA_QWEN3, MASA_F32, false);
    assert_null(find(llama, "lm_head.weight"));
    assert_null(find(llama, "model.layers.0.self_attn.q_proj.bias"));
    assert_non_null(find(qwen2, "lm_head.weight"));
    assert_non_null(find(qwen2, "model.layers.2.self_attn.k_proj.bias"));
    const masa_parameter *norm = find(qwen3, "model.layers.1.self_attn.q_norm.weight");
    assert_non_null(norm);
    assert_int_equal(norm->cols, 32);
    const masa_parameter *q = find(qwen3, "model.layers.0.self_attn.q_proj.weight");
    const masa_parameter *k = find(qwen3, "model.layers.0.self_attn.k_proj.weight");
    assert_int_equal(q->rows, 4 * 32);
    assert_int_equal(q->cols, 48);
    assert_int_equal(k->offset, q->offset + q->rows * q->cols);
    masa_model_destroy(llama);
    masa_model_destroy(qwen2);
    masa_model_destroy(qwen3);
}

static void seeds_make_models(void **state)
{
    (void)state;
    masa_model_config c = fixture_config(MASA_QWEN2);
    masa_model_options options = {MASA_F32, true};
    masa_model *models[3];
    static const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++)
        assert_int_equal(masa_model_create(&models[i], &c, &options, seeds[i], NULL), MASA_OK);
    size_t n = masa_model_parameter_count(models[0]) * sizeof(float);
    assert_memory_equal(masa_model_values(models[0]), masa_model_values(models[1]), n);
    assert_memory_not_equal(masa_model_values(models[0]), masa_model_values(models[2]), n);
    const masa_parameter *bias = find(models[0], "model.layers.0.self_attn.q_proj.bias");
    const masa_parameter *norm = find(models[0], "model.norm.weight");
    assert_near(masa_model_values(models[0])[bias->offset], 0, 0);
    assert_near(masa_model_values(models[0])[norm->offset], 1, 0);
    for (int i = 0; i < 3; i++) masa_model_destroy(models[i]);
}

static void saved_is_loaded(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        char folder[] = "/tmp/masa-model-XXXXXX";
        masa_error err = {0};
        assert_non_null(mkdtemp(folder));
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, false), *back = NULL;
        masa_model_options options = {MASA_F32, true};
        if (masa_model_save(model, folder, MASA_SAVE_F32, &err)) fail_msg("%s", err.message);
        if (masa_model_load(&back, folder, &options, &err)) fail_msg("%s", err.message);
        size_t n = masa_model_parameter_count(model);
        assert_int_equal(masa_model_parameter_count(back), n);
        assert_memory_equal(masa_model_values(back), masa_model_values(model),
                            n * sizeof(float));
        fixture_batch b = {0};
        int32_t tokens[12];
        float before[16], after[16];
        fixture_tokens(tokens, 12, 4);
        fixture_add(&b, tokens, 12, -1);
        fixture_run(model, fixture_finish(&b), false, before, NULL);
        fixture_run(back, &b.batch, false, after, NULL);
        assert_memory_equal(before, after, b.n_targets * sizeof(float));
        masa_model_destroy(model);
        masa_model_destroy(back);
        assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    }
}

/* A model as a GGUF file, with no more of a tokenizer than that takes. */
static void write_gguf(const masa_model *model, const char *path)
{
    static const masa_gguf_string token = {"a", 1};
    static const int32_t type = MASA_GGUF_TOKEN_NORMAL;
    masa_gguf_vocab vocab = {.pre = "llama-bpe",
                             .tokens = &token,
                             .types = &type,
                             .n = 1,
                             .bos = -1,
                             .eos = -1,
                             .pad = -1,
                             .unknown = -1};
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    const float *values = masa_model_values((masa_model *)(uintptr_t)model);
    masa_named_tensor *tensors = masa_alloc(n, sizeof *tensors);
    for (size_t i = 0; i < n; i++)
        tensors[i] = (masa_named_tensor){p[i].name, values + p[i].offset, p[i].rows, p[i].cols,
                                         p[i].vector};
    masa_error err = {0};
    if (masa_gguf_write(path, masa_model_get_config(model), tensors, n, MASA_SAVE_F32, &vocab,
                        &err))
        fail_msg("%s", err.message);
    free(tensors);
}

static void gguf_is_loaded(void **state)
{
    (void)state;
    char path[] = "/tmp/masa-gguf-XXXXXX";
    close(mkstemp(path));
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model_config c = fixture_config((masa_architecture)a);
        c.rope_original_positions = 8192; /* the only scaling that GGUF can state */
        masa_model_options options = {MASA_F32, false};
        masa_model *model = NULL, *back = NULL;
        masa_error err = {0};
        assert_int_equal(masa_model_create(&model, &c, &options, 5, &err), MASA_OK);
        size_t n = masa_model_parameter_count(model);
        for (size_t i = 0; i < n; i++) masa_model_values(model)[i] += (float)i / (float)n;
        write_gguf(model, path);
        if (masa_model_load(&back, path, &options, &err)) fail_msg("%s", err.message);
        assert_int_equal(masa_model_parameter_count(back), n);
        assert_memory_equal(masa_model_values(back), masa_model_values(model),
                            n * sizeof(float));
        masa_model_destroy(model);
        masa_model_destroy(back);
    }
    remove(path);
}

/* The newcomer by its row: its name in both formats, its biases in the file in the order of the
 * rows that they belong to (llama.cpp's permutation), and in the message for unknown names. */
static void a_newcomer_is_a_row(void **state)
{
    (void)state;
    char path[] = "/tmp/masa-gguf-XXXXXX";
    close(mkstemp(path));
    masa_model *model = fixture_model(FIXTURE_NEWCOMER, MASA_F32, false);
    const masa_parameter *q = find(model, "model.layers.1.self_attn.q_proj.weight");
    const masa_parameter *bias = find(model, "model.layers.1.self_attn.q_proj.bias");
    assert_non_null(bias);
    assert_false(bias->decay);
    for (size_t i = 0; i < q->rows; i++) /* of a row, its first weight says which it is */
        masa_model_values(model)[q->offset + i * q->cols] =
            masa_model_values(model)[bias->offset + i] = (float)i;
    write_gguf(model, path);
    masa_gguf *gguf = NULL;
    masa_error err = {0};
    assert_int_equal(masa_gguf_open(&gguf, path, &err), MASA_OK);
    masa_gguf_string name;
    assert_true(masa_gguf_get_string(gguf, "general.architecture", &name));
    assert_true(masa_gguf_string_is(name, "newcomer"));
    const masa_gguf_tensor *w = masa_gguf_find_tensor(gguf, "blk.1.attn_q.weight");
    const masa_gguf_tensor *b = masa_gguf_find_tensor(gguf, "blk.1.attn_q.bias");
    const float *weights = (const void *)w->data, *biases = (const void *)b->data;
    for (size_t i = 0; i < q->rows; i++) {
        assert_near(biases[i], weights[i * q->cols], 0);
        size_t in_head = i % 12;
        assert_near(biases[i], i - in_head + in_head % 2 * 6 + in_head / 2, 0);
    }
    masa_gguf_close(gguf);
    masa_model_destroy(model);
    remove(path);
    masa_architecture found;
    assert_int_equal(masa_architecture_find(&found, "newcomers", 9, &err),
                     MASA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "qwen3 or newcomer"));
}

static void missing_model_is_an_error(void **state)
{
    (void)state;
    masa_model *model = NULL;
    masa_model_options options = {MASA_F32, false};
    masa_error err = {0};
    assert_int_not_equal(masa_model_load(&model, "/nonexistent/model", &options, &err),
                         MASA_OK);
    assert_null(model);
    assert_true(strlen(err.message) > 0);
}

static void bad_configs_are_errors(void **state)
{
    (void)state;
    masa_model_config good = fixture_config(MASA_LLAMA), bad[8];
    for (int i = 0; i < 8; i++) bad[i] = good;
    bad[0].n_kv_heads = 3;
    bad[1].head_dim = 11;
    bad[2].vocab_size = 0;
    bad[3].n_layers = SIZE_MAX;
    bad[4].rope_theta = NAN;
    bad[5].rope_factor = 0;
    bad[6].rope_high_freq_factor = bad[6].rope_low_freq_factor;
    bad[7].hidden_size = (size_t)1 << 40;
    masa_model_options options = {MASA_F32, false};
    for (int i = 0; i < 8; i++) {
        masa_model *model = NULL;
        masa_error err = {0};
        assert_int_equal(masa_model_create(&model, &bad[i], &options, 1, &err),
                         MASA_ERR_FORMAT);
        assert_null(model);
        assert_true(strlen(err.message) > 0);
    }
}

/* Every bound is met and not passed, and the message says where the number comes from. */
static void every_limit_is_checked(void **state)
{
    (void)state;
    masa_model_config good = fixture_config(MASA_QWEN2), c = good;
    const struct {
        size_t *field, most;
        const char *key;
    } limits[] = {{&c.vocab_size, 1 << 24, "vocab_size"},
                  {&c.hidden_size, 1 << 20, "qwen2.embedding_length"},
                  {&c.intermediate_size, 1 << 22, "intermediate_size"},
                  {&c.n_layers, 1 << 12, "qwen2.block_count"},
                  {&c.head_dim, 256, "qwen2.attention.key_length"},
                  {&c.max_positions, 1 << 26, "max_position_embeddings"}};
    masa_error err = {0};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        c = good;
        *limits[i].field = limits[i].most;
        assert_int_equal(masa_model_config_check(&c, &err), MASA_OK);
        *limits[i].field += 2;
        assert_int_equal(masa_model_config_check(&c, &err), MASA_ERR_FORMAT);
        if (!strstr(err.message, limits[i].key)) fail_msg("%s", err.message);
        *limits[i].field = 0;
        assert_int_equal(masa_model_config_check(&c, &err), MASA_ERR_FORMAT);
        if (!strstr(err.message, limits[i].key)) fail_msg("%s", err.message);
    }
    /* 32 heads may share one; 33 may not, and no more heads be keys' than there are. */
    c = good;
    c.n_kv_heads = 2, c.n_heads = 64;
    assert_int_equal(masa_model_config_check(&c, &err), MASA_OK);
    c.n_heads = 66;
    assert_int_equal(masa_model_config_check(&c, &err), MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "share a key/value head is 33; it must be 1 to 32"));
    c.n_heads = 4, c.n_kv_heads = 8;
    assert_int_equal(masa_model_config_check(&c, &err), MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "num_key_value_heads"));
    c.n_heads = c.n_kv_heads = 1 << 12;
    assert_int_equal(masa_model_config_check(&c, &err), MASA_OK);
    c.n_heads = c.n_kv_heads = (1 << 12) + 1;
    assert_int_equal(masa_model_config_check(&c, &err), MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "num_attention_heads"));
}

/* The sanitizer too reports what is too large by returning NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* More than any machine has: refused, not crashed. */
static void too_large_is_an_error(void **state)
{
    (void)state;
    masa_model_config c = fixture_config(MASA_LLAMA);
    masa_model_options options = {MASA_F32, false};
    masa_model *model = NULL;
    masa_error err = {0};
    c.hidden_size = 1 << 20;
    c.intermediate_size = 1 << 22;
    c.n_layers = 1 << 12;
    assert_int_equal(masa_model_create(&model, &c, &options, 1, &err), MASA_ERR_MEMORY);
    assert_null(model);
}

static void flops_count_every_product(void **state)
{
    (void)state;
    /* SmolLM2-135M's shape: 106.2 million weights in layers, 28.3 in the head. */
    masa_model_config c = {.vocab_size = 49152,
                           .hidden_size = 576,
                           .intermediate_size = 1536,
                           .n_layers = 30,
                           .n_heads = 9,
                           .n_kv_heads = 3,
                           .head_dim = 64};
    double layers = 30 * (576.0 * 960 + 576.0 * 576 + 3 * 576.0 * 1536);
    assert_near(masa_model_flops(&c, 0, false), 2 * layers, 1);
    assert_near(masa_model_flops(&c, 0, true), 2 * (layers + 576.0 * 49152), 1);
    assert_near(masa_model_flops(&c, 100, false), 2 * (layers + 30 * 2 * 100 * 576.0), 1);
}

static void bytes_count_weights_and_gradients(void **state)
{
    (void)state;
    masa_model *fixed = fixture_model(MASA_LLAMA, MASA_F32, false);
    masa_model *trained = fixture_model(MASA_LLAMA, MASA_F32, true);
    size_t n = masa_model_parameter_count(fixed) * sizeof(float);
    assert_true(masa_model_bytes(fixed) >= n);
    assert_true(masa_model_bytes(trained) >= masa_model_bytes(fixed) + n);
    masa_model_destroy(fixed);
    masa_model_destroy(trained);
}

/* What is planned is what is there, but for the layout of packed weights. */
static void planned_bytes_are_held(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++)
        for (int untied = 0; untied < 2; untied++)
            for (int trainable = 0; trainable < 2; trainable++) {
                masa_model_config c = fixture_config((masa_architecture)a);
                c.hidden_size = 192, c.intermediate_size = 384, c.vocab_size = 960;
                c.head_dim = 48, c.tied_embeddings = !untied;
                masa_model_options options = {MASA_F32, trainable};
                masa_model *model = NULL;
                assert_int_equal(masa_model_create(&model, &c, &options, 1, NULL), MASA_OK);
                double held = (double)masa_model_bytes(model);
                double needed = (double)masa_model_bytes_needed(&c, &options);
                assert_near(held / needed, 1, 0.03);
                masa_model_destroy(model);
            }
}

/* What a fresh model's matrix has as its deviation, from the documentation. */
static double fresh_deviation(const masa_parameter *p, size_t layers)
{
    if (strstr(p->name, "embed_tokens") || strstr(p->name, "lm_head")) return 0.02;
    bool adds = strstr(p->name, "o_proj") || strstr(p->name, "down_proj");
    return 1 / sqrt((double)p->cols * (adds ? 2.0 * (double)layers : 1));
}

static void fresh_models_are_scaled(void **state)
{
    (void)state;
    masa_model_config c = {.architecture = MASA_QWEN2,
                           .vocab_size = 96,
                           .hidden_size = 64,
                           .intermediate_size = 160,
                           .n_layers = 3,
                           .n_heads = 4,
                           .n_kv_heads = 2,
                           .head_dim = 16,
                           .max_positions = 32,
                           .rms_norm_eps = 1e-6f,
                           .rope_theta = 1e4f};
    masa_model_options options = {MASA_F32, false};
    masa_model *m = NULL, *same = NULL, *other = NULL;
    assert_int_equal(masa_model_create_fresh(&m, &c, &options, 7, NULL), MASA_OK);
    assert_int_equal(masa_model_create_fresh(&same, &c, &options, 7, NULL), MASA_OK);
    assert_int_equal(masa_model_create_fresh(&other, &c, &options, 8, NULL), MASA_OK);
    size_t n, bytes = masa_model_parameter_count(m) * sizeof(float);
    assert_memory_equal(masa_model_values(m), masa_model_values(same), bytes);
    assert_true(memcmp(masa_model_values(m), masa_model_values(other), bytes) != 0);
    const masa_parameter *p = masa_model_parameters(m, &n);
    for (size_t i = 0; i < n; i++) {
        const float *w = masa_model_values(m) + p[i].offset;
        double sum = 0, squares = 0, count = (double)(p[i].rows * p[i].cols);
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++) sum += w[j], squares += w[j] * w[j];
        if (p[i].vector) {
            assert_near(sum, strstr(p[i].name, "bias") ? 0 : count, 0);
            continue;
        }
        double deviation = fresh_deviation(&p[i], c.n_layers);
        assert_near(sum / count / deviation, 0, 5 / sqrt(count));
        assert_near(sqrt(squares / count) / deviation, 1, 5 / sqrt(2 * count));
    }
    masa_model_destroy(m);
    masa_model_destroy(same);
    masa_model_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_cover_the_buffer),
                                       cmocka_unit_test(architectures_have_their_parameters),
                                       cmocka_unit_test(seeds_make_models),
                                       cmocka_unit_test(fresh_models_are_scaled),
                                       cmocka_unit_test(saved_is_loaded),
                                       cmocka_unit_test(gguf_is_loaded),
                                       cmocka_unit_test(a_newcomer_is_a_row),
                                       cmocka_unit_test(missing_model_is_an_error),
                                       cmocka_unit_test(bad_configs_are_errors),
                                       cmocka_unit_test(every_limit_is_checked),
                                       cmocka_unit_test(too_large_is_an_error),
                                       cmocka_unit_test(flops_count_every_product),
                                       cmocka_unit_test(bytes_count_weights_and_gradients),
                                       cmocka_unit_test(planned_bytes_are_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
