/* Tokenizers that are made: bytes and phrases, and merges against a naive trainer. */
#include "masa_test.h"

#include <masa/chat.h>
#include <masa/file.h>
#include <masa/random.h>
#include <masa/tokenizer_make.h>

#include "tokenizer_internal.h"

enum { BEFORE_MERGES = 3 + 256 };

static const char *const phrases[] = {"system\n",
                                      "<meta></meta>",
                                      "\n{\"math_notion\": [",
                                      "\"chain\"",
                                      "\"chain\", \"sort\"",
                                      " #### ",
                                      "é東",
                                      "7"};
enum { N_PHRASES = sizeof phrases / sizeof *phrases };

static const char corpus[] =
    "the thin thing then that this hat. the cat sat on the mat, the cat ate the hat!\n"
    "a rat at a mat; aaaa aaaaaaa abababab \"chain\" the \"chain\"\n\n  12 7 étude Étude étude\n"
    "bananas and anas and nanas, the end of the thin rat that sat there, there and then.\n";

static masa_tokenizer *make(const masa_tokenizer_plan *plan)
{
    masa_tokenizer *t = NULL;
    masa_error err = {0};
    if (masa_tokenizer_make(&t, plan, &err) != MASA_OK) fail_msg("%s", err.message);
    return t;
}

static masa_tokenizer *make_from(const char *text, size_t vocab)
{
    masa_tokenizer_plan plan = {.phrases = phrases,
                                .n_phrases = N_PHRASES,
                                .corpus = text,
                                .corpus_size = strlen(text),
                                .vocab = vocab};
    return make(&plan);
}

/* Valid UTF-8 of every length, with phrases and special tokens in it. */
static void random_text(masa_text *out, masa_random *random)
{
    masa_text_clear(out);
    for (uint64_t n = masa_random_below(random, 40); n > 0; n--) {
        char utf8[4];
        unsigned bits = 7 + 4 * (unsigned)masa_random_below(random, 4);
        unsigned code = (unsigned)masa_random_below(random, 1u << bits);
        if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = '\n';
        switch (masa_random_below(random, 6)) {
        case 0: masa_text_add(out, phrases[masa_random_below(random, N_PHRASES)]); break;
        case 1: masa_text_add(out, "<|im_end|>"); break;
        case 2: masa_text_add(out, " the"); break;
        default: masa_text_append(out, utf8, masa_utf8_encode(code, utf8));
        }
    }
}

static void texts_come_back_and_files_say_the_same(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-make-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (int with_corpus = 0; with_corpus < 2; with_corpus++) {
        masa_tokenizer_plan plan = {.phrases = phrases,
                                    .n_phrases = N_PHRASES,
                                    .corpus = with_corpus ? corpus : NULL,
                                    .corpus_size = sizeof corpus - 1,
                                    .vocab = 300};
        masa_tokenizer *t = make(&plan), *loaded = NULL;
        assert_int_equal(masa_tokenizer_save(t, folder, NULL), MASA_OK);
        assert_int_equal(masa_tokenizer_load(&loaded, folder, NULL), MASA_OK);
        assert_int_equal(loaded->n, t->n);
        assert_int_equal(masa_tokenizer_eos(loaded), 2);
        masa_random random = masa_random_init(5, MASA_STREAM_TEST);
        masa_text text = {0}, back = {0};
        masa_tokens ids = {0}, again = {0};
        for (int i = 0; i < 2000; i++) {
            random_text(&text, &random);
            bool special = i % 2;
            ids.n = again.n = 0;
            masa_text_clear(&back);
            masa_tokenizer_encode(t, masa_text_get(&text), text.size, special, &ids);
            masa_tokenizer_encode(loaded, masa_text_get(&text), text.size, special, &again);
            assert_int_equal(ids.n, again.n);
            if (ids.n) assert_memory_equal(ids.ids, again.ids, ids.n * sizeof *ids.ids);
            masa_tokenizer_decode(loaded, ids.ids, ids.n, false, &back);
            assert_string_equal(masa_text_get(&back), masa_text_get(&text));
        }
        masa_tokens_deinit(&ids);
        masa_tokens_deinit(&again);
        masa_text_deinit(&text);
        masa_text_deinit(&back);
        masa_tokenizer_destroy(loaded);
        masa_tokenizer_destroy(t);
    }
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

static void phrases_are_one_token(void **state)
{
    (void)state;
    masa_tokenizer_plan plan = {.phrases = phrases, .n_phrases = N_PHRASES};
    masa_tokenizer *t = make(&plan);
    assert_int_equal(t->n, BEFORE_MERGES + N_PHRASES - 1); /* "7" is a byte */
    masa_tokens ids = {0};
    for (size_t i = 0; i < N_PHRASES; i++) {
        ids.n = 0;
        masa_tokenizer_encode(t, phrases[i], strlen(phrases[i]), false, &ids);
        assert_int_equal(ids.n, 1); /* the longest of those that begin alike */
        assert_false(masa_tokenizer_is_special(t, ids.ids[0]));
    }
    /* The prediction of a small model, its end included. */
    masa_message messages[] = {{"system", "x"},
                               {"user", "? c1 0+6"},
                               {"assistant", "<meta></meta>\n{\"math_notion\": [\"chain\"]"}};
    ids.n = 0;
    masa_chat *chat = NULL;
    assert_int_equal(masa_chat_create(&chat, "auto", t, NULL), MASA_OK);
    assert_int_equal(masa_chat_encode(&ids, chat, messages, 3, false, NULL), MASA_OK);
    masa_chat_destroy(chat);
    assert_int_equal(ids.ids[ids.n - 2], masa_tokenizer_eos(t));
    assert_int_equal(ids.ids[ids.n - 4], masa_tokenizer_find(t, "\"chain\""));
    assert_int_equal(ids.ids[ids.n - 6], masa_tokenizer_find(t, "<meta></meta>"));
    masa_tokens_deinit(&ids);
    masa_tokenizer_destroy(t);
}

/* --- the trainer ----------------------------------------------------------------- */

/* A corpus as byte strings: symbols with where words end. */
typedef struct naive {
    char symbols[512][32];
    bool ends[512]; /* the symbol is the last of its word */
    size_t n;
} naive;

/* Words by the splitting of the tokenizer itself, without phrases. */
static void naive_read(naive *x, const masa_tokenizer *t, const char *text)
{
    tokenizer_splitter splitter = {0};
    tokenizer_split(t, &splitter, text, strlen(text));
    for (size_t i = 0; i < splitter.n_now; i++)
        for (size_t j = 0; j < splitter.now[i].n; j++) {
            assert_true(x->n < 512);
            x->symbols[x->n][0] = splitter.now[i].s[j];
            x->ends[x->n++] = j + 1 == splitter.now[i].n;
        }
    tokenizer_splitter_deinit(&splitter);
}

static size_t naive_count(const naive *x, const char *left, const char *right)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < x->n; i++)
        count += !x->ends[i] && strcmp(x->symbols[i], left) == 0 &&
                 strcmp(x->symbols[i + 1], right) == 0;
    return count;
}

