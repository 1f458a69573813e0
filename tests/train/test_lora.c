#include "train_test.h"
#include <jansson.h>
#include <unistd.h>
#include <masa/file.h>
#include <masa/lora.h>
#include <masa/optimizer.h>
#include <masa/safetensors.h>
#include "lora_internal.h"

static masa_lora *make_lora(masa_model *model, size_t rank, const char *targets)
{
    masa_lora_options options = {.rank = rank, .alpha = 6, .targets = targets, .seed = 3};
    masa_lora *lora = NULL;
    assert_int_equal(masa_lora_create(&lora, model, &options, NULL), MASA_OK);
    return lora;
}

/* Away from B = 0, where A has no gradient. */
static void randomise(masa_lora *lora, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < masa_lora_count(lora); i++)
        masa_lora_values(lora)[i] = 0.3f * (float)masa_random_normal(&random);
}

static void starts_as_the_model_is(void **state)
{
    (void)state;
    masa_model *model = tiny_model(1);
    size_t count = masa_model_parameter_count(model);
    float *before = masa_alloc(count, sizeof *before);
    memcpy(before, masa_model_values(model), count * sizeof *before);
    masa_lora *lora = make_lora(model, 2, "all-linear");
    masa_lora_merge(lora);
    for (size_t i = 0; i < count; i++) assert_true(masa_model_values(model)[i] == before[i]);
    /* A: uniform in +-1/sqrt(in), which has variance 1/(3 in); B: 0. */
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        double bound = 1 / sqrt((double)f->parameter->cols), square = 0;
        for (size_t i = f->a; i < f->b; i++) {
            assert_true(fabsf(lora->values[i]) <= (float)bound);
            square += lora->values[i] * lora->values[i];
        }
        assert_near(square / (double)(f->b - f->a), bound * bound / 3, bound * bound / 6);
        for (size_t i = 0; i < f->parameter->rows * 2; i++)
            assert_true(lora->values[f->b + i] == 0);
    }
    free(before);
    masa_lora_destroy(lora);
    masa_model_destroy(model);
}

static void targets_are_found_by_name(void **state)
{
    (void)state;
    masa_model *model = tiny_model(1);
    /* Of 2 layers with q [16, 16], k and v [8, 16], o [16, 16], gate and up [24, 16] and
     * down [16, 24]: rank * (rows + cols) each. */
    const struct {
        const char *targets;
        size_t count;
    } cases[] = {{"q_proj", 2 * 3 * 32},
                 {"q_proj,v_proj", 2 * 3 * (32 + 24)},
                 {" v_proj, q_proj", 2 * 3 * (32 + 24)},
                 {"down_proj,q_proj,q_proj", 2 * 3 * (40 + 32)},
                 {"all-linear", 2 * 3 * (32 + 24 + 24 + 32 + 40 + 40 + 40)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_lora *lora = make_lora(model, 3, cases[i].targets);
        assert_int_equal(masa_lora_count(lora), cases[i].count);
        masa_lora_destroy(lora);
    }
    const char *const wrong[] = {
        "", ",", "q_proj,v_porj", "q", "input_layernorm", "embed_tokens", "all_linear"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        masa_lora_options options = {.rank = 1, .alpha = 1, .targets = wrong[i]};
        masa_lora *lora = NULL;
        masa_error err = {0};
        assert_int_equal(masa_lora_create(&lora, model, &options, &err), MASA_ERR_CONFIG);
        assert_null(lora);
        assert_non_null(strstr(err.message, "lora.targets"));
    }
    masa_model_destroy(model);
}

static void merge_adds_the_product(void **state)
{
    (void)state;
    masa_model *model = tiny_model(2);
    size_t count = masa_model_parameter_count(model), r = 4;
    double *want = calloc(count, sizeof *want);
    for (size_t i = 0; i < count; i++) want[i] = masa_model_values(model)[i];
    masa_lora *lora = make_lora(model, r, "v_proj,o_proj,down_proj");
    randomise(lora, 5);
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const masa_parameter *p = f->parameter;
        for (size_t i = 0; i < p->rows * p->cols; i++)
            for (size_t j = 0; j < r; j++)
                want[p->offset + i] += 6.0 / (double)r *
                                       lora->values[f->b + i / p->cols * r + j] *
                                       lora->values[f->a + j * p->cols + i % p->cols];
    }
    /* Twice: always from the base weights. */
    masa_lora_merge(lora);
    masa_lora_merge(lora);
    for (size_t i = 0; i < count; i++)
        assert_near(masa_model_values(model)[i], want[i], 1e-6 * fmax(1, fabs(want[i])));
    free(want);
    masa_lora_destroy(lora);
    masa_model_destroy(model);
}

