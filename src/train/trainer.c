#include <masa/trainer.h>

#include <masa/head.h>
#include <masa/memory.h>
#include <masa/pass.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"

struct masa_trainer {
    masa_trainer_options options;
    const masa_model_config *config;
    masa_pass *pass;
    pack pack;
    float *logprob, *entropy, *dlogprob; /* [tokens_per_pass] each, one allocation */
    double flops;                        /* of all passes */
};

void masa_trainer_destroy(masa_trainer *trainer)
{
    if (!trainer) return;
    masa_pass_destroy(trainer->pass);
    pack_deinit(&trainer->pack);
    free(trainer->logprob);
    free(trainer);
}

masa_status masa_trainer_create(masa_trainer **out, masa_model *model,
                                const masa_trainer_options *options, masa_error *err)
{
    masa_trainer *t = masa_alloc(1, sizeof *t);
    t->options = *options;
    t->config = masa_model_get_config(model);
    size_t tokens = options->tokens_per_pass;
    void *memory = NULL;
    masa_status st = pack_init(&t->pack, tokens, err);
    if (st == MASA_OK)
        st = masa_alloc_large(&memory, 3 * tokens, sizeof(float), "log-probabilities", err);
    if (st == MASA_OK) {
        t->logprob = memory;
        t->entropy = t->logprob + tokens;
        t->dlogprob = t->entropy + tokens;
        st = masa_pass_create(&t->pass, model, tokens, tokens, options->recompute, err);
    }
    if (st == MASA_OK) *out = t;
    else masa_trainer_destroy(t);
    return st;
}

size_t masa_trainer_bytes(const masa_model_config *config, masa_dtype compute,
                          const masa_trainer_options *options, bool trainable)
{
    size_t n = options->tokens_per_pass;
    size_t pass = trainable ? masa_pass_bytes(config, compute, n, n, options->recompute)
                            : masa_pass_bytes_untrainable(config, compute, n, n);
    size_t head = masa_head_bytes(config->vocab_size, config->hidden_size, compute,
                                  trainable && !options->recompute ? n : 0);
    size_t rest = pack_bytes(n) + 3 * n * sizeof(float);
    return pass > SIZE_MAX - rest || head > SIZE_MAX - rest - pass ? SIZE_MAX
                                                                   : pass + head + rest;
}

size_t masa_trainer_longest(const masa_trainer *trainer)
{
    size_t tokens = trainer->options.tokens_per_pass;
    size_t positions = trainer->config->max_positions;
    return tokens < positions ? tokens : positions;
}

double masa_trainer_flops(const masa_trainer *trainer)
{
    return trainer->flops;
}

/* Of the packed batch's way through all layers. A token sees itself and all before it. */
static double layers_flops(const masa_trainer *t)
{
    const masa_batch *b = &t->pack.batch;
    double context = 0, plain = masa_model_flops(t->config, 0, false);
    for (size_t i = 0; i < b->n_tokens; i++) context += b->positions[i] + 1;
    double attention = masa_model_flops(t->config, 1, false) - plain;
    return (double)b->n_tokens * plain + context * attention;
}

static double batch_flops(const masa_trainer *t)
{
    double head = masa_model_flops(t->config, 0, true) - masa_model_flops(t->config, 0, false);
    return layers_flops(t) + (double)t->pack.batch.n_targets * head;
}

static masa_status check_tokens(const masa_trainer *t, const int32_t *tokens, size_t n,
                                masa_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= t->config->vocab_size)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "token %d is not in the model's vocabulary of %zu; the tokenizer "
                             "is of another model",
                             (int)tokens[i], t->config->vocab_size);
    return MASA_OK;
}

/* Nothing that would not fit, or lead beyond a table of the model's. */
static masa_status check(const masa_trainer *t, const masa_sequence *sequences, size_t n,
                         masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        const masa_sequence *s = &sequences[i];
        size_t length = s->prompt_size + s->response_size;
        if (length > t->config->max_positions)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "a sequence of %zu tokens is longer than the model's context "
                             "of %zu",
                             length, t->config->max_positions);
        if (length > t->options.tokens_per_pass)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "a sequence of %zu tokens does not fit a pass of %zu; raise "
                             "optimizer.tokens_per_pass",
                             length, t->options.tokens_per_pass);
        st = check_tokens(t, s->prompt, s->prompt_size, err);
        if (st == MASA_OK) st = check_tokens(t, s->response, s->response_size, err);
    }
    return st;
}

/* Runs the packed batch, hands its log-probabilities to their sequences and adds up the
 * entropy. Where the policy's ratio is 1 by definition no loss would show a NaN. */
static masa_status forward(masa_trainer *t, const masa_sequence *sequences, size_t n,
                           double *entropy, masa_error *err)
{
    size_t targets = t->pack.batch.n_targets;
    masa_pass_forward(t->pass, &t->pack.batch);
    t->flops += batch_flops(t);
    masa_pass_logprobs(t->pass, t->logprob, t->entropy);
    const float *logprob = t->logprob;
    for (size_t i = 0; i < n; i++) {
        if (sequences[i].logprobs)
            memcpy(sequences[i].logprobs, logprob,
                   sequences[i].response_size * sizeof *logprob);
        logprob += sequences[i].response_size;
    }
    for (size_t k = 0; k < targets; k++) {
        if (!isfinite(t->logprob[k]))
            return MASA_FAIL(err, MASA_ERR_NUMERIC,
                             "the model's log-probabilities are not finite; lower "
                             "optimizer.lr, or check the model's weights");
        *entropy += t->entropy[k];
    }
    return MASA_OK;
}

