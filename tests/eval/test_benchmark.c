/* Descriptions, prompts made of them, and verdicts on what answers them. */
#include "masa_test.h"

#include "embedded.h"
#include "problem.h"

#include <masa/code.h>
#include <masa/file.h>
#include <masa/judge.h>
#include <masa/memory.h>
#include <masa/verify.h>

static char folder[] = "/tmp/masa-benchmark-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static void write_file(const char *name, const char *text)
{
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_write(path, text, strlen(text), NULL), MASA_OK);
    free(path);
}

/* ---- templates ---- */

static void assert_filled(const char *template_text, const char *expected)
{
    masa_text out = {0};
    eval_slots slots = {.problem = "P {context}", .question = "Q", .options = "A) x\nB) y"};
    eval_template_fill(&out, template_text, &slots);
    assert_string_equal(masa_text_get(&out), expected);
    masa_text_deinit(&out);
}

static void test_template(void **state)
{
    (void)state;
    /* What is filled in is not a template again, and other braces are text. */
    assert_filled("{problem} in \\boxed{}. {x}", "P {context} in \\boxed{}. {x}");
    assert_filled("{context}\n\n{problem}\n{options}", "P {context}\nA) x\nB) y");
    assert_filled("{problem}\nThe unit is {unit}.\nEnd.", "P {context}\nEnd.");
    assert_filled("{unit}{question}", "Q"); /* one of the line's slots is there */
    assert_filled("a\n\n{question}", "a\n\nQ");
    assert_filled("{question", "{question");
    assert_filled("", "");
}

static void assert_examples(size_t most, const char *expected)
{
    masa_text out = {0};
    eval_slots slots = {.problem = "Why?", .context = "Here.", .options = "A) x"};
    eval_examples_fill(&out,
                       "Do it.\n------\none\n------\ntwo\n------\n[[CONTEXT]] [[QUESTION]] "
                       "[[OPTIONS]] [[X]]",
                       most, &slots);
    assert_string_equal(masa_text_get(&out), expected);
    masa_text_deinit(&out);
}

static void test_examples(void **state)
{
    (void)state;
    assert_examples(0, "Do it.\n------\none\n------\ntwo\n------\nHere. Why? A) x [[X]]");
    assert_examples(1, "Do it.\n------\none\n------\nHere. Why? A) x [[X]]");
    assert_examples(9, "Do it.\n------\none\n------\ntwo\n------\nHere. Why? A) x [[X]]");
}

/* ---- descriptions ---- */

static void test_built_in(void **state)
{
    (void)state;
    size_t n = 0;
    for (; masa_benchmark_name(n); n++) {
        masa_benchmark *b = NULL;
        masa_error err = {0};
        masa_problems none = {0};
        if (masa_benchmark_open(&b, masa_benchmark_name(n), &err) != MASA_OK)
            fail_msg("%s: %s", masa_benchmark_name(n), err.message);
        assert_string_equal(b->name, masa_benchmark_name(n));
        assert_true(b->title && b->licence && b->source && b->form && b->kind);
        /* Who lacks the file learns where to get it and, to the last word, in which form.
         */
        assert_int_equal(masa_benchmark_load(&none, b, "/no/such/folder", 0, &err),
                         MASA_ERR_IO);
        assert_non_null(strstr(err.message, "/no/such/folder/"));
        assert_non_null(strstr(err.message, b->source));
        assert_true(masa_ends_with(err.message, b->form));
        masa_benchmark_close(b);
    }
    assert_true(n >= 23);
}

static void assert_refused(const char *yaml, const char *says)
{
    masa_benchmark *b = NULL;
    masa_error err = {0};
    assert_int_equal(masa_benchmark_parse(&b, yaml, strlen(yaml), "b.yaml", &err),
                     MASA_ERR_CONFIG);
    if (!strstr(err.message, says)) fail_msg("'%s' is not in: %s", says, err.message);
    assert_string_equal(err.path, "b.yaml");
    assert_null(b);
}

#define START "name: n\nfile: f\nprompt: '{problem}'\n"

