/* Several processes that train together, by mpirun: the numbers of one, whoever goes on; and
 * one line when a process dies, stands still or is about to do something else. */
#include "same_test.h"

#define SHARES "-s train.shares=4 -s rollout.prompts_per_step=5 "
static bool there; /* MPI: the program that starts ranks, and the plugin */

static int set_up(void **state)
{
    make_kinds(state);
    set_mpi();
    setenv("mpirun", "mpirun -q --oversubscribe --bind-to none", 1);
    there = shell("mpirun --version | grep -q 'Open MPI' && "
                  "test -e \"$(dirname \"$masa\")/libmasa_mpi.so\"") == 0;
    return 0;
}

/* A whole run, or the rest of it, by so many processes. */
static void train(const char *with, int ranks)
{
    char line[3000];
    if (ranks == 1) snprintf(line, sizeof line, "OMP_NUM_THREADS=1 $masa %s", with);
    else snprintf(line, sizeof line, "OMP_NUM_THREADS=1 $mpirun -n %d $masa %s", ranks, with);
    must(shell(line), line);
}

/* ---- the numbers ---- */

static void many_processes_compute_what_one_does(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    for (size_t i = 0; i < KINDS; i++)
        for (int ranks = 1; ranks <= 4; ranks *= 2) {
            char run[64];
            snprintf(run, sizeof run, "%s-%d", kinds[i].name, ranks);
            train(arguments(SHARES, &kinds[i], run), ranks);
            if (ranks == 1) continue;
            char one[64];
            snprintf(one, sizeof one, "%s-1", kinds[i].name);
            assert_same_file(one, run, kinds[i].weights);
            assert_same_file(one, run, "optimizer.bin");
            assert_same_record(one, run);
        }
}

/* Also where the tree of sums is not one of halves. */
static void three_processes_are_three_shares(void **state)
{
    (void)state;
    char text[2100];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    snprintf(text, sizeof text, "%s -s train.shares=3",
             arguments(SHARES, &kinds[0], "thirds-1"));
    train(text, 1);
    snprintf(text, sizeof text, "%s -s train.shares=0",
             arguments(SHARES, &kinds[0], "thirds-3"));
    train(text, 3);
    assert_same_file("thirds-1", "thirds-3", "model.safetensors");
    assert_same_record("thirds-1", "thirds-3");
}

static void any_number_goes_on(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    for (size_t i = 0; i < KINDS - 1; i++) { /* sft has its length from the data */
        char text[2100];
        snprintf(text, sizeof text, "%s -s train.steps=2",
                 arguments(SHARES, &kinds[i], "mixed"));
        train(text, 2);
        train("train mixed -q --resume -s train.steps=4", 4);
        train("train mixed -q --resume -s train.steps=6", 1);
        snprintf(text, sizeof text, "%s-1", kinds[i].name);
        assert_same_file(text, "mixed", kinds[i].weights);
        assert_same_file(text, "mixed", "optimizer.bin");
        assert_int_equal(masa_folder_remove("mixed", NULL), MASA_OK);
    }
}

/* ---- moments that are divided ---- */

/* A model whose numbers are four parts (of MASA_SQUARES), and moments of their own for predictions. */
#define WIDE SHARES "-s model.path=wide "
static const char *wide(const kind *k)
{
    return strcmp(k->name, "masa") == 0 ? WIDE "-s meta.own_moments=true" : WIDE;
}

#define DIVIDED " -s train.shard_optimizer=true"

static void divided_moments_step_alike(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    must(shell("$masa init wide --hidden 128 --layers 1 --heads 4 --context 2048"), "init");
    for (size_t i = 0; i < KINDS; i++) {
        char text[2100], one[64], run[64];
        snprintf(one, sizeof one, "%s-wide", kinds[i].name);
        train(arguments(wide(&kinds[i]), &kinds[i], one), 1);
        int most = strcmp(kinds[i].name, "masa") == 0 ? 4 : 2;
        for (int ranks = 2; ranks <= most; ranks += 2) {
            snprintf(run, sizeof run, "%s-wide-%d", kinds[i].name, ranks);
            snprintf(text, sizeof text, "%s" DIVIDED,
                     arguments(wide(&kinds[i]), &kinds[i], run));
            train(text, ranks);
            assert_same_file(one, run, kinds[i].weights);
            assert_same_file(one, run, "optimizer.bin");
            if (strcmp(kinds[i].name, "masa") == 0)
                assert_same_file(one, run, "meta_optimizer.bin");
            assert_same_record(one, run);
        }
    }
}

