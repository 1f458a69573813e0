/* Runs that are sick in earnest, one for each rule of health or several: the store has the event,
 * by the name that docs/runs.md lists, and there is no rule without a run that provokes it. */
#include "health.h"
#include "planted.h"

#include <masa/trainer.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the runs are given ---- */

/* Problems "KIND LETTER" of these kinds and letters in turn, each with this answer. */
static void write_problems(const char *name, const char *kinds, const char *letters,
                           const char *answer)
{
    FILE *file = fopen(in_root(name), "w");
    assert_non_null(file);
    for (size_t i = 0; kinds[i]; i++)
        fprintf(file, "{\"id\":\"%zu\",\"problem\":\"%c %c\",\"answer\":\"%s\"}\n", i, kinds[i],
                letters[i % strlen(letters)], answer);
    assert_int_equal(fclose(file), 0);
}

/* A program that gives rewards: for the n-th rollout what `says` leaves in r. */
static void write_judge(const char *name, const char *says)
{
    FILE *file = fopen(in_root(name), "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\nn=0\n"
            "while read -r line; do\n"
            "  id=${line#*\\\"id\\\":}; id=${id%%%%[,\\}]*}; %s\n"
            "  echo \"{\\\"id\\\":$id,\\\"reward\\\":$r}\"; n=$((n + 1))\n"
            "done\n",
            says);
    assert_int_equal(fclose(file) + chmod(in_root(name), 0755), 0);
}

static int set_up(void **state)
{
    setup(state);
    write_problems("hard.jsonl", "hhhhhhhh", "abcdefgh", "y");
    write_problems("easy.jsonl", "eeeeeeee", "abcdefgh", "y");
    write_problems("mixed.jsonl", "mmmmmmmm", "abcdefgh", "y");
    write_problems("other.jsonl", "mmmmmmmm", "abcdefgh", "x");
    write_problems("rarely.jsonl", "eeeemhhhhhh", "abcdefgh", "y");
    write_problems("given.jsonl", "ehmehm", "y", "y"); /* the notion y stands in each */
    write_judge("even.sh", "r=$((n % 2))");
    /* a thousand times as much in every twelfth step of 24 rollouts */
    write_judge("leaps.sh", "r=$((n % 2)); [ $((n / 24 % 12)) = 11 ] && r=$((r * 1000))");
    /* from the twentieth step on */
    write_judge("slow.sh", "r=1; [ $n -gt 480 ] && [ $((n % 24)) = 1 ] && sleep 0.4");
    return 0;
}

/* ---- a trainer that loses memory, or computes what is wrong ---- */

masa_status __real_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);
masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);

enum { LOSSES = 64, LOSS = 32 << 20 };
static void *lost[LOSSES];
static int calls, first_loss; /* 0: none is lost */
static float wrong_by;        /* nats a token */

/* The linker puts it before the trainer's own. */
masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err)
{
    calls++;
    if (first_loss && calls >= first_loss && calls - first_loss < LOSSES) {
        void **p = &lost[calls - first_loss];
        *p = malloc(LOSS);
        assert_non_null(*p);
        memset(*p, calls, LOSS);
    }
    masa_status st =
        __real_masa_trainer_accumulate(trainer, sequences, n, objective, stats, err);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; sequences[i].logprobs && t < sequences[i].response_size; t++)
            sequences[i].logprobs[t] += wrong_by;
    return st;
}

/* ---- what they leave ---- */

typedef struct search {
    const char *rule;
    bool found;
} search;

static masa_status see_event(void *context, long step, const char *rule, const char *text,
                             masa_error *err)
{
    search *s = context;
    (void)step, (void)text, (void)err;
    s->found |= strcmp(rule, s->rule) == 0;
    return MASA_OK;
}

