#include "masa_test.h"

#include <fcntl.h>
#include <masa/log.h>
#include <masa/progress.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void lines_for_files(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = tmpfile();
    masa_progress *p = masa_progress_create(file, NULL, 100);
    assert_true(isnan(masa_progress_left(p)));
    masa_progress_step_done(
        p, &(masa_progress_step){1, 0.4125, NAN, 0.25, 143.4, NAN, NAN, 1204, 60});
    masa_progress_phase(p, "rollouts", 3, 9); /* terminals only */
    masa_progress_note(p, "evaluation: %d of %d%s", 3, 4, "\nstep 9/9");
    masa_progress_step_done(
        p, &(masa_progress_step){2, NAN, 2.34567, NAN, NAN, 0.5, 0.25, NAN, 60});
    assert_near(masa_progress_left(p), 98 * 60, 1e-9);
    masa_progress_step_done(p,
                            &(masa_progress_step){3, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 160});
    assert_near(masa_progress_left(p), 97 * 90, 1e-9); /* 60 + 0.3 * 100 */
    masa_progress_destroy(p);
    size = (size_t)ftell(file);
    text = calloc(size + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    assert_string_equal(
        text, "step   1/100  reward 0.412  right 25.0%  length 143  1204 tok/s  left 1h39m\n"
              "evaluation: 3 of 4\\nstep 9/9\n" /* a line stays one */
              "step   2/100  loss 2.3457  meta 0.500  gated 25%  left 1h38m\n"
              "step   3/100  left 2h25m\n");
    free(text);
}

/* A terminal of so many columns; what is written to it can be read from *master. NULL: this
 * machine has none. */
static FILE *open_terminal(int *master, unsigned short columns)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0) return NULL;
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    ioctl(*master, TIOCSWINSZ, &size);
    return fopen(ptsname(*master), "w");
}

static const masa_progress_step whole = {12, 0.5, NAN, 0.25, 143.4, 0.5, 0.25, 1204, 60};

/* What a terminal shows of a step, a message of the log and a note. */
static void show(char *text, size_t size, const char *kind, unsigned short columns)
{
    int master;
    FILE *file = open_terminal(&master, columns);
    if (!file) skip_since("there are no pseudo-terminals here");
    setenv("TERM", kind, 1);
    masa_progress *p = masa_progress_create(file, NULL, 99);
    masa_log_set_sink(NULL);
    masa_progress_phase(p, "rollouts", 3, 8);
    masa_progress_phase(p, "rollouts", 4, 8); /* too soon to draw again */
    masa_progress_step_done(p, &whole);
    usleep(110000);
    masa_progress_phase(p, "rollouts", 5, 8);
    masa_warn("a warning");
    usleep(110000);
    masa_progress_phase(p, "rollouts", 6, 8);
    masa_progress_destroy(p);
    fputs("end\n", file);
    fflush(file);
    size_t n = 0;
    while (n < size - 1 && (n < 5 || memcmp(text + n - 5, "end\r\n", 5) != 0)) {
        ssize_t got = read(master, text + n, 1);
        if (got <= 0) break;
        n += (size_t)got;
    }
    text[n] = '\0';
    fclose(file);
    close(master);
}

static void terminals_are_asked_for_their_width(void **state)
{
    (void)state;
    char text[1024];
    show(text, sizeof text, "xterm", 200);
    assert_string_equal(text, "\rstep 1: rollouts 3/8\033[K\r\033[K"
                              "step 12/99  reward 0.500  right 25.0%  length 143  meta 0.500  "
                              "gated 25%  1204 tok/s  left 1h27m\r\n"
                              "\rstep 13: rollouts 5/8\033[K\r\033[K"
                              "\rstep 13: rollouts 6/8\033[K\r\033[Kend\r\n");
    show(text, sizeof text, "xterm", 80);
    assert_non_null(strstr(text,
                           "step 12/99  reward 0.500  right 25.0%  length 143  meta 0.500  "
                           "left 1h27m\r\n"));
    show(text, sizeof text, "xterm", 20);
    assert_string_equal(text, "\rstep 1: rollouts 3/\033[K\r\033[Kstep 12/99\r\n"
                              "\rstep 13: rollouts 5\033[K\r\033[K"
                              "\rstep 13: rollouts 6\033[K\r\033[Kend\r\n");
    show(text, sizeof text, "dumb", 200); /* whole lines, and no escapes */
    assert_string_equal(text, "step 12/99  reward 0.500  right 25.0%  length 143  meta 0.500  "
                              "gated 25%  1204 tok/s  left 1h27m\r\nend\r\n");
}

static void a_log_keeps_what_was_said(void **state)
{
    (void)state;
    FILE *log = tmpfile();
    char line[3][200], *format = "%*4d-%*2d-%*2d %*2d:%*2d:%*2d  %n";
    masa_progress *p = masa_progress_create(NULL, log, 99);
    masa_progress_step_done(p, &whole);
    masa_log_set_sink(NULL);
    masa_warn("a %s", "warning");
    masa_progress_note(p, "a note");
    masa_progress_destroy(p);
    masa_warn("of no progress");
    rewind(log);
    static const char *const says[] = {
        "step 12/99  reward 0.500  right 25.0%  length 143  meta "
        "0.500  gated 25%  1204 tok/s  left 1h27m\n",
        "warning: a warning\n", "a note\n"};
    for (int i = 0; i < 3; i++) {
        int n = 0;
        assert_non_null(fgets(line[i], sizeof line[i], log));
        sscanf(line[i], format, &n);
        assert_string_equal(line[i] + n, says[i]);
        assert_int_equal(n, 21);
    }
    assert_int_equal(fgetc(log), EOF);
    fclose(log);
}

static void nowhere_is_fine(void **state)
{
    (void)state;
    masa_progress *p = masa_progress_create(NULL, NULL, 10);
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
                                       cmocka_unit_test(terminals_are_asked_for_their_width),
                                       cmocka_unit_test(a_log_keeps_what_was_said),
                                       cmocka_unit_test(nowhere_is_fine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
