/* rl_method in a checkpoint: a JSON object in state.json's `extra`. */
#include "method.h"

#include <masa/memory.h>

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *rl_experts_save(const rl_experts *experts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < experts->n; i++)
        json_array_append_new(list, json_pack("[I,s]", (json_int_t)experts->items[i].draw,
                                              experts->items[i].text));
    return list;
}

/* Only problems that were rolled out: [index, right, wrong, step]. */
static json_t *save_beliefs(const rl_method *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_beliefs; i++) {
        const masa_belief *b = &m->beliefs[i];
        if (b->right + b->wrong > 0)
            json_array_append_new(list, json_pack("[I,f,f,I]", (json_int_t)i, b->right,
                                                  b->wrong, (json_int_t)b->step));
    }
    return list;
}

/* The problems' indices. */
static json_t *save_shut(const rl_method *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_beliefs; i++)
        if (m->shut[i]) json_array_append_new(list, json_integer((json_int_t)i));
    return list;
}

static json_t *save_calibration(const masa_calibration *c)
{
    return json_pack("[f,f,f,f,f,f]", c->pass_rate_weight, c->pass_rate_error, c->length_weight,
                     c->length_error, c->gate_weight, c->gate_right);
}

static json_t *save_numbers(const double *numbers, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_real(numbers[i]));
    return list;
}

static json_t *save_groups(const masa_gate_fit *fit)
{
    size_t n = MASA_GATE_FIT_NUMBERS * fit->n;
    double *numbers = masa_alloc(n + 1, sizeof *numbers);
    masa_gate_fit_export(numbers, fit);
    json_t *list = save_numbers(numbers, n);
    free(numbers);
    return list;
}

/* Features as the bits of float32 in hexadecimal, 8 digits each. */
enum { HEX = 8 };

static json_t *save_probe(const masa_probe *probe)
{
    json_t *list = json_array();
    char text[HEX * MASA_PROBE_FEATURES + 1];
    for (size_t i = 0; i < probe->n; i++) {
        const masa_probe_group *g = &probe->groups[i];
        for (size_t j = 0; j < MASA_PROBE_FEATURES; j++) {
            uint32_t bits;
            memcpy(&bits, &g->features[j], sizeof bits);
            snprintf(text + HEX * j, HEX + 1, "%08x", (unsigned)bits);
        }
        json_array_append_new(list, json_pack("[f,f,s]", g->right, g->wrong, text));
    }
    return list;
}

/* Only bands that were seen: [index, sum of squares, counts]. */
static json_t *save_cutoff(const masa_cutoff_fit *fit)
{
    json_t *list = json_array();
    for (size_t b = 0; b < MASA_CUTOFF_FIT_BANDS; b++)
        if (fit->squares[b] > 0)
            json_array_append_new(
                list, json_pack("[I,f,o]", (json_int_t)b, fit->squares[b],
                                save_numbers(fit->counts[b], MASA_CUTOFF_FIT_BINS)));
    return list;
}

char *rl_method_save(const rl_method *m)
{
    json_t *json = json_pack(
        "{s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:[f,f],s:o}", "warm_started", m->warm_started,
        "acting", m->acting, "calibration", save_calibration(&m->calibration), "fit",
        save_groups(&m->fit), "probe", save_probe(&m->probe), "cutoff", save_cutoff(&m->cutoff),
        "beliefs", save_beliefs(m), "shut", save_shut(m), "gated", m->gated.draws,
        m->gated.gated, "experts", rl_experts_save(&m->experts));
    if (m->warm_start)
        json_object_set_new(json, "warm_start", json_loads(m->warm_start, 0, NULL));
    /* 17 digits give every double back. */
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

bool rl_experts_load(rl_experts *experts, const json_t *list)
{
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        json_int_t draw;
        const char *text;
        ok = json_unpack(json_array_get(list, i), "[I,s]", &draw, &text) == 0 && draw >= 0;
        if (ok) rl_experts_add(experts, (uint64_t)draw, masa_strdup(text));
    }
    return ok;
}

static bool load_beliefs(rl_method *m, const json_t *list)
{
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        json_int_t index, step;
        masa_belief b = {0};
        ok = json_unpack(json_array_get(list, i), "[I,F,F,I]", &index, &b.right, &b.wrong,
                         &step) == 0 &&
             index >= 0 && (size_t)index < m->n_beliefs;
        b.step = (long)step;
        if (ok) m->beliefs[index] = b;
    }
    return ok;
}

static bool load_shut(rl_method *m, const json_t *list)
{
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        json_t *index = json_array_get(list, i);
        ok = json_is_integer(index) && json_integer_value(index) >= 0 &&
             (size_t)json_integer_value(index) < m->n_beliefs;
        if (ok) m->shut[json_integer_value(index)] = true;
    }
    return ok;
}

static bool load_calibration(rl_method *m, json_t *list)
{
    masa_calibration *c = &m->calibration;
    return json_unpack(list, "[F,F,F,F,F,F]", &c->pass_rate_weight, &c->pass_rate_error,
                       &c->length_weight, &c->length_error, &c->gate_weight,
                       &c->gate_right) == 0;
}

