/* Rollouts from servers: those that a run makes by itself, whoever makes them and whatever becomes
 * of the servers; and of others than masa's, by vLLM's interface. */
#include "same_test.h"
#include "serving.h"

#include <masa/memory.h>

#define MODEL "-m model --chat-template chatml --weights ."

static int set_up(void **state)
{
    setenv("MASA_ISA", "reference", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    return make_kinds(state);
}

/* The kind's training, `more` being a format for the URLs of two servers. */
static int train(const kind *k, const char *run, const char *more, const char *one,
                 const char *two)
{
    char line[3000], with[600];
    snprintf(with, sizeof with, more, one, two);
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 timeout 120 $masa %s",
             arguments(with, k, run));
    return shell(line);
}

/* Without servers, once. */
static const char *local(const kind *k)
{
    static char run[40];
    snprintf(run, sizeof run, "%s-local", k->name);
    if (!masa_path_exists(run)) must(train(k, run, "", NULL, NULL), run);
    return run;
}

static void assert_same_run(const kind *k, const char *run)
{
    assert_same_file(local(k), run, k->weights);
    assert_same_file(local(k), run, "optimizer.bin");
    assert_same_record(local(k), run);
}

static void assert_says(const char *part)
{
    if (!strstr(errors, part)) fail_msg("no '%s' in: %s", part, errors);
}

/* ---- masa's own ---- */

static void servers_sample_what_the_run_would(void **state)
{
    (void)state;
    serving a = serving_start(MODEL " --batch 3"), b = serving_start(MODEL);
    for (size_t i = 0; i < KINDS - 1; i++) { /* sft samples nothing */
        char run[40];
        snprintf(run, sizeof run, "%s-remote", kinds[i].name);
        must(train(&kinds[i], run, "--rollouts %s,%s/", a.url, b.url), run);
        assert_same_run(&kinds[i], run);
        must(shell("! ls -d */rollout-weights 2>/dev/null"), "weights are left behind");
    }
    assert_int_equal(serving_end(&a), 0);
    assert_int_equal(serving_end(&b), 0);
}

/* Processes that divide a run, and servers that they share. */
static void processes_share_servers(void **state)
{
    (void)state;
    char line[3000], with[400];
    if (shell("mpirun --version | grep -q 'Open MPI' && test -e \"$(dirname "
              "\"$masa\")/libmasa_mpi.so\""))
        skip_since("no Open MPI here (libopenmpi-dev, openmpi-bin)");
    serving a = serving_start(MODEL), b = serving_start(MODEL);
    must(train(&kinds[2], "one", "-s train.shares=2", NULL, NULL), "one");
    snprintf(with, sizeof with, "-s train.shares=2 --rollouts %s,%s", a.url, b.url);
    snprintf(line, sizeof line,
             /* Open MPI leaves much to the end of its processes */
             "ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 timeout 120 "
             "mpirun -q --oversubscribe --bind-to none -n 2 $masa %s",
             arguments(with, &kinds[2], "two"));
    must(shell(line), "two");
    assert_same_file("one", "two", "model.safetensors");
    assert_same_record("one", "two");
    serving_end(&a);
    serving_end(&b);
}

/* A server that stands still with its work, and then dies of it: others do that, and know nothing
 * of it. */
static void a_server_dies(void **state)
{
    (void)state;
    char line[4000], with[400];
    const char *signals[] = {"KILL", "TERM"};
    serving a = serving_start(MODEL);
    for (size_t i = 0; i < 2; i++) {
        serving b = serving_start(MODEL);
        snprintf(with, sizeof with, "--rollouts %s,%s -n 100", a.url, b.url);
        snprintf(line, sizeof line,
                 "rm -rf hurt; OMP_NUM_THREADS=1 timeout 120 $masa %s -s train.steps=6 & "
                 "job=$!; "
                 "until [ -e hurt/checkpoints/latest ]; do sleep 0.02; done; kill -STOP %d; "
                 "sleep 1; kill -%s %d; kill -CONT %d; wait $job",
                 arguments(with, &kinds[0], "hurt"), (int)b.pid, signals[i], (int)b.pid,
                 (int)b.pid);
        must(shell(line), "hurt");
        assert_says("samples no more until the weights change");
        assert_same_run(&kinds[0], "hurt");
        waitpid(b.pid, NULL, 0);
    }
    assert_int_equal(serving_end(&a), 0);
}

