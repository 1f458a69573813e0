/* Stop strings and the text of a completion, with a tiny tokenizer of its own. */
#include "generate_fixture.h"
#include "stop.h"
#include <masa/tokenizer.h>

static masa_tokenizer *load_tokenizer(void)
{
    masa_tokenizer *tokenizer = NULL;
    masa_error err = {0};
    if (masa_tokenizer_load(&tokenizer, MASA_TEST_DATA "/tiny", &err))
        fail_msg("%s", err.message);
    return tokenizer;
}

/* Ids of single characters, so that strings cross token borders. */
static size_t spell(const masa_tokenizer *tokenizer, const char *text, int32_t *ids)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        masa_tokens one = {0};
        masa_tokenizer_encode(tokenizer, p, 1, false, &one);
        assert_int_equal(one.n, 1);
        ids[n++] = one.ids[0];
        masa_tokens_deinit(&one);
    }
    return n;
}

/* All pieces of a completion that grows by a token, and how many tokens it took to show any. */
static void assert_streams(const masa_request *request, const masa_completion *c,
                           const masa_tokenizer *tokenizer, const char *wanted)
{
    masa_text_stream stream = {.request = request, .tokenizer = tokenizer};
    masa_text shown = {0};
    const char *piece;
    size_t size;
    for (size_t n = 1; n <= c->n; n++) {
        masa_completion part = *c;
        part.n = n;
        masa_text_stream_next(&stream, &part, n == c->n, &piece, &size);
        masa_text_append(&shown, piece, size);
        assert_memory_equal(masa_text_get(&shown), wanted, shown.size);
    }
    assert_string_equal(masa_text_get(&shown), wanted);
    masa_text_deinit(&shown);
    masa_text_deinit(&stream.text);
}

static void matches_across_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text, *stops[3];
        size_t at; /* tokens until a stop string is complete; 0: never */
        const char *kept;
    } cases[] = {
        {"abcdef", {"cd"}, 4, "ab"},
        {"abcdef", {"abcdef"}, 6, ""},
        {"abcdef", {"x"}, 0, "abcdef"},
        {"aaaab", {"aab"}, 5, "aa"},
        {"ababac", {"abac"}, 6, "ab"},
        {"abcdef", {"f", "def"}, 6, "abc"},
        {"abcdef", {"bcdefg", "cd"}, 4, "ab"},
        {"abcdef", {"a"}, 1, ""},
        {"hello world", {"\n", "o w", "lo"}, 5, "hel"},
    };
    masa_tokenizer *tokenizer = load_tokenizer();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int32_t ids[64];
        size_t n = spell(tokenizer, cases[c].text, ids), stops = 0, at = 0;
        while (stops < 3 && cases[c].stops[stops]) stops++;
        masa_request request = {.stop_strings = cases[c].stops, .n_stop_strings = stops};
        masa_text tail = {0}, text = {0};
        for (size_t i = 0; i < n && !at; i++)
            if (stop_string_completes(&tail, tokenizer, &request, ids[i])) at = i + 1;
        assert_int_equal(at, cases[c].at);
        masa_completion completion = {
            .tokens = ids, .n = at ? at : n, .cause = at ? MASA_STOP_STRING : MASA_STOP_LENGTH};
        masa_completion_text(&text, &completion, &request, tokenizer);
        assert_string_equal(masa_text_get(&text), cases[c].kept);
        assert_streams(&request, &completion, tokenizer, cases[c].kept);
        masa_text_deinit(&tail);
        masa_text_deinit(&text);
    }
    masa_tokenizer_destroy(tokenizer);
}

static void text_is_for_readers(void **state)
{
    (void)state;
    masa_tokenizer *tokenizer = load_tokenizer();
    int32_t ids[8] = {0, 2, 3, 1}; /* <|im_start|> a b <|im_end|> */
    masa_request request = {0};
    masa_text text = {0};
    masa_completion c = {.tokens = ids, .n = 4, .cause = MASA_STOP_EOS};
    masa_completion_text(&text, &c, &request, tokenizer);
    assert_string_equal(masa_text_get(&text), "ab");
    masa_text_clear(&text);
    c.n = 3; /* an ordinary token given as a stop token is no part of the text either */
    masa_completion_text(&text, &c, &request, tokenizer);
    assert_string_equal(masa_text_get(&text), "a");
    masa_text_clear(&text);
    const char *stop = "<|im_end|>"; /* a special token's own text as the stop string */
    request = (masa_request){.stop_strings = &stop, .n_stop_strings = 1};
    c = (masa_completion){.tokens = ids, .n = 4, .cause = MASA_STOP_STRING};
    masa_completion_text(&text, &c, &request, tokenizer);
    assert_string_equal(masa_text_get(&text), "ab");
    masa_text_deinit(&text);
    masa_tokenizer_destroy(tokenizer);
}

/* In a run: a completion with stop strings is the one without, up to the token that
 * completes the first stop string, whatever the batch and the cache. */
static void stops_runs(void **state)
{
    (void)state;
    enum { SAMPLES = 40 };
    masa_tokenizer *tokenizer = load_tokenizer();
    masa_model *model = tiny_model(MASA_F32);
    int32_t prompt[20];
    fill_prompt(prompt, 20, 5);
    const char *stops[] = {"abc", "e", "\xc3\xa9", "zz6"};
    masa_request request = {.prompt = prompt,
                            .prompt_size = 20,
                            .n_samples = SAMPLES,
                            .key = 4,
                            .max_tokens = 60,
                            .sampling = {1, 0, 1, 0}};
    masa_completion free_run[SAMPLES], stopped[SAMPLES];
    masa_generator *g = tiny_generator(model, tokenizer, 8, 14 * BLOCK_TOKENS);
    assert_int_equal(masa_generate(g, &request, 1, free_run, NULL, NULL, NULL), MASA_OK);
    request.stop_strings = stops, request.n_stop_strings = 4;
    assert_int_equal(masa_generate(g, &request, 1, stopped, NULL, NULL, NULL), MASA_OK);
    assert_no_block_held(g);
    size_t n_stopped = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t n = stopped[i].n;
        assert_memory_equal(stopped[i].tokens, free_run[i].tokens, n * sizeof(int32_t));
        masa_text text = {0};
        masa_tokenizer_decode(tokenizer, stopped[i].tokens, n, false, &text);
        bool ended = false;
        for (size_t k = 0; k < 4; k++) ended |= strstr(masa_text_get(&text), stops[k]) != NULL;
        assert_int_equal(stopped[i].cause, ended ? MASA_STOP_STRING : MASA_STOP_LENGTH);
        masa_text_clear(&text);
        masa_completion_text(&text, &stopped[i], &request, tokenizer);
        for (size_t k = 0; k < 4; k++) assert_null(strstr(masa_text_get(&text), stops[k]));
        masa_text_deinit(&text);
        n_stopped += ended;
        if (!ended) assert_int_equal(n, 60);
    }
    assert_true(n_stopped > 5);
    free_completions(free_run, SAMPLES);
    free_completions(stopped, SAMPLES);
    masa_generator_destroy(g);
    masa_model_destroy(model);
    masa_tokenizer_destroy(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_across_tokens),
                                       cmocka_unit_test(text_is_for_readers),
                                       cmocka_unit_test(stops_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
