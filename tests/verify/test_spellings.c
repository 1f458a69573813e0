/* A number is itself however it is written, and no other. */
#include "property.h"

#include <masa/text.h>
#include <masa/verify.h>

/* p/q in one of the ways in which models and references write it. */
static void spell(masa_text *out, long p, long q, uint64_t way)
{
    const char *sign = p < 0 ? "-" : "";
    unsigned long a = (unsigned long)labs(p), b = (unsigned long)q;
    bool whole = a % b == 0, decimal = 1000 % b == 0;
    switch (way) {
    case 0: masa_text_addf(out, "%s\\frac{%lu}{%lu}", sign, a, b); break;
    case 1: masa_text_addf(out, "%s%lu/%lu", sign, a, b); break;
    case 2: masa_text_addf(out, "\\frac{%s%lu}{%lu}", sign, 3 * a, 3 * b); break;
    case 3: masa_text_addf(out, "\\dfrac{%s%lu}{%lu}", sign, a, b); break;
    case 4:
        if (decimal) masa_text_addf(out, "%s%lu.%03lu", sign, a / b, a % b * (1000 / b));
        else masa_text_addf(out, "\\left(%s\\frac{%lu}{%lu}\\right)", sign, a, b);
        break;
    case 5:
        if (whole) masa_text_addf(out, "%s%lu", sign, a / b);
        else masa_text_addf(out, "$%s\\tfrac{%lu}{%lu}$", sign, a, b);
        break;
    default: masa_text_addf(out, "x = %s\\frac{%lu}{%lu}", sign, a, b); break;
    }
}

static bool a_number_is_itself_alone(property_draws *d, void *context)
{
    (void)context;
    masa_text text = {0}, gold = {0};
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    masa_verify_result result;
    long p = (long)property_below(d, 4000) - 2000, q = 1 + (long)property_below(d, 60);
    long other = p + (property_below(d, 2) ? (long)property_below(d, 50) : 0);
    masa_text_add(&text, "So the answer is \\boxed{");
    spell(&text, other, q, property_below(d, 7));
    masa_text_add(&text, "}.");
    spell(&gold, p, q, property_below(d, 6));
    masa_verify(masa_text_get(&text), masa_text_get(&gold), &options, &result);
    property_note(d, "%s against %s: verdict %d by %s", masa_text_get(&text),
                  masa_text_get(&gold), (int)result.verdict,
                  result.rule ? result.rule : "nothing");
    masa_text_deinit(&text);
    masa_text_deinit(&gold);
    return (result.verdict == MASA_VERDICT_EQUAL) == (other == p);
}

static void spellings_are_equal(void **state)
{
    (void)state;
    property_check(a_number_is_itself_alone, NULL, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spellings_are_equal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
