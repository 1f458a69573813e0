/* Chat templates against Jinja: tools/make_chat_golden.py renders the sources. */
#include "masa_test.h"

#include <masa/chat.h>
#include <masa/file.h>

#include "chat_internal.h"

#include <jansson.h>

/* Which family a template file is of: its name up to "_". */
static masa_chat_family family_of(const char *name)
{
    char base[64];
    masa_chat_family family;
    snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "_"), name);
    if (strcmp(name, "qwen2.5_base") == 0) return MASA_CHAT_QWEN2;
    if (strcmp(name, "llama3.2") == 0) return MASA_CHAT_LLAMA31;
    assert_int_equal(masa_chat_family_parse(&family, base, NULL), MASA_OK);
    return family;
}

static json_t *load_golden(void)
{
    json_error_t where;
    json_t *root = json_load_file(MASA_TEST_DATA "/chat_golden.json", 0, &where);
    if (!root) fail_msg("chat_golden.json: %s", where.text);
    return root;
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

static void renders_as_jinja(void **state)
{
    (void)state;
    json_t *root = load_golden();
    const char *name;
    json_t *cases;
    size_t checked = 0;
    json_object_foreach(json_object_get(root, "templates"), name, cases)
    {
        masa_chat_family family = family_of(name);
        size_t i;
        const json_t *item;
        json_array_foreach(cases, i, item)
        {
            masa_message messages[16];
            size_t n = read_messages(messages, 16, json_array_get(json_object_get(root, "conversations"),
                                     (size_t)json_integer_value(json_object_get(item, "conversation"))));
            const json_t *text = json_object_get(item, "text");
            masa_chat_family used = family;
            if (json_is_true(json_object_get(item, "no_thinking"))) used = MASA_CHAT_QWEN3_NOTHINK;
            masa_text out = {0};
            masa_status st = masa_chat_render(&out, used, messages, n,
                                              json_is_true(json_object_get(item, "generation")), NULL);
            if (json_is_null(text)) { /* the template raises an exception */
                assert_int_equal(st, MASA_ERR_DATA);
                assert_int_equal(out.size, 0);
            } else {
                assert_int_equal(st, MASA_OK);
                assert_string_equal(masa_text_get(&out), json_string_value(text));
            }
            masa_text_deinit(&out);
            checked++;
        }
    }
    assert_true(checked >= 300);
    json_decref(root);
}

static void known_templates_are_recognised(void **state)
{
    (void)state;
    json_t *root = load_golden();
    const char *name;
    json_t *cases;
    json_object_foreach(json_object_get(root, "templates"), name, cases)
    {
        char path[512];
        snprintf(path, sizeof path, MASA_TEST_DATA "/templates/%s.jinja", name);
        masa_text text = {0};
        assert_int_equal(masa_file_read(&text, path, NULL), MASA_OK);
        assert_int_equal(chat__known_template(text.data), family_of(name));
        masa_text_deinit(&text);
    }
    json_decref(root);
}

static void layout_does_not_matter_but_meaning_does(void **state)
{
    (void)state;
    static const char plain[] = "{% for m in messages %}{{ m['a'] + '\\n' }}{% endfor %}";
    uint64_t h = chat__template_hash(plain);
    /* Trimmed blocks, quotes, escapes, comments. */
    assert_true(h == chat__template_hash("{%- for m in messages %}\n    {{- m[\"a\"]+\"\n\" -}}\n"
                                         "{%- endfor -%}\n"));
    assert_true(h == chat__template_hash("{# what it does #}\n{% for m in  messages %}\n"
                                         "{{ m['a'] + '\\n' }}{% endfor %}\n"));
    static const char *const others[] = {
        "{% for m in messages %}{{ m['a'] + '\\n\\n' }}{% endfor %}",
        "{% for m in messages %}{{ m['a'] + ' \\n' }}{% endfor %}",
        "{% for m in messages %} {{ m['a'] + '\\n' }}{% endfor %}",
        "{% for m in messages %}{{ m['a'] + '\\n' }}\n{% endfor %}",
        "{% for m in messages %}{{ m['a'] + '\\n' }}{% endfor %}\n\n\n",
        "{% for m in messages %}{{ m['b'] + '\\n' }}{% endfor %}",
        "{% for m in messages %}{{ m['a'] + '\\n' }}{% endfor %}{{",
        "{% for m inmessages %}{{ m['a'] + '\\n' }}{% endfor %}",
        "{% for m in messages %}{{ m['a'] '+' '\\n' }}{% endfor %}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(h != chat__template_hash(others[i]));
}

static void names_are_parsed_and_listed(void **state)
{
    (void)state;
    masa_chat_family family = MASA_CHAT_AUTO;
    masa_error err = {0};
    for (int i = MASA_CHAT_AUTO; i <= MASA_CHAT_GEMMA3; i++) {
        const char *name = masa_chat_family_name((masa_chat_family)i);
        assert_int_equal(masa_chat_family_parse(&family, name, &err), MASA_OK);
        assert_int_equal(family, i);
        if (i == MASA_CHAT_AUTO) continue;
        assert_int_equal(masa_chat_family_parse(&family, "vicuna", &err), MASA_ERR_CONFIG);
        assert_non_null(strstr(err.message, name));
    }
}

static void bad_conversations_are_refused(void **state)
{
    (void)state;
    masa_error err = {0};
    masa_text out = {0};
    masa_message tool = {"tool", "x"}, user = {"user", "x"};
    assert_int_equal(masa_chat_render(&out, MASA_CHAT_CHATML, &tool, 1, true, &err), MASA_ERR_DATA);
    assert_non_null(strstr(err.message, "tool"));
    assert_int_equal(masa_chat_render(&out, MASA_CHAT_CHATML, &tool, 0, true, &err), MASA_ERR_DATA);
    assert_int_equal(masa_chat_render(&out, MASA_CHAT_AUTO, &user, 1, true, &err), MASA_ERR_CONFIG);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_as_jinja), cmocka_unit_test(known_templates_are_recognised),
        cmocka_unit_test(layout_does_not_matter_but_meaning_does),
        cmocka_unit_test(names_are_parsed_and_listed),
        cmocka_unit_test(bad_conversations_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
