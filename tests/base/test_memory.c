#include "masa_test.h"
#include <masa/file.h>
#include <masa/memory.h>

#include <fcntl.h>
#include <sys/stat.h>
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

/* ---- control groups ---- */

static void write_line(const char *folder, const char *file, long number)
{
    char path[300], text[32];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_WRONLY), n = snprintf(text, sizeof text, "%ld\n", number);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, (size_t)n), n);
    close(fd);
}

/* Bytes of a file that go into the cache, as a model's do. */
static void fill_cache(const char *path, size_t bytes)
{
    static char block[1 << 20];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    for (size_t i = 0; i < bytes >> 20; i++)
        if (write(fd, block, sizeof block) != sizeof block) _exit(2);
    fsync(fd);
    for (off_t at = 0; pread(fd, block, sizeof block, at) > 0;) at += (off_t)sizeof block;
    close(fd);
}

enum { LIMIT = 256 << 20, CACHE = 128 << 20, SLACK = 32 << 20 };

/* In a group with a limit: what is available before and after a file was read. */
static void in_group(size_t seen[2])
{
    char path[64];
    snprintf(path, sizeof path, "/var/tmp/masa-test-%ld", (long)getpid());
    seen[0] = masa_memory_available();
    fill_cache(path, CACHE);
    seen[1] = masa_memory_available();
    unlink(path);
}

/* What the file cache holds of a group's memory counts as free: else a second run in a container
 * would be refused for the model that the first one has read. */
static void control_groups_are_limits(void **state)
{
    (void)state;
    char folder[64];
    int ends[2], status;
    size_t seen[2];
    snprintf(folder, sizeof folder, "/sys/fs/cgroup/memory/masa-test-%ld", (long)getpid());
    if (geteuid() != 0 || mkdir(folder, 0777) != 0)
        skip_since("control groups of version 1 cannot be made here");
    write_line(folder, "memory.limit_in_bytes", LIMIT);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        write_line(folder, "cgroup.procs", (long)getpid());
        in_group(seen);
        _exit(write(ends[1], seen, sizeof seen) != sizeof seen);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    for (int i = 0; i < 100 && rmdir(folder) != 0; i++) usleep(10000);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], seen, sizeof seen), sizeof seen);
    for (int i = 0; i < 2; i++) assert_in_range(seen[i], LIMIT - SLACK, LIMIT);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_allocation_fails), cmocka_unit_test(the_line_says_how_much),
        cmocka_unit_test(a_line_is_bounded), cmocka_unit_test(control_groups_are_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
