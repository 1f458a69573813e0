/* Which rules found the answers of many texts. */
#include <masa/verify.h>

void masa_found_add(masa_found *found, masa_extract_rule rule, bool right)
{
    found->none += rule == MASA_EXTRACT_NONE;
    for (unsigned k = 0; k < MASA_EXTRACT_RULES; k++) {
        if (rule != 1u << k) continue;
        found->by[k]++;
        found->right[k] += right;
    }
}

void masa_found_text(masa_text *out, const masa_found *found)
{
    const char *separator = "found by ";
    for (unsigned k = 0; k < MASA_EXTRACT_RULES; k++) {
        if (!found->by[k]) continue;
        masa_text_addf(out, "%s%s: %zu (%zu right)", separator,
                       masa_extract_rule_text((masa_extract_rule)(1u << k)), found->by[k],
                       found->right[k]);
        separator = ", ";
    }
    if (!found->none) return;
    masa_text_addf(out, "%sno answer in %zu", *separator == ',' ? "; " : "", found->none);
}
