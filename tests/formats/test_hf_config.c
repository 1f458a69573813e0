#include "golden.h"
#include "hf_config.h"
#include "rotary.h"

#define SIZES                                                                                  \
    "\"vocab_size\":32,\"hidden_size\":16,\"intermediate_size\":24,"                           \
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2"

static masa_status parse(masa_model_config *c, const char *json, masa_error *err)
{
    char *copy = exact_copy(json, strlen(json));
    masa_status st = formats_hf_config_parse(c, copy, strlen(json), err);
    free(copy);
    return st;
}

static void reads_both_generations_of_rope(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"model_type\":\"llama\"," SIZES ",\"rope_theta\":500000.0,\"rope_scaling\":{"
        "\"rope_type\":\"llama3\",\"factor\":32.0,\"low_freq_factor\":1.0,"
        "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}}",
        "{\"model_type\":\"llama\"," SIZES ",\"rope_parameters\":{\"rope_theta\":500000,"
        "\"rope_type\":\"llama3\",\"factor\":32,\"low_freq_factor\":1,"
        "\"high_freq_factor\":4,\"original_max_position_embeddings\":8192}}"};
    for (int i = 0; i < 2; i++) {
        masa_model_config c;
        assert_ok(parse(&c, texts[i], err));
        assert_true(c.architecture == MASA_LLAMA && c.head_dim == 4 && c.rope_scaled);
        assert_true(c.rope_theta == 500000 && c.rope_factor == 32);
        assert_true(c.rope_low_freq_factor == 1 && c.rope_high_freq_factor == 4);
        assert_int_equal(c.rope_original_positions, 8192);
        assert_true(c.bos_token == -1 && !c.tied_embeddings);
    }
}

static void absent_values_are_those_of_transformers(void **state)
{
    (void)state;
    masa_model_config c;
    assert_ok(parse(&c,
                    "{\"model_type\":\"qwen2\"," SIZES ",\"head_dim\":null,"
                    "\"eos_token_id\":[3,4],\"pad_token_id\":99,\"rope_scaling\":null}",
                    err));
    assert_true(c.architecture == MASA_QWEN2 && c.head_dim == 4 && c.eos_token == 3);
    assert_true(c.pad_token == -1 && c.rope_theta == 10000 && c.rms_norm_eps == 1e-6f);
    assert_int_equal(c.max_positions, 32768);
    assert_ok(
        formats_hf_generation_parse(&c, "{\"bos_token_id\":1,\"eos_token_id\":5}", 35, err));
    assert_true(c.bos_token == 1 && c.eos_token == 3);
    assert_true(c.n_more_eos == 2 && c.more_eos[0] == 4 && c.more_eos[1] == 5);
    assert_ok(parse(&c, "{\"model_type\":\"qwen3\"," SIZES "}", err));
    assert_true(c.architecture == MASA_QWEN3 && c.head_dim == 128);
    /* A window that no layer uses changes nothing. */
    assert_ok(parse(&c,
                    "{\"model_type\":\"qwen2\"," SIZES ",\"use_sliding_window\":true,"
                    "\"sliding_window\":4096,\"max_window_layers\":2}",
                    err));
}

static void refuses_what_it_would_compute_wrongly(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{\"model_type\":\"gpt2\"," SIZES "}", "llama, qwen2 or qwen3"},
        {"{" SIZES "}", "model_type"},
        {"{\"model_type\":\"llama\"}", "vocab_size"},
        {"{\"model_type\":\"llama\"," SIZES ",\"mlp_bias\":true}", "biases"},
        {"{\"model_type\":\"llama\"," SIZES ",\"attention_bias\":true}", "biases"},
        {"{\"model_type\":\"llama\"," SIZES ",\"hidden_act\":\"gelu\"}", "silu"},
        {"{\"model_type\":\"llama\"," SIZES ",\"rope_scaling\":{\"type\":\"linear\","
         "\"factor\":2}}",
         "'linear'"},
        {"{\"model_type\":\"llama\"," SIZES ",\"rope_scaling\":{\"rope_type\":\"llama3\"}}",
         "rope scaling"},
        {"{\"model_type\":\"llama\"," SIZES ",\"head_dim\":5}", "odd"},
        {"{\"model_type\":\"llama\"," SIZES ",\"rms_norm_eps\":0}", "rms_norm_eps"},
        {"{\"model_type\":\"llama\"," SIZES ",\"rms_norm_eps\":\"x\"}", "a number"},
        {"{\"model_type\":\"llama\"," SIZES ",\"rope_theta\":-1}", "rope_theta"},
        {"{\"model_type\":\"llama\"," SIZES ",\"eos_token_id\":32}", "eos_token_id"},
        {"{\"model_type\":\"llama\"," SIZES ",\"eos_token_id\":[1,\"x\"]}", "list"},
        {"{\"model_type\":\"llama\"," SIZES ",\"eos_token_id\":[1,2,3,4,5,6,7,8,9]}",
         "more than 8"},
        {"{\"model_type\":\"llama\"," SIZES ",\"partial_rotary_factor\":0.5}", "a part"},
        {"{\"model_type\":\"llama\"," SIZES ",\"quantization_config\":{}}", "quantised"},
        {"{\"model_type\":\"qwen3\"," SIZES ",\"attention_bias\":true}", "biases"},
        {"{\"model_type\":\"qwen2\"," SIZES ",\"use_sliding_window\":true,"
         "\"sliding_window\":4096,\"max_window_layers\":1}",
         "sliding"},
        {"{\"model_type\":\"qwen3\"," SIZES ",\"layer_types\":[\"full_attention\","
         "\"sliding_attention\"]}",
         "sliding"},
        {"{\"model_type\":\"llama\",\"vocab_size\":32,\"hidden_size\":16,"
         "\"intermediate_size\":24,\"num_hidden_layers\":2,\"num_attention_heads\":3,"
         "\"num_key_value_heads\":2}",
         "multiple"},
        {"{\"model_type\":\"llama\",\"vocab_size\":32,\"hidden_size\":16,"
         "\"intermediate_size\":24,\"num_hidden_layers\":9999999999}",
         "num_hidden_layers"},
        {"[]", "object"},
        {"", "'['"},
        {"{\"a\":1,\n\"b\"", "':'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_model_config c;
        masa_error why = {0};
        assert_int_not_equal(parse(&c, cases[i].json, &why), MASA_OK);
        if (!strstr(why.message, cases[i].says))
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].says, why.message);
        if (i + 1 == sizeof cases / sizeof *cases) assert_int_equal(why.line, 2);
    }
}

