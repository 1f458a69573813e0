/* Notions are found in texts by lemma, or by substring. */
#include "masa_test.h"

#include <masa/notion.h>

static bool contains(const char *text, const char *notion, masa_notion_rule rule)
{
    masa_words *a = masa_words_create(text, strlen(text), rule);
    masa_words *b = masa_words_create(notion, strlen(notion), rule);
    bool found = masa_words_contain(a, b);
    masa_words_destroy(a);
    masa_words_destroy(b);
    return found;
}

static void containment(void **state)
{
    (void)state;
    static const struct {
        const char *text, *notion;
        bool lemma, substring;
    } cases[] = {
        {"We use the triangle.", "triangle", true, true},
        {"We use the triangles.", "triangle", true, true},
        {"We use the triangle.", "triangles", true, false},
        {"Triangle", "triangle", true, false},
        {"factoring this", "factored", true, false},
        {"the subset of it", "set", false, true},
        {"a set", "set", true, true},
        {"a set-theoretic view", "set", true, true},
        {"prime factorization works", "prime factorization", true, true},
        {"prime factorizations work", "prime factorization", true, true},
        {"prime, and factorization", "prime factorization", false, false},
        {"factorization prime", "prime factorization", false, false},
        {"the prime", "prime factorization", false, false},
        {"prime\n  factorization", "prime factorization", true, false},
        {"Euler's formula", "euler's formula", true, false},
        {"Euler\xE2\x80\x99s formula", "Euler's formula", true, false},
        {"\xC3\x89TALE map", "\xC3\xA9tale", true, false},
        {"anything", "", false, false},
        {"anything", " .,-", false, false},
        {"", "set", false, false},
        {"x^2 + 2", "2", true, true},
        {"\xff\xfe set \xc3", "set", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (contains(cases[i].text, cases[i].notion, MASA_NOTION_LEMMA) != cases[i].lemma)
            fail_msg("'%s' in '%s' by lemma: not %d", cases[i].notion, cases[i].text,
                     cases[i].lemma);
        if (contains(cases[i].text, cases[i].notion, MASA_NOTION_SUBSTRING) !=
            cases[i].substring)
            fail_msg("'%s' in '%s' by substring: not %d", cases[i].notion, cases[i].text,
                     cases[i].substring);
    }
}

static void equality_and_emptiness(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        masa_notion_rule rule;
        bool equal, empty;
    } cases[] = {
        {"Prime numbers", "prime number!", MASA_NOTION_LEMMA, true, false},
        {"prime", "prime number", MASA_NOTION_LEMMA, false, false},
        {"...", "", MASA_NOTION_LEMMA, true, true},
        {"prime", "Prime", MASA_NOTION_SUBSTRING, false, false},
        {"prime", "prime", MASA_NOTION_SUBSTRING, true, false},
        {"", "", MASA_NOTION_SUBSTRING, true, true},
        {" ", "", MASA_NOTION_SUBSTRING, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_words *a = masa_words_create(cases[i].a, strlen(cases[i].a), cases[i].rule);
        masa_words *b = masa_words_create(cases[i].b, strlen(cases[i].b), cases[i].rule);
        assert_int_equal(masa_words_equal(a, b), cases[i].equal);
        assert_int_equal(masa_words_equal(b, a), cases[i].equal);
        assert_int_equal(masa_words_empty(a), cases[i].empty);
        masa_words_destroy(a);
        masa_words_destroy(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containment),
        cmocka_unit_test(equality_and_emptiness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
