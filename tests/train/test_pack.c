#include "train_test.h"
#include "pack.h"

static void assert_ids(const int32_t *got, const int32_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_int_equal(got[i], want[i]);
}

static const int32_t prompt_a[] = {10, 11, 12}, prompt_b[] = {20, 21};
static const int32_t long_answer[] = {1, 2, 3, 4}, short_answer[] = {5},
                     other_answer[] = {6, 7};

#define SEQUENCE(p, r, g)                                                                      \
    {                                                                                          \
        .prompt = p, .prompt_size = sizeof p / sizeof *p, .response = r,                       \
        .response_size = sizeof r / sizeof *r, .group = g                                      \
    }

static void a_prompt_is_packed_once(void **state)
{
    (void)state;
    const masa_sequence s[] = {
        SEQUENCE(prompt_a, long_answer, 0), SEQUENCE(prompt_a, short_answer, 0),
        SEQUENCE(prompt_a, other_answer, 0), SEQUENCE(prompt_b, other_answer, 1)};
    pack p;
    assert_int_equal(pack_init(&p, 100, NULL), MASA_OK);
    assert_int_equal(pack_fill(&p, s, 4, NULL, 0.5f), 4);
    const masa_batch *b = &p.batch;
    assert_near(b->temperature, 0.5, 0);
    /* Prompt a, its first and third answer without their last tokens (the second has no
     * other token), prompt b, its answer. */
    const int32_t tokens[] = {10, 11, 12, 1, 2, 3, 6, 20, 21, 6};
    const int32_t positions[] = {0, 1, 2, 3, 4, 5, 3, 0, 1, 2};
    const masa_segment segments[] = {{0, 3, -1}, {3, 3, 0}, {6, 1, 0}, {7, 2, -1}, {9, 1, 3}};
    const int32_t rows[] = {2, 3, 4, 5, 2, 2, 6, 8, 9};
    const int32_t targets[] = {1, 2, 3, 4, 5, 6, 7, 6, 7};
    assert_int_equal(b->n_tokens, 10);
    assert_ids(b->tokens, tokens, 10);
    assert_ids(b->positions, positions, 10);
    assert_int_equal(b->n_segments, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(b->segments[i].start, segments[i].start);
        assert_int_equal(b->segments[i].length, segments[i].length);
        assert_int_equal(b->segments[i].parent, segments[i].parent);
    }
    assert_int_equal(b->n_targets, 9);
    assert_ids(b->target_rows, rows, 9);
    assert_ids(b->target_tokens, targets, 9);
    pack_deinit(&p);
}

static void the_budget_cuts_between_sequences(void **state)
{
    (void)state;
    const masa_sequence s[] = {SEQUENCE(prompt_a, long_answer, 0),
                               SEQUENCE(prompt_a, other_answer, 0),
                               SEQUENCE(prompt_b, other_answer, 1)};
    /* Rows after each sequence: 6, 7 and 10. */
    const size_t fits[][2] = {{6, 1}, {7, 2}, {9, 2}, {10, 3}};
    for (size_t i = 0; i < 4; i++) {
        pack p;
        assert_int_equal(pack_init(&p, fits[i][0], NULL), MASA_OK);
        assert_int_equal(pack_fill(&p, s, 3, NULL, 1), fits[i][1]);
        pack_deinit(&p);
    }
    /* Where a group is cut its prompt comes again. */
    pack p;
    assert_int_equal(pack_init(&p, 6, NULL), MASA_OK);
    assert_int_equal(pack_fill(&p, s + 1, 2, NULL, 1), 1);
    assert_int_equal(p.batch.n_tokens, 4);
    assert_int_equal(p.batch.segments[0].parent, -1);
    assert_int_equal(p.batch.n_targets, 2);
    pack_deinit(&p);
}

