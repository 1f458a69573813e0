/* Chat templates against Jinja: tools/make_chat_golden.py renders the sources. */
#include "masa_test.h"

#include <masa/chat.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/tokenizer_make.h>

#include "tokenizer_internal.h"

#include "chat_internal.h"

#include <jansson.h>
#include <stdlib.h>

/* A tokenizer of nothing but <|begin_of_text|> or <bos> and a template. */
static masa_tokenizer *tokenizer_of(const char *bos, const char *template)
{
    masa_tokenizer *t = tokenizer_create();
    tokenizer_added special = {.special = true};
    assert_int_equal(tokenizer_add_added(t, 0, bos, strlen(bos), special, NULL), MASA_OK);
    assert_int_equal(tokenizer_add_added(t, 1, "<|im_end|>", 10, special, NULL), MASA_OK);
    assert_int_equal(tokenizer_add_added(t, 2, "<turn-over>", 11, special, NULL), MASA_OK);
    assert_int_equal(tokenizer_finish(t, NULL), MASA_OK);
    t->bos = 0;
    t->chat_template = template ? masa_strdup(template) : NULL;
    return t;
}

static const char *bos_of(const char *name)
{
    return masa_starts_with(name, "gemma") ? "<bos>" : "<|begin_of_text|>";
}

/* The built-in template of a file: its name up to "_". */
static const char *builtin_of(const char *name)
{
    static char base[64];
    snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "_"), name);
    if (strcmp(name, "qwen2.5_base") == 0) return "qwen2";
    return strcmp(name, "llama3.2") == 0 ? "llama3.1" : base;
}

static size_t read_messages(masa_message *out, size_t most, const json_t *list)
{
    size_t i;
    const json_t *m;
    json_array_foreach(list, i, m)
    {
        assert_true(i < most);
        out[i] = (masa_message){json_string_value(json_object_get(m, "role")),
                                json_string_value(json_object_get(m, "content"))};
    }
    return json_array_size(list);
}

static void check(const masa_chat *chat, const json_t *messages, const json_t *item)
{
    masa_message turns[16];
    size_t n = read_messages(turns, 16, messages);
    masa_text out = {0};
    const json_t *text = json_object_get(item, "text");
    masa_status st = masa_chat_render(&out, chat, turns, n,
                                      json_is_true(json_object_get(item, "generation")), NULL);
    if (json_is_null(text)) { /* the template raises an exception */
        assert_int_equal(st, MASA_ERR_DATA);
        assert_int_equal(out.size, 0);
    } else {
        assert_int_equal(st, MASA_OK);
        assert_string_equal(masa_text_get(&out), json_string_value(text));
    }
    masa_text_deinit(&out);
}

/* Each file's source, and the built-in template that stands for it. */
static void check_template(const char *name, const json_t *conversations, const json_t *cases)
{
    char path[512];
    snprintf(path, sizeof path, MASA_TEST_DATA "/templates/%s.jinja", name);
    masa_text source = {0};
    assert_int_equal(masa_file_read(&source, path, NULL), MASA_OK);
    masa_tokenizer *t = tokenizer_of(bos_of(name), source.data);
    static const char *const suffix[] = {"", "-nothink"};
    for (int no_thinking = 0; no_thinking < (masa_starts_with(name, "qwen3") ? 2 : 1);
         no_thinking++) {
        char names[3][512];
        snprintf(names[0], sizeof names[0], "auto%s", suffix[no_thinking]);
        snprintf(names[1], sizeof names[1], "%s%s", builtin_of(name), suffix[no_thinking]);
        snprintf(names[2], sizeof names[2], "%s", path);
        for (int k = 0; k < 3 - no_thinking; k++) {
            masa_chat *chat = NULL;
            masa_error err = {0};
            if (masa_chat_create(&chat, names[k], t, &err) != MASA_OK)
                fail_msg("%s: %s", name, err.message);
            size_t i;
            const json_t *item;
            json_array_foreach(cases, i, item)
            {
                if (json_is_true(json_object_get(item, "no_thinking")) != no_thinking) continue;
                size_t c = (size_t)json_integer_value(json_object_get(item, "conversation"));
                check(chat, json_array_get(conversations, c), item);
            }
            masa_chat_destroy(chat);
        }
    }
    masa_tokenizer_destroy(t);
    masa_text_deinit(&source);
}

static void renders_as_jinja(void **state)
{
    (void)state;
    json_error_t where;
    json_t *root = json_load_file(MASA_TEST_DATA "/chat_golden.json", 0, &where), *cases;
    if (!root) fail_msg("chat_golden.json: %s", where.text);
    const char *name;
    size_t n = 0;
    json_object_foreach(json_object_get(root, "templates"), name, cases)
    {
        check_template(name, json_object_get(root, "conversations"), cases);
        n++;
    }
    assert_true(n >= 16);
    json_decref(root);
}

static void names_are_parsed_and_listed(void **state)
{
    (void)state;
    masa_tokenizer *t = tokenizer_of("<bos>", NULL);
    masa_chat *chat = NULL;
    masa_error err = {0};
    assert_int_equal(masa_chat_create(&chat, "vicuna", t, &err), MASA_ERR_CONFIG);
    for (const chat_builtin *b = chat_builtins; b->name; b++) {
        assert_non_null(strstr(err.message, b->name));
        assert_int_equal(masa_chat_create(&chat, b->name, t, NULL), MASA_OK);
        assert_string_equal(masa_chat_name(chat), b->name);
        masa_chat_destroy(chat);
    }
    assert_int_equal(masa_chat_create(&chat, "auto", t, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "has no chat template"));
    assert_int_equal(masa_chat_create(&chat, "no/such.jinja", t, &err), MASA_ERR_IO);
    masa_tokenizer_destroy(t);
}

