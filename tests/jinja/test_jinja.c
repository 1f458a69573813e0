/* Templates with what Jinja2 makes of them, marks, limits, and what is refused. */
#include "masa_test.h"

#include "case.h"

static void cases_render_as_in_jinja(void **state)
{
    (void)state;
    json_error_t where;
    json_t *root = json_load_file(MASA_TEST_DATA "/cases.json", JSON_ALLOW_NUL, &where), *c;
    if (!root) fail_msg("cases.json: %s", where.text);
    const json_t *cases = json_object_get(root, "cases");
    size_t i;
    masa_error err;
    json_array_foreach(cases, i, c)
    {
        case_result r = run_case(c, json_object_get(root, "context"), &err);
        if (r == CASE_REFUSED) fprintf(stderr, "%s\n", err.message);
        assert_int_equal(r, CASE_SAME);
    }
    assert_true(json_array_size(cases) > 150);
    json_decref(root);
}

/* Renders with `m` a marked and `p` a plain text. */
static masa_status render(masa_jinja_output *out, const char *source,
                          const masa_jinja_limits *limits, masa_error *err)
{
    static const char marked[] = " Mar\xc3\x9f <x>\n ";
    masa_jinja *t = NULL;
    masa_jinja_data *d = masa_jinja_data_create(limits);
    masa_jinja_set(d, "m", masa_jinja_string(d, marked, strlen(marked), true));
    masa_jinja_set(d, "p", masa_jinja_string(d, "plain", 5, false));
    masa_status st = masa_jinja_parse(&t, source, strlen(source), err);
    if (st == MASA_OK) st = masa_jinja_render(out, t, d, err);
    masa_jinja_data_destroy(d);
    masa_jinja_destroy(t);
    return st;
}

/* The output with '.' for each unmarked byte and 'g' over what is generated alone. */
static void check_marks(const char *source, const char *text, const char *marks)
{
    masa_jinja_output out = {0};
    masa_error err = {0};
    if (render(&out, source, NULL, &err) != MASA_OK) fail_msg("%s: %s", source, err.message);
    assert_string_equal(masa_text_get(&out.text), text);
    assert_int_equal(out.marks.size, out.text.size);
    for (size_t i = 0; i < out.marks.size; i++)
        out.marks.data[i] = ".mgb"[(int)out.marks.data[i]];
    assert_string_equal(masa_text_get(&out.marks), marks);
    masa_jinja_output_deinit(&out);
}

static void marks_follow_the_bytes(void **state)
{
    (void)state;
    check_marks("<{{ m|trim }}>{{ p }}", "<Mar\xc3\x9f <x>>plain", ".mmmmmmmmm......");
    check_marks("{{ (p ~ m.strip()[:2] ~ p)[4:8] }}", "nMap", ".mm.");
    check_marks("{{ m.strip()|upper }}{{ m.split('<')[1][0] }}", "MARSS <X>x", "mmmmmmmmmm");
    check_marks("{{ p|replace('l', m.strip()[0]) }}", "pMain", ".m...");
    check_marks("{{ [p, m.strip()[:1]]|join('-') }}{{ '%s!' % m[1] }}", "plain-MM!",
                "......mm.");
    check_marks("{{ {'k': m[1:3]}|tojson }}{{ [m[1]] }}", "{\"k\": \"Ma\"}['M']",
                ".......mm....m..");
    check_marks("{% set x %}{{ m[1] }}-{% endset %}{{ x * 2 }}", "M-M-", "m.m.");
    check_marks("{% macro f(a) %}({{ a }}){% endmacro %}{{ f(m[1]) }}{% filter lower "
                "%}{{ m[1] }}A{% endfilter %}",
                "(M)ma", ".m.m.");
    check_marks("a{% generation %}b{{ m[1] }}{% endgeneration %}c", "abMc", ".gb.");
    check_marks("{{ m[::-1]|trim|last }}{{ m|indent(1, true)|trim|first }}", "MM", "mm");
}

