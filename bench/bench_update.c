/*
 * What an update costs beside the passes: the optimiser's step over all weights, and
 * with LoRA the projection of gradients and the merging of factors.
 *
 *     bench_update MODEL [RANK [seconds per measurement]]
 */
#include "bench.h"
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/lora.h>
#include <masa/model.h>
#include <masa/optimizer.h>
#include <masa/parallel.h>

static void show(const char *name, double seconds)
{
    printf("%-28s %8.1f ms\n", name, seconds * 1e3);
}

static masa_status measure_step(masa_model *model, masa_lora *lora, masa_error *err)
{
    masa_optimizer_options options = {
        .lr = 1e-9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .grad_clip = 1};
    masa_optimizer *optimizer = NULL;
    masa_status st = masa_optimizer_create(&optimizer, model, lora, &options, err),
                step = MASA_OK;
    if (st == MASA_OK) {
        double s;
        BENCH_SECONDS(s, step = masa_optimizer_step(optimizer, 1, NULL, err));
        show(lora ? "step, factors" : "step, all weights", s);
        st = step;
    }
    masa_optimizer_destroy(optimizer);
    return st;
}

static masa_status measure(masa_model *model, size_t rank, masa_error *err)
{
    masa_lora_options options = {.rank = rank, .alpha = 32, .targets = "all-linear"};
    masa_lora *lora = NULL;
    double s;
    BENCH_SECONDS(s, masa_model_refresh(model));
    show("packing the weights", s);
    masa_status st = measure_step(model, NULL, err);
    if (st == MASA_OK) st = masa_lora_create(&lora, model, &options, err);
    if (st == MASA_OK) {
        BENCH_SECONDS(s, masa_lora_project(lora));
        show("projecting gradients", s);
        BENCH_SECONDS(s, masa_lora_merge(lora));
        show("merging factors", s);
        st = measure_step(model, lora, err);
    }
    masa_lora_destroy(lora);
    return st;
}

int main(int argc, char **argv)
{
    size_t rank = argc > 2 ? strtoull(argv[2], NULL, 10) : 16;
    if (argc > 3) bench_budget = atof(argv[3]);
    masa_model_options options = {masa_device_compute(), true};
    masa_model *model = NULL;
    masa_error err = {0};
    if (argc < 2 || rank == 0) {
        fprintf(stderr, "usage: bench_update MODEL [RANK [seconds per measurement]]\n");
        return 2;
    }
    printf("%s, %d threads\n", masa_isa_name(masa_isa_get()), masa_threads());
    masa_status st = masa_model_load(&model, argv[1], &options, &err);
    if (st == MASA_OK) st = measure(model, rank, &err);
    if (st) fprintf(stderr, "bench_update: %s\n", err.message);
    masa_model_destroy(model);
    return masa_status_exit(st);
}