static void assert_same(const masa_model_config *a, const masa_model_config *b)
{
    assert_true(a->architecture == b->architecture && a->vocab_size == b->vocab_size);
    assert_true(a->hidden_size == b->hidden_size && a->n_layers == b->n_layers);
    assert_true(a->intermediate_size == b->intermediate_size && a->n_heads == b->n_heads);
    assert_true(a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim);
    assert_true(a->max_positions == b->max_positions && a->rms_norm_eps == b->rms_norm_eps);
    assert_true(a->rope_theta == b->rope_theta && a->tied_embeddings == b->tied_embeddings);
    assert_true(a->rope_scaled == b->rope_scaled && a->rope_factor == b->rope_factor);
    assert_true(a->rope_low_freq_factor == b->rope_low_freq_factor);
    assert_true(a->rope_high_freq_factor == b->rope_high_freq_factor);
    assert_true(a->rope_original_positions == b->rope_original_positions);
    assert_true(a->bos_token == b->bos_token && a->eos_token == b->eos_token);
    assert_true(a->pad_token == b->pad_token && a->n_more_eos == b->n_more_eos);
    for (size_t i = 0; i < a->n_more_eos; i++) assert_int_equal(a->more_eos[i], b->more_eos[i]);
}

static void written_descriptions_read_the_same(void **state)
{
    (void)state;
    for (masa_architecture a = 0; a < masa_architecture_count(); a++) {
        masa_model_config c = {.architecture = a,
                               .vocab_size = 32,
                               .hidden_size = 16,
                               .intermediate_size = 24,
                               .n_layers = 3,
                               .n_heads = 4,
                               .n_kv_heads = 2,
                               .head_dim = 6,
                               .max_positions = 999,
                               .rms_norm_eps = 1.1e-5f,
                               .rope_theta = 1234567.8f,
                               .tied_embeddings = a == MASA_QWEN2,
                               .bos_token = -1,
                               .eos_token = 31,
                               .pad_token = 0};
        if (a == MASA_LLAMA) {
            c.rope_scaled = true, c.rope_factor = 32, c.rope_low_freq_factor = 1;
            c.rope_high_freq_factor = 4.5f, c.rope_original_positions = 8192;
            c.n_more_eos = 2, c.more_eos[0] = 5, c.more_eos[1] = 7;
        }
        masa_text text = {0};
        masa_model_config read;
        formats_hf_config_write(&text, &c, MASA_SAVE_BF16);
        assert_ok(parse(&read, masa_text_get(&text), err));
        assert_same(&c, &read);
        /* No prefix of it is taken for the whole. */
        for (size_t n = 0; n + 2 < text.size; n++) {
            masa_error why = {0};
            char *cut = exact_copy(text.data, n);
            assert_int_equal(formats_hf_config_parse(&read, cut, n, &why), MASA_ERR_FORMAT);
            free(cut);
        }
        masa_text_clear(&text);
        formats_hf_generation_write(&text, &c);
        read.eos_token = read.pad_token = -1;
        read.n_more_eos = 0;
        assert_ok(formats_hf_generation_parse(&read, text.data, text.size, err));
        assert_same(&c, &read);
        masa_text_deinit(&text);
    }
}

static void rotary_rows_are_inverse(void **state)
{
    (void)state;
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(formats_plain_row(formats_rotary_row(i, 6), 6), i);
        assert_int_equal(formats_rotary_row(i, 6) / 6, i / 6);
    }
    assert_int_equal(formats_rotary_row(1, 6), 2);
    assert_int_equal(formats_rotary_row(3, 6), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_generations_of_rope),
        cmocka_unit_test(absent_values_are_those_of_transformers),
        cmocka_unit_test(refuses_what_it_would_compute_wrongly),
        cmocka_unit_test(written_descriptions_read_the_same),
        cmocka_unit_test(rotary_rows_are_inverse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
