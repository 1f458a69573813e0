#include "golden.h"
#include <masa/gguf_write.h>
#include <masa/safetensors.h>

#define FOLDER "test_model_file.tmp"
#define GGUF   "test_model_file.tmp.gguf"

static const char *const goldens[] = {MASA_TEST_DATA "/llama.gguf", MASA_TEST_DATA "/llama",
                                      MASA_TEST_DATA "/qwen2", MASA_TEST_DATA "/qwen3"};
enum { N_GOLDENS = sizeof goldens / sizeof *goldens };

static int clean(void **state)
{
    (void)state;
    remove(GGUF);
    return masa_folder_remove(FOLDER, NULL) == MASA_OK ? 0 : -1;
}

static void reads_golden_models(void **state)
{
    (void)state;
    static const masa_architecture kinds[] = {MASA_LLAMA, MASA_LLAMA, MASA_QWEN2, MASA_QWEN3};
    static const size_t counts[] = {21, 21, 26, 24};
    for (int i = 0; i < N_GOLDENS; i++) {
        masa_model_file *f = NULL;
        assert_ok(masa_model_file_open(&f, goldens[i], err));
        const masa_model_config *c = masa_model_file_config(f);
        assert_true(c->architecture == kinds[i] && c->vocab_size == 32 && c->n_layers == 2);
        assert_int_equal(c->tied_embeddings, i >= 2);
        assert_int_equal(c->rope_scaled, i < 2);
        assert_true(c->bos_token == 1 && c->eos_token == 2 && c->pad_token == -1);
        if (i < 2) {
            assert_near(c->rope_factor, 8, 0);
            assert_true(c->rope_low_freq_factor == 1 && c->rope_high_freq_factor == 4);
            assert_int_equal(c->rope_original_positions, 8192);
        }
        assert_string_equal(masa_model_file_format(f), i ? "Hugging Face folder" : "GGUF");
        size_t n;
        masa_model_file_tensors(f, &n);
        assert_int_equal(n, counts[i]);
        assert_golden(f);
        masa_model_file_close(f);
    }
}

static void wrong_questions_are_errors(void **state)
{
    (void)state;
    masa_model_file *f = NULL;
    float data[16];
    masa_error why = {0};
    assert_ok(masa_model_file_open(&f, MASA_TEST_DATA "/qwen2", err));
    assert_int_equal(masa_model_file_read(f, "model.norm.weight", data, 1, 15, &why),
                     MASA_ERR_FORMAT);
    assert_non_null(
        strstr(why.message, "'model.norm.weight' has shape [1, 16], expected [1, 15]"));
    assert_string_equal(why.path, MASA_TEST_DATA "/qwen2");
    assert_int_equal(masa_model_file_read(f, "lm_head.weight", data, 1, 16, &why),
                     MASA_ERR_FORMAT);
    assert_non_null(strstr(why.message, "missing"));
    masa_model_file_close(f);
}

static masa_text bytes_of(const char *path)
{
    masa_text t = {0};
    assert_ok(masa_file_read(&t, path, err));
    return t;
}

static void assert_same_file(const masa_text *before, const char *path)
{
    masa_text after = bytes_of(path);
    assert_int_equal(before->size, after.size);
    assert_memory_equal(before->data, after.data, after.size);
    masa_text_deinit(&after);
}

static const masa_gguf_string tokens[] = {{"a", 1}, {"b", 1}, {"ab", 2}};
static const masa_gguf_string merges[] = {{"a b", 3}};
static const masa_gguf_vocab vocab = {.pre = "llama-bpe",
                                      .tokens = tokens,
                                      .types = (int32_t[]){1, 3, 1},
                                      .n = 3,
                                      .merges = merges,
                                      .n_merges = 1,
                                      .chat_template = "{{x}}",
                                      .bos = 1,
                                      .eos = 2,
                                      .pad = -1,
                                      .unknown = -1,
                                      .add_bos = true};

