/* Which of the remembered texts are cloned. */
#include "masa_test.h"

#include "experts.h"

#include <masa/memory.h>

/* A text for each pass rate (its digit) and weight. */
static rl_experts remember(const char *pass_rates, const double *weights)
{
    rl_experts memory = {0};
    for (size_t i = 0; pass_rates[i]; i++) {
        rl_experts_add(&memory, i, masa_strndup(pass_rates + i, 1));
        memory.items[i].pass_rate = (pass_rates[i] - '0') / 8.;
        if (weights) memory.items[i].weight = weights[i];
    }
    return memory;
}

/* The chosen texts, in their order. */
static void assert_chosen(const rl_experts *memory, size_t n, size_t batches, double u,
                          const char *want)
{
    rl_experts chosen = {0};
    char found[32] = "";
    rl_experts_choose(&chosen, memory, n, batches, u);
    assert_int_equal(chosen.n, n);
    for (size_t i = 0; i < n; i++) strcat(found, chosen.items[i].text);
    assert_string_equal(found, want);
    free(chosen.items);
}

static void it_is_made_up_as_the_memory(void **state)
{
    (void)state;
    rl_experts memory = remember("80402008", NULL); /* half of them 0 */
    assert_chosen(&memory, 4, 1, 0.5, "0048");
    assert_chosen(&memory, 8, 1, 0, "00002488");
    assert_chosen(&memory, 2, 1, 0.99, "08");
    assert_chosen(&memory, 16, 1, 0.3, "0000000022448888"); /* each twice */
    /* Dealt out, so that every update has both kinds; the larger ones first. */
    assert_chosen(&memory, 8, 2, 0, "00280048");
    assert_chosen(&memory, 4, 3, 0.5, "0804");
    rl_experts_clear(&memory);
}

static void an_audited_one_stands_for_those_that_were_closed(void **state)
{
    (void)state;
    static const double weights[] = {1, 1, 1, 1, 12};
    rl_experts memory = remember("48260", weights);
    assert_chosen(&memory, 4, 1, 0.5, "0006");
    assert_chosen(&memory, 16, 1, 0.5, "0000000000002468");
    /* On average over u each is taken as often as its weight says. */
    double taken = 0;
    for (int k = 0; k < 1000; k++) {
        rl_experts chosen = {0};
        rl_experts_choose(&chosen, &memory, 3, 1, k / 1000.);
        for (size_t i = 0; i < 3; i++) taken += chosen.items[i].pass_rate == 0;
        free(chosen.items);
    }
    assert_near(taken / 3000, 12 / 16., 1e-3);
    rl_experts_clear(&memory);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    rl_experts memory = remember("12345", NULL);
    rl_experts_forget(&memory, 5);
    assert_int_equal(memory.n, 5);
    rl_experts_forget(&memory, 2);
    assert_int_equal(memory.n, 2);
    assert_chosen(&memory, 2, 1, 0, "45");
    rl_experts_clear(&memory);
}

static void a_checkpoint_keeps_them(void **state)
{
    (void)state;
    static const double weights[] = {1, 20, 0.5};
    rl_experts memory = remember("307", weights), again = {0};
    json_t *json = rl_experts_save(&memory);
    assert_true(rl_experts_load(&again, json));
    assert_int_equal(again.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(again.items[i].draw, i);
        assert_string_equal(again.items[i].text, memory.items[i].text);
        assert_near(again.items[i].pass_rate, memory.items[i].pass_rate, 0);
        assert_near(again.items[i].weight, weights[i], 0);
    }
    rl_experts_clear(&again);
    json_decref(json);
    /* One of an earlier version has a text only; weights that cannot be are refused. */
    static const char *const texts[] = {"[[4,\"x\"]]", "[[4,\"x\",0.5,0]]",
                                        "[[4,\"x\",0.5,-1]]", "[[4,\"x\",\"y\",1]]",
                                        "[[4,\"x\",0.5]]"};
    for (int i = 0; i < 5; i++) {
        json = json_loads(texts[i], 0, NULL);
        assert_int_equal(rl_experts_load(&again, json), i == 0);
        if (i == 0) assert_near(again.items[0].weight, 1, 0);
        rl_experts_clear(&again);
        json_decref(json);
    }
    rl_experts_clear(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_up_as_the_memory),
        cmocka_unit_test(an_audited_one_stands_for_those_that_were_closed),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(a_checkpoint_keeps_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