/* One-token responses take targets but no rows; there is room for a target a row. */
static void targets_have_a_budget_too(void **state)
{
    (void)state;
    masa_sequence s[30];
    for (size_t i = 0; i < 30; i++) s[i] = (masa_sequence)SEQUENCE(prompt_b, short_answer, 3);
    pack p;
    assert_int_equal(pack_init(&p, 6, NULL), MASA_OK);
    assert_int_equal(pack_fill(&p, s, 30, NULL, 1), 6);
    assert_int_equal(p.batch.n_tokens, 2);
    assert_int_equal(p.batch.n_targets, 6);
    for (size_t i = 0; i < 6; i++) assert_int_equal(p.batch.target_rows[i], 1);
    s[0].response_size = 0;
    assert_int_equal(pack_fill(&p, s, 1, NULL, 1), 1);
    assert_int_equal(p.batch.n_targets, 0);
    assert_int_equal(p.batch.n_segments, 1);
    pack_deinit(&p);
}

/* Property: whatever is packed, rows, positions and targets say the same as the
 * sequences. */
static void every_target_has_its_context(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        rollouts r;
        rollouts_init(&r, seed);
        pack p;
        assert_int_equal(pack_init(&p, 20 + seed, NULL), MASA_OK);
        for (size_t done = 0, n; done < ROLLOUTS; done += n) {
            n = pack_fill(&p, r.sequences + done, ROLLOUTS - done, NULL, 1);
            const masa_batch *b = &p.batch;
            assert_true(b->n_tokens <= 20 + seed);
            size_t k = 0;
            for (size_t i = done; i < done + n; i++) {
                const masa_sequence *s = &r.sequences[i];
                for (size_t t = 0; t < s->response_size; t++, k++) {
                    int32_t row = b->target_rows[k];
                    assert_int_equal(b->target_tokens[k], s->response[t]);
                    assert_int_equal(b->positions[row], s->prompt_size + t - 1);
                    assert_int_equal(b->tokens[row],
                                     t ? s->response[t - 1] : s->prompt[s->prompt_size - 1]);
                }
            }
            assert_int_equal(b->n_targets, k);
            size_t row = 0;
            for (size_t g = 0; g < b->n_segments; g++) {
                assert_int_equal(b->segments[g].start, row);
                row += (size_t)b->segments[g].length;
            }
            assert_int_equal(row, b->n_tokens);
        }
        pack_deinit(&p);
    }
}

enum { INSTRUCTION = 20, PROMPT = 23, GROUPS = 5 };

/* The tokens that a row's prediction rests on, by the chain of its segment. */
static size_t context_of(int32_t *out, const masa_batch *b, int32_t row)
{
    size_t g = 0, n = 0;
    while (row >= b->segments[g].start + b->segments[g].length) g++;
    int32_t chain[8], depth = 0;
    for (int32_t i = b->segments[g].parent; i >= 0; i = b->segments[i].parent)
        chain[depth++] = i;
    while (depth-- > 0)
        for (int32_t i = 0; i < b->segments[chain[depth]].length; i++)
            out[n++] = b->tokens[b->segments[chain[depth]].start + i];
    for (int32_t r = b->segments[g].start; r <= row; r++) out[n++] = b->tokens[r];
    return n;
}