static void test_bad_descriptions(void **state)
{
    (void)state;
    assert_refused("", "");
    assert_refused("[1, 2]", "");
    assert_refused("name: n\nprompt: '{problem}'\n", "file");
    assert_refused(START "promt: x\n", "promt");
    assert_refused(START "kind: maths\n", "no kind 'maths'");
    assert_refused(START "rules: boxes\n", "boxes");
    assert_refused(START "only: split\n", "member=value");
    assert_refused(START "lines: -3\n", "negative");
    assert_refused("name: n\nfile: f\nprompt: nothing\n", "{question}");
    assert_refused("name: # none\nfile: f\nprompt: '{problem}'\n", "name: must not be");
    assert_refused("name: n\nfile: ''\nprompt: '{problem}'\n", "file: must not be empty");
    masa_benchmark *b = NULL;
    masa_error err = {0};
    assert_int_equal(masa_benchmark_open(&b, "gsm9k", &err), MASA_ERR_USAGE);
    assert_non_null(strstr(err.message, "gsm8k, humaneval"));
    assert_int_equal(masa_benchmark_open(&b, "/no/such.yaml", &err), MASA_ERR_IO);
}

/* ---- data ---- */

static masa_status load(masa_problems *out, const char *yaml, const char *data, size_t limit,
                        masa_error *err)
{
    masa_benchmark *b = NULL;
    write_file("data.jsonl", data);
    *out = (masa_problems){0};
    assert_int_equal(masa_benchmark_parse(&b, yaml, strlen(yaml), "b.yaml", NULL), MASA_OK);
    masa_status st = masa_benchmark_load(out, b, folder, limit, err);
    masa_benchmark_close(b);
    return st;
}

static void test_members(void **state)
{
    (void)state;
    masa_problems p;
    assert_int_equal(load(&p,
                          "name: mine\nfile: data.jsonl\nkind: choice\nrules: boxed,phrase\n"
                          "only: split=test\nlines: 2\n"
                          "fields: {problem: q, answer: key, options: choices}\n"
                          "question: \"{context}\\n{problem}\\n{options}\"\n"
                          "prompt: 'Choose. {question}'\n",
                          "{\"q\": \"one?\", \"key\": \"B\", \"choices\": [\"x\", \"y\"],"
                          " \"split\": \"test\", \"context\": null}\n"
                          "{\"split\": \"train\"}\n"
                          "{\"id\": 7, \"q\": \"two?\", \"key\": \"A\","
                          " \"choices\": [\"A. u\", \"B. v\"], \"split\": \"test\"}\n",
                          0, NULL),
                     MASA_OK);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.items[0].id, "mine:1");
    assert_string_equal(p.items[0].prompt, "Choose. one?\nA) x\nB) y");
    assert_string_equal(p.items[1].id, "7");
    assert_string_equal(p.items[1].question, "two?\nA. u\nB. v");
    assert_int_equal(p.items[1].place, 1);
    masa_problems_deinit(&p);
}

static void assert_bad_data(const char *more, const char *data, size_t line, const char *says)
{
    char yaml[512];
    masa_problems p;
    masa_error err = {0};
    snprintf(yaml, sizeof yaml, "name: mine\nfile: data.jsonl\nprompt: '{question}'\n%s", more);
    if (load(&p, yaml, data, 0, &err) == MASA_OK) fail_msg("accepted: %s", data);
    if (!strstr(err.message, says)) fail_msg("'%s' is not in: %s", says, err.message);
    assert_non_null(strstr(err.path, "data.jsonl"));
    assert_int_equal(err.line, line);
}