/* The weights that were there when it was attached, to the bit. */
static void detach_gives_the_weights_back(void **state)
{
    (void)state;
    masa_model *model = tiny_model(2);
    size_t count = masa_model_parameter_count(model);
    masa_lora *lora = make_lora(model, 4, "all-linear");
    float *values = masa_model_values(model), *kept = masa_alloc(count, sizeof *kept);
    randomise(lora, 5);
    for (size_t i = 0; i < count; i++)
        kept[i] = values[i] *= 1.1f; /* others than at its start */
    masa_lora_attach(lora);
    assert_memory_not_equal(values, kept, count * sizeof *kept);
    masa_lora_merge(lora); /* as an update does */
    masa_lora_detach(lora);
    assert_memory_equal(values, kept, count * sizeof *kept);
    free(kept);
    masa_lora_destroy(lora);
    masa_model_destroy(model);
}

/* The slope of the supervised loss in the factors' own values. */
static void gradients_match_differences(void **state)
{
    (void)state;
    masa_model *model = tiny_model(3);
    masa_trainer *trainer = make_trainer(model, 80);
    masa_lora *lora = make_lora(model, 3, "all-linear");
    size_t count = masa_lora_count(lora);
    randomise(lora, 6);
    masa_lora_merge(lora);
    masa_model_refresh(model);
    rollouts r;
    rollouts_init(&r, 7);
    assert_int_equal(masa_trainer_accumulate(trainer, r.sequences, ROLLOUTS, NULL, NULL, NULL),
                     MASA_OK);
    masa_lora_project(lora);
    float *values = masa_lora_values(lora), *kept = masa_alloc(2 * count, sizeof *kept);
    float *direction = kept + count;
    memcpy(kept, values, count * sizeof *kept);
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    for (size_t k = 0; k < 2 * lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k / 2];
        size_t at = k % 2 ? f->b : f->a;
        size_t size = 3 * (k % 2 ? f->parameter->rows : f->parameter->cols);
        double norm, loss[2];
        double slope =
            make_direction(direction, masa_lora_grads(lora) + at, size, &random, &norm);
        float h = (float)(5e-3 / norm);
        for (int side = 0; side < 2; side++) {
            move(values + at, kept + at, direction, size, side ? -h : h);
            masa_lora_merge(lora);
            masa_model_refresh(model);
            loss[side] = loss_now(trainer, &r, NULL);
        }
        memcpy(values + at, kept + at, size * sizeof *values);
        assert_near((loss[0] - loss[1]) / (2 * (double)h), slope,
                    5e-3 * fabs(slope) + 2e-7 / (double)h);
    }
    free(kept);
    masa_lora_destroy(lora);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

