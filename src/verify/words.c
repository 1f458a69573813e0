/* The words of mathematics: LaTeX commands, and what they are called in plain text. */
#include "lexer.h"

#include <string.h>

/* clang-format off */
#define FN(name, id) {name, T_FUNCTION, id}
#define GREEK(name) {name, T_NAME, 0}
/* clang-format on */

/* With or without a backslash. Sorted. */
/* clang-format off */
static const word both[] = {
    FN("Im", FN_IM), FN("Re", FN_RE), FN("abs", FN_ABS), FN("acos", FN_ACOS),
    FN("acosh", FN_ACOSH), FN("acot", FN_ACOT), FN("acoth", FN_ACOTH), FN("acsc", FN_ACSC),
    FN("acsch", FN_ACSCH), GREEK("alpha"),
    FN("arccos", FN_ACOS), FN("arccosh", FN_ACOSH), FN("arccot", FN_ACOT),
    FN("arccoth", FN_ACOTH), FN("arccsc", FN_ACSC), FN("arccsch", FN_ACSCH),
    FN("arcosh", FN_ACOSH), FN("arcoth", FN_ACOTH), FN("arcsch", FN_ACSCH),
    FN("arcsec", FN_ASEC), FN("arcsech", FN_ASECH), FN("arcsin", FN_ASIN), FN("arcsinh", FN_ASINH), FN("arctan", FN_ATAN),
    FN("arctanh", FN_ATANH), FN("arsech", FN_ASECH), FN("arsinh", FN_ASINH), FN("artanh", FN_ATANH),
    FN("asec", FN_ASEC), FN("asech", FN_ASECH), FN("asin", FN_ASIN), FN("asinh", FN_ASINH), FN("atan", FN_ATAN),
    FN("atanh", FN_ATANH), GREEK("beta"), {"binom", T_BINOM, 0}, FN("cbrt", FN_ROOT),
    FN("ceil", FN_CEIL), GREEK("chi"), FN("cos", FN_COS), FN("cosec", FN_CSC), FN("cosech", FN_CSCH),
    FN("cosh", FN_COSH), FN("cot", FN_COT), FN("coth", FN_COTH), FN("csc", FN_CSC), FN("csch", FN_CSCH),
    {"degree", T_DEGREE, 0}, {"degrees", T_DEGREE, 0}, GREEK("delta"), GREEK("epsilon"),
    GREEK("eta"), FN("exp", FN_EXP), FN("factorial", FN_FACTORIAL),
    FN("factorial2", FN_DOUBLE_FACTORIAL), FN("floor", FN_FLOOR),
    GREEK("gamma"), FN("gcd", FN_GCD), {"inf", T_INFINITY, 0}, {"infinity", T_INFINITY, 0},
    {"infty", T_INFINITY, 0}, GREEK("kappa"), GREEK("lambda"), FN("lcm", FN_LCM),
    FN("lg", FN_LOG10), FN("ln", FN_LN), FN("log", FN_LOG), FN("log10", FN_LOG10),
    FN("log2", FN_LOG2), FN("max", FN_MAX), FN("min", FN_MIN), GREEK("mu"), GREEK("nu"),
    GREEK("omega"), {"oo", T_INFINITY, 0}, GREEK("phi"), {"pi", T_PI, 0}, GREEK("psi"),
    GREEK("rho"), FN("sec", FN_SEC), FN("sech", FN_SECH), GREEK("sigma"), FN("sin", FN_SIN),
    FN("sinh", FN_SINH), {"sqrt", T_SQRT, 0}, FN("tan", FN_TAN), FN("tanh", FN_TANH),
    GREEK("tau"), GREEK("theta"), {"union", T_CUP, 0}, GREEK("xi"), GREEK("zeta"),
};
/* clang-format on */

