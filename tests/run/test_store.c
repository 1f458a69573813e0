#include "masa_test.h"
#include "store_before.h"
#include "store_internal.h"

#include <masa/log.h>
#include <sys/wait.h>

#include <masa/file.h>
#include <unistd.h>

static char *folder, *path;

static int set_up(void **state)
{
    (void)state;
    char template[] = "/tmp/masa-store-XXXXXX";
    folder = strdup(mkdtemp(template));
    path = masa_path_join(folder, "store.sqlite");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    masa_folder_remove(folder, NULL);
    free(folder);
    free(path);
    return 0;
}

static masa_store *open_store(masa_store_mode mode)
{
    masa_store *store = NULL;
    masa_error err = {0};
    if (masa_store_open(&store, path, mode, &err) != MASA_OK) fail_msg("%s", err.message);
    return store;
}

static masa_store_rollout example(long step, long prompt, long sample)
{
    static const int32_t ids[30] = {2, 3, 5, 49151};
    return (masa_store_rollout){.step = step,
                                .prompt = prompt,
                                .problem = prompt ? "p1" : "p0",
                                .kind = sample >= 10 ? "meta" : "solution",
                                .sample = sample,
                                .prompt_text = prompt ? "What is 1+1?" : "What is 2+2?",
                                .text = sample % 2 ? "an odd \\boxed{4}" : "even\nlines é",
                                .answer = "4",
                                .prompt_tokens = 7,
                                .tokens = 20 + sample,
                                .ids = ids,
                                .reward = (double)(sample % 2),
                                .advantage = -0.5,
                                .cause = sample == 3 ? "length" : "eos",
                                .logprob = -0.25,
                                .seconds = 1.5,
                                .extracted = sample % 2 ? "4" : NULL,
                                .correct = sample % 2 == 1,
                                .said = sample == 3 ? "too long" : NULL};
}

static const masa_store_prediction prediction = {.pass_rate = 4,
                                                 .length = -1,
                                                 .notions = "[\"sum\"]",
                                                 .cause_pass_rate = "valid",
                                                 .cause_length = "missing",
                                                 .cause_notions = "valid",
                                                 .difficulty = 0.5,
                                                 .length_reward = NAN,
                                                 .notion_reward = 0,
                                                 .true_pass_rate = 0.25,
                                                 .true_length = NAN};

static void fill(masa_store *store, long steps)
{
    for (long step = 1; step <= steps; step++) {
        assert_int_equal(masa_store_begin(store, NULL), MASA_OK);
        assert_int_equal(masa_store_add_metric(store, step, "reward/mean", (double)step, NULL),
                         MASA_OK);
        assert_int_equal(masa_store_add_metric(store, step, "loss", NAN, NULL), MASA_OK);
        for (long prompt = 0; prompt < 2; prompt++)
            for (long sample = 0; sample < 4; sample++) {
                masa_store_rollout r = example(step, prompt, sample);
                assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
                if (sample != 1) continue;
                assert_int_equal(masa_store_add_reward(store, &r, "user", -2, NULL), MASA_OK);
                assert_int_equal(masa_store_add_reward(store, &r, "format", 0.5, NULL),
                                 MASA_OK);
            }
        masa_store_rollout meta = example(step, 0, 10);
        meta.prediction = &prediction;
        assert_int_equal(masa_store_add_rollout(store, &meta, NULL), MASA_OK);
        masa_store_eval eval = {step, "t0", 0, "text", "4", true, 12, "eos", "4.0"};
        assert_int_equal(masa_store_add_eval(store, &eval, NULL), MASA_OK);
        masa_store_decision decision = {step, 1, "p1", "gate", true, 1.0, 0.05, 0, NULL};
        assert_int_equal(masa_store_add_decision(store, &decision, NULL), MASA_OK);
        assert_int_equal(masa_store_commit(store, NULL), MASA_OK);
    }
}

/* What the visits saw. */
typedef struct seen {
    size_t n;
    long last_step;
    char order[512]; /* "step.prompt.kind sample " per rollout */
    double sum;
    bool failing;
} seen;

