/* A tiny model and random rollouts for the tests of the train part. */
#ifndef TRAIN_TEST_H
#define TRAIN_TEST_H

#include "masa_test.h"
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/random.h>
#include <masa/trainer.h>

enum { TINY_VOCAB = 40 };

/* Weights large enough that nothing in it is nearly linear. */
static inline masa_model *tiny_model(uint64_t seed)
{
    masa_model_config c = {.architecture = MASA_QWEN2,
                           .vocab_size = TINY_VOCAB,
                           .hidden_size = 16,
                           .intermediate_size = 24,
                           .n_layers = 2,
                           .n_heads = 2,
                           .n_kv_heads = 1,
                           .head_dim = 8,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = true,
                           .bos_token = 1,
                           .eos_token = 2,
                           .pad_token = -1};
    masa_model_options options = {MASA_F32, true};
    masa_model *model = NULL;
    assert_int_equal(masa_model_create(&model, &c, &options, seed, NULL), MASA_OK);
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    for (size_t i = 0; i < n; i++) {
        float *w = masa_model_values(model) + p[i].offset;
        for (size_t j = 0; !p[i].vector && j < p[i].rows * p[i].cols; j++)
            w[j] *= i == 0 ? 40.0f : 50.0f / sqrtf((float)p[i].cols);
    }
    masa_model_refresh(model);
    return model;
}

static inline void tiny_zero_grads(masa_model *model)
{
    memset(masa_model_grads(model), 0, masa_model_parameter_count(model) * sizeof(float));
}

/* Caller frees. */
static inline float *tiny_copy_grads(masa_model *model)
{
    size_t n = masa_model_parameter_count(model);
    float *copy = masa_alloc(n, sizeof *copy);
    memcpy(copy, masa_model_grads(model), n * sizeof *copy);
    return copy;
}

/* Within `tolerance` of the largest of b. */
static inline void assert_close(const float *a, const float *b, size_t n, double tolerance)
{
    double scale = 0;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)b[i]));
    assert_true(scale > 0);
    for (size_t i = 0; i < n; i++) assert_near(a[i], b[i], tolerance * scale);
}

enum { ROLLOUT_GROUPS = 4, ROLLOUTS_PER_GROUP = 3, ROLLOUTS = 12, ROLLOUT_LONGEST = 12 };

/* Groups of responses to shared prompts, with their storage. */
typedef struct rollouts {
    masa_sequence sequences[ROLLOUTS];
    int32_t prompts[ROLLOUT_GROUPS][ROLLOUT_LONGEST], responses[ROLLOUTS][ROLLOUT_LONGEST];
    float logprobs[ROLLOUTS][ROLLOUT_LONGEST], old[ROLLOUTS][ROLLOUT_LONGEST],
        ref[ROLLOUTS][ROLLOUT_LONGEST];
    size_t tokens; /* of all responses */
} rollouts;

/* Lengths from 1 on, advantages of both signs, the weight of a mean over tokens. */
static inline void rollouts_init(rollouts *r, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    *r = (rollouts){0};
    for (size_t i = 0; i < ROLLOUTS; i++) {
        size_t g = i / ROLLOUTS_PER_GROUP;
        r->sequences[i] = (masa_sequence){
            .prompt = r->prompts[g],
            .prompt_size = 3 + g,
            .response = r->responses[i],
            .response_size = i == 4 ? 1 : 2 + masa_random_below(&random, ROLLOUT_LONGEST - 1),
            .group = 100 + g,
            .advantage = (float)masa_random_normal(&random),
            .logprobs = r->logprobs[i]};
        r->tokens += r->sequences[i].response_size;
        for (size_t t = 0; t < ROLLOUT_LONGEST; t++) {
            r->prompts[g][t] = (int32_t)masa_random_below(&random, TINY_VOCAB);
            r->responses[i][t] = (int32_t)masa_random_below(&random, TINY_VOCAB);
        }
    }
    for (size_t i = 0; i < ROLLOUTS; i++) r->sequences[i].weight = 1 / (float)r->tokens;
}

static inline masa_trainer *make_trainer(masa_model *model, size_t tokens)
{
    masa_trainer_options options = {.tokens_per_pass = tokens, .temperature = 0.9f};
    masa_trainer *trainer = NULL;
    assert_int_equal(masa_trainer_create(&trainer, model, &options, NULL), MASA_OK);
    return trainer;
}

/* The objective's loss under the model as it is now, in float64. */
static inline double loss_now(masa_trainer *trainer, const rollouts *r,
                              const masa_objective *objective)
{
    float logprobs[ROLLOUTS][ROLLOUT_LONGEST], unused[ROLLOUT_LONGEST];
    masa_sequence sequences[ROLLOUTS];
    masa_objective_stats stats = {0};
    memcpy(sequences, r->sequences, sizeof sequences);
    for (size_t i = 0; i < ROLLOUTS; i++) sequences[i].logprobs = logprobs[i];
    assert_int_equal(masa_trainer_logprobs(trainer, sequences, ROLLOUTS, NULL, NULL), MASA_OK);
    for (size_t i = 0; i < ROLLOUTS; i++) {
        const masa_sequence *s = &sequences[i];
        if (objective)
            masa_objective_apply(unused, s->logprobs, s->old_logprobs, s->ref_logprobs, NULL,
                                 s->response_size, s->advantage, s->weight, objective, &stats);
        for (size_t t = 0; !objective && t < s->response_size; t++)
            stats.loss -= (double)s->weight * (double)s->logprobs[t];
    }
    return stats.loss;
}

/* Values kept, moved by h along a direction and brought back. */
static inline void move(float *values, const float *kept, const float *direction, size_t n,
                        float h)
{
    for (size_t i = 0; i < n; i++) values[i] = kept[i] + h * direction[i];
}

/* A random direction that is not across the gradient; returns the slope along it and
 * its length in *norm. */
static inline double make_direction(float *direction, const float *grad, size_t n,
                                    masa_random *random, double *norm)
{
    double slope = 0, square = 0;
    for (size_t j = 0; j < n; j++) {
        float sign = grad[j] > 0 ? 1.0f : -1.0f;
        direction[j] = (float)masa_random_normal(random) + sign;
        slope += (double)direction[j] * (double)grad[j];
        square += (double)direction[j] * (double)direction[j];
    }
    *norm = sqrt(square);
    return slope;
}

#endif
