#include "masa_test.h"

#include <fcntl.h>
#include <masa/progress.h>
#include <unistd.h>

static void lines_for_files(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = tmpfile();
    masa_progress *p = masa_progress_create(file, 100);
    assert_true(isnan(masa_progress_left(p)));
    masa_progress_step_done(p, &(masa_progress_step){1, 0.4125, NAN, 0.25, 143.4, NAN, NAN, 1204, 60});
    masa_progress_phase(p, "rollouts", 3, 9); /* terminals only */
    masa_progress_note(p, "evaluation: %d of %d", 3, 4);
    masa_progress_step_done(p, &(masa_progress_step){2, NAN, 2.34567, NAN, NAN, 0.5, 0.25, NAN, 60});
    assert_near(masa_progress_left(p), 98 * 60, 1e-9);
    masa_progress_step_done(p, &(masa_progress_step){3, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 160});
    assert_near(masa_progress_left(p), 97 * 90, 1e-9); /* 60 + 0.3 * 100 */
    masa_progress_destroy(p);
    size = (size_t)ftell(file);
    text = calloc(size + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    assert_string_equal(
        text, "step   1/100  reward 0.412  right 25.0%  length 143  1204 tok/s  left 1h39m\n"
              "evaluation: 3 of 4\n"
              "step   2/100  loss 2.3457  meta 0.500  gated 25%  left 1h38m\n"
              "step   3/100  left 2h25m\n");
    free(text);
}

static void terminals_get_one_line(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) skip();
    FILE *file = fopen(ptsname(master), "w");
    if (!file) skip();
    masa_progress *p = masa_progress_create(file, 9);
    masa_progress_phase(p, "rollouts", 3, 8);
    masa_progress_phase(p, "rollouts", 4, 8); /* too soon to draw again */
    masa_progress_step_done(p, &(masa_progress_step){1, 0.5, NAN, NAN, NAN, NAN, NAN, NAN, NAN});
    masa_progress_note(p, "saved");
    masa_progress_destroy(p);
    fflush(file);
    char text[512] = "";
    size_t n = 0;
    while (!strstr(text, "\033[K\r\n")  || !strstr(text, "saved")) {
        ssize_t got = read(master, text + n, sizeof text - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
        text[n] = '\0';
    }
    fclose(file);
    close(master);
    assert_string_equal(text, "\rrollouts 3/8\033[K"
                              "\rstep 1/9  reward 0.500\033[K"
                              "\r\033[Ksaved\r\n"
                              "\rstep 1/9  reward 0.500\033[K\r\n");
}

static void nowhere_is_fine(void **state)
{
    (void)state;
    masa_progress *p = masa_progress_create(NULL, 10);
    masa_progress_step_done(p, &(masa_progress_step){5, 1, 1, 1, 1, 1, 1, 1, 2});
    masa_progress_note(p, "unseen");
    masa_progress_phase(p, "rollouts", 1, 2);
    assert_near(masa_progress_left(p), 10, 1e-9);
    masa_progress_destroy(p);
    masa_progress_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_for_files),
                                       cmocka_unit_test(terminals_get_one_line),
                                       cmocka_unit_test(nowhere_is_fine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