static masa_status see_metric(void *context, long step, const char *name, double value,
                              masa_error *err)
{
    seen *s = context;
    (void)err;
    s->n++;
    s->last_step = step;
    if (strcmp(name, "loss") == 0) assert_true(isnan(value));
    else s->sum += value;
    return s->failing ? MASA_FAIL(err, MASA_ERR_DATA, "enough") : MASA_OK;
}

static void assert_predicted(const masa_store_prediction *p)
{
    assert_int_equal(p->pass_rate, 4);
    assert_int_equal(p->length, -1);
    assert_string_equal(p->notions, "[\"sum\"]");
    assert_string_equal(p->cause_length, "missing");
    assert_near(p->difficulty, 0.5, 0);
    assert_true(isnan(p->length_reward) && isnan(p->true_length));
    assert_near(p->true_pass_rate, 0.25, 0);
}

static masa_status see_rollout(void *context, const masa_store_rollout *r, masa_error *err)
{
    seen *s = context;
    (void)err;
    s->n++;
    s->sum += r->reward;
    size_t used = strlen(s->order);
    snprintf(s->order + used, sizeof s->order - used, "%ld.%ld.%c%ld ", r->step, r->prompt,
             r->kind[0], r->sample);
    masa_store_rollout expected = example(r->step, r->prompt, r->sample);
    assert_string_equal(r->text, expected.text);
    assert_string_equal(r->prompt_text, expected.prompt_text);
    assert_string_equal(r->problem, expected.problem);
    assert_string_equal(r->cause, expected.cause);
    assert_string_equal(r->answer, "4");
    assert_string_equal(r->extracted, expected.extracted ? expected.extracted : "");
    assert_int_equal(r->correct, expected.correct);
    assert_string_equal(r->said, expected.said ? expected.said : "");
    assert_string_equal(r->parts, r->sample == 1 ? "{\"format\":0.5,\"user\":-2.0}" : "");
    assert_int_equal(r->prediction != NULL, r->sample == 10);
    if (r->prediction) assert_predicted(r->prediction);
    assert_int_equal(r->tokens, expected.tokens);
    assert_int_equal(r->prompt_tokens, 7);
    assert_memory_equal(r->ids, expected.ids, (size_t)r->tokens * sizeof *r->ids);
    assert_near(r->advantage, -0.5, 0);
    assert_near(r->logprob, -0.25, 0);
    assert_near(r->seconds, 1.5, 0);
    return MASA_OK;
}

static seen rollouts(masa_store *store, masa_store_filter filter)
{
    seen s = {0};
    assert_int_equal(masa_store_rollouts(store, &filter, see_rollout, &s, NULL), MASA_OK);
    return s;
}

static masa_status see_eval(void *context, const masa_store_eval *e, masa_error *err)
{
    (void)err;
    ((seen *)context)->n++;
    assert_true(e->correct);
    assert_string_equal(e->problem, "t0");
    assert_int_equal(e->tokens, 12);
    assert_string_equal(e->extracted, "4.0");
    return MASA_OK;
}

static masa_status see_decision(void *context, const masa_store_decision *d, masa_error *err)
{
    (void)err;
    ((seen *)context)->n++;
    assert_true(d->taken);
    assert_string_equal(d->kind, "gate");
    assert_near(d->deviation, 0.05, 0);
    return MASA_OK;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 2);
    assert_int_equal(masa_store_set_info(store, "model", "m.gguf", NULL), MASA_OK);
    masa_store_close(store);

    store = open_store(MASA_STORE_READ);
    long step = 0;
    char *value = NULL;
    assert_int_equal(masa_store_last_step(store, &step, NULL), MASA_OK);
    assert_int_equal(step, 2);
    assert_int_equal(masa_store_get_info(store, "model", &value, NULL), MASA_OK);
    assert_string_equal(value, "m.gguf");
    free(value);
    assert_int_equal(masa_store_get_info(store, "colour", &value, NULL), MASA_OK);
    assert_null(value);

    seen s = {0};
    assert_int_equal(masa_store_metrics(store, 0, -1, NULL, see_metric, &s, NULL), MASA_OK);
    assert_int_equal(s.n, 4);
    assert_near(s.sum, 3, 0);
    s = (seen){0};
    assert_int_equal(masa_store_metrics(store, 2, 2, "reward/mean", see_metric, &s, NULL),
                     MASA_OK);
    assert_int_equal(s.n, 1);
    s = (seen){.failing = true};
    assert_int_equal(masa_store_metrics(store, 0, -1, NULL, see_metric, &s, NULL),
                     MASA_ERR_DATA);
    assert_int_equal(s.n, 1);
    s = (seen){0};
    assert_int_equal(masa_store_evals(store, 1, 1, see_eval, &s, NULL), MASA_OK);
    assert_int_equal(s.n, 1);
    s = (seen){0};
    assert_int_equal(masa_store_decisions(store, 0, -1, see_decision, &s, NULL), MASA_OK);
    assert_int_equal(s.n, 2);
    masa_store_close(store);
}

