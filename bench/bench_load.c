/*
 * Speed beside other programs: decoding and training passes while 0, 1, 2 and 4 processes do
 * nothing but take processor time, as shares of what one can expect of the cores that are left.
 *
 *     bench_load [rounds [seconds per measurement]]
 *
 * What is left is tried in the same moment: as many processes as we have threads, which wait for
 * nobody, and the processor time they get. Without a load, speed by that time is what is
 * expected of a core; so programs that run anyway, on a machine that is not ours alone, do not
 * spoil the result, though they spread it. Rounds take the loads in turn; the median counts.
 */
#include "bench.h"
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/generate.h>
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/pass.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 16, PROMPT = 32, NEW = 16, TOKENS = 256, ROUNDS = 32, LOADS = 4 };
static const int loads[LOADS] = {0, 1, 2, 4};

static masa_model *model;
static masa_pass *pass;
static masa_generator *generator;
static int threads; /* as the program has them */

static void fail_if(masa_status st, const masa_error *err)
{
    if (st == MASA_OK) return;
    fprintf(stderr, "bench_load: %s\n", err->message);
    exit(1);
}

/* Layers of SmolLM2-135M, six of them, and a small vocabulary. */
static void prepare(void)
{
    masa_model_config c = {.architecture = MASA_LLAMA,
                           .vocab_size = 4096,
                           .hidden_size = 576,
                           .intermediate_size = 1536,
                           .n_layers = 6,
                           .n_heads = 9,
                           .n_kv_heads = 3,
                           .head_dim = 64,
                           .max_positions = 512,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = true,
                           .bos_token = 0,
                           .eos_token = 1,
                           .pad_token = -1};
    masa_model_options options = {masa_device_compute(), true};
    masa_generator_options g = {.max_batch = BATCH, .max_context = PROMPT + NEW};
    masa_error err = {0};
    fail_if(masa_model_create(&model, &c, &options, 1, &err), &err);
    fail_if(masa_pass_create(&pass, model, TOKENS, TOKENS, false, &err), &err);
    fail_if(masa_generator_create(&generator, model, NULL, &g, &err), &err);
}

static size_t decode(void)
{
    int32_t prompt[PROMPT];
    for (int i = 0; i < PROMPT; i++) prompt[i] = 2 + i;
    masa_request request = {.prompt = prompt,
                            .prompt_size = PROMPT,
                            .n_samples = BATCH,
                            .max_tokens = NEW,
                            .sampling = {1, 0, 1, 0}};
    masa_completion out[BATCH];
    masa_error err = {0};
    fail_if(masa_generate(generator, &request, 1, out, NULL, NULL, &err), &err);
    for (int i = 0; i < BATCH; i++) masa_completion_deinit(&out[i]);
    return BATCH * NEW;
}

static size_t train(void)
{
    static int32_t tokens[TOKENS], positions[TOKENS], rows[TOKENS], targets[TOKENS];
    static float logprob[TOKENS], dlogprob[TOKENS];
    masa_segment segment = {0, TOKENS, -1};
    for (int i = 0; i < TOKENS; i++) {
        tokens[i] = targets[i] = i * 7919 % 4096;
        positions[i] = rows[i] = i;
        dlogprob[i] = 0.01f;
    }
    masa_batch batch = {.n_tokens = TOKENS,
                        .n_segments = 1,
                        .n_targets = TOKENS,
                        .tokens = tokens,
                        .positions = positions,
                        .segments = &segment,
                        .target_rows = rows,
                        .target_tokens = targets,
                        .temperature = 1};
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logprob, NULL);
    masa_pass_backward(pass, dlogprob);
    return TOKENS;
}

/* Tokens a second. */
static double speed(size_t (*work)(void), double seconds)
{
    double begin = masa_clock(), now = begin;
    size_t tokens = 0;
    while (now < begin + seconds) {
        tokens += work();
        now = masa_clock();
    }
    return (double)tokens / (now - begin);
}

static pid_t start_busy(void)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(600); /* outlives nobody for long */
        for (volatile unsigned i = 0;; i++) continue;
    }
    return child;
}

/* Processor time a second of n processes that never wait. */
static double cores_left(int n, double seconds)
{
    int ends[2];
    double total = 0;
    if (pipe(ends)) exit(1);
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            double end = masa_clock() + seconds, mine;
            while (masa_clock() < end) continue;
            mine = (double)clock() / CLOCKS_PER_SEC / seconds;
            _exit(write(ends[1], &mine, sizeof mine) != sizeof mine);
        }
    for (int i = 0; i < n; i++) {
        double one;
        if (read(ends[0], &one, sizeof one) != sizeof one) exit(1);
        total += one;
        wait(NULL);
    }
    close(ends[0]), close(ends[1]);
    return total;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return x[n / 2];
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    static double cores[LOADS][ROUNDS], rates[2][LOADS][ROUNDS], each[2][ROUNDS];
    if (rounds < 1 || rounds > ROUNDS || !(seconds > 0)) {
        fprintf(stderr, "bench_load [rounds, at most %d [seconds]]\n", ROUNDS);
        return 2;
    }
    const char *wanted = getenv("OMP_NUM_THREADS");
    threads = wanted ? atoi(wanted) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    prepare();
    decode(), train();
    for (int r = 0; r < rounds; r++)
        for (int l = 0; l < LOADS; l++) {
            pid_t busy[4];
            for (int i = 0; i < loads[l]; i++) busy[i] = start_busy();
            double before = cores_left(threads, seconds / 4);
            rates[0][l][r] = speed(decode, seconds);
            double between = cores_left(threads, seconds / 4);
            rates[1][l][r] = speed(train, seconds);
            double after = cores_left(threads, seconds / 4);
            cores[l][r] = (before + 2 * between + after) / 4;
            for (int i = 0; i < loads[l]; i++) {
                kill(busy[i], SIGKILL);
                waitpid(busy[i], NULL, 0);
            }
            if (l == 0)
                for (int k = 0; k < 2; k++) each[k][r] = rates[k][0][r] / cores[0][r];
        }
    double a_core[2] = {median(each[0], rounds), median(each[1], rounds)};
    printf("%s, %d threads, %d rounds of %.1f s\n", masa_isa_name(masa_isa_get()), threads,
           rounds, seconds);
    printf("busy  cores left   decoding tokens/s  share   training tokens/s  share\n");
    for (int l = 0; l < LOADS; l++) {
        double share[2][ROUNDS];
        for (int k = 0; k < 2; k++)
            for (int r = 0; r < rounds; r++)
                share[k][r] = rates[k][l][r] / (cores[l][r] * a_core[k]);
        printf("%4d  %10.2f   %17.0f  %4.0f %%   %17.0f  %4.0f %%\n", loads[l],
               median(cores[l], rounds), median(rates[0][l], rounds),
               1e2 * median(share[0], rounds), median(rates[1][l], rounds),
               1e2 * median(share[1], rounds));
    }
    masa_generator_destroy(generator);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
    return 0;
}
