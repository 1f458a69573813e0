/* Pairs of answers verified a second on one core: a mix like that of the maths sets
 * (two in three answers are plain numbers), each behind a solution of some length.
 *
 *     bench_verify [SECONDS]          prints pairs/s of the mix and of each kind */
#include <masa/clock.h>
#include <masa/verify.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *kind, *answer, *gold;
    int weight; /* of 100 pairs of the mix */
} pairs[] = {
    {"integer", "42", "42", 30},
    {"integer, wrong", "41", "42", 35},
    {"fraction", "\\dfrac{6}{8}", "\\frac{3}{4}", 10},
    {"decimal", "1,234.50", "1234.5", 4},
    {"root", "\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", 5},
    {"pi", "\\frac{3\\pi}{4}", "0.75\\pi", 3},
    {"tuple", "\\left(3, \\frac{\\pi}{2}\\right)", "(3,\\pi/2)", 2},
    {"list", "2, -1", "-1,2", 2},
    {"interval", "x \\le 3", "(-\\infty, 3]", 2},
    {"polynomial", "(x+1)(x^2-x+1)", "x^3+1", 3},
    {"equation", "y = 2x + 3", "2x-y+3=0", 1},
    {"matrix", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
     "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", 1},
    {"expression", "\\sin 2x", "2\\sin x\\cos x", 1},
    {"words", "\\text{even}", "Even", 1},
};
enum { KINDS = sizeof pairs / sizeof *pairs };

static const char solution[] =
    "We are given that the quantity doubles. Let $x$ be the number we look for, so that "
    "$2x + 3 = 87$ and therefore $2x = 84$. Dividing both sides by two gives the result. "
    "We check: $2 \\cdot 42 + 3 = 87$, as it should be. The answer is ";

/* Pairs verified in about `seconds`, cycling through order[0..n). */
static double rate(char *const *texts, const int *order, int n, double seconds)
{
    double start = masa_clock(), now = start;
    size_t done = 0;
    masa_verify_result result;
    while (now - start < seconds) {
        for (int i = 0; i < 200; i++, done++) {
            int k = order[done % (size_t)n];
            masa_verify(texts[k], pairs[k].gold, NULL, &result);
        }
        now = masa_clock();
    }
    return (double)done / (now - start);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1.0;
    char *texts[KINDS];
    int order[100], n = 0;
    for (int k = 0; k < KINDS; k++) {
        size_t size = sizeof solution + strlen(pairs[k].answer) + 16;
        texts[k] = malloc(size);
        snprintf(texts[k], size, "%s$\\boxed{%s}$.", solution, pairs[k].answer);
        for (int i = 0; i < pairs[k].weight; i++) order[n++] = k;
    }
    /* A stride that 100 has no factor with mixes the kinds. */
    int mixed[100];
    for (int i = 0; i < n; i++) mixed[i] = order[i * 37 % n];
    printf("%-16s %9.0f pairs/s\n", "mix", rate(texts, mixed, n, seconds));
    for (int k = 0; k < KINDS; k++)
        printf("%-16s %9.0f pairs/s\n", pairs[k].kind, rate(texts, &k, 1, seconds / 5));
    for (int k = 0; k < KINDS; k++) free(texts[k]);
    return 0;
}