/* ---- the layout before ---- */

static masa_status see_old(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)err;
    ++*(int *)context;
    assert_string_equal(r->prompt_text, "What is 2+2?");
    assert_string_equal(r->answer, "4");
    assert_string_equal(r->extracted, "");
    assert_int_equal(r->correct, strcmp(r->kind, "solution") == 0);
    assert_int_equal(r->prediction != NULL, strcmp(r->kind, "meta") == 0);
    if (r->prediction) assert_predicted(r->prediction);
    return MASA_OK;
}

static masa_status see_old_eval(void *context, const masa_store_eval *e, masa_error *err)
{
    (void)err;
    ++*(int *)context;
    assert_string_equal(e->text, "five");
    assert_string_equal(e->extracted, "");
    assert_true(e->correct);
    return MASA_OK;
}

static void assert_old_is_read(masa_store *store)
{
    int n = 0;
    masa_store_filter all = MASA_STORE_ALL;
    assert_int_equal(masa_store_rollouts(store, &all, see_old, &n, NULL), MASA_OK);
    assert_int_equal(masa_store_evals(store, 0, 0, see_old_eval, &n, NULL), MASA_OK);
    assert_int_equal(n, 3);
}

/* It is read as it is, without a change; a run that goes on brings it up to date. */
static void stores_of_the_layout_before_are_read(void **state)
{
    (void)state;
    masa_text bytes = {0}, again = {0};
    make_store_before(path);
    assert_int_equal(masa_file_read(&bytes, path, NULL), MASA_OK);
    masa_store *store = open_store(MASA_STORE_READ);
    assert_old_is_read(store);
    masa_store_close(store);
    assert_int_equal(masa_file_read(&again, path, NULL), MASA_OK);
    assert_int_equal(bytes.size, again.size);
    assert_memory_equal(bytes.data, again.data, bytes.size);

    store = open_store(MASA_STORE_WRITE);
    assert_old_is_read(store);
    masa_store_rollout r = example(2, 0, 1);
    assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
    assert_int_equal(masa_store_truncate(store, 1, NULL), MASA_OK);
    masa_store_close(store);
    store = open_store(MASA_STORE_READ); /* of the present version now */
    assert_old_is_read(store);
    masa_store_close(store);
    masa_text_deinit(&bytes);
    masa_text_deinit(&again);
}

static void filters_choose_rollouts(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 2);
    masa_store_filter f = MASA_STORE_ALL;
    assert_int_equal(rollouts(store, f).n, 18);
    f.last_step = 1;
    assert_string_equal(rollouts(store, f).order,
                        "1.0.s0 1.0.s1 1.0.s2 1.0.s3 1.0.m10 1.1.s0 1.1.s1 1.1.s2 1.1.s3 ");
    f.prompt = 1, f.reward_min = 1;
    assert_string_equal(rollouts(store, f).order, "1.1.s1 1.1.s3 ");
    f = MASA_STORE_ALL, f.kind = "meta";
    assert_string_equal(rollouts(store, f).order, "1.0.m10 2.0.m10 ");
    f = MASA_STORE_ALL, f.cause = "length", f.first_step = 2;
    assert_string_equal(rollouts(store, f).order, "2.0.s3 2.1.s3 ");
    f = MASA_STORE_ALL, f.contains = "boxed{4", f.problem = "p1", f.reward_max = 1;
    assert_string_equal(rollouts(store, f).order, "1.1.s1 1.1.s3 2.1.s1 2.1.s3 ");
    f = MASA_STORE_ALL, f.limit = 3;
    assert_int_equal(rollouts(store, f).n, 3);
    masa_store_close(store);
}

