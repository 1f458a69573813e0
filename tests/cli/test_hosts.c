/* Two hosts, played by network namespaces, with a slow link between them that loses packets: they
 * compute what one process does, and a link that goes down ends the job. */
#include "same_test.h"

static char hosts[300];
static bool there;
static char why[200] = "no Open MPI here (libopenmpi-dev, openmpi-bin)";

static int set_up(void **state)
{
    char line[400];
    make_kinds(state);
    set_mpi();
    snprintf(hosts, sizeof hosts, "%s/cli/two_hosts.sh m%d", MASA_TESTS, getpid() % 100000);
    setenv("hosts", hosts, 1);
    if (shell("mpirun --version | grep -q 'Open MPI' && "
              "test -e \"$(dirname \"$masa\")/libmasa_mpi.so\"") != 0)
        return 0;
    snprintf(line, sizeof line, "%s up", hosts);
    there = shell(line) == 0;
    if (!there) snprintf(why, sizeof why, "%.*s", (int)strcspn(output, "\n"), output);
    return 0;
}

static int tear_down(void **state)
{
    shell("$hosts down");
    return remove_kinds(state);
}

static void two_hosts_compute_what_one_process_does(void **state)
{
    (void)state;
    char line[4000];
    if (!there) skip_since(why);
    for (int divided = 0; divided < 2; divided++) {
        const char *more =
            divided ? "-s train.shares=2 -s train.shard_optimizer=true" : "-s train.shares=2";
        const char *one = divided ? "one-divided" : "one",
                   *two = divided ? "two-divided" : "two";
        snprintf(line, sizeof line, "OMP_NUM_THREADS=1 $masa %s",
                 arguments(more, &kinds[0], one));
        must(shell(line), line);
        snprintf(line, sizeof line, "OMP_NUM_THREADS=1 timeout 120 $hosts run $masa %s",
                 arguments(more, &kinds[0], two));
        must(shell(line), line);
        assert_same_file(one, two, "model.safetensors");
        assert_same_file(one, two, "optimizer.bin");
        assert_same_record(one, two);
    }
    must(shell("$hosts lost"), "lost");
    assert_true(strtol(output, NULL, 10) > 0);
}

static void a_link_that_goes_down_ends_the_job(void **state)
{
    (void)state;
    char line[4000];
    if (!there) skip_since(why);
    /* What MPI has on the host that is cut off holds on to its output. */
    snprintf(
        line, sizeof line,
        "OMP_NUM_THREADS=1 timeout 90 $hosts run $masa %s >/dev/null 2>said & job=$!; "
        "until [ -e cut/checkpoints/latest ]; do sleep 0.05; done; $hosts cut; "
        "a=$(date +%%s); wait $job; status=$?; cat said >&2; echo $(($(date +%%s) - a)); exit $status",
        arguments("-s train.eval_every=0 -n 100000", &kinds[0], "cut"));
    assert_int_not_equal(shell(line), 0);
    /* MPI, which sees it first, ends all; we say who is missing. */
    assert_non_null(strstr(errors, "masa: warning: rank 1 of 2 (host-b) has not been heard of "
                                   "for 5 s\n"));
    if (strtol(output, NULL, 10) > 25) fail_msg("it took %s s to end", output);
    must(shell("cat cut/checkpoints/latest"), "latest");
    snprintf(line, sizeof line, "$masa train cut -q --resume -s train.steps=%ld",
             strtol(output + strlen("step-"), NULL, 10) + 2);
    must(shell(line), line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hosts_compute_what_one_process_does),
        cmocka_unit_test(a_link_that_goes_down_ends_the_job),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
