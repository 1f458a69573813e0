/* Factors beside a frozen model against factors in an ordinary one: the same numbers, up to the
 * order of sums, and no others. */
#include "train_test.h"
#include <masa/file.h>
#include <masa/lora.h>
#include <masa/optimizer.h>
#include "lora_internal.h"
#include <unistd.h>

static char folder[] = "/tmp/masa-lora-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    masa_model *model = tiny_model(3);
    masa_status st = masa_model_save(model, folder, MASA_SAVE_F32, NULL);
    masa_model_destroy(model);
    return st != MASA_OK;
}

static int remove_folder(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static masa_model *open_model(bool frozen, masa_dtype compute)
{
    masa_model_options options = {compute, true};
    masa_model *model = NULL;
    assert_int_equal(
        (frozen ? masa_model_load_frozen : masa_model_load)(&model, folder, &options, NULL),
        MASA_OK);
    return model;
}

/* A model with factors away from B = 0, and what trains it. */
typedef struct trained {
    masa_model *model;
    masa_lora *lora;
    masa_trainer *trainer;
} trained;

static masa_lora *add_factors(masa_model *model, const char *targets, uint64_t seed)
{
    masa_lora_options options = {.rank = 3, .alpha = 6, .targets = targets, .seed = seed};
    masa_lora *lora = NULL;
    assert_int_equal(masa_lora_create(&lora, model, &options, NULL), MASA_OK);
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < masa_lora_count(lora); i++)
        masa_lora_values(lora)[i] = 0.3f * (float)masa_random_normal(&random);
    masa_lora_merge(lora);
    masa_model_refresh(model);
    return lora;
}

static trained open_trained(bool frozen, masa_dtype compute, const char *targets)
{
    trained t = {.model = open_model(frozen, compute)};
    masa_trainer_options options = {.tokens_per_pass = 80, .temperature = 1};
    t.lora = add_factors(t.model, targets, 6);
    assert_int_equal(masa_trainer_create(&t.trainer, t.model, &options, NULL), MASA_OK);
    return t;
}

static void close_trained(trained *t)
{
    masa_trainer_destroy(t->trainer);
    masa_lora_destroy(t->lora);
    masa_model_destroy(t->model);
}

static void check_gradients(masa_dtype compute, const char *targets, double tolerance)
{
    trained ordinary = open_trained(false, compute, targets);
    trained frozen = open_trained(true, compute, targets);
    size_t n = masa_lora_count(ordinary.lora);
    rollouts one, two;
    rollouts_init(&one, 7), rollouts_init(&two, 7);
    assert_int_equal(
        masa_trainer_accumulate(ordinary.trainer, one.sequences, ROLLOUTS, NULL, NULL, NULL),
        MASA_OK);
    assert_int_equal(
        masa_trainer_accumulate(frozen.trainer, two.sequences, ROLLOUTS, NULL, NULL, NULL),
        MASA_OK);
    for (int i = 0; i < ROLLOUTS; i++)
        assert_close(two.sequences[i].logprobs, one.sequences[i].logprobs,
                     one.sequences[i].response_size, tolerance);
    masa_lora_project(ordinary.lora);
    masa_lora_project(frozen.lora);
    assert_close(masa_lora_grads(frozen.lora), masa_lora_grads(ordinary.lora), n, tolerance);
    masa_lora_clear(frozen.lora);
    masa_lora_project(frozen.lora);
    for (size_t i = 0; i < n; i++) assert_true(masa_lora_grads(frozen.lora)[i] == 0);
    close_trained(&ordinary);
    close_trained(&frozen);
}

static void have_the_gradients_of_merged_ones(void **state)
{
    (void)state;
    check_gradients(MASA_F32, "all-linear", 2e-5);
    check_gradients(MASA_F32, "q_proj,v_proj,up_proj", 2e-5);
    check_gradients(MASA_F32, "down_proj", 2e-5);
    check_gradients(MASA_BF16, "all-linear", 0.12);
}

/* The optimiser steps the factors of both kinds alike. */
static void learn_what_merged_ones_do(void **state)
{
    (void)state;
    trained t[2] = {open_trained(false, MASA_F32, "all-linear"),
                    open_trained(true, MASA_F32, "all-linear")};
    masa_optimizer_options options = {
        .lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-4, .grad_clip = 1};
    rollouts r;
    for (int k = 0; k < 2; k++) {
        masa_optimizer *optimizer = NULL;
        assert_int_equal(
            masa_optimizer_create(&optimizer, t[k].model, t[k].lora, &options, NULL), MASA_OK);
        for (int step = 0; step < 4; step++) {
            rollouts_init(&r, 9);
            assert_int_equal(
                masa_trainer_accumulate(t[k].trainer, r.sequences, ROLLOUTS, NULL, NULL, NULL),
                MASA_OK);
            assert_int_equal(masa_optimizer_step(optimizer, 1, NULL, NULL), MASA_OK);
        }
        masa_optimizer_destroy(optimizer);
    }
    assert_close(masa_lora_values(t[1].lora), masa_lora_values(t[0].lora),
                 masa_lora_count(t[0].lora), 1e-3);
    close_trained(&t[0]);
    close_trained(&t[1]);
}

