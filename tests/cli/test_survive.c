/* What masa train does when something happens to it from outside, as a user sees it. */
#include "cli_test.h"

#include <unistd.h>

/* Short steps on the model in the folder. */
#define SETTINGS                                                                          \
    "-s data.suffix= -s data.answer_rules=whole -s rollout.prompts_per_step=2 "           \
    "-s rollout.group_size=4 -s rollout.max_tokens=12 -s data.max_prompt_tokens=48 "      \
    "-s optimizer.tokens_per_pass=512 -s model.compute=f32 -s train.save_every=0 "
#define TRAIN "$masa train run --model model --train train.jsonl " SETTINGS

static int set_up(void **state)
{
    make_model(state);
    assert_int_equal(shell("mkdir model && mv *.json *.safetensors model"), 0);
    masa_text problems = {0};
    for (char a = 'a'; a <= 'h'; a++)
        masa_text_addf(&problems, "{\"problem\":\"%c\",\"answer\":\"y\"}\n", a);
    write_file("train.jsonl", masa_text_get(&problems));
    masa_text_deinit(&problems);
    return 0;
}

static void must(const char *line)
{
    int status = shell(line);
    if (status != 0) fail_msg("%s: %d, %s", line, status, errors);
}

static void assert_said(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static void a_run_can_be_moved_and_resumed_from_anywhere(void **state)
{
    (void)state;
    must(TRAIN "-n 2");
    must("mkdir -p elsewhere && mv run elsewhere/moved && mv model model-aside");
    must("cd / && $masa train $OLDPWD/elsewhere/moved --resume -s train.steps=4");
    assert_said(errors, "settings changed after step 2 (before, now): train.steps (2, 4)");
    must("$masa inspect elsewhere/moved");
    assert_said(errors, "step 2: train.steps (2, 4)");
    must("mv model-aside model && rm -r elsewhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_can_be_moved_and_resumed_from_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, remove_model);
}
