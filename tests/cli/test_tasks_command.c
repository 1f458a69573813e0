/* masa tasks, as a user calls it. */
#include "cli_test.h"

#include <jansson.h>
#include <masa/meta.h>

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("meta.txt", "? {problem}");
    return 0;
}

/* The next line of the output as JSON, or NULL. */
static json_t *next_line(char **at)
{
    if (!**at) return NULL;
    char *end = strchr(*at, '\n');
    json_error_t why;
    json_t *line = json_loadb(*at, (size_t)(end - *at), 0, &why);
    if (!line) fail_msg("%s", why.text);
    *at = end + 1;
    return line;
}

static const char *text_of(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void families_have_their_keys(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa tasks -n 50 -k chain:3,sort:4-5"), 0);
    char *at = output;
    size_t n = 0;
    for (json_t *line; (line = next_line(&at)); n++, json_decref(line)) {
        const char *family = text_of(line, "family"), *problem = text_of(line, "problem");
        long level = (long)json_integer_value(json_object_get(line, "level"));
        assert_true(strcmp(family, "chain") == 0 ? level == 3 : level == 4 || level == 5);
        assert_int_equal(problem[0], family[0]);
        assert_int_equal(problem[1], '0' + level);
        assert_non_null(text_of(line, "answer"));
        assert_null(text_of(line, "solution"));
        assert_string_equal(text_of(line, "prompt_suffix"), "");
        assert_string_equal(text_of(line, "answer_rules"), "hashes");
    }
    assert_int_equal(n, 50);
}

/* One prediction: the form that masa reads, about the problem of the line before. */
static void check_prediction(const json_t *line, const char *problem, size_t *rates)
{
    const json_t *messages = json_object_get(line, "messages");
    assert_int_equal(json_array_size(messages), 3);
    assert_string_equal(text_of(json_array_get(messages, 0), "content"), masa_meta_system);
    const char *user = text_of(json_array_get(messages, 1), "content");
    assert_true(strncmp(user, "? ", 2) == 0 && strcmp(user + 2, problem) == 0);
    const char *text = text_of(json_array_get(messages, 2), "content"), *word;
    masa_meta_options options = MASA_META_DEFAULTS;
    options.length_min = 20;
    options.length_max = 40;
    masa_prediction p;
    masa_prediction_parse(&p, text, strlen(text), &options);
    assert_int_equal(p.pass_rate_cause, MASA_META_VALID);
    assert_int_equal(p.length_cause, MASA_META_VALID);
    rates[p.pass_rate]++;
    masa_prediction_deinit(&p);
    word = strchr(text, '[') + 2;
    /* Now and then no notion at all. */
    static const char *const words[] = {"chain\"", "select\"", "insert\"", ", \"pass_rate\""};
    bool known = false;
    for (int i = 0; i < 4; i++) known |= strncmp(word, words[i], strlen(words[i])) == 0;
    assert_true(known);
}

static void predictions_have_the_form_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa tasks -n 2000 -k chain,sort --solutions --predictions 0.25 "
                           "--meta-template meta.txt --lengths 20-40"),
                     0);
    char *at = output, problem[256] = "";
    size_t n = 0, predictions = 0, rates[9] = {0};
    for (json_t *line; (line = next_line(&at)); json_decref(line)) {
        if (json_object_get(line, "messages")) {
            predictions++;
            check_prediction(line, problem, rates);
            continue;
        }
        snprintf(problem, sizeof problem, "%s", text_of(line, "problem"));
        n++;
    }
    assert_int_equal(n, 2000);
    assert_near(predictions, 500, 100);
    for (int i = 0; i < 9; i++) assert_near(rates[i], (double)predictions / 9, 40);
    /* The problems are the same with and without; so are the predictions of a seed. */
    assert_int_equal(
        shell("a='-n 200 -k chain,sort --solutions'; $masa tasks $a >plain && "
              "$masa tasks $a --predictions 1 >both && $masa tasks $a --predictions 1 "
              "| cmp - both && grep -v messages both | cmp - plain && "
              "grep -c messages both"),
        0);
    assert_int_equal(strtol(output, NULL, 10), 200);
    assert_int_equal(
        shell("$masa tasks -n 1 -k chain --solutions --predictions 1 --meta-system "
              "'You know yourself.' | grep '\"You know yourself.\"'"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_have_their_keys),
        cmocka_unit_test(predictions_have_the_form_and_nothing_else)};
    return cmocka_run_group_tests(tests, make_folder, remove_model);
}
