/* masa meta as a user calls it; the examples of docs/method.md are what it writes. */
#include "masa_test.h"

#include <jansson.h>
#include <masa/file.h>
#include <sys/wait.h>

static char folder[] = "/tmp/masa-cli-meta-XXXXXX";
static char output[1 << 16], errors[1 << 16];

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static void read_all(char *to, size_t size, FILE *file)
{
    size_t n = fread(to, 1, size - 1, file);
    to[n] = '\0';
    fclose(file);
}

/* Runs `masa meta` with all these arguments in the folder where `file` is in.jsonl. */
static int meta_with(const char *paper, const char *arguments, const char *file, size_t size)
{
    char line[1024];
    char *path = masa_path_join(folder, "in.jsonl"), *err = masa_path_join(folder, "errors");
    assert_int_equal(masa_file_write(path, file, size, NULL), MASA_OK);
    snprintf(line, sizeof line, "cd '%s' && '%s' meta %s %s 2>errors >out", folder,
             MASA_PROGRAM, paper, arguments);
    int status = WEXITSTATUS(system(line));
    read_all(errors, sizeof errors, fopen(err, "r"));
    free(path);
    path = masa_path_join(folder, "out");
    read_all(output, sizeof output, fopen(path, "r"));
    free(path);
    free(err);
    return status;
}