static void a_step_changes_the_targets_only(void **state)
{
    (void)state;
    masa_model *model = tiny_model(4);
    masa_trainer *trainer = make_trainer(model, 80);
    masa_lora *lora = make_lora(model, 2, "k_proj,up_proj");
    masa_optimizer *optimizer = NULL;
    masa_optimizer_options options = {
        .lr = 0.02, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .grad_clip = 1};
    assert_int_equal(masa_optimizer_create(&optimizer, model, lora, &options, NULL), MASA_OK);
    assert_int_equal(masa_optimizer_count(optimizer), masa_lora_count(lora));
    rollouts r;
    rollouts_init(&r, 9);
    double first = loss_now(trainer, &r, NULL);
    for (int step = 0; step < 5; step++) {
        assert_int_equal(
            masa_trainer_accumulate(trainer, r.sequences, ROLLOUTS, NULL, NULL, NULL), MASA_OK);
        assert_int_equal(masa_optimizer_step(optimizer, 1, NULL, NULL), MASA_OK);
    }
    assert_true(loss_now(trainer, &r, NULL) < first - 0.02);
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    for (size_t i = 0; i < n; i++) {
        bool target = strstr(p[i].name, "k_proj.weight") || strstr(p[i].name, "up_proj.weight");
        size_t bytes = p[i].rows * p[i].cols * sizeof(float);
        int differs =
            memcmp(masa_model_values(model) + p[i].offset, lora->base + p[i].offset, bytes);
        assert_int_equal(differs != 0, target);
    }
    masa_optimizer_destroy(optimizer);
    masa_lora_destroy(lora);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

/* Where tools/check_lora.py wants the files, or a temporary folder. */
static char *open_folder(void)
{
    char template[] = "/tmp/masa-lora-XXXXXX";
    const char *keep = getenv("MASA_KEEP_ADAPTER");
    char *folder = strdup(keep ? keep : mkdtemp(template));
    for (const char *const *name = (const char *const[]){"base", "merged", "adapter", NULL};
         *name; name++) {
        char *path = masa_path_join(folder, *name);
        assert_int_equal(masa_folder_create(path, NULL), MASA_OK);
        free(path);
    }
    return folder;
}

static void close_folder(char *folder)
{
    if (!getenv("MASA_KEEP_ADAPTER"))
        assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(folder);
}

static void assert_tensor(const masa_safetensors *file, const char *name, size_t rows,
                          size_t cols, const float *values)
{
    const masa_safetensors_tensor *t = masa_safetensors_find(file, name);
    assert_non_null(t);
    assert_int_equal(t->type, MASA_TENSOR_F32);
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->dims[0], rows);
    assert_int_equal(t->dims[1], cols);
    assert_memory_equal(t->data, values, rows * cols * sizeof *values);
}

static void check_files(const masa_lora *lora, const char *adapter, const char *base)
{
    char *path = masa_path_join(adapter, "adapter_model.safetensors");
    masa_safetensors *file = NULL;
    assert_int_equal(masa_safetensors_open(&file, path, NULL), MASA_OK);
    free(path);
    assert_int_equal(masa_safetensors_count(file), 2 * 2 * 2);
    for (size_t k = 0; k < 4; k++) {
        const lora_factor *f = &lora->factors[k];
        char name[128];
        const char *module = k % 2 ? "mlp.down_proj" : "self_attn.q_proj";
        snprintf(name, sizeof name, "base_model.model.model.layers.%zu.%s.lora_A.weight", k / 2,
                 module);
        assert_tensor(file, name, 2, k % 2 ? 24 : 16, lora->values + f->a);
        snprintf(name, sizeof name, "base_model.model.model.layers.%zu.%s.lora_B.weight", k / 2,
                 module);
        assert_tensor(file, name, 16, 2, lora->values + f->b);
    }
    masa_safetensors_close(file);
    path = masa_path_join(adapter, "adapter_config.json");
    json_t *config = json_load_file(path, 0, NULL);
    free(path);
    assert_non_null(config);
    assert_string_equal(json_string_value(json_object_get(config, "peft_type")), "LORA");
    assert_string_equal(json_string_value(json_object_get(config, "base_model_name_or_path")),
                        base);
    assert_int_equal(json_integer_value(json_object_get(config, "r")), 2);
    assert_near(json_number_value(json_object_get(config, "lora_alpha")), 6, 0);
    json_t *modules = json_object_get(config, "target_modules");
    assert_int_equal(json_array_size(modules), 2);
    assert_string_equal(json_string_value(json_array_get(modules, 0)), "q_proj");
    assert_string_equal(json_string_value(json_array_get(modules, 1)), "down_proj");
    json_decref(config);
}

