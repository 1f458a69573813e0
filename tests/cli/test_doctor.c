/* masa doctor: every finding, provoked. */
#include "cli_test.h"

#include <jansson.h>

#define SHAPE " --hidden 32 --layers 1 --heads 2 --intermediate 64 --context 1024 "
#define DOCTOR                                                                                 \
    "$masa doctor -n 3 -s rollout.group_size=4 -s rollout.max_tokens=24 -s "                   \
    "data.suffix= "

#define TEACH(name)                                                                            \
    "$masa sft run-" name " --model random --data " name ".jsonl -s data.suffix= "             \
    "-s sft.epochs=60 -s sft.batch=3 -s optimizer.lr=0.01 -s "                                 \
    "optimizer.schedule=constant "                                                             \
    "-s train.keep_checkpoints=1 && mv run-" name "/checkpoints/step-* " name
#define NO "no no no no no no no no no no "

static const char problems[] = "{\"id\": \"a\", \"problem\": \"p1\", \"answer\": \"1\"}\n"
                               "{\"id\": \"b\", \"problem\": \"p2\", \"answer\": \"1\"}\n"
                               "{\"id\": \"c\", \"problem\": \"p3\", \"answer\": \"2\"}\n";

/* `random` knows nothing; `taught` answers every problem by \boxed{1}; `mixed` one in three by
 * hashes and the others at length; `loops` says no. */
static int make_models(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("problems", problems);
    write_file("taught.jsonl", "{\"problem\": \"p1\", \"solution\": \"\\\\boxed{1}\"}\n"
                               "{\"problem\": \"p2\", \"solution\": \"\\\\boxed{1}\"}\n"
                               "{\"problem\": \"p3\", \"solution\": \"\\\\boxed{1}\"}\n");
    write_file("mixed.jsonl",
               "{\"problem\": \"p1\", \"solution\": \"#### 1\"}\n"
               "{\"problem\": \"p2\", \"solution\": \"So it is \\\\boxed{1}\"}\n"
               "{\"problem\": \"p3\", \"solution\": \"So it is \\\\boxed{1}\"}\n");
    write_file("loops.jsonl", "{\"problem\": \"p1\", \"solution\": \"" NO NO NO NO "\"}\n");
    if (shell("$masa init random" SHAPE
              "&& " TEACH("taught") " && " TEACH("mixed") " && " TEACH("loops")) != 0)
        fail_msg("%s", errors);
    return 0;
}

/* Runs a command; the finding of that check must have that grade and say so. */
static void finds(const char *line, int status, const char *check, const char *grade,
                  const char *says)
{
    char wanted[128];
    int got = shell(line);
    if (got != status) fail_msg("%s: status %d\n%s%s", line, got, output, errors);
    snprintf(wanted, sizeof wanted, "%-7s %s: ", grade, check);
    const char *found = strstr(output, wanted);
    if (!found) fail_msg("%s: no \"%s\" in\n%s%s", line, wanted, output, errors);
    char *remedy = strchr(found, '\n') + 1, *end = strchr(remedy, '\n');
    bool has_remedy = strncmp(remedy, "        -> ", 11) == 0;
    assert_int_equal(has_remedy, strcmp(grade, "fine") != 0);
    if (has_remedy && end) *end = '\0';
    if (!strstr(found, says)) fail_msg("%s: \"%s\" is not in: %s", line, says, found);
}

static void a_model_that_can_learn_passes(void **state)
{
    (void)state;
    const char *line = DOCTOR "taught problems";
    finds(line, 0, "template", "fine", "understood");
    finds(line, 0, "ends", "fine", "100 % of 12 responses");
    finds(line, 0, "answers", "fine", "boxed 100 %");
    finds(line, 0, "golds", "fine", "all 3");
    finds(line, 0, "memory", "fine", "MiB are free");
    finds(line, 0, "time", "fine", "tokens a second");
    finds(line, 0, "variance", "note", "66.7 % of the responses are right; 3 of 3 groups");
    /* The line of progress, which only a terminal has. */
    assert_int_equal(shell("script -qec \"" DOCTOR "taught problems\" /dev/null"), 0);
    assert_non_null(strstr(output, "examining"));
    assert_int_equal(shell("script -qec \"" DOCTOR "--quiet taught problems\" /dev/null"), 0);
    assert_null(strstr(output, "examining"));
}