static void test_bad_data(void **state)
{
    (void)state;
    static const char good[] = "{\"problem\":\"p\",\"answer\":1}\n";
    char twice[256];
    snprintf(twice, sizeof twice, "{\"id\":\"i\",%s{\"id\":\"i\",%s", good + 1, good + 1);
    assert_bad_data("", "{\"problem\":\"p\"}\n", 1, "no \"answer\"");
    assert_bad_data("", "\n{\"answer\":\"p\"}\n", 2, "no \"problem\"");
    assert_bad_data("", "{\"problem\":\"p\",\n", 1, "not a JSON object");
    assert_bad_data("", "", 0, "is empty");
    assert_bad_data("", twice, 0, "two problems have the id 'i'");
    assert_bad_data("lines: 2\n", good, 0, "has 1 problems of mine, which has 2");
    assert_bad_data("only: split=test\n", good, 0, "no line has split=test");
    assert_bad_data("", "{\"problem\":\"p\",\"answer\":1,\"kind\":\"maths\"}\n", 1,
                    "no kind of problem \"maths\"");
    assert_bad_data("kind: choice\n",
                    "{\"problem\":\"p\",\"answer\":\"C\",\"options\":[\"x\",\"y\"]}\n", 1,
                    "one of the 2 options");
    assert_bad_data("kind: choice\n", "{\"problem\":\"p\",\"answer\":\"A\",\"options\":[1]}\n",
                    1, "2 to 26");
    assert_bad_data("kind: code\n", "{\"problem\":\"p\"}\n", 1, "tests");
    assert_bad_data("kind: code\n", "{\"problem\":\"p\",\"inputs\":[\"1\"],\"outputs\":[]}\n",
                    1, "equal length");
    /* A limit ends the reading before the number of lines can be judged. */
    masa_problems p;
    assert_int_equal(load(&p, START "lines: 9\n", "", 1, NULL), MASA_ERR_IO); /* no file f */
    assert_int_equal(
        load(&p, "name: n\nfile: data.jsonl\nlines: 9\nprompt: '{problem}'\n", good, 1, NULL),
        MASA_OK);
    masa_problems_deinit(&p);
}

static void test_own_file(void **state)
{
    (void)state;
    char path[256];
    masa_problems p = {0};
    snprintf(path, sizeof path, "%s/own.jsonl", folder);
    write_file("own.jsonl",
               "{\"problem\":\"2+3?\",\"answer\":5,\"context\":\"Sums.\"}\n"
               "{\"problem\":\"f()\",\"answer\":\"[1]\",\"kind\":\"code_output\"}\n"
               "{\"problem\":\"Which?\",\"answer\":\"B\",\"kind\":\"choice\",\"options\":"
               "[\"u\",\"v\"]}\n"
               "{\"problem\":\"Add.\",\"kind\":\"code\",\"tests\":[\"f(1)\"]}\n");
    masa_benchmark *b = masa_benchmark_for_file(path, "Answer:", "Program:");
    assert_string_equal(b->name, "own");
    assert_int_equal(masa_benchmark_load(&p, b, NULL, 0, NULL), MASA_OK);
    assert_string_equal(p.items[0].question, "Sums.\n\n2+3?");
    assert_string_equal(p.items[0].prompt, "Sums.\n\n2+3? Answer:");
    assert_int_equal(p.items[1].kind, MASA_PROBLEM_LITERAL);
    assert_string_equal(p.items[2].prompt, "Which?\nA) u\nB) v Answer:");
    assert_string_equal(p.items[3].prompt, "Add. Program:");
    masa_problems_deinit(&p);
    masa_benchmark_close(b);
    /* Left to the lines. */
    write_file("own.jsonl", "{\"problem\":\"2+3?\",\"answer\":5,\"prompt_suffix\":\"Briefly.\","
                            "\"answer_rules\":\"hashes\"}\n");
    b = masa_benchmark_for_file(path, MASA_PROBLEM_AUTO, MASA_PROBLEM_AUTO);
    assert_int_equal(masa_benchmark_load(&p, b, NULL, 0, NULL), MASA_OK);
    assert_string_equal(p.items[0].prompt, "2+3? Briefly.");
    assert_int_equal(p.items[0].rules, MASA_EXTRACT_HASHES);
    masa_problems_deinit(&p);
    masa_benchmark_close(b);
}

/* ---- verdicts ---- */

static const char *verdict_of(const masa_problem *p, const char *text, bool truncated)
{
    masa_judgement j = {0};
    assert_int_equal(masa_judge(&j, p, text, strlen(text), truncated, NULL), MASA_OK);
    assert_int_equal(j.right,
                     strcmp(j.verdict, "equal") == 0 || strcmp(j.verdict, "passed") == 0);
    free(j.answer);
    return j.verdict;
}