/* Joins the best pair everywhere; false when none occurs twice. */
static bool naive_step(naive *x, char *left, char *right)
{
    size_t best = 1;
    for (size_t i = 0; i + 1 < x->n; i++) {
        const char *a = x->symbols[i], *b = x->symbols[i + 1];
        size_t count = x->ends[i] ? 0 : naive_count(x, a, b);
        int order = strcmp(a, left) ? strcmp(a, left) : strcmp(b, right);
        if (count > best || (count == best && best > 1 && order < 0)) {
            best = count;
            strcpy(left, a);
            strcpy(right, b);
        }
    }
    if (best < 2) return false;
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++, n++) {
        bool joins = i + 1 < x->n && !x->ends[i] && strcmp(x->symbols[i], left) == 0 &&
                     strcmp(x->symbols[i + 1], right) == 0;
        memmove(x->symbols[n], x->symbols[i], sizeof *x->symbols);
        x->ends[n] = x->ends[i];
        if (!joins) continue;
        strcat(x->symbols[n], right);
        x->ends[n] = x->ends[++i];
    }
    x->n = n;
    return true;
}

static void merges_are_those_of_a_naive_trainer(void **state)
{
    (void)state;
    masa_tokenizer_plan plan = {
        .corpus = corpus, .corpus_size = sizeof corpus - 1, .vocab = 5000};
    masa_tokenizer *t = make(&plan);
    static naive x;
    naive_read(&x, t, corpus);
    size_t n = 0;
    for (char left[32] = "", right[32] = ""; naive_step(&x, left, right); n++) {
        masa_text a = {0}, b = {0};
        tokenizer_bytes_to_alphabet(&a, left, strlen(left));
        tokenizer_bytes_to_alphabet(&b, right, strlen(right));
        assert_true(n < t->n_merges);
        assert_int_equal(t->merge_list[n].left, tokenizer_lookup(t, a.data, a.size));
        assert_int_equal(t->merge_list[n].right, tokenizer_lookup(t, b.data, b.size));
        masa_text_deinit(&a);
        masa_text_deinit(&b);
        left[0] = right[0] = '\0';
    }
    assert_int_equal(n, t->n_merges);
    assert_true(n > 30);
    assert_true(t->n < 5000); /* all that the corpus gives */
    masa_tokenizer_destroy(t);
}

static void merges_stop_at_the_vocabulary_and_at_phrases(void **state)
{
    (void)state;
    masa_tokenizer *t = make_from(corpus, BEFORE_MERGES + N_PHRASES - 1 + 10);
    assert_int_equal(t->n, BEFORE_MERGES + N_PHRASES - 1 + 10);
    assert_int_equal(t->n_merges, 10);
    masa_tokenizer_destroy(t);
    /* What only a phrase holds is not learned. */
    t = make_from("\"chain\"\"chain\"\"chain\"", 300);
    assert_int_equal(t->n_merges, 0);
    masa_tokenizer_destroy(t);
    t = make_from("chain chain chain", 300);
    assert_true(t->n_merges > 3);
    masa_tokenizer_destroy(t);
    /* Bytes that are no UTF-8 harm nothing. */
    t = make_from("ab\xff ab\xfe ab ab", 300);
    assert_int_equal(masa_tokenizer_find(t, "ab") >= 0, true);
    masa_tokenizer_destroy(t);
}

static void bad_plans_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "x"}, {"a\xff", "x"}, {"Ġ", "x"}, {"<|im_end|>", "x"}, {"twice", "twice"}};
    masa_tokenizer *t = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        masa_tokenizer_plan plan = {.phrases = bad[i], .n_phrases = 2};
        masa_error err = {0};
        assert_int_equal(masa_tokenizer_make(&t, &plan, &err), MASA_ERR_CONFIG);
        assert_non_null(strstr(err.message, bad[i][0]));
        assert_null(t);
    }
    masa_tokenizer_plan plan = {.corpus = "x", .corpus_size = 1, .vocab = 258};
    assert_int_equal(masa_tokenizer_make(&t, &plan, NULL), MASA_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back_and_files_say_the_same),
        cmocka_unit_test(phrases_are_one_token),
        cmocka_unit_test(merges_are_those_of_a_naive_trainer),
        cmocka_unit_test(merges_stop_at_the_vocabulary_and_at_phrases),
        cmocka_unit_test(bad_plans_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