static bool has_event(const char *folder, const char *rule)
{
    search s = {.rule = rule};
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root(folder));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    assert_int_equal(masa_store_events(store, 1, -1, see_event, &s, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    return s.found;
}

static bool provoked[RL_HEALTH_RULES];

/* Each of these rules has spoken in the run. */
static void has_spoken(const char *folder, const char *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int k = 0;
        while (k < RL_HEALTH_RULES && strcmp(rl_health_table[k].name, rules[i]) != 0) k++;
        if (k == RL_HEALTH_RULES) fail_msg("there is no rule '%s'", rules[i]);
        if (!has_event(folder, rules[i])) fail_msg("%s: nothing said: %s", folder, rules[i]);
        provoked[k] = true;
    }
}
#define HAS_SPOKEN(folder, ...)                                                                \
    has_spoken(folder, (const char *const[]){__VA_ARGS__},                                     \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* `more` with "@" for the tests' folder. */
static void go(const char *folder, const char *more, bool resume)
{
    masa_text text = {0};
    for (const char *p = more; *p; p++)
        if (*p == '@') masa_text_add(&text, root);
        else masa_text_append(&text, p, 1);
    must(folder, masa_text_get(&text), resume);
    masa_text_deinit(&text);
}

/* ---- the runs ---- */

static void rewards_that_teach_nothing(void **state)
{
    (void)state;
    go("hard", "meta.samples=0 train.steps=6 data.train=@/hard.jsonl", false);
    HAS_SPOKEN("hard", "never right", "no variance");
    go("cut", "meta.samples=0 train.steps=6 rollout.max_tokens=1", false);
    HAS_SPOKEN("cut", "truncated");
    go("rarely",
       "meta.samples=0 train.steps=24 optimizer.lr=1e-7 rollout.prompts_per_step=11 "
       "data.train=@/rarely.jsonl",
       false);
    HAS_SPOKEN("rarely", "little variance");
}

/* Taught the wrong thing; given other problems half-way. */
static void what_was_known_is_lost(void **state)
{
    (void)state;
    go("wrong",
       "meta.samples=0 train.steps=30 optimizer.lr=0.003 train.eval_every=1 "
       "train.eval_rollouts=8 train.eval_temperature=1 data.train=@/other.jsonl "
       "data.test=@/mixed.jsonl",
       false);
    HAS_SPOKEN("wrong", "accuracy fell");
    go("harder", "meta.samples=0 train.steps=12 optimizer.lr=1e-7 data.train=@/easy.jsonl",
       false);
    go("harder", "train.steps=40 data.train=@/hard.jsonl", true);
    HAS_SPOKEN("harder", "rewards fell");
}

static void a_policy_that_breaks(void **state)
{
    (void)state;
    /* beside being right it earns what keeps every group different, so that all steps teach */
    go("sure",
       "meta.samples=0 train.steps=30 optimizer.lr=0.003 rollout.prompts_per_step=12 "
       "rollout.group_size=8 data.train=@/mixed.jsonl reward.correctness=1 reward.user=0.05 "
       "algorithm.advantage=group_mean reward.command=@/even.sh",
       false);
    HAS_SPOKEN("sure", "entropy fell");
    go("leaps",
       "meta.samples=0 train.steps=40 optimizer.lr=1e-7 data.train=@/mixed.jsonl "
       "algorithm.advantage=group_mean reward.command=@/leaps.sh",
       false);
    HAS_SPOKEN("leaps", "gradient leaps");
    wrong_by = 0.2f;
    go("wrong-kernels", "meta.samples=0 train.steps=8 data.train=@/mixed.jsonl", false);
    wrong_by = 0;
    HAS_SPOKEN("wrong-kernels", "drift");
}

static void predictions_without_sense(void **state)
{
    (void)state;
    go("short", "train.steps=6 meta.max_tokens=2", false);
    HAS_SPOKEN("short", "predictions unreadable");
    go("given",
       "train.steps=14 optimizer.lr=1e-7 meta.bc_enabled=false data.train=@/given.jsonl",
       false);
    HAS_SPOKEN("given", "notions empty");
    go("guess",
       "train.steps=60 optimizer.lr=1e-7 meta.bc_enabled=false meta.template=@/guess.txt "
       "meta.start_step=0 meta.audit_share=0.5 meta.samples=2 meta.gate=hard meta.gate_refill=false",
       false);
    HAS_SPOKEN("guess", "predictions say nothing", "gate at the base rate");
}

static void a_machine_in_trouble(void **state)
{
    (void)state;
    go("slow",
       "meta.samples=0 train.steps=42 data.train=@/mixed.jsonl reward.command=@/slow.sh",
       false);
    HAS_SPOKEN("slow", "slower");
    calls = 0;
    first_loss = 12; /* once the tenth step has told what is usual */
    go("leak", "meta.samples=0 train.steps=42 data.train=@/mixed.jsonl", false);
    first_loss = 0;
    for (int i = 0; i < LOSSES; i++) free(lost[i]);
    HAS_SPOKEN("leak", "memory grows");
}

/* On a disk of its own, which takes a namespace; the run is in a process of its own there. */
static void a_disk_that_fills(void **state)
{
    (void)state;
    int status;
    enum { NO_DISK = 77 };
    assert_int_equal(mkdir(in_root("disk"), 0777), 0);
    pid_t child = fork();
    if (child == 0) {
        int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
        if (unshare(flags) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("masa", in_root("disk"), "tmpfs", 0, "size=24m") != 0)
            _exit(NO_DISK);
        masa_error err = {0};
        train("disk/run",
              "meta.samples=0 train.steps=400 train.save_every=1 train.keep_checkpoints=1000 "
              "train.wait_for_room=false",
              false, NULL, &err);
        _exit(has_event("disk/run", "disk fills") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_DISK)
        skip_since("no small disk can be mounted here");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int k = 0; k < RL_HEALTH_RULES; k++)
        provoked[k] |= strcmp(rl_health_table[k].name, "disk fills") == 0;
}

/* ---- the rules ---- */

/* The names in the table of docs/runs.md whose head is "| rule | sign |", one a line. */
static masa_text listed_rules(void)
{
    masa_text page = {0}, names = {0};
    assert_int_equal(masa_file_read(&page, MASA_TESTS "/../docs/runs.md", NULL), MASA_OK);
    const char *p = strstr(page.data, "| rule | sign |\n| --- | --- |\n");
    assert_non_null(p);
    for (p = strchr(strchr(p, '\n') + 1, '\n') + 1; *p == '|'; p = strchr(p, '\n') + 1) {
        masa_text_append(&names, p + 2, strcspn(p + 2, "|") - 1);
        masa_text_add(&names, "\n");
    }
    masa_text_deinit(&page);
    return names;
}

static void every_rule_is_listed_and_provoked(void **state)
{
    (void)state;
    masa_text rules = {0}, listed = listed_rules();
    for (int k = 0; k < RL_HEALTH_RULES; k++) {
        masa_text_addf(&rules, "%s\n", rl_health_table[k].name);
        if (!provoked[k]) print_message("not provoked: %s\n", rl_health_table[k].name);
        bool may_lack = strcmp(rl_health_table[k].name, "disk fills") == 0;
        assert_true(provoked[k] || may_lack);
    }
    assert_string_equal(masa_text_get(&listed), masa_text_get(&rules));
    masa_text_deinit(&rules);
    masa_text_deinit(&listed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewards_that_teach_nothing),
        cmocka_unit_test(what_was_known_is_lost),
        cmocka_unit_test(a_policy_that_breaks),
        cmocka_unit_test(predictions_without_sense),
        cmocka_unit_test(a_machine_in_trouble),
        cmocka_unit_test(a_disk_that_fills),
        cmocka_unit_test(every_rule_is_listed_and_provoked),
    };
    return cmocka_run_group_tests(tests, set_up, teardown);
}
