#include "masa_test.h"
#include <masa/file.h>
#include <masa/memory.h>

#include <sys/wait.h>
#include <unistd.h>

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    void *p = NULL;
    masa_error err = {0};
    masa_memory_fail_at(2);
    assert_int_equal(masa_alloc_large(&p, 3 << 20, 2, "a cache", &err), MASA_OK);
    free(p);
    assert_int_equal(masa_alloc_large(&p, 3 << 20, 2, "a cache", &err), MASA_ERR_MEMORY);
    assert_string_equal(err.message, "not enough memory for a cache (6 MiB)");
    assert_int_equal(masa_memory_fail_at(5), 0);
    free(masa_alloc(1, 1));
    assert_int_equal(masa_memory_fail_at(0), 4);
}

/* What a child says and how it ends when `count` items of `size` bytes are not to be had. */
static void ends_with(size_t count, size_t size, const char *line)
{
    char said[200] = "";
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        masa_memory_fail_at(1);
        masa_alloc(count, size);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_string_equal(said, line);
}

static void the_line_says_how_much(void **state)
{
    (void)state;
    ends_with(7, 3, "masa: out of memory: 21 bytes asked for, for lists and texts\n");
    ends_with(5, 1 << 20, "masa: out of memory: 5 MiB asked for, for lists and texts\n");
}

static void a_line_is_bounded(void **state)
{
    (void)state;
    masa_text line = {0};
    masa_error err = {0};
    bool more;
    FILE *file = tmpfile();
    fputs("one\n\nlast", file);
    rewind(file);
    const char *expected[] = {"one", "", "last"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(masa_line_read(file, &line, &more, &err), MASA_OK);
        assert_true(more);
        assert_string_equal(masa_text_get(&line), expected[i]);
    }
    assert_int_equal(masa_line_read(file, &line, &more, &err), MASA_OK);
    assert_false(more);
    rewind(file);
    for (int i = 0; i <= MASA_LINE_MOST; i++) putc('x', file);
    rewind(file);
    assert_int_equal(masa_line_read(file, &line, &more, &err), MASA_ERR_DATA);
    assert_string_equal(err.message, "a line of more than 16 MiB");
    fclose(file);
    masa_text_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_nth_allocation_fails),
                                       cmocka_unit_test(the_line_says_how_much),
                                       cmocka_unit_test(a_line_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
