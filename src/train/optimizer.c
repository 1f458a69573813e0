#include <masa/optimizer.h>

#include <masa/adamw.h>
#include <masa/dist.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

#include "optimizer_moments.h"

struct masa_optimizer {
    masa_model *model;
    masa_lora *lora;
    masa_optimizer_options options;
    moments moments; /* [kept] */
    size_t n, kept;
    masa_dist_part own; /* of the n numbers; all of them unless they are sharded */
    long step;
    bool projected; /* the factors' gradients are what the model's came to */
};

/* Parts begin where sums of squares do, so that the gradient's norm is the same however many
 * there are. */
static masa_dist_part part_of(size_t rank, size_t n, bool sharded)
{
    return sharded ? masa_dist_part_of(rank, n, MASA_SQUARES) : (masa_dist_part){0, n};
}

size_t masa_optimizer_bytes(size_t n, const masa_optimizer_options *options)
{
    masa_dist_part own = part_of(masa_dist_rank(), n, options->sharded);
    return moments_bytes(own.last - own.first, options->moments, options->on_host);
}

masa_status masa_optimizer_create(masa_optimizer **out, masa_model *model, masa_lora *lora,
                                  const masa_optimizer_options *options, masa_error *err)
{
    size_t n = lora ? masa_lora_count(lora) : masa_model_parameter_count(model);
    masa_dist_part own = part_of(masa_dist_rank(), n, options->sharded);
    size_t kept = own.last - own.first;
    moments state;
    masa_status st = moments_init(&state, kept, options->moments, options->on_host, err);
    if (st != MASA_OK) return st;
    masa_optimizer *o = masa_alloc(1, sizeof *o);
    *o = (masa_optimizer){.model = model, .lora = lora, .options = *options, .n = n};
    o->own = own;
    o->kept = kept;
    o->moments = state;
    *out = o;
    return MASA_OK;
}

void masa_optimizer_destroy(masa_optimizer *optimizer)
{
    if (!optimizer) return;
    moments_deinit(&optimizer->moments);
    free(optimizer);
}

double masa_learning_rate(const masa_optimizer_options *o, size_t step)
{
    if (step < o->warmup_steps) return o->lr * (double)step / (double)o->warmup_steps;
    if (o->schedule == MASA_SCHEDULE_CONSTANT) return o->lr;
    size_t after_warmup = o->warmup_steps ? o->warmup_steps : 1;
    if (step > o->total_steps) return 0;
    /* Above 0 for the last step too: it would be for nothing otherwise. */
    double span = (double)(o->total_steps + 1 - after_warmup);
    double done = (double)(step - after_warmup) / span;
    return o->schedule == MASA_SCHEDULE_LINEAR ? o->lr * (1 - done)
                                               : o->lr * 0.5 * (1 + cos(M_PI * done));
}

/* Numbers first to first + n - 1, as far as they are this process's. */
static void update_some(const masa_optimizer *o, float DEVICE *values,
                        const float DEVICE *grads, size_t first, size_t n, masa_adamw adam)
{
    size_t last = first + n < o->own.last ? first + n : o->own.last;
    if (first < o->own.first) first = o->own.first;
    if (first >= last) return;
    adam.first = first;
    moments_step(&o->moments, values + first, grads + first, first - o->own.first, last - first,
                 &adam);
}

/* Norms, biases and other vectors are not decayed. */
static void update_model(const masa_optimizer *o, masa_adamw adam)
{
    size_t n;
    const masa_parameter *parameters = masa_model_parameters(o->model, &n);
    double decay = o->options.weight_decay;
    for (size_t i = 0; i < n; i++) {
        adam.weight_decay = parameters[i].decay ? (float)decay : 0;
        update_some(o, masa_model_values(o->model), masa_model_grads(o->model),
                    parameters[i].offset, parameters[i].rows * parameters[i].cols, adam);
    }
}

void masa_optimizer_set_total(masa_optimizer *optimizer, size_t total_steps)
{
    optimizer->options.total_steps = total_steps;
}

double masa_optimizer_rate(const masa_optimizer *o, size_t update)
{
    return masa_learning_rate(&o->options, update);
}

float DEVICE *masa_optimizer_gradient(masa_optimizer *o, size_t *n)
{
    if (o->lora && !o->projected) masa_lora_project(o->lora);
    o->projected = true;
    *n = o->n;
    return o->lora ? masa_lora_grads(o->lora) : masa_model_grads(o->model);
}