masa_status masa_trainer_logprobs(masa_trainer *t, const masa_sequence *sequences, size_t n,
                                  double *mean_entropy, masa_error *err)
{
    masa_status st = check(t, sequences, n, err);
    double entropy = 0, tokens = 0;
    const volatile sig_atomic_t *stop = t->options.stop;
    for (size_t done = 0; st == MASA_OK && done < n;) {
        if (stop && *stop) return MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped");
        size_t packed = pack_fill(&t->pack, sequences + done, n - done, t->options.kept,
                                  t->options.temperature);
        st = forward(t, sequences + done, packed, &entropy, err);
        tokens += (double)t->pack.batch.n_targets;
        done += packed;
    }
    if (st == MASA_OK && mean_entropy) *mean_entropy = tokens > 0 ? entropy / tokens : 0;
    return st;
}

/* Mean and last of the rows of a prompt that ends with row `last`: those of its segment and of
 * what that continues. */
static void prompt_state(float *out, const float *rows, int32_t last, const masa_batch *b,
                         size_t hidden)
{
    float *mean = out;
    size_t n = 0;
    int32_t s = 0;
    while (b->segments[s].start + b->segments[s].length <= last) s++;
    memset(mean, 0, hidden * sizeof *mean);
    for (; s >= 0; s = b->segments[s].parent)
        for (int32_t i = 0; i < b->segments[s].length; i++, n++) {
            const float *row = rows + (size_t)(b->segments[s].start + i) * hidden;
            for (size_t j = 0; j < hidden; j++) mean[j] += row[j];
        }
    for (size_t j = 0; j < hidden; j++) mean[j] /= (float)n;
    memcpy(out + hidden, rows + (size_t)last * hidden, hidden * sizeof *out);
}

masa_status masa_trainer_prompt_states(masa_trainer *t, const masa_sequence *sequences,
                                       size_t n, size_t n_layers, float *out, masa_error *err)
{
    size_t hidden = t->config->hidden_size;
    void *rows = NULL;
    masa_status st = check(t, sequences, n, err);
    if (st == MASA_OK)
        st = masa_alloc_large(&rows, t->options.tokens_per_pass * hidden, sizeof(float),
                              "hidden states", err);
    const volatile sig_atomic_t *stop = t->options.stop;
    for (size_t done = 0; st == MASA_OK && done < n;) {
        if (stop && *stop) st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped");
        if (st != MASA_OK) break;
        size_t packed = pack_fill(&t->pack, sequences + done, n - done, NULL, 1);
        const masa_batch *b = &t->pack.batch;
        masa_pass_residual(t->pass, b, n_layers, rows);
        t->flops += layers_flops(t) * (double)n_layers / (double)t->config->n_layers;
        for (size_t i = 0; i < packed; i++)
            prompt_state(out + 2 * (done + i) * hidden, rows, b->target_rows[i], b, hidden);
        done += packed;
    }
    for (size_t i = 0; st == MASA_OK && i < 2 * n * hidden; i++)
        if (!isfinite(out[i]))
            st = MASA_FAIL(err, MASA_ERR_NUMERIC,
                           "the model's hidden states are not finite; lower optimizer.lr, or "
                           "check the model's weights");
    free(rows);
    return st;
}

/* d loss / d logprob of every target of the packed batch; returns the loss. */
static double differentiate(masa_trainer *t, const masa_sequence *sequences, size_t n,
                            const masa_objective *objective, masa_objective_stats *stats)
{
    double before = stats->loss;
    const float *logprob = t->logprob;
    float *dlogprob = t->dlogprob;
    for (size_t i = 0; i < n; i++) {
        const masa_sequence *s = &sequences[i];
        size_t size = s->response_size;
        if (objective) {
            masa_objective_apply(dlogprob, logprob, s->old_logprobs, s->ref_logprobs,
                                 s->importance, size, s->advantage, s->weight, objective,
                                 stats);
        } else {
            for (size_t k = 0; k < size; k++) {
                dlogprob[k] = -s->weight;
                stats->loss -= (double)s->weight * logprob[k];
            }
            stats->tokens += (double)size;
        }
        logprob += size;
        dlogprob += size;
    }
    return stats->loss - before;
}

masa_status masa_trainer_accumulate(masa_trainer *t, const masa_sequence *sequences, size_t n,
                                    const masa_objective *objective, masa_trainer_stats *stats,
                                    masa_error *err)
{
    masa_trainer_stats unused = {0};
    if (!stats) stats = &unused;
    masa_status st = check(t, sequences, n, err);
    for (size_t done = 0; st == MASA_OK && done < n;) {
        size_t packed = pack_fill(&t->pack, sequences + done, n - done, t->options.kept,
                                  t->options.temperature);
        st = forward(t, sequences + done, packed, &stats->entropy_sum, err);
        if (st != MASA_OK) break;
        double loss = differentiate(t, sequences + done, packed, objective, &stats->objective);
        if (!isfinite(loss))
            st = MASA_FAIL(err, MASA_ERR_NUMERIC,
                           "the loss is not finite: an advantage, or a log-probability of the "
                           "old or reference policy, is not");
        else masa_pass_backward(t->pass, t->dlogprob);
        t->flops += 2 * batch_flops(t);
        stats->passes++;
        stats->packed_tokens += t->pack.batch.n_tokens;
        if (t->pack.batch.kept) stats->recalled_tokens += t->pack.batch.n_tokens;
        done += packed;
    }
    return st;
}
