/* Choosing the device, with a plugin and without: the choice is made once in a process, so
 * every case is a process of its own. */
#include "kernels_test.h"
#include <masa/device.h>

#define WITH "MASA_TEST_WITH_PLUGIN" /* set where there is a plugin to be found */

static size_t turn; /* of the process among those of its machine */

/* What a process says that asks for a device by name (NULL: none) under these settings:
 * "KIND, NAME" or an error's message. */
static const char *answer(const char *name, const char *set, const char *value,
                          const char *wish)
{
    static char text[1024];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        masa_error err = {0};
        unsetenv("MASA_DEVICE");
        if (set) setenv(set, value, 1);
        if (wish) setenv("MASA_DEVICE", wish, 1);
        masa_status st = masa_device_start(name, turn, &err);
        FILE *out = fdopen(ends[1], "w");
        if (st) fprintf(out, "%d: %s", (int)st, err.message);
        else fprintf(out, "%s, %s", masa_device_kind(), masa_device_name());
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = 0, got;
    while ((got = read(ends[0], text + n, sizeof text - 1 - (size_t)n)) > 0) n += got;
    text[n] = '\0';
    close(ends[0]);
    assert_true(waitpid(child, NULL, 0) == child);
    return text;
}

static void says(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' does not say '%s'", text, part);
}

/* The plugin lies in a folder that the program only looks into when it is told to. */
static void with_a_plugin(void)
{
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    setenv("LD_LIBRARY_PATH", MASA_TEST_PLUGIN, 1);
    setenv(WITH, "1", 1);
    execl(program, program, (char *)NULL);
    fail_msg("cannot run %s again", program);
}

static void without_a_plugin_the_processor_computes(void **state)
{
    (void)state;
    if (getenv(WITH)) return; /* the other run's */
    says(answer("cpu", NULL, NULL, NULL), "cpu, ");
    says(answer("auto", NULL, NULL, NULL), "cpu, ");
    says(answer(NULL, NULL, NULL, NULL), "cpu, ");
    says(answer("cuda", NULL, NULL, NULL), "its plugin cannot be opened (libmasa_cuda.so");
    says(answer("cuda:1", NULL, NULL, NULL), "cannot be opened");
    says(answer(NULL, NULL, NULL, "cuda"), "cannot be opened");
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const names[] = {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        says(answer(names[i], NULL, NULL, NULL), "there are auto, cpu, cuda and cuda:N");
    says(answer(NULL, NULL, NULL, "moon"), "no device 'moon'");
    says(answer("cpu", NULL, NULL, "moon"), "cpu, "); /* the name comes before the wish */
}

static void is_chosen_once(void **state)
{
    (void)state;
    masa_error err = {0};
    assert_int_equal(masa_device_start("cpu", 0, NULL), MASA_OK);
    assert_int_equal(masa_device_start("cpu", 0, &err), MASA_ERR_USAGE);
    says(err.message, "chosen already: cpu");
}

static void a_plugin_is_found(void **state)
{
    (void)state;
    if (!getenv(WITH)) return;
    says(answer("cuda", NULL, NULL, NULL), "cuda, plugin's device 0");
    says(answer("cuda:1", NULL, NULL, NULL), "cuda, plugin's device 1");
    says(answer("auto", NULL, NULL, NULL), "cuda, ");
    says(answer(NULL, NULL, NULL, "cuda:1"), "device 1");
    says(answer("cpu", NULL, NULL, NULL), "cpu, ");
    says(answer("cuda:2", NULL, NULL, NULL), "there is no device 2");
    says(answer("cuda", "PLUGIN_VERSION", "77", NULL), "of another version");
    says(answer("auto", "PLUGIN_VERSION", "77", NULL), "cpu, ");
    says(answer("auto", "PLUGIN_DEVICES", "0", NULL), "cpu, ");
    turn = 3;
    says(answer("cuda", NULL, NULL, NULL), "cuda, plugin's device 1");
    says(answer("auto", "PLUGIN_DEVICES", "4", NULL), "cuda, plugin's device 3");
    says(answer("cuda:0", NULL, NULL, NULL), "cuda, plugin's device 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_plugin_the_processor_computes),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(a_plugin_is_found),
        cmocka_unit_test(is_chosen_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!failed && !getenv(WITH)) with_a_plugin();
    return failed;
}
