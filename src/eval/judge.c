/* Verdicts on responses. */
#include <masa/benchmark.h>

#include <masa/code.h>
#include <masa/memory.h>
#include <masa/text.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

static bool defines(const char *program, const char *name)
{
    masa_text head = {0};
    masa_text_addf(&head, "def %s(", name);
    bool found = strstr(program, masa_text_get(&head)) != NULL;
    masa_text_deinit(&head);
    return found;
}

/* Runs the program that is kept as text in __program__, once for each input. */
static const char stdio_program[] =
    "import io, sys\n"
    "def __run(text):\n"
    "    own = sys.stdin, sys.stdout\n"
    "    printed = io.BytesIO()\n"
    "    output = io.TextIOWrapper(printed, 'utf-8', write_through=True)\n"
    "    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), 'utf-8')\n"
    "    sys.stdout = output\n"
    "    try:\n"
    "        exec(compile(__program__, 'program', 'exec'), {'__name__': '__main__'})\n"
    "    except SystemExit as e:\n"
    "        assert not e.code, 'exit status'\n"
    "    finally:\n"
    "        sys.stdin, sys.stdout = own\n"
    "    return printed.getvalue().decode('utf-8', 'replace')\n";

/* The program that is run: what the response left out of the problem goes before it. */
static char *whole_program(const masa_eval_problem *p, const char *code, size_t size)
{
    masa_text program = {0};
    char *own = masa_strndup(code, size);
    if (p->stdio) {
        masa_text_add(&program, "__program__ = ");
        masa_text_add_json(&program, own, strlen(own));
        masa_text_addf(&program, "\n%s", stdio_program);
    } else if (p->preamble && defines(own, p->entry_point)) {
        masa_text_addf(&program, "%s%s", p->preamble, own);
    } else {
        masa_text_add(&program, own);
    }
    masa_text_add(&program, "\n");
    free(own);
    return masa_text_take(&program);
}

static masa_status judge_code(masa_judgement *out, const masa_eval_problem *p,
                              const char *text, size_t size, masa_error *err)
{
    size_t start, length;
    masa_code_result result;
    if (!masa_code_extract(text, size, &start, &length)) {
        out->rule = "no program";
        return MASA_OK;
    }
    char *program = whole_program(p, text + start, length);
    masa_status st = masa_code_run(&result, program, p->tests, NULL, err);
    free(program);
    if (st != MASA_OK) return st;
    out->right = result.outcome == MASA_CODE_PASSED;
    out->verdict = masa_code_outcome_text(result.outcome);
    out->rule = "tests";
    out->answer = masa_strndup(text + start, length);
    return MASA_OK;
}

masa_status masa_judge(masa_judgement *out, const masa_eval_problem *problem,
                       const char *text, size_t size, bool truncated, masa_error *err)
{
    masa_judgement j = {.verdict = masa_verdict_text(MASA_VERDICT_NO_ANSWER),
                        .rule = "truncated"};
    masa_status st = MASA_OK;
    if (problem->kind == MASA_EVAL_CODE) {
        if (!truncated) st = judge_code(&j, problem, text, size, err);
    } else {
        masa_verify_result result;
        masa_verify_options options = MASA_VERIFY_DEFAULTS;
        options.kind = (masa_answer_kind)problem->kind;
        options.rules = problem->rules;
        options.truncated = truncated;
        options.tolerance = problem->tolerance;
        options.choices = (const char *const *)problem->choices;
        options.n_choices = problem->n_choices;
        masa_verify_span(text, size, problem->gold, &options, &result);
        j.right = result.verdict == MASA_VERDICT_EQUAL;
        j.verdict = masa_verdict_text(result.verdict);
        j.rule = result.rule;
        if (result.extracted)
            j.answer = masa_strndup(result.extracted, result.extraction.size);
    }
    if (st == MASA_OK) *out = j;
    return st;
}
