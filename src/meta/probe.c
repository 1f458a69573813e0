#include <masa/probe.h>

#include <masa/memory.h>
#include <masa/random.h>

#include "logistic.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = MASA_PROBE_FEATURES, HALF = MASA_PROBE_HALF };

/* Newton's method ends when the gradient is so much smaller than at first. Each of its steps
 * solves for the direction by conjugate gradients, to within a tenth of the gradient. */
static const double precise = 1e-4, direction_precise = 0.1;
enum { NEWTON_STEPS = 30, CONJUGATE_STEPS = 60 };

void masa_probe_deinit(masa_probe *p)
{
    free(p->groups);
    *p = (masa_probe){0};
}

/* Row i of R: 256 signs, as bits. */
static void signs(uint32_t bits[HALF / 32], size_t i)
{
    static const uint32_t key[2] = {0x70726f62, 0x65};
    for (uint32_t block = 0; block < HALF / 128; block++)
        masa_philox(bits + 4 * block, (uint32_t[4]){(uint32_t)i, block, 0, 0}, key);
}

/* Divides by the root mean square and projects. */
static void project(float out[HALF], const float *x, size_t n)
{
    double squares = 0, sum[HALF] = {0};
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * x[i];
    for (size_t i = 0; i < n; i++) {
        uint32_t bits[HALF / 32];
        signs(bits, i);
        for (size_t j = 0; j < HALF; j++)
            sum[j] += bits[j / 32] >> j % 32 & 1 ? (double)x[i] : -(double)x[i];
    }
    /* rms sqrt(n) is the norm. */
    double norm = squares > 0 ? sqrt(squares) : 1;
    for (size_t j = 0; j < HALF; j++) out[j] = (float)(sum[j] / norm);
}

void masa_probe_features(float features[FEATURES], const float *mean, const float *last,
                         size_t hidden)
{
    project(features, mean, hidden);
    project(features + HALF, last, hidden);
}

void masa_probe_observe(masa_probe *p, const float features[FEATURES], double right,
                        double wrong)
{
    if (!p->groups) p->groups = masa_alloc(MASA_PROBE_MOST, sizeof *p->groups);
    if (p->n == MASA_PROBE_MOST) memmove(p->groups, p->groups + 1, --p->n * sizeof *p->groups);
    masa_probe_group *g = &p->groups[p->n++];
    memcpy(g->features, features, sizeof g->features);
    g->right = right;
    g->wrong = wrong;
}

/* ---- the fit ---- */

/* The groups as the fit takes them. */
typedef struct problem {
    const masa_probe_group *groups;
    size_t n;
    double bias;
    double *z;     /* [n, FEATURES] */
    double *curve; /* [n] second derivative of the loss by the logit */
    double *logit; /* [n] */
} problem;