static void skip_without_sandbox(void)
{
    masa_error err = {0};
    if (masa_code_available(&err) == MASA_OK) return;
    skip_since(err.message);
}

static void test_programs(void **state)
{
    (void)state;
    skip_without_sandbox();
    masa_problems p;
    assert_int_equal(
        load(&p, "name: n\nfile: data.jsonl\nkind: code\nprompt: '{problem}{tests}'\n",
             "{\"problem\":\"import math\\n\\ndef root(x):\\n    '''Root of x.'''\\n\","
             "\"answer\":\"    return math.sqrt(x)\\n\",\"entry_point\":\"root\","
             "\"tests\":[\"assert root(9) == 3\",\"assert root(4) == 2\"]}\n"
             "{\"problem\":\"Add the numbers.\",\"inputs\":[\"1 2\\n\",\"4 5\"],"
             "\"outputs\":[\"3\",\"9\\n\"]}\n",
             0, NULL),
        MASA_OK);
    const masa_problem *root = &p.items[0], *sum = &p.items[1];
    assert_non_null(strstr(root->prompt, "assert root(9) == 3\nassert root(4) == 2"));
    /* The import of the prompt need not be repeated. */
    const char *right = "```python\ndef root(x):\n    return math.sqrt(x)\n```";
    assert_string_equal(verdict_of(root, right, false), "passed");
    assert_string_equal(verdict_of(root, right, true), "no_answer");
    assert_string_equal(verdict_of(root, "```python\ndef root(x):\n    return x\n```", false),
                        "failed");
    assert_string_equal(verdict_of(root, "```python\ndef root(x):", false), "no_answer");
    assert_string_equal(
        verdict_of(sum, "```python\nprint(sum(int(x) for x in input().split()))\n```", false),
        "passed");
    assert_string_equal(
        verdict_of(sum,
                   "```python\nimport sys\ndef main():\n"
                   "    print(sum(map(int, sys.stdin.read().split())), '')\n"
                   "if __name__ == '__main__':\n    main()\n    sys.exit(0)\n```",
                   false),
        "passed");
    assert_string_equal(
        verdict_of(sum,
                   "```python\nimport sys\nlines = sys.stdin.buffer.read().split()\n"
                   "sys.stdout.buffer.write(b'%d' % sum(map(int, lines)))\n```",
                   false),
        "passed");
    assert_string_equal(verdict_of(sum, "```python\nprint(3)\n```", false), "failed");
    /* The expected outputs are nowhere where the program could print them. */
    assert_string_equal(
        verdict_of(sum,
                   "```python\nimport sys\nframe = sys._getframe()\n"
                   "while frame:\n    print(*frame.f_globals.get('__outputs', []))\n"
                   "    frame = frame.f_back\n```",
                   false),
        "failed");
    assert_string_equal(verdict_of(sum, "```python\nexit(1)\n```", false), "failed");
    masa_problems_deinit(&p);
}

/* Many responses at once get what each gets alone. */
static void test_many(void **state)
{
    (void)state;
    skip_without_sandbox();
    masa_problems p;
    assert_int_equal(load(&p, "name: n\nfile: data.jsonl\nprompt: '{problem}'\n",
                          "{\"problem\":\"Square.\",\"answer\":\"\",\"kind\":\"code\","
                          "\"entry_point\":\"f\","
                          "\"tests\":[\"assert f(3) == 9\"]}\n"
                          "{\"problem\":\"1 + 1\",\"answer\":\"2\"}\n",
                          0, NULL),
                     MASA_OK);
    static const char *const texts[] = {"```\ndef f(x): return x * x\n```",
                                        "\\boxed{2}",
                                        "```\ndef f(x): return x\n```",
                                        "\\boxed{3}",
                                        "```\ndef f(x):",
                                        "```\nexit(0)\n```"};
    enum { N = 18, TEXTS = sizeof texts / sizeof *texts };
    masa_response responses[N];
    masa_judgement judged[N], one;
    for (int i = 0; i < N; i++) {
        const char *text = texts[i % TEXTS];
        responses[i] = (masa_response){.problem = &p.items[text[0] == '\\'],
                                       .text = text,
                                       .size = strlen(text),
                                       .truncated = i == 6};
    }
    assert_int_equal(masa_judge_all(judged, responses, N, NULL, NULL), MASA_OK);
    for (int i = 0; i < N; i++) {
        const masa_response *r = &responses[i];
        assert_int_equal(masa_judge(&one, r->problem, r->text, r->size, r->truncated, NULL),
                         MASA_OK);
        assert_string_equal(judged[i].verdict, one.verdict);
        assert_string_equal(judged[i].rule, one.rule);
        assert_int_equal(judged[i].right, one.right);
        assert_int_equal(judged[i].right, i % TEXTS < 2 && i != 6);
        free(judged[i].answer);
        free(one.answer);
    }
    masa_problems_deinit(&p);
}