/* Those of predictions come on top of the policy's for a while: then only they have a gradient,
 * and when they are gone the numbers are as before, to the bit. */
static void lie_on_top_of_others_for_a_while(void **state)
{
    (void)state;
    trained t = open_trained(true, MASA_F32, "all-linear");
    rollouts before, during, after;
    rollouts_init(&before, 7), rollouts_init(&during, 7), rollouts_init(&after, 7);
    assert_int_equal(masa_trainer_logprobs(t.trainer, before.sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    masa_lora *above = add_factors(t.model, "q_proj,o_proj", 8);
    masa_lora_attach(above); /* as it is */
    assert_int_equal(
        masa_trainer_accumulate(t.trainer, during.sequences, ROLLOUTS, NULL, NULL, NULL),
        MASA_OK);
    masa_lora_project(above);
    masa_lora_project(t.lora);
    float *grads = masa_lora_grads(t.lora), sum = 0;
    for (size_t k = 0; k < t.lora->n_factors; k++) {
        const lora_factor *f = &t.lora->factors[k];
        const char *name = f->parameter->name;
        size_t end = f->b + f->parameter->rows * 3;
        bool covered = strstr(name, "q_proj") || strstr(name, "k_proj") ||
                       strstr(name, "v_proj") || strstr(name, "o_proj");
        for (size_t i = f->a; covered && i < end; i++) assert_true(grads[i] == 0);
    }
    for (size_t i = 0; i < masa_lora_count(above); i++) sum += fabsf(masa_lora_grads(above)[i]);
    assert_true(sum > 0);
    masa_lora_detach(above);
    assert_int_equal(masa_trainer_logprobs(t.trainer, after.sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    bool same = true;
    for (int i = 0; i < ROLLOUTS; i++) {
        size_t bytes = before.sequences[i].response_size * sizeof(float);
        assert_memory_equal(before.logprobs[i], after.logprobs[i], bytes);
        same = same && memcmp(before.logprobs[i], during.logprobs[i], bytes) == 0;
    }
    assert_false(same);
    masa_lora_destroy(above);
    close_trained(&t);
}

/* What a checkpoint of merged weights is made of. */
static void are_added_to_weights_on_the_host(void **state)
{
    (void)state;
    trained t[2] = {open_trained(false, MASA_F32, "v_proj,down_proj"),
                    open_trained(true, MASA_F32, "v_proj,down_proj")};
    masa_model *plain = open_model(false, MASA_F32);
    size_t n;
    const masa_parameter *p = masa_model_parameters(plain, &n);
    for (size_t i = 0; i < n; i++) {
        float *w = masa_model_values(plain) + p[i].offset;
        size_t count = p[i].rows * p[i].cols;
        assert_int_equal(masa_lora_add(t[1].lora, p[i].name, w, NULL), MASA_OK);
        assert_memory_equal(w, masa_model_values(t[0].model) + p[i].offset, count * sizeof *w);
    }
    masa_model_destroy(plain);
    close_trained(&t[0]);
    close_trained(&t[1]);
}

static void are_read_back(void **state)
{
    (void)state;
    trained t = open_trained(true, MASA_F32, "all-linear");
    char place[80];
    rollouts one, two;
    rollouts_init(&one, 7), rollouts_init(&two, 7);
    snprintf(place, sizeof place, "%s/adapter", folder);
    assert_int_equal(masa_folder_create(place, NULL), MASA_OK);
    assert_int_equal(masa_lora_save(t.lora, place, folder, NULL), MASA_OK);
    assert_int_equal(masa_trainer_logprobs(t.trainer, one.sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    memset(masa_lora_values(t.lora), 0, masa_lora_count(t.lora) * sizeof(float));
    masa_lora_merge(t.lora);
    assert_int_equal(masa_lora_load(t.lora, place, NULL), MASA_OK);
    assert_int_equal(masa_trainer_logprobs(t.trainer, two.sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    assert_memory_equal(one.logprobs, two.logprobs, sizeof one.logprobs);
    masa_lora_values(t.lora)[5] = INFINITY;
    assert_int_equal(masa_lora_save(t.lora, place, folder, NULL), MASA_OK);
    assert_int_equal(masa_lora_load(t.lora, place, NULL), MASA_ERR_NUMERIC);
    close_trained(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(have_the_gradients_of_merged_ones),
        cmocka_unit_test(learn_what_merged_ones_do),
        cmocka_unit_test(lie_on_top_of_others_for_a_while),
        cmocka_unit_test(are_added_to_weights_on_the_host),
        cmocka_unit_test(are_read_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