/* One that comes back is asked again once there are other weights. */
static void a_server_comes_back(void **state)
{
    (void)state;
    char line[4000], with[400], again[100];
    serving a = serving_start(MODEL), b = serving_start(MODEL);
    snprintf(with, sizeof with, "--rollouts %s,%s", a.url, b.url);
    snprintf(again, sizeof again, "%s", strrchr(b.url, ':') + 1);
    serving_kill(&b);
    snprintf(
        line, sizeof line,
        "rm -rf back; OMP_NUM_THREADS=1 $masa %s & job=$!; "
        "until [ -e back/checkpoints/latest ]; do sleep 0.02; done; kill -STOP $job; "
        "OMP_NUM_THREADS=1 $masa serve -q " MODEL " --listen 127.0.0.1:%s >back-url & b=$!; "
        "until [ -s back-url ]; do sleep 0.02; done; kill -CONT $job; wait $job; status=$?; "
        "curl -s $(cat back-url)/health; kill $b; wait $b; exit $status",
        arguments(with, &kinds[0], "back"), again);
    must(shell(line), "back");
    assert_non_null(strstr(output, "\"weight_version\":\"step-"));
    assert_same_run(&kinds[0], "back");
    assert_int_equal(serving_end(&a), 0);
}

/* Without servers a run ends with one line, and goes on when there is one. */
static void without_servers_it_ends_and_goes_on(void **state)
{
    (void)state;
    char line[4000], with[400];
    serving a = serving_start(MODEL);
    snprintf(with, sizeof with, "--rollouts %s -s train.steps=6", a.url);
    snprintf(line, sizeof line,
             "rm -rf alone; OMP_NUM_THREADS=1 timeout 120 $masa %s & job=$!; "
             "until [ -e alone/checkpoints/step-000002 ]; do sleep 0.02; done; kill "
             "-KILL %d; wait $job",
             arguments(with, &kinds[0], "alone"), (int)a.pid);
    int status = shell(line);
    if (status != 1) fail_msg("status %d: %s", status, errors);
    assert_says("masa: no server of rollout.servers can sample: http://127.0.0.1:");
    waitpid(a.pid, NULL, 0);
    serving b = serving_start(MODEL);
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 $masa train alone -q --resume --rollouts %s",
             b.url);
    must(shell(line), "resume");
    assert_same_run(&kinds[0], "alone");
    must(shell("OMP_NUM_THREADS=1 $masa train alone -q --resume -s rollout.servers= -s "
               "train.steps=7"),
         "without servers");
    assert_int_equal(serving_end(&b), 0);
}

/* Each is refused before anything is learned, in one line. */
static void refuses(const char *more, const char *one, const char *part)
{
    int status = train(&kinds[0], "refused", more, one, one);
    char *said = masa_strdup(errors);
    must(shell("rm -rf refused"), "rm");
    if (status != 1 || !strstr(said, part)) fail_msg("%s: status %d, %s", part, status, said);
    free(said);
}

static void refuses_servers_that_cannot(void **state)
{
    (void)state;
    serving fixed = serving_start("-m model"), shut = serving_start(MODEL);
    refuses("--rollouts %s", fixed.url, "--weights FOLDER allows others");
    serving_end(&fixed);
    serving_kill(&shut);
    refuses("--rollouts %s", shut.url,
            "no server of rollout.servers can sample: http://127.0.0.1:");
    refuses("--rollouts %s", "node7:8000", "rollout.servers: 'node7:8000' is no URL");
    must(shell("$masa init shape --hidden 64 --layers 1 --heads 2 2>/dev/null >&2"), "shape");
    serving other = serving_start("-m shape --weights .");
    refuses("--rollouts %s", other.url, "has a model of another shape");
    serving_end(&other);
    serving narrow = serving_start(MODEL " --context 24");
    refuses("--rollouts %s", narrow.url, "do not fit this server's context of 24");
    serving_end(&narrow);
    serving elsewhere = serving_start("-m model --weights model");
    refuses("--rollouts %s", elsewhere.url, "is not in the folder that --weights names");
    serving_end(&elsewhere);
}

/* ---- vLLM's interface ---- */

typedef struct stand_in {
    serving behind;
    pid_t pid;
    char url[64];
} stand_in;

/* A script of this folder that prints its port; the URL goes to url [64]. */
static pid_t script_start(char *url, const char *script, const char *a, const char *b)
{
    int out[2];
    char port[16] = "";
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", script, a, b, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    assert_true(pid > 0 && read(out[0], port, sizeof port - 1) > 0);
    close(out[0]);
    snprintf(url, 64, "http://127.0.0.1:%d", atoi(port));
    return pid;
}

static stand_in stand_in_start(const char *fault)
{
    stand_in s = {.behind = serving_start(MODEL)};
    s.pid = script_start(s.url, MASA_TESTS "/cli/vllm_stand_in.py", s.behind.url, fault);
    return s;
}

static void stand_in_end(const stand_in *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    assert_int_equal(serving_end(&s->behind), 0);
}

