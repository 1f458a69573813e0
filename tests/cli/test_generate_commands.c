/* masa generate and masa score on a tiny random model, as a user calls them. */
#include "cli_test.h"

#include <jansson.h>

/* `masa COMMAND` on the model with the arguments. */
static int masa(const char *command, const char *arguments)
{
    char line[2048];
    snprintf(line, sizeof line, "$masa %s --model . --chat-template chatml --compute f32 %s",
             command, arguments);
    return shell(line);
}

static void assert_fails(const char *command, const char *arguments, int status,
                         const char *says)
{
    if (masa(command, arguments) != status || !strstr(errors, says))
        fail_msg("masa %s %s: expected '%s', got: %s", command, arguments, says, errors);
    assert_ptr_equal(strchr(errors, '\n'), errors + strlen(errors) - 1); /* one line */
}

/* A file's responses come in order, with the members of their lines; scoring them
 * through the training pass gives the same log-probabilities. */
static void a_file_is_answered_and_scored(void **state)
{
    (void)state;
    write_file("in.jsonl",
               "{\"prompt\":\"abc\",\"id\":\"x\"}\n\n"
               "{\"messages\":[{\"role\":\"user\",\"content\":\"on\"}],\"answer\":7}\n"
               "{\"prompt_tokens\":[5,6,7]}\n");
    assert_int_equal(masa("generate", "-f in.jsonl -n 3 -l 20 -t 0.8 -k 40 | tee out.jsonl"),
                     0);
    assert_non_null(strstr(errors, "tokens/s"));
    size_t n = 0;
    for (char *p = output, *next; *p; p = next, n++) {
        next = strchr(p, '\n') + 1;
        json_t *line = json_loadb(p, (size_t)(next - p), 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(line, "sample")), n % 3);
        size_t tokens = json_array_size(json_object_get(line, "tokens"));
        assert_in_range(tokens, 1, 20);
        assert_int_equal(tokens, json_array_size(json_object_get(line, "logprobs")));
        const char *stop = json_string_value(json_object_get(line, "stop"));
        if (tokens < 20) assert_string_equal(stop, "eos");
        assert_true(json_is_string(json_object_get(line, "text")));
        if (n < 3) assert_string_equal(json_string_value(json_object_get(line, "id")), "x");
        if (n / 3 == 1)
            assert_int_equal(json_integer_value(json_object_get(line, "answer")), 7);
        json_decref(line);
    }
    assert_int_equal(n, 9);
    assert_int_equal(masa("score", "-f out.jsonl -t 0.8"), 0);
    double difference = 1;
    assert_int_equal(
        sscanf(errors, "mean difference to the log-probabilities given: %lf", &difference), 1);
    assert_near(difference, 0, 1e-5);
}

static void a_seed_decides(void **state)
{
    (void)state;
    static char first[sizeof output];
    assert_int_equal(masa("generate", "--raw --seed 5 -l 30 'abc on'"), 0);
    assert_true(strlen(output) > 1);
    strcpy(first, output);
    assert_int_equal(masa("generate", "--raw --seed 5 -l 30 'abc on'"), 0);
    assert_string_equal(output, first);
    assert_int_equal(masa("generate", "--raw --seed 6 -l 30 'abc on'"), 0);
    assert_string_not_equal(output, first);
    assert_int_equal(masa("generate", "--raw --seed 5 -l 30 -j 'abc on'"), 0);
    json_t *line = json_loads(output, 0, NULL);
    const char *text = json_string_value(json_object_get(line, "text"));
    assert_non_null(text); /* the same, but for bytes that are no UTF-8 */
    assert_int_equal(text[0], first[0]);
    assert_int_equal(json_array_size(json_object_get(line, "tokens")), 30);
    json_decref(line);
}

static void texts_are_scored(void **state)
{
    (void)state;
    assert_int_equal(masa("score", "'abc on'"), 0);
    json_t *line = json_loads(output, 0, NULL), *logprobs = json_object_get(line, "logprobs");
    assert_true(json_is_null(json_array_get(logprobs, 0)));
    double sum = 0;
    for (size_t i = 1; i < json_array_size(logprobs); i++)
        sum += json_number_value(json_array_get(logprobs, i));
    assert_true(sum < 0);
    assert_near(sum, json_number_value(json_object_get(line, "sum")), 1e-4);
    json_decref(line);
    write_file("pairs.jsonl", "{\"prompt\":\"abc\",\"completion\":\"on\"}\n"
                              "{\"prompt\":\"abc\",\"completion\":\"onabc\"}\n");
    assert_int_equal(masa("score", "-f pairs.jsonl"), 0);
    line = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
    assert_int_equal(json_array_size(json_object_get(line, "tokens")), 1);
    json_decref(line);
}

