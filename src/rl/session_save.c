/* Writing a run's checkpoint, and ending a run with one. */
#include "session.h"

#include "factors.h"
#include "resume.h"

#include <masa/dist.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <unistd.h>

bool rl_session_wait_for_room(const rl_session *s, size_t bytes)
{
    if (!s->run) return false;
    size_t free = masa_run_room(s->run);
    if (free >= bytes || !s->config->train.wait_for_room) return false;
    for (int seconds = 0; (free = masa_run_room(s->run)) < bytes; seconds++) {
        if (rl_stop_asked(s)) return false;
        if (seconds % 60 == 0)
            masa_warn("%s: the disk is full (%zu MiB free, %zu needed); waiting for room",
                      masa_run_path(s->run), free >> 20, bytes >> 20);
        sleep(1);
    }
    return true;
}

static masa_status write_settings(const rl_session *s, const char *folder, masa_error *err)
{
    char *path = masa_path_join(folder, RL_SETTINGS_FILE);
    masa_status st = masa_config_write(s->config, path, err);
    free(path);
    return st;
}

static masa_status give_moments(void *optimizer, float *to, bool second, size_t first, size_t n,
                                masa_error *err)
{
    return masa_optimizer_moments(optimizer, to, second, first, n, err);
}

/* folder NULL: only gives those that this process keeps to the one that writes. */
static masa_status write_moments(masa_optimizer *optimizer, const char *folder,
                                 const char *name, masa_error *err)
{
    char *path = folder ? masa_path_join(folder, name) : NULL;
    masa_status st =
        masa_moments_write(path, give_moments, optimizer, masa_optimizer_count(optimizer),
                           (long)masa_optimizer_steps(optimizer), err);
    free(path);
    return st;
}

/* Moments come last, and whatever became of the rest (so far): those who keep them give them. */
static masa_status write_all_moments(rl_session *s, const char *folder, masa_status so_far,
                                     masa_error *err)
{
    masa_error unused = {0};
    masa_optimizer *optimizers[] = {s->optimizer, s->meta_optimizer};
    static const char *const names[] = {MASA_MOMENTS_FILE, MASA_META_MOMENTS_FILE};
    masa_status st = so_far;
    for (int i = 0; i < 2 && optimizers[i]; i++) {
        if (st != MASA_OK && !s->config->train.shard_optimizer) break;
        masa_status written = write_moments(optimizers[i], st == MASA_OK ? folder : NULL,
                                            names[i], st == MASA_OK ? err : &unused);
        if (st == MASA_OK) st = written;
    }
    return st;
}

/* Float32, so that a resumed run continues bit for bit. */
static masa_status write_checkpoint(rl_session *s, const char *folder, masa_error *err)
{
    masa_status st = rl_factors_save(s->lora, s, folder, RL_ADAPTER, err);
    if (st == MASA_OK)
        st = rl_factors_save(s->predictor, s, folder, MASA_PREDICTOR_FOLDER, err);
    if (st == MASA_OK && (!s->lora || s->config->lora.merge_on_save))
        st = rl_weights_save(s, folder, err);
    if (st == MASA_OK) st = masa_tokenizer_save(s->tokenizer, folder, err);
    return st == MASA_OK ? write_settings(s, folder, err) : st;
}

/* Bytes of a checkpoint: weights and moments are all that counts. */
static size_t checkpoint_bytes(const rl_session *s)
{
    size_t weights = masa_model_parameter_count(s->model), trained = weights;
    size_t numbers = 0;
    if (s->lora) numbers += trained = masa_lora_count(s->lora);
    if (!s->lora || s->config->lora.merge_on_save) numbers += weights;
    numbers += 2 * trained;
    if (s->predictor) numbers += 3 * masa_lora_count(s->predictor);
    else if (s->meta_optimizer) numbers += 2 * trained;
    return numbers * sizeof(float);
}

static masa_status check_weights_to_save(const rl_session *s, masa_error *err)
{
    if (masa_model_is_finite(s->model) &&
        (!s->lora || rl_all_finite(masa_lora_values(s->lora), masa_lora_count(s->lora))) &&
        (!s->predictor ||
         rl_all_finite(masa_lora_values(s->predictor), masa_lora_count(s->predictor))))
        return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_NUMERIC,
                     "the weights are not finite after step %ld and were not saved; --resume "
                     "goes on from the last checkpoint, best with a lower optimizer.lr",
                     s->state.step);
}

