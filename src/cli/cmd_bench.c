/* masa bench: speed on the machine at hand, beside what the machine can do. */
#include "commands.h"
#include "options.h"
#include "output.h"
#include "text_model.h"

#include <masa/clock.h>
#include <masa/cpu.h>
#include <masa/parallel.h>
#include <masa/run_folder.h>
#include <masa/speed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is printed: JSON Lines, or text ---- */

static void print_object(json_t *o)
{
    json_print_line(o);
    json_decref(o);
}

static void peaks_json(void *context, const masa_speed_peaks *p)
{
    (void)context;
    print_object(json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f}", "section", "peaks", "device",
                           masa_device_name(), "isa", masa_isa_name(masa_isa_get()), "threads",
                           masa_threads(), "gemm_bf16_gflops", 1e-9 * p->gemm_bf16,
                           "gemm_f32_gflops", 1e-9 * p->gemm_f32, "memory_gb_per_second",
                           1e-9 * p->bandwidth));
}

static void peaks_text(void *context, const masa_speed_peaks *p)
{
    (void)context;
    printf("peaks    %s: products %.0f GFLOP/s in bf16, %.0f in f32; "
           "memory %.1f GB/s\n",
           masa_device_name(), 1e-9 * p->gemm_bf16, 1e-9 * p->gemm_f32, 1e-9 * p->bandwidth);
}

static void row_json(void *context, const masa_speed_row *row)
{
    (void)context;
    json_t *o = json_pack(
        "{s:s, s:s, s:f, s:f, s:f, s:f, s:f}", "section", masa_speed_section_name(row->section),
        "name", row->name, "tokens", row->tokens, "seconds", row->seconds, "tokens_per_second",
        row->tokens / row->seconds, "gflops", 1e-9 * row->flops / row->seconds,
        "peak_memory_mib", row->peak / (1 << 20));
    if (row->share > 0) json_object_set_new(o, "roofline_share", json_real(row->share));
    if (row->planned > 0)
        json_object_set_new(o, "planned_memory_mib", json_real(row->planned / (1 << 20)));
    print_object(o);
}

static void row_text(void *context, const masa_speed_row *row)
{
    (void)context;
    printf("%-8s %-22s %9.3f s", masa_speed_section_name(row->section), row->name,
           row->seconds);
    if (row->tokens > 0)
        printf(" %9.1f tokens/s %8.1f GFLOP/s", row->tokens / row->seconds,
               1e-9 * row->flops / row->seconds);
    if (row->share > 0) printf("  %3.0f %% of the roofline", 100 * row->share);
    printf("  %6.0f MiB", row->peak / (1 << 20));
    if (row->planned > 0) printf(" (planned %.0f)", row->planned / (1 << 20));
    printf("\n");
    cli_output_flush();
}

static const char *cost_name(const masa_speed_cost *c)
{
    return c->training ? "training" : "decoding";
}

static void cost_json(void *context, const masa_speed_cost *c)
{
    (void)context;
    print_object(json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "section", "curve", "name",
                           cost_name(c), "context", (json_int_t)c->context, "ms_per_token",
                           1e3 * c->seconds, "attention_ms", 1e3 * c->attention, "rest_ms",
                           1e3 * (c->seconds - c->attention), "attention_gflops",
                           1e-9 * c->attention_flops / c->attention));
}

static void cost_text(void *context, const masa_speed_cost *c)
{
    (void)context;
    printf("curve    %-9s context %5zu  %8.4f ms a token = attention %8.4f (%.1f GFLOP/s) "
           "+ rest %8.4f\n",
           cost_name(c), c->context, 1e3 * c->seconds, 1e3 * c->attention,
           1e-9 * c->attention_flops / c->attention, 1e3 * (c->seconds - c->attention));
    cli_output_flush();
}

static const masa_speed_report json_report = {peaks_json, row_json, cost_json, NULL};
static const masa_speed_report text_report = {peaks_text, row_text, cost_text, NULL};

/* ---- what is asked for ---- */

/* Which sections the comma-separated list names; NULL: all but the curve, which takes minutes. */
static masa_status choose(unsigned *chosen, const char *list, masa_error *err)
{
    *chosen = list ? 0 : (1u << MASA_SPEED_SECTIONS) - 1 - (1u << MASA_SPEED_CURVE);
    while (list && *list) {
        size_t n = strcspn(list, ",");
        unsigned i = 0;
        for (; i < MASA_SPEED_SECTIONS; i++) {
            const char *name = masa_speed_section_name(i);
            if (strlen(name) == n && memcmp(name, list, n) == 0) break;
        }
        if (i == MASA_SPEED_SECTIONS)
            return MASA_FAIL(err, MASA_ERR_USAGE,
                             "no section \"%.*s\": they are peaks, prefill, decode, groups, "
                             "train, step and curve",
                             (int)n, list);
        *chosen |= 1u << i;
        list += n + (list[n] == ',');
    }
    return MASA_OK;
}

/* A number above 0 at *text, which moves behind it; 0: there is none. */
static size_t read_size(const char **text)
{
    char *end = NULL;
    if (**text < '0' || **text > '9') return 0;
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    return value <= INT32_MAX ? (size_t)value : 0;
}

