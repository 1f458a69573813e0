/* Gold answers of the public problem sets against rewritings that keep their value and
 * against mutations that change it, made by seeded rules: thousands of pairs whose
 * verdict is known without the checker. */
#include "golds.h"

#include <masa/random.h>
#include <masa/verify.h>

#include <ctype.h>

enum { PAIRS_WANTED = 1500, TEXT = 4096 };

typedef struct tally {
    size_t pairs, wrong;
    masa_random random;
} tally;

static void expect(tally *t, const char *answer, const char *gold, masa_verdict wanted)
{
    masa_verdict got = masa_answers_equal(answer, gold, NULL);
    t->pairs++;
    if (got == wanted) return;
    if (t->wrong++ < 20)
        print_error("'%s' for '%s' is %s\n", answer, gold, masa_verdict_text(got));
}

static void equal(tally *t, const char *gold, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void equal(tally *t, const char *gold, const char *format, ...)
{
    char answer[TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(answer, sizeof answer, format, args);
    va_end(args);
    expect(t, answer, gold, MASA_VERDICT_EQUAL);
}

static void different(tally *t, const char *gold, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void different(tally *t, const char *gold, const char *format, ...)
{
    char answer[TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(answer, sizeof answer, format, args);
    va_end(args);
    expect(t, answer, gold, MASA_VERDICT_DIFFERENT);
}

static long pick(tally *t, long low, long high)
{
    return (long)masa_random_range(&t->random, low, high);
}

/* Every occurrence of `from` replaced. */
static void replace(char *out, const char *s, const char *from, const char *to)
{
    size_t n = 0, m = strlen(from);
    while (*s && n + strlen(to) + 2 < TEXT) {
        if (strncmp(s, from, m) == 0) {
            n += (size_t)sprintf(out + n, "%s", to);
            s += m;
        } else {
            out[n++] = *s++;
        }
    }
    out[n] = '\0';
}

static bool has_any(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strstr(s, *words)) return true;
    return false;
}

/* What never changes an answer, whatever it is. */
static void rewrite_dress(tally *t, const char *g)
{
    char other[TEXT];
    equal(t, g, "$%s$", g);
    equal(t, g, "\\boxed{%s}", g);
    equal(t, g, "\\(%s\\).", g);
    replace(other, g, "\\frac", "\\dfrac");
    equal(t, g, " %s ", other);
    char half[TEXT];
    replace(half, g, "\\left", "");
    replace(other, half, "\\right", "");
    equal(t, g, "%s", other);
    replace(other, g, "+", " + ");
    equal(t, g, "%s", other);
}

static void rewrite_integer(tally *t, const char *g)
{
    long v = atol(g), k = pick(t, 2, 9), a = pick(t, -500, 500);
    equal(t, g, "%ld.0", v);
    equal(t, g, "%ld/1", v);
    equal(t, g, "\\frac{%ld}{%ld}", v * k, k);
    equal(t, g, "%ld + %ld", v - labs(a), labs(a));
    equal(t, g, "\\text{%ld}", v);
    equal(t, g, "x = %ld", v);
    equal(t, g, "%ld \\text{ units}", v);
    equal(t, g, "%lde-2", v * 100);
    equal(t, g, "%ld \\times 10^{-1}", v * 10);
    if (v >= 0) equal(t, g, "\\sqrt{%ld}", v * v);
    if (v >= 0 && v < 1000) equal(t, g, "%ld,%03ld - %ld", 7L, v, 7000L);
    different(t, g, "%ld", v + labs(a) + 1);
    different(t, g, "%ld.1", v);
    different(t, g, "\\pm %ld", v + (v == 0));
    different(t, g, "%ld, %ld", v, v + 1);
    different(t, g, "%ld\\sqrt{2}", v + (v == 0));
    if (v) different(t, g, "%ld", -v);
    if (v) different(t, g, "\\frac{1}{%ld}", labs(v) == 1 ? 2 : v);
    different(t, g, "%ld + 2^{-90}", v);
}

static void rewrite_fraction(tally *t, const char *g, long sign, long a, long b)
{
    long k = pick(t, 2, 12);
    const char *minus = sign < 0 ? "-" : "";
    equal(t, g, "%s%ld/%ld", minus, a, b);
    equal(t, g, "%s\\dfrac{%ld}{%ld}", minus, a * k, b * k);
    equal(t, g, "\\frac{%ld}{%ld}", sign * a, b);
    equal(t, g, "%s{%ld \\over %ld}", minus, a, b);
    equal(t, g, "%s%ld \\cdot %ld^{-1}", minus, a, b);
    equal(t, g, "%ld - \\frac{%ld}{%ld}", k, k * b - sign * a, b);
    if (a > b && a % b) equal(t, g, "%s%ld\\frac{%ld}{%ld}", minus, a / b, a % b, b);
    different(t, g, "%s\\frac{%ld}{%ld}", minus, a + 1, b);
    different(t, g, "%s\\frac{%ld}{%ld}", minus, a, b + 1);
    different(t, g, "%s\\frac{%ld}{%ld}", sign < 0 ? "" : "-", a, b);
    if (a != b) different(t, g, "%s\\frac{%ld}{%ld}", minus, b, a);
    different(t, g, "%s%ld", minus, a);
}

/* Numbers and expressions of any kind, in brackets. */
static void rewrite_scalar(tally *t, const char *g)
{
    long k = pick(t, 2, 30);
    equal(t, g, "(%s)+%ld-%ld", g, k, k);
    equal(t, g, "0 - (-(%s))", g);
    equal(t, g, "\\frac{%ld(%s)}{%ld}", k, g, k);
    equal(t, g, "(%s)/%ld + \\frac{%ld}{%ld}(%s)", g, k, k - 1, k, g);
    equal(t, g, "\\sqrt[3]{8}/2 \\cdot (%s)", g);
    different(t, g, "(%s)+%ld", g, k);
    different(t, g, "(%s)-\\frac{1}{%ld}", g, k);
    different(t, g, "(%s)+10^{-40}", g);
    different(t, g, "(%s)+\\sqrt{2}", g);
    different(t, g, "(%s),(%s)+%ld", g, g, k);
    different(t, g, "\\text{none}");
}

static bool is_scalar(const char *g)
{
    /* clang-format off */
    static const char *const others[] = {",", "=", "<", ">", "\\le", "\\ge", "\\in", "\\cup",
        "\\text", "\\mbox", "\\mathrm", "\\begin", "\\pm", ":", ";", "%", "\\circ", "_", "\\$",
        " or ", " and ", "\\{", "\\neq", "\\ne ", "\\to", "\\approx", "'", "\\prime", "^\\top",
        "\\mathbb", "\\triangle", "\\angle", "\\odot", "\\cap", "\\equiv", "\\mid", "\\quad",
        "...", "dots", "[", "|", "\\vec", "\\overline", "\\dot", "\\ddot", "\\emptyset",
        "\\mho", "\\oplus", "\\aleph", "\\cong", "\\partial", "\\int", "\\sum", "\\rightarrow",
        "\\operatorname", "\\div", "\\lim", "\\prod", "\\subset", "^*", "\\ast", "*}", "\\langle",
        "\\!", NULL};
    /* clang-format on */
    size_t letters = 0;
    for (const char *s = g; *s; s++) {
        letters = isalpha((unsigned char)*s) ? letters + 1 : *s == '\\' ? 0 : letters;
        if (*s == '\\')
            while (isalpha((unsigned char)s[1])) s++;
        if (letters > 2) return false; /* words */
    }
    return *g && g[strlen(g) - 1] != '.' && !has_any(g, others);
}

static void rewrite_tuple(tally *t, const char *g, const char *a, const char *b)
{
    long k = pick(t, 2, 9);
    equal(t, g, "\\left( %s, %s \\right)", a, b);
    equal(t, g, "(%s,\\; %s+%ld-%ld)", a, b, k, k);
    equal(t, g, "%s, %s", a, b);
    different(t, g, "(%s+%ld, %s)", a, k, b);
    different(t, g, "(%s, %s, %ld)", a, b, k);
    different(t, g, "(%s, %s-\\frac1%ld)", a, b, k);
    different(t, g, "[%s, %s]", a, b);
    different(t, g, "%s", a);
    equal(t, g, "%s < x < %s", a, b);
    different(t, g, "%s \\le x < %s", a, b);
}

static void rewrite_list(tally *t, const char *g, const char *a, const char *b)
{
    long k = pick(t, 2, 9);
    equal(t, g, "%s, %s", b, a);
    equal(t, g, "\\{%s, %s\\}", a, b);
    equal(t, g, "x = %s \\text{ or } x = %s", b, a);
    equal(t, g, "%s \\text{ and } %s + 0", a, b);
    different(t, g, "%s", a);
    different(t, g, "%s, %s + %ld", a, b, 1000 * k);
    different(t, g, "%s, %s, %ld", a, b, 12345 * k);
}

static void rewrite_equation(tally *t, const char *g, const char *left, const char *right)
{
    long k = pick(t, 2, 9);
    equal(t, g, "%s = %s", right, left);
    equal(t, g, "%ld(%s) = %ld(%s)", k, left, k, right);
    equal(t, g, "%s - (%s) = 0", left, right);
    equal(t, g, "%s + %ld = %s + %ld", left, k, right, k);
    different(t, g, "%s = %s + %ld", left, right, k);
    different(t, g, "%s = %ld(%s) + 1", left, k + 1, right);
}

/* "a, b" with exactly one comma outside brackets and scalars on both sides. */
static bool split(char *a, char *b, const char *s, char at)
{
    int depth = 0;
    const char *cut = NULL;
    for (const char *p = s; *p; p++) {
        if (strchr("({[", *p)) depth++;
        if (strchr(")}]", *p)) depth--;
        if (*p != at || depth) continue;
        if (cut) return false;
        cut = p;
    }
    if (!cut || cut == s || !cut[1] || strlen(s) >= TEXT / 4) return false;
    sprintf(a, "%.*s", (int)(cut - s), s);
    strcpy(b, cut + 1);
    return is_scalar(a) && is_scalar(b) && strspn(a, " ") < strlen(a) &&
           strspn(b, " ") < strlen(b);
}

static bool same_side(const char *a, const char *b)
{
    return masa_answers_equal(a, b, NULL) == MASA_VERDICT_EQUAL;
}

static void rewrite(tally *t, const char *g)
{
    long a, b;
    int used = 0;
    char x[TEXT], y[TEXT], inside[TEXT];
    size_t n = strlen(g);
    if (n == 0 || n > 300) return;
    if (strspn(g, "-0123456789") == n && n < 9 && sscanf(g, "%ld%n", &a, &used) == 1 &&
        g[used] == '\0') {
        rewrite_integer(t, g);
        return;
    }
    rewrite_dress(t, g);
    long sign = g[0] == '-' ? -1 : 1;
    const char *unsigned_g = g + (sign < 0);
    if (sscanf(unsigned_g, "\\frac{%ld}{%ld}%n", &a, &b, &used) == 2 && !unsigned_g[used] &&
        a > 0 && b > 1 && a < 100000 && b < 100000)
        rewrite_fraction(t, g, sign, a, b);
    if (strstr(g, "\\infty")) return;
    if (is_scalar(g)) {
        rewrite_scalar(t, g);
    } else if (g[0] == '(' && g[n - 1] == ')') {
        sprintf(inside, "%.*s", (int)n - 2, g + 1);
        if (split(x, y, inside, ',') && !same_side(x, y) && !strchr(g, 'x'))
            rewrite_tuple(t, g, x, y);
    } else if (split(x, y, g, '=')) {
        /* A named value is also answered by the value alone: another rule. */
        if (strlen(x) > 3) rewrite_equation(t, g, x, y);
    } else if (split(x, y, g, ',') && !(strspn(y, "0123456789") == 3)) {
        if (!same_side(x, y)) rewrite_list(t, g, x, y);
    }
}

static void test_rewrites(void **state)
{
    (void)state;
    static const char *const sets[] = {
        "math_train", "math_test", "minerva_math", "olympiadbench_math",
        "gsm8k_test", "aime25",    "amc23"};
    tally t = {.random = masa_random_init(2024, MASA_STREAM_TEST)};
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        golds g = {0};
        if (!golds_read(&g, sets[k], "answer")) skip_since("no problem sets in ../shared/data");
        for (size_t i = 0; i < g.n; i++) rewrite(&t, g.items[i]);
        golds_free(&g);
    }
    print_message("%zu pairs, %zu wrong\n", t.pairs, t.wrong);
    assert_int_equal(t.wrong, 0);
    assert_true(t.pairs >= PAIRS_WANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rewrites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
