#include <masa/meta.h>

#include <string.h>

const char masa_meta_system[] =
    "You are a helpful assistant that knows well what it can do and what it cannot.";

/* What is asked, of the problem "below" or "above". As short as it can be and still say everything:
 * it is read for every training prompt. */
#define REASONED(where)                                                                        \
    "Predict how your own attempts at the problem " where " would go. Think step by step "     \
    "between <meta> and </meta>: reason in detail, above all about pass rate and length, "     \
    "with an illustration of how you decided on each value, and name no notion that the "      \
    "problem states already. After </meta> write a JSON object with exactly these keys: "      \
    "\"math_notion\" (list of strings), \"pass_rate\" (integer 0 to 8: right answers in 8 "    \
    "attempts), \"solution_length\" (integer {length_min} to {max_response_length}: "          \
    "{length_meaning})."
#define BARE(where)                                                                            \
    "How would 8 attempts of yours at the problem " where " go? Answer with <meta></meta> "    \
    "and a JSON object: \"math_notion\" (list of strings), \"pass_rate\" (integer 0 to 8: "    \
    "right answers), \"solution_length\" (integer {length_min} to {max_response_length}: "     \
    "{length_meaning})."

const char *masa_meta_template(const masa_meta_options *options)
{
    bool bare = options->form == MASA_FORM_BARE;
    if (options->problem_first)
        return bare ? "{problem}\n" BARE("above") : "{problem}\n" REASONED("above");
    return bare ? BARE("below") "\nProblem: {problem}"
                : REASONED("below") "\nProblem: {problem}";
}

masa_status masa_meta_prompt(masa_text *out, const char *template_text, const char *problem,
                             const masa_meta_options *options, masa_error *err)
{
    enum { FIELDS = 4 };
    static const char *const names[FIELDS] = {"{problem}", "{length_min}",
                                              "{max_response_length}", "{length_meaning}"};
    if (!template_text) template_text = masa_meta_template(options);
    if (!strstr(template_text, names[0]))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the meta prompt's template has no {problem}; write it where the "
                         "problem shall stand");
    masa_text low = {0}, high = {0};
    masa_text_addf(&low, "%ld", options->length_min);
    masa_text_addf(&high, "%ld", options->length_max);
    const char *const values[FIELDS] = {problem, low.data, high.data,
                                        options->length_rule == MASA_LENGTH_QUANTILE
                                            ? "tokens that 95 of 100 right solutions need "
                                              "at most"
                                            : "tokens of a right solution"};
    /* One pass, so that a problem which happens to contain a field's name stays whole. */
    for (const char *p = template_text; *p;) {
        int field = 0;
        while (field < FIELDS && !masa_starts_with(p, names[field])) field++;
        if (field < FIELDS) {
            masa_text_add(out, values[field]);
            p += strlen(names[field]);
        } else {
            masa_text_append(out, p++, 1);
        }
    }
    masa_text_deinit(&low);
    masa_text_deinit(&high);
    return MASA_OK;
}
