/* masa tasks: makes verifiable problems. */
#include "commands.h"
#include "options.h"

#include <masa/config_meta.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/meta.h>
#include <masa/random.h>
#include <masa/tasks.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tasks_command {
    long n, seed, length_min, length_max;
    bool solutions;
    double predictions;
    const char *meta_system; /* "": none */
    bool problem_first;      /* the built-in template that is so */
    masa_text meta_template; /* empty: a built-in one */
    masa_task_mix mix;
    const char **words; /* [n_words] what predictions may name as a notion */
    size_t n_words, words_capacity;
} tasks_command;

/* The methods of the kinds in the mix, and the names of those that have one. */
static void collect_words(tasks_command *c)
{
    for (int k = 0; k < MASA_TASK_KINDS; k++) {
        bool wanted = false;
        for (size_t i = 0; i < c->mix.n; i++)
            wanted |= c->mix.items[i].kind == (masa_task_kind)k && c->mix.items[i].weight > 0;
        if (!wanted) continue;
        const char *const *methods = masa_task_methods((masa_task_kind)k);
        const char *name = masa_task_name((masa_task_kind)k);
        MASA_PUSH(c->words, c->n_words, c->words_capacity, methods ? methods[0] : name);
        if (methods) MASA_PUSH(c->words, c->n_words, c->words_capacity, methods[1]);
    }
}

/* The kind that an id begins with. */
static masa_task_kind kind_of(const masa_problem *p)
{
    size_t n = strcspn(p->id, "_");
    for (int k = 0; k < MASA_TASK_KINDS; k++) {
        const char *name = masa_task_name((masa_task_kind)k);
        if (strlen(name) == n && memcmp(name, p->id, n) == 0) return (masa_task_kind)k;
    }
    return MASA_TASK_KINDS; /* no generated problem has such an id */
}

/* How the problem is to be asked and judged. Small models answer questions in sentences best
 * when they may do so in their own way; they hardly ever write a box. */
static void print_wishes(masa_text *line, bool compact)
{
    masa_text_addf(line, ",\"prompt_suffix\":\"%s\",\"answer_rules\":\"%s\"",
                   compact ? "" : "Answer with a number.", compact ? "hashes" : "any");
}

static void print_problem(const masa_problem *p, bool solution)
{
    masa_text line = {0};
    masa_task_kind kind = kind_of(p);
    masa_text_add(&line, "{\"id\":");
    masa_text_add_json(&line, p->id, strlen(p->id));
    masa_text_add(&line, ",\"source\":\"masa tasks\"");
    if (!masa_task_is_compact(kind)) /* as evaluation's tables have it */
        masa_text_addf(&line, ",\"subject\":\"%s\"", masa_task_name(kind));
    masa_text_addf(&line, ",\"family\":\"%s\",\"level\":%d,", masa_task_name(kind), p->level);
    masa_text_add(&line, "\"problem\":");
    masa_text_add_json(&line, p->problem, strlen(p->problem));
    masa_text_addf(&line, ",\"answer\":\"%s\",\"kind\":\"%s\"", p->answer,
                   masa_problem_kind_name(p->kind));
    print_wishes(&line, masa_task_is_compact(kind));
    if (solution) {
        masa_text_add(&line, ",\"solution\":");
        masa_text_add_json(&line, p->solution, strlen(p->solution));
    }
    masa_text_add(&line, "}\n");
    fputs(masa_text_get(&line), stdout);
    masa_text_deinit(&line);
}

static void add_message(masa_text *line, const char *role, const char *content, size_t n)
{
    masa_text_addf(line, "{\"role\":\"%s\",\"content\":", role);
    masa_text_add_json(line, content, n);
    masa_text_add(line, "}");
}

/* A conversation that asks for a prediction about p and gets one in the right form, whose
 * word and numbers are drawn: it teaches the form and nothing else. */
