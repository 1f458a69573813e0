/* Summaries, comparisons and exports of results made by hand. */
#include "results_fixture.h"

#include "sha256.h"

#include <dirent.h>
#include <jansson.h>
#include <masa/eval_export.h>

enum { N = 4 }; /* samples of each problem */

/* Rights of each problem out of N, from a string of digits; wrong ones answer 6, but for
 * one without an answer where there are two or more wrong. */
static void make_file(const char *name, const char *rights, long tokens)
{
    static masa_benchmark benchmark = {.name = "stars"};
    masa_results *r = open_file(name, MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, strlen(rights), N, 0, NULL));
    for (size_t i = 0; rights[i]; i++) {
        char id[24];
        snprintf(id, sizeof id, "p%zu", i);
        long p = add_problem(r, b, i, id, MASA_PROBLEM_MATH);
        size_t right = (size_t)(rights[i] - '0');
        for (size_t k = 0; k < N; k++) {
            bool cut = k + 1 == N && right + 2 <= N;
            if (k < right) add_sample(r, p, EVAL_SOLUTION, k, "7", "7", "equal", tokens, "eos");
            else if (cut)
                add_sample(r, p, EVAL_SOLUTION, k, "hm", NULL, "no_answer", 64, "length");
            else
                add_sample(r, p, EVAL_SOLUTION, k, "6", k % 2 ? "6.0" : "6", "different", 20,
                           "eos");
        }
    }
    masa_results_close(r);
}

/* Nothing right of little is no certainty. */
static void test_extremes_have_an_interval(void **state)
{
    (void)state;
    const char *const rights[] = {"0000000000", "4444444444"};
    for (int all = 0; all < 2; all++) {
        make_file("extreme.sqlite", rights[all], 10);
        masa_result_sets sets = read_sets("extreme.sqlite");
        masa_eval_summary s;
        masa_eval_summarise(&s, &sets.items[0], &MASA_BOOTSTRAP_DEFAULTS);
        assert_near(s.accuracy, all, 0);
        assert_near(s.interval.low, all ? 0.7224672 : 0, 1e-6);
        assert_near(s.interval.high, all ? 1 : 0.2775328, 1e-6);
        masa_result_sets_deinit(&sets);
        remove("extreme.sqlite");
    }
}

static void test_accuracy(void **state)
{
    (void)state;
    make_file("one.sqlite", "4201", 10);
    masa_result_sets sets = read_sets("one.sqlite");
    masa_eval_summary s;
    masa_eval_summarise(&s, &sets.items[0], &MASA_BOOTSTRAP_DEFAULTS);
    assert_int_equal(s.problems, 4);
    assert_near(s.accuracy, 7.0 / 16, 1e-15);
    /* By sample number: 3, 2, 1, 1 of 4 problems. */
    double by_sample[] = {0.75, 0.5, 0.25, 0.25};
    assert_near(s.deviation, masa_deviation(by_sample, 4), 1e-15);
    assert_true(s.interval.low >= 0.05 && s.interval.low < 0.25);
    assert_true(s.interval.high > 0.6 && s.interval.high <= 1);
    assert_int_equal(s.n_pass, 3);
    assert_int_equal(s.pass[1].k, 2);
    /* Of 2 from 4: 1, 1 - 1/6, 0, 1/2. */
    assert_near(s.pass[1].value, (1 + 5.0 / 6 + 0.5) / 4, 1e-15);
    assert_near(s.pass[2].value, 0.75, 1e-15);
    /* Votes: 4 against 0; 2 against 1 (one silent); none right; 1 against 2 ("6", "6.0").
     */
    assert_near(s.majority, 0.5, 1e-15);
    assert_near(s.truncated, 3.0 / 16, 1e-15);
    assert_near(s.no_answer, 3.0 / 16, 1e-15);
    assert_near(s.tokens_right, 10, 1e-12);
    assert_near(s.tokens_wrong, (3 * 64 + 6 * 20) / 9.0, 1e-12);
    masa_result_sets_deinit(&sets);
}

