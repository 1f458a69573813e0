/* masa score: log-probabilities of given texts, through the training pass. */
#include "commands.h"
#include "options.h"
#include "text_model.h"

#include <masa/memory.h>
#include <masa/trainer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_AT_ONCE = 64, LEAST_PASS = 2048 };

/* A line's tokens: what is given, then what is scored. */
typedef struct item {
    masa_tokens prompt, scored;
    float *logprobs;
    bool headless; /* a text: its first token, which nothing precedes, has no score */
} item;

static void item_deinit(item *i)
{
    masa_tokens_deinit(&i->prompt);
    masa_tokens_deinit(&i->scored);
    free(i->logprobs);
}

static masa_status read_text(item *i, const text_model *m, const json_t *text, masa_error *err)
{
    masa_tokens all = {0};
    masa_tokenizer_encode(m->tokenizer, json_string_value(text), json_string_length(text),
                          m->raw, &all);
    i->headless = true;
    for (size_t k = 0; k < all.n; k++) {
        masa_tokens *to = k == 0 ? &i->prompt : &i->scored;
        MASA_PUSH(to->ids, to->n, to->capacity, all.ids[k]);
    }
    masa_tokens_deinit(&all);
    if (i->scored.n > 0) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_DATA, "a text of one token has nothing to score");
}

static masa_status read_item(item *i, const text_model *m, const json_t *line, masa_error *err)
{
    const json_t *completion = json_object_get(line, "completion"),
                 *tokens = json_object_get(line, "tokens"),
                 *text = json_object_get(line, "text");
    bool generated = tokens && json_object_get(line, "prompt_tokens");
    masa_status st = MASA_OK;
    if (!generated && !completion && json_is_string(text)) return read_text(i, m, text, err);
    if (!generated && !json_is_string(completion))
        return MASA_FAIL(
            err, MASA_ERR_DATA,
            "the line needs a string \"text\", or a \"prompt\" (or \"messages\") and "
            "a \"completion\", or \"prompt_tokens\" and \"tokens\"");
    st = text_model_json_prompt(&i->prompt, m, line, err);
    if (st == MASA_OK && generated)
        st = text_model_json_ids(&i->scored, m, tokens, "tokens", err);
    else if (st == MASA_OK)
        masa_tokenizer_encode(m->tokenizer, json_string_value(completion),
                              json_string_length(completion), m->raw, &i->scored);
    if (st == MASA_OK && (i->prompt.n == 0 || i->scored.n == 0))
        st = MASA_FAIL(err, MASA_ERR_DATA, "the %s is empty",
                       i->prompt.n == 0 ? "prompt" : "completion");
    return st;
}

/* Sum of differences to the log-probabilities that the line brings, if it does. */
static void compare(const item *i, json_t *line, double *difference, size_t *n)
{
    const json_t *given = json_object_get(line, "logprobs");
    if (i->headless || json_array_size(given) != i->scored.n) return;
    double sum = 0;
    for (size_t k = 0; k < i->scored.n; k++)
        sum += fabs(json_number_value(json_array_get(given, k)) - (double)i->logprobs[k]);
    json_object_set_new(line, "difference", json_real(sum / (double)i->scored.n));
    *difference += sum;
    *n += i->scored.n;
}

static void print_item(const item *i, json_t *line)
{
    double sum = 0;
    for (size_t k = 0; k < i->scored.n; k++) sum += (double)i->logprobs[k];
    double mean = sum / (double)i->scored.n;
    json_t *tokens = json_ids(i->scored.ids, i->scored.n);
    json_t *logprobs = json_floats(i->logprobs, i->scored.n);
    if (i->headless) {
        json_array_insert_new(tokens, 0, json_integer(i->prompt.ids[0]));
        json_array_insert_new(logprobs, 0, json_null());
    }
    json_object_set_new(line, "tokens", tokens);
    json_object_set_new(line, "logprobs", logprobs);
    json_object_set_new(line, "sum", json_real(sum));
    json_object_set_new(line, "mean", json_real(mean));
    json_object_set_new(line, "perplexity", json_real(exp(-mean)));
    json_print_line(line);
}

static bool same_prompt(const item *a, const item *b)
{
    return a->prompt.n == b->prompt.n &&
           memcmp(a->prompt.ids, b->prompt.ids, a->prompt.n * sizeof *a->prompt.ids) == 0;
}