static void trains_with_vllm_s_interface(void **state)
{
    (void)state;
    stand_in v = stand_in_start("");
    must(train(&kinds[0], "vllm", "--rollouts %s", v.url, NULL), "vllm");
    must(train(&kinds[0], "vllm-uncapped", "--rollouts %s -s algorithm.importance_cap=0", v.url,
               NULL),
         "vllm-uncapped");
    must(train(&kinds[2], "vllm-efficient",
               "--rollouts %s -s meta.cutoff_survival=0.5 -s meta.cutoff_margin=0.5 "
               "-s algorithm.advantage=group_mean -s algorithm.aggregation=constant "
               "-s optimizer.mini_batches=1",
               v.url, NULL),
         "vllm-efficient");
    stand_in_end(&v);
}

/* An engine that computes a little otherwise: its rollouts weigh more or less. */
static void another_engine_is_weighed(void **state)
{
    (void)state;
    stand_in v = stand_in_start("shifted");
    must(train(&kinds[0], "shifted", "--rollouts %s", v.url, NULL), "shifted");
    must(train(&kinds[0], "plain", "--rollouts %s -s algorithm.importance_cap=0", v.url, NULL),
         "plain");
    masa_text a = read_saved("shifted", "model.safetensors"),
              b = read_saved("plain", "model.safetensors"),
              c = read_saved("vllm-uncapped", "model.safetensors");
    assert_true(a.size == b.size && memcmp(a.data, b.data, a.size) != 0);
    /* Unweighed, the engine's own log-probabilities have no say. */
    assert_memory_equal(b.data, c.data, b.size);
    masa_text_deinit(&a);
    masa_text_deinit(&b);
    masa_text_deinit(&c);
    stand_in_end(&v);
}

static void spoiled_answers_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *part;
    } spoiled[] = {
        {"raw",
         "a canary's log-probabilities differ from the trainer's by 0.3 on average, 0.05 at most"},
        {"stale", "so weights that it was to read anew are still old"},
        {"version", "has sampled with the weights 'default' where the step has 'step-0-"},
        {"unversioned", "has sampled with the weights 'none' where the step has 'step-0-"},
        {"unstopped", "a finish_reason that is neither stop nor length"},
        {"short", "other choices than were asked for"},
        {"canned", "other choices than were asked for"},
        {"busy", "can sample: http://127.0.0.1:"},
        {"closed", "answered with status 403: Scale-out endpoints are disabled."},
    };
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        stand_in v = stand_in_start(spoiled[i].fault);
        refuses("--rollouts %s", v.url, spoiled[i].part);
        stand_in_end(&v);
    }
}

/* A run against what vLLM itself has answered (tools/vllm_record.py); its status. */
static int replays(const char *model, const char *more, const char *record)
{
    char line[400], url[64];
    snprintf(line, sizeof line,
             "$masa init %s --hidden 64 --layers 2 --heads 2 --kv-heads 1 --context 512 %s "
             "2>/dev/null; head -n 2 train.jsonl >held.jsonl",
             model, more);
    must(shell(line), line);
    pid_t pid = script_start(url, MASA_TESTS "/cli/vllm_replay.py", record, NULL);
    snprintf(line, sizeof line, "-n 2 -s model.path=%s --test held.jsonl --rollouts %%s",
             model);
    int status = train(&kinds[0], "replayed", line, url, NULL);
    char *said = masa_strdup(errors);
    snprintf(line, sizeof line, "rm -r replayed; curl -s %s/left", url);
    must(shell(line), line);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    snprintf(errors, sizeof errors, "%s", said);
    free(said);
    return status;
}

/* Its numbers are the trainer's own, before and after an update that it has read. */
static void vllm_itself_is_understood(void **state)
{
    (void)state;
    must(replays("untied", "--untied", MASA_TESTS "/cli/data/vllm-0.32.0-untied.jsonl"),
         "replayed");
    assert_string_equal(output, "0"); /* every call was made again */
}

/* vLLM's CPU backend keeps the head of a model whose head is the embedding. */
static void weights_that_vllm_did_not_read_are_found(void **state)
{
    (void)state;
    int status = replays("tied", "", MASA_TESTS "/cli/data/vllm-0.32.0-tied.jsonl");
    if (status != 1) fail_msg("status %d: %s", status, errors);
    assert_says("so weights that it was to read anew are still old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_sample_what_the_run_would),
        cmocka_unit_test(processes_share_servers),
        cmocka_unit_test(a_server_dies),
        cmocka_unit_test(a_server_comes_back),
        cmocka_unit_test(without_servers_it_ends_and_goes_on),
        cmocka_unit_test(refuses_servers_that_cannot),
        cmocka_unit_test(trains_with_vllm_s_interface),
        cmocka_unit_test(another_engine_is_weighed),
        cmocka_unit_test(spoiled_answers_are_errors),
        cmocka_unit_test(vllm_itself_is_understood),
        cmocka_unit_test(weights_that_vllm_did_not_read_are_found),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
