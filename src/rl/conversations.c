#include "conversations.h"

#include "rollout.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <jansson.h>
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
            st = MASA_FAIL(err, MASA_ERR_DATA,
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

static masa_status add_example(rl_examples *out, const rl_session *s,
                               const masa_message *messages, size_t turn, masa_error *err)
{
    rl_example e;
    masa_status st = rl_encode_turn(&e, s, messages, turn, err);
    if (st != MASA_OK) return st;
    if (e.prompt.n + e.response.n <= (size_t)s->config->sft.max_tokens) {
        MASA_PUSH(out->items, out->n, out->capacity, e);
        return MASA_OK;
    }
    out->left_out++;
    rl_example_deinit(&e);
    return MASA_OK;
}

static masa_status add_conversation(rl_examples *out, const rl_session *s, const json_t *list,
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
            st = add_example(out, s, messages, i, err);
            learned++;
        }
    }
    if (st == MASA_OK && learned == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "the conversation has no turn of the assistant");
    free(messages);
    return st;
}

/* A problem with its solution, asked for as the rollouts of `masa train` will be. */
static masa_status add_solution(rl_examples *out, const rl_session *s, const json_t *line,
                                masa_error *err)
{
    const masa_config *c = s->config;
    masa_problem problem = {
        .problem = (char *)json_string_value(json_object_get(line, c->data.problem_key)),
        .context = (char *)json_string_value(json_object_get(line, "context"))};
    const char *solution = json_string_value(json_object_get(line, "solution"));
    if (!problem.problem || !solution)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the line has neither a list `messages` nor the texts `%s` and "
                         "`solution`", c->data.problem_key);
    char *user = rl_solution_request(c, &problem);
    masa_message turns[3] = {{"system", c->model.system}, {"user", user},
                             {"assistant", solution}};
    bool system = c->model.system[0];
    masa_status st = add_example(out, s, turns + !system, system ? 2 : 1, err);
    free(user);
    return st;
}

static masa_status add_line(rl_examples *out, const rl_session *s, const json_t *line,
                            masa_error *err)
{
    const json_t *list = json_object_get(line, "messages");
    return json_array_size(list) ? add_conversation(out, s, list, err)
                                 : add_solution(out, s, line, err);
}

masa_status rl_examples_load(rl_examples *out, const rl_session *s, const char *path,
                             masa_error *err)
{
    masa_text text = {0};
    *out = (rl_examples){0};
    masa_status st = masa_file_read(&text, path, err);
    size_t line = 0;
    for (size_t at = 0; st == MASA_OK && at < text.size;) {
        const char *p = text.data + at, *end = memchr(p, '\n', text.size - at);
        size_t n = end ? (size_t)(end - p) : text.size - at;
        at += n + 1;
        line++;
        if (strspn(p, " \t\r") >= n) continue;
        json_error_t why;
        json_t *json = json_loadb(p, n, 0, &why);
        if (!json) st = MASA_FAIL(err, MASA_ERR_DATA, "not JSON: %s", why.text);
        else st = add_line(out, s, json, err);
        if (st != MASA_OK) masa_error_at(err, path, line);
        json_decref(json);
    }
    masa_text_deinit(&text);
    if (st == MASA_OK && out->n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s: no conversation to train on%s", path,
                       out->left_out ? "; all are longer than sft.max_tokens" : "");
    if (st == MASA_OK && out->left_out)
        masa_warn("%s: %zu turns are longer than sft.max_tokens = %ld and left out", path,
                  out->left_out, s->config->sft.max_tokens);
    return st;
}
