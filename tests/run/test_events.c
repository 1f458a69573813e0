#include "masa_test.h"
#include "crc32c.h"
#include "events.h"

#include <dirent.h>
#include <masa/file.h>
#include <masa/run_folder.h>

/* A reader of our own, from the wire format, so that the writer is not its own judge. */
typedef struct event {
    double wall_time;
    int64_t step;
    char version[32], tag[64];
    float value;
    int session, dtype;
    char plugin[16], text[64];
} event;

static uint64_t little(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static uint64_t varint(const uint8_t **p)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return value;
    }
}

/* depth 0: Event, 1: Summary, 2: Value, 3: SessionLog, 4: Tensor, 5: SummaryMetadata,
 * 6: PluginData */
static void parse(event *out, const uint8_t *p, size_t size, int depth)
{
    const uint8_t *end = p + size;
    while (p < end) {
        uint64_t key = varint(&p);
        int field = (int)(key >> 3), type = (int)(key & 7);
        if (type == 0) {
            uint64_t value = varint(&p);
            if (depth == 0 && field == 2) out->step = (int64_t)value;
            if (depth == 3 && field == 1) out->session = (int)value;
            if (depth == 4 && field == 1) out->dtype = (int)value;
        } else if (type == 1) {
            assert_true(depth == 0 && field == 1);
            memcpy(&out->wall_time, p, 8);
            p += 8;
        } else if (type == 5) {
            assert_true(depth == 2 && field == 2);
            memcpy(&out->value, p, 4);
            p += 4;
        } else {
            assert_int_equal(type, 2);
            size_t n = (size_t)varint(&p);
            assert_true(n <= (size_t)(end - p) && (n < 64 || depth < 5));
            if (depth == 0 && field == 3) memcpy(out->version, p, n);
            if (depth == 2 && field == 1) memcpy(out->tag, p, n);
            if (depth == 0 && field == 5) parse(out, p, n, 1);
            if (depth == 1 && field == 1) parse(out, p, n, 2);
            if (depth == 0 && field == 7) parse(out, p, n, 3);
            if (depth == 2 && field == 8) parse(out, p, n, 4);
            if (depth == 2 && field == 9) parse(out, p, n, 5);
            if (depth == 5 && field == 1) parse(out, p, n, 6);
            if (depth == 4 && field == 8) memcpy(out->text, p, n < 63 ? n : 63);
            if (depth == 6 && field == 1) memcpy(out->plugin, p, n);
            p += n;
        }
    }
    assert_true(p == end);
}

static size_t read_file(const char *path, event *out, size_t most)
{
    masa_text bytes = {0};
    assert_int_equal(masa_file_read(&bytes, path, NULL), MASA_OK);
    const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.size;
    size_t n = 0;
    while (p < end && n < most) {
        uint64_t size = little(p, 8);
        assert_true(size + 16 <= (size_t)(end - p));
        assert_int_equal(little(p + 8, 4), crc32c_masked(p, 8));
        assert_int_equal(little(p + 12 + size, 4), crc32c_masked(p + 12, size));
        out[n] = (event){0};
        parse(&out[n++], p + 12, size, 0);
        p += size + 16;
    }
    assert_true(p == end);
    masa_text_deinit(&bytes);
    return n;
}

/* Paths of the files in a folder, in the order of their names. */
static int list(const char *folder, char paths[][512])
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort), files = 0;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            snprintf(paths[files++], 512, "%s/%s", folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return files;
}