static masa_status try_to_save(rl_session *s, masa_error *err)
{
    const char *folder = NULL;
    masa_status st = masa_run_checkpoint_begin(s->run, s->state.step, &folder, err);
    if (st == MASA_OK) st = write_checkpoint(s, folder, err);
    st = write_all_moments(s, folder, st, err);
    if (st == MASA_OK) return masa_run_checkpoint_commit(s->run, &s->state, err);
    masa_run_checkpoint_abort(s->run);
    return st;
}

/* What has become of a try to save, from the process that made it to those that gave it their
 * moments. No vote: a run that ends by one saves, too. */
typedef struct saving {
    masa_status status;
    bool again;
} saving;

static masa_status give_to_save(rl_session *s, masa_error *err)
{
    saving what = {.again = true};
    masa_status st = masa_dist_spread(&what, sizeof what, 0, err);
    while (st == MASA_OK && what.again) {
        st = write_all_moments(s, NULL, MASA_OK, err);
        if (st == MASA_OK) st = masa_dist_spread(&what, sizeof what, 0, err);
    }
    if (st == MASA_OK && what.status != MASA_OK)
        st = MASA_FAIL(err, MASA_ERR_PEER, "rank 0 could not save");
    return st;
}

/* Of the process that keeps the record. */
static masa_status save_here(rl_session *s, masa_error *err)
{
    size_t bytes = checkpoint_bytes(s);
    bool sharded = s->config->train.shard_optimizer;
    masa_progress_phase(s->progress, "saving", 0, 0);
    saving what = {check_weights_to_save(s, err), true};
    what.again = what.status == MASA_OK;
    if (what.again) rl_session_wait_for_room(s, bytes);
    masa_status st = sharded ? masa_dist_spread(&what, sizeof what, 0, err) : MASA_OK;
    while (st == MASA_OK && what.again) {
        what.status = try_to_save(s, err);
        /* others may fill the room in the meantime; and there is the tokenizer */
        what.again = what.status == MASA_ERR_IO &&
                     rl_session_wait_for_room(s, bytes + ((size_t)16 << 20));
        if (sharded) st = masa_dist_spread(&what, sizeof what, 0, err);
    }
    return st == MASA_OK ? what.status : st;
}

masa_status rl_session_save(rl_session *s, masa_error *err)
{
    if (s->run) return save_here(s, err);
    return s->config->train.shard_optimizer ? give_to_save(s, err) : MASA_OK;
}

bool rl_session_save_due(const rl_session *s, long saved_step)
{
    long every = s->config->train.save_every, step = s->state.step;
    return (every > 0 && step > 0 && step % every == 0 && step != saved_step) ||
           (s->run && masa_run_improves(s->run, &s->state));
}

/* A step whose record waited for a locked store when the stop came. */
static bool lacks_record(const rl_session *s)
{
    long last;
    return s->run && s->state.step > 0 &&
           (masa_run_last_step(s->run, &last, NULL) != MASA_OK || last < s->state.step);
}

masa_status rl_session_stop(rl_session *s, masa_status why, bool save, long steps,
                            masa_error *err)
{
    masa_error cause = {0}, failed = {0};
    masa_status st = save ? rl_session_save(s, &failed) : MASA_OK;
    long step = s->state.step;
    if (err) cause = *err;
    if (st != MASA_OK)
        return MASA_FAIL(err, st,
                         "stopped after step %ld of %ld (%.200s); saving it failed: %s", step,
                         steps, cause.message, failed.message);
    if (rl_session_diverged(s))
        return MASA_FAIL(
            err, MASA_ERR_NUMERIC,
            "stopped after step %ld of %ld, which is saved with the last weights that "
            "are good: %d updates in a row had a gradient that is not finite; "
            "--resume goes on with the next problems, best with a lower optimizer.lr",
            step, steps, s->skipped_in_row);
    if (why != MASA_ERR_INTERRUPTED)
        return MASA_FAIL(err, why,
                         "%s; stopped after step %ld of %ld, which is saved: go on with "
                         "--resume",
                         cause.message, step, steps);
    if (lacks_record(s))
        return MASA_FAIL(err, why,
                         "%s; step %ld of %ld is saved without its metrics and rollouts: go on "
                         "with --resume",
                         cause.message, step, steps);
    return MASA_FAIL(err, why,
                     "stopped after step %ld of %ld, which is saved; go on with --resume", step,
                     steps);
}