/* n finite numbers, none below the least. */
static bool load_numbers(double *out, size_t n, double least, const json_t *list)
{
    bool ok = json_array_size(list) == n;
    for (size_t i = 0; ok && i < n; i++) {
        json_t *number = json_array_get(list, i);
        out[i] = json_number_value(number);
        ok = json_is_number(number) && out[i] >= least && isfinite(out[i]);
    }
    return ok;
}

/* A checkpoint of an earlier version has none, or groups with one weight, under another name. */
static bool load_groups(masa_gate_fit *fit, const json_t *list)
{
    size_t n = json_array_size(list);
    if (!list) return true;
    double *numbers = masa_alloc(n + 1, sizeof *numbers);
    bool ok = json_is_array(list) && n % MASA_GATE_FIT_NUMBERS == 0 &&
              load_numbers(numbers, n, -1, list) &&
              masa_gate_fit_import(fit, numbers, n / MASA_GATE_FIT_NUMBERS);
    free(numbers);
    return ok;
}

static bool load_features(float out[MASA_PROBE_FEATURES], const char *text)
{
    if (strlen(text) != HEX * MASA_PROBE_FEATURES ||
        strspn(text, "0123456789abcdef") != HEX * MASA_PROBE_FEATURES)
        return false;
    for (size_t j = 0; j < MASA_PROBE_FEATURES; j++) {
        char digits[HEX + 1] = {0};
        memcpy(digits, text + HEX * j, HEX);
        uint32_t bits = (uint32_t)strtoul(digits, NULL, 16);
        memcpy(&out[j], &bits, sizeof bits);
        if (!isfinite(out[j])) return false;
    }
    return true;
}

/* A checkpoint of an earlier version has none. */
static bool load_probe(masa_probe *probe, const json_t *list)
{
    bool ok = !list || (json_is_array(list) && json_array_size(list) <= MASA_PROBE_MOST);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        float features[MASA_PROBE_FEATURES];
        const char *text;
        double right, wrong;
        ok = json_unpack(json_array_get(list, i), "[F,F,s]", &right, &wrong, &text) == 0 &&
             right >= 0 && wrong >= 0 && right + wrong > 0 && isfinite(right + wrong) &&
             load_features(features, text);
        if (ok) masa_probe_observe(probe, features, right, wrong);
    }
    return ok;
}

/* A checkpoint of an earlier version has none, or the counts of all lengths together, of which
 * no band can be told. */
static bool load_cutoff(masa_cutoff_fit *fit, const json_t *list)
{
    bool ok = true, earlier = json_is_real(json_array_get(list, 0));
    for (size_t i = 0; ok && !earlier && i < json_array_size(list); i++) {
        json_int_t b;
        double squares;
        json_t *counts;
        ok = json_unpack(json_array_get(list, i), "[I,F,o]", &b, &squares, &counts) == 0 &&
             b >= 0 && b < MASA_CUTOFF_FIT_BANDS && squares > 0 && isfinite(squares) &&
             load_numbers(fit->counts[b], MASA_CUTOFF_FIT_BINS, 0, counts);
        if (ok) fit->squares[b] = squares;
    }
    return ok;
}

/* A checkpoint of an earlier version has none. */
static bool load_gated(rl_gated *g, json_t *pair)
{
    if (!pair) return true;
    return json_unpack(pair, "[F,F]", &g->draws, &g->gated) == 0 && g->gated >= 0 &&
           g->draws >= g->gated && isfinite(g->draws);
}

masa_status rl_method_load(rl_method *m, const masa_config *config, const char *text,
                           masa_error *err)
{
    if (!text) return MASA_OK;
    int warm = 0, acting = 0;
    json_t *calibration, *groups = NULL, *probe = NULL, *cutoff = NULL, *beliefs, *shut,
                         *gated = NULL, *experts;
    json_t *warm_start = NULL;
    json_t *json = json_loads(text, 0, NULL);
    bool ok = json && json_unpack(json, "{s:b,s:b,s:o,s?o,s?o,s?o,s:o,s:o,s?o,s:o,s?o}",
                                  "warm_started", &warm, "acting", &acting, "calibration",
                                  &calibration, "fit", &groups, "probe", &probe, "cutoff",
                                  &cutoff, "beliefs", &beliefs, "shut", &shut, "gated", &gated,
                                  "experts", &experts, "warm_start", &warm_start) == 0;
    m->warm_started = warm;
    m->acting = acting;
    ok = ok && load_calibration(m, calibration) && load_groups(&m->fit, groups) &&
         load_probe(&m->probe, probe) && load_cutoff(&m->cutoff, cutoff) &&
         load_beliefs(m, beliefs) && load_shut(m, shut) && load_gated(&m->gated, gated) &&
         rl_experts_load(&m->experts, experts);
    if (ok && warm_start)
        m->warm_start = json_dumps(warm_start, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    masa_gate_fit_learn(&m->fit, (double)config->meta.gate_window);
    masa_probe_learn(&m->probe);
    if (ok) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_FORMAT,
                     "the checkpoint's state of the meta rollouts is damaged, or of another "
                     "training file");
}