static void test_nothing_complete(void **state)
{
    (void)state;
    static masa_benchmark benchmark = {.name = "stars"};
    masa_results *r = open_file("none.sqlite", MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, 2, 2, 1, NULL));
    long p = add_problem(r, b, 0, "p", MASA_PROBLEM_MATH);
    add_sample(r, p, EVAL_SOLUTION, 0, "7", "7", "equal", 1, "eos");
    masa_results_close(r);
    masa_result_sets sets = read_sets("none.sqlite");
    masa_eval_summary s;
    masa_eval_summarise(&s, &sets.items[0], &MASA_BOOTSTRAP_DEFAULTS);
    assert_int_equal(s.problems, 0);
    assert_true(isnan(s.accuracy) && isnan(s.interval.low) && isnan(s.tokens));
    assert_int_equal(s.n_pass, 0);
    masa_meta_summary m;
    masa_meta_judge judge = {MASA_META_DEFAULTS, 0.1, 0.1};
    masa_meta_summarise(&m, &sets.items[0], &judge, &MASA_BOOTSTRAP_DEFAULTS);
    assert_int_equal(m.n, 0);
    masa_meta_summary_deinit(&m);
    masa_result_sets_deinit(&sets);
}

static masa_status contrast(const char *a, const char *b, masa_contrast *out, size_t *n,
                            size_t *unmatched, masa_error *err)
{
    masa_result_sets x = read_sets(a), y = read_sets(b);
    masa_meta_judge judge = {MASA_META_DEFAULTS, 0.1, 0.1};
    judge.meta.length_min = 1;
    masa_status st = masa_eval_contrast(out, n, unmatched, &x.items[0], &y.items[0], &judge,
                                        &MASA_BOOTSTRAP_DEFAULTS, err);
    masa_result_sets_deinit(&x);
    masa_result_sets_deinit(&y);
    return st;
}

static void test_contrast(void **state)
{
    (void)state;
    make_file("a.sqlite", "012014", 10);
    make_file("b.sqlite", "12341", 10); /* p5 is in a alone */
    masa_contrast c[MASA_CONTRASTS];
    size_t n = 0, unmatched = 0;
    OK(contrast("a.sqlite", "b.sqlite", c, &n, &unmatched, NULL));
    assert_int_equal(n, 2); /* no predictions */
    assert_int_equal(unmatched, 1);
    assert_string_equal(c[0].measure, "accuracy");
    assert_int_equal(c[0].paired.n, 5);
    /* Differences in quarters: 1, 1, 1, 4, 0. */
    assert_near(c[0].paired.difference, 7.0 / 4 / 5, 1e-15);
    assert_int_equal(c[0].paired.better, 4);
    assert_near(c[0].paired.p_value, 2.0 / 16, 1e-15);
    assert_string_equal(c[1].measure, "tokens");
    assert_true(c[1].lower_is_better && c[1].paired.difference < 0);
}

/* ---- gain ---- */

/* Accuracy is twice the difficulty reward: that alone explains every difference, and shares
 * with steps what both say alike. Length and notions never change. */
