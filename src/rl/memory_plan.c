#include "memory_plan.h"

#include "factors.h"

#include <masa/device.h>
#include <masa/dist.h>
#include <masa/lora.h>
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/model_file.h>
#include <masa/optimizer.h>
#include <masa/trainer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t parameter_count(const masa_model_config *model)
{
    size_t n;
    masa_parameter *parameters = masa_parameters_make(model, &n);
    size_t count = masa_parameters_total(parameters, n);
    free(parameters);
    return count;
}

/* The processor's memory is its host's. */
static void plan_optimizers(rl_memory_plan *plan, const masa_config *c,
                            const masa_model_config *model, const rl_session_options *wants)
{
    masa_optimizer_options options = rl_optimizer_options(c);
    masa_lora_options policy = rl_lora_options(c), predictions = rl_predictor_options(c);
    size_t trained =
        c->lora.rank ? masa_lora_count_needed(model, &policy) : parameter_count(model);
    size_t predicting =
        wants->predictor ? masa_lora_count_needed(model, &predictions) : trained;
    size_t bytes = masa_optimizer_bytes(trained, &options);
    if (wants->meta_optimizer) bytes += masa_optimizer_bytes(predicting, &options);
    bool apart = options.on_host && strcmp(masa_device_kind(), "cpu") != 0;
    *(apart ? &plan->host : &plan->optimizer) = bytes;
}

static size_t model_bytes(const masa_config *c, const masa_model_config *model,
                          const masa_model_options *options)
{
    return rl_is_compact(c) ? masa_model_frozen_bytes_needed(model, options)
                            : masa_model_bytes_needed(model, options);
}

/* What LoRA's factors take beside the model, those of predictions among them. */
static size_t factor_bytes(const masa_config *c, const masa_model_config *model,
                           masa_dtype compute, bool predictor)
{
    masa_lora_options policy = rl_lora_options(c), predictions = rl_predictor_options(c);
    bool compact = rl_is_compact(c);
    return (c->lora.rank ? masa_lora_bytes_needed(model, &policy, compute, compact) : 0) +
           (predictor ? masa_lora_bytes_needed(model, &predictions, compute, compact) : 0);
}

static rl_memory_plan make(const masa_config *config, const masa_model_config *model,
                           masa_dtype compute, const rl_session_options *wants,
                           const masa_generator_options *generator, bool recompute)
{
    size_t n = parameter_count(model);
    masa_model_options trained = {compute, true}, fixed = {compute, false};
    masa_trainer_options trainer = {
        .tokens_per_pass = (size_t)config->optimizer.tokens_per_pass,
        .recompute = recompute,
    };
    bool compact = rl_is_compact(config);
    rl_memory_plan plan = {
        .recompute = recompute,
        .weights = model_bytes(config, model, &trained) +
                   factor_bytes(config, model, compute, wants->predictor) +
                   masa_device_sizes_get().products,
        .gradients = compact ? 0 : n * sizeof(float),
        .activations = masa_trainer_bytes(model, compute, &trainer, true),
    };
    plan.weights -= plan.gradients;
    plan_optimizers(&plan, config, model, wants);
    if (wants->reference)
        plan.reference = model_bytes(config, model, &fixed) +
                         masa_trainer_bytes(model, compute, &trainer, false);
    if (generator) plan.cache = masa_generator_bytes_needed(model, compute, generator);
    plan.total = plan.weights + plan.gradients + plan.optimizer + plan.reference + plan.cache +
                 plan.activations;
    return plan;
}

/* A step's rollouts, as long as they may be, as far as memory goes. */
static void plan_kept(rl_memory_plan *plan, const masa_config *c,
                      const masa_model_config *model, masa_dtype compute, size_t available)
{
    size_t prompts = (size_t)c->rollout.prompts_per_step;
    size_t prompt = (size_t)c->data.max_prompt_tokens;
    size_t wanted =
        prompts * (prompt + (size_t)(c->rollout.group_size * c->rollout.max_tokens));
    if (c->meta.samples)
        wanted += prompts * (prompt + (size_t)(c->meta.samples * c->meta.max_tokens));
    if (wanted > INT32_MAX) wanted = INT32_MAX;
    size_t most = (size_t)c->rollout.kept_memory << 20;
    /* For the model's shapes it is tried once they are loaded (rl_session_open). */
    if (c->rollout.kept_memory < 0) {
        bool same = masa_device_rows_agree(compute);
        most = same && available > plan->total ? (available - plan->total) / 2 : 0;
    }
    size_t row = masa_activations_bytes(model, compute, 1);
    plan->kept_rows = most / row < wanted ? most / row : wanted;
    plan->kept = plan->kept_rows * row;
}

