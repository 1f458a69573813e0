/* masa inspect --predictions: what the meta rollouts of a run predicted beside what its
 * solution rollouts did, a line for each prompt of each step. */
#include "inspect.h"

#include <masa/measures.h>
#include <masa/meta.h>
#include <masa/memory.h>
#include <masa/text.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct column {
    double *predicted, *truth;
    size_t n, capacity, truth_capacity;
} column;

static void column_add(column *c, double predicted, double truth)
{
    size_t n = c->n;
    MASA_PUSH(c->truth, n, c->truth_capacity, truth);
    MASA_PUSH(c->predicted, c->n, c->capacity, predicted);
}

static void column_deinit(column *c)
{
    free(c->predicted);
    free(c->truth);
}

/* The prompt being read: its meta rollouts follow one another. */
typedef struct predictions {
    const cli_inspect_options *options;
    long step, prompt; /* step -1: none yet */
    char *problem;
    double rate_sum, rates;
    double *lengths;
    size_t n_lengths, capacity;
    double true_rate, true_length; /* NaN: not known */
    size_t lines;
    column rate, length;
} predictions;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    if (n == 0) return NAN;
    qsort(values, n, sizeof *values, ascending);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void print_value(const char *format, double value)
{
    if (isnan(value)) printf("  %9s", "-");
    else printf(format, value);
}

static void print_json_value(const char *name, double value)
{
    if (isnan(value)) printf(",\"%s\":null", name);
    else printf(",\"%s\":%.6g", name, value);
}

static void end_prompt(predictions *p)
{
    if (p->step < 0) return;
    double rate = p->rates > 0 ? p->rate_sum / p->rates : NAN;
    double length = median(p->lengths, p->n_lengths);
    if (!isnan(rate) && !isnan(p->true_rate)) column_add(&p->rate, rate, p->true_rate);
    if (!isnan(length) && !isnan(p->true_length)) column_add(&p->length, length, p->true_length);
    bool shown = p->options->filter.limit < 0 || (long)p->lines < p->options->filter.limit;
    p->lines++;
    if (!shown) return;
    if (p->options->json) {
        masa_text id = {0};
        masa_text_add_json(&id, p->problem, strlen(p->problem));
        printf("{\"step\":%ld,\"prompt\":%ld,\"problem\":%s", p->step, p->prompt, id.data);
        print_json_value("predicted_pass_rate", rate);
        print_json_value("true_pass_rate", p->true_rate);
        print_json_value("predicted_length", length);
        print_json_value("true_length", p->true_length);
        printf("}\n");
        masa_text_deinit(&id);
        return;
    }
    printf("%6ld  %6ld", p->step, p->prompt);
    print_value("  %9.2f", rate);
    print_value("  %9.2f", p->true_rate);
    print_value("  %9.0f", length);
    print_value("  %9.0f", p->true_length);
    printf("  %s\n", p->problem);
}

static void begin_prompt(predictions *p, const masa_store_rollout *o)
{
    p->step = o->step;
    p->prompt = o->prompt;
    free(p->problem);
    p->problem = masa_strdup(o->problem);
    p->rate_sum = p->rates = 0;
    p->n_lengths = 0;
    p->true_rate = p->true_length = NAN;
}

static masa_status see_meta(void *context, const masa_store_rollout *o, masa_error *err)
{
    (void)err;
    predictions *p = context;
    if (strcmp(o->kind, "meta") != 0) return MASA_OK;
    if (o->step != p->step || o->prompt != p->prompt) {
        end_prompt(p);
        begin_prompt(p, o);
    }
    json_t *extra = json_loads(o->extra, 0, NULL), *value;
    if (json_is_number(value = json_object_get(extra, "pass_rate"))) {
        p->rate_sum += json_number_value(value) / MASA_PASS_RATE_SCALE;
        p->rates++;
    }
    if (json_is_number(value = json_object_get(extra, "length")))
        MASA_PUSH(p->lengths, p->n_lengths, p->capacity, json_number_value(value));
    if (json_is_number(value = json_object_get(extra, "true_pass_rate")))
        p->true_rate = json_number_value(value);
    if (json_is_number(value = json_object_get(extra, "true_length")))
        p->true_length = json_number_value(value);
    json_decref(extra);
    return MASA_OK;
}

static void print_agreement(FILE *out, const char *what, const column *c)
{
    if (c->n == 0) return;
    double r = masa_pearson(c->predicted, c->truth, c->n);
    fprintf(out, "%s: %zu prompts, mean error %.3g", what, c->n,
            masa_mean_absolute_error(c->predicted, c->truth, c->n));
    if (isnan(r)) fprintf(out, "\n");
    else fprintf(out, ", correlation %.2f\n", r);
}

masa_status cli_inspect_predictions(masa_store *store, const cli_inspect_options *o,
                                    masa_error *err)
{
    predictions p = {.options = o, .step = -1};
    masa_store_filter filter = o->filter;
    filter.kind = "meta";
    filter.limit = -1;
    if (!o->json)
        printf("%6s  %6s  %9s  %9s  %9s  %9s  %s\n", "step", "prompt", "pass rate", "true",
               "length", "true", "problem");
    masa_status st = masa_store_rollouts(store, &filter, see_meta, &p, err);
    if (st == MASA_OK) end_prompt(&p);
    if (st == MASA_OK && p.lines == 0) fprintf(stderr, "no meta rollouts in these steps\n");
    if (st == MASA_OK && o->filter.limit >= 0 && (long)p.lines > o->filter.limit)
        fprintf(stderr, "%ld of %zu shown; --limit 0 shows all\n", o->filter.limit, p.lines);
    print_agreement(stderr, "pass rate", &p.rate);
    print_agreement(stderr, "length", &p.length);
    free(p.problem);
    free(p.lengths);
    column_deinit(&p.rate);
    column_deinit(&p.length);
    return st;
}
