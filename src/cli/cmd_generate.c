/* masa generate: its options, and what its ways of use share. */
#include "commands.h"
#include "cmd_generate.h"
#include "options.h"
#include "output.h"

#include <masa/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

masa_request generate_request(const generate_options *o, const masa_tokens *prompt,
                              size_t index)
{
    return (masa_request){.prompt = prompt->ids,
                          .prompt_size = prompt->n,
                          .n_samples = o->samples,
                          .key = masa_key(o->seed, index),
                          .max_tokens = o->max_tokens,
                          .sampling = o->sampling,
                          .stop_tokens = o->stop_tokens,
                          .n_stop_tokens = o->n_stop_tokens,
                          .stop_strings = o->stops,
                          .n_stop_strings = o->n_stops};
}

masa_status generate_open(masa_generator **out, const generate_options *o, size_t batch,
                          size_t context, masa_error *err)
{
    masa_generator_options options =
        masa_generator_fit(o->text.model, batch, context, o->cache_mib << 20);
    return masa_generator_create(out, o->text.model, o->text.tokenizer, &options, err);
}

void generate_print_text(masa_text_stream *s, const masa_completion *c, bool finished)
{
    const char *piece;
    size_t n;
    masa_text_stream_next(s, c, finished, &piece, &n);
    if (n == 0) return;
    fwrite(piece, 1, n, stdout);
    cli_output_flush();
}

void generate_report(const generate_options *o, const masa_generator *generator)
{
    if (o->quiet) return;
    masa_generate_stats stats = masa_generator_stats(generator);
    fprintf(stderr, "%zu tokens in %.1f s: %.0f tokens/s (prompt: %zu tokens)\n",
            stats.generated_tokens, stats.seconds,
            (double)stats.generated_tokens / (stats.seconds > 0 ? stats.seconds : 1),
            stats.prompt_tokens);
}

/* The numbers as the command line gives them. */
typedef struct numbers {
    long samples, max_tokens, batch, cache, seed, top_k;
    double temperature, top_p, min_p;
} numbers;

static masa_status take_numbers(generate_options *o, const numbers *n, masa_error *err)
{
    if (n->samples < 1 || n->max_tokens < 1 || n->batch < 1 || n->cache < 1)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--samples, --max-tokens, --batch and --cache must be positive");
    if (n->cache > 1 << 24 || n->samples > 1 << 24 || n->top_k > 1 << 30)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--samples, --top-k or --cache is too large");
    o->samples = (size_t)n->samples;
    o->max_tokens = (size_t)n->max_tokens;
    o->batch = (size_t)n->batch;
    o->cache_mib = (size_t)n->cache;
    o->seed = (uint64_t)n->seed;
    o->sampling =
        (masa_sampling){(float)n->temperature, (int)n->top_k, (float)n->top_p, (float)n->min_p};
    return MASA_OK;
}

static masa_status run_command(generate_options *o, const char *prompt, const char *file,
                               bool chat, masa_error *err)
{
    if ((prompt != NULL) + (file != NULL) + chat != 1)
        return MASA_FAIL(err, MASA_ERR_USAGE, "give one of PROMPT, --file FILE and --chat");
    if (chat && o->text.raw)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--chat needs a chat template; leave --raw out");
    json_lines lines = {0};
    masa_status st = file ? json_lines_read(&lines, file, err) : MASA_OK;
    if (st == MASA_OK) st = text_model_open(&o->text, err);
    if (st != MASA_OK) goto out;
    if (o->text.raw) {
        o->stop_tokens[0] = masa_tokenizer_eos(o->text.tokenizer);
        o->n_stop_tokens = o->stop_tokens[0] >= 0;
    } else {
        o->n_stop_tokens = masa_chat_stop_tokens(o->stop_tokens, o->text.chat);
    }
    if (chat) st = generate_chat(o, err);
    else if (file) st = generate_lines(o, &lines, file, err);
    else st = generate_prompt(o, prompt, err);
out:
    json_lines_deinit(&lines);
    text_model_close(&o->text);
    return st;
}

masa_status cli_generate(int argc, char **argv, masa_error *err)
{
    generate_options o = {.text = TEXT_MODEL_DEFAULTS};
    numbers n = {.samples = 1,
                 .max_tokens = 512,
                 .batch = 64,
                 .cache = 2048,
                 .seed = 1,
                 .temperature = 1,
                 .top_p = 1};
    const char *file = NULL;
    bool chat = false, helped;
    cli_list stops = {0};
    const cli_option options[] = {
        TEXT_MODEL_OPTIONS(&o.text),
        CLI_STRING("file", 'f', &file, "FILE",
                   "JSON Lines instead of PROMPT; - is standard input"),
        CLI_FLAG("chat", 'c', &chat, "talk with the model"),
        CLI_FLAG("json", 'j', &o.json, "JSON Lines for a PROMPT too"),
        CLI_QUIET(&o.quiet),
        CLI_LONG("samples", 'n', &n.samples, "N", "responses to each prompt"),
        CLI_LONG("max-tokens", 'l', &n.max_tokens, "N", "longest response"),
        CLI_DOUBLE("temperature", 't', &n.temperature, "T", "0 is greedy"),
        CLI_LONG("top-k", 'k', &n.top_k, "N", "only the N likeliest tokens; 0 is off"),
        CLI_DOUBLE("top-p", 'p', &n.top_p, "P", "only the likeliest tokens that make up P"),
        CLI_DOUBLE("min-p", 0, &n.min_p, "P", "only tokens P times as likely as the likeliest"),
        CLI_LIST("stop", 'x', &stops, "TEXT", "end a response before TEXT; may be repeated"),
        CLI_LONG("seed", 0, &n.seed, "N", "same seed, same responses"),
        CLI_LONG("batch", 'b', &n.batch, "N", "sequences decoded at once"),
        CLI_LONG("cache", 0, &n.cache, "MIB", "most memory for keys and values"),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "generate",
        .arguments = "--model PATH [PROMPT]",
        .least = 0,
        .most = 1,
        .summary = "Samples responses to a prompt, to the prompts of a file, or in a chat.",
        .details = "Lines of FILE are {\"prompt\": ...}, {\"messages\": [{\"role\", "
                   "\"content\"}, ...]} or\n"
                   "{\"prompt_tokens\": [...]}. A response is a line with the members of "
                   "its prompt's\n"
                   "line and sample, text, tokens, logprobs (of each token under "
                   "softmax(logits/T),\n"
                   "before top-k, top-p and min-p), stop (eos, stop_string, length, "
                   "context) and\n"
                   "prompt_tokens. masa score reads these lines and checks the "
                   "log-probabilities."};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    o.stops = stops.items;
    o.n_stops = stops.n;
    if (st == MASA_OK && !helped) st = take_numbers(&o, &n, err);
    if (st == MASA_OK && !helped) st = run_command(&o, argc ? argv[0] : NULL, file, chat, err);
    free(stops.items);
    return st;
}