/* Scores items in order; neighbours with the same prompt share its computation. */
static masa_status score_items(masa_trainer *trainer, item *items, size_t n, masa_error *err)
{
    masa_sequence *sequences = masa_alloc(n, sizeof *sequences);
    for (size_t i = 0; i < n; i++) {
        items[i].logprobs = masa_alloc(items[i].scored.n, sizeof(float));
        bool joined = i > 0 && same_prompt(&items[i - 1], &items[i]);
        const masa_tokens *prompt = joined ? &items[i - 1].prompt : &items[i].prompt;
        sequences[i] = (masa_sequence){.prompt = prompt->ids,
                                       .response = items[i].scored.ids,
                                       .prompt_size = prompt->n,
                                       .response_size = items[i].scored.n,
                                       .group = joined ? sequences[i - 1].group : i,
                                       .logprobs = items[i].logprobs};
    }
    masa_status st = masa_trainer_logprobs(trainer, sequences, n, NULL, err);
    free(sequences);
    return st;
}

static masa_status score_lines(const text_model *m, json_lines *lines, const char *path,
                               double temperature, masa_error *err)
{
    size_t longest = LEAST_PASS, most = masa_model_get_config(m->model)->max_positions;
    size_t compared = 0;
    double difference = 0;
    item *items = masa_alloc(lines->n, sizeof *items);
    masa_trainer *trainer = NULL;
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < lines->n; i++) {
        st = read_item(&items[i], m, lines->items[i], err);
        size_t n = items[i].prompt.n + items[i].scored.n;
        if (st == MASA_OK && n > most)
            st = MASA_FAIL(err, MASA_ERR_DATA,
                           "%zu tokens are more than the model's context of %zu", n, most);
        if (st != MASA_OK && path) masa_error_at(err, path, lines->numbers[i]);
        if (n > longest) longest = n;
    }
    masa_trainer_options options = {.tokens_per_pass = longest,
                                    .temperature = (float)temperature};
    if (st == MASA_OK) st = masa_trainer_create(&trainer, m->model, &options, err);
    for (size_t i = 0; st == MASA_OK && i < lines->n; i += LINES_AT_ONCE) {
        size_t n = lines->n - i < LINES_AT_ONCE ? lines->n - i : LINES_AT_ONCE;
        st = score_items(trainer, items + i, n, err);
        for (size_t k = i; st == MASA_OK && k < i + n; k++) {
            compare(&items[k], lines->items[k], &difference, &compared);
            print_item(&items[k], lines->items[k]);
        }
    }
    if (st == MASA_OK && compared > 0)
        fprintf(stderr,
                "mean difference to the log-probabilities given: %.3g over %zu tokens\n",
                difference / (double)compared, compared);
    masa_trainer_destroy(trainer);
    for (size_t i = 0; i < lines->n; i++) item_deinit(&items[i]);
    free(items);
    return st;
}

masa_status cli_score(int argc, char **argv, masa_error *err)
{
    text_model m = TEXT_MODEL_DEFAULTS;
    const char *file = NULL;
    double temperature = 1;
    bool helped;
    const cli_option options[] = {
        TEXT_MODEL_OPTIONS(&m),
        CLI_STRING("file", 'f', &file, "FILE",
                   "JSON Lines instead of TEXT; - is standard input"),
        CLI_DOUBLE("temperature", 't', &temperature, "T", "logits are divided by T"),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "score",
        .arguments = "--model PATH [TEXT]",
        .least = 0,
        .most = 1,
        .summary = "Prints the log-probability of every token of given texts as JSON Lines.",
        .details =
            "Lines of FILE are {\"text\": ...}, {\"prompt\": ..., \"completion\": ...} (the prompt\n"
            "rendered under the chat template unless --raw), or what masa generate writes: then\n"
            "its token ids are scored and its log-probabilities compared. A text's first token\n"
            "has no log-probability. sum and mean are over the scored tokens."};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if ((argc == 1) == (file != NULL))
        return MASA_FAIL(err, MASA_ERR_USAGE, "give either a TEXT or --file FILE");
    if (!(temperature >= 1e-4 && temperature <= 1e4))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--temperature must be from 0.0001 to 10000");
    json_lines lines = {0};
    if (file) {
        st = json_lines_read(&lines, file, err);
    } else {
        json_t *line = json_object();
        json_object_set_new(line, "text", json_string(argv[0]));
        MASA_PUSH(lines.items, lines.n, lines.capacity, line);
    }
    if (st == MASA_OK) st = text_model_open(&m, err);
    if (st == MASA_OK) st = score_lines(&m, &lines, file, temperature, err);
    json_lines_deinit(&lines);
    text_model_close(&m);
    return st;
}