/* What a checkpoint holds does not say who kept it. */
static void divided_moments_go_on(void **state)
{
    (void)state;
    char text[2100];
    const kind *k = &kinds[2];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    snprintf(text, sizeof text, "%s" DIVIDED " -s train.steps=2",
             arguments(wide(k), k, "wide-mixed"));
    train(text, 4);
    train("train wide-mixed -q --resume -s train.steps=4 -s train.shard_optimizer=false", 2);
    train("train wide-mixed -q --resume -s train.steps=5" DIVIDED, 2);
    train("train wide-mixed -q --resume -s train.steps=6", 1);
    assert_same_file("masa-wide", "wide-mixed", k->weights);
    assert_same_file("masa-wide", "wide-mixed", "optimizer.bin");
    assert_same_file("masa-wide", "wide-mixed", "meta_optimizer.bin");
}

static void divided_moments_take_less(void **state)
{
    (void)state;
    static const char line[] =
        "unset MASA_ISA; OMP_NUM_THREADS=1 $mpirun -n 2 $masa sft less-%d --model broad "
        "--data sft.jsonl -s sft.batch=4 -s sft.max_tokens=64 -s data.suffix= -s optimizer.tokens_per_pass=1024 "
        "-s model.compute=f32 -s train.save_every=0 -s sft.epochs=1 -s train.shard_optimizer=%s "
        "-s sft.holdout=0.25 -s train.eval_every=2"; /* the best is saved by one's evaluations */
    long mib[2];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    must(shell("$masa init broad --hidden 512 --layers 2"), "init");
    for (int i = 0; i < 2; i++) {
        char text[1000];
        snprintf(text, sizeof text, line, i, i ? "true" : "false");
        must(shell(text), text);
        const char *at = strstr(errors, "optimiser ");
        assert_non_null(at);
        mib[i] = strtol(at + strlen("optimiser "), NULL, 10);
    }
    if (mib[0] < 40 || mib[1] < mib[0] / 2 - 1 || mib[1] > mib[0] / 2 + 1)
        fail_msg("%ld MiB, divided %ld", mib[0], mib[1]);
}

/* ---- evaluations ---- */

static void assert_same_results(const char *a, const char *b)
{
    char text[300];
    sqlite3 *store = NULL;
    assert_int_equal(sqlite3_open(a, &store), SQLITE_OK);
    snprintf(text, sizeof text, "ATTACH '%s' AS b", b);
    assert_int_equal(sqlite3_exec(store, text, NULL, NULL, NULL), SQLITE_OK);
    int n = differences(
        store, "problem, kind, sample, text, answer, verdict, rule, correct, tokens, cause",
        "samples");
    if (n) fail_msg("%s and %s: %d samples differ", a, b, n);
    sqlite3_close(store);
}

