#include "session.h"

#include "checkup.h"
#include "factors.h"
#include "memory_plan.h"
#include "peers.h"
#include "remote.h"
#include "resume.h"
#include "shares.h"

#include <masa/adamw.h>
#include <masa/config_meta.h>
#include <masa/device.h>
#include <masa/dist.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/parallel.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

masa_dtype rl_compute_dtype(const masa_config *config)
{
    switch (config->model.compute) {
    case MASA_CONFIG_COMPUTE_F32: return MASA_F32;
    case MASA_CONFIG_COMPUTE_BF16: return MASA_BF16;
    default: return masa_device_compute();
    }
}

/* The folder or file that the policy's weights and tokenizer come from: factors train on top
 * of the starting weights, which stay where they are; all weights go on from the checkpoint,
 * which needs nothing else. */
static const char *model_path(const rl_session *s)
{
    return s->checkpoint && s->config->lora.rank == 0 ? s->checkpoint : s->config->model.path;
}

static masa_status open_tokenizer(rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_status st = masa_tokenizer_load(&s->tokenizer, model_path(s), err);
    if (st == MASA_OK)
        st = masa_chat_create(&s->chat, c->model.chat_template, s->tokenizer, err);
    if (st == MASA_OK) s->n_stop_tokens = masa_chat_stop_tokens(s->stop_tokens, s->chat);
    return st;
}

/* Their squares have a finite sum in float64. */
bool rl_all_finite(const float DEVICE *values, size_t n)
{
    return isfinite(masa_sum_squares(values, n));
}

static masa_status check_weights(masa_model *model, const char *path, masa_error *err)
{
    return masa_model_is_finite(model)
               ? MASA_OK
               : MASA_FAIL(err, MASA_ERR_NUMERIC, "%s has weights that are not finite", path);
}

/* Before factors are merged into it. */
static void measure_base(rl_session *s)
{
    masa_model *base = s->reference ? s->reference : s->model;
    if (!s->reference && model_path(s) == s->checkpoint) return;
    s->base_fingerprint = (int64_t)(masa_model_fingerprint(base) >> 1);
}

bool rl_is_compact(const masa_config *c)
{
    return c->lora.rank > 0 && c->lora.compact;
}

masa_lora_options rl_lora_options(const masa_config *c)
{
    return (masa_lora_options){.rank = (size_t)c->lora.rank,
                               .alpha = c->lora.alpha,
                               .targets = c->lora.targets,
                               .seed = (uint64_t)c->train.seed};
}

static masa_status load(masa_model **out, const rl_session *s, const char *path, bool trainable,
                        masa_error *err)
{
    masa_model_options options = {rl_compute_dtype(s->config), trainable};
    return rl_is_compact(s->config) ? masa_model_load_frozen(out, path, &options, err)
                                    : masa_model_load(out, path, &options, err);
}

static masa_status open_model(rl_session *s, const rl_session_options *wants, masa_error *err)
{
    const masa_config *c = s->config;
    const char *path = model_path(s);
    masa_status st = load(&s->model, s, path, true, err);
    if (st == MASA_OK) st = check_weights(s->model, path, err);
    if (st == MASA_OK && wants->reference)
        st = load(&s->reference, s, c->model.path, false, err);
    if (st == MASA_OK) measure_base(s);
    if (st != MASA_OK || c->lora.rank == 0) return st;
    masa_lora_options lora = rl_lora_options(c);
    st = rl_factors_open(&s->lora, s, &lora, RL_ADAPTER, err);
    if (st == MASA_OK && s->checkpoint) masa_model_refresh(s->model);
    return st;
}

masa_optimizer_options rl_optimizer_options(const masa_config *c)
{
    return (masa_optimizer_options){
        .lr = c->optimizer.lr,
        .beta1 = c->optimizer.beta1,
        .beta2 = c->optimizer.beta2,
        .eps = c->optimizer.eps,
        .weight_decay = c->optimizer.weight_decay,
        .grad_clip = c->optimizer.grad_clip,
        .schedule = (masa_schedule)c->optimizer.schedule,
        .warmup_steps = (size_t)c->optimizer.warmup_steps,
        .sharded = c->train.shard_optimizer,
        .moments = (masa_dtype)c->optimizer.moments,
        .on_host = c->optimizer.on_host,
    };
}