/* Golden values are exact in every type, so they come back whatever the way. */
static void trips_between_formats_lose_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < N_GOLDENS; i++)
        for (masa_save_dtype dtype = MASA_SAVE_F32; dtype <= MASA_SAVE_BF16; dtype++) {
            masa_model_file *original = NULL, *gguf = NULL, *folder = NULL;
            assert_ok(masa_model_file_open(&original, goldens[i], err));
            assert_ok(masa_gguf_write_file(GGUF, original, dtype, &vocab, err));
            masa_text first = bytes_of(GGUF);
            assert_ok(masa_model_file_open(&gguf, GGUF, err));
            assert_golden(gguf);
            assert_ok(masa_folder_create(FOLDER, err));
            assert_ok(masa_model_folder_write_file(FOLDER, gguf, NULL, NULL, dtype, err));
            masa_model_file_close(gguf);
            masa_text weights = bytes_of(FOLDER "/model.safetensors");
            masa_text config = bytes_of(FOLDER "/config.json");
            assert_ok(masa_model_file_open(&folder, FOLDER, err));
            assert_golden(folder);
            assert_memory_equal(masa_model_file_config(folder),
                                masa_model_file_config(original),
                                offsetof(masa_model_config, bos_token));
            assert_ok(masa_gguf_write_file(GGUF, folder, dtype, &vocab, err));
            assert_same_file(&first, GGUF);
            assert_ok(masa_folder_create(FOLDER "/again", err));
            assert_ok(
                masa_model_folder_write_file(FOLDER "/again", folder, NULL, NULL, dtype, err));
            assert_same_file(&weights, FOLDER "/again/model.safetensors");
            assert_same_file(&config, FOLDER "/again/config.json");
            masa_model_file_close(folder);
            masa_model_file_close(original);
            masa_text_deinit(&first);
            masa_text_deinit(&weights);
            masa_text_deinit(&config);
        }
}

static void written_gguf_has_the_tokenizer(void **state)
{
    (void)state;
    masa_model_file *f = NULL;
    masa_gguf *g = NULL;
    assert_ok(masa_model_file_open(&f, MASA_TEST_DATA "/qwen3", err));
    assert_ok(masa_gguf_write_file(GGUF, f, MASA_SAVE_BF16, &vocab, err));
    assert_ok(masa_gguf_open(&g, GGUF, err));
    masa_gguf_string s;
    masa_gguf_array a;
    int64_t id = -5;
    bool add = false;
    assert_true(masa_gguf_get_string(g, "tokenizer.ggml.pre", &s));
    assert_true(masa_gguf_string_is(s, "llama-bpe"));
    assert_true(masa_gguf_get_string(g, "tokenizer.chat_template", &s));
    assert_true(masa_gguf_string_is(s, "{{x}}"));
    assert_true(masa_gguf_get_array(g, "tokenizer.ggml.tokens", MASA_GGUF_STRING, &a));
    assert_true(a.n == 32 && masa_gguf_string_is(a.strings[2], "ab"));
    assert_true(masa_gguf_string_is(a.strings[31], "[PAD31]"));
    assert_true(masa_gguf_get_array(g, "tokenizer.ggml.token_type", MASA_GGUF_I32, &a));
    assert_int_equal(masa_gguf_array_integer(&a, 1), MASA_GGUF_TOKEN_CONTROL);
    assert_int_equal(masa_gguf_array_integer(&a, 3), MASA_GGUF_TOKEN_UNUSED);
    assert_true(masa_gguf_get_array(g, "tokenizer.ggml.merges", MASA_GGUF_STRING, &a));
    assert_true(a.n == 1 && masa_gguf_string_is(a.strings[0], "a b"));
    assert_true(masa_gguf_get_integer(g, "tokenizer.ggml.eos_token_id", &id) && id == 2);
    assert_false(masa_gguf_get_integer(g, "tokenizer.ggml.padding_token_id", &id));
    assert_true(masa_gguf_get_bool(g, "tokenizer.ggml.add_bos_token", &add) && add);
    masa_gguf_close(g);
    masa_error why = {0};
    masa_gguf_vocab large = vocab;
    large.n = 33;
    assert_int_equal(masa_gguf_write_file(GGUF, f, MASA_SAVE_F16, &large, &why), MASA_ERR_DATA);
    assert_non_null(strstr(why.message, "33 tokens"));
    masa_model_file_close(f);
}

