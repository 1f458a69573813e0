/* Training rewards what evaluation judges: programs, choices, numbers within a tolerance and
 * Python values. The model says 1, 2 or B, each in a third of the cases. */
#include "letters.h"

#include <masa/code.h>
#include <masa/judge.h>
#include <masa/tokenizer_make.h>
#include <masa/verify.h>

/* 1 and 2 are programs that run, B is a name that is not defined. */
static const char problems[] =
    "{\"id\":\"choice\",\"problem\":\"a a\",\"answer\":\"B\",\"kind\":\"choice\",\"options\":[\"c\",\"d\"]}\n"
    "{\"id\":\"near\",\"problem\":\"b a\",\"answer\":1.05,\"kind\":\"numeric\",\"tolerance\":0.1}\n"
    "{\"id\":\"code\",\"problem\":\"c a\",\"kind\":\"code\",\"tests\":[\"assert True\"]}\n"
    "{\"id\":\"value\",\"problem\":\"d a\",\"answer\":\"2\",\"kind\":\"code_output\",\"context\":\"h\"}\n";

static int make_kinds(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    masa_tokenizer *tokenizer = NULL;
    assert_int_equal(masa_tokenizer_make(&tokenizer, &(masa_tokenizer_plan){0}, NULL), MASA_OK);
    assert_int_equal(masa_folder_create(in_root("bytes"), NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, in_root("bytes"), NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    make_model(in_root("bytes"), 256);
    FILE *sft = fopen(in_root("sft.jsonl"), "w"), *train = fopen(in_root("train.jsonl"), "w");
    assert_true(sft && train);
    for (char a = 'a'; a <= 'h'; a++)
        for (char b = 'a'; b <= 'c'; b++)
            for (const char *answer = "12B"; *answer; answer++)
                fprintf(sft, "{\"problem\":\"%c %c\",\"solution\":\"%c\"}\n", a, b, *answer);
    fputs(problems, train);
    assert_int_equal(fclose(sft) + fclose(train), 0);
    const char *set[] = {"data.suffix=",         "optimizer.lr=0.01",
                         "sft.batch=8",          "sft.epochs=6",
                         "sft.max_tokens=128",   "optimizer.tokens_per_pass=640",
                         "rollout.max_tokens=96"};
    supervise(set, sizeof set / sizeof *set);
    return 0;
}

typedef struct tally {
    masa_problems problems;
    size_t right[4], wrong[4];
} tally;

static masa_status judge_again(void *context, const masa_store_rollout *r, masa_error *err)
{
    tally *t = context;
    size_t k = 0;
    while (strcmp(t->problems.items[k].id, r->problem) != 0) k++;
    masa_judgement j = {0};
    masa_status st = masa_judge(&j, &t->problems.items[k], r->text, strlen(r->text),
                                strcmp(r->cause, "eos") != 0, err);
    assert_int_equal(st, MASA_OK);
    assert_true(r->reward == (double)j.right);
    t->right[k] += j.right;
    t->wrong[k] += !j.right;
    if (k == 0) assert_non_null(strstr(r->prompt_text, "a a\nA) c\nB) d"));
    if (k == 3) assert_non_null(strstr(r->prompt_text, "h\n\nd a"));
    free(j.answer);
    return MASA_OK;
}

static void rewards_are_the_verdicts_of_evaluation(void **state)
{
    (void)state;
    masa_error err = {0};
    if (masa_code_available(&err) != MASA_OK) skip_since(err.message);
    tally t = {0};
    masa_problem_reader reader = {.rules = MASA_EXTRACT_WHOLE};
    assert_int_equal(
        masa_problems_parse(&t.problems, problems, strlen(problems), "p", &reader, 0, NULL),
        MASA_OK);
    must("kinds",
         "train.steps=1 data.test= data.code_suffix= rollout.group_size=12 "
         "data.max_prompt_tokens=100 optimizer.tokens_per_pass=2048",
         false);
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root("kinds"));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    masa_store_filter all = MASA_STORE_ALL;
    assert_int_equal(masa_store_rollouts(store, &all, judge_again, &t, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    /* Of each kind both occur, so that neither a judge of always nor one of never passes. */
    for (size_t k = 0; k < 4; k++)
        if (!t.right[k] || !t.wrong[k])
            fail_msg("%s: %zu right, %zu wrong", t.problems.items[k].id, t.right[k],
                     t.wrong[k]);
    assert_true(metric_of("kinds", 1, "rollouts_trained") > 0);
    masa_problems_deinit(&t.problems);
}

static void an_unknown_kind_is_refused_with_its_line(void **state)
{
    (void)state;
    FILE *train = fopen(in_root("cod.jsonl"), "w");
    fputs("{\"problem\":\"a a\",\"answer\":1}\n"
          "{\"problem\":\"a b\",\"answer\":1,\"kind\":\"cod\"}\n",
          train);
    assert_int_equal(fclose(train), 0);
    char more[300];
    masa_train_options options = {0};
    masa_error err = {0};
    snprintf(more, sizeof more, "data.test= data.train=%s", in_root("cod.jsonl"));
    masa_status refused = reinforce("cod", more, &options, &err);
    if (refused != MASA_ERR_DATA) fail_msg("%s", err.message);
    assert_non_null(strstr(err.message, "\"cod\""));
    assert_non_null(strstr(err.path, "cod.jsonl"));
    assert_int_equal(err.line, 2);
    assert_false(masa_path_exists(in_root("cod")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewards_are_the_verdicts_of_evaluation),
        cmocka_unit_test(an_unknown_kind_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, make_kinds, teardown);
}
