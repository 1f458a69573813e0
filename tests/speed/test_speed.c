/* Speed through the library: what is reported as it is measured, and what is left out. */
#include "tiny_llama.h"

#include <masa/speed.h>

typedef struct seen {
    size_t peaks, rows[MASA_SPEED_SECTIONS], costs;
    masa_speed_row last;
} seen;

static void see_peaks(void *context, const masa_speed_peaks *peaks)
{
    assert_true(peaks->gemm_f32 > 0 && peaks->bandwidth > 0);
    ((seen *)context)->peaks++;
}

static void see_row(void *context, const masa_speed_row *row)
{
    seen *s = context;
    assert_true(row->seconds > 0);
    assert_true(row->peak > 0);
    s->rows[row->section]++;
    s->last = *row;
}

static void see_cost(void *context, const masa_speed_cost *cost)
{
    assert_true(cost->seconds > 0 && cost->attention > 0);
    ((seen *)context)->costs++;
}

static void measure(seen *s, const masa_speed_options *o, bool trainable)
{
    *s = (seen){0};
    masa_model *model = tiny_llama(MASA_F32, 12);
    masa_error err = {0};
    masa_speed_report report = {see_peaks, see_row, see_cost, s};
    if (trainable) {
        masa_model_destroy(model);
        char folder[] = "/tmp/masa-speed-XXXXXX";
        assert_non_null(mkdtemp(folder));
        tiny_llama_save(folder, 12);
        masa_model_options options = {MASA_F32, true};
        assert_int_equal(masa_model_load(&model, folder, &options, NULL), MASA_OK);
        assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    }
    if (masa_speed_measure(model, o, &report, &err)) fail_msg("%s", err.message);
    masa_model_destroy(model);
}

static void rows_are_reported_as_asked_for(void **state)
{
    (void)state;
    seen s;
    masa_speed_options decode = {.sections = 1u << MASA_SPEED_DECODE,
                                 .batches = {2, 3, 5},
                                 .n_batches = 3,
                                 .new_tokens = 8};
    assert_false(masa_speed_trains(decode.sections));
    measure(&s, &decode, false);
    assert_int_equal(s.peaks, 0);
    assert_int_equal(s.rows[MASA_SPEED_DECODE], 3);
    assert_true(s.last.share == 0); /* the peaks were not asked for */
    assert_true(s.last.planned > 0);

    decode.sections |= 1u << MASA_SPEED_PEAKS | 1u << MASA_SPEED_PREFILL;
    measure(&s, &decode, false);
    assert_int_equal(s.peaks, 1);
    assert_int_equal(s.rows[MASA_SPEED_PREFILL], 0); /* 512 tokens are more than the model's */
    assert_true(s.last.share > 0);
}

static void training_is_measured_too(void **state)
{
    (void)state;
    seen s;
    masa_speed_options o = {.sections = 1u << MASA_SPEED_TRAIN | 1u << MASA_SPEED_STEP |
                                        1u << MASA_SPEED_CURVE,
                            .passes = {{2, 16}},
                            .n_passes = 1,
                            .contexts = {32, 4096},
                            .n_contexts = 2,
                            .new_tokens = 8,
                            .prompts = 2,
                            .group = 2,
                            .kept_memory = 1};
    assert_true(masa_speed_trains(o.sections));
    measure(&s, &o, true);
    assert_int_equal(s.rows[MASA_SPEED_TRAIN], 2); /* the pass, and the optimiser */
    assert_int_equal(s.rows[MASA_SPEED_STEP], 4);
    assert_int_equal(s.costs, 2); /* both ways, of the one context that fits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_reported_as_asked_for),
        cmocka_unit_test(training_is_measured_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