static void test_gain(void **state)
{
    (void)state;
    masa_checkpoint_result r[] = {{0, 0.2, 0.1, 0.5, 0.3},
                                  {10, 0.6, 0.3, 0.5, 0.3},
                                  {20, 0.4, 0.2, 0.5, 0.3},
                                  {30, 0.8, 0.4, 0.5, 0.3}};
    masa_gain_split g = masa_eval_gain(r, 4);
    assert_int_equal(g.pairs, 6);
    assert_near(g.r2, 1, 1e-9);
    assert_near(g.share[MASA_GAIN_LENGTH], 0, 1e-12);
    assert_near(g.share[MASA_GAIN_NOTION], 0, 1e-12);
    /* Differences of steps 10 20 10 30 20 10 (0-1 0-2 1-2 0-3 1-3 2-3), of the reward
     * 2 1 -1 3 1 2 tenths: correlation r; a share of two is (R2 + r^2 of one alone) / 2. */
    static const double x[] = {10, 20, 10, 30, 20, 10}, y[] = {2, 1, -1, 3, 1, 2};
    double alone = masa_pearson(x, y, 6) * masa_pearson(x, y, 6);
    assert_near(g.share[MASA_GAIN_STEPS], alone / 2, 1e-9);
    assert_near(g.share[MASA_GAIN_DIFFICULTY], 1 - alone / 2, 1e-9);
    r[2].step = NAN;
    g = masa_eval_gain(r, 4);
    assert_true(isnan(g.share[MASA_GAIN_STEPS]));
    assert_near(g.share[MASA_GAIN_DIFFICULTY], 1, 1e-9);
}

/* ---- predictions ---- */

/* One right of two solutions of 10 and 30 tokens; predictions as given. */
static void make_meta_file(const char *name, const char *const *predictions, size_t n)
{
    static masa_benchmark benchmark = {.name = "stars"};
    masa_results *r = open_file(name, MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, 2, 2, n, NULL));
    for (size_t i = 0; i < 2; i++) {
        long p = add_problem(r, b, i, i ? "p1" : "p0", MASA_PROBLEM_MATH);
        add_sample(r, p, EVAL_SOLUTION, 0, "By counting, 7", "7", "equal", 10, "eos");
        add_sample(r, p, EVAL_SOLUTION, 1, "By guessing, 6", i ? "7" : "6",
                   i ? "equal" : "different", 30, "eos");
        for (size_t k = 0; k < n; k++)
            add_sample(r, p, EVAL_META, k, predictions[k], NULL, NULL, 20, "eos");
    }
    masa_results_close(r);
}

static const char *const exact[] = {
    "</meta>{\"math_notion\":[\"counting\"],\"pass_rate\":4,\"solution_length\":10}",
    "</meta>{\"math_notion\":[\"counting\"],\"pass_rate\":4,\"solution_length\":10}"};
static const char *const poor[] = {
    "</meta>{\"math_notion\":[\"guessing\"],\"pass_rate\":8,\"solution_length\":100}",
    "I do not know."};

static void test_predictions(void **state)
{
    (void)state;
    make_meta_file("exact.sqlite", exact, 2);
    masa_result_sets sets = read_sets("exact.sqlite");
    masa_meta_summary m;
    masa_meta_judge judge = {MASA_META_DEFAULTS, 0.1, 0.1};
    judge.meta.length_min = 1;
    masa_meta_summarise(&m, &sets.items[0], &judge, &MASA_BOOTSTRAP_DEFAULTS);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.n_predictions, 4);
    /* Pass rates are 1/2 and 1, both predicted as 1/2. */
    assert_near(m.rate.error, 0.25, 1e-15);
    assert_true(isnan(m.rate.pearson)); /* the prediction never varies */
    assert_near(m.difficulty, (1 + pow(0.01, 0.5)) / 2, 1e-12);
    assert_near(m.length, 1, 1e-15);
    assert_near(m.notion, 1, 1e-15);
    assert_near(m.lengths.error, 5, 1e-12); /* 10 against 10, and against 20 */
    assert_int_equal(m.causes[0][MASA_META_VALID], 4);
    assert_near(m.token_share, 80.0 / 160, 1e-15);
    assert_near(m.calibration_error, 0.25, 1e-12);
    assert_int_equal(m.gate.open_wrongly, 1); /* p1 has no variance; not foretold */
    assert_int_equal(m.gate.open_rightly, 1);
    assert_int_equal(m.records[1].n_correct, 2);
    masa_meta_summary_deinit(&m);
    masa_result_sets_deinit(&sets);
}