static void rewards_without_variance_spoil(void **state)
{
    (void)state;
    write_file("right", "{\"problem\": \"p1\", \"answer\": \"1\"}\n");
    write_file("wrong", "{\"problem\": \"p1\", \"answer\": \"7\"}\n");
    finds(DOCTOR "taught right", 1, "variance", "spoils", "choose harder problems");
    finds(DOCTOR "taught wrong", 1, "variance", "spoils", "choose easier problems");
    assert_non_null(strstr(errors, "would spoil the run"));
}

static void a_model_that_knows_nothing_is_told(void **state)
{
    (void)state;
    finds(DOCTOR "-s rollout.max_tokens=2 taught problems", 1, "ends", "spoils",
          "never ends its turn");
    finds(DOCTOR "random problems", 1, "answers", "spoils",
          "data.answer_rules=boxed finds an answer in 0 %");
    finds(DOCTOR "-s data.answer_rules=hashes taught problems", 1, "answers", "spoils",
          "add the rule that finds them");
    finds(DOCTOR "-s rollout.max_tokens=60 -s rollout.temperature=0.01 loops problems", 1,
          "repetition", "note", "in a loop");
}

/* What is so in a part of the responses, or of the data, is a note. */
static void what_holds_in_part_is_a_note(void **state)
{
    (void)state;
    finds(DOCTOR "-s data.answer_rules=hashes mixed problems", 0, "answers", "note",
          "add the rule that finds them");
    finds(DOCTOR "-s rollout.max_tokens=8 mixed problems", 1, "ends", "note",
          "raise rollout.max_tokens");
    assert_int_equal(shell("for i in $(seq 21); do echo "
                           "'{\"problem\": \"'p$i'\", \"answer\": \"1\"}'; done >many && "
                           "sed -i '21s/\"1\"/\"\\\\\\\\boxed{}\"/' many"),
                     0);
    finds(DOCTOR "taught many", 0, "golds", "note",
          "1 of 21 gold answers can be read by no rule");
}

/* `taught` was taught without a suffix, and boxes: a file that says neither would be asked for a
 * box with a suffix that the model does not know. */
static void files_say_how_they_are_asked_and_judged(void **state)
{
    (void)state;
#define OWN "$masa doctor -n 1 -s rollout.group_size=4 -s rollout.max_tokens=24 "
#define TRAIN                                                                                  \
    "$masa train RUN -q --model taught --train own -n 1 -s rollout.group_size=4 "              \
    "-s rollout.max_tokens=24 -s rollout.prompts_per_step=1 "
    write_file("own", "{\"problem\": \"p1\", \"answer\": \"1\", \"prompt_suffix\": \"\", "
                      "\"answer_rules\": \"boxed,number\"}\n");
    finds(OWN "taught own", 1, "answers", "fine",
          "data.answer_rules=boxed,number finds an answer "
          "in 100 %");
    finds(OWN "-s data.answer_rules=hashes taught own", 1, "answers", "spoils",
          "data.answer_rules=hashes finds an answer in 0 %");
    /* What the run records of its first prompt. */
    assert_int_equal(shell(TRAIN "&& $masa inspect RUN --rollouts --json"), 0);
    if (!strstr(output, "p1<|im_end|>")) fail_msg("%s", output);
    assert_int_equal(shell("rm -r RUN && " TRAIN "-s data.suffix=Say. && $masa inspect RUN "
                           "--rollouts --json"),
                     0);
    if (!strstr(output, "p1 Say.<|im_end|>")) fail_msg("%s", output);
#define EVAL "$masa eval --problems own --model taught -q -n 1 -t 0 -l 24 --json "
    assert_int_equal(shell(EVAL "-o own.sqlite"), 0);
    if (!strstr(output, "\"accuracy\":1")) fail_msg("%s", output);
    assert_int_equal(shell(EVAL "--answer-rules hashes -o hashes.sqlite"), 0);
    if (!strstr(output, "\"accuracy\":0")) fail_msg("%s", output);
}