/* log(1 + exp(x)) without overflow. */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* Eight sums beside one another, which a compiler makes vectors of. */
static double dot(const double *a, const double *b)
{
    double sum[8] = {0}, all = 0;
    for (size_t j = 0; j < FEATURES; j += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += a[j + k] * b[j + k];
    for (size_t k = 0; k < 8; k++) all += sum[k];
    return all;
}

static void add(double *to, const double *x, double factor)
{
    for (size_t j = 0; j < FEATURES; j++) to[j] += factor * x[j];
}

/* z and what makes it of features: mean, and in weight the factor. */
static void standardise(problem *q, masa_probe *p)
{
    double squares[FEATURES] = {0}, all = 0;
    memset(p->mean, 0, sizeof p->mean);
    for (size_t i = 0; i < q->n; i++)
        for (size_t j = 0; j < FEATURES; j++)
            p->mean[j] += q->groups[i].features[j] / (double)q->n;
    for (size_t i = 0; i < q->n; i++)
        for (size_t j = 0; j < FEATURES; j++) {
            double *z = &q->z[i * FEATURES + j];
            *z = q->groups[i].features[j] - p->mean[j];
            squares[j] += *z * *z / (double)q->n;
        }
    for (size_t j = 0; j < FEATURES; j++) all += squares[j] / FEATURES;
    for (size_t j = 0; j < FEATURES; j++) {
        /* One that hardly varies, or only by rounding, is not blown up. */
        double deviation = sqrt(squares[j]) + 1e-3 * sqrt(all) + 1e-6 * fabs(p->mean[j]);
        p->weight[j] = deviation > 0 ? 1 / (deviation * sqrt(FEATURES)) : 0;
    }
    for (size_t i = 0; i < q->n; i++)
        for (size_t j = 0; j < FEATURES; j++) q->z[i * FEATURES + j] *= p->weight[j];
}

/* What is minimised, at v; sets the logits. */
static double loss_at(problem *q, const double v[FEATURES])
{
    double loss = dot(v, v) / 2;
    for (size_t i = 0; i < q->n; i++) {
        double f = q->logit[i] = q->bias + dot(v, q->z + i * FEATURES);
        loss += q->groups[i].right * softplus(-f) + q->groups[i].wrong * softplus(f);
    }
    return loss;
}

/* The gradient at v, whose logits are set, and the curves. */
static void differentiate(double gradient[FEATURES], problem *q, const double v[FEATURES])
{
    memcpy(gradient, v, FEATURES * sizeof *gradient);
    for (size_t i = 0; i < q->n; i++) {
        double p = meta_logistic(q->logit[i]), n = q->groups[i].right + q->groups[i].wrong;
        q->curve[i] = n * p * (1 - p);
        add(gradient, q->z + i * FEATURES, n * p - q->groups[i].right);
    }
}

/* out = (1 + z' curve z) x: the second derivative times x. */
static void multiply(double out[FEATURES], const problem *q, const double x[FEATURES])
{
    memcpy(out, x, FEATURES * sizeof *out);
    for (size_t i = 0; i < q->n; i++) {
        const double *z = q->z + i * FEATURES;
        add(out, z, q->curve[i] * dot(z, x));
    }
}

/* Newton's direction: the second derivative's inverse times the gradient. */
static void solve(double out[FEATURES], const problem *q, const double gradient[FEATURES])
{
    double rest[FEATURES], along[FEATURES], image[FEATURES];
    memset(out, 0, FEATURES * sizeof *out);
    memcpy(rest, gradient, sizeof rest);
    memcpy(along, gradient, sizeof along);
    double size = dot(rest, rest), enough = direction_precise * direction_precise * size;
    for (int step = 0; step < CONJUGATE_STEPS && size > enough; step++) {
        multiply(image, q, along);
        double by = size / dot(along, image), before = size;
        add(out, along, by);
        add(rest, image, -by);
        size = dot(rest, rest);
        for (size_t j = 0; j < FEATURES; j++) along[j] = rest[j] + size / before * along[j];
    }
}

/* A step along the direction, halved until the loss falls by what its slope promises a bit of;
 * false where it does not for lack of digits. */
static bool descend(double v[FEATURES], double *loss, problem *q,
                    const double direction[FEATURES], double slope)
{
    double moved[FEATURES];
    for (double by = 1; by > 1e-6; by /= 2) {
        memcpy(moved, v, sizeof moved);
        add(moved, direction, -by);
        double there = loss_at(q, moved);
        if (!(there <= *loss - 1e-4 * by * slope)) continue;
        memcpy(v, moved, sizeof moved);
        *loss = there;
        return true;
    }
    return false;
}

static void minimise(double v[FEATURES], problem *q)
{
    double gradient[FEATURES], direction[FEATURES], first = 0;
    memset(v, 0, FEATURES * sizeof *v);
    double loss = loss_at(q, v);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        differentiate(gradient, q, v);
        double size = sqrt(dot(gradient, gradient));
        if (step == 0) first = size;
        if (size <= precise * first) break;
        solve(direction, q, gradient);
        if (!descend(v, &loss, q, direction, dot(direction, gradient))) break;
    }
}

void masa_probe_learn(masa_probe *p)
{
    double v[FEATURES], right = 0, wrong = 0;
    p->learned = p->n > 0;
    if (!p->learned) return;
    problem q = {.groups = p->groups, .n = p->n};
    q.z = masa_alloc(p->n * (FEATURES + 2), sizeof *q.z);
    q.curve = q.z + p->n * FEATURES;
    q.logit = q.curve + p->n;
    for (size_t i = 0; i < p->n; i++) {
        right += p->groups[i].right;
        wrong += p->groups[i].wrong;
    }
    /* Half a rollout of either kind more, so that there is a logit. */
    q.bias = p->bias = log((right + 0.5) / (wrong + 0.5));
    standardise(&q, p);
    minimise(v, &q);
    for (size_t j = 0; j < FEATURES; j++) p->weight[j] *= v[j];
    free(q.z);
}

double masa_probe_pass_rate(const masa_probe *p, const float features[FEATURES])
{
    double f = p->bias;
    for (size_t j = 0; j < FEATURES; j++) f += p->weight[j] * (features[j] - p->mean[j]);
    return meta_logistic(f);
}
