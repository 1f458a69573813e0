/* Rewards from a server: its answers, and each way in which it can fail. */
#include "rewards_fixture.h"
#include "server.h"

static void the_example(void **state)
{
    (void)state;
    server s = server_start(MASA_TESTS "/../examples/reward_server.py");
    char url[64];
    masa_reward out[MOST];
    masa_error err = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port);
    masa_reward_options o = options_with(NULL, url);
    o.copies = 3;
    masa_status st = give(&o, out, MOST, &err);
    server_end(&s);
    if (st != MASA_OK) fail_msg("%s", err.message);
    for (int i = 0; i < MOST; i++) assert_true(out[i].total == (i % 2 == 0));
}

static void each_fault_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        masa_status want;
        const char *says;
    } faults[] = {
        {"404", MASA_ERR_DATA, "answered with status 404"},
        {"500", MASA_ERR_IO, "answered with status 500, 3 times in a row"},
        {"hang", MASA_ERR_IO, "gave no answer for 0.3 s, 3 times in a row"},
        {"nonsense", MASA_ERR_DATA, "answered '<html>', which is no JSON object"},
        {"short", MASA_ERR_DATA, "answered 3 of the 4 responses"},
        {"close", MASA_ERR_IO, "3 times in a row"},
    };
    server s = server_start(MASA_TESTS "/reward/faults.py");
    char url[64];
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", s.port, faults[i].path);
        masa_reward_options o = options_with(NULL, url);
        o.timeout = 0.3;
        assert_refused(&o, 8, faults[i].want, faults[i].says);
    }
    /* What fails now and then is asked again. */
    masa_reward out[8];
    masa_error err = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/flaky", s.port);
    masa_reward_options o = options_with(NULL, url);
    if (give(&o, out, 8, &err) != MASA_OK) fail_msg("%s", err.message);
    for (int i = 0; i < 8; i++) assert_true(out[i].total == 0.25);
    server_end(&s);
    assert_refused(&o, 8, MASA_ERR_IO, url); /* nobody is there any more */
    o.url = "ftp://127.0.0.1/";
    assert_refused(&o, 8, MASA_ERR_IO, "ftp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example),
        cmocka_unit_test(each_fault_has_its_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