static void a_step_is_there_wholly_or_not_at_all(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 1);
    assert_int_equal(masa_store_begin(store, NULL), MASA_OK);
    assert_int_equal(masa_store_add_metric(store, 2, "x", 1, NULL), MASA_OK);
    masa_store *reader = open_store(MASA_STORE_READ);
    long step = 0;
    assert_int_equal(masa_store_last_step(reader, &step, NULL), MASA_OK);
    assert_int_equal(step, 1);
    masa_store_close(store); /* in the middle of the step */
    assert_int_equal(masa_store_last_step(reader, &step, NULL), MASA_OK);
    assert_int_equal(step, 1);
    masa_store_close(reader);
}

/* Readers of other languages stop at text that is none. */
static void texts_are_valid(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    sqlite3_stmt *rows = NULL;
    sqlite3 *db = NULL;
    masa_store_eval eval = {
        .step = 1, .problem = "p\xFF", .text = "cut \xC3", .answer = "a\x80", .cause = "eos"};
    assert_int_equal(masa_store_add_eval(store, &eval, NULL), MASA_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT problem, text, answer FROM evals", -1, &rows, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(rows, 0), "p\xEF\xBF\xBD");
    assert_string_equal(sqlite3_column_text(rows, 1), "cut \xEF\xBF\xBD");
    assert_string_equal(sqlite3_column_text(rows, 2), "a\xEF\xBF\xBD");
    sqlite3_finalize(rows);
    sqlite3_close(db);
    masa_store_close(store);
}

static void truncation_forgets_later_steps(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 5);
    assert_int_equal(masa_store_truncate(store, 3, NULL), MASA_OK);
    long step = 0;
    assert_int_equal(masa_store_last_step(store, &step, NULL), MASA_OK);
    assert_int_equal(step, 3);
    assert_int_equal(rollouts(store, MASA_STORE_ALL).n, 27);
    seen s = {0};
    assert_int_equal(masa_store_evals(store, 0, -1, see_eval, &s, NULL), MASA_OK);
    assert_int_equal(masa_store_decisions(store, 0, -1, see_decision, &s, NULL), MASA_OK);
    assert_int_equal(s.n, 6);
    /* the resumed run writes the same rows again */
    masa_store_rollout again = example(3, 0, 1);
    assert_int_equal(masa_store_add_rollout(store, &again, NULL), MASA_OK);
    assert_int_equal(rollouts(store, MASA_STORE_ALL).n, 27);
    masa_store_close(store);
}

static void assert_refused(masa_store_mode mode, masa_status status, const char *says)
{
    masa_store *store = NULL;
    masa_error err = {0};
    assert_int_equal(masa_store_open(&store, path, mode, &err), status);
    assert_null(store);
    assert_non_null(strstr(err.message, path));
    if (!strstr(err.message, says)) fail_msg("'%s' lacks '%s'", err.message, says);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    assert_refused(MASA_STORE_READ, MASA_ERR_IO, "is this the folder of a run?");
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    assert_int_equal(masa_file_write(path, noise, sizeof noise, NULL), MASA_OK);
    assert_refused(MASA_STORE_READ, MASA_ERR_FORMAT, "not a store");
    assert_refused(MASA_STORE_WRITE, MASA_ERR_FORMAT, "not a store");

    /* a database of somebody else */
    sqlite3 *db = NULL;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_refused(MASA_STORE_WRITE, MASA_ERR_FORMAT, "not a store");

    /* a store of a later version */
    assert_int_equal(unlink(path), 0);
    masa_store_close(open_store(MASA_STORE_WRITE));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_refused(MASA_STORE_WRITE, MASA_ERR_FORMAT, "version 9");

    masa_store *store = NULL;
    masa_error err = {0};
    assert_int_equal(
        masa_store_open(&store, "/proc/self/nowhere/s.sqlite", MASA_STORE_WRITE, &err),
        MASA_ERR_IO);
}

