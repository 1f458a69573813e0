/* masa generate for a prompt on the command line and for a file of them. */
#include "cmd_generate.h"
#include "output.h"

#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All prompts of a call, and how far its output has come. */
typedef struct job {
    const generate_options *options;
    json_t **lines;
    masa_tokens *prompts; /* [n] */
    masa_request *requests;
    size_t n, n_completions;
    masa_completion *completions;
    bool *finished;           /* [n_completions] */
    size_t n_printed;         /* completions come out in order, as soon as they can */
    masa_text_stream *stream; /* of the only completion, or NULL */
} job;

static void print_completion(const job *j, const masa_completion *c)
{
    const masa_request *request = &j->requests[c->request];
    masa_text text = {0};
    masa_completion_text(&text, c, request, j->options->text.tokenizer);
    masa_text quoted = {0}; /* through here, bytes that are no UTF-8 become U+FFFD */
    masa_text_add_json(&quoted, masa_text_get(&text), text.size);
    json_t *line = json_copy(j->lines[c->request]);
    json_object_set_new(line, "sample", json_integer((json_int_t)c->sample));
    json_object_set_new(
        line, "text",
        json_loadb(quoted.data, quoted.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
    json_object_set_new(line, "stop", json_string(masa_stop_cause_name(c->cause)));
    json_object_set_new(line, "tokens", json_ids(c->tokens, c->n));
    json_object_set_new(line, "logprobs", json_floats(c->logprobs, c->n));
    json_object_set_new(line, "prompt_tokens", json_ids(request->prompt, request->prompt_size));
    json_print_line(line);
    cli_output_flush(); /* what is finished survives an interrupt */
    json_decref(line);
    masa_text_deinit(&quoted);
    masa_text_deinit(&text);
}

static void print_text(const job *j, const masa_completion *c)
{
    masa_text text = {0};
    masa_completion_text(&text, c, &j->requests[c->request], j->options->text.tokenizer);
    if (!j->options->quiet)
        fprintf(stderr, "--- sample %zu: %zu tokens, %s\n", c->sample, c->n,
                masa_stop_cause_name(c->cause));
    printf("%s\n", masa_text_get(&text));
    cli_output_flush();
    masa_text_deinit(&text);
}

static bool on_token(void *context, const masa_completion *c, bool finished)
{
    job *j = context;
    if (j->stream) generate_print_text(j->stream, c, finished);
    if (!finished || j->stream) return !ferror(stdout);
    j->finished[c - j->completions] = true;
    while (j->n_printed < j->n_completions && j->finished[j->n_printed]) {
        const masa_completion *next = &j->completions[j->n_printed++];
        if (j->lines) print_completion(j, next);
        else print_text(j, next);
    }
    return !ferror(stdout); /* nothing is sampled for nobody */
}

static masa_status run_job(job *j, masa_error *err)
{
    const generate_options *o = j->options;
    masa_generator *generator = NULL;
    size_t longest = 0;
    j->requests = masa_alloc(j->n, sizeof *j->requests);
    for (size_t i = 0; i < j->n; i++) {
        j->requests[i] = generate_request(o, &j->prompts[i], i);
        if (j->prompts[i].n > longest) longest = j->prompts[i].n;
    }
    j->n_completions = j->n * o->samples;
    j->completions = masa_alloc(j->n_completions, sizeof *j->completions);
    j->finished = masa_alloc(j->n_completions, sizeof *j->finished);
    size_t batch = o->batch < j->n_completions ? o->batch : j->n_completions;
    if (j->stream) j->stream->request = j->requests;
    masa_status st = generate_open(&generator, o, batch, longest + o->max_tokens, err);
    if (st == MASA_OK)
        st = masa_generate(generator, j->requests, j->n, j->completions, on_token, j, err);
    if (st == MASA_OK && j->stream) putchar('\n');
    if (st == MASA_OK) generate_report(o, generator);
    for (size_t i = 0; st == MASA_OK && i < j->n_completions; i++)
        masa_completion_deinit(&j->completions[i]);
    masa_generator_destroy(generator);
    free(j->finished);
    free(j->completions);
    free(j->requests);
    return st;
}

masa_status generate_lines(const generate_options *o, json_lines *lines, const char *path,
                           masa_error *err)
{
    job j = {.options = o, .lines = lines->items, .n = lines->n};
    j.prompts = masa_alloc(lines->n, sizeof *j.prompts);
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < lines->n; i++) {
        st = text_model_json_prompt(&j.prompts[i], &o->text, lines->items[i], err);
        size_t most = masa_model_get_config(o->text.model)->max_positions;
        if (st == MASA_OK && (j.prompts[i].n == 0 || j.prompts[i].n >= most))
            st = MASA_FAIL(
                err, MASA_ERR_DATA,
                "the prompt has %zu tokens; it needs 1 to %zu, as the model's context "
                "is %zu",
                j.prompts[i].n, most - 1, most);
        if (st != MASA_OK) masa_error_at(err, path, lines->numbers[i]);
    }
    if (st == MASA_OK) st = run_job(&j, err);
    for (size_t i = 0; i < lines->n; i++) masa_tokens_deinit(&j.prompts[i]);
    free(j.prompts);
    return st;
}

masa_status generate_prompt(const generate_options *o, const char *prompt, masa_error *err)
{
    masa_tokens tokens = {0};
    masa_text_stream stream = {.tokenizer = o->text.tokenizer};
    job j = {.options = o, .n = 1, .prompts = &tokens};
    json_t *line = NULL;
    if (o->json) {
        line = json_object();
        json_object_set_new(line, "prompt", json_string(prompt));
        j.lines = &line;
    } else if (o->samples == 1) {
        j.stream = &stream;
    }
    masa_status st = text_model_prompt(&tokens, &o->text, prompt, strlen(prompt), err);
    if (st == MASA_OK) st = run_job(&j, err);
    json_decref(line);
    masa_text_deinit(&stream.text);
    masa_tokens_deinit(&tokens);
    return st;
}
