#include "session.h"

#include <masa/adamw.h>
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The adapter's folder in a checkpoint. Beside merged weights, transformers would apply it
 * to them once more. */
#define ADAPTER "adapter"

masa_dtype rl_compute_dtype(const masa_config *config)
{
    switch (config->model.compute) {
    case MASA_CONFIG_COMPUTE_F32: return MASA_F32;
    case MASA_CONFIG_COMPUTE_BF16: return MASA_BF16;
    default: return masa_device_compute();
    }
}

/* A run without a checkpoint begins again, which drops what is on record: steps only when
 * that is asked for. */
static masa_status resume_run(rl_session *s, const char *folder, bool restart, masa_error *err)
{
    long last = 0;
    masa_status st = masa_run_resume(&s->run, folder, err);
    if (st == MASA_OK) st = masa_run_checkpoint_find(folder, &s->checkpoint, &s->state, err);
    if (st == MASA_OK && !s->checkpoint) st = masa_run_last_step(s->run, &last, err);
    if (st == MASA_OK && last > 0 && !restart)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s has %ld steps on record and no checkpoint to go on from; if "
                       "checkpoints/ was moved, bring it back; --resume --restart drops the "
                       "record and begins again",
                       folder, last);
    return st;
}

static masa_status open_tokenizer(rl_session *s, masa_error *err)
{
    const masa_config *c = s->config;
    masa_status st = masa_tokenizer_load(&s->tokenizer, c->model.path, err);
    if (st == MASA_OK) st = masa_chat_family_parse(&s->family, c->model.chat_template, err);
    if (st == MASA_OK) st = masa_chat_family_resolve(&s->family, s->tokenizer, err);
    if (st == MASA_OK)
        s->n_stop_tokens = masa_chat_stop_tokens(s->stop_tokens, s->tokenizer, s->family);
    return st;
}

/* The squares of finite floats have a finite sum in float64. */
static bool all_finite(const float DEVICE *values, size_t n)
{
    return isfinite(masa_sum_squares(values, n));
}

static masa_status check_weights(masa_model *model, const char *path, masa_error *err)
{
    return all_finite(masa_model_values(model), masa_model_parameter_count(model))
               ? MASA_OK
               : MASA_FAIL(err, MASA_ERR_NUMERIC, "%s has weights that are not finite", path);
}

/* Factors train on top of the starting weights, which stay where they came from; all
 * weights go on from the checkpoint. */
static masa_status open_model(rl_session *s, const rl_session_options *wants,
                              masa_error *err)
{
    const masa_config *c = s->config;
    bool factors = c->lora.rank > 0;
    masa_model_options options = {rl_compute_dtype(c), true};
    const char *path = s->checkpoint && !factors ? s->checkpoint : c->model.path;
    masa_status st = masa_model_load(&s->model, path, &options, err);
    if (st == MASA_OK) st = check_weights(s->model, path, err);
    if (st == MASA_OK && wants->reference) {
        options.trainable = false;
        st = masa_model_load(&s->reference, c->model.path, &options, err);
    }
    if (st != MASA_OK || !factors) return st;
    masa_lora_options lora = {.rank = (size_t)c->lora.rank,
                              .alpha = c->lora.alpha,
                              .targets = c->lora.targets,
                              .seed = (uint64_t)c->train.seed};
    st = masa_lora_create(&s->lora, s->model, &lora, err);
    if (st == MASA_OK && s->checkpoint) {
        char *adapter = masa_path_join(s->checkpoint, ADAPTER);
        st = masa_lora_load(s->lora, adapter, err);
        if (st == MASA_OK) masa_model_refresh(s->model);
        free(adapter);
    }
    return st;
}

static masa_status read_moments(const rl_session *s, masa_optimizer *optimizer,
                                const char *name, masa_error *err)
{
    masa_optimizer_state state;
    masa_status st = masa_optimizer_map(optimizer, &state, true, err);
    if (st != MASA_OK) return st;
    char *path = masa_path_join(s->checkpoint, name);
    st = masa_moments_read(path, state.m, state.v, state.n, state.step, err);
    masa_optimizer_unmap(optimizer, &state, true);
    free(path);
    return st;
}

