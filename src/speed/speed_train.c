/* Speed: training passes by sequence length, the optimiser, a whole step. */
#include "speed_internal.h"

#include <masa/clock.h>
#include <masa/generate.h>
#include <masa/memory.h>
#include <masa/optimizer.h>
#include <masa/trainer.h>

#include <stdio.h>
#include <stdlib.h>

static const masa_optimizer_options adam = {
    .lr = 1e-9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .grad_clip = 1};

/* Supervised: `count` sequences of `length` tokens, all but the first of them targets. */
static masa_status train_once(speed *b, masa_trainer *trainer, size_t count, size_t length,
                              double *seconds, masa_error *err)
{
    int32_t *tokens = masa_alloc(count * (length + 1), sizeof *tokens);
    masa_sequence *sequences = masa_alloc(count, sizeof *sequences);
    speed_tokens(b, tokens, count * (length + 1), length);
    for (size_t i = 0; i < count; i++) {
        int32_t *first = tokens + i * (length + 1);
        sequences[i] = (masa_sequence){.prompt = first,
                                       .prompt_size = 1,
                                       .response = first + 1,
                                       .response_size = length,
                                       .group = i,
                                       .weight = 1e-4f};
    }
    double start = masa_clock();
    masa_status st = masa_trainer_accumulate(trainer, sequences, count, NULL, NULL, err);
    *seconds = masa_clock() - start;
    free(sequences);
    free(tokens);
    return st;
}

static masa_trainer_options options_of(const speed *b, masa_speed_pass pass)
{
    return (masa_trainer_options){.tokens_per_pass = pass.count * pass.length + 1,
                                  .recompute = b->options->recompute,
                                  .temperature = 1};
}

/* Bytes that such passes need, the model's included. */
static double pass_bytes(const speed *b, masa_speed_pass pass)
{
    masa_trainer_options options = options_of(b, pass);
    const masa_model_config *config = masa_model_get_config(b->model);
    return (double)(masa_model_bytes(b->model) +
                    masa_trainer_bytes(config, b->compute, &options, true));
}

masa_status speed_measure_pass(speed *b, masa_speed_pass pass, int repeats, double *seconds,
                               masa_error *err)
{
    masa_trainer_options options = options_of(b, pass);
    masa_trainer *trainer = NULL;
    *seconds = 1e30;
    masa_status st = masa_trainer_create(&trainer, b->model, &options, err);
    for (int i = 0; !st && i < repeats; i++) {
        double taken = 0;
        st = train_once(b, trainer, pass.count, pass.length, &taken, err);
        if (taken < *seconds) *seconds = taken;
    }
    masa_trainer_destroy(trainer);
    return st;
}

static masa_status measure_length(speed *b, masa_speed_pass pass, masa_error *err)
{
    char name[48];
    double seconds = 0, tokens = (double)(pass.count * pass.length);
    if (!speed_fits(b, pass.length + 1)) return MASA_OK;
    speed_reset_memory();
    /* Noise of other programs is a smaller part of a long pass. */
    masa_status st = speed_measure_pass(b, pass, tokens < 4000 ? 2 : 1, &seconds, err);
    if (st) return st;
    snprintf(name, sizeof name, "%zu x %zu tokens", pass.count, pass.length);
    double flops =
        3 * masa_model_flops(masa_model_get_config(b->model), (double)pass.length / 2, true);
    speed_add(b, &(masa_speed_row){.section = MASA_SPEED_TRAIN,
                                   .name = name,
                                   .tokens = tokens,
                                   .seconds = seconds,
                                   .flops = tokens * flops,
                                   .planned = pass_bytes(b, pass)});
    return MASA_OK;
}

static masa_status measure_optimizer(speed *b, masa_error *err)
{
    masa_optimizer *optimizer = NULL;
    double best = 1e30;
    speed_reset_memory();
    masa_status st = masa_optimizer_create(&optimizer, b->model, NULL, &adam, err);
    for (int i = 0; !st && i < 3; i++) {
        double start = masa_clock();
        st = masa_optimizer_step(optimizer, 1, NULL, err);
        double taken = masa_clock() - start;
        if (taken < best) best = taken;
    }
    masa_optimizer_destroy(optimizer);
    if (st) return st;
    /* Weights, gradient and both moments read, all of them written back; the packed
     * weights written and the norm's reading of the gradient are the rest. */
    double n = (double)masa_model_parameter_count(b->model);
    speed_add(b, &(masa_speed_row){.section = MASA_SPEED_TRAIN,
                                   .name = "optimiser's step",
                                   .seconds = best,
                                   .bytes = 8 * n * sizeof(float)});
    return MASA_OK;
}

