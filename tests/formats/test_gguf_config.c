#include "build_gguf.h"
#include "gguf_config.h"

/* A value by its kind: text, integer or float. */
typedef struct pair {
    const char *key;
    const char *text;
    double number;
    bool real;
} pair;

static void put_pair(masa_text *t, const pair *p)
{
    put_string(t, p->key);
    put_u32(t, p->text ? MASA_GGUF_STRING : p->real ? MASA_GGUF_F32 : MASA_GGUF_I32);
    if (p->text) put_string(t, p->text);
    else if (p->real) put(t, &(float){(float)p->number}, 4);
    else put(t, &(int32_t){(int32_t)p->number}, 4);
}

static const pair base[] = {{"general.architecture", "llama", 0, false},
                            {"llama.block_count", NULL, 1, false},
                            {"llama.context_length", NULL, 64, false},
                            {"llama.embedding_length", NULL, 4, false},
                            {"llama.feed_forward_length", NULL, 6, false},
                            {"llama.attention.head_count", NULL, 2, false},
                            {"llama.attention.layer_norm_rms_epsilon", NULL, 1e-5, true}};
enum { N_BASE = sizeof base / sizeof *base };

/* The config of a file with the base metadata, where `change` replaces the pair of its
 * key (a NULL text, number 0 and real: removes it) or comes in addition. */
static masa_status read_changed(masa_model_config *out, const pair *change, bool embedding,
                                masa_error *err)
{
    masa_text entries = {0}, file = {0};
    size_t n = 0;
    bool remove = change && !change->text && change->number == 0 && change->real;
    for (size_t i = 0; i < N_BASE; i++) {
        if (change && strcmp(base[i].key, change->key) == 0) continue;
        put_pair(&entries, &base[i]);
        n++;
    }
    if (change && !remove) {
        put_pair(&entries, change);
        n++;
    }
    put(&file, "GGUF", 4);
    put_u32(&file, 3);
    put_u64(&file, 1);
    put_u64(&file, n);
    put(&file, entries.data, entries.size);
    put_tensor(&file, embedding ? "token_embd.weight" : "x", 2, 4, 8, MASA_TENSOR_F32, 0);
    while (file.size % 32) put(&file, "", 1);
    put(&file, (float[32]){0}, 128);
    masa_gguf *g = NULL;
    masa_status st = masa_gguf_open_memory(&g, file.data, file.size, err);
    if (st == MASA_OK) st = formats_gguf_config(out, g, err);
    masa_gguf_close(g);
    masa_text_deinit(&entries);
    masa_text_deinit(&file);
    return st;
}

static void fills_what_is_not_given(void **state)
{
    (void)state;
    masa_model_config c;
    masa_error err = {0};
    if (read_changed(&c, NULL, true, &err) != MASA_OK) fail_msg("%s", err.message);
    assert_true(c.vocab_size == 8 && c.n_kv_heads == 2 && c.head_dim == 2);
    assert_true(c.tied_embeddings && c.rope_theta == 10000 && !c.rope_scaled);
    assert_true(c.bos_token == -1 && c.eos_token == -1 && c.pad_token == -1);
}

static void accepts_what_changes_nothing(void **state)
{
    (void)state;
    static const pair pairs[] = {{"llama.attention.sliding_window", NULL, 64, false},
                                 {"llama.expert_count", NULL, 0, false},
                                 {"llama.attention.value_length", NULL, 2, false},
                                 {"llama.rope.dimension_count", NULL, 2, false},
                                 {"llama.rope.scaling.type", "none", 0, false},
                                 {"llama.rope.scale_linear", NULL, 1, true},
                                 {"tokenizer.ggml.padding_token_id", NULL, 8, false},
                                 {"tokenizer.ggml.bos_token_id", NULL, -1, false}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        masa_model_config c;
        masa_error err = {0};
        if (read_changed(&c, &pairs[i], true, &err) != MASA_OK)
            fail_msg("%s: %s", pairs[i].key, err.message);
        assert_true(c.pad_token == -1 && c.bos_token == -1);
    }
}

static void an_end_of_turn_ends_a_text_too(void **state)
{
    (void)state;
    masa_model_config c;
    pair turn = {"tokenizer.ggml.eot_token_id", NULL, 3, false};
    assert_int_equal(read_changed(&c, &turn, true, NULL), MASA_OK);
    assert_true(c.eos_token == 3 && c.n_more_eos == 0);
}

static void refuses_what_it_would_compute_wrongly(void **state)
{
    (void)state;
    static const struct {
        pair change;
        const char *says;
    } cases[] = {
        {{"general.architecture", "gemma", 0, false}, "llama, qwen2 or qwen3"},
        {{"general.architecture", NULL, 0, true}, "'(none)'"},
        {{"llama.block_count", NULL, 0, true}, "'llama.block_count' is missing"},
        {{"llama.block_count", NULL, 5000, false}, "number of layers is 5000"},
        {{"llama.block_count", NULL, -1, false}, "'llama.block_count' is -1"},
        {{"llama.attention.head_count", NULL, 3, false}, "odd"},
        {{"llama.attention.head_count_kv", NULL, 3, false}, "key/value heads is 3"},
        {{"llama.attention.layer_norm_rms_epsilon", NULL, 0, true}, "is missing"},
        {{"llama.attention.layer_norm_rms_epsilon", NULL, 2, true}, "rms_norm_eps is 2"},
        {{"llama.expert_count", NULL, 8, false}, "mixture of experts"},
        {{"llama.attention.sliding_window", NULL, 63, false}, "sliding-window"},
        {{"llama.attention.value_length", NULL, 4, false}, "another size than keys"},
        {{"llama.rope.dimension_count", NULL, 4, false}, "part of each head"},
        {{"llama.rope.scaling.type", "yarn", 0, false}, "rope scaling other"},
        {{"llama.rope.scale_linear", NULL, 2, true}, "linear rope scaling"},
        {{"llama.rope.freq_base", NULL, -1, true}, "rope_theta is -1"},
        {{"tokenizer.ggml.eos_token_id", NULL, 8, false}, "outside the vocabulary of 8"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_model_config c;
        masa_error err = {0};
        masa_status st = read_changed(&c, &cases[i].change, true, &err);
        if (st == MASA_OK || !strstr(err.message, cases[i].says))
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].says, err.message);
    }
    masa_error err = {0};
    assert_int_equal(read_changed(&(masa_model_config){0}, NULL, false, &err), MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "token_embd.weight"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fills_what_is_not_given),
                                       cmocka_unit_test(accepts_what_changes_nothing),
                                       cmocka_unit_test(an_end_of_turn_ends_a_text_too),
                                       cmocka_unit_test(refuses_what_it_would_compute_wrongly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