static void take_moments(void *optimizer, const float *moments, bool second)
{
    masa_optimizer_restore(optimizer, moments, second);
}

static masa_status read_moments(const rl_session *s, masa_optimizer *optimizer,
                                const char *name, masa_error *err)
{
    long steps = 0;
    char *path = masa_path_join(s->checkpoint, name);
    masa_status st = masa_moments_read(path, take_moments, optimizer,
                                       masa_optimizer_count(optimizer), &steps, err);
    if (st == MASA_OK) masa_optimizer_set_steps(optimizer, steps);
    free(path);
    return st;
}

static masa_status open_optimizers(rl_session *s, const rl_session_options *wants,
                                   masa_error *err)
{
    const masa_config *c = s->config;
    masa_optimizer_options options = rl_optimizer_options(c);
    options.total_steps = (size_t)wants->total_updates;
    masa_status st = masa_optimizer_create(&s->optimizer, s->model, s->lora, &options, err);
    if (st == MASA_OK && s->checkpoint)
        st = read_moments(s, s->optimizer, MASA_MOMENTS_FILE, err);
    if (st != MASA_OK || !wants->meta_optimizer) return st;
    options.schedule = MASA_SCHEDULE_CONSTANT; /* nobody knows how many updates there will be */
    st = masa_optimizer_create(&s->meta_optimizer, s->model,
                               s->predictor ? s->predictor : s->lora, &options, err);
    if (st == MASA_OK && s->checkpoint)
        st = read_moments(s, s->meta_optimizer, MASA_META_MOMENTS_FILE, err);
    return st;
}

static masa_status open_trainer(rl_session *s, const rl_session_options *wants, masa_error *err)
{
    masa_trainer_options options = {
        .tokens_per_pass = (size_t)s->config->optimizer.tokens_per_pass,
        .recompute = wants->recompute,
        .temperature = wants->temperature,
        .stop = wants->stops_logprobs ? s->stop : NULL,
    };
    masa_status st = MASA_OK;
    /* What a run learns must not depend on the memory that is free: where the setting leaves it
     * open, activations are kept only if that changes no bit. */
    bool exact = s->config->rollout.kept_memory < 0;
    if (wants->kept_rows && (!exact || masa_model_rows_agree(s->model)))
        st = masa_activations_create(&s->kept, s->model, wants->kept_rows, err);
    if (st != MASA_OK) return st;
    options.kept = s->kept;
    st = masa_trainer_create(&s->trainer, s->model, &options, err);
    options.kept = NULL; /* they are the policy's */
    if (st == MASA_OK && s->reference)
        st = masa_trainer_create(&s->reference_trainer, s->reference, &options, err);
    return st;
}

static masa_status check_file(const char *path, const char *setting, masa_error *err)
{
    if (!path[0] || masa_path_is_readable(path)) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_IO, "cannot open %s: %s (%s)", path, strerror(errno),
                     setting);
}

masa_status rl_session_check(const masa_config *c, masa_error *err)
{
    masa_status st = masa_config_require(c, "model.path", err);
    if (st == MASA_OK) st = masa_chat_check_name(c->model.chat_template, err);
    if (st == MASA_OK && c->lora.rank > 0) st = masa_lora_check_targets(c->lora.targets, err);
    if (st == MASA_OK && c->lora.compact && c->lora.rank == 0)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "lora.compact is for training factors: set lora.rank, or "
                       "lora.compact=false");
    if (st == MASA_OK) st = check_file(c->data.train, "data.train", err);
    if (st == MASA_OK) st = check_file(c->data.test, "data.test", err);
    if (st == MASA_OK && c->meta.samples && masa_meta_template_is_file(c->meta.template))
        st = check_file(c->meta.template, "meta.template", err);
    return st;
}

masa_status rl_session_open(rl_session *s, const masa_config *config, const char *folder,
                            const masa_train_options *options,
                            const masa_generator_options *generator, rl_session_options *wants,
                            masa_error *err)
{
    *s = (rl_session){.config = config,
                      .stop = options->stop,
                      .status = options->status,
                      .begin = options->begin,
                      .log = options->progress,
                      .folder = folder};
    if (config->train.threads) masa_threads_set((int)config->train.threads);
    masa_status st = rl_shares_open(s, err);
    if (st == MASA_OK && options->resume) st = rl_resume_open(s, folder, options->restart, err);
    if (st == MASA_OK)
        st = rl_memory_reserve(config, model_path(s), wants, generator, s->log, err);
    if (st == MASA_OK) st = open_tokenizer(s, err);
    if (st == MASA_OK) st = open_model(s, wants, err);
    if (st == MASA_OK && wants->predictor) st = rl_predictor_open(s, err);
    if (st == MASA_OK) st = open_optimizers(s, wants, err);
    if (st == MASA_OK) st = open_trainer(s, wants, err);
    return st;
}