/* One line made up in the form that a description asks for, and what answers it. */
typedef struct made_up {
    const char *benchmark, *line, *prompt, *right, *wrong;
} made_up;

static const made_up unseen[] = {
    {"gpqa_diamond",
     "{\"problem\":\"Which decays?\",\"options\":[\"the muon\",\"the electron\","
     "\"the proton\",\"none\"],\"answer\":\"A\"}\n",
     "\\boxed{}.\nWhich decays?\nA) the muon\nB) the electron\nC) the proton\nD) none",
     "Weak decay, so \\boxed{A}.", "**Answer: B**"},
    {"rbench",
     "{\"problem\":\"2 + 2?\",\"options\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],"
     "\"answer\":\"D\"}\n",
     "\\boxed{}.\n2 + 2?\nA) 1\nB) 2\nC) 3\nD) 4\nE) 5\nF) 6", "The answer is (D).",
     "\\boxed{F}"},
    {"livecodebench",
     "{\"id\":\"abc1\",\"problem\":\"Print the sum.\",\"inputs\":[\"1 2\\n\",\"3 4\\n\"],"
     "\"outputs\":[\"3\\n\",\"7\\n\"]}\n",
     "Print the sum.\n\nWrite a Python program",
     "```python\na, b = map(int, input().split())\nprint(a + b)\n```",
     "```python\nprint(3)\n```"},
    {"livecodebench",
     "{\"problem\":\"Double x.\",\"entry_point\":\"twice\",\"tests\":[\"assert "
     "Solution().twice(4) == 8\"]}\n",
     "Double x.\n\nWrite a Python program",
     "```python\nclass Solution:\n    def twice(self, x):\n        return 2 * x\n```",
     "```python\nclass Solution:\n    def twice(self, x):\n        return x\n```"},
    {"humaneval_plus",
     "{\"problem\":\"def twice(x):\\n    '''Twice x.'''\\n\",\"entry_point\":\"twice\","
     "\"answer\":\"    return 2 * x\\n\",\"tests\":[\"def check(candidate):\\n    for x "
     "in "
     "range(1000): assert candidate(x) == 2 * x\\n\",\"check(twice)\"]}\n",
     "```python\ndef twice(x):", "```python\ndef twice(x):\n    return x + x\n```",
     "```python\ndef twice(x):\n    return x * x\n```"},
    {"mbpp_plus",
     "{\"problem\":\"Double x.\",\"context\":\"assert twice(2) == 4\",\"answer\":\"def "
     "twice(x): return 2 * x\",\"tests\":[\"for x in range(9): assert twice(x) == 2 * "
     "x\"]}\n",
     "Double x.\nYour code should pass these tests:\n\nassert twice(2) == 4\n\nAnswer",
     "```python\ndef twice(x):\n    return x + x\n```",
     "```python\ndef twice(x):\n    return x * x\n```"},
};

