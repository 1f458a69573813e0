/* The warm start of a planted policy, which has never seen the prompts that it is asked with: each
 * wants another form of answer, which it is taught from what its own solutions were like. */
#include "planted.h"

#include <masa/memory.h>

/* One's own, in another order and without tags. */
#define COMPACT                                                                                \
    "{\"pass_rate\": 0-8, \"solution_length\": tokens, \"math_notion\": [words]} of: {problem}"

/* A built-in template up to its first field. */
static char *beginning(masa_answer_form form)
{
    masa_meta_options options = MASA_META_DEFAULTS;
    options.form = form;
    const char *whole = masa_meta_template(&options);
    return masa_strndup(whole, strcspn(whole, "{"));
}

static int setup_phrases(void **state)
{
    (void)state;
    char *reasoned = beginning(MASA_FORM_REASONED), *bare = beginning(MASA_FORM_BARE);
    const char *const phrases[] = {reasoned,
                                   bare,
                                   masa_meta_system,
                                   "{\"math_notion\": [",
                                   "], \"pass_rate\": ",
                                   ", \"solution_length\": ",
                                   "{\"pass_rate\": ",
                                   ", \"math_notion\": ["};
    plant(phrases, sizeof phrases / sizeof *phrases);
    free(reasoned);
    free(bare);
    put_template("compact.txt", COMPACT);
    return 0;
}

/* Of the predictions that are sampled after a warm start, at temperature 1, the share whose three
 * fields are valid; so many tokens are left for one. */
static double valid_after(const char *folder, const char *template, const char *form,
                          int tokens)
{
    char more[600];
    snprintf(more, sizeof more,
             "meta.template=%s meta.form=%s meta.max_tokens=%d train.steps=1 "
             "meta.warm_start_prompts=24 meta.warm_start_epochs=40 meta.warm_start_lr=0.005 "
             "rollout.prompts_per_step=24 meta.bc_enabled=false",
             template, form, tokens);
    must(folder, more, false);
    return metric_of(folder, 1, "meta_valid");
}

/* Tokens that an answer has room for. What tags and reasoning take is more than the last has. */
enum { REASONED = 70, BARE = 24, ALONE = 9 };

static void it_teaches_what_the_prompt_asks_for(void **state)
{
    (void)state;
    static const char tagged[] =
        "<meta> </meta> math_notion pass_rate solution_length: {problem}";
    double reasoned = valid_after("reasoned", "", "reasoned", REASONED);
    double bare = valid_after("bare", "", "bare", BARE);
    double compact = valid_after("compact", in_root("compact.txt"), "reasoned", ALONE);
    if (!(reasoned >= 0.9 && bare >= 0.9 && compact >= 0.9))
        fail_msg("valid: reasoned %g, bare %g, compact %g", reasoned, bare, compact);
    /* Where another form is asked for, and taught, it does not fit. */
    put_template("tagged.txt", tagged);
    assert_true(valid_after("tagged", in_root("tagged.txt"), "bare", ALONE) < 0.1);
    /* Solving is as it was: y is right always, never, in a third of the cases. */
    static const char *const folders[] = {"reasoned", "bare", "compact"};
    for (size_t i = 0; i < 3; i++)
        assert_near(metric_of(folders[i], 1, "accuracy"), 0.45, 0.12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_teaches_what_the_prompt_asks_for),
    };
    return cmocka_run_group_tests(tests, setup_phrases, teardown);
}