/* A template that nobody knows: its tokens, its ends of turn, what it refuses. */
static void unknown_templates_are_followed(void **state)
{
    (void)state;
    masa_tokenizer *t = tokenizer_of(
        "<bos>", "{{ bos_token }}{% for m in messages %}{{ m.role[0] ~ m.content|upper }}"
                 "<turn-over>{% endfor %}{% if messages|length > 2 %}"
                 "{{ raise_exception('too long') }}{% endif %}");
    masa_chat *chat = NULL;
    assert_int_equal(masa_chat_create(&chat, "auto", t, NULL), MASA_OK);
    int32_t stops[8];
    assert_int_equal(masa_chat_stop_tokens(stops, chat), 2);
    assert_int_equal(stops[0], 2);
    assert_int_equal(stops[1], 1);
    masa_message turns[] = {{"user", "<turn-over>"}, {"user", "x"}, {"user", "y"}};
    masa_text text = {0};
    masa_tokens ids = {0};
    masa_error err = {0};
    assert_int_equal(masa_chat_render(&text, chat, turns, 2, true, NULL), MASA_OK);
    assert_string_equal(masa_text_get(&text), "<bos>u<TURN-OVER><turn-over>uX<turn-over>");
    assert_int_equal(masa_chat_encode(&ids, chat, turns, 2, true, NULL), MASA_OK);
    assert_int_equal(ids.n, 3); /* it has no tokens for text; what the user wrote is text */
    assert_int_equal(masa_chat_render(&text, chat, turns, 3, true, &err), MASA_ERR_DATA);
    assert_string_equal(err.message,
                        "the chat template: line 1: the template raises: too long");
    masa_tokens_deinit(&ids);
    masa_text_deinit(&text);
    masa_chat_destroy(chat);
    free(t->chat_template);
    t->chat_template = masa_strdup("x\n{% import 'y' as z %}");
    assert_int_equal(masa_chat_create(&chat, "auto", t, &err), MASA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "line 2: the statement `import` is not supported"));
    assert_non_null(strstr(err.message, "--chat-template"));
    masa_tokenizer_destroy(t);
}

/* The bytes as tokens, so that a part can be read again. */
static masa_text decoded(const masa_tokenizer *t, const masa_tokens *ids)
{
    masa_text text = {0};
    masa_tokenizer_decode(t, ids->ids, ids->n, false, &text);
    return text;
}

static void answers_are_found_by_generation_blocks(void **state)
{
    (void)state;
    masa_tokenizer_plan plan = {0};
    masa_tokenizer *t = NULL;
    assert_int_equal(masa_tokenizer_make(&t, &plan, NULL), MASA_OK);
    free(t->chat_template);
    t->chat_template =
        masa_strdup("{% for m in messages %}<{{ m.role[0] }}>{% if m.role == 'assistant' %}"
                    "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}"
                    "{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt "
                    "%}<a><think>{% endif %}");
    const masa_message turns[] = {
        {"user", "u"}, {"assistant", "one"}, {"user", "v"}, {"assistant", "two"}};
    masa_chat *chat = NULL;
    masa_tokens prompt = {0}, answer = {0};
    masa_error err = {0};
    assert_int_equal(masa_chat_create(&chat, "auto", t, NULL), MASA_OK);
    assert_int_equal(masa_chat_encode_answer(&prompt, &answer, chat, turns, 4, NULL), MASA_OK);
    masa_text before = decoded(t, &prompt), after = decoded(t, &answer);
    assert_string_equal(masa_text_get(&before), "<u>u<a>one<|im_end|><u>v<a>");
    assert_string_equal(masa_text_get(&after), "two<|im_end|>");
    assert_int_equal(answer.ids[answer.n - 1], masa_tokenizer_eos(t));
    masa_chat_destroy(chat);
    assert_int_equal(masa_chat_create(&chat, "chatml", t, NULL), MASA_OK);
    assert_int_equal(masa_chat_encode_answer(&prompt, &answer, chat, turns, 4, &err),
                     MASA_ERR_UNSUPPORTED);
    masa_chat_destroy(chat);
    masa_text_deinit(&before);
    masa_text_deinit(&after);
    masa_tokens_deinit(&prompt);
    masa_tokens_deinit(&answer);
    masa_tokenizer_destroy(t);
}

static void bad_conversations_are_refused(void **state)
{
    (void)state;
    masa_error err = {0};
    masa_text out = {0};
    masa_message tool = {"tool", "x"};
    masa_tokenizer *t = tokenizer_of("<bos>", NULL);
    masa_chat *chat = NULL;
    assert_int_equal(masa_chat_create(&chat, "chatml", t, NULL), MASA_OK);
    assert_int_equal(masa_chat_render(&out, chat, &tool, 1, true, &err), MASA_ERR_DATA);
    assert_non_null(strstr(err.message, "tool"));
    assert_int_equal(masa_chat_render(&out, chat, &tool, 0, true, &err), MASA_ERR_DATA);
    assert_int_equal(out.size, 0);
    masa_chat_destroy(chat);
    masa_tokenizer_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_as_jinja),
                                       cmocka_unit_test(names_are_parsed_and_listed),
                                       cmocka_unit_test(unknown_templates_are_followed),
                                       cmocka_unit_test(answers_are_found_by_generation_blocks),
                                       cmocka_unit_test(bad_conversations_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
