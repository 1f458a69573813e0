/*
 * Several processes that train together, each on a GPU of its own: the shim, between whose
 * processes a stand-in of NCCL moves the bytes. The numbers are those of one process with the same
 * shares, bit for bit, by NCCL and through the hosts.
 */
#include "same_test.h"

#define SHARES "-n 2 -s train.shares=4 -s rollout.prompts_per_step=4 "
/* Parts of a model that is more than one. */
#define DIVIDED "-s model.path=wide -s train.shard_optimizer=true "
#define HOSTS   "masa: warning: GPUs send one another their numbers through the hosts: "

/* The program finds the plugin beside itself, and NCCL where LD_LIBRARY_PATH says. */
static int set_up(void **state)
{
    make_kinds(state);
    set_mpi();
    setenv("mpirun", "mpirun -q --oversubscribe --bind-to none", 1);
    must(shell("$masa init wide --hidden 128 --layers 2 --heads 4 --context 2048"), "init");
    setenv("MASA_DEVICE", "cuda", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    return shell("cp \"$masa\" masa && ln -s '" MASA_PLUGIN "/libmasa_cuda.so' . && "
                 "ln -s \"$(dirname \"$masa\")/libmasa_mpi.so\" .");
}

/* A kind's run by so many processes on a machine of `gpus` GPUs. */
static void train(const kind *k, const char *run, const char *more, int ranks, int gpus)
{
    char line[3000], with[600];
    snprintf(with, sizeof with, SHARES "%s", more);
    snprintf(line, sizeof line, "GPU_COUNT=%d LD_LIBRARY_PATH='%s' timeout 300 ", gpus,
             MASA_NCCL);
    if (ranks > 1)
        snprintf(line + strlen(line), sizeof line - strlen(line),
                 "$mpirun -x GPU_COUNT -x LD_LIBRARY_PATH -n %d ", ranks);
    snprintf(line + strlen(line), sizeof line - strlen(line), "./masa %s",
             arguments(with, k, run));
    must(shell(line), line);
}

static void assert_same_run(const kind *k, const char *run)
{
    assert_same_file("one", run, k->weights);
    assert_same_file("one", run, "optimizer.bin");
    assert_same_record("one", run);
}

static void gpus_of_several_processes_compute_what_one_does(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        int ranks;
    } tried[] = {{"masa-efficient", 4}, {"lora", 2}};
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        const kind *k = kind_named(tried[i].kind);
        train(k, "one", "", 1, 1);
        train(k, "many", "", tried[i].ranks, 4);
        if (strstr(errors, HOSTS)) fail_msg("%s", errors);
        assert_same_run(k, "many");
        must(shell("rm -r one many"), "rm");
    }
}

static void a_divided_optimiser_computes_what_one_does(void **state)
{
    (void)state;
    const kind *k = kind_named("grpo");
    train(k, "one", "-s model.path=wide", 1, 1);
    train(k, "many", DIVIDED, 4, 4);
    if (strstr(errors, HOSTS)) fail_msg("%s", errors);
    assert_same_run(k, "many");
    must(shell("rm -r one many"), "rm");
}

/* Where NCCL cannot be: a GPU that two processes share; no library, or the real one without a real
 * GPU. */
static void without_nccl_it_goes_through_the_hosts(void **state)
{
    (void)state;
    const kind *k = kind_named("grpo");
    train(k, "one", "", 1, 1);
    train(k, "many", "", 2, 1);
    if (!strstr(errors, HOSTS "two processes share one\n")) fail_msg("%s", errors);
    assert_same_run(k, "many");
    char line[3000];
    snprintf(line, sizeof line, "rm -r many; GPU_COUNT=2 $mpirun -x GPU_COUNT -n 2 ./masa %s",
             arguments(SHARES, k, "many"));
    must(shell(line), line);
    if (!strstr(errors, HOSTS)) fail_msg("%s", errors);
    assert_same_run(k, "many");
}

/* Others that wait for it in NCCL are told by the watch. */
static void a_process_that_dies_ends_the_job(void **state)
{
    (void)state;
    char line[6000];
    const char *with = arguments(SHARES "-n 100000 -s train.save_every=1 -s train.eval_every=0",
                                 kind_named("grpo"), "hurt");
    snprintf(
        line, sizeof line,
        "export GPU_COUNT=2 LD_LIBRARY_PATH='%s'; x='-x GPU_COUNT -x LD_LIBRARY_PATH'; "
        "$mpirun $x -n 1 ./masa %s : $x -n 1 sh -c 'echo $$ >pid; exec ./masa %s' & job=$!; "
        "until [ -s pid ] && [ -e hurt/checkpoints/latest ]; do sleep 0.05; done; "
        "kill -KILL $(cat pid); a=$(date +%%s%%N); wait $job; status=$?; "
        "echo $(( ($(date +%%s%%N) - a) / 1000000 )); exit $status",
        MASA_NCCL, with, with);
    assert_int_not_equal(shell(line), 0);
    assert_one_line("masa: rank 1 of 2 (");
    if (strstr(errors, HOSTS)) fail_msg("%s", errors);
    if (strtod(output, NULL) > 5000) fail_msg("it took %s ms to end", output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpus_of_several_processes_compute_what_one_does),
        cmocka_unit_test(a_divided_optimiser_computes_what_one_does),
        cmocka_unit_test(a_process_that_dies_ends_the_job),
        cmocka_unit_test(without_nccl_it_goes_through_the_hosts),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