static void is_saved_as_peft_has_it(void **state)
{
    (void)state;
    masa_model *model = tiny_model(5);
    char *folder = open_folder(), *base = masa_path_join(folder, "base");
    char *adapter = masa_path_join(folder, "adapter"),
         *merged = masa_path_join(folder, "merged");
    assert_int_equal(masa_model_save(model, base, MASA_SAVE_F32, NULL), MASA_OK);
    masa_lora *lora = make_lora(model, 2, "q_proj,down_proj");
    randomise(lora, 10);
    masa_lora_merge(lora);
    assert_int_equal(masa_lora_save(lora, adapter, base, NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, merged, MASA_SAVE_F32, NULL), MASA_OK);
    check_files(lora, adapter, base);
    masa_error err = {0};
    char *missing = masa_path_join(folder, "missing");
    assert_int_equal(masa_lora_save(lora, missing, base, &err), MASA_ERR_IO);
    free(missing);
    masa_lora_destroy(lora);
    close_folder(folder);
    free(base), free(adapter), free(merged);
    masa_model_destroy(model);
}

static void is_read_back(void **state)
{
    (void)state;
    masa_model *model = tiny_model(5), *again = tiny_model(5);
    char *folder = open_folder(), *adapter = masa_path_join(folder, "adapter");
    masa_lora *lora = make_lora(model, 2, "q_proj,down_proj");
    randomise(lora, 11);
    masa_lora_merge(lora);
    assert_int_equal(masa_lora_save(lora, adapter, "base", NULL), MASA_OK);
    masa_lora *other = make_lora(again, 2, "q_proj,down_proj");
    assert_int_equal(masa_lora_load(other, adapter, NULL), MASA_OK);
    assert_memory_equal(lora->values, other->values, lora->count * sizeof(float));
    assert_memory_equal(masa_model_values(model), masa_model_values(again),
                        masa_model_parameter_count(model) * sizeof(float));
    masa_lora_destroy(other);
    /* The folder itself says what it is. */
    masa_model *third = tiny_model(5);
    assert_int_equal(masa_lora_open(&other, third, adapter, NULL), MASA_OK);
    assert_memory_equal(masa_model_values(model), masa_model_values(third),
                        masa_model_parameter_count(model) * sizeof(float));
    masa_lora_destroy(other);
    masa_model_destroy(third);
    const struct {
        size_t rank;
        const char *targets;
    } wrong[] = {{3, "q_proj"}, {2, "q_proj,v_proj"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        masa_error err = {0};
        other = make_lora(again, wrong[i].rank, wrong[i].targets);
        assert_int_equal(masa_lora_load(other, adapter, &err), MASA_ERR_FORMAT);
        assert_non_null(strstr(err.path, "adapter_model.safetensors"));
        masa_lora_destroy(other);
    }
    /* What is not finite is refused, and the model keeps its weights. */
    size_t bytes = masa_model_parameter_count(again) * sizeof(float);
    float *kept = masa_alloc(1, bytes);
    memcpy(kept, masa_model_values(again), bytes);
    lora->values[lora->factors[0].a] = NAN;
    assert_int_equal(masa_lora_save(lora, adapter, "base", NULL), MASA_OK);
    other = make_lora(again, 2, "q_proj,down_proj");
    assert_int_equal(masa_lora_load(other, adapter, NULL), MASA_ERR_NUMERIC);
    assert_memory_equal(masa_model_values(again), kept, bytes);
    free(kept);
    masa_lora_destroy(other);
    masa_lora_destroy(lora);
    close_folder(folder);
    free(adapter);
    masa_model_destroy(model), masa_model_destroy(again);
}

int main(void)
{
    /* The checking script wants one model and its adapter, as they were saved. */
    const struct CMUnitTest saving[] = {cmocka_unit_test(is_saved_as_peft_has_it)};
    const struct CMUnitTest tests[] = {cmocka_unit_test(starts_as_the_model_is),
                                       cmocka_unit_test(targets_are_found_by_name),
                                       cmocka_unit_test(merge_adds_the_product),
                                       cmocka_unit_test(detach_gives_the_weights_back),
                                       cmocka_unit_test(gradients_match_differences),
                                       cmocka_unit_test(a_step_changes_the_targets_only),
                                       cmocka_unit_test(is_saved_as_peft_has_it),
                                       cmocka_unit_test(is_read_back)};
    if (getenv("MASA_KEEP_ADAPTER")) return cmocka_run_group_tests(saving, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
