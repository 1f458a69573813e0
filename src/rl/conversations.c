#include "conversations.h"

#include "prompts.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/problem_line.h>

#include <stdlib.h>
#include <string.h>

void rl_example_deinit(rl_example *example)
{
    masa_tokens_deinit(&example->prompt);
    masa_tokens_deinit(&example->response);
}

void rl_examples_deinit(rl_examples *examples)
{
    for (size_t i = 0; i < examples->n; i++) rl_example_deinit(&examples->items[i]);
    free(examples->items);
    *examples = (rl_examples){0};
}

masa_status rl_encode_turn(rl_example *out, const rl_session *s, const masa_message *messages,
                           size_t turn, masa_error *err)
{
    rl_example e = {0};
    masa_tokens whole = {0};
    masa_status st = masa_chat_encode(&e.prompt, s->chat, messages, turn, true, err);
    if (st == MASA_OK) st = masa_chat_encode(&whole, s->chat, messages, turn + 1, false, err);
    bool continues = st == MASA_OK && whole.n > e.prompt.n &&
                     memcmp(whole.ids, e.prompt.ids, e.prompt.n * sizeof *whole.ids) == 0;
    if (st == MASA_OK && !continues) {
        e.prompt.n = 0; /* the template may say itself which part is the assistant's */
        st = masa_chat_encode_answer(&e.prompt, &e.response, s->chat, messages, turn + 1, NULL);
        if (st != MASA_OK)
            st = MASA_FAIL(
                err, MASA_ERR_DATA,
                "the chat template renders turn %zu otherwise than it asks for it, and "
                "marks no answer by a generation block",
                turn + 1);
    }
    size_t last = whole.n;
    if (continues) {
        /* Up to the token that ends the turn: templates add a line break behind it. */
        while (last > e.prompt.n + 1) {
            bool ends = false;
            for (size_t k = 0; k < s->n_stop_tokens; k++)
                ends |= whole.ids[last - 1] == s->stop_tokens[k];
            if (ends) break;
            last--;
        }
        for (size_t i = e.prompt.n; i < last; i++)
            MASA_PUSH(e.response.ids, e.response.n, e.response.capacity, whole.ids[i]);
    }
    masa_tokens_deinit(&whole);
    if (st == MASA_OK) *out = e;
    else rl_example_deinit(&e);
    return st;
}

/* Without a session lines are only checked. */
typedef struct loading {
    rl_examples *examples;
    const rl_session *session;
    const masa_config *config;
    const char *path;
} loading;

static masa_status add_example(const loading *l, const masa_message *messages, size_t turn,
                               size_t line, masa_error *err)
{
    rl_example e;
    const rl_session *s = l->session;
    rl_examples *out = l->examples;
    if (!s) return MASA_OK;
    masa_status st = rl_encode_turn(&e, s, messages, turn, err);
    if (st != MASA_OK) return st;
    e.line = line;
    if (e.prompt.n + e.response.n <= (size_t)s->config->sft.max_tokens) {
        MASA_PUSH(out->items, out->n, out->capacity, e);
        return MASA_OK;
    }
    out->left_out++;
    rl_example_deinit(&e);
    return MASA_OK;
}

static masa_status add_conversation(const loading *l, const json_t *list, size_t number,
                                    masa_error *err)
{
    size_t n = json_array_size(list), learned = 0;
    masa_message *messages = masa_alloc(n, sizeof *messages);
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        const json_t *m = json_array_get(list, i);
        messages[i].role = json_string_value(json_object_get(m, "role"));
        messages[i].content = json_string_value(json_object_get(m, "content"));
        if (!messages[i].role || !messages[i].content)
            st = MASA_FAIL(err, MASA_ERR_DATA,
                           "message %zu lacks the texts `role` and `content`", i + 1);
        else if (i > 0 && strcmp(messages[i].role, "assistant") == 0) {
            st = add_example(l, messages, i, number, err);
            learned++;
        }
    }
    if (st == MASA_OK && learned == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "the conversation has no turn of the assistant");
    free(messages);
    return st;
}

/* A problem with its solution, asked for as the rollouts of `masa train` will be. */
static masa_status add_solution(const loading *l, const json_t *line, size_t number,
                                masa_error *err)
{
    const masa_config *c = l->config;
    masa_problem_reader reader = rl_problem_reader(c);
    masa_problem problem;
    reader.unjudged = true;
    reader.advice = ", nor a list `messages`";
    masa_status st = masa_problem_read(&problem, &reader, line, l->path, number, err);
    if (st != MASA_OK) return st;
    char *user = rl_solution_request(c, &problem);
    masa_message turns[3] = {
        {"system", c->model.system}, {"user", user}, {"assistant", problem.solution}};
    bool system = c->model.system[0];
    st = problem.solution
             ? add_example(l, turns + !system, system ? 2 : 1, number, err)
             : MASA_FAIL(err, MASA_ERR_DATA, "the line has no \"solution\" (a string)");
    masa_problem_deinit(&problem);
    free(user);
    return st;
}

static masa_status add_line(void *context, json_t *line, size_t number, bool *enough,
                            masa_error *err)
{
    const loading *l = context;
    const json_t *list = json_object_get(line, "messages");
    (void)enough;
    return json_array_size(list) ? add_conversation(l, list, number, err)
                                 : add_solution(l, line, number, err);
}

masa_status rl_examples_check(const masa_config *config, const char *path, masa_error *err)
{
    loading l = {.config = config, .path = path};
    return masa_path_is_regular(path) ? masa_json_lines_read(path, add_line, &l, err) : MASA_OK;
}

masa_status rl_examples_load(rl_examples *out, const rl_session *s, const char *path,
                             masa_error *err)
{
    loading l = {out, s, s->config, path};
    *out = (rl_examples){0};
    masa_status st = masa_json_lines_read(path, add_line, &l, err);
    if (st == MASA_OK && out->n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s: no conversation to train on%s", path,
                       out->left_out ? "; all are longer than sft.max_tokens" : "");
    if (st == MASA_OK && out->left_out)
        masa_warn("%s: %zu turns are longer than sft.max_tokens = %ld and left out", path,
                  out->left_out, s->config->sft.max_tokens);
    return st;
}