/* Cut at every eighth page: an error or fewer rows, never a crash; most say "damaged". */
static void truncated_files_are_errors(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 60);
    masa_store_close(store);
    masa_text whole = {0};
    assert_int_equal(masa_file_read(&whole, path, NULL), MASA_OK);
    assert_true(whole.size > 65536);
    size_t damaged = 0, cuts = 0;
    for (size_t size = 100; size < whole.size; size += 8 * 4096, cuts++) {
        assert_int_equal(masa_file_write(path, whole.data, size, NULL), MASA_OK);
        masa_error err = {0};
        seen s = {0};
        masa_store_filter all = MASA_STORE_ALL;
        masa_status st = masa_store_open(&store, path, MASA_STORE_READ, &err);
        if (st == MASA_OK) {
            st = masa_store_rollouts(store, &all, see_rollout, &s, &err);
            masa_store_close(store);
        }
        damaged += st == MASA_ERR_FORMAT;
        assert_true(st == MASA_OK || st == MASA_ERR_FORMAT);
    }
    assert_int_equal(damaged, cuts);
    masa_text_deinit(&whole);
}

static void a_locked_store_is_said(void **state)
{
    (void)state;
    masa_store *first = open_store(MASA_STORE_WRITE), *second = open_store(MASA_STORE_WRITE);
    masa_error err = {0};
    assert_int_equal(masa_store_begin(first, NULL), MASA_OK);
    second->wait.patience = 0.1;
    assert_int_equal(masa_store_begin(second, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "locked by another program"));
    assert_int_equal(masa_store_truncate(second, 0, &err), MASA_ERR_IO);
    assert_int_equal(masa_store_commit(first, NULL), MASA_OK);
    assert_int_equal(masa_store_begin(second, NULL), MASA_OK);
    masa_store_close(second);
    masa_store_close(first);
}

static size_t waits;

static void count_waits(masa_log_level level, const char *message)
{
    (void)level;
    waits += strstr(message, "locked by another program; waiting") != NULL;
}

static void a_lock_is_waited_for(void **state)
{
    (void)state;
    int ends[2];
    char held = 0;
    masa_store_close(open_store(MASA_STORE_WRITE));
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        masa_store *other = open_store(MASA_STORE_WRITE);
        if (masa_store_begin(other, NULL) != MASA_OK || write(ends[1], "x", 1) != 1) _exit(1);
        usleep(1500000);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &held, 1), 1);
    masa_store *store = open_store(MASA_STORE_WRITE);
    masa_log_set_sink(count_waits);
    assert_int_equal(masa_store_begin(store, NULL), MASA_OK);
    masa_log_set_sink(NULL);
    assert_int_equal(waits, 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    masa_store_close(store);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    masa_store *store = open_store(MASA_STORE_WRITE);
    fill(store, 1);
    masa_store_close(store);
    /* SQLite's own limit on pages gives the same code as a disk without space. */
    store = open_store(MASA_STORE_WRITE);
    masa_error err = {0};
    char *big = calloc(1, 40000001);
    memset(big, 'x', 40000000);
    masa_store_rollout r = example(2, 0, 0);
    r.text = big;
    assert_int_equal(sqlite3_exec(store->db, "PRAGMA max_page_count = 100", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(masa_store_begin(store, NULL), MASA_OK);
    assert_int_equal(masa_store_add_rollout(store, &r, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "disk is full"));
    masa_store_rollback(store);
    long step = 0;
    assert_int_equal(masa_store_last_step(store, &step, NULL), MASA_OK);
    assert_int_equal(step, 1);
    masa_store_close(store);
    free(big);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_is_written_is_read),   T(stores_of_the_layout_before_are_read),
        T(filters_choose_rollouts),   T(a_step_is_there_wholly_or_not_at_all),
        T(texts_are_valid),           T(truncation_forgets_later_steps),
        T(foreign_files_are_refused), T(truncated_files_are_errors),
        T(a_locked_store_is_said),    T(a_lock_is_waited_for),
        T(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
