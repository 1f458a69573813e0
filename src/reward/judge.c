/* Verdicts on responses. */
#include <masa/judge.h>

#include <masa/code.h>
#include <masa/memory.h>
#include <masa/text.h>
#include <masa/verify.h>

#include <stdint.h>
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
static char *whole_program(const masa_problem *p, const char *code, size_t size)
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

/* The program of a response with its tests; false without one. Caller frees the program. */
static bool find_program(masa_code_job *out, masa_judgement *j, const masa_response *r)
{
    size_t start, length;
    if (r->truncated) return false;
    j->rule = "no program";
    if (!masa_code_extract(r->text, r->size, &start, &length)) return false;
    j->rule = "tests";
    j->answer = masa_strndup(r->text + start, length);
    *out =
        (masa_code_job){whole_program(r->problem, r->text + start, length), r->problem->tests};
    return true;
}

static void judge_answer(masa_judgement *j, const masa_response *r)
{
    const masa_problem *problem = r->problem;
    masa_verify_result result;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = (masa_answer_kind)problem->kind;
    options.rules = problem->rules;
    options.truncated = r->truncated;
    options.tolerance = problem->tolerance;
    options.choices = (const char *const *)problem->choices;
    options.n_choices = problem->n_choices;
    masa_verify_span(r->text, r->size, problem->answer, &options, &result);
    j->right = result.verdict == MASA_VERDICT_EQUAL;
    j->verdict = masa_verdict_text(result.verdict);
    j->rule = result.rule;
    j->found = result.extraction.rule;
    if (result.extracted) j->answer = masa_strndup(result.extracted, result.extraction.size);
}

masa_status masa_judge_all(masa_judgement *out, const masa_response *responses, size_t n,
                           const volatile sig_atomic_t *stop, masa_error *err)
{
    masa_code_limits limits = MASA_CODE_LIMITS;
    masa_code_job *jobs = masa_alloc(n, sizeof *jobs);
    masa_code_result *results = masa_alloc(n, sizeof *results);
    size_t *places = masa_alloc(n, sizeof *places), n_jobs = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (masa_judgement){.verdict = masa_verdict_text(MASA_VERDICT_NO_ANSWER),
                                  .rule = "truncated"};
        if (responses[i].problem->kind != MASA_PROBLEM_CODE)
            judge_answer(&out[i], &responses[i]);
        else if (find_program(&jobs[n_jobs], &out[i], &responses[i])) places[n_jobs++] = i;
    }
    limits.stop = stop;
    masa_status st = masa_code_run_all(results, jobs, n_jobs, 0, &limits, err);
    for (size_t k = 0; k < n_jobs; k++) {
        masa_judgement *j = &out[places[k]];
        j->right = st == MASA_OK && results[k].outcome == MASA_CODE_PASSED;
        j->verdict = masa_code_outcome_text(results[k].outcome);
        free((char *)(uintptr_t)jobs[k].program);
    }
    for (size_t i = 0; st != MASA_OK && i < n; i++) free(out[i].answer);
    free(jobs);
    free(results);
    free(places);
    return st;
}

masa_status masa_judge(masa_judgement *out, const masa_problem *problem, const char *text,
                       size_t size, bool truncated, masa_error *err)
{
    const masa_response response = {
        .problem = problem, .text = text, .size = size, .truncated = truncated};
    masa_judgement j;
    masa_status st = masa_judge_all(&j, &response, 1, NULL, err);
    if (st == MASA_OK) *out = j;
    return st;
}

masa_status masa_judge_available(const masa_problems *problems, masa_error *err)
{
    bool code = false;
    for (size_t i = 0; i < problems->n; i++)
        code = code || problems->items[i].kind == MASA_PROBLEM_CODE;
    return code ? masa_code_available(err) : MASA_OK;
}