static void test_predictions_compared(void **state)
{
    (void)state;
    make_meta_file("exact2.sqlite", exact, 2);
    make_meta_file("poor.sqlite", poor, 2);
    masa_contrast c[MASA_CONTRASTS];
    size_t n = 0, unmatched = 0;
    OK(contrast("poor.sqlite", "exact2.sqlite", c, &n, &unmatched, NULL));
    assert_int_equal(n, MASA_CONTRASTS);
    for (size_t i = 2; i < n; i++) {
        bool improved = (c[i].paired.difference < 0) == c[i].lower_is_better;
        if (!improved && strcmp(c[i].measure, "pass-rate error") != 0)
            fail_msg("%s: %g", c[i].measure, c[i].paired.difference);
    }
    assert_string_equal(c[6].measure, "pass-rate error");
    assert_near(c[6].paired.mean_a, 0.25, 1e-15); /* 1 for rates of 1/2 and 1 */
    assert_near(c[6].paired.mean_b, 0.25, 1e-15);
    assert_near(c[7].paired.mean_a, (log(10) + log(5)) / 2, 1e-12);
}

/* ---- export ---- */

static void test_sha256(void **state)
{
    (void)state;
    char hash[65], million[1000];
    eval_sha256(hash, "", 0);
    assert_string_equal(hash,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    eval_sha256(hash, "abc", 3);
    assert_string_equal(hash,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    eval_sha256(hash, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
    assert_string_equal(hash,
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    eval_sha256(hash, million, sizeof million);
    assert_string_equal(hash,
                        "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static json_t *load_export(const char *start, const char *end)
{
    char *path = masa_path_join(root, "export");
    DIR *folder = opendir(path);
    json_t *json = NULL;
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) {
        if (!masa_starts_with(e->d_name, start) || !masa_ends_with(e->d_name, end)) continue;
        char *file = masa_path_join(path, e->d_name);
        json = json_load_file(file, JSON_DISABLE_EOF_CHECK, NULL); /* the first line */
        free(file);
    }
    closedir(folder);
    free(path);
    assert_non_null(json);
    return json;
}

static void test_export(void **state)
{
    (void)state;
    make_file("e.sqlite", "31", 10);
    masa_result_sets sets = read_sets("e.sqlite");
    char *path = masa_path_join(root, "export");
    OK(masa_eval_export(path, &sets, "{\"model\":\"m\",\"temperature\":0.6,\"max_tokens\":64}",
                        &MASA_BOOTSTRAP_DEFAULTS, NULL));
    json_t *line = load_export("samples_stars_", ".jsonl");
    const char *prompt, *target, *hash, *doc_hash, *answer;
    json_t *responses;
    double exact_match;
    int doc_id;
    assert_int_equal(
        json_unpack(line, "{s:i,s:s,s:{s:{s:s}},s:[o],s:s,s:s,s:F,s:[[*]],s:{s:s}}", "doc_id",
                    &doc_id, "target", &target, "arguments", "gen_args_0", "arg_0", &prompt,
                    "resps", &responses, "target_hash", &hash, "doc_hash", &doc_hash,
                    "exact_match", &exact_match, "filtered_resps", "doc", "answer", &answer),
        0);
    assert_int_equal(json_array_size(responses), N);
    assert_near(exact_match, 0.75, 1e-15);
    assert_string_equal(prompt, "How many stars are there? Answer.");
    assert_string_equal(hash,
                        "7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451");
    assert_int_equal(strlen(doc_hash), 64);
    json_decref(line);
    json_t *results = load_export("results_", ".json");
    assert_int_equal(json_unpack(results, "{s:{s:{s:F}},s:s}", "results", "stars",
                                 "exact_match,masa", &exact_match, "model_name", &answer),
                     0);
    assert_near(exact_match, 0.5, 1e-15);
    json_decref(results);
    masa_result_sets_deinit(&sets);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_extremes_have_an_interval),
        cmocka_unit_test(test_nothing_complete),
        cmocka_unit_test(test_contrast),
        cmocka_unit_test(test_gain),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_predictions_compared),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_export),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