static void what_is_beyond_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *source, *message;
        masa_status st;
    } cases[] = {
        {"a\n{% include 'x' %}", "line 2: the statement `include` is not supported",
         MASA_ERR_UNSUPPORTED},
        {"\n\n{{ p|xmlattr }}", "line 3: the filter `xmlattr` is not supported",
         MASA_ERR_UNSUPPORTED},
        {"{% for x in p recursive %}{% endfor %}", "line 1: recursive loops are not supported",
         MASA_ERR_UNSUPPORTED},
        {"{{ p is filter }}", "line 1: the test `filter` is not supported",
         MASA_ERR_UNSUPPORTED},
        {"{{ p.__class__ }}", "line 1: the attribute `__class__` is not supported",
         MASA_ERR_UNSUPPORTED},
        {"{{ 9223372036854775807 + 1 }}", "line 1: integers beyond 64 bits are not supported",
         MASA_ERR_UNSUPPORTED},
        {"{{ 'a'|safe + 'b' + '\\n' }}{{ ('<'|safe) ~ '&' }}\n{{ 'a'|safe + 'b' + '<c' }}",
         "line 2: a text with < added to one that is `safe`, which escapes it for HTML, is not "
         "supported",
         MASA_ERR_UNSUPPORTED},
        {"{{ dict(**p) }}", "line 1: `**` in arguments is not supported", MASA_ERR_UNSUPPORTED},
        {"{% if p %}\nx", "line 1: this block has no {% endif %}", MASA_ERR_FORMAT},
        {"{{ p ", "line 1: a tag has no end", MASA_ERR_FORMAT},
        {"{% frobnicate %}", "line 1: unknown statement `frobnicate`", MASA_ERR_FORMAT},
        {"{{ ) }}", "line 1: unexpected ')'", MASA_ERR_FORMAT},
        {"{{ raise_exception('no system turn') }}",
         "line 1: the template raises: no system turn", MASA_ERR_DATA},
        {"\n{{ missing.x }}", "line 2: 'missing' is undefined", MASA_ERR_DATA},
        {"{{ {}.x.y }}", "line 1: 'dict.x' is undefined", MASA_ERR_DATA},
        {"{{ [].append(1) }}", "line 1: a list cannot be changed by a template", MASA_ERR_DATA},
        {"{{ p + 1 }}", "line 1: unsupported operand types for +: 'str' and 'int'",
         MASA_ERR_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_jinja_output out = {0};
        masa_error err = {0};
        assert_int_equal(render(&out, cases[i].source, NULL, &err), cases[i].st);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(out.text.size, 0);
    }
}

static void hostile_templates_end(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 10 ** 12 }}",
        "{% set ns = namespace(s='xx') %}{% for i in range(99) %}{% set ns.s = ns.s ~ "
        "ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + "
        "ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, "
        "ns.s] %}{% endfor %}{{ ns.s }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(a=f()) %}{% endmacro %}{{ f() }}",
        "{% set s = 'ab' * 10000000 %}{% for i in range(99999) %}{{ 'abb' in s }}{% "
        "endfor %}",
        "{% set s = ' ' * 10000000 %}{% for i in range(99999) %}{% if s|trim %}{% endif "
        "%}{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
        "{{ range(100001) }}",
        "{{ '%99999999d' % 1 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(400) %}{% set ns.s = [ns.s] "
        "%}{% endfor %}{{ ns.s == ns.s }}",
        "{% filter indent(999999999) %}\n\na{% endfilter %}",
        "{{ 'a'.zfill(999999999999) }}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        masa_jinja_output out = {0};
        masa_error err = {0};
        masa_status st = render(&out, hostile[i], NULL, &err);
        if (st != MASA_ERR_DATA && st != MASA_ERR_UNSUPPORTED)
            fail_msg("%s: %d", hostile[i], st);
        assert_int_equal(out.text.size, 0);
    }
    /* Nesting of the source. */
    char deep[4001];
    masa_jinja_output out = {0};
    memset(deep, '(', 4000);
    memcpy(deep, "{{", 2);
    deep[4000] = '\0';
    assert_int_not_equal(render(&out, deep, NULL, NULL), MASA_OK);
    for (size_t i = 2; i < 4000; i++) deep[i] = "not "[i % 4];
    assert_int_not_equal(render(&out, deep, NULL, NULL), MASA_OK);
    for (size_t i = 2; i < 3998; i++) deep[i] = "1+"[i % 2];
    memcpy(deep + 3997, "1}}", 4);
    assert_int_equal(render(&out, deep, NULL, NULL), MASA_ERR_DATA);
}

static void limits_are_the_callers(void **state)
{
    (void)state;
    masa_jinja_output out = {0};
    masa_error err = {0};
    const char *loop = "{% for i in range(100) %}{{ i }}{% endfor %}";
    assert_int_equal(render(&out, loop, &(masa_jinja_limits){1000000, 1 << 20, 50}, &err),
                     MASA_OK);
    masa_jinja_output_deinit(&out);
    out = (masa_jinja_output){0};
    assert_int_equal(render(&out, loop, &(masa_jinja_limits){100, 1 << 20, 50}, &err),
                     MASA_ERR_DATA);
    assert_non_null(strstr(err.message, "steps"));
    assert_int_equal(render(&out, loop, &(masa_jinja_limits){1000000, 1000, 50}, &err),
                     MASA_ERR_DATA);
    assert_non_null(strstr(err.message, "MiB"));
    assert_int_equal(render(&out, loop, &(masa_jinja_limits){1000000, 1 << 20, 2}, &err),
                     MASA_ERR_DATA);
    assert_non_null(strstr(err.message, "deeply"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_render_as_in_jinja), cmocka_unit_test(marks_follow_the_bytes),
        cmocka_unit_test(what_is_beyond_is_named_with_its_line),
        cmocka_unit_test(hostile_templates_end), cmocka_unit_test(limits_are_the_callers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
