/* Whether the library's assertions run, which they must in every preset that checks it. */
#include "masa_test.h"
#include <masa/random.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(MASA_CHECKED) && defined(NDEBUG)
#error "a preset that checks the program compiles its assertions out"
#endif

/* How a process ends that draws from nothing, which is an error of the caller's. */
static int status_of_a_false_assertion(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        masa_random random = masa_random_init(1, MASA_STREAM_TEST);
        masa_random_range(&random, 1, 0);
        _exit(0);
    }
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void what_is_checked_runs_its_assertions(void **state)
{
    (void)state;
#ifdef MASA_CHECKED
    int status = status_of_a_false_assertion();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
#else
    (void)status_of_a_false_assertion;
    skip_since("this build has no assertions");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_checked_runs_its_assertions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