static masa_status print_prediction(const tasks_command *c, const masa_problem *p,
                                    masa_random *random, masa_error *err)
{
    masa_meta_options options = MASA_META_DEFAULTS;
    options.length_min = c->length_min;
    options.length_max = c->length_max;
    options.problem_first = c->problem_first;
    if (c->meta_template.data) masa_meta_follow(&options, c->meta_template.data);
    masa_text user = {0}, answer = {0}, line = {0};
    masa_status st = masa_meta_prompt(&user, c->meta_template.data, p->problem, &options, err);
    if (st == MASA_OK) {
        size_t word = masa_random_below(random, c->n_words + 1); /* the last: no notion */
        int rate = (int)masa_random_range(random, 0, MASA_PASS_RATE_SCALE);
        long length = (long)masa_random_range(random, c->length_min, c->length_max);
        char *notion = word < c->n_words ? masa_strdup(c->words[word]) : NULL;
        masa_prediction drawn = {.pass_rate = rate,
                                 .length = length,
                                 .notions = &notion,
                                 .n_notions = notion != NULL};
        if (options.form != MASA_FORM_OBJECT) masa_text_add(&answer, "<meta></meta>\n");
        masa_prediction_add(&answer, &drawn, &options);
        free(notion);
        masa_text_add(&line, "{\"messages\":[");
        if (c->meta_system[0]) {
            add_message(&line, "system", c->meta_system, strlen(c->meta_system));
            masa_text_add(&line, ",");
        }
        add_message(&line, "user", masa_text_get(&user), user.size);
        masa_text_add(&line, ",");
        add_message(&line, "assistant", masa_text_get(&answer), answer.size);
        masa_text_add(&line, "]}\n");
        fputs(masa_text_get(&line), stdout);
    }
    masa_text_deinit(&user);
    masa_text_deinit(&answer);
    masa_text_deinit(&line);
    return st;
}

static masa_status print_all(const tasks_command *c, const masa_problems *problems,
                             masa_error *err)
{
    /* Apart from the problems', so that these are the same with and without predictions. */
    masa_random random = masa_random_init((uint64_t)c->seed, MASA_STREAM_SAMPLE);
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < problems->n; i++) {
        print_problem(&problems->items[i], c->solutions);
        if (c->predictions > 0 && masa_random_uniform(&random) < c->predictions)
            st = print_prediction(c, &problems->items[i], &random, err);
    }
    return st;
}

static masa_status check(const tasks_command *c, double slips, masa_error *err)
{
    if (c->n < 1) return MASA_FAIL(err, MASA_ERR_USAGE, "--number must be positive");
    if (!(c->predictions >= 0 && c->predictions <= 1))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--predictions is a share from 0 to 1, not %g",
                         c->predictions);
    if (!c->solutions && (c->predictions > 0 || slips > 0))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--%s is for supervised training; it needs "
                         "--solutions",
                         slips > 0 ? "slips" : "predictions");
    return MASA_OK;
}

static masa_status read_lengths(tasks_command *c, const char *text, masa_error *err)
{
    char end;
    if (sscanf(text, "%ld-%ld%c", &c->length_min, &c->length_max, &end) == 2 &&
        c->length_min > 0 && c->length_max >= c->length_min)
        return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_USAGE, "--lengths takes N-M, not '%s'", text);
}

static const char details[] =
    "KINDS is a list of KIND[:LEVELS][=WEIGHT] with commas between, as in\n"
    "chain:1-2=1.2,chain:6-14=1,sort. In whole sentences, levels 1 to 6: arithmetic, compare,\n"
    "equation, and word, which has stories of many steps at levels 7 to 10 as well. For small\n"
    "models, with the level in the problem (\"c9 3+5*2...\"), every step written out and the\n"
    "answer behind ####, from trivial to hopeless:\n"
    "  chain     1-60  operations modulo 7       add      1-18  digits, two numbers\n"
    "  multiply  1-12  digits less one           sort     1-30  digits\n"
    "  search    3-12  numbers, some of which    graph    3-20  nodes, a shortest path\n"
    "                  have the sum that is asked\n"
    "  base      1-12  digits to another base    solve    1-17  digits of x in a*x+b=c\n"
    "  secret    4-60  letters of a cipher that nobody can solve\n"
    "multiply, sort, search and base are solved in one of two ways, whose word begins the\n"
    "solution. Each line says how it is to be asked and judged (prompt_suffix, answer_rules):\n"
    "sentences by any answer, the others by ####.\n"
    "Examples: masa tasks -n 2000 -l 1-3 >train.jsonl\n"
    "masa tasks -n 6000 -k chain,add,sort,secret=0.1 --solutions --slips 0.06 \\\n"
    "    --predictions 0.25 --meta-template meta.txt >sft.jsonl";