/* "4x512,1x4096" into passes, or "1,16,64" with lengths of 1 when there are no lengths. */
static masa_status read_sizes(masa_speed_pass *out, size_t *n, const char *list, bool lengths,
                              masa_error *err)
{
    const char *p = list;
    while (p && *p && *n < MASA_SPEED_MOST) {
        masa_speed_pass *pass = &out[(*n)++];
        pass->count = read_size(&p);
        pass->length = 1;
        if (lengths) pass->length = *p == 'x' && p++ ? read_size(&p) : 0;
        if (pass->count == 0 || pass->length == 0 || (*p && *p != ',') ||
            pass->count > INT32_MAX / pass->length)
            break;
        if (!*p) return MASA_OK;
        p++;
    }
    if (!p) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_USAGE, "\"%s\" is no list of at most %d %s", list,
                     MASA_SPEED_MOST, lengths ? "sizes as 4x512,1x4096" : "numbers as 16,64");
}

static masa_status read_numbers(size_t *out, size_t *n, const char *list, masa_error *err)
{
    masa_speed_pass sizes[MASA_SPEED_MOST];
    masa_status st = read_sizes(sizes, n, list, false, err);
    for (size_t i = 0; !st && i < *n; i++) out[i] = sizes[i].count;
    return st;
}

static masa_status measure(const masa_speed_options *o, const char *path, bool json,
                           masa_error *err)
{
    masa_model_options options = {masa_device_compute(), masa_speed_trains(o->sections)};
    masa_model *model = NULL;
    char *found = NULL;
    double start = masa_clock();
    masa_status st = masa_model_find(&found, path, err);
    if (!st) st = masa_model_load(&model, found, &options, err);
    if (!st && !json) printf("loaded in %.2f s\n", masa_clock() - start);
    if (!st) st = masa_speed_measure(model, o, json ? &json_report : &text_report, err);
    masa_model_destroy(model);
    free(found);
    return st;
}

cli_command cli_bench;
masa_status cli_bench(int argc, char **argv, masa_error *err)
{
    masa_speed_options o = {.kept_memory = -1};
    long new_tokens = 0, prompts = 0, group = 0;
    const char *path = NULL, *device = NULL, *list = NULL, *batches = NULL, *passes = NULL;
    const char *contexts = NULL;
    bool helped = false, json = false;
    const cli_option options[] = {
        CLI_MODEL(&path),
        CLI_DEVICE(&device),
        CLI_STRING("sections", 0, &list, "LIST", "what to measure, separated by commas"),
        CLI_FLAG("quick", 'q', &o.quick, "small sizes: under a minute for a small model"),
        CLI_FLAG("json", 'j', &json, "write JSON Lines"),
        CLI_STRING("batch", 0, &batches, "LIST", "decode: other batches, as 16,64"),
        CLI_LONG("new-tokens", 0, &new_tokens, "N",
                 "decode, groups and step: other new tokens (0: by section)"),
        CLI_STRING("passes", 0, &passes, "LIST", "train: other sizes, as 4x512,1x4096"),
        CLI_FLAG("recompute", 0, &o.recompute, "train and curve: with optimizer.recompute"),
        CLI_LONG("prompts", 0, &prompts, "N", "step: other prompts (0: its own)"),
        CLI_LONG("group", 0, &group, "N", "step: other rollouts of a prompt (0: 8)"),
        CLI_LONG("kept-memory", 0, &o.kept_memory, "MIB",
                 "step: as rollout.kept_memory (-1: half of what is free)"),
        CLI_STRING("contexts", 0, &contexts, "LIST", "curve: other contexts"),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "bench",
        .arguments = "",
        .summary = "Measures speed on this machine, beside the machine's own peaks.",
        .details = "Sections:\n"
                   "  peaks    large products in both types, and memory's bandwidth; the share "
                   "of\n"
                   "           the roofline needs it\n"
                   "  prefill  prompts of 512 tokens\n"
                   "  decode   256 new tokens after 64, in batches of 1 to 128\n"
                   "  groups   16 problems with 16 + 8 rollouts each, lengths spread\n"
                   "  train    forward and backward pass by sequence length; an optimiser's "
                   "step\n"
                   "  step     16 prompts, 8 rollouts of 256 tokens each, and the update on "
                   "them,\n"
                   "           the second time\n"
                   "  curve    time per token by context, 256 to 8192, decoding and training, "
                   "with\n"
                   "           attention apart; only if named, some 3 minutes\n"
                   "What is longer than the model's context is left out. Tokens are random: "
                   "speed\n"
                   "does not depend on them. A row's memory is the most that the process had "
                   "during\n"
                   "it, the model included.\n"};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st || helped) return st;
    if (!path) return MASA_FAIL(err, MASA_ERR_USAGE, "which model? --model PATH");
    st = choose(&o.sections, list, err);
    if (!st) st = read_numbers(o.batches, &o.n_batches, batches, err);
    if (!st) st = read_numbers(o.contexts, &o.n_contexts, contexts, err);
    if (!st) st = read_sizes(o.passes, &o.n_passes, passes, true, err);
    if (!st) st = masa_device_start(device, 0, err);
    if (st) return st;
    o.new_tokens = new_tokens > 0 ? (size_t)new_tokens : 0;
    o.prompts = prompts > 0 ? (size_t)prompts : 0;
    o.group = group > 0 ? (size_t)group : 0;
    return measure(&o, path, json, err);
}
