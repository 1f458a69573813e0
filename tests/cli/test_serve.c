/* masa serve: OpenAI's clients by curl and Python, many at once, and those that mean no good. */
#include "serving.h"

#include <masa/memory.h>

static int set_up(void **state)
{
    setenv("MASA_ISA", "reference",
           1); /* what is sampled does not depend on how rows are batched */
    return make_kinds(state);
}

static void must(const char *line)
{
    int status = shell(line);
    if (status != 0) fail_msg("%s: status %d, %s", line, status, errors);
}

/* Checks of serve_client.py on a server with these arguments, which ends well after. */
static void check(const char *arguments, const char *checks)
{
    char line[600];
    serving s = serving_start(arguments);
    snprintf(line, sizeof line, "python3 %s/cli/serve_client.py %s %s", MASA_TESTS, s.url,
             checks);
    int status = shell(line);
    int ended = serving_end(&s);
    if (status != 0) fail_msg("%s: %s", checks, errors);
    assert_int_equal(ended, 0);
}

#define MODEL "-m model --chat-template chatml "

static void answers_openai_s_clients(void **state)
{
    (void)state;
    check(MODEL, "endpoints streams");
}

/* The package that most clients are written with; it is no Debian package. */
static void answers_openai_s_package(void **state)
{
    (void)state;
    char line[600];
    serving s = serving_start(MODEL "--batch 16");
    snprintf(line, sizeof line, "python3 %s/cli/openai_client.py %s", MASA_TESTS, s.url);
    int status = shell(line);
    assert_int_equal(serving_end(&s), 0);
    if (status == 77) skip_since("python3 has no module openai");
    if (status != 0) fail_msg("%s", errors);
}

static void decodes_many_together(void **state)
{
    (void)state;
    check(MODEL "--batch 16", "crowd");
    /* and where the cache has no room for all of them */
    check(MODEL "--batch 16 --cache 1 --context 200", "crowd");
}

static void survives_hostile_clients(void **state)
{
    (void)state;
    check(MODEL "--weights .", "hostile");
}

/* The same seed, the same text as on the command line. */
static void samples_as_masa_generate(void **state)
{
    (void)state;
    char line[600];
    serving s = serving_start(MODEL);
    snprintf(line, sizeof line,
             "curl -sf %s/v1/completions -d '{\"prompt\":\"a "
             "b\",\"seed\":7,\"n\":3,\"max_tokens\":20}' | "
             "python3 -c 'import json,sys; print([c[\"text\"] for c in "
             "json.load(sys.stdin)[\"choices\"]])'",
             s.url);
    must(line);
    char *served = masa_strdup(output);
    must("$masa generate -m model --raw --seed 7 -n 3 -l 20 --json -q 'a b' | "
         "python3 -c 'import json,sys; print([json.loads(l)[\"text\"] for l in sys.stdin])'");
    assert_string_equal(served, output);
    free(served);
    assert_int_equal(serving_end(&s), 0);
}