static void refuse(const char *path, masa_status expected, const char *says)
{
    masa_model_file *f = NULL;
    masa_error why = {0};
    masa_status st = masa_model_file_open(&f, path, &why);
    if (st != expected || !strstr(why.message, says) ||
        !(strstr(why.message, path) || strstr(why.path, path)))
        fail_msg("%s: status %d, at '%s': %s", path, st, why.path, why.message);
    assert_null(f);
}

static void write_bytes(const char *path, const char *text)
{
    assert_ok(masa_file_write(path, text, strlen(text), err));
}

/* A copy of a golden folder in which one thing is wrong. */
static void broken_folders_are_one_clear_error(void **state)
{
    (void)state;
    masa_model_file *f = NULL;
    refuse("no_such_model", MASA_ERR_IO, "No such file");
    refuse(MASA_TEST_DATA "/qwen2/config.json", MASA_ERR_FORMAT, "neither");
    assert_ok(masa_folder_create(FOLDER, err));
    refuse(FOLDER, MASA_ERR_IO, "config.json");
    assert_ok(masa_model_file_open(&f, MASA_TEST_DATA "/qwen2", err));
    assert_ok(masa_model_folder_write_file(FOLDER, f, NULL, NULL, MASA_SAVE_F32, err));
    masa_model_file_close(f);
    masa_text weights = bytes_of(FOLDER "/model.safetensors");
    for (size_t n = 0; n < weights.size; n += 1 + n / 8) {
        assert_ok(masa_file_write(FOLDER "/model.safetensors", weights.data, n, err));
        refuse(FOLDER, MASA_ERR_FORMAT, "");
    }
    remove(FOLDER "/model.safetensors");
    refuse(FOLDER, MASA_ERR_FORMAT, "no model.safetensors");
    write_bytes(FOLDER "/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../x\"}}");
    refuse(FOLDER, MASA_ERR_FORMAT, "file of this folder");
    write_bytes(FOLDER "/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"x\"}}");
    refuse(FOLDER, MASA_ERR_IO, "x");
    write_bytes(FOLDER "/model.safetensors.index.json", "{");
    refuse(FOLDER, MASA_ERR_FORMAT, "");
    write_bytes(FOLDER "/model.safetensors.index.json", "{}");
    refuse(FOLDER, MASA_ERR_FORMAT, "weight_map");
    /* A tensor too few, a wrong shape, a tensor too many. */
    float zero[64] = {0};
    masa_named_tensor one = {
        .name = "model.norm.weight", .data = zero, .rows = 1, .cols = 16, .vector = true};
    assert_ok(masa_safetensors_write(FOLDER "/model.safetensors", &one, 1, MASA_SAVE_F32, err));
    refuse(FOLDER, MASA_ERR_FORMAT, "'model.embed_tokens.weight' is missing");
    one.name = "model.embed_tokens.weight";
    assert_ok(masa_safetensors_write(FOLDER "/model.safetensors", &one, 1, MASA_SAVE_F32, err));
    refuse(FOLDER, MASA_ERR_FORMAT, "expected [32, 16]");
    masa_text_deinit(&weights);
}

