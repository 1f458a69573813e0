/* Rows for people. */
#include <masa/store.h>

#include <math.h>

/* "4/8", or why there is none. */
static void add_count(masa_text *out, const char *what, long value, const char *unit,
                      const char *cause)
{
    if (value >= 0) masa_text_addf(out, "%s %ld%s", what, value, unit);
    else {
        masa_text_addf(out, "no %s (", what);
        masa_text_add_line_shown(out, cause);
        masa_text_add(out, ")");
    }
}

void masa_store_prediction_text(masa_text *out, const masa_store_prediction *p)
{
    masa_text_add(out, "predicted: ");
    add_count(out, "pass rate", p->pass_rate, "/8", p->cause_pass_rate);
    masa_text_add(out, ", ");
    add_count(out, "length", p->length, "", p->cause_length);
    masa_text_add(out, ", notions ");
    masa_text_add_line_shown(out, p->notions);
    masa_text_add(out, "\n");
    if (isnan(p->true_pass_rate)) return;
    masa_text_addf(out, "true: pass rate %.3g", p->true_pass_rate);
    if (!isnan(p->true_length)) masa_text_addf(out, ", length %.4g", p->true_length);
    masa_text_addf(out, "; rewards of pass rate %.3g, length %.3g, notions %.3g\n",
                   p->difficulty, p->length_reward, p->notion_reward);
}