masa_status masa_optimizer_sum(masa_optimizer *o, masa_error *err)
{
    size_t n;
    float DEVICE *gradient = masa_optimizer_gradient(o, &n);
    return o->options.sharded ? masa_dist_sum_part(gradient, n, MASA_SQUARES, err)
                              : masa_dist_sum(gradient, n, err);
}

void masa_optimizer_clear(masa_optimizer *o)
{
    o->projected = false;
    if (o->lora) masa_lora_clear(o->lora);
    if (masa_model_grads(o->model))
        masa_device_zero(masa_model_grads(o->model),
                         masa_model_parameter_count(o->model) * sizeof(float));
}

masa_status masa_optimizer_step(masa_optimizer *o, double lr_scale, double *grad_norm,
                                masa_error *err)
{
    double lr = lr_scale * masa_optimizer_rate(o, (size_t)o->step + 1);
    return masa_optimizer_step_at(o, lr, grad_norm, err);
}

/* Of the whole gradient, by sums of which each process has those of its part. */
static masa_status gradient_norm(double *norm, const masa_optimizer *o,
                                 const float DEVICE *gradient, masa_error *err)
{
    size_t blocks = (o->n + MASA_SQUARES - 1) / MASA_SQUARES;
    double *sums = masa_alloc(blocks + 1, sizeof *sums), sum = 0;
    masa_sums_of_squares(sums + o->own.first / MASA_SQUARES, gradient + o->own.first, o->kept);
    masa_status st = MASA_OK;
    if (o->options.sharded) st = masa_dist_sum_doubles(sums, blocks, err); /* others are 0 */
    for (size_t b = 0; b < blocks; b++) sum += sums[b];
    free(sums);
    *norm = sqrt(sum);
    return st;
}

static masa_status update(masa_optimizer *o, const float DEVICE *gradient,
                          const masa_adamw *adam, masa_error *err)
{
    float DEVICE *values = o->lora ? masa_lora_values(o->lora) : masa_model_values(o->model);
    masa_status st = MASA_OK;
    if (o->lora) update_some(o, values, gradient, 0, o->n, *adam);
    else update_model(o, *adam);
    if (o->options.sharded) st = masa_dist_share_parts(values, o->n, MASA_SQUARES, err);
    if (o->lora) masa_lora_merge(o->lora);
    masa_model_refresh(o->model);
    return st;
}

masa_status masa_optimizer_step_at(masa_optimizer *o, double lr, double *grad_norm,
                                   masa_error *err)
{
    size_t n;
    double norm;
    const float DEVICE *gradient = masa_optimizer_gradient(o, &n);
    masa_status st = gradient_norm(&norm, o, gradient, err);
    if (grad_norm) *grad_norm = norm;
    if (st == MASA_OK && !isfinite(norm))
        st = MASA_FAIL(err, MASA_ERR_NUMERIC,
                       "the gradient is not finite; nothing was updated. Lower "
                       "optimizer.lr, or compute in f32");
    if (st == MASA_OK) {
        double clip = o->options.grad_clip;
        o->step++;
        masa_adamw adam = {
            .lr = (float)lr,
            .beta1 = (float)o->options.beta1,
            .beta2 = (float)o->options.beta2,
            .eps = (float)o->options.eps,
            .weight_decay = (float)o->options.weight_decay,
            .grad_scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1,
            .step = o->step,
        };
        st = update(o, gradient, &adam, err);
    }
    masa_optimizer_clear(o);
    return st;
}

size_t masa_optimizer_steps(const masa_optimizer *o)
{
    return (size_t)o->step;
}

size_t masa_optimizer_count(const masa_optimizer *o)
{
    return o->n;
}

void masa_optimizer_restore(masa_optimizer *o, const float *from, bool second)
{
    moments_put(&o->moments, from + o->own.first, second, 0, o->kept);
}

void masa_optimizer_set_steps(masa_optimizer *o, long steps)
{
    o->step = steps;
}

masa_status masa_optimizer_moments(masa_optimizer *o, float *to, bool second, size_t first,
                                   size_t n, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t r = 0; st == MASA_OK && r < masa_dist_size(); r++) {
        bool mine = !o->options.sharded || r == masa_dist_rank();
        masa_dist_part part = part_of(r, o->n, o->options.sharded);
        size_t a = part.first > first ? part.first : first;
        size_t b = part.last < first + n ? part.last : first + n;
        if (a >= b) continue;
        if (mine) moments_get(&o->moments, to + (a - first), second, a - part.first, b - a);
        if (!o->options.sharded) break;
        st = masa_dist_spread(to + (a - first), (b - a) * sizeof *to, r, err);
    }
    return st;
}