rl_memory_plan rl_memory_plan_make(const masa_config *config, const masa_model_config *model,
                                   masa_dtype compute, const rl_session_options *wants,
                                   const masa_generator_options *generator, size_t available)
{
    bool automatic = config->optimizer.recompute == MASA_CONFIG_RECOMPUTE_AUTO;
    bool always = config->optimizer.recompute == MASA_CONFIG_RECOMPUTE_ALWAYS;
    rl_memory_plan plan = make(config, model, compute, wants, generator, always);
    if (automatic && available && plan.total > available)
        plan = make(config, model, compute, wants, generator, true);
    if (generator) plan_kept(&plan, config, model, compute, available);
    return plan;
}

masa_status rl_memory_plan_check(const rl_memory_plan *plan, size_t available, FILE *log,
                                 masa_error *err)
{
    if (log) {
        fprintf(log,
                "memory: weights %zu MiB, gradients %zu, optimiser %zu, reference %zu, "
                "key/value cache %zu, activations %zu%s; together %zu MiB",
                plan->weights >> 20, plan->gradients >> 20, plan->optimizer >> 20,
                plan->reference >> 20, plan->cache >> 20, plan->activations >> 20,
                plan->recompute ? " (recomputed)" : "", plan->total >> 20);
        if (plan->kept_rows)
            fprintf(log, ", and up to %zu to keep rollouts' activations", plan->kept >> 20);
        if (plan->host) fprintf(log, "; of the host's %zu for the optimiser", plan->host >> 20);
        fprintf(log, "\n");
    }
    if (available == 0 || plan->total + plan->kept <= available) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_MEMORY,
                     "the run needs %zu MiB and this machine has %zu MiB free; lower "
                     "optimizer.tokens_per_pass, rollout.batch or rollout.cache_memory, set "
                     "optimizer.recompute or optimizer.moments=bf16%s, turn off "
                     "meta.own_moments, or train factors (lora.rank, lora.compact)%s",
                     (plan->total + plan->kept) >> 20, available >> 20,
                     strcmp(masa_device_kind(), "cpu") ? " or optimizer.on_host" : "",
                     plan->total <= available ? "; rollout.kept_memory=-1 keeps what fits"
                                              : "");
}

static masa_status check_host(const rl_memory_plan *plan, masa_error *err)
{
    size_t free = masa_memory_available() / masa_dist_where().processes;
    if (plan->host == 0 || free == 0 || plan->host <= free) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_MEMORY,
                     "the optimiser's state needs %zu MiB of the host's memory, of which %zu "
                     "MiB are free; set optimizer.moments=bf16, or optimizer.on_host=false",
                     plan->host >> 20, free >> 20);
}

/* A cache that is smaller than a sequence would end the first step. */
static masa_status check_cache(const masa_config *c, const masa_model_config *model,
                               const masa_generator_options *generator, masa_error *err)
{
    size_t tokens =
        generator ? masa_generator_cache_tokens(model, rl_compute_dtype(c), generator) : 0;
    if (!generator || tokens >= generator->max_context) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "rollout.cache_memory (%ld MiB) must be 0 or hold a sequence of %zu "
                     "tokens; it holds %zu",
                     c->rollout.cache_memory, generator->max_context, tokens);
}

masa_status rl_memory_reserve(const masa_config *config, const char *model,
                              rl_session_options *wants,
                              const masa_generator_options *generator, FILE *log,
                              masa_error *err)
{
    masa_model_file *file = NULL;
    masa_status st = masa_model_file_open(&file, model, err);
    if (st != MASA_OK) return st;
    size_t available = masa_device_available() / masa_dist_where().processes;
    rl_memory_plan plan =
        rl_memory_plan_make(config, masa_model_file_config(file), rl_compute_dtype(config),
                            wants, generator, available);
    st = check_cache(config, masa_model_file_config(file), generator, err);
    masa_model_file_close(file);
    if (st != MASA_OK) return st;
    wants->recompute = plan.recompute;
    wants->kept_rows = plan.kept_rows;
    st = rl_memory_plan_check(&plan, available, log, err);
    return st == MASA_OK ? check_host(&plan, err) : st;
}

void rl_memory_report(FILE *log)
{
    if (log) fprintf(log, "memory: at most %zu MiB were taken\n", masa_device_peak() >> 20);
}