masa_status speed_train(speed *b, masa_error *err)
{
    static const masa_speed_pass all[] = {{8, 128}, {16, 128}, {2, 512},  {4, 512},
                                          {8, 512}, {1, 2048}, {1, 4096}, {1, 8191}},
                                 quick[] = {{8, 128}, {2, 512}};
    const masa_speed_pass *passes = b->options->quick ? quick : all;
    size_t n = b->options->quick ? sizeof quick / sizeof *quick : sizeof all / sizeof *all;
    masa_status st = MASA_OK;
    if (b->options->n_passes) passes = b->options->passes, n = b->options->n_passes;
    for (size_t i = 0; !st && i < n; i++) st = measure_length(b, passes[i], err);
    return st ? st : measure_optimizer(b, err);
}

/* A step of GRPO without its texts: sizes, prompts and what is sampled from them. */
struct step {
    size_t prompts, group, prompt_size, new_tokens;
    int32_t *tokens;              /* [prompts * prompt_size] */
    masa_request *requests;       /* [prompts] */
    masa_completion *completions; /* [prompts * group] */
    size_t prompt_tokens, new_total;
    size_t recalled;                    /* tokens whose activations were kept */
    double rollouts, update, optimizer; /* seconds */
    double planned;                     /* bytes that the update needs */
    masa_activations *kept;             /* or NULL */
};

/* A store for the step's activations, as far as memory goes. */
static masa_status keep_activations(const speed *b, struct step *s, masa_error *err)
{
    size_t rows = s->prompts * (s->prompt_size + s->group * (s->new_tokens - 1));
    size_t row = masa_activations_bytes(masa_model_get_config(b->model), b->compute, 1);
    size_t allowed = b->options->kept_memory < 0 ? masa_device_available() / 2
                                                 : (size_t)b->options->kept_memory << 20;
    if (allowed / row < rows) rows = allowed / row;
    return rows ? masa_activations_create(&s->kept, b->model, rows, err) : MASA_OK;
}

static masa_status roll_out(speed *b, struct step *s, masa_error *err)
{
    masa_generator *generator = NULL;
    size_t total = s->prompts * s->group;
    masa_generator_options options = {.max_batch = total < 128 ? total : 128,
                                      .max_context = s->prompt_size + s->new_tokens};
    for (size_t i = 0; i < s->prompts; i++)
        s->requests[i] = (masa_request){.prompt = s->tokens + i * s->prompt_size,
                                        .prompt_size = s->prompt_size,
                                        .n_samples = s->group,
                                        .key = i,
                                        .max_tokens = s->new_tokens,
                                        .sampling = {1, 0, 1, 0}};
    double start = masa_clock();
    masa_status st = masa_generator_create(&generator, b->model, NULL, &options, err);
    if (!st) masa_generator_keep(generator, s->kept);
    if (!st)
        st = masa_generate(generator, s->requests, s->prompts, s->completions, NULL, NULL, err);
    s->rollouts = masa_clock() - start;
    if (!st) {
        masa_generate_stats stats = masa_generator_stats(generator);
        s->prompt_tokens = stats.prompt_tokens;
        s->new_total = stats.generated_tokens;
    }
    masa_generator_destroy(generator);
    return st;
}

