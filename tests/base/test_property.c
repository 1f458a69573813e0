/* That property tests find what is wrong, and make it small. */
#include "property.h"

/* A list adds up to less than 100. */
static bool adds_up(property_draws *d, void *context)
{
    uint64_t n = property_below(d, 30), sum = 0;
    (void)context;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = property_below(d, 60);
        property_note(d, "%s%llu", i ? "+" : "", (unsigned long long)x);
        sum += x;
    }
    return sum < 100;
}

static bool is_no_thirteen(property_draws *d, void *context)
{
    (void)context;
    uint64_t a = property_below(d, 1000), b = property_below(d, 1000);
    property_note(d, "%llu %llu", (unsigned long long)a, (unsigned long long)b);
    return a < 13 || b < 37;
}

static bool anything(property_draws *d, void *context)
{
    (*(int *)context)++;
    return property_below(d, 5) < 5;
}

static void a_failure_is_made_small(void **state)
{
    (void)state;
    static property_draws d;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_true(property_find(&d, is_no_thirteen, NULL, 100, seed));
        assert_string_equal(d.notes, "13 37");
        assert_true(property_find(&d, adds_up, NULL, 100, seed));
        unsigned long sum = 0;
        for (const char *p = d.notes; *p; p += *p == '+') sum += strtoul(p, (char **)&p, 10);
        assert_int_equal(sum, 100); /* the least that fails */
    }
}

static void what_holds_is_tried_so_often(void **state)
{
    (void)state;
    int cases = 0;
    property_check(anything, &cases, 50);
    assert_int_equal(cases, 50);
}

/* The same seed draws the same. */
static void a_seed_repeats(void **state)
{
    (void)state;
    static property_draws a, b;
    assert_true(property_find(&a, adds_up, NULL, 100, 7));
    assert_true(property_find(&b, adds_up, NULL, 100, 7));
    assert_string_equal(a.notes, b.notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_made_small),
        cmocka_unit_test(what_holds_is_tried_so_often),
        cmocka_unit_test(a_seed_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