/* What a query counts in a file of results, beside which another is `b`. */
static int count_in(const char *path, const char *other, const char *query)
{
    char text[300];
    sqlite3 *store = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(path, &store), SQLITE_OK);
    snprintf(text, sizeof text, "ATTACH '%s' AS b", other);
    assert_int_equal(sqlite3_exec(store, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(store, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(store);
    return n;
}

#define EVALUATE                                                                               \
    "eval -m model --chat-template chatml --problems train.jsonl --answer-rules whole "        \
    "-l 24 -q --batch 4 --meta --length-min 4 --meta-max-tokens 12 --meta-template meta.txt "

static void an_evaluation_is_divided(void **state)
{
    (void)state;
    static char one[sizeof output];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    train(EVALUATE "-n 6 --meta-samples 2 -o one.sqlite", 1);
    memcpy(one, output, sizeof one);
    for (int ranks = 2; ranks <= 3; ranks++) {
        must(shell("rm -f many.sqlite"), "rm");
        train(EVALUATE "-n 6 --meta-samples 2 -o many.sqlite", ranks);
        assert_string_equal(output, one);
        assert_same_results("one.sqlite", "many.sqlite");
    }
    /* What one has begun others go on with. */
    must(shell("rm -f many.sqlite"), "rm");
    train(EVALUATE "-n 3 --limit 3 --meta-samples 2 -o many.sqlite", 1);
    train(EVALUATE "-n 6 --meta-samples 2 -o many.sqlite", 2);
    assert_same_results("one.sqlite", "many.sqlite");
}

static void evaluations_that_disagree_are_refused(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    assert_int_not_equal(shell("timeout 60 $mpirun -n 1 $masa " EVALUATE
                               "-o no.sqlite : -n 1 $masa " EVALUATE "--seed 2 -o no.sqlite"),
                         0);
    assert_one_line("here '\"seed\":2', there '\"seed\":1'");
    assert_int_not_equal(shell("head -n 4 train.jsonl >other.jsonl; timeout 60 "
                               "$mpirun -n 1 $masa " EVALUATE
                               "-o no.sqlite : -n 1 $masa " EVALUATE
                               "--problems other.jsonl -o no.sqlite"),
                         0);
    assert_one_line("here '4 problems, ");
}

/* ---- faults ---- */

/* Two processes that differ in `more` are refused before anything is made. */
static void refuses(const char *more, const char *part)
{
    char line[5000];
    const char *with = arguments(SHARES, &kinds[0], "refused");
    snprintf(line, sizeof line, "timeout 60 $mpirun -n 1 $masa %s : -n 1 $masa %s %s", with,
             with, more);
    assert_int_not_equal(shell(line), 0);
    assert_one_line(part);
    assert_false(masa_path_exists("refused"));
}

static void processes_that_disagree_are_refused(void **state)
{
    (void)state;
    char line[5000];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    refuses("-s train.seed=2", "rank 1 of 2 (");
    assert_non_null(strstr(errors, "disagrees with rank 0"));
    assert_non_null(strstr(errors, "here '  seed: 2'"));
    must(shell("head -n 4 train.jsonl >other.jsonl"), "head");
    refuses("--train other.jsonl", "checksums of model and data");
    refuses("--model nowhere", "nowhere: No such file or directory");
    refuses("-s train.sed=2", "no setting train.sed");
    snprintf(line, sizeof line, "timeout 60 $mpirun -n 2 $masa %s -s train.sed=2",
             arguments(SHARES, &kinds[0], "refused"));
    assert_int_not_equal(shell(line), 0);
    assert_one_line("no setting train.sed"); /* once, where it is so for all */
    refuses("-s train.shares=3", "train.shares=3 cannot be divided among 2 processes");
    must(shell("v=$($masa --version | sed 's/masa \\([0-9.]*\\).*/\\1/'); "
               "sed \"s/$v/$(echo $v | tr 0-9 9)/g\" \"$masa\" >masa-old; chmod +x masa-old; "
               "cp \"$(dirname \"$masa\")/libmasa_mpi.so\" ."),
         "another version");
    const char *with = arguments(SHARES, &kinds[0], "refused");
    snprintf(line, sizeof line, "timeout 60 $mpirun -n 1 $masa %s : -n 1 ./masa-old %s", with,
             with);
    assert_int_not_equal(shell(line), 0);
    assert_one_line("here 'version of masa: 9.9.9");
    snprintf(line, sizeof line,
             "timeout 60 $mpirun -n 1 $masa %s : -n 1 env MASA_ISA=avx2 $masa %s", with, with);
    assert_int_not_equal(shell(line), 0);
#if defined(__x86_64__)
    assert_one_line("here 'computes on cpu with avx2");
#endif
}

/* Run folders that are not shared: rank 1 has a checkpoint of the same step, and other weights. */
static void weights_that_differ_are_found(void **state)
{
    (void)state;
    char text[2100];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    must(shell("mkdir -p elsewhere"), "mkdir");
    snprintf(text, sizeof text, "%s -n 2", arguments(SHARES, &kinds[0], "apart"));
    train(text, 1);
    snprintf(text, sizeof text, "%s -n 2 -s optimizer.lr=0.002",
             arguments(SHARES, &kinds[0], "elsewhere/apart"));
    train(text, 1);
    assert_int_not_equal(
        shell("with='train apart -q --resume -s train.steps=4 -s optimizer.lr=0.001'; "
              "timeout 60 $mpirun -n 1 $masa $with : "
              "-n 1 sh -c \"cd elsewhere && exec $masa $with\""),
        0);
    assert_one_line("rank 1 of 2 (");
    assert_non_null(strstr(errors, "disagrees with rank 0"));
    assert_non_null(strstr(errors, "here 'after step 2, draw 10,"));
}

/* Sends a rank a signal once there is a checkpoint; the job must end by itself within `limit`
 * seconds, and the rest be done by one process as if nothing had happened. */
static void disturbed_with(const char *more, int rank, const char *signal, double limit,
                           const char *part)
{
    char line[9000], text[2100], endless[200];
    snprintf(endless, sizeof endless, "%s -n 100000 -s train.eval_every=0", more);
    const char *with = arguments(endless, &kinds[0], "hurt");
    static const char plain[] = "$masa %s", marked[] = "sh -c 'echo $$ >pid; exec $masa %s'";
    char ranks[2][2200];
    for (int r = 0; r < 2; r++)
        snprintf(ranks[r], sizeof ranks[r], r == rank ? marked : plain, with);
    snprintf(line, sizeof line,
             "rm -rf pid hurt; $mpirun -n 1 %s : -n 1 %s & job=$!; "
             "until [ -s pid ] && [ -e hurt/checkpoints/latest ]; do sleep 0.05; done; "
             "kill -%s $(cat pid); a=$(date +%%s%%N); wait $job; status=$?; "
             "echo $(( ($(date +%%s%%N) - a) / 1000000 )); exit $status",
             ranks[0], ranks[1], signal);
    assert_int_not_equal(shell(line), 0);
    assert_one_line(part);
    if (strtod(output, NULL) > 1000 * limit) fail_msg("it took %s ms to end", output);
    must(shell("cat hurt/checkpoints/latest"), "latest");
    long steps = strtol(output + strlen("step-"), NULL, 10) + 2;
    snprintf(text, sizeof text, "train hurt -q --resume -s train.steps=%ld", steps);
    train(text, 1);
    must(shell("rm -rf whole"), "rm");
    snprintf(text, sizeof text, "%s -n %ld -s train.eval_every=0",
             arguments(SHARES, &kinds[0], "whole"), steps);
    train(text, 2);
    assert_same_file("whole", "hurt", "model.safetensors");
    assert_same_file("whole", "hurt", "optimizer.bin");
}

static void disturbed(int rank, const char *signal, double limit, const char *part)
{
    disturbed_with(SHARES, rank, signal, limit, part);
}

static void a_process_that_dies_ends_the_job(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    disturbed(1, "KILL", 5, "rank 1 of 2 (");
    disturbed(0, "KILL", 5, "rank 0 of 2 (");
}

/* A process that dies in an evaluation of a run's own: its judge, which alone meets the test
 * problems, kills it once there is a checkpoint. */
static void a_process_that_dies_in_an_evaluation_ends_the_job(void **state)
{
    (void)state;
    char line[6000];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    must(
        shell(
            "for p in q r s t; do echo \"{\\\"problem\\\":\\\"$p\\\",\\\"answer\\\":\\\"y\\\"}\"; "
            "done >held.jsonl"),
        "held.jsonl");
    write_file(
        "fatal",
        "#!/bin/sh\n"
        "sed -u 's/^{\"id\":\\([0-9]*\\).*\"problem\":\"\\([q-t]\\)\".*/\\2 \\1/; "
        "s/^{\"id\":\\([0-9]*\\).*/- \\1/' |\n"
        "while read -r problem id; do\n"
        "  [ \"$problem\" != - ] && [ \"$VICTIM\" ] && [ -e hurt/checkpoints/latest ] &&\n"
        "    date +%s%N >died && kill -KILL \"$VICTIM\"\n"
        "  echo \"{\\\"id\\\":$id,\\\"reward\\\":1}\"\n"
        "done\n");
    must(shell("chmod +x fatal"), "chmod");
    static const char more[] = SHARES "--test held.jsonl -s reward.command=./fatal";
    train(arguments(more, &kinds[0], "unhurt"), 2);
    for (int rank = 0; rank < 2; rank++) {
        char part[40];
        const char *with = arguments(more, &kinds[0], "hurt");
        static const char marked[] = "sh -c 'export VICTIM=$$; exec $masa %s'",
                          plain[] = "$masa %s";
        char ranks[2][2200];
        for (int r = 0; r < 2; r++)
            snprintf(ranks[r], sizeof ranks[r], r == rank ? marked : plain, with);
        snprintf(line, sizeof line,
                 "rm -rf hurt died; timeout 60 $mpirun -n 1 %s : -n 1 %s; status=$?; "
                 "echo $(( ($(date +%%s%%N) - $(cat died)) / 1000000 )); exit $status",
                 ranks[0], ranks[1]);
        assert_int_not_equal(shell(line), 0);
        snprintf(part, sizeof part, "masa: rank %d of 2 (", rank);
        assert_one_line(part);
        assert_non_null(strstr(errors, ") has died; all end here."));
        if (strtod(output, NULL) > 5000) fail_msg("it took %s ms to end", output);
        must(shell("grep -q step-000002 hurt/checkpoints/latest"), "what was finished");
        train("train hurt -q --resume", 2);
        assert_same_file("unhurt", "hurt", "model.safetensors");
        assert_same_record("unhurt", "hurt");
    }
}

#define HAD                                                                                    \
    "FROM main.samples WHERE problem IN "                                                      \
    "(SELECT problem FROM main.samples GROUP BY problem HAVING count(*) = 98)"

/* And of `masa eval`: what is in the file stays, and the same command goes on. */
static void a_process_that_dies_in_masa_eval_ends_the_job(void **state)
{
    (void)state;
    char line[2000];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    static const char many[] = EVALUATE "--batch 1 -n 96 --meta-samples 2 -o ";
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 $masa %swhole.sqlite", many);
    must(shell(line), line);
    for (int rank = 0; rank < 2; rank++) {
        char part[40];
        static const char marked[] = "sh -c 'echo $$ >pid; exec $masa %shurt.sqlite'",
                          plain[] = "$masa %shurt.sqlite";
        char ranks[2][600];
        for (int r = 0; r < 2; r++)
            snprintf(ranks[r], sizeof ranks[r], r == rank ? marked : plain, many);
        snprintf(
            line, sizeof line,
            "rm -f pid hurt.sqlite* kept.sqlite*; export OMP_NUM_THREADS=1; "
            "$mpirun -n 1 %s : -n 1 %s & job=$!; "
            "until $masa eval hurt.sqlite --json 2>&1 | grep -q '\"problems\":[2-9],\"problems_wanted'; do sleep 0.02; done; "
            "kill -KILL $(cat pid); a=$(date +%%s%%N); wait $job; status=$?; "
            "echo $(( ($(date +%%s%%N) - a) / 1000000 )); exit $status",
            ranks[0], ranks[1]);
        assert_int_not_equal(shell(line), 0);
        snprintf(part, sizeof part, "masa: rank %d of 2 (", rank);
        assert_one_line(part);
        assert_non_null(strstr(errors, "an evaluation by the same command"));
        if (strtod(output, NULL) > 5000) fail_msg("it took %s ms to end", output);
        must(shell("for f in hurt.sqlite*; do cp $f kept${f#hurt}; done"), "cp");
        snprintf(line, sizeof line, "%shurt.sqlite", many);
        train(line, 2);
        assert_same_results("whole.sqlite", "hurt.sqlite");
        /* A problem that had its samples was not sampled again: times are not the same twice. */
        int kept = count_in("kept.sqlite", "hurt.sqlite", "SELECT count(*) " HAD);
        int same = count_in("kept.sqlite", "hurt.sqlite",
                            "SELECT count(*) FROM (SELECT * " HAD
                            " INTERSECT SELECT * FROM b.samples)");
        if (kept < 2 * 98 || kept >= 8 * 98 || same != kept)
            fail_msg("%d samples were kept, %d of them went on", kept, same);
    }
}

static void a_process_that_stands_still_ends_the_job(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    disturbed(1, "STOP", 25, "has not been heard of for 15 s");
}

/* Of any process; all save what the one that keeps the record has. */
static void a_stop_is_for_all(void **state)
{
    (void)state;
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    disturbed(1, "USR2", 5, "which is saved; go on with --resume");
    disturbed(0, "USR2", 5, "which is saved; go on with --resume");
    disturbed_with(SHARES DIVIDED, 1, "USR2", 5, "which is saved; go on with --resume");
}

static void what_fails_on_one_ends_all(void **state)
{
    (void)state;
    char line[8000];
    if (!there) skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    write_file("judge",
               "#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 1 ] && { echo broken >&2; exit 3; }\n"
               "exec sed -u 's/^{\"id\":\\([0-9]*\\).*/{\"id\":\\1,\"reward\":1}/'\n");
    must(shell("chmod +x judge; rm -rf judged"), "judge");
    const char *with = arguments(SHARES, &kinds[0], "judged");
    snprintf(line, sizeof line, "timeout 60 $mpirun -n 2 $masa %s -s reward.command=./judge",
             with);
    assert_int_not_equal(shell(line), 0);
    assert_one_line("rank 1 of 2 (");
    assert_non_null(strstr(errors, "broken"));
#ifndef __SANITIZE_ADDRESS__ /* its library must be the first to be loaded */
    for (int divided = 0; divided < 2; divided++) {
        with = arguments(divided ? SHARES DIVIDED : SHARES, &kinds[0],
                         "full -s train.wait_for_room=false");
        snprintf(line, sizeof line,
                 "rm -rf full; timeout 60 $mpirun -n 1 env LD_PRELOAD=%s INJECT_NTH=120 "
                 "INJECT_ERRNO=28 INJECT_ON=1 INJECT_UNDER=%s/full INJECT_COUNT=count "
                 "$masa %s : -n 1 $masa %s",
                 MASA_INJECT, folder, with, with);
        assert_int_not_equal(shell(line), 0);
        assert_one_line("rank 0 of 2 (");
    }
#endif
}

/* A program that was started with others, where there is no plugin, says so. */
static void without_the_plugin_it_is_told(void **state)
{
    (void)state;
    char line[3000];
    must(shell("mkdir -p alone; cp \"$masa\" alone/masa"), "cp");
    snprintf(line, sizeof line, "OMPI_COMM_WORLD_SIZE=2 alone/masa %s",
             arguments(SHARES, &kinds[0], "alone/run"));
    assert_int_equal(shell(line), 1);
    assert_one_line("the plugin for MPI cannot be opened");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_processes_compute_what_one_does),
        cmocka_unit_test(three_processes_are_three_shares),
        cmocka_unit_test(any_number_goes_on),
        cmocka_unit_test(divided_moments_step_alike),
        cmocka_unit_test(divided_moments_go_on),
        cmocka_unit_test(divided_moments_take_less),
        cmocka_unit_test(an_evaluation_is_divided),
        cmocka_unit_test(evaluations_that_disagree_are_refused),
        cmocka_unit_test(processes_that_disagree_are_refused),
        cmocka_unit_test(weights_that_differ_are_found),
        cmocka_unit_test(a_process_that_dies_ends_the_job),
        cmocka_unit_test(a_process_that_dies_in_an_evaluation_ends_the_job),
        cmocka_unit_test(a_process_that_dies_in_masa_eval_ends_the_job),
        cmocka_unit_test(a_process_that_stands_still_ends_the_job),
        cmocka_unit_test(a_stop_is_for_all),
        cmocka_unit_test(what_fails_on_one_ends_all),
        cmocka_unit_test(without_the_plugin_it_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