/* Groups 0 to 2 and 4 begin alike, 3 does not; two responses each. */
static void what_prompts_have_in_common_is_packed_once(void **state)
{
    (void)state;
    int32_t prompts[GROUPS][PROMPT], responses[2 * GROUPS][3];
    masa_sequence s[2 * GROUPS];
    for (int32_t g = 0; g < GROUPS; g++)
        for (int32_t i = 0; i < PROMPT; i++)
            prompts[g][i] = i < INSTRUCTION && g != 3 ? i : 100 * (g + 1) + i;
    for (int32_t i = 0; i < 2 * GROUPS; i++) {
        for (int32_t t = 0; t < 3; t++) responses[i][t] = 1000 + 10 * i + t;
        s[i] = (masa_sequence){.prompt = prompts[i / 2],
                               .prompt_size = PROMPT,
                               .response = responses[i],
                               .response_size = 3,
                               .group = (size_t)i / 2};
    }
    pack p;
    assert_int_equal(pack_init(&p, 200, NULL), MASA_OK);
    assert_int_equal(pack_fill(&p, s, 2 * GROUPS, NULL, 1), 2 * GROUPS);
    const masa_batch *b = &p.batch;
    /* The instruction once for 0 to 2; the last group has nobody to share it with. */
    assert_int_equal(b->n_tokens, INSTRUCTION + 3 * 3 + 2 * PROMPT + 2 * GROUPS * 2);
    assert_int_equal(b->n_segments, 1 + GROUPS + 2 * GROUPS);
    for (size_t k = 0; k < b->n_targets; k++) {
        const masa_sequence *of = &s[k / 3];
        int32_t context[PROMPT + 3];
        size_t n = context_of(context, b, b->target_rows[k]);
        assert_int_equal(n, PROMPT + k % 3);
        assert_ids(context, of->prompt, PROMPT);
        assert_ids(context + PROMPT, of->response, k % 3);
        assert_int_equal(b->positions[b->target_rows[k]], n - 1);
    }
    pack_deinit(&p);
    /* A budget that cuts within the groups: the instruction comes again. */
    assert_int_equal(pack_init(&p, 40, NULL), MASA_OK);
    for (size_t done = 0, n; done < 2 * GROUPS; done += n) {
        n = pack_fill(&p, s + done, 2 * GROUPS - done, NULL, 1);
        assert_true(p.batch.n_tokens <= 40);
        assert_ids(p.batch.tokens, s[done].prompt, PROMPT);
    }
    pack_deinit(&p);
}

/* A batch recalls activations if those of all its sequences were kept, and is packed alike
 * whether they were or not. */
static void what_was_kept_changes_no_batch(void **state)
{
    (void)state;
    static const int32_t rows_a[] = {7, 8, 9, 1, 2, 3}, rows_b[] = {5, 6, 30};
    const masa_activations *store = (const masa_activations *)&rows_a; /* only handed on */
    masa_sequence s[] = {SEQUENCE(prompt_a, long_answer, 0),
                         SEQUENCE(prompt_b, other_answer, 1)};
    pack none, p;
    assert_int_equal(pack_init(&none, 100, NULL), MASA_OK);
    assert_int_equal(pack_init(&p, 100, NULL), MASA_OK);
    assert_int_equal(pack_fill(&none, s, 2, store, 1), 2);
    assert_null(none.batch.kept);
    for (int kept = 1; kept <= 2; kept++) {
        s[0].kept_rows = rows_a;
        s[1].kept_rows = kept == 2 ? rows_b : NULL;
        assert_int_equal(pack_fill(&p, s, 2, store, 1), 2);
        assert_int_equal(p.batch.n_tokens, none.batch.n_tokens);
        assert_ids(p.batch.tokens, none.batch.tokens, p.batch.n_tokens);
        assert_ptr_equal(p.batch.kept, kept == 2 ? store : NULL);
    }
    const int32_t rows[] = {7, 8, 9, 1, 2, 3, 5, 6, 30};
    assert_int_equal(p.batch.n_tokens, 9);
    assert_ids(p.batch.kept_rows, rows, 9);
    assert_int_equal(pack_fill(&p, s, 2, NULL, 1), 2); /* a trainer without a store */
    assert_null(p.batch.kept);
    pack_deinit(&none);
    pack_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_packed_once),
        cmocka_unit_test(the_budget_cuts_between_sequences),
        cmocka_unit_test(targets_have_a_budget_too),
        cmocka_unit_test(every_target_has_its_context),
        cmocka_unit_test(what_was_kept_changes_no_batch),
        cmocka_unit_test(what_prompts_have_in_common_is_packed_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