static masa_status write_moments(masa_optimizer *optimizer, const char *folder,
                                 const char *name, masa_error *err)
{
    masa_optimizer_state state;
    masa_status st = masa_optimizer_map(optimizer, &state, false, err);
    if (st != MASA_OK) return st;
    char *path = masa_path_join(folder, name);
    st = masa_moments_write(path, state.m, state.v, state.n, *state.step, err);
    masa_optimizer_unmap(optimizer, &state, false);
    free(path);
    return st;
}

static masa_status open_optimizers(rl_session *s, const rl_session_options *wants,
                                   masa_error *err)
{
    const masa_config *c = s->config;
    masa_optimizer_options options = {
        .lr = c->optimizer.lr,
        .beta1 = c->optimizer.beta1,
        .beta2 = c->optimizer.beta2,
        .eps = c->optimizer.eps,
        .weight_decay = c->optimizer.weight_decay,
        .grad_clip = c->optimizer.grad_clip,
        .schedule = (masa_schedule)c->optimizer.schedule,
        .warmup_steps = (size_t)c->optimizer.warmup_steps,
        .total_steps = (size_t)wants->total_updates,
    };
    masa_status st = masa_optimizer_create(&s->optimizer, s->model, s->lora, &options, err);
    if (st == MASA_OK && s->checkpoint)
        st = read_moments(s, s->optimizer, MASA_MOMENTS_FILE, err);
    if (st != MASA_OK || !wants->meta_optimizer) return st;
    options.schedule = MASA_SCHEDULE_CONSTANT; /* nobody knows how many updates there will be */
    st = masa_optimizer_create(&s->meta_optimizer, s->model, s->lora, &options, err);
    if (st == MASA_OK && s->checkpoint)
        st = read_moments(s, s->meta_optimizer, MASA_META_MOMENTS_FILE, err);
    return st;
}

static masa_status open_trainer(rl_session *s, const rl_session_options *wants,
                                masa_error *err)
{
    masa_trainer_options options = {
        .tokens_per_pass = (size_t)s->config->optimizer.tokens_per_pass,
        .checkpoint = wants->checkpoint,
        .temperature = wants->temperature,
    };
    masa_status st = MASA_OK;
    /* What a run learns must not depend on the memory that is free: where the setting leaves it
     * open, activations are kept only if that changes no bit. */
    bool keep = s->config->rollout.kept_memory >= 0 || masa_model_rows_agree(s->model);
    if (wants->kept_rows && keep)
        st = masa_activations_create(&s->kept, s->model, wants->kept_rows, err);
    if (st != MASA_OK) return st;
    options.kept = s->kept;
    st = masa_trainer_create(&s->trainer, s->model, &options, err);
    options.kept = NULL; /* they are the policy's */
    if (st == MASA_OK && s->reference)
        st = masa_trainer_create(&s->reference_trainer, s->reference, &options, err);
    return st;
}

masa_status rl_session_open(rl_session *s, const masa_config *config, const char *folder,
                            const masa_train_options *options,
                            const rl_session_options *wants, masa_error *err)
{
    *s = (rl_session){.config = config, .stop = options->stop, .log = options->progress};
    if (config->train.threads) masa_threads_set((int)config->train.threads);
    masa_status st = masa_config_require(config, "model.path", err);
    if (st == MASA_OK) st = open_tokenizer(s, err);
    if (st == MASA_OK && options->resume) st = resume_run(s, folder, options->restart, err);
    if (st == MASA_OK) st = open_model(s, wants, err);
    if (st == MASA_OK) st = open_optimizers(s, wants, err);
    if (st == MASA_OK) st = open_trainer(s, wants, err);
    return st;
}

masa_status rl_session_start(rl_session *s, const char *folder,
                             const rl_session_options *wants, masa_error *err)
{
    long step = s->checkpoint ? s->state.step : -1;
    masa_status st = s->run ? masa_run_continue(s->run, s->config, step, err)
                            : masa_run_create(&s->run, folder, s->config, err);
    if (st == MASA_OK)
        st = masa_store_set_info(masa_run_store(s->run), "model", s->config->model.path, err);
    if (st == MASA_OK) s->progress = masa_progress_create(s->log, wants->total_steps);
    return st;
}

