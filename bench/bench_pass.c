/*
 * Speed of the training pass: bench_pass MODEL [TOKENS [SEQUENCES [CHECKPOINT]]]
 *
 * Packs SEQUENCES sequences of TOKENS tokens in all, every token but the first
 * a target, and prints the best of three of forward, head and backward.
 */
#include <stdio.h>
#include <stdlib.h>
#include <masa/clock.h>
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/memory.h>
#include <masa/pass.h>

typedef struct problem {
    masa_batch batch;
    int32_t *tokens, *positions, *rows, *targets;
    masa_segment *segments;
    float *logprob, *dlogprob;
} problem;

static problem make_problem(size_t tokens, size_t sequences, size_t vocab)
{
    problem p = {.tokens = masa_alloc(tokens, sizeof(int32_t)),
                 .positions = masa_alloc(tokens, sizeof(int32_t)),
                 .rows = masa_alloc(tokens, sizeof(int32_t)),
                 .targets = masa_alloc(tokens, sizeof(int32_t)),
                 .segments = masa_alloc(sequences, sizeof(masa_segment)),
                 .logprob = masa_alloc(tokens, sizeof(float)),
                 .dlogprob = masa_alloc(tokens, sizeof(float))};
    size_t length = tokens / sequences, n = 0;
    for (size_t t = 0; t < tokens; t++) {
        p.tokens[t] = (int32_t)(t * 7919 % vocab);
        p.positions[t] = (int32_t)(t % length);
    }
    for (size_t s = 0; s < sequences; s++) {
        p.segments[s] = (masa_segment){(int32_t)(s * length), (int32_t)length, -1};
        for (size_t i = 0; i + 1 < length; i++, n++) {
            p.rows[n] = (int32_t)(s * length + i);
            p.targets[n] = p.tokens[s * length + i + 1];
            p.dlogprob[n] = n % 2 ? 0.01f : -0.01f;
        }
    }
    p.batch = (masa_batch){.n_tokens = length * sequences,
                           .n_segments = sequences,
                           .n_targets = n,
                           .tokens = p.tokens,
                           .positions = p.positions,
                           .segments = p.segments,
                           .target_rows = p.rows,
                           .target_tokens = p.targets,
                           .temperature = 1};
    return p;
}

static void measure(masa_pass *pass, const problem *p, double flops)
{
    double best[3] = {1e30, 1e30, 1e30};
    for (int repeat = 0; repeat < 3; repeat++) {
        double t[4] = {masa_clock()};
        masa_pass_forward(pass, &p->batch);
        t[1] = masa_clock();
        masa_pass_logprobs(pass, p->logprob, NULL);
        t[2] = masa_clock();
        masa_pass_backward(pass, p->dlogprob);
        t[3] = masa_clock();
        for (int i = 0; i < 3; i++)
            if (t[i + 1] - t[i] < best[i]) best[i] = t[i + 1] - t[i];
    }
    double n = (double)p->batch.n_tokens, all = best[0] + best[1] + best[2];
    printf("layers forward %.3f s, head forward %.3f s, backward %.3f s: %.0f tokens/s, "
           "%.0f GFLOP/s\n",
           best[0], best[1], best[2], n / all, 3 * flops * n / all / 1e9);
}

int main(int argc, char **argv)
{
    size_t tokens = argc > 2 ? strtoull(argv[2], NULL, 10) : 2048;
    size_t sequences = argc > 3 ? strtoull(argv[3], NULL, 10) : 8;
    masa_model *model = NULL;
    masa_pass *pass = NULL;
    masa_error err = {0};
    masa_model_options options = {masa_device_compute(), true};
    if (argc < 2 || sequences == 0 || tokens / sequences < 2) {
        fprintf(stderr, "usage: bench_pass MODEL [TOKENS [SEQUENCES [CHECKPOINT]]]\n");
        return 2;
    }
    double start = masa_clock();
    masa_status st = masa_model_load(&model, argv[1], &options, &err);
    if (!st) st = masa_pass_create(&pass, model, tokens, tokens, argc > 4, &err);
    if (!st) {
        const masa_model_config *c = masa_model_get_config(model);
        printf("loaded in %.2f s: %s, model %.0f MiB, pass %.0f MiB\n", masa_clock() - start,
               masa_isa_name(masa_isa_get()), (double)masa_model_bytes(model) / (1 << 20),
               (double)masa_pass_bytes(c, options.compute, tokens, tokens, argc > 4) /
                   (1 << 20));
        problem p = make_problem(tokens, sequences, c->vocab_size);
        measure(pass, &p, masa_model_flops(c, (double)(tokens / sequences) / 2, true));
        free(p.tokens), free(p.positions), free(p.rows), free(p.targets), free(p.segments);
        free(p.logprob), free(p.dlogprob);
    }
    if (st) fprintf(stderr, "bench_pass: %s\n", err.message);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
    return masa_status_exit(st);
}
