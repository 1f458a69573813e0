/* Disks that fail: whatever operation on a file below the test's folder does, reading the model
 * and the problems among them, going on ends where the undisturbed command ended, byte for byte.
 * Some operations of every command fail, the same ones each time unless MASA_CRASH_SEED says
 * otherwise. With the name of a subject as argument one from each place in the program does, with
 * MASA_TEST_ALL=1 besides every one:
 *
 *     ctest --test-dir build/release -C all -R cli.disk_faults.all
 */
#include "disturb_test.h"

#include <errno.h>

enum { MOST_OPERATIONS = 1 << 14 };

/* A command that meets a disk that fails. */
typedef struct subject {
    const char *name, *arguments;
    const char *copy; /* what the folder RUN holds before; NULL: it is not there */
    const kind *kind; /* of training; NULL: the two that follow stand for it */
    void (*go_on)(void);
    void (*assert_end)(const char *how);
    long faults; /* how many, where not every operation fails in turn */
} subject;

static long operations[MOST_OPERATIONS]; /* those that may fail */

/* Finds them in the undisturbed command; returns how many there are, *all counts the others too. */
static long find_operations(const subject *s, long *all)
{
    long n = 0;
    const fault none = {.library = MASA_INJECT};
    int status = finish(start_faulty(s->arguments, run_path, &none));
    if (status != 0) fail_msg("%s: %d, %s", s->name, status, errors);
    FILE *file = fopen("count", "r");
    assert_int_equal(fscanf(file, "%ld %*s", all), 1);
    assert_true(*all < MOST_OPERATIONS);
    if (getenv("MASA_TEST_ALL"))
        for (; n < *all; n++) operations[n] = n + 1;
    else
        while (fscanf(file, "%ld", &operations[n]) == 1) n++;
    fclose(file);
    return n;
}

/* The name of the operation that failed. */
static void read_failed(char name[16])
{
    snprintf(name, 16, "?");
    FILE *file = fopen("count", "r");
    if (file && fscanf(file, "%*d %15s", name) != 1) name[0] = '\0';
    if (file) fclose(file);
}

/* One line says what happened; nothing crashes, and what the disk did not do is called neither
 * damaged nor missing. */
static void assert_told(const char *how, int status)
{
    bool told = status == 0 || (status == 1 && strstr(errors, "masa: "));
    bool deceives = strstr(errors, "damaged") || strstr(errors, "broken") ||
                    (strstr(errors, "create folder") && strstr(errors, strerror(ENOENT)));
    if (!told || deceives) fail_msg("%s: status %d, %s", how, status, errors);
}

static void prepare(const char *copy)
{
    char line[200];
    assert_int_equal(shell("rm -rf run run-*"), 0);
    if (!copy) return;
    snprintf(line, sizeof line, "cp -r %s run", copy);
    assert_int_equal(shell(line), 0);
}

static void assert_subject_end(const subject *s, const char *how)
{
    if (s->kind) assert_same_end(s->kind, how);
    else s->assert_end(how);
}

/* One fault, and the way to where the undisturbed command ended. */
static void disturb(const subject *s, const fault *disk, long all)
{
    char how[128], failed[16];
    prepare(s->copy);
    int status = finish(start_faulty(s->arguments, run_path, disk));
    read_failed(failed);
    snprintf(how, sizeof how, "%s%s: %s, operation %ld of %ld%s: %s", s->name,
             s->copy ? ", a resume" : "", failed, disk->nth, all, disk->on ? " on" : "",
             strerror(disk->code));
    assert_told(how, status);
    if (s->go_on) s->go_on();
    else if (s->copy) must_finish(s->arguments, run_path); /* what was saved before is there */
    else go_on(s->kind);
    assert_subject_end(s, how);
}

/* Lets operations fail, one at a time, over the whole length of the command. */
static void walk(const subject *s)
{
    prepare(s->copy);
    long all, places = find_operations(s, &all), n = asked ? places : s->faults;
    print_message("%s%s: %ld of %ld operations\n", s->name, s->copy ? ", a resume" : "", n,
                  all);
    assert_subject_end(s, "undisturbed");
    assert_true(places > s->faults);
    for (long i = 0; i < n; i++) {
        double drawn = asked ? 0 : (double)rand() / RAND_MAX;
        size_t at = (size_t)((double)places * ((double)i + drawn) / (double)n) % (size_t)places;
        const fault disk = {.library = MASA_INJECT,
                            .nth = operations[at],
                            .code = i % 2 ? EIO : ENOSPC,
                            .on = i % 4 > 1}; /* the disk stays as it is */
        disturb(s, &disk, all);
    }
    prepare(NULL);
}

