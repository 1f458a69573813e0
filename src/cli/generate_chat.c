/* masa generate --chat: a conversation on a terminal. */
#include "cmd_generate.h"
#include "output.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

typedef struct chat {
    const generate_options *options;
    masa_generator *generator;
    masa_message *messages; /* contents are owned */
    size_t n, capacity, turn;
    size_t context; /* tokens that a conversation may have */
} chat;

static void forget(chat *c, size_t from, size_t to)
{
    if (from == to) return;
    for (size_t i = from; i < to; i++) free((char *)(uintptr_t)c->messages[i].content);
    memmove(c->messages + from, c->messages + to, (c->n - to) * sizeof *c->messages);
    c->n -= to - from;
}

static void say(chat *c, const char *role, const char *content)
{
    masa_message message = {role, masa_strdup(content)};
    MASA_PUSH(c->messages, c->n, c->capacity, message);
}

static void reset(chat *c)
{
    forget(c, 0, c->n);
    if (c->options->text.system) say(c, "system", c->options->text.system);
}

/* The conversation's ids; its oldest turns are forgotten until an answer fits. */
static masa_status encode(chat *c, masa_tokens *out, masa_error *err)
{
    size_t first = c->options->text.system != NULL;
    for (;;) {
        out->n = 0;
        masa_status st =
            masa_chat_encode(out, c->options->text.chat, c->messages, c->n, true, err);
        if (st != MASA_OK || out->n + 16 <= c->context || c->n < first + 3) return st;
        fprintf(stderr, "(the context is full: the oldest turn is forgotten)\n");
        forget(c, first, first + 2);
    }
}

static bool on_token(void *stream, const masa_completion *completion, bool finished)
{
    bool go_on = finished || !interrupted;
    generate_print_text(stream, completion, finished || !go_on);
    return go_on;
}

/* Answers the last message; what was said is kept even when interrupted. */
static masa_status answer(chat *c, masa_error *err)
{
    const generate_options *o = c->options;
    masa_tokens prompt = {0};
    masa_completion completion;
    masa_status st = encode(c, &prompt, err);
    masa_request request = generate_request(o, &prompt, c->turn++);
    request.n_samples = 1;
    masa_text_stream stream = {.request = &request, .tokenizer = o->text.tokenizer};
    interrupted = 0;
    if (st == MASA_OK)
        st = masa_generate(c->generator, &request, 1, &completion, on_token, &stream, err);
    if (st == MASA_OK) {
        masa_text text = {0};
        masa_completion_text(&text, &completion, &request, o->text.tokenizer);
        say(c, "assistant", masa_text_get(&text));
        putchar('\n');
        cli_output_flush();
        generate_report(o, c->generator);
        masa_text_deinit(&text);
        masa_completion_deinit(&completion);
    }
    masa_text_deinit(&stream.text);
    masa_tokens_deinit(&prompt);
    return st;
}

static masa_status converse(chat *c, masa_error *err)
{
    masa_text line = {0};
    bool quiet = c->options->quiet, more = true;
    masa_status st = MASA_OK;
    while (st == MASA_OK) {
        if (!quiet) fprintf(stderr, "> ");
        interrupted = 0;
        st = masa_line_read(stdin, &line, &more, err);
        if (st != MASA_OK && interrupted) st = MASA_OK, more = false;
        if (st != MASA_OK) break;
        if (!more) {
            if (!quiet) fprintf(stderr, "\n");
            break;
        }
        while (line.size > 0 && line.data[line.size - 1] == '\r') line.data[--line.size] = '\0';
        const char *said = masa_text_get(&line);
        if (strcmp(said, "/quit") == 0) break;
        if (strcmp(said, "/reset") == 0) {
            reset(c);
            if (!quiet) fprintf(stderr, "(a new conversation)\n");
        } else if (said[0] == '/') {
            fprintf(stderr, "(the commands are /reset and /quit)\n");
        } else if (*said) {
            say(c, "user", said);
            st = answer(c, err);
        }
    }
    masa_text_deinit(&line);
    return st;
}

masa_status generate_chat(const generate_options *o, masa_error *err)
{
    chat c = {.options = o};
    masa_status st = generate_open(&c.generator, o, 1, 0, err);
    if (st != MASA_OK) return st;
    c.context = masa_generator_context(c.generator);
    struct sigaction old, on_interrupt = {.sa_handler = note_interrupt};
    sigaction(SIGINT, &on_interrupt, &old);
    if (!o->quiet)
        fprintf(stderr,
                "/reset begins a new conversation, /quit leaves; Ctrl-C ends an answer\n");
    reset(&c);
    st = converse(&c, err);
    sigaction(SIGINT, &old, NULL);
    forget(&c, 0, c.n);
    free(c.messages);
    masa_generator_destroy(c.generator);
    return st;
}