void rl_session_close(rl_session *s)
{
    masa_progress_destroy(s->progress);
    masa_trainer_destroy(s->reference_trainer);
    masa_trainer_destroy(s->trainer);
    masa_activations_destroy(s->kept);
    masa_optimizer_destroy(s->meta_optimizer);
    masa_optimizer_destroy(s->optimizer);
    masa_lora_destroy(s->lora);
    masa_model_destroy(s->reference);
    masa_model_destroy(s->model);
    masa_tokenizer_destroy(s->tokenizer);
    masa_run_close(s->run);
    masa_run_state_deinit(&s->state);
    free(s->checkpoint);
    *s = (rl_session){0};
}

masa_status rl_session_update(rl_session *s, masa_optimizer *optimizer,
                              masa_status accumulated, double lr, double *norm,
                              bool *made, masa_error *err)
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
    masa_device_zero(masa_model_grads(s->model),
                     masa_model_parameter_count(s->model) * sizeof(float));
    s->skipped++;
    s->skipped_in_row++;
    masa_warn("step %ld: an update is left out, for its gradient is not finite (%d in a row); the "
              "metric skipped_updates marks the step",
              s->state.step + 1, s->skipped_in_row);
    return MASA_OK;
}

bool rl_session_diverged(const rl_session *s)
{
    return s->skipped_in_row >= 3;
}

masa_status rl_session_stop(rl_session *s, bool save, long steps, masa_error *err)
{
    masa_error why = {0};
    masa_status st = save ? rl_session_save(s, &why) : MASA_OK;
    if (st != MASA_OK)
        return MASA_FAIL(err, st, "stopped after step %ld of %ld; saving it failed: %s",
                         s->state.step, steps, why.message);
    if (rl_session_diverged(s))
        return MASA_FAIL(err, MASA_ERR_NUMERIC,
                         "stopped after step %ld of %ld, which is saved with the last weights that "
                         "are good: %d updates in a row had a gradient that is not finite; "
                         "--resume goes on with the next problems, best with a lower optimizer.lr",
                         s->state.step, steps, s->skipped_in_row);
    return MASA_FAIL(err, MASA_ERR_INTERRUPTED,
                     "stopped after step %ld of %ld, which is saved; go on with --resume",
                     s->state.step, steps);
}

/* Float32, so that a resumed run continues bit for bit. */
static masa_status write_checkpoint(rl_session *s, const char *folder, masa_error *err)
{
    masa_status st = MASA_OK;
    if (s->lora) {
        char *adapter = masa_path_join(folder, ADAPTER);
        st = masa_folder_create(adapter, err);
        if (st == MASA_OK) st = masa_lora_save(s->lora, adapter, s->config->model.path, err);
        free(adapter);
    }
    if (st == MASA_OK && (!s->lora || s->config->lora.merge_on_save))
        st = masa_model_save(s->model, folder, MASA_SAVE_F32, err);
    if (st == MASA_OK) st = masa_tokenizer_save(s->tokenizer, folder, err);
    if (st == MASA_OK) st = write_moments(s->optimizer, folder, MASA_MOMENTS_FILE, err);
    if (st == MASA_OK && s->meta_optimizer)
        st = write_moments(s->meta_optimizer, folder, MASA_META_MOMENTS_FILE, err);
    return st;
}

masa_status rl_session_save(rl_session *s, masa_error *err)
{
    const char *folder;
    masa_progress_phase(s->progress, "saving", 0, 0);
    if (!all_finite(masa_model_values(s->model), masa_model_parameter_count(s->model)) ||
        (s->lora && !all_finite(masa_lora_values(s->lora), masa_lora_count(s->lora))))
        return MASA_FAIL(err, MASA_ERR_NUMERIC,
                         "the weights are not finite after step %ld and were not saved; --resume "
                         "goes on from the last checkpoint, best with a lower optimizer.lr",
                         s->state.step);
    masa_status st = masa_run_checkpoint_begin(s->run, s->state.step, &folder, err);
    if (st != MASA_OK) return st;
    st = write_checkpoint(s, folder, err);
    if (st == MASA_OK) return masa_run_checkpoint_commit(s->run, &s->state, err);
    masa_run_checkpoint_abort(s->run);
    return st;
}
