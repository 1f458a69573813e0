#include "masa_test.h"
#include <masa/text.h>

static void check_utf8(const char *s, size_t n, const char *expected)
{
    masa_text text = {0};
    masa_text_add_utf8(&text, s, n);
    assert_string_equal(masa_text_get(&text), expected);
    assert_int_equal(strlen(masa_text_get(&text)), text.size);
    masa_text_deinit(&text);
}

#define UTF8(s, expected) check_utf8(s, sizeof(s) - 1, expected)
#define BAD               "\xEF\xBF\xBD"

static void invalid_bytes_are_replaced(void **state)
{
    (void)state;
    UTF8("", "");
    UTF8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x99\x82", "plain, é, €, 🙂");
    UTF8("cut \xF0\x9F\x99", "cut " BAD BAD BAD);
    UTF8("\x80 alone \xC3", BAD " alone " BAD);
    UTF8("overlong \xC0\xAF \xE0\x80\xAF", "overlong " BAD BAD " " BAD BAD BAD);
    UTF8("surrogate \xED\xA0\x80", "surrogate " BAD BAD BAD);
    UTF8("beyond \xF4\x90\x80\x80", "beyond " BAD BAD BAD BAD);
    UTF8("a\0b", "a" BAD "b");
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    masa_text text = {0};
    masa_text_add_json(&text, "\"a\\\n\t\0\xC3\xA9\xFF", 9);
    assert_string_equal(masa_text_get(&text), "\"\\\"a\\\\\\n\\u0009\\u0000é" BAD "\"");
    masa_text_deinit(&text);
}

static void a_cut_character_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(masa_utf8_complete("ab", 2), 2);
    assert_int_equal(masa_utf8_complete("a\xC3\xA9", 3), 3);
    assert_int_equal(masa_utf8_complete("a\xC3", 2), 1);
    assert_int_equal(masa_utf8_complete("a\xF0\x9F\x99", 4), 1);
    assert_int_equal(masa_utf8_complete("a\xF0\x9F\x99\x82", 5), 5);
    assert_int_equal(masa_utf8_complete("", 0), 0);
}

/* Every code point there is comes back, and nothing else does. */
static void code_points_survive(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x110000; code++) {
        char s[4];
        unsigned back;
        size_t n = masa_utf8_encode(code, s);
        bool surrogate = code >= 0xD800 && code < 0xE000;
        assert_int_equal(masa_utf8_decode(s, n, &back), surrogate ? 0 : n);
        assert_int_equal(back, surrogate ? 0xFFFD : code);
        if (n > 1) assert_int_equal(masa_utf8_decode(s, n - 1, &back), 0);
    }
}

/* What a terminal would obey is shown as its number. */
static void terminals_are_not_commanded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain, caf\xC3\xA9\n\ttab", "plain, caf\xC3\xA9\n\ttab"},
        {"\x1B[2J\x1B]0;title\x07", "\\x1B[2J\\x1B]0;title\\x07"},
        {"good\rbad\x7F", "good\\x0D"
                          "bad\\x7F"},
        {"\xC2\x9B"
         "31m",
         "\\x9B"
         "31m"}, /* C1: CSI */
        {"a\xE2\x80\xAE"
         "b",
         "a\\u202E"
         "b"},                                            /* right to left from here */
        {"\xE2\x81\xA6x\xE2\x81\xA9", "\\u2066x\\u2069"}, /* isolates */
        {"\xEF\xBB\xBFx", "\\uFEFFx"},
        {"\xFFx", "\xEF\xBF\xBDx"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_text text = {0};
        masa_text_add_shown(&text, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(masa_text_get(&text), cases[i][1]);
        masa_text_deinit(&text);
    }
    masa_text line = {0};
    masa_text_add_line_shown(&line, "4\n---- step 9\t\x1B[2J\xE2\x80\xA8x");
    assert_string_equal(line.data, "4\\n---- step 9\\t\\x1B[2J\\u2028x");
    masa_text_deinit(&line);
    assert_true(masa_utf8_valid("caf\xC3\xA9\0x", 7));
    assert_false(masa_utf8_valid("caf\xC3", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_bytes_are_replaced),
        cmocka_unit_test(terminals_are_not_commanded),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(a_cut_character_is_left_out),
        cmocka_unit_test(code_points_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