static masa_status run(tasks_command *c, const masa_task_options *o, const char *kinds,
                       const char *levels, const char *template_path, masa_error *err)
{
    masa_problems problems = {0};
    masa_status st = masa_task_mix_parse(&c->mix, kinds, levels, err);
    if (st == MASA_OK && masa_meta_template_is_file(template_path))
        st = masa_file_read(&c->meta_template, template_path, err);
    if (st == MASA_OK) st = masa_tasks_generate(&problems, (size_t)c->n, o, err);
    if (st == MASA_OK) {
        collect_words(c);
        st = print_all(c, &problems, err);
    }
    masa_problems_deinit(&problems);
    masa_task_mix_deinit(&c->mix);
    masa_text_deinit(&c->meta_template);
    free(c->words);
    return st;
}

masa_status cli_tasks(int argc, char **argv, masa_error *err)
{
    tasks_command c = {.n = 1000, .seed = 1};
    masa_task_options o = {.mix = &c.mix};
    bool helped;
    const char *kinds = "arithmetic,word,compare,equation", *levels = NULL;
    const char *template_path = "", *lengths = "10-130", *system = "";
    const cli_option options[] = {
        CLI_LONG("number", 'n', &c.n, "N", "how many problems"),
        CLI_STRING("kind", 'k', &kinds, "KINDS",
                   "kinds, each with levels and a weight if need be"),
        CLI_STRING(
            "level", 'l', &levels, "N[-M]",
            "difficulty of the kinds that say none (default 1-4, or what suits the kind)"),
        CLI_FLAG("test", 0, &o.test,
                 "problems of the test split; no seed ever puts one of "
                 "them in the train split"),
        CLI_FLAG("solutions", 0, &c.solutions, "with worked solutions, for `masa sft`"),
        CLI_DOUBLE("slips", 0, &o.slips, "SHARE",
                   "share of the solutions' steps that are wrong and carried on"),
        CLI_DOUBLE("predictions", 0, &c.predictions, "SHARE",
                   "share of the problems that a prediction in the right form, with numbers "
                   "drawn at random, follows as a conversation"),
        CLI_STRING("meta-template", 0, &template_path, "FILE",
                   "what asks for predictions, as in meta.template (default: built in; or "
                   "problem-first)"),
        CLI_STRING("meta-system", 0, &system, "TEXT",
                   "their system turn (default: what `masa train` uses)"),
        CLI_STRING("lengths", 0, &lengths, "N-M", "range of the lengths that predictions name"),
        CLI_LONG("seed", 's', &c.seed, "N", "same seed, same problems"),
        CLI_END,
    };
    const cli_usage usage = {
        "tasks",
        "[OPTIONS]",
        "Writes verifiable problems of graded difficulty as JSON Lines to standard output.",
        details,
        0,
        0};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    c.problem_first = strcmp(template_path, MASA_META_PROBLEM_FIRST) == 0;
    c.meta_system = masa_meta_system_text(system, c.problem_first, "");
    if (!c.meta_system) c.meta_system = masa_meta_system;
    o.seed = (uint64_t)c.seed;
    st = check(&c, o.slips, err);
    if (st == MASA_OK) st = read_lengths(&c, lengths, err);
    return st == MASA_OK ? run(&c, &o, kinds, levels, template_path, err) : st;
}
