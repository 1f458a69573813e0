/* A copy of a file in memory is the file's bytes, whatever becomes of the file. */
#include "masa_test.h"

#include <masa/file.h>

#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/masa-load-XXXXXX";

static void a_copy_outlives_the_file(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    static char data[SIZE];
    masa_mapping copy = {0};
    close(mkstemp(path));
    for (size_t i = 0; i < SIZE; i++) data[i] = (char)(i * 7);
    assert_int_equal(masa_file_write(path, data, SIZE, NULL), MASA_OK);
    assert_int_equal(masa_file_load(&copy, path, NULL), MASA_OK);
    assert_int_equal(truncate(path, 0), 0); /* of a mapping, reading on would end the process */
    assert_int_equal(copy.size, SIZE);
    assert_memory_equal(copy.data, data, SIZE);
    masa_file_unmap(&copy);
    assert_int_equal(masa_file_load(&copy, path, NULL), MASA_OK);
    assert_int_equal(copy.size, 0);
    assert_null(copy.data);
    unlink(path);
}

static void what_cannot_be_read_whole_is_an_error(void **state)
{
    (void)state;
    static const char shorter[] = "/sys/kernel/uevent_seqnum"; /* than it says it is */
    masa_mapping copy = {0};
    masa_error err = {0};
    assert_int_equal(masa_file_load(&copy, "/nowhere", &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "cannot open /nowhere"));
    assert_int_equal(masa_file_load(&copy, "/tmp", &err), MASA_ERR_IO);
    assert_int_equal(masa_file_load(&copy, "/dev/null", &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    if (!masa_path_is_regular(shorter)) skip_since("no file in /sys says more than it has");
    assert_int_equal(masa_file_load(&copy, shorter, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "was cut short while it was read, at byte "));
    assert_null(copy.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_outlives_the_file),
        cmocka_unit_test(what_cannot_be_read_whole_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
