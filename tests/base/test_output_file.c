/* Until an output is committed the file is what it was, wherever it lies. */
#include "masa_test.h"

#include <masa/file.h>
#include <masa/text.h>

#include <unistd.h>

static void assert_holds(const char *path, const char *expected)
{
    masa_text text = {0};
    assert_int_equal(masa_file_read(&text, path, NULL), MASA_OK);
    assert_string_equal(masa_text_get(&text), expected);
    masa_text_deinit(&text);
}

static void written_whole_or_not(const char *within)
{
    char folder[64];
    masa_output out;
    snprintf(folder, sizeof folder, "%s/masa-output-XXXXXX", within);
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "file"), *link = masa_path_join(folder, "link");
    const char *const names[] = {path, link};
    assert_int_equal(masa_file_write(path, "old", 3, NULL), MASA_OK);
    assert_int_equal(symlink("file", link), 0);
    for (int i = 0; i < 2; i++) { /* the link stays one */
        assert_int_equal(masa_file_begin(&out, names[i], NULL), MASA_OK);
        assert_true(fputs("new", out.file) >= 0 && fflush(out.file) == 0);
        assert_holds(path, i ? "new" : "old");
        masa_file_abort(&out);
        assert_holds(path, i ? "new" : "old");
        assert_int_equal(masa_file_write(names[i], i ? "newer" : "new", i ? 5 : 3, NULL),
                         MASA_OK);
        assert_holds(path, i ? "newer" : "new");
    }
    assert_int_equal(readlink(link, folder, sizeof folder), 4);
    *strrchr(path, '/') = '\0';
    assert_int_equal(masa_folder_remove(path, NULL), MASA_OK);
    free(path);
    free(link);
}

/* A link where the new file would lie, and files with like names, stay what they are. */
static void what_lies_beside_is_left_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-output-XXXXXX", name[64];
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "file"), *victim = masa_path_join(folder, "victim");
    assert_int_equal(masa_file_write(victim, "mine", 4, NULL), MASA_OK);
    for (int i = -1; i < 2; i++) {
        if (i < 0) snprintf(name, sizeof name, ".tmp");
        else snprintf(name, sizeof name, ".tmp-%ld-%d", (long)getpid(), i);
        masa_text link = {0};
        masa_text_addf(&link, "%s%s", path, name);
        assert_int_equal(symlink("victim", masa_text_get(&link)), 0);
        assert_int_equal(masa_file_write(path, name, strlen(name), NULL), MASA_OK);
        assert_holds(path, name);
        assert_holds(victim, "mine");
        assert_holds(masa_text_get(&link), "mine");
        masa_text_deinit(&link);
    }
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(path);
    free(victim);
}

static void on_a_disk(void **state)
{
    (void)state;
    written_whole_or_not("/tmp");
}

static void in_shared_memory(void **state)
{
    (void)state;
    if (!masa_path_is_folder("/dev/shm")) skip_since("there is no /dev/shm");
    written_whole_or_not("/dev/shm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_a_disk),
                                       cmocka_unit_test(what_lies_beside_is_left_alone),
                                       cmocka_unit_test(in_shared_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