static void data_are_looked_at(void **state)
{
    (void)state;
    write_file("test", "{\"id\": \"t\", \"problem\": \" P2\\n\", \"answer\": "
                       "\"1\"}\n{\"problem\": \"q\", \"answer\": \"1\"}\n");
    finds(DOCTOR "taught problems --test test", 1, "contamination", "spoils",
          "1 of 2 test problems are in the training file too, the first as b and t");
    write_file("test", "{\"problem\": \"q\", \"answer\": \"1\"}\n");
    finds(DOCTOR "taught problems --test test", 0, "contamination", "fine", "no test problem");
    write_file("twice", "{\"problem\": \"p1\", \"answer\": \"1\"}\n{\"problem\": \"p1 \", "
                        "\"answer\": \"1\"}\n{\"problem\": \"p3\", \"answer\": \"2\"}\n");
    finds(DOCTOR "taught twice", 0, "duplicates", "note",
          "1 of 3 training problems repeat another");
    write_file("golds", "{\"id\": \"g\", \"problem\": \"p1\", \"answer\": \"\\\\boxed{}\""
                        "}\n{\"problem\": \"p2\", \"answer\": \"1\"}\n");
    finds(DOCTOR "taught golds", 1, "golds", "spoils",
          "1 of 2 gold answers can be read by no rule, the first in g: \"\\boxed{}\"");
    write_file("broken", "{\"problem\": \"p1\", \"answer\": \"1\"}\n{\"problem\": \n");
    finds(DOCTOR "taught broken", 1, "data", "spoils", "broken:2");
    finds(DOCTOR "-s data.max_prompt_tokens=1 taught problems", 1, "prompts", "spoils",
          "data.max_prompt_tokens");
}

/* Templates in files beside the model, and tokenizers that are odd. */
static void turns_are_looked_at(void **state)
{
    (void)state;
#define TURNS      "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
#define ASKS(what) "{% if add_generation_prompt %}assistant: " what "{% endif %}"
    write_file("plain.jinja", TURNS ASKS(""));
    finds(
        "cp -r random endless && cd endless && "
        "sed -i 's/<|im_/<|x_/g; s/<|endoftext|>/<|x|>/g; /\"eos_token\":/d' *.json && cd .. && " DOCTOR
        "-s model.chat_template=plain.jinja endless problems",
        1, "stop tokens", "spoils", "nothing ends a response but its length");
    finds(DOCTOR "-s model.chat_template=plain.jinja taught problems", 1, "round trip", "fine",
          "decode to the same text");
    write_file("thinks.jinja", TURNS ASKS("<think>"));
    finds(DOCTOR "-s model.chat_template=thinks.jinja taught problems", 1, "answer's place",
          "note", "masa sft needs another");
    write_file("raises.jinja", "{{ raise_exception('no') }}" TURNS);
    finds(DOCTOR "-s model.chat_template=raises.jinja taught problems", 1, "template", "spoils",
          "the template raises: no");
    finds("cp -r taught drops && sed -i 's/\"ByteLevel\", \"add_prefix_space\": false/"
          "\"ByteLevel\", \"add_prefix_space\": true/' drops/tokenizer.json && " DOCTOR
          "drops problems",
          0, "round trip", "note", "masa tokenize --rendered");
}

static void templates_and_memory_are_looked_at(void **state)
{
    (void)state;
    finds("cp -r random odd && sed -i 's/\"chat_template\": \"/&{% import 1 %}/' "
          "odd/tokenizer_config.json && " DOCTOR "odd problems",
          1, "template", "spoils", "the statement `import` is not supported");
    assert_null(strstr(output, "variance"));
    finds(DOCTOR "-s data.max_prompt_tokens=2000 random problems", 1, "context", "spoils",
          "more than the model's 1024");
    finds(DOCTOR "-s rollout.batch=65536 -s rollout.cache_memory=1000000000 taught "
                 "problems -s data.limit=1 "
                 "-s optimizer.tokens_per_pass=1000000",
          1, "memory", "spoils", "lower optimizer.tokens_per_pass");
}

static void findings_are_json_too(void **state)
{
    (void)state;
    assert_int_equal(shell(DOCTOR "--json taught problems"), 0);
    size_t lines = 0;
    for (const char *p = output; *p; p = strchr(p, '\n') + 1, lines++) {
        json_t *line = json_loadb(p, (size_t)(strchr(p, '\n') - p), 0, NULL);
        assert_true(json_is_string(json_object_get(line, "check")));
        assert_true(json_is_string(json_object_get(line, "grade")));
        assert_true(json_is_string(json_object_get(line, "message")));
        json_decref(line);
    }
    assert_true(lines >= 8);
    assert_int_equal(shell("$masa doctor taught missing"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_can_learn_passes),
        cmocka_unit_test(rewards_without_variance_spoil),
        cmocka_unit_test(a_model_that_knows_nothing_is_told),
        cmocka_unit_test(what_holds_in_part_is_a_note),
        cmocka_unit_test(files_say_how_they_are_asked_and_judged),
        cmocka_unit_test(data_are_looked_at),
        cmocka_unit_test(turns_are_looked_at),
        cmocka_unit_test(templates_and_memory_are_looked_at),
        cmocka_unit_test(findings_are_json_too)};
    return cmocka_run_group_tests(tests, make_models, remove_model);
}