/* `masa meta ARGUMENTS` with the lengths and the margin of the paper. */
static int meta(const char *arguments, const char *file, size_t size)
{
    return meta_with("--length-min 128 --length-max 8192 --margin 2", arguments, file, size);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

/* The next ```json block from *p on, as a slice; *p moves behind it. */
static size_t json_block(const char **block, const char **p)
{
    const char *start = strstr(*p, "```json\n");
    assert_non_null(start);
    start += strlen("```json\n");
    const char *end = strstr(start, "```\n");
    assert_non_null(end);
    *block = start;
    *p = end + 4;
    return (size_t)(end - start);
}

static void the_documented_example_holds(void **state)
{
    (void)state;
    masa_text doc = {0};
    const char *input, *expected;
    assert_int_equal(masa_file_read(&doc, MASA_TESTS "/../docs/method.md", NULL), MASA_OK);
    const char *p = doc.data;
    size_t n = json_block(&input, &p), expected_size = json_block(&expected, &p);
    assert_int_equal(meta("--forecast in.jsonl", input, n), 0);
    assert_int_equal(strlen(output), expected_size);
    assert_memory_equal(output, expected, expected_size);
    masa_text_deinit(&doc);
}

#define RESPONSES                                                                              \
    "\"problem\":\"Count the primes.\",\"responses\":[\"a sieve\",\"sieves\",\"a "             \
    "guess\"],"                                                                                \
    "\"correct\":[true,1,0.0],\"lengths\":[150,210,400],"

/* One meta response to one problem: what is written about it has these parts. */
static void assert_first(const char *arguments, const char *answer, const char *parts)
{
    char line[2048];
    int n = snprintf(line, sizeof line, "{" RESPONSES "\"meta_responses\":[\"%s\"]}\n", answer);
    assert_int_equal(meta(arguments, line, (size_t)n), 0);
    assert_has(output, parts);
}

static void every_option_has_its_effect(void **state)
{
    (void)state;
    static const char answer[] = "{\\\"pass_rate\\\":4,\\\"solution_length\\\":210,"
                                 "\\\"math_notion\\\":[\\\"Sieve\\\"]}";
    /* p = 2/3, p^ = 1/2. */
    assert_first("in.jsonl", answer,
                 "\"difficulty\":0.464158883,\"length\":1.0,\"notion\":1.0,"
                 "\"total\":0.821386294,\"zero\":{}");
    assert_first("--base 1 in.jsonl", answer, "\"difficulty\":1.0");
    assert_first("--difficulty-rule brier in.jsonl", answer, "\"difficulty\":0.972222222");
    assert_first("--length-rule strict in.jsonl", answer, "\"zero\":{\"length\":\"outside\"}");
    assert_first("--notion-rule substring in.jsonl", answer,
                 "\"zero\":{\"notion\":\"none_helpful\"}");
    assert_first("--weight-difficulty 0 in.jsonl", answer, "\"total\":1.0");
    assert_first("--weight-length 0 --weight-notion 0 in.jsonl", answer,
                 "\"total\":0.464158883");
    assert_first("--length-max 200 in.jsonl", answer, "\"zero\":{\"length\":\"out_of_range\"}");
    assert_first("--length-min 300 in.jsonl", answer, "\"zero\":{\"length\":\"out_of_range\"}");
    assert_first("-f in.jsonl", answer, "\"cutoff\":420,");
    assert_first("-f --margin 0 in.jsonl", answer, "\"cutoff\":8192,");
    assert_first("-f --margin 1.5 in.jsonl", answer, "\"cutoff\":315,");
    assert_first("-f in.jsonl", answer, "It could be solved using Sieve.");
    assert_first("-f --hint 0 in.jsonl", answer, "\"notions\":[\"Sieve\"]}");
    assert_first("-f --expert-threshold 1 in.jsonl",
                 "</meta>{\\\"math_notion\\\":[\\\"sieve\\\"]}",
                 "\"expert\":\"</meta>\\n{\\\"math_notion\\\": [\\\"sieve\\\"], "
                 "\\\"pass_rate\\\": 5, \\\"solution_length\\\": 180}\"");
    assert_first("-f --expert-threshold 1.1 in.jsonl",
                 "</meta>{\\\"math_notion\\\":[\\\"sieve\\\"]}", "solved using sieve.\"}");
    char *form = masa_path_join(folder, "form");
    static const char asks[] = "{problem}: {\"solution_length\": n, \"math_notion\": []}";
    assert_int_equal(masa_file_write(form, asks, strlen(asks), NULL), MASA_OK);
    assert_first("-f --template form in.jsonl", "{\\\"math_notion\\\":[\\\"sieve\\\"]}",
                 "\"expert\":\"{\\\"solution_length\\\": 180, \\\"math_notion\\\": "
                 "[\\\"sieve\\\"]}\"");
    free(form);
    /* In one right response and one wrong one; of the right ones that is a greater share. */
    static const char rare[] =
        "{\"problem\":\"P\",\"responses\":[\"a sieve\",\"a sieve\",\"b\",\"c\"],"
        "\"correct\":[true,false,false,false],\"lengths\":[150,250,250,250],"
        "\"meta_responses\":[\"</meta>{\\\"math_notion\\\":[\\\"sieve\\\"]}\"]}\n";
    assert_int_equal(meta("in.jsonl", rare, strlen(rare)), 0);
    assert_has(output, "\"notion\":\"none_helpful\"");
    assert_int_equal(meta("--notion-test rates in.jsonl", rare, strlen(rare)), 0);
    assert_has(output, "\"notion\":1.0");
    assert_int_equal(meta("--notion-test share in.jsonl", rare, strlen(rare)), 2);
    assert_has(errors, "--notion-test is one of counts, rates");
    static const char hopeless[] =
        "{\"problem\":\"P\",\"responses\":[\"a\",\"b\"],\"correct\":[false,false],"
        "\"lengths\":[150,250],\"meta_responses\":[\"</meta>{}\"]}\n";
    assert_int_equal(meta("-f --expert-threshold 0 in.jsonl", hopeless, strlen(hopeless)), 0);
    assert_null(strstr(output, "expert"));
    assert_int_equal(
        meta("-f --expert-threshold 0 --expert-hopeless in.jsonl", hopeless, strlen(hopeless)),
        0);
    assert_has(output, "\\\"pass_rate\\\": 0, \\\"solution_length\\\": 200}");
}

static void the_gate_and_the_cutoff_have_options(void **state)
{
    (void)state;
    static const char line[] =
        "{" RESPONSES
        "\"meta_responses\":[\"{\\\"pass_rate\\\":8,\\\"solution_length\\\":200}\","
        "\"{\\\"pass_rate\\\":7,\\\"solution_length\\\":500}\","
        "\"{\\\"pass_rate\\\":8,\\\"solution_length\\\":300}\"]}\n";
    static const char *const cases[][2] = {
        {"-f in.jsonl", "\"gate_closed\":true"}, /* deviation 0.059, mean 0.958 */
        {"-f --sigma 0.05 in.jsonl", "\"gate_closed\":false"},
        {"-f --tolerance 0.04 in.jsonl", "\"gate_closed\":false"},
        {"-f in.jsonl", "\"cutoff\":600,"},
        {"-f --cutoff-statistic max in.jsonl", "\"cutoff\":1000,"},
        {"-f --cutoff-statistic mean --margin 1 in.jsonl", "\"cutoff\":333,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(meta(cases[i][0], line, sizeof line - 1), 0);
        assert_has(output, cases[i][1]);
    }
    assert_has(errors, "gate: 1 of 1 problems closed, precision 0.0000, recall -");
}

static void the_summary_measures(void **state)
{
    (void)state;
    /* True pass rates 1, 1/2, 0 against 7/8, 1/2, 1/8 predicted; lengths 100, 300. */
    static const char file[] =
        "{\"problem\":\"a\",\"responses\":[\"x\",\"x\"],\"correct\":[true,true],"
        "\"lengths\":[100,100],\"meta_responses\":[\"{\\\"pass_rate\\\":7,"
        "\\\"solution_length\\\":150}\",\"{\\\"pass_rate\\\":7,\\\"solution_length\\\":"
        "250}\"]}\n"
        "\n"
        "{\"problem\":\"b\",\"responses\":[\"x\",\"y\"],\"correct\":[true,false],"
        "\"lengths\":[300,500],\"meta_responses\":[\"{\\\"pass_rate\\\":4,"
        "\\\"solution_length\\\":350}\",\"{\\\"pass_rate\\\":4,\\\"solution_length\\\":"
        "450}\"]}\n"
        "{\"problem\":\"c\",\"responses\":[\"y\",\"y\"],\"correct\":[false,false],"
        "\"lengths\":[9,9],\"meta_responses\":[\"{\\\"pass_rate\\\":1}\",\"none\"]}\n";
    assert_int_equal(meta("--tolerance 0.125 in.jsonl", file, sizeof file - 1), 0);
    assert_string_equal(
        errors, "6 meta responses to 3 problems; mean rewards:\n"
                "  difficulty 0.6145   zero: 1 no_json\n"
                "  length     0.0000   zero: 1 no_json, 1 missing, 4 outside\n"
                "  notion     0.0000   zero: 1 no_json, 5 missing\n"
                "  total      0.2048\n"
                "pass rate, predicted and true: 3 problems, Pearson 1.0000, Spearman 1.0000, "
                "mean "
                "absolute error 0.0833, calibration error 0.0833\n"
                "length, predicted and true: 2 problems, Pearson 1.0000, Spearman 1.0000, mean "
                "absolute error 100.0000\n"
                "gate: 1 of 3 problems closed, precision 1.0000, recall 0.5000, F1 0.6667\n"
                "length error of correct rollouts, standardised: 3 rollouts, mean -2.0000, "
                "deviation "
                "0.0000\n"
                "length error of incorrect rollouts, standardised: 1 rollouts, mean 2.0000, "
                "deviation "
                "0.0000\n");
}

static void prompts_are_written(void **state)
{
    (void)state;
    static const char file[] = "{\"id\":7,\"problem\":\"How \\\"many\\\"?\"}\n";
    assert_int_equal(meta("--prompts --length-min 16 in.jsonl", file, sizeof file - 1), 0);
    json_t *line = json_loads(output, 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_integer_value(json_object_get(line, "id")), 7);
    assert_true(json_string_length(json_object_get(line, "system")) > 0);
    assert_has(json_string_value(json_object_get(line, "prompt")), "integer 16 to 8192");
    assert_has(json_string_value(json_object_get(line, "prompt")), "Problem: How \"many\"?");
    json_decref(line);
    assert_string_equal(errors, "");
    /* Without options it is as in masa train: meta.length_min to rollout.max_tokens. */
    assert_int_equal(meta_with("", "--prompts in.jsonl", file, sizeof file - 1), 0);
    assert_has(output, "integer 16 to 256");
    char *path = masa_path_join(folder, "template");
    masa_file_write(path, "Q {problem}", 11, NULL);
    assert_int_equal(meta("-p --template template in.jsonl", file, sizeof file - 1), 0);
    assert_has(output, "\"prompt\":\"Q How \\\"many\\\"?\"");
    masa_file_write(path, "", 0, NULL);
    assert_int_equal(meta("-p --template template in.jsonl", file, sizeof file - 1), 1);
    assert_has(errors, "{problem}");
    free(path);
}

static const struct {
    const char *line, *error;
} lines[] = {
    {"{", "in.jsonl:2: not a JSON object"},
    {"[]", "in.jsonl:2: not a JSON object"},
    {"{\"problem\":1}", "in.jsonl:2: \"problem\" must be a string"},
    {"{\"problem\":\"x\"}", "in.jsonl:2: \"responses\" must be a list of strings"},
    {"{\"problem\":\"x\",\"responses\":[\"a\",1]}", "\"responses\"[1] is not a string"},
    {"{\"problem\":\"x\",\"responses\":[\"a\"]}", "\"correct\" and \"lengths\" must be lists"},
    {"{\"problem\":\"x\",\"responses\":[\"a\"],\"correct\":[true,true],\"lengths\":["
     "1]}",
     "1 \"responses\", but 2 in \"correct\" and 1 in \"lengths\""},
    {"{\"problem\":\"x\",\"responses\":[\"a\"],\"correct\":[0.5],\"lengths\":[1]}",
     "\"correct\"[0] must be true or false"},
    {"{\"problem\":\"x\",\"responses\":[\"a\"],\"correct\":[true],\"lengths\":[-1]}",
     "\"lengths\"[0] must be a number of tokens"},
    {"{\"problem\":\"x\",\"responses\":[\"a\"],\"correct\":[true],\"lengths\":[1.5]}",
     "\"lengths\"[0] must be a number of tokens"},
    {"{" RESPONSES "\"meta_responses\":\"x\"}",
     "in.jsonl:2: \"meta_responses\" must be a list of strings"},
    {"{\"problem\":\"x\\u0000\"}", "in.jsonl:2:"},
};

static const char *const options[][2] = {
    {"--base 0 in.jsonl", "--base must be over 0"},
    {"--base 2 in.jsonl", "--base must be over 0"},
    {"--base nan in.jsonl", "--base takes a number, not 'nan'"},
    {"--weight-notion -1 in.jsonl", "must not be negative"},
    {"--weight-notion 0 --weight-length 0 --weight-difficulty 0 in.jsonl",
     "one must be over 0"},
    {"--length-min 0 in.jsonl", "--length-min must be at least 1"},
    {"--length-max 100 in.jsonl", "at most --length-max"},
    {"--length-rule loose in.jsonl",
     "--length-rule is one of inclusive, strict, quantile, not 'loose'"},
    {"--notion-rule x in.jsonl", "lemma, substring"},
    {"--cutoff-statistic x in.jsonl", "median, mean, max"},
    {"--margin -1 in.jsonl", "must not be negative"},
    {"--hint -1 in.jsonl", "must not be negative"},
    {"", "usage: masa meta"},
};

static void bad_files_and_options_are_named(void **state)
{
    (void)state;
    static const char good[] = "{" RESPONSES "\"meta_responses\":[]}\n";
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char file[2048];
        int n = snprintf(file, sizeof file, "%s%s\n", good, lines[i].line);
        assert_int_equal(meta("-f in.jsonl", file, (size_t)n), 1);
        assert_has(errors, lines[i].error);
        assert_ptr_equal(strchr(errors, '\n'), errors + strlen(errors) - 1); /* one line */
        assert_string_equal(output, "");
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        assert_int_equal(meta(options[i][0], good, sizeof good - 1), 2);
        assert_has(errors, options[i][1]);
    }
    assert_int_equal(meta("missing.jsonl", good, sizeof good - 1), 1);
    assert_has(errors, "missing.jsonl");
    assert_int_equal(meta("- <in.jsonl", good, sizeof good - 1), 0);
    assert_has(errors, "0 meta responses to 1 problems");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example_holds),
        cmocka_unit_test(every_option_has_its_effect),
        cmocka_unit_test(the_gate_and_the_cutoff_have_options),
        cmocka_unit_test(the_summary_measures),
        cmocka_unit_test(prompts_are_written),
        cmocka_unit_test(bad_files_and_options_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