/* Shorter than where it is killed at instants: each operation of it may fail. The arguments are
 * in `whole`; the undisturbed run is made. */
static kind shorten(char whole[2000], const kind *k)
{
    kind shorter = *k;
    bool by_steps = strstr(k->arguments, " -n ") != NULL;
    snprintf(whole, 2000, "%s%s", k->arguments, by_steps ? " -n 4" : "");
    shorter.arguments = whole;
    assert_int_equal(masa_folder_remove(k->name, NULL), MASA_OK);
    must_finish(whole, k->name);
    return shorter;
}

/* A run without its last checkpoint: a resume takes the record back to the one before and does
 * the rest again. */
static void make_half(const char *run)
{
    char line[300];
    snprintf(line, sizeof line,
             "rm -rf half; cp -r %s half && cd half/checkpoints && rm -r $(cat latest) && "
             "ls -d step-* | tail -n 1 >latest",
             run);
    assert_int_equal(shell(line), 0);
}

static void faulty_kind(const kind *k)
{
    char whole[2000], resume[64];
    const kind shorter = shorten(whole, k);
    walk(
        &(subject){.name = k->name, .arguments = whole, .kind = &shorter, .faults = k->faults});
    make_half(k->name);
    resume_arguments(resume, k);
    walk(&(subject){
        .name = k->name, .arguments = resume, .copy = "half", .kind = k, .faults = k->faults});
}

/* A resume that goes farther than the run was to go, and so changes a setting. */
static void faulty_extension(void)
{
    const kind *k = &kinds[0];
    char whole[2000], half[2010];
    const kind shorter = shorten(whole, k);
    snprintf(half, sizeof half, "%s -n 3", whole);
    assert_int_equal(shell("rm -rf half"), 0);
    must_finish(half, "half");
    walk(&(subject){.name = "extension",
                    .arguments = "train RUN --resume -n 4",
                    .copy = "half",
                    .kind = &shorter,
                    .faults = k->faults});
}

static void go_on_evaluating(void)
{
    must_finish(EVALUATION, run_path);
}

static void faulty_evaluation(void)
{
    subject s = {.name = "eval",
                 .arguments = EVALUATION,
                 .go_on = go_on_evaluating,
                 .assert_end = assert_same_evaluation,
                 .faults = 8};
    must_finish(EVALUATION, "whole.sqlite");
    walk(&s);
    make_half_evaluation();
    s.copy = "half";
    walk(&s);
}

/* The second time its second run has lost its last checkpoint. */
static void faulty_comparison(void)
{
    subject s = {.name = "compare",
                 .arguments = COMPARISON,
                 .go_on = go_on_comparing,
                 .assert_end = assert_same_comparison,
                 .faults = 8};
    must_finish(COMPARISON, "whole");
    walk(&s);
    make_half("whole/rloo-seed1");
    assert_int_equal(shell("mv half lost && cp -r whole half && rm -r half/rloo-seed1 && "
                           "mv lost half/rloo-seed1"),
                     0);
    s.copy = "half";
    walk(&s);
}

static void not_under_the_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
    skip_since("the sanitizer's library must be the first to be loaded");
#endif
}

/* A model's files that need not be there count as there when the disk does not say. */
static void what_cannot_be_read_is_not_missing(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "generation_config.json",
                                        "tokenizer_config.json", "tokenizer.json",
                                        "model.safetensors"};
    not_under_the_sanitizer();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[300];
        const fault disk = {.library = MASA_INJECT, .nth = 1, .on = true, .under = path};
        snprintf(path, sizeof path, "%s/model/%s", folder, files[i]);
        int status = finish(start_faulty("generate -q --model model abc", run_path, &disk));
        if (status != 1 || !strstr(errors, files[i]) || !strstr(errors, strerror(EIO)))
            fail_msg("%s: status %d, %s", files[i], status, errors);
    }
}

static void faults_of_the_disk_change_nothing(void **state)
{
    (void)state;
    not_under_the_sanitizer();
    for (size_t i = 0; i < KINDS; i++)
        if (is_asked(kinds[i].name)) faulty_kind(&kinds[i]);
    if (is_asked("eval")) faulty_evaluation();
    if (is_asked("compare")) faulty_comparison();
    if (is_asked("extension")) faulty_extension();
}

int main(int argc, char **argv)
{
    seed_draws(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_is_not_missing),
        cmocka_unit_test(faults_of_the_disk_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
