/*
 * Training in a hundred lines: a tiny random model learns one sequence by heart.
 *
 * One step is forward, log-probabilities, objective, backward, AdamW, repack.
 * Supervised learning and reinforcement learning differ in one line: in what
 * the objective's derivative by each log-probability is.
 */
#include <stdio.h>
#include <masa/adamw.h>
#include <masa/device.h>
#include <masa/model.h>
#include <masa/pass.h>

enum { LENGTH = 24, STEPS = 60, VOCAB = 96 };

static const masa_model_config CONFIG = {.architecture = MASA_LLAMA,
                                         .vocab_size = VOCAB,
                                         .hidden_size = 64,
                                         .intermediate_size = 160,
                                         .n_layers = 2,
                                         .n_heads = 4,
                                         .n_kv_heads = 2,
                                         .head_dim = 16,
                                         .max_positions = 64,
                                         .rms_norm_eps = 1e-5f,
                                         .rope_theta = 10000,
                                         .tied_embeddings = true,
                                         .bos_token = -1,
                                         .eos_token = -1,
                                         .pad_token = -1};

/* A text as token ids (one a character), each asked for after those before it. */
typedef struct lesson {
    int32_t tokens[LENGTH], positions[LENGTH], rows[LENGTH - 1];
    masa_segment segment;
} lesson;

static masa_batch make_batch(lesson *l, const char *text)
{
    for (int32_t i = 0; i < LENGTH; i++) {
        l->tokens[i] = text[i] - ' ';
        l->positions[i] = i;
        if (i + 1 < LENGTH) l->rows[i] = i;
    }
    l->segment = (masa_segment){.start = 0, .length = LENGTH, .parent = -1};
    return (masa_batch){.n_tokens = LENGTH,
                        .n_segments = 1,
                        .n_targets = LENGTH - 1,
                        .tokens = l->tokens,
                        .positions = l->positions,
                        .segments = &l->segment,
                        .target_rows = l->rows,
                        .target_tokens = l->tokens + 1,
                        .temperature = 1};
}

/* One optimiser step. moments: 2 * count zeroed floats on the device. Returns the loss before
 * it. */
static float train_step(masa_model *model, masa_pass *pass, const masa_batch *batch,
                        float DEVICE *moments, long step)
{
    size_t count = masa_model_parameter_count(model);
    float logprob[LENGTH], dlogprob[LENGTH], loss = 0;
    masa_device_zero(masa_model_grads(model), count * sizeof(float));
    masa_pass_forward(pass, batch);
    masa_pass_logprobs(pass, logprob, NULL);
    for (size_t i = 0; i < batch->n_targets; i++) {
        loss -= logprob[i] / (float)batch->n_targets;
        dlogprob[i] = -1.0f / (float)batch->n_targets; /* of the mean's negative */
    }
    masa_pass_backward(pass, dlogprob);
    masa_adamw options = {.lr = 0.01f,
                          .beta1 = 0.9f,
                          .beta2 = 0.99f,
                          .eps = 1e-8f,
                          .grad_scale = 1,
                          .step = step};
    masa_adamw_update(masa_model_values(model), moments, moments + count,
                      masa_model_grads(model), count, &options);
    masa_model_refresh(model);
    return loss;
}

int main(void)
{
    masa_model *model = NULL;
    masa_pass *pass = NULL;
    void DEVICE *moments = NULL;
    float first = 0, loss = 0;
    lesson storage;
    masa_batch batch = make_batch(&storage, "know what you will know!");
    masa_error err = {0};
    masa_model_options options = {.compute = masa_device_compute(), .trainable = true};
    masa_status st = masa_model_create(&model, &CONFIG, &options, 1, &err);
    if (st) goto out;
    st = masa_pass_create(&pass, model, LENGTH, LENGTH, false, &err);
    if (st) goto out;
    st = masa_device_alloc(&moments, 2 * masa_model_parameter_count(model), sizeof(float),
                           "the moments", &err);
    if (st) goto out;
    for (long step = 1; step <= STEPS; step++) {
        loss = train_step(model, pass, &batch, moments, step);
        if (step == 1) first = loss;
        if (step % 10 == 0 || step == 1) printf("step %2ld  loss %.4f\n", step, (double)loss);
    }
    if (!(loss < 0.1f && loss < first))
        st = MASA_FAIL(&err, MASA_ERR_NUMERIC, "the loss did not fall: %g to %g", (double)first,
                       (double)loss);
out:
    if (st) fprintf(stderr, "train_tiny: %s\n", err.message);
    masa_device_free(moments);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
    return masa_status_exit(st);
}
