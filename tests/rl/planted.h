/* The planted policy of the method's tests: a model of two layers that was taught to answer
 * problems of three kinds (always right, always wrong, right in a third of the cases) and to
 * predict which is which; runs with it, and what they left. */
#ifndef TESTS_RL_PLANTED_H
#define TESTS_RL_PLANTED_H

#include "rl_fixture.h"

#include <masa/memory.h>
#include <masa/meta.h>

#define ANSWER(rate)                                                                           \
    "<meta>m</meta>{\"math_notion\":[\"y\"],\"pass_rate\":" rate ",\"solution_length\":"       \
    "2}"

/* ---- the planted policy ---- */

/* GPT-2's printable stand-in for a byte, as JSON. */
static void add_byte(masa_text *json, int byte)
{
    bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    int code = byte;
    if (!printable) {
        code = 256;
        for (int b = 0; b < byte; b++)
            code += !((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174);
    }
    masa_text_addf(json, "%s\"\\u%04x\":%d", byte ? "," : "", (unsigned)code, byte);
}

/* A token for every byte, so that any text can be written, and one for each of the phrases, so
 * that a tiny model learns to read and write them. */
static inline void make_tokenizer(const char *folder, const char *const *phrases, size_t n)
{
    static const char *const special[] = {"<|im_start|>", "<|im_end|>"};
    masa_text json = {0};
    char path[300];
    masa_text_add(&json, "{\"added_tokens\":[");
    for (size_t i = 0; i < n + 2; i++) {
        const char *content = i < 2 ? special[i] : phrases[i - 2];
        masa_text_addf(&json, "%s{\"id\":%zu,\"content\":", i ? "," : "", 256 + i);
        masa_text_add_json(&json, content, strlen(content));
        masa_text_addf(&json,
                       ",\"single_word\":false,\"lstrip\":false,"
                       "\"rstrip\":false,\"normalized\":false,\"special\":%s}",
                       i < 2 ? "true" : "false");
    }
    masa_text_add(&json,
                  "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\","
                  "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},"
                  "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                  "\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"BPE\","
                  "\"merges\":[],\"vocab\":{");
    for (int b = 0; b < 256; b++) add_byte(&json, b);
    masa_text_add(&json, "}}}");
    assert_int_equal(masa_folder_create(folder, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(masa_file_write(path, json.data, json.size, NULL), MASA_OK);
    masa_text_clear(&json);
    masa_file_read(&json, MASA_TESTS "/generate/data/tiny/tokenizer_config.json", NULL);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    assert_int_equal(masa_file_write(path, json.data, json.size, NULL), MASA_OK);
    masa_text_deinit(&json);
}

static void add_lesson(FILE *sft, const char *system, const char *user, const char *answer)
{
    masa_text line = {0};
    const char *const turns[][2] = {{"system", system}, {"user", user}, {"assistant", answer}};
    masa_text_add(&line, "{\"messages\":[");
    for (size_t i = system ? 0 : 1; i < 3; i++) {
        masa_text_addf(&line, "{\"role\":\"%s\",\"content\":", turns[i][0]);
        masa_text_add_json(&line, turns[i][1], strlen(turns[i][1]));
        masa_text_addf(&line, "}%s", i < 2 ? "," : "]}\n");
    }
    fputs(line.data, sft);
    masa_text_deinit(&line);
}

/* Problems of the kinds e(asy), h(ard) and m(ixed); y is right. */
static void make_lessons(void)
{
    FILE *sft = fopen(in_root("sft.jsonl"), "w"), *train = fopen(in_root("train.jsonl"), "w");
    FILE *template = fopen(in_root("meta.txt"), "w");
    FILE *guess = fopen(in_root("guess.txt"), "w");
    assert_true(sft && train && template && guess);
    fputs("m {problem}", template);
    fputs("n {problem}", guess);
    static const char *const answers[] = {"yyy", "xxx", "xyz"};
    static const char *const rates[] = {ANSWER("8"), ANSWER("0"), ANSWER("3")};
    for (int kind = 0; kind < 3; kind++)
        for (char b = 'a'; b <= 'h'; b++) {
            char problem[8], meta[16];
            snprintf(problem, sizeof problem, "%c %c", "ehm"[kind], b);
            snprintf(meta, sizeof meta, "m %s", problem);
            for (int i = 0; i < 3; i++) {
                char answer[2] = {answers[kind][i], 0};
                add_lesson(sft, NULL, problem, answer);
            }
            for (int i = 0; i < 2; i++) add_lesson(sft, masa_meta_system, meta, rates[kind]);
            /* Asked in another way it predicts one of the three, whatever the kind. */
            meta[0] = 'n';
            for (int i = 0; i < 3; i++) add_lesson(sft, masa_meta_system, meta, rates[i]);
            fprintf(train, "{\"id\":\"%c%c\",\"problem\":\"%s\",\"answer\":\"y\"}\n",
                    "ehm"[kind], b, problem);
        }
    assert_int_equal(fclose(sft) + fclose(train) + fclose(guess) + fclose(template), 0);
}

/* The model of these phrases, taught in so many passes. */
static inline void plant(const char *const *phrases, size_t n, int epochs)
{
    char passes[32];
    snprintf(passes, sizeof passes, "sft.epochs=%d", epochs);
    assert_non_null(mkdtemp(root));
    make_tokenizer(in_root("tokenizer"), phrases, n);
    make_model(in_root("tokenizer"), 512);
    make_lessons();
    const char *set[] = {"optimizer.lr=0.005",
                         "sft.batch=12",
                         passes,
                         "sft.max_tokens=256",
                         "optimizer.tokens_per_pass=4096",
                         "train.threads=1",
                         "optimizer.schedule=linear"};
    supervise(set, sizeof set / sizeof *set);
}

static inline int setup(void **state)
{
    /* The system turn, and the constant parts of ANSWER. */
    const char *const phrases[] = {
        masa_meta_system,
        "<meta>m</meta>{\"math_notion\":[\"y\"],\"pass_rate\":", ",\"solution_length\":"};
    (void)state;
    plant(phrases, sizeof phrases / sizeof *phrases, 70);
    return 0;
}

static inline void put_template(const char *name, const char *text)
{
    assert_int_equal(masa_file_write(in_root(name), text, strlen(text), NULL), MASA_OK);
}

/* A run of two steps and more settings (separated by spaces); "start" as model.path in
 * them is the untaught model. */
static inline masa_status train(const char *folder, const char *more, bool resume,
                                const volatile sig_atomic_t *stop, masa_error *err)
{
    char model[300], data[300], template[300], text[900];
    const char *set[48];
    size_t n = 0;
    snprintf(model, sizeof model, "model.path=%s", base);
    snprintf(data, sizeof data, "data.train=%s", in_root("train.jsonl"));
    snprintf(template, sizeof template, "meta.template=%s", in_root("meta.txt"));
    const char *common[] = {model,
                            data,
                            template,
                            "data.suffix=",
                            "data.answer_rules=whole",
                            "rollout.prompts_per_step=6",
                            "rollout.group_size=4",
                            "rollout.max_tokens=8",
                            "data.max_prompt_tokens=200",
                            "optimizer.tokens_per_pass=1024",
                            "optimizer.lr=0.0001",
                            "model.compute=f32",
                            "train.steps=2",
                            "train.save_every=0",
                            "rollout.batch=32",
                            "train.threads=1",
                            "meta.samples=4",
                            "meta.max_tokens=24",
                            "meta.length_min=1",
                            "meta.bc_enabled=true",
                            "meta.bc_batch=4"};
    for (; !resume && n < sizeof common / sizeof *common; n++) set[n] = common[n];
    snprintf(text, sizeof text, "%s", more);
    for (char *p = strtok(text, " "); p; p = strtok(NULL, " ")) set[n++] = p;
    masa_train_options options = {.resume = resume, .stop = stop};
    return run(masa_rl_train, folder, set, n, &options, err);
}

static inline void must(const char *folder, const char *more, bool resume)
{
    masa_error err = {0};
    if (train(folder, more, resume, NULL, &err)) fail_msg("%s: %s", folder, err.message);
}

/* ---- reading ---- */

typedef struct counts {
    long solutions, metas;                      /* rollouts */
    long solution_tokens, meta_tokens, longest; /* longest: of the solutions */
    long cut;                                   /* solutions that ended by length */
    double cut_advantage;                       /* largest |advantage| of these */
    char hint[64];
} counts;

static inline masa_status count_rollout(void *context, const masa_store_rollout *r,
                                        masa_error *err)
{
    (void)err;
    counts *c = context;
    if (strcmp(r->kind, "meta") == 0) {
        c->metas++;
        c->meta_tokens += r->tokens;
        return MASA_OK;
    }
    c->solutions++;
    c->solution_tokens += r->tokens;
    if (r->tokens > c->longest) c->longest = r->tokens;
    if (strcmp(r->cause, "length") == 0) {
        c->cut++;
        c->cut_advantage = fmax(c->cut_advantage, fabs(r->advantage));
    }
    const char *hint = strstr(r->prompt_text, "could be solved");
    if (hint) snprintf(c->hint, sizeof c->hint, "%s", hint);
    return MASA_OK;
}

static inline masa_store *store_of(const char *folder)
{
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root(folder));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    free(path);
    return store;
}

/* Of a step; prompt < 0: all of them. */
static inline counts count(const char *folder, long step, long prompt)
{
    counts c = {0};
    masa_store *store = store_of(folder);
    masa_store_filter filter = MASA_STORE_ALL;
    filter.first_step = filter.last_step = step;
    filter.prompt = prompt;
    assert_int_equal(masa_store_rollouts(store, &filter, count_rollout, &c, NULL), MASA_OK);
    masa_store_close(store);
    return c;
}

enum { MOST = 256 };

typedef struct decisions {
    masa_store_decision items[MOST];
    char kinds[MOST][12], problems[MOST];
    double levels[MOST]; /* of what was foretold; else NaN */
    size_t n;
} decisions;

static inline masa_status take_decision(void *context, const masa_store_decision *d,
                                        masa_error *err)
{
    (void)err;
    decisions *all = context;
    assert_true(all->n < MOST);
    all->items[all->n] = *d;
    all->problems[all->n] = d->problem[0];
    all->levels[all->n] = NAN;
    if (d->extra) sscanf(d->extra, "{\"level\":%lf", &all->levels[all->n]);
    snprintf(all->kinds[all->n++], sizeof all->kinds[0], "%s", d->kind);
    return MASA_OK;
}

static inline void read_decisions(decisions *all, const char *folder, long step)
{
    masa_store *store = store_of(folder);
    all->n = 0;
    assert_int_equal(masa_store_decisions(store, step, step, take_decision, all, NULL),
                     MASA_OK);
    masa_store_close(store);
}

#endif