static void an_unused_tensor_is_refused(void **state)
{
    (void)state;
    masa_model_file *f = NULL;
    assert_ok(masa_model_file_open(&f, MASA_TEST_DATA "/qwen3", err));
    size_t n;
    const masa_tensor_info *infos = masa_model_file_tensors(f, &n);
    masa_named_tensor *tensors = masa_alloc(n + 1, sizeof *tensors);
    float zero[32 * 16 * 2] = {0};
    for (size_t i = 0; i < n; i++)
        tensors[i] = (masa_named_tensor){infos[i].name, zero, infos[i].rows, infos[i].cols,
                                         infos[i].vector};
    tensors[n] = (masa_named_tensor){"lm_head.weight", zero, 32, 16, false};
    assert_ok(masa_folder_create(FOLDER, err));
    const masa_model_config *config = masa_model_file_config(f);
    /* A stored head of a tied model is redundant. */
    assert_ok(masa_model_folder_write(FOLDER, config, tensors, n + 1, MASA_SAVE_F32, err));
    masa_model_file *again = NULL;
    assert_ok(masa_model_file_open(&again, FOLDER, err));
    assert_true(masa_model_file_config(again)->tied_embeddings);
    masa_model_file_close(again);
    tensors[n].name = "model.layers.0.mlp.gate_proj.bias";
    assert_ok(masa_model_folder_write(FOLDER, config, tensors, n + 1, MASA_SAVE_F32, err));
    refuse(FOLDER, MASA_ERR_UNSUPPORTED, "gate_proj.bias");
    /* Writing asks for every tensor too. */
    masa_error why = {0};
    assert_int_equal(masa_gguf_write(GGUF, config, tensors, n - 1, MASA_SAVE_F32, &vocab, &why),
                     MASA_ERR_DATA);
    assert_non_null(strstr(why.message, "model.norm.weight"));
    assert_false(masa_path_exists(GGUF));
    free(tensors);
    masa_model_file_close(f);
}

static void every_truncation_of_a_gguf_model_is_refused(void **state)
{
    (void)state;
    masa_text whole = bytes_of(MASA_TEST_DATA "/llama.gguf");
    for (size_t n = 0; n < whole.size; n += 1 + n / 64) {
        assert_ok(masa_file_write(GGUF, whole.data, n, err));
        refuse(GGUF, MASA_ERR_FORMAT, "");
    }
    masa_text_deinit(&whole);
}

static void other_rope_divisors_are_refused(void **state)
{
    (void)state;
    masa_text whole = bytes_of(MASA_TEST_DATA "/llama.gguf");
    masa_gguf *g = NULL;
    assert_ok(masa_gguf_open_memory(&g, whole.data, whole.size, err));
    const masa_gguf_tensor *t = masa_gguf_find_tensor(g, "rope_freqs.weight");
    size_t at = (size_t)(t->data - (const uint8_t *)whole.data);
    masa_gguf_close(g);
    memcpy(whole.data + at, &(float){3}, 4);
    assert_ok(masa_file_write(GGUF, whole.data, whole.size, err));
    refuse(GGUF, MASA_ERR_UNSUPPORTED, "rope_freqs.weight");
    masa_text_deinit(&whole);
}

/* The model that MASA_TEST_MODEL names: all tensors are there and finite. */
static void reads_the_model_of_the_environment(void **state)
{
    (void)state;
    const char *path = getenv("MASA_TEST_MODEL");
    if (!path) skip_since("MASA_TEST_MODEL names no model");
    masa_model_file *f = NULL;
    assert_ok(masa_model_file_open(&f, path, err));
    size_t n;
    const masa_tensor_info *infos = masa_model_file_tensors(f, &n);
    for (size_t i = 0; i < n; i++) {
        size_t count = infos[i].rows * infos[i].cols;
        float *values = malloc(count * sizeof *values), least = 0, most = 0;
        assert_ok(
            masa_model_file_read(f, infos[i].name, values, infos[i].rows, infos[i].cols, err));
        for (size_t j = 0; j < count; j++) {
            assert_true(isfinite(values[j]));
            least = fminf(least, values[j]), most = fmaxf(most, values[j]);
        }
        assert_true(most > least);
        free(values);
    }
    masa_model_file_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_golden_models),
        cmocka_unit_test(wrong_questions_are_errors),
        cmocka_unit_test_setup_teardown(trips_between_formats_lose_nothing, clean, clean),
        cmocka_unit_test_setup_teardown(written_gguf_has_the_tokenizer, clean, clean),
        cmocka_unit_test_setup_teardown(broken_folders_are_one_clear_error, clean, clean),
        cmocka_unit_test_setup_teardown(an_unused_tensor_is_refused, clean, clean),
        cmocka_unit_test_setup_teardown(every_truncation_of_a_gguf_model_is_refused, clean,
                                        clean),
        cmocka_unit_test_setup_teardown(other_rope_divisors_are_refused, clean, clean),
        cmocka_unit_test(reads_the_model_of_the_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
