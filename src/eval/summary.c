/* Accuracy of a set of results. */
#include <masa/summary.h>

#include <masa/memory.h>
#include <masa/verify.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has(const masa_result_sample *s, const char *verdict)
{
    return strcmp(s->verdict, verdict) == 0;
}

/* ---- votes ---- */

static bool same_answer(const masa_result_problem *p, const char *a, const char *b)
{
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = (masa_answer_kind)p->kind;
    return strcmp(a, b) == 0 || masa_answers_equal(a, b, &options) == MASA_VERDICT_EQUAL;
}

static double majority(const masa_result_problem *p, size_t n)
{
    size_t *classes = masa_alloc(n, sizeof *classes);
    bool *right = masa_alloc(n, sizeof *right);
    for (size_t i = 0; i < n; i++) {
        const masa_result_sample *s = &p->samples[i];
        right[i] = s->right;
        classes[i] = s->right ? n : s->answer ? i : MASA_NO_VOTE; /* n: the right one */
        for (size_t j = 0; classes[i] == i && j < i; j++)
            if (classes[j] == j && same_answer(p, s->answer, p->samples[j].answer))
                classes[i] = j;
    }
    double share = masa_majority_at_k(classes, right, n, n, 1);
    free(classes);
    free(right);
    return share;
}

/* ---- the summary ---- */

static void add_pass(masa_eval_summary *out, const size_t *correct, size_t n, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < out->problems; i++) sum += masa_pass_at_k(n, correct[i], k);
    out->pass[out->n_pass].k = k;
    out->pass[out->n_pass++].value = sum / (double)out->problems;
}

/* Sums over the samples of one problem; to be divided later. */
static void add_problem(masa_eval_summary *out, const masa_result_problem *p, double *by_sample,
                        size_t *correct, double *vote)
{
    *correct = 0;
    for (size_t i = 0; i < out->samples; i++) {
        const masa_result_sample *s = &p->samples[i];
        double tokens = (double)s->tokens;
        by_sample[i] += s->right;
        *correct += s->right;
        out->truncated += strcmp(s->cause, "length") == 0 || strcmp(s->cause, "context") == 0;
        out->no_answer += has(s, "no_answer");
        out->undecided += has(s, "undecided");
        out->too_long += strcmp(s->cause, "prompt") == 0;
        out->tokens += tokens;
        *(s->right ? &out->tokens_right : &out->tokens_wrong) += tokens;
    }
    *vote += p->kind == MASA_PROBLEM_CODE ? NAN : majority(p, out->samples);
}

static void divide(masa_eval_summary *out, const size_t *correct)
{
    double all = (double)(out->problems * out->samples), right = 0;
    for (size_t i = 0; i < out->problems; i++) right += (double)correct[i];
    double *const sums[] = {&out->truncated, &out->no_answer, &out->undecided, &out->too_long,
                            &out->tokens};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) *sums[i] /= all;
    out->tokens_right /= right; /* 0 / 0 is NAN: there is none */
    out->tokens_wrong /= all - right;
    out->majority /= (double)out->problems;
}

void masa_eval_summarise(masa_eval_summary *out, const masa_result_set *set,
                         const masa_bootstrap_options *bootstrap)
{
    *out = (masa_eval_summary){.samples = set->wanted_samples};
    size_t n = out->samples;
    double *by_sample = masa_alloc(n, sizeof *by_sample);
    double *shares = masa_alloc(set->n, sizeof *shares);
    size_t *correct = masa_alloc(set->n, sizeof *correct);
    for (size_t i = 0; i < set->n; i++) {
        if (!masa_result_complete(set, &set->problems[i])) continue;
        add_problem(out, &set->problems[i], by_sample, &correct[out->problems], &out->majority);
        shares[out->problems] = (double)correct[out->problems] / (double)n;
        out->problems++;
    }
    divide(out, correct);
    for (size_t i = 0; i < n; i++) by_sample[i] /= (double)out->problems;
    out->accuracy = masa_mean(shares, out->problems);
    out->deviation = masa_deviation(by_sample, n);
    /* Resamples of nothing but right or nothing but wrong problems do not differ, which is no
     * certainty. A problem's samples depend on one another, so problems are the trials. */
    out->interval = out->accuracy == 0 || out->accuracy == 1
                        ? masa_wilson(out->accuracy, out->problems, bootstrap->level)
                        : masa_bootstrap_mean(shares, out->problems, bootstrap);
    for (size_t k = 1; out->problems && k < n && out->n_pass + 1 < MASA_PASS_KS; k *= 2)
        add_pass(out, correct, n, k);
    if (out->problems && n) add_pass(out, correct, n, n);
    free(by_sample);
    free(shares);
    free(correct);
}
