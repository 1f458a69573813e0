/* Meta prompts in whole runs of a planted policy, which has never seen them: the warm start teaches
 * the form of answer that each asks for, and one that begins as a solution's prompt does shares
 * the cache with it. */
#include "planted.h"

#include <masa/config_meta.h>
#include <masa/device.h>
#include <masa/memory.h>

/* One's own, in another order and without tags. */
#define COMPACT                                                                                \
    "{\"pass_rate\": 0-8, \"solution_length\": tokens, \"math_notion\": [words]} of: {problem}"

/* What a built-in template says up to the first number that is filled in, the problem aside. */
static char *instruction(masa_answer_form form, bool problem_first)
{
    static const char problem[] = "{problem}\n";
    masa_meta_options options = MASA_META_DEFAULTS;
    options.form = form;
    options.problem_first = problem_first;
    const char *from = masa_meta_template(&options) + (problem_first ? strlen(problem) : 0);
    return masa_strndup(from, strcspn(from, "{"));
}

static int setup_phrases(void **state)
{
    (void)state;
    char *reasoned = instruction(MASA_FORM_REASONED, false);
    char *bare = instruction(MASA_FORM_BARE, false);
    char *first = instruction(MASA_FORM_BARE, true);
    const char *const phrases[] = {reasoned,
                                   bare,
                                   first,
                                   masa_meta_system,
                                   "{\"math_notion\": [",
                                   "], \"pass_rate\": ",
                                   ", \"solution_length\": ",
                                   "{\"pass_rate\": ",
                                   ", \"math_notion\": ["};
    plant(phrases, sizeof phrases / sizeof *phrases, 30);
    free(reasoned);
    free(bare);
    free(first);
    put_template("compact.txt", COMPACT);
    return 0;
}

/* Of the predictions that are sampled after a warm start, at temperature 1, the share whose three
 * fields are valid; so many tokens are left for one. */
static double valid_with(int seed, const char *folder, const char *template, const char *form,
                         int tokens, int epochs)
{
    char more[600];
    snprintf(more, sizeof more,
             "train.seed=%d meta.template=%s meta.form=%s meta.max_tokens=%d train.steps=1 "
             "meta.warm_start_prompts=24 meta.warm_start_epochs=%d meta.warm_start_lr=0.005 "
             "rollout.prompts_per_step=24 meta.bc_enabled=false",
             seed, template, form, tokens, epochs);
    must(folder, more, false);
    return metric_of(folder, 1, "meta_valid");
}

/* So few updates of so small a model now and then end badly, on one processor with another seed
 * than on the next: the best of up to three. */
static double valid_after(const char *folder, const char *template, const char *form,
                          int tokens, int epochs)
{
    double valid = valid_with(1, folder, template, form, tokens, epochs);
    for (int seed = 2; valid < 0.9 && seed <= 3; seed++) {
        assert_int_equal(masa_folder_remove(in_root(folder), NULL), MASA_OK);
        valid = valid_with(seed, folder, template, form, tokens, epochs);
    }
    return valid;
}

/* Tokens that an answer has room for. What tags and reasoning take is more than the last has. */
enum { REASONED = 70, BARE = 24, ALONE = 9 };

static void it_teaches_what_the_prompt_asks_for(void **state)
{
    (void)state;
    double reasoned = valid_after("reasoned", "", "reasoned", REASONED, 60);
    double bare = valid_after("bare", "", "bare", BARE, 40);
    double compact = valid_after("compact", in_root("compact.txt"), "reasoned", ALONE, 40);
    if (!(reasoned >= 0.9 && bare >= 0.9 && compact >= 0.9))
        fail_msg("valid: reasoned %g, bare %g, compact %g", reasoned, bare, compact);
    /* Where another form is asked for, and taught, it does not fit. */
    put_template("tagged.txt",
                 "<meta> </meta> math_notion pass_rate solution_length: {problem}");
    assert_true(valid_with(1, "tagged", in_root("tagged.txt"), "bare", ALONE, 3) < 0.1);
    /* Solving is as it was: y is right always, never, in a third of the cases. */
    static const char *const folders[] = {"reasoned", "bare", "compact"};
    for (size_t i = 0; i < 3; i++)
        assert_near(metric_of(folders[i], 1, "accuracy"), 0.45, 0.12);
}

/* Where the problem comes first, and no system turn of its own before it, all whole blocks up to
 * the problem's end are computed once for both kinds of prompts. */
static void what_both_begin_with_is_computed_once(void **state)
{
    (void)state;
    enum { PROMPTS = 6, LONG = 96, HEADER = 6 }; /* tokens: <|im_start|>, and a byte each */
    static const struct {
        const char *folder, *system;
        bool shares;
    } cases[] = {{"shared", "", true}, {"unshared", "Predict.", false}};
    size_t block = masa_device_sizes_get().block_tokens;
    FILE *train = fopen(in_root("long.jsonl"), "w");
    for (int i = 0; i < PROMPTS; i++) {
        fputs("{\"problem\":\"", train);
        for (int k = 0; k < LONG; k++) fputc('a' + (i * 7 + k * (i + 3)) % 26, train);
        fputs("\",\"answer\":\"y\"}\n", train);
    }
    assert_int_equal(fclose(train), 0);
    for (size_t k = 0; k < 2; k++) {
        char more[500];
        snprintf(more, sizeof more,
                 "data.train=%s meta.template=problem-first meta.form=bare meta.system=%s "
                 "data.max_prompt_tokens=250 train.steps=1",
                 in_root("long.jsonl"), cases[k].system);
        must(cases[k].folder, more, false);
        double saved = metric_of(cases[k].folder, 1, "prompt_tokens") -
                       metric_of(cases[k].folder, 1, "prefilled_tokens");
        double whole = (double)((HEADER + LONG) / block * block);
        if (cases[k].shares) assert_near(saved, PROMPTS * whole, 0);
        else
            assert_true(saved < PROMPTS * (double)block); /* what all meta prompts begin with */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_teaches_what_the_prompt_asks_for),
        cmocka_unit_test(what_both_begin_with_is_computed_once),
    };
    return cmocka_run_group_tests(tests, setup_phrases, teardown);
}