/* Makes the run folder, or takes the resumed one back to its checkpoint. */
static masa_status start_record(rl_session *s, const char *folder,
                                const rl_session_options *wants, masa_error *err)
{
    long step = s->checkpoint ? s->state.step : -1;
    masa_status st = s->run ? masa_run_continue(s->run, s->config, step, err)
                            : masa_run_create(&s->run, folder, s->config, err);
    if (st != MASA_OK) return st;
    masa_run_heed(s->run, s->stop);
    s->progress = masa_progress_create(s->log, masa_run_log(s->run), wants->total_steps);
    masa_progress_answer(s->progress, s->status);
    st = rl_resume_tell(s, err);
    if (st == MASA_OK)
        st = masa_store_set_info(masa_run_store(s->run), "model", s->config->model.path, err);
    if (st == MASA_OK)
        st = masa_store_set_info(masa_run_store(s->run), "device", masa_device_facts(), err);
    if (st == MASA_OK) {
        char steps[24];
        snprintf(steps, sizeof steps, "%ld", wants->total_steps);
        st = masa_store_set_info(masa_run_store(s->run), "steps", steps, err);
    }
    return st == MASA_OK ? rl_checkup_start(s, wants->total_steps, err) : st;
}

masa_status rl_session_start(rl_session *s, const char *folder, const rl_session_options *wants,
                             masa_status opened, masa_error *err)
{
    masa_status st = opened == MASA_OK ? rl_resume_check(s, err) : opened;
    st = masa_dist_agree(st, NULL, err);
    if (st == MASA_OK) st = rl_peers_check_start(s, err);
    if (st != MASA_OK) return st;
    if (s->begin) s->begin();
    if (masa_dist_rank() == 0) st = start_record(s, folder, wants, err);
    else s->progress = masa_progress_create(NULL, NULL, wants->total_steps);
    return masa_dist_agree(st, NULL, err);
}

void rl_session_close(rl_session *s)
{
    masa_progress_destroy(s->progress);
    masa_rewards_close(s->rewards);
    rl_remote_close(s);
    masa_trainer_destroy(s->reference_trainer);
    masa_trainer_destroy(s->trainer);
    masa_activations_destroy(s->kept);
    masa_optimizer_destroy(s->meta_optimizer);
    masa_optimizer_destroy(s->optimizer);
    masa_lora_destroy(s->predictor);
    masa_lora_destroy(s->lora);
    masa_model_destroy(s->reference);
    masa_model_destroy(s->model);
    masa_chat_destroy(s->chat);
    masa_tokenizer_destroy(s->tokenizer);
    rl_shares_close(s);
    masa_run_close(s->run);
    masa_run_state_deinit(&s->state);
    free(s->checkpoint);
    *s = (rl_session){0};
}

masa_status rl_session_update(rl_session *s, masa_optimizer *optimizer, masa_status accumulated,
                              double lr, double *norm, bool *made, masa_error *err)
{
    masa_error why = {0};
    masa_status st = accumulated;
    if (st == MASA_OK) st = masa_optimizer_step_at(optimizer, lr, norm, &why);
    *made = st == MASA_OK;
    if (*made) s->skipped_in_row = 0;
    if (st != MASA_ERR_NUMERIC) {
        if (st != accumulated && err) *err = why;
        return st;
    }
    /* What a pass that was broken off has accumulated. */
    masa_optimizer_clear(optimizer);
    s->skipped++;
    s->skipped_in_row++;
    masa_warn(
        "step %ld: an update is left out, for its gradient is not finite (%d in a row); the "
        "metric skipped_updates marks the step",
        s->state.step + 1, s->skipped_in_row);
    return MASA_OK;
}

bool rl_session_diverged(const rl_session *s)
{
    return s->skipped_in_row >= 3;
}