/* Every second rollout of a group is better than its neighbour: all have a gradient. */
static masa_status update(speed *b, struct step *s, masa_error *err)
{
    size_t n = s->prompts * s->group;
    masa_trainer_options options = {.tokens_per_pass = 4096, .temperature = 1, .kept = s->kept};
    masa_objective objective = {.clip_low = 0.2f, .clip_high = 0.2f};
    masa_sequence *sequences = masa_alloc(n, sizeof *sequences);
    masa_trainer *trainer = NULL;
    masa_optimizer *optimizer = NULL;
    for (size_t i = 0; i < n; i++) {
        const masa_completion *c = &s->completions[i];
        sequences[i] = (masa_sequence){.prompt = s->requests[c->request].prompt,
                                       .prompt_size = s->prompt_size,
                                       .response = c->tokens,
                                       .response_size = c->n,
                                       .group = c->request,
                                       .advantage = i % 2 ? 1 : -1,
                                       .weight = 1 / (float)s->new_total,
                                       .old_logprobs = c->logprobs,
                                       .kept_rows = c->kept_rows};
    }
    masa_status st = masa_trainer_create(&trainer, b->model, &options, err);
    if (!st) st = masa_optimizer_create(&optimizer, b->model, NULL, &adam, err);
    masa_trainer_stats stats = {0};
    double start = masa_clock();
    if (!st) st = masa_trainer_accumulate(trainer, sequences, n, &objective, &stats, err);
    double middle = masa_clock();
    if (!st) st = masa_optimizer_step(optimizer, 1, NULL, err);
    s->recalled = stats.recalled_tokens;
    s->update = middle - start;
    s->optimizer = masa_clock() - middle;
    s->planned = (double)(masa_model_bytes(b->model) +
                          masa_optimizer_bytes(masa_model_parameter_count(b->model), &adam) +
                          masa_trainer_bytes(masa_model_get_config(b->model), b->compute,
                                             &options, true));
    if (s->kept)
        s->planned += (double)masa_activations_bytes(
            masa_model_get_config(b->model), b->compute, masa_activations_used(s->kept));
    masa_optimizer_destroy(optimizer);
    masa_trainer_destroy(trainer);
    free(sequences);
    return st;
}

static void print_step(const speed *b, const struct step *s)
{
    const masa_model_config *config = masa_model_get_config(b->model);
    double rows = (double)(s->prompt_tokens + s->new_total), n = (double)s->new_total;
    double context = (double)s->prompt_size + (double)s->new_tokens / 2;
    double head = masa_model_flops(config, 0, true) - masa_model_flops(config, 0, false);
    double layers = masa_model_flops(config, context, false);
    double forward = rows * layers + n * head;
    double update = 3 * forward - (double)s->recalled * layers;
    masa_speed_row row = {.section = MASA_SPEED_STEP,
                          .name = "rollouts",
                          .tokens = n,
                          .seconds = s->rollouts,
                          .flops = forward};
    speed_add(b, &row);
    row.name = "forward and backward";
    row.seconds = s->update;
    row.planned = s->planned;
    row.flops = update;
    speed_add(b, &row);
    row.name = "optimiser";
    row.seconds = s->optimizer;
    row.flops = 0;
    speed_add(b, &row);
    row.name = "whole";
    row.seconds = s->rollouts + s->update + s->optimizer;
    row.flops = forward + update;
    speed_add(b, &row);
}

static masa_status run_step(speed *b, struct step *s, masa_error *err)
{
    if (s->kept) masa_activations_clear(s->kept);
    masa_status st = roll_out(b, s, err);
    if (st) return st;
    st = update(b, s, err);
    for (size_t i = 0; i < s->prompts * s->group; i++)
        masa_completion_deinit(&s->completions[i]);
    return st;
}

masa_status speed_step(speed *b, masa_error *err)
{
    struct step s = {.prompts = speed_size(b->options->prompts, b->options->quick ? 2 : 16),
                     .group = speed_size(b->options->group, 8),
                     .prompt_size = 64,
                     .new_tokens =
                         speed_size(b->options->new_tokens, b->options->quick ? 32 : 256)};
    if (!speed_fits(b, s.prompt_size + s.new_tokens)) return MASA_OK;
    s.tokens = masa_alloc(s.prompts * s.prompt_size, sizeof *s.tokens);
    s.requests = masa_alloc(s.prompts, sizeof *s.requests);
    s.completions = masa_alloc(s.prompts * s.group, sizeof *s.completions);
    speed_tokens(b, s.tokens, s.prompts * s.prompt_size, 7);
    speed_reset_memory();
    masa_status st = keep_activations(b, &s, err);
    /* The second counts: the first also takes the activations' memory from the system. */
    for (int i = 0; !st && i < 2; i++) st = run_step(b, &s, err);
    if (!st) print_step(b, &s);
    masa_activations_destroy(s.kept);
    free(s.completions);
    free(s.requests);
    free(s.tokens);
    return st;
}
