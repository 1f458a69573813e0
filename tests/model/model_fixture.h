/* Tiny random models and packed batches for the tests of the model part. */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "masa_test.h"
#include <masa/decode.h>
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/pass.h>
#include <masa/random.h>

#include "architecture_rows.h"

/* A newcomer: Llama with biases, by a row more in the table that every program here is linked
 * with, instead of the library's. All that loops over architectures tests it too. */
enum { FIXTURE_VOCAB = 80, FIXTURE_ARCHITECTURES = MASA_QWEN3 + 2 };
#define FIXTURE_NEWCOMER ((masa_architecture)(MASA_QWEN3 + 1))

const masa_traits formats_architectures[] = {FORMATS_ARCHITECTURES,
                                             {.name = "newcomer",
                                              .class_name = "NewcomerForCausalLM",
                                              .own_member = "\"mlp_bias\": false",
                                              .interleaved = true,
                                              .attention_bias = true,
                                              .positions = 2048,
                                              .rms_norm_eps = 1e-5f}};
const size_t formats_n_architectures = FIXTURE_ARCHITECTURES;

/* One config of each architecture; Llama is tied and scaled, Qwen3's heads are
 * wider than hidden/heads. */
static inline masa_model_config fixture_config(masa_architecture architecture)
{
    masa_model_config c = {.architecture = architecture,
                           .vocab_size = FIXTURE_VOCAB,
                           .hidden_size = 48,
                           .intermediate_size = 72,
                           .n_layers = 3,
                           .n_heads = 4,
                           .n_kv_heads = 2,
                           .head_dim = architecture == MASA_QWEN3 ? 32 : 12,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = architecture == MASA_LLAMA,
                           .rope_scaled = architecture == MASA_LLAMA,
                           .rope_factor = 8,
                           .rope_low_freq_factor = 1,
                           .rope_high_freq_factor = 4,
                           .rope_original_positions = 64,
                           .bos_token = 1,
                           .eos_token = 2,
                           .pad_token = -1};
    return c;
}

/* A model whose weights are large enough that nothing in it is nearly linear. */
static inline masa_model *fixture_model(masa_architecture architecture, masa_dtype compute,
                                        bool trainable)
{
    masa_model_config c = fixture_config(architecture);
    masa_model_options options = {compute, trainable};
    masa_model *model = NULL;
    assert_int_equal(masa_model_create(&model, &c, &options, 11, NULL), MASA_OK);
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++) {
        float *w = masa_model_values(model) + p[i].offset;
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++)
            if (p[i].vector) w[j] += 0.3f * (float)masa_random_normal(&random);
            else w[j] *= 50.0f / sqrtf((float)p[i].cols) * (i == 0 ? 4.0f : 1.0f);
    }
    masa_model_refresh(model);
    return model;
}

/* A batch with the storage of its arrays. */
typedef struct fixture_batch {
    masa_batch batch;
    int32_t tokens[512], positions[512], rows[512], targets[512];
    masa_segment segments[32];
    size_t n_tokens, n_segments, n_targets;
} fixture_batch;

/* Adds a sequence of n tokens; with a parent it goes on where the parent ends.
 * Every next token inside the segment is a target; a child's first token is a
 * target of the parent's last row. Returns the segment's index. */
static inline int32_t fixture_add(fixture_batch *b, const int32_t *tokens, size_t n,
                                  int32_t parent)
{
    int32_t start = (int32_t)b->n_tokens, from = 0, before = -1;
    if (parent >= 0) {
        from = b->segments[parent].length;
        before = b->segments[parent].start + from - 1;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t row = start + (int32_t)i;
        b->tokens[row] = tokens[i];
        b->positions[row] = from + (int32_t)i;
        int32_t previous = i > 0 ? row - 1 : before;
        if (previous >= 0) {
            b->rows[b->n_targets] = previous;
            b->targets[b->n_targets++] = tokens[i];
        }
    }
    b->n_tokens += n;
    b->segments[b->n_segments] = (masa_segment){start, (int32_t)n, parent};
    return (int32_t)b->n_segments++;
}

static inline const masa_batch *fixture_finish(fixture_batch *b)
{
    b->batch = (masa_batch){.n_tokens = b->n_tokens,
                            .n_segments = b->n_segments,
                            .n_targets = b->n_targets,
                            .tokens = b->tokens,
                            .positions = b->positions,
                            .segments = b->segments,
                            .target_rows = b->rows,
                            .target_tokens = b->targets,
                            .temperature = 0.8f};
    return &b->batch;
}

/* n tokens that depend on the seed alone. */
static inline void fixture_tokens(int32_t *tokens, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)masa_random_below(&random, FIXTURE_VOCAB);
}

/* Weights of the targets' log-probabilities; some are zero. */
static inline void fixture_weights(float *weights, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++)
        weights[i] = i % 7 == 3 ? 0.0f : (float)masa_random_normal(&random);
}

/* Forward, log-probabilities and, with dlogprob, backward from zeroed gradients. */
static inline void fixture_run(masa_model *model, const masa_batch *batch, bool recompute,
                               float *logprobs, const float *dlogprob)
{
    masa_pass *pass = NULL;
    assert_int_equal(
        masa_pass_create(&pass, model, batch->n_tokens, batch->n_targets, recompute, NULL),
        MASA_OK);
    masa_pass_forward(pass, batch);
    masa_pass_logprobs(pass, logprobs, NULL);
    if (dlogprob) {
        float *grads = masa_model_grads(model); /* a frozen one has none */
        if (grads) memset(grads, 0, masa_model_parameter_count(model) * sizeof *grads);
        masa_pass_backward(pass, dlogprob);
    }
    masa_pass_destroy(pass);
}

static inline float *fixture_copy_grads(masa_model *model)
{
    size_t n = masa_model_parameter_count(model);
    float *copy = masa_alloc(n, sizeof *copy);
    memcpy(copy, masa_model_grads(model), n * sizeof *copy);
    return copy;
}

/* Largest |a-b| over the largest |b|. */
static inline double fixture_difference(const float *a, const float *b, size_t n)
{
    double worst = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = d; /* keeps a NaN */
        scale = fmax(scale, fabs((double)b[i]));
    }
    return worst / fmax(scale, 1e-30);
}

/* |a-b| over |b|, both as Euclidean norms. */
static inline double fixture_distance(const float *a, const float *b, size_t n)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        norm += pow((double)b[i], 2);
    }
    return sqrt(difference / fmax(norm, 1e-60));
}

/* Every parameter's gradients agree within tolerance of its largest. */
static inline void fixture_assert_grads(const masa_model *model, const float *a, const float *b,
                                        double tolerance)
{
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    for (size_t i = 0; i < n; i++) {
        double d = fixture_difference(a + p[i].offset, b + p[i].offset, p[i].rows * p[i].cols);
        if (!(d <= tolerance)) print_error("gradient of %s: ", p[i].name);
        assert_near(d, 0, tolerance);
    }
}

#endif