static void scalars_are_read_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-events-XXXXXX", paths[4][512];
    assert_non_null(mkdtemp(folder));
    for (int run = 0; run < 2; run++) {
        events *file = NULL;
        assert_int_equal(events_open(&file, folder, NULL), MASA_OK);
        if (run == 1) assert_int_equal(events_rewind(file, 300, NULL), MASA_OK);
        assert_int_equal(events_add_scalar(file, 0, "reward/mean", 0.0, NULL), MASA_OK);
        assert_int_equal(events_add_scalar(file, 301, "loss", -1.5, NULL), MASA_OK);
        assert_int_equal(events_flush(file, NULL), MASA_OK);
        events_close(file);
    }
    assert_int_equal(list(folder, paths), 2);
    event e[8];
    assert_int_equal(read_file(paths[0], e, 8), 3);
    assert_string_equal(e[0].version, "brain.Event:2");
    assert_true(e[0].wall_time > 1.6e9);
    assert_string_equal(e[1].tag, "reward/mean");
    assert_int_equal(e[1].step, 0);
    assert_near(e[1].value, 0, 0);
    assert_string_equal(e[2].tag, "loss");
    assert_int_equal(e[2].step, 301);
    assert_near(e[2].value, -1.5, 0);
    assert_int_equal(read_file(paths[1], e, 8), 4);
    assert_int_equal(e[1].session, 1);
    assert_int_equal(e[1].step, 301);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

static void texts_are_read_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-events-XXXXXX", paths[4][512];
    events *file = NULL;
    event e[4];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(events_open(&file, folder, NULL), MASA_OK);
    assert_int_equal(events_add_text(file, 20, "settings", "seed: 1\n", NULL), MASA_OK);
    events_close(file);
    assert_int_equal(list(folder, paths), 1);
    assert_int_equal(read_file(paths[0], e, 4), 2);
    assert_string_equal(e[1].tag, "settings");
    assert_int_equal(e[1].step, 20);
    assert_string_equal(e[1].text, "seed: 1\n");
    assert_string_equal(e[1].plugin, "text");
    assert_int_equal(e[1].dtype, 7); /* DT_STRING */
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

/* Metrics in groups, and none where there is no number. */
static void a_run_writes_groups(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"reward", "rollouts/reward"},
                                           {"eval_accuracy", "eval/accuracy"},
                                           {"eval_accuracy/level=3", "eval/accuracy/level=3"},
                                           {"meta_reward", "meta/reward"},
                                           {"gated_share", "gate/gated_share"},
                                           {"lr", "policy/lr"},
                                           {"loss", "policy/loss"},
                                           {"tokens_per_second", "cost/tokens_per_second"},
                                           {"bc_loss", "cloning/loss"},
                                           {"length", "rollouts/length"},
                                           {"cutoff_tokens", "gate/cutoff_tokens"}};
    enum { NAMES = sizeof names / sizeof *names };
    char folder[] = "/tmp/masa-events-XXXXXX", paths[4][512], inner[64];
    masa_config config;
    masa_run *run = NULL;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(masa_config_load(&config, NULL, NULL, NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, folder, &config, NULL), MASA_OK);
    assert_int_equal(masa_run_begin_step(run, NULL), MASA_OK);
    for (int i = 0; i < NAMES; i++) {
        assert_int_equal(masa_run_add_metric(run, 1, names[i][0], i, NULL), MASA_OK);
        assert_int_equal(masa_run_add_metric(run, 1, "off", NAN, NULL), MASA_OK);
    }
    assert_int_equal(masa_run_commit_step(run, NULL), MASA_OK);
    masa_run_close(run);
    masa_config_deinit(&config);
    snprintf(inner, sizeof inner, "%s/tensorboard", folder);
    assert_int_equal(list(inner, paths), 1);
    event e[NAMES + 3];
    assert_int_equal(read_file(paths[0], e, NAMES + 3), NAMES + 2);
    assert_string_equal(e[1].tag, "settings");
    for (int i = 0; i < NAMES; i++) assert_string_equal(e[i + 2].tag, names[i][1]);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

static void unwritable_is_an_error(void **state)
{
    (void)state;
    events *file = NULL;
    masa_error err = {0};
    assert_int_equal(events_open(&file, "/proc/self/nowhere", &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "/proc/self/nowhere"));
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_read_back), cmocka_unit_test(texts_are_read_back),
        cmocka_unit_test(a_run_writes_groups), cmocka_unit_test(unwritable_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
