/* Work of several threads; built a second time for ThreadSanitizer, from cpu_parallel.c alone. */
#include "masa_test.h"
#include <masa/parallel.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1000 };

/* What pieces write is plain memory: whoever reads it after the call must see it. */
struct counts {
    unsigned char done[MOST];
    size_t sum[MOST];
    size_t before; /* written by the caller between calls */
};

static void count(void *call, size_t piece)
{
    struct counts *c = call;
    c->done[piece]++;
    c->sum[piece] = piece + c->before;
}

static void check(struct counts *c, size_t pieces)
{
    memset(c->done, 0, sizeof c->done);
    masa_parallel(pieces, count, c);
    for (size_t i = 0; i < MOST; i++) assert_int_equal(c->done[i], i < pieces);
    for (size_t i = 0; i < pieces; i++) assert_int_equal(c->sum[i], i + c->before);
}

/* Calls follow one another closely and after pauses in which helpers fall asleep. */
static void every_piece_is_done_once(void **state)
{
    (void)state;
    struct counts c = {0};
    for (int threads = 1; threads <= 4; threads++) {
        masa_threads_set(threads);
        assert_int_equal(masa_threads(), threads);
        for (c.before = 0; c.before < 300; c.before++) {
            check(&c, c.before % 40);
            if (c.before % 100 == 0) usleep(2000);
        }
        check(&c, MOST);
    }
}

static void nested(void *call, size_t piece)
{
    check((struct counts *)call + piece, 20);
}

static void a_piece_may_call(void **state)
{
    (void)state;
    static struct counts c[8];
    masa_threads_set(3);
    masa_parallel(8, nested, c);
}

static void *call_often(void *counts)
{
    for (int i = 0; i < 50; i++) check(counts, 30);
    return NULL;
}

static void callers_do_not_meet(void **state)
{
    (void)state;
    static struct counts c[2];
    pthread_t other;
    masa_threads_set(3);
    assert_int_equal(pthread_create(&other, NULL, call_often, &c[1]), 0);
    call_often(&c[0]);
    pthread_join(other, NULL);
}

static void note(void *seen, size_t piece)
{
    (void)piece;
    usleep(5000);
    pthread_t *ids = seen;
    static atomic_size_t n;
    ids[atomic_fetch_add(&n, 1) % 8] = pthread_self();
}

/* The helpers that the parent had do not live in the child; others must. */
static void a_forked_child_has_helpers(void **state)
{
    (void)state;
    struct counts c = {0};
    masa_threads_set(2);
    check(&c, 100);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        pthread_t ids[8];
        masa_parallel(8, note, ids);
        bool helped = false;
        for (int i = 0; i < 8; i++) helped = helped || !pthread_equal(ids[i], pthread_self());
        _exit(helped ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check(&c, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_done_once), cmocka_unit_test(a_piece_may_call),
        cmocka_unit_test(callers_do_not_meet), cmocka_unit_test(a_forked_child_has_helpers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