/* Only with a backslash. Sorted. */
/* clang-format off */
static const word commands[] = {
    {"Big", T_SIZE, 0}, {"Bigg", T_SIZE, 0}, {"Biggl", T_SIZE, 0}, {"Biggr", T_SIZE, 0},
    {"Bigl", T_SIZE, 0}, {"Bigr", T_SIZE, 0}, GREEK("Delta"), GREEK("Gamma"),
    GREEK("Lambda"), {"Large", T_SKIP, 0}, GREEK("Omega"), GREEK("Phi"), GREEK("Pi"), GREEK("Psi"),
    {"R", T_REALS, 0}, {"Rightarrow", ',', 0}, GREEK("Sigma"), GREEK("Theta"),
    {"approx", T_ABOUT, 0}, FN("arcctg", FN_ACOT), FN("arctg", FN_ATAN), {"ast", '*', 0}, {"backslash", T_SETMINUS, 0},
    {"bar", T_ACCENT, 0}, {"begin", T_BEGIN, 0}, {"bf", T_SKIP, 0}, {"big", T_SIZE, 0},
    {"bigg", T_SIZE, 0}, {"biggl", T_SIZE, 0}, {"biggr", T_SIZE, 0}, {"bigl", T_SIZE, 0},
    {"bigr", T_SIZE, 0}, {"bm", T_SKIP, 0}, {"boldsymbol", T_SKIP, 0}, {"boxed", T_BOX, 0}, {"bullet", '*', 0},
    {"cap", T_CAP, 0}, {"cdot", '*', 0}, {"cdots", T_DOTS, 0}, {"cfrac", T_FRAC, 0},
    {"choose", T_CHOOSE, 0}, {"circ", T_DEGREE, 0}, {"colon", ':', 0},
    {"color", T_SKIP_GROUP, 0}, {"cong", T_ABOUT, 0}, FN("ctg", FN_COT), {"cup", T_CUP, 0}, {"dbinom", T_BINOM, 0},
    {"ddot", T_ACCENT, 0}, {"dfrac", T_FRAC, 0}, {"displaystyle", T_SKIP, 0},
    {"div", '/', 0}, {"dot", T_ACCENT, 0}, {"dots", T_DOTS, 0}, {"emph", T_TEXT_COMMAND, 0},
    {"emptyset", T_EMPTY, 0}, {"end", T_CLOSE_ENVIRONMENT, 0}, {"equiv", T_CONGRUENT, 0},
    {"euro", T_SKIP, 0}, {"fbox", T_BOX, 0}, {"frac", T_FRAC, 0}, {"ge", T_GE, 0},
    {"geq", T_GE, 0}, {"geqq", T_GE, 0}, {"geqslant", T_GE, 0}, {"gt", '>', 0}, {"hat", T_ACCENT, 0},
    {"hbox", T_TEXT_COMMAND, 0}, {"hspace", T_SKIP_GROUP, 0}, {"implies", ',', 0}, {"in", T_IN, 0},
    {"it", T_SKIP, 0}, {"land", T_AND, 0}, {"langle", '(', 0}, {"large", T_SKIP, 0}, {"lbrace", T_SET_OPEN, 0}, {"lbrack", '[', 0},
    {"lceil", T_CEIL_OPEN, 0}, {"ldots", T_DOTS, 0}, {"le", T_LE, 0}, {"left", T_SIZE, 0}, {"leq", T_LE, 0},
    {"leqq", T_LE, 0}, {"leqslant", T_LE, 0}, {"lfloor", T_FLOOR_OPEN, 0}, {"limits", T_SKIP, 0},
    {"lnot", T_NAME, 0}, {"lor", T_OR, 0}, {"lt", '<', 0}, {"lvert", '|', 0},
    {"mathbb", T_BLACKBOARD, 0}, {"mathbf", T_SKIP, 0}, {"mathcal", T_SKIP, 0},
    {"mathfrak", T_SKIP, 0}, {"mathit", T_SKIP, 0}, {"mathrm", T_ROMAN, 0},
    {"mathsf", T_SKIP, 0}, {"mathtt", T_SKIP, 0}, {"mbox", T_TEXT_COMMAND, 0},
    {"mid", T_MID, 0}, {"middle", T_SIZE, 0}, {"mod", T_PMOD, 0}, {"mp", T_MP, 0},
    {"ne", T_NE, 0}, {"neq", T_NE, 0}, {"ni", T_CONTAINS, 0}, {"nicefrac", T_FRAC, 0}, {"nolimits", T_SKIP, 0},
    {"not", T_NOT, 0},
    {"notin", T_NOT_IN, 0},
    {"operatorname", T_ROMAN, 0}, {"over", T_OVER, 0}, {"overline", T_ACCENT, 0},
    {"overrightarrow", T_ACCENT, 0}, {"owns", T_CONTAINS, 0}, {"phantom", T_SKIP_TOKEN, 0}, {"pm", T_PM, 0},
    {"pmod", T_PMOD, 0}, {"prime", T_PRIME, 0}, {"prod", T_BOUNDED, '*'}, {"qquad", T_SPACE, 0},
    {"quad", T_SPACE, 0}, {"rangle", ')', 0}, {"rbrace", T_SET_CLOSE, 0}, {"rbrack", ']', 0},
    {"rceil", T_CEIL_CLOSE, 0}, {"rfloor", T_FLOOR_CLOSE, 0}, {"right", T_SIZE, 0}, {"rightarrow", T_TO, 0},
    {"rm", T_SKIP, 0}, {"rvert", '|', 0}, {"setminus", T_SETMINUS, 0},
    {"sf", T_SKIP, 0}, {"sfrac", T_FRAC, 0}, {"sim", T_ABOUT, 0},
    {"simeq", T_ABOUT, 0}, {"space", T_SPACE, 0}, {"subset", T_SUBSET, 0},
    {"subseteq", T_SUBSET_EQ, 0}, {"sum", T_BOUNDED, '+'}, {"supset", T_SUPSET, 0},
    {"supseteq", T_SUPSET_EQ, 0}, {"tbinom", T_BINOM, 0},
    {"text", T_TEXT_COMMAND, 0}, {"textbf", T_TEXT_COMMAND, 0},
    {"textit", T_TEXT_COMMAND, 0}, {"textnormal", T_TEXT_COMMAND, 0},
    {"textrm", T_TEXT_COMMAND, 0}, {"textsf", T_TEXT_COMMAND, 0},
    {"textstyle", T_SKIP, 0}, {"texttt", T_TEXT_COMMAND, 0}, {"tfrac", T_FRAC, 0},
    FN("tg", FN_TAN),
    {"thinspace", T_SPACE, 0}, {"tilde", T_ACCENT, 0}, {"times", '*', 0}, {"to", T_TO, 0},
    {"underline", T_SKIP, 0}, {"varepsilon", T_NAME, 0}, {"varnothing", T_EMPTY, 0},
    {"varphi", T_NAME, 0}, {"vec", T_ACCENT, 0}, {"vee", T_OR, 0}, {"vert", '|', 0},
    {"vphantom", T_SKIP_GROUP, 0}, {"wedge", T_AND, 0}, {"widehat", T_ACCENT, 0},
};
/* clang-format on */

/* Only without a backslash: words of sentences and of code. Sorted. */
/* clang-format off */
static const word plain[] = {
    {"Infinity", T_INFINITY, 0}, {"Union", T_CUP, 0}, {"and", T_AND, 0},
    FN("binomial", FN_BINOM), FN("comb", FN_BINOM), {"e", T_E, 0}, {"i", T_I, 0},
    {"infty", T_INFINITY, 0}, {"mod", T_PMOD, 0}, FN("nCr", FN_BINOM), FN("nthRoot", FN_SQRT),
    FN("nthroot", FN_SQRT), {"or", T_OR, 0}, FN("round", FN_ROUND),
};
/* clang-format on */

static const word *find(const word *words, size_t count, const char *s, size_t n)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(words[middle].name, s, n);
        if (order == 0 && words[middle].name[n]) order = 1;
        if (order == 0) return &words[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

#define FIND(words, s, n) find(words, sizeof(words) / sizeof *(words), s, n)

const word *word_command(const char *s, size_t n)
{
    const word *hit = FIND(commands, s, n);
    return hit ? hit : FIND(both, s, n);
}

const word *word_plain(const char *s, size_t n)
{
    const word *hit = FIND(plain, s, n);
    return hit ? hit : FIND(both, s, n);
}
