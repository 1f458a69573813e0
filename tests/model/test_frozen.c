/* Models whose weights stay as they are: they compute what the ordinary ones do, in less memory. */
#include "model_fixture.h"
#include <masa/file.h>
#include <unistd.h>

static char folder[] = "/tmp/masa-frozen-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static void load_both(masa_model **plain, masa_model **frozen, masa_architecture architecture,
                      masa_dtype compute)
{
    masa_model_options options = {compute, true};
    masa_model *source = fixture_model(architecture, MASA_F32, false);
    assert_int_equal(masa_model_save(source, folder, MASA_SAVE_BF16, NULL), MASA_OK);
    masa_model_destroy(source);
    assert_int_equal(masa_model_load(plain, folder, &options, NULL), MASA_OK);
    assert_int_equal(masa_model_load_frozen(frozen, folder, &options, NULL), MASA_OK);
}

/* The weights were bf16 before: nothing is rounded that was not. */
static void check(masa_architecture architecture, masa_dtype compute)
{
    masa_model *plain, *frozen;
    fixture_batch b = {0};
    int32_t tokens[40];
    float one[64], two[64], weights[64];
    load_both(&plain, &frozen, architecture, compute);
    fixture_tokens(tokens, 40, 3);
    fixture_add(&b, tokens + 20, 20, fixture_add(&b, tokens, 20, -1));
    const masa_batch *batch = fixture_finish(&b);
    fixture_weights(weights, b.n_targets, 4);
    fixture_run(plain, batch, true, one, weights);
    fixture_run(frozen, batch, true, two, weights); /* gradients go through to nowhere */
    assert_memory_equal(one, two, b.n_targets * sizeof *one);
    assert_true(masa_model_is_frozen(frozen) && !masa_model_is_frozen(plain));
    assert_null(masa_model_values(frozen));
    assert_null(masa_model_grads(frozen));
    assert_true(masa_model_fingerprint(frozen) == masa_model_fingerprint(plain));
    assert_true(masa_model_is_finite(frozen));
    masa_model_destroy(plain);
    masa_model_destroy(frozen);
}

static void computes_what_the_ordinary_one_does(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        check((masa_architecture)a, MASA_F32);
        check((masa_architecture)a, MASA_BF16);
    }
}

static void takes_what_is_planned(void **state)
{
    (void)state;
    masa_model *plain, *frozen;
    masa_model_options options = {MASA_F32, true};
    load_both(&plain, &frozen, MASA_QWEN2, MASA_F32);
    const masa_model_config *c = masa_model_get_config(frozen);
    size_t planned = masa_model_frozen_bytes_needed(c, &options);
    assert_true(masa_model_bytes(frozen) < masa_model_bytes(plain));
    assert_true(planned < masa_model_bytes_needed(c, &options));
    /* Packed weights have what their layout adds. */
    assert_true(masa_model_bytes(frozen) >= planned);
    assert_true(masa_model_bytes(frozen) - planned ==
                masa_model_bytes(plain) - masa_model_bytes_needed(c, &options));
    masa_model_destroy(plain);
    masa_model_destroy(frozen);
}

static void says_that_weights_are_no_numbers(void **state)
{
    (void)state;
    masa_model_options options = {MASA_F32, false};
    masa_model *source = fixture_model(MASA_LLAMA, MASA_F32, false), *frozen = NULL;
    masa_model_values(source)[5000] = NAN;
    assert_false(masa_model_is_finite(source));
    assert_int_equal(masa_model_save(source, folder, MASA_SAVE_F32, NULL), MASA_OK);
    masa_model_destroy(source);
    assert_int_equal(masa_model_load_frozen(&frozen, folder, &options, NULL), MASA_OK);
    assert_false(masa_model_is_finite(frozen));
    masa_model_destroy(frozen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_what_the_ordinary_one_does),
        cmocka_unit_test(takes_what_is_planned),
        cmocka_unit_test(says_that_weights_are_no_numbers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
