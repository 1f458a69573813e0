#include <masa/optimizer.h>

#include <masa/adamw.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

struct masa_optimizer {
    masa_model *model;
    masa_lora *lora;
    masa_optimizer_options options;
    float DEVICE *m, *v; /* [n] first and second moments, one allocation */
    size_t n;
    long step;
    bool projected; /* the factors' gradients are what the model's came to */
};

size_t masa_optimizer_bytes(size_t n)
{
    return 2 * n * sizeof(float);
}

masa_status masa_optimizer_create(masa_optimizer **out, masa_model *model, masa_lora *lora,
                                  const masa_optimizer_options *options, masa_error *err)
{
    size_t n = lora ? masa_lora_count(lora) : masa_model_parameter_count(model);
    void DEVICE *memory = NULL;
    masa_status st =
        masa_device_alloc(&memory, 2 * n, sizeof(float), "the optimiser's state", err);
    if (st != MASA_OK) return st;
    masa_optimizer *o = masa_alloc(1, sizeof *o);
    *o = (masa_optimizer){.model = model, .lora = lora, .options = *options, .n = n};
    o->m = memory;
    o->v = o->m + n;
    *out = o;
    return MASA_OK;
}

void masa_optimizer_destroy(masa_optimizer *optimizer)
{
    if (!optimizer) return;
    masa_device_free(optimizer->m);
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

/* Norms, biases and other vectors are not decayed. */
static void update_model(masa_optimizer *o, masa_adamw adam)
{
    size_t n;
    const masa_parameter *parameters = masa_model_parameters(o->model, &n);
    float DEVICE *values = masa_model_values(o->model), *grads = masa_model_grads(o->model);
    double decay = o->options.weight_decay;
    for (size_t i = 0; i < n; i++) {
        size_t at = parameters[i].offset, size = parameters[i].rows * parameters[i].cols;
        adam.weight_decay = parameters[i].decay ? (float)decay : 0;
        masa_adamw_update(values + at, o->m + at, o->v + at, grads + at, size, &adam);
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

void masa_optimizer_clear(masa_optimizer *o)
{
    o->projected = false;
    masa_device_zero(masa_model_grads(o->model),
                     masa_model_parameter_count(o->model) * sizeof(float));
}

masa_status masa_optimizer_step(masa_optimizer *o, double lr_scale, double *grad_norm,
                                masa_error *err)
{
    double lr = lr_scale * masa_optimizer_rate(o, (size_t)o->step + 1);
    return masa_optimizer_step_at(o, lr, grad_norm, err);
}

masa_status masa_optimizer_step_at(masa_optimizer *o, double lr, double *grad_norm,
                                   masa_error *err)
{
    size_t n;
    float DEVICE *grads = masa_optimizer_gradient(o, &n);
    double norm = sqrt(masa_sum_squares(grads, n));
    if (grad_norm) *grad_norm = norm;
    masa_status st = MASA_OK;
    if (!isfinite(norm)) {
        st = MASA_FAIL(err, MASA_ERR_NUMERIC,
                       "the gradient is not finite; nothing was updated. Lower "
                       "optimizer.lr, or compute in f32");
    } else {
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
        if (o->lora) {
            masa_adamw_update(masa_lora_values(o->lora), o->m, o->v, grads, n, &adam);
            masa_lora_merge(o->lora);
        } else {
            update_model(o, adam);
        }
        masa_model_refresh(o->model);
    }
    masa_optimizer_clear(o);
    return st;
}

size_t masa_optimizer_steps(const masa_optimizer *o)
{
    return (size_t)o->step;
}

masa_status masa_optimizer_map(masa_optimizer *o, masa_optimizer_state *state, bool write,
                               masa_error *err)
{
    void *host = NULL;
    masa_status st = masa_device_map(&host, o->m, masa_optimizer_bytes(o->n), write,
                                     "the optimiser's state", err);
    if (st != MASA_OK) return st;
    float *m = host;
    *state = (masa_optimizer_state){.m = m, .v = m + o->n, .n = o->n, .step = &o->step};
    return MASA_OK;
}

void masa_optimizer_unmap(masa_optimizer *o, masa_optimizer_state *state, bool write)
{
    masa_device_unmap(state->m, o->m, masa_optimizer_bytes(o->n), write);
    *state = (masa_optimizer_state){0};
}