/* Requests beyond the queue are refused, not forgotten; a stop ends those under way at once. */
static void is_full_and_stops(void **state)
{
    (void)state;
    char line[900];
    serving s = serving_start(MODEL "--queue 2 --batch 1");
    snprintf(
        line, sizeof line,
        "for i in 1 2; do curl -s %s/v1/completions -d "
        "'{\"prompt\":[\"a\",\"b\",\"c\"],\"n\":1000,\"max_tokens\":1900}' >slow-$i & done; "
        "until curl -s %s/health | grep -q '\"requests\":2'; do sleep 0.05; done; "
        "curl -s -i %s/v1/completions -d '{\"prompt\":\"a\"}' | tr -d '\\r' >full; "
        "kill -TERM %d; wait; cat full slow-1 slow-2",
        s.url, s.url, s.url, (int)s.pid);
    must(line);
    int status = -1;
    assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(output, "429 Too Many Requests"));
    assert_non_null(strstr(output, "Retry-After: 1"));
    assert_non_null(strstr(output, "rate_limit_error"));
    const char *first = strstr(output, "the server is stopping");
    assert_true(first && strstr(first + 1, "the server is stopping"));
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *part;
        int status;
    } wrong[] = {
        {"--listen nowhere", "--listen takes an address and a port", 2},
        {"--listen 127.0.0.1:", "--listen takes an address and a port", 2},
        {"--listen 127.0.0.1:99999", "--listen takes an address and a port", 2},
        {"--listen localhost:http", "--listen takes an address and a port", 2},
        {"--listen 192.0.2.1:80", "cannot listen on 192.0.2.1:80: Cannot assign", 1},
        {"--batch 0", "must be positive", 2},
        {"--weights nowhere", "cannot open nowhere", 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[300];
        snprintf(line, sizeof line, "timeout 20 $masa serve -q -m model %s",
                 wrong[i].arguments);
        int status = shell(line);
        if (status != wrong[i].status || !strstr(errors, wrong[i].part))
            fail_msg("%s: status %d, %s", wrong[i].arguments, status, errors);
    }
}

/* Weights: only from where they may come, with their version, and wholly or not at all. */
static void reloads_weights(void **state)
{
    (void)state;
    char line[2000];
    must("mkdir -p shared outside; cp -r model shared/other; "
         "$masa init shared/shape --hidden 64 --layers 1 --heads 2 -q 2>/dev/null || "
         "$masa init shared/shape --hidden 64 --layers 1 --heads 2 >/dev/null; "
         "cp -r model outside/model; ln -s ../outside/model shared/link");
    serving s = serving_start(MODEL "--weights shared");
    snprintf(line, sizeof line,
             "reload() { curl -s %s/collective_rpc -d "
             "\"{\\\"method\\\":\\\"reload_weights\\\","
             "\\\"kwargs\\\":{\\\"weights_path\\\":\\\"$PWD/"
             "$1\\\",\\\"weight_version\\\":\\\"$2\\\"}}\"; }; "
             "reload shared/other v7; curl -s %s/health; reload outside/model v8; "
             "reload shared/../outside/model v8; reload shared/link v8; reload "
             "shared/nowhere v8; "
             "reload shared/shape v8; curl -s %s/health; "
             "truncate -s 1000 shared/other/model.safetensors; reload shared/other v9; "
             "curl -s %s/health; curl -s %s/v1/completions -d '{\"prompt\":\"a\"}'",
             s.url, s.url, s.url, s.url, s.url);
    must(line);
    static const char *const parts[] = {
        "\"results\":[{\"weight_version\":\"v7\",\"fingerprint\":\"",
        "\"weight_version\":\"v7\"",
        "is not in the folder",
        "is not in the folder",
        "is not in the folder",
        "cannot open",
        "another shape",
        "\"weight_version\":\"v7\"",
        "shared/other is not read, the weights stay v7: ",
        "\"weight_version\":\"v7\"",
        "\"choices\""};
    const char *p = output;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *at = strstr(p, parts[i]);
        if (!at) fail_msg("no '%s' in: %s", parts[i], p);
        p = at + 1;
    }
    assert_int_equal(serving_end(&s), 0);
}

static void weights_cut_short_change_nothing(void **state)
{
    (void)state;
    must("rm -rf shared; mkdir shared; for m in shared/model served; do "
         "$masa init $m --hidden 256 --layers 4 --seed ${#m} >/dev/null; done");
    check("-m served --weights /", "cuts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_openai_s_clients),
        cmocka_unit_test(answers_openai_s_package),
        cmocka_unit_test(decodes_many_together),
        cmocka_unit_test(survives_hostile_clients),
        cmocka_unit_test(samples_as_masa_generate),
        cmocka_unit_test(is_full_and_stops),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(reloads_weights),
        cmocka_unit_test(weights_cut_short_change_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