static void a_chat_remembers_and_resets(void **state)
{
    (void)state;
    assert_int_equal(masa("generate", "--chat -l 3 <<'END'\nabc\non\n/nothing\n/reset\n"
                                      "abc\n/quit\nabc\nEND"),
                     0);
    size_t prompts[4], n = 0;
    for (const char *p = errors; (p = strstr(p, "(prompt: ")) && n < 4; p++)
        assert_int_equal(sscanf(p, "(prompt: %zu", &prompts[n++]), 1);
    assert_int_equal(n, 3);
    assert_true(prompts[1] > prompts[0]);
    assert_int_equal(prompts[2], prompts[0]);
    assert_non_null(strstr(errors, "the commands are"));
}

static void bad_input_is_one_line(void **state)
{
    (void)state;
    write_file("bad.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\n");
    write_file("none.jsonl", "\n");
    write_file("other.jsonl", "{\"question\":\"a\"}\n");
    write_file("ids.jsonl", "{\"prompt_tokens\":[64]}\n");
    char text[600];
    int n = snprintf(text, sizeof text, "{\"prompt\":\"");
    memset(text + n, 'q', 300);
    strcpy(text + n + 300, "\"}\n");
    write_file("long.jsonl", text);
    assert_fails("generate", "-f bad.jsonl", 1, "bad.jsonl:2: not a JSON object");
    assert_fails("generate", "-f none.jsonl", 1, "none.jsonl is empty");
    assert_fails("generate", "-f other.jsonl", 1, "other.jsonl:1: the line needs a string");
    assert_fails("generate", "-f ids.jsonl", 1, "ids.jsonl:1: prompt_tokens[0]");
    assert_fails("generate", "-f long.jsonl", 1, "long.jsonl:1: the prompt has");
    assert_fails("generate", "-f absent.jsonl", 1, "absent.jsonl");
    assert_fails("generate", "", 2, "give one of");
    assert_fails("generate", "a --chat", 2, "give one of");
    assert_fails("generate", "a -t -1", 1, "temperature");
    assert_fails("generate", "a -x ''", 1, "a stop string is empty");
    assert_fails("generate", "a -n 0", 2, "must be positive");
    assert_fails("generate", "a --compute int8", 2, "--compute takes");
    assert_fails("score", "-f other.jsonl", 1, "other.jsonl:1: the line needs");
    assert_fails("score", "a", 1, "nothing to score");
    assert_fails("score", "ab -t 0", 2, "--temperature");
}

/* What goes to standard error beside the responses, and does not with --quiet. */
static void quiet_says_the_responses_alone(void **state)
{
    (void)state;
    static const char *const lines[] = {"abc -n 2 -l 4", "abc -l 4", "-f in.jsonl -l 4",
                                        "--chat -l 4 < said"};
    write_file("said", "ab\n/reset\nab\n");
    write_file("in.jsonl", "{\"prompt\":\"abc\"}\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char quiet[128], loud[sizeof output];
        assert_int_equal(masa("generate", lines[i]), 0);
        assert_non_null(strstr(errors, "tokens/s"));
        snprintf(loud, sizeof loud, "%s", output);
        snprintf(quiet, sizeof quiet, "--quiet %s", lines[i]);
        assert_int_equal(masa("generate", quiet), 0);
        assert_string_equal(errors, "");
        assert_string_equal(output, loud);
    }
    assert_fails("generate", "-q", 2, "give one of PROMPT");
    assert_int_equal(shell("$masa generate --help"), 0);
    assert_non_null(strstr(output, "--quiet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quiet_says_the_responses_alone),
                                       cmocka_unit_test(a_file_is_answered_and_scored),
                                       cmocka_unit_test(a_seed_decides),
                                       cmocka_unit_test(texts_are_scored),
                                       cmocka_unit_test(a_chat_remembers_and_resets),
                                       cmocka_unit_test(bad_input_is_one_line)};
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