static void check_made_up(const made_up *u, bool sandbox)
{
    masa_benchmark *b = NULL;
    masa_problems p = {0}, all = {0};
    masa_error err = {0};
    assert_int_equal(masa_benchmark_open(&b, u->benchmark, NULL), MASA_OK);
    write_file(b->file, u->line);
    if (masa_benchmark_load(&p, b, folder, 1, &err) != MASA_OK)
        fail_msg("%s: %s", u->benchmark, err.message);
    if (!strstr(p.items[0].prompt, u->prompt))
        fail_msg("%s: %s", u->benchmark, p.items[0].prompt);
    /* One line is not the whole of it, unless it has no fixed size. */
    assert_int_equal(masa_benchmark_load(&all, b, folder, 0, &err),
                     b->lines ? MASA_ERR_DATA : MASA_OK);
    bool code = p.items[0].kind == MASA_PROBLEM_CODE;
    if (!code || sandbox) {
        assert_string_equal(verdict_of(&p.items[0], u->right, false),
                            code ? "passed" : "equal");
        assert_string_equal(verdict_of(&p.items[0], u->wrong, false),
                            code ? "failed" : "different");
    }
    masa_problems_deinit(&all);
    masa_problems_deinit(&p);
    masa_benchmark_close(b);
}

/* The benchmarks whose data are nowhere near read the form that they ask for. */
static void test_unseen(void **state)
{
    (void)state;
    bool sandbox = masa_code_available(NULL) == MASA_OK;
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        check_made_up(&unseen[i], sandbox);
}

/* A response as the prompt asks for it, with the expected answer in it. */
static char *ideal_response(const masa_problem *p, unsigned rules)
{
    masa_text text = {0};
    if (p->kind == MASA_PROBLEM_CODE)
        masa_text_addf(&text, "Here it is.\n```python\n%s\n```\n", p->answer);
    else if (p->kind == MASA_PROBLEM_LITERAL)
        masa_text_addf(&text, "So f returns that.\nThe answer is %s", p->answer);
    else if (rules & MASA_EXTRACT_PHRASE)
        masa_text_addf(&text, "(B) is wrong.\n\nThe correct option is: %s", p->answer);
    else masa_text_addf(&text, "Then \\boxed{%s} is the answer.", p->answer);
    return masa_text_take(&text);
}

/* Every data set that is here loads, and its own answers are right. Of programs, which
 * each start an interpreter, one in forty. */
static void test_data_sets(void **state)
{
    (void)state;
    bool sandbox = masa_code_available(NULL) == MASA_OK;
    size_t sets = 0;
    for (size_t i = 0; masa_benchmark_name(i); i++) {
        masa_benchmark *b = NULL;
        masa_problems p = {0};
        masa_error err = {0};
        size_t wrong = 0, judged = 0;
        assert_int_equal(masa_benchmark_open(&b, masa_benchmark_name(i), NULL), MASA_OK);
        char *path = masa_path_join(MASA_SHARED_DATA, b->file);
        bool there = masa_path_exists(path);
        free(path);
        if (there && masa_benchmark_load(&p, b, MASA_SHARED_DATA, 0, &err) != MASA_OK)
            fail_msg("%s: %s", b->name, err.message);
        for (size_t k = 0; k < p.n; k++) {
            const masa_problem *q = &p.items[k];
            assert_null(strstr(q->prompt, "[[OPTIONS]]"));
            if (q->kind == MASA_PROBLEM_CODE && (k % 40 || !sandbox)) continue;
            char *text = ideal_response(q, q->rules);
            masa_judgement j = {0};
            assert_int_equal(masa_judge(&j, q, text, strlen(text), false, NULL), MASA_OK);
            if (!j.right && wrong++ < 5)
                print_error("%s: %s: %s\n", q->id, j.verdict, q->answer);
            judged++;
            free(j.answer);
            free(text);
        }
        if (there) print_message("%s: %zu of %zu wrong\n", b->name, wrong, judged);
        assert_true(wrong * 200 <= judged);
        sets += there;
        masa_problems_deinit(&p);
        masa_benchmark_close(b);
    }
    if (sets == 0) skip_since("no problem sets in ../shared/data");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template),  cmocka_unit_test(test_examples),
        cmocka_unit_test(test_built_in),  cmocka_unit_test(test_bad_descriptions),
        cmocka_unit_test(test_members),   cmocka_unit_test(test_bad_data),
        cmocka_unit_test(test_own_file),  cmocka_unit_test(test_programs),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_data_sets),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
