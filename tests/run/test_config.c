#include "masa_test.h"
#include "config_entries.h"

#include <masa/config.h>
#include <masa/file.h>

static masa_status parse(masa_config *config, const char *yaml, masa_error *err)
{
    return masa_config_parse(config, yaml, yaml ? strlen(yaml) : 0, "run.yaml", NULL, NULL, 0,
                             err);
}

/* The error that a text gives. */
static masa_error refused(const char *yaml)
{
    masa_config config;
    masa_error err = {0};
    masa_status st = parse(&config, yaml, &err);
    if (st == MASA_OK) masa_config_deinit(&config);
    assert_int_equal(st, MASA_ERR_CONFIG);
    assert_int_equal(err.code, MASA_ERR_CONFIG);
    return err;
}

static masa_status with_set(const char *const *set, size_t n, masa_config *config,
                            masa_error *err)
{
    return masa_config_parse(config, NULL, 0, NULL, NULL, set, n, err);
}

static void assert_says(const masa_error *err, const char *part)
{
    if (!strstr(err->message, part)) {
        print_error("'%s' does not say '%s'\n", err->message, part);
        fail();
    }
}

static void defaults_are_the_tables(void **state)
{
    (void)state;
    masa_config config;
    assert_int_equal(parse(&config, NULL, NULL), MASA_OK);
    assert_int_equal(config.rollout.group_size, 8);
    assert_near(config.algorithm.clip_high, 0.28, 0);
    assert_true(config.data.shuffle);
    assert_string_equal(config.data.problem_key, "problem");
    assert_int_equal(config.algorithm.advantage, MASA_CONFIG_ADVANTAGE_GROUP_NORM);
    assert_near(config.optimizer.eps, 1e-8, 0);
    masa_config_deinit(&config);
    /* an empty file and one of comments alone change nothing */
    assert_int_equal(parse(&config, "", NULL), MASA_OK);
    masa_config_deinit(&config);
    assert_int_equal(parse(&config, "# nothing\nrollout:\n", NULL), MASA_OK);
    assert_int_equal(config.rollout.group_size, 8);
    masa_config_deinit(&config);
}

static void sources_win_in_order(void **state)
{
    (void)state;
    const char yaml[] = "rollout:\n  group_size: 4\n  max_tokens: 100\n"
                        "data: {suffix: \"a: \\\"b\\\"\", shuffle: off}\n";
    const char *set[] = {"rollout.group_size=6", "data.train=x=y.jsonl"};
    masa_config config;
    assert_int_equal(
        masa_config_parse(&config, yaml, strlen(yaml), "f", "grpo-paper", set, 2, NULL),
        MASA_OK);
    assert_int_equal(config.rollout.group_size, 6);
    assert_int_equal(config.rollout.max_tokens, 100);
    assert_int_equal(config.rollout.prompts_per_step, 128);
    assert_false(config.data.shuffle);
    assert_string_equal(config.data.suffix, "a: \"b\"");
    assert_string_equal(config.data.train, "x=y.jsonl");
    masa_config_deinit(&config);
}

static void family_comes_before_its_section(void **state)
{
    (void)state;
    masa_config config;
    assert_int_equal(parse(&config, "algorithm:\n  clip_high: 0.5\n  name: dapo\n", NULL),
                     MASA_OK);
    assert_int_equal(config.algorithm.name, MASA_CONFIG_FAMILY_DAPO);
    assert_true(config.algorithm.dynamic_sampling);
    assert_near(config.algorithm.clip_high, 0.5, 0);
    masa_config_deinit(&config);

    const char *set[] = {"algorithm.kl_coef=0.1", "algorithm.name=rloo"};
    const char dapo[] = "algorithm: {name: dapo}\n";
    assert_int_equal(masa_config_parse(&config, dapo, strlen(dapo), "f", NULL, set, 2, NULL),
                     MASA_OK);
    assert_int_equal(config.algorithm.advantage, MASA_CONFIG_ADVANTAGE_LEAVE_ONE_OUT);
    assert_near(config.algorithm.kl_coef, 0.1, 0);
    assert_false(config.algorithm.dynamic_sampling);
    masa_config_deinit(&config);
}

static void every_family_is_a_preset(void **state)
{
    (void)state;
    const config_entry *entry = config_find("algorithm.name", strlen("algorithm.name"));
    for (int i = 0; i < entry->n_names; i++) {
        masa_config config;
        assert_non_null(config_preset_find(entry->names[i]));
        assert_int_equal(masa_config_load(&config, NULL, entry->names[i], NULL, 0, NULL),
                         MASA_OK);
        assert_int_equal(config.algorithm.name, i);
        masa_config_deinit(&config);
    }
    const char *name;
    for (size_t i = 0; (name = masa_config_preset(i, NULL)); i++) {
        masa_config config;
        masa_error err = {0};
        if (masa_config_load(&config, NULL, name, NULL, 0, &err) != MASA_OK)
            fail_msg("preset %s: %s", name, err.message);
        masa_config_deinit(&config);
    }
    masa_config config;
    masa_error err = {0};
    assert_int_equal(masa_config_load(&config, NULL, "grop", NULL, 0, &err), MASA_ERR_CONFIG);
    assert_says(&err, "presets are grpo, dapo");
}

/* What the authors ran, number by number; their presets differ from their baseline in the meta path
 * alone. */
static void presets_of_the_paper_say_what_was_run(void **state)
{
    (void)state;
    masa_config grpo, v1, v2;
    assert_int_equal(masa_config_load(&grpo, NULL, "grpo-paper", NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_config_load(&v1, NULL, "masa-v1", NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_config_load(&v2, NULL, "mapr-v2", NULL, 0, NULL), MASA_OK);
    assert_int_equal(grpo.meta.samples, 0);
    assert_int_equal(grpo.rollout.prompts_per_step, 128);
    assert_int_equal(grpo.rollout.group_size, 16);
    assert_int_equal(grpo.rollout.max_tokens, 8192);
    assert_int_equal(grpo.algorithm.aggregation, MASA_CONFIG_AGGREGATION_TOKEN_MEAN);
    assert_near(grpo.algorithm.dual_clip, 10, 0);
    assert_near(grpo.algorithm.clip_low, 0.2, 0);
    assert_near(grpo.algorithm.clip_high, 0.28, 0);
    assert_near(grpo.algorithm.kl_coef, 0, 0);
    assert_near(grpo.optimizer.lr, 1e-6, 0);
    const masa_config *both[] = {&v1, &v2};
    for (int i = 0; i < 2; i++) {
        const masa_config *c = both[i];
        assert_int_equal(c->meta.samples, i ? 8 : 16);
        assert_near(c->meta.cutoff_margin, i ? 1.5 : 2, 0);
        assert_int_equal(c->meta.bc_enabled, !i);
        assert_true(i || c->meta.bc_acting);
        assert_int_equal(c->meta.start_step, 80);
        assert_int_equal(c->meta.gate, MASA_CONFIG_GATE_HARD);
        assert_int_equal(c->meta.update, MASA_CONFIG_META_UPDATE_SEPARATE);
        assert_near(c->meta.cutoff_audit, 0, 0);
        assert_near(c->meta.audit_share, 0, 0);
        assert_string_equal(c->meta.system, "You are a helpful assistant.");
        masa_text different = {0};
        masa_config_difference(c, &grpo, &different);
        for (char *s = strtok(different.data, ")"); s; s = strtok(NULL, ")"))
            if (!strstr(s, "meta.")) fail_msg("%s", s);
        masa_text_deinit(&different);
    }
    masa_config_deinit(&grpo);
    masa_config_deinit(&v1);
    masa_config_deinit(&v2);
}

/* Each number just outside its bounds, and words in place of it, are refused. */
static void bounds_hold_for_every_key(void **state)
{
    (void)state;
    masa_config config;
    assert_int_equal(parse(&config, NULL, NULL), MASA_OK);
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *e = &config_sections[s].entries[k];
            char low[64], high[64];
            const char *bad[] = {low, high, "", "flase", "3x", "nan"};
            snprintf(low, sizeof low, "%.17g", e->least - fabs(e->least) * 0.01 - 1);
            snprintf(high, sizeof high, "%.17g", e->most * 1.01 + 1);
            if (e->kind == CONFIG_TEXT || e->kind == CONFIG_FORMER) continue;
            for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                bool number = e->kind == CONFIG_INTEGER || e->kind == CONFIG_NUMBER;
                if (i < 2 && !number) continue;
                masa_error err = {0};
                assert_int_equal(config_store(&config, e, bad[i], &err), MASA_ERR_CONFIG);
                assert_says(&err, e->key);
            }
            if (e->kind == CONFIG_INTEGER || e->kind == CONFIG_NUMBER) {
                assert_int_equal(config_store(&config, e, e->least_text, NULL), MASA_OK);
                assert_int_equal(config_store(&config, e, e->most_text, NULL), MASA_OK);
            }
        }
    masa_config_deinit(&config);
}

static void errors_name_the_line(void **state)
{
    (void)state;
    masa_error err = refused("rollout:\n  group_size: 4\n\n  top_p: 3 # too much\n");
    assert_string_equal(err.path, "run.yaml");
    assert_int_equal(err.line, 4);
    assert_says(&err, "rollout.top_p must be a number from 0.01 to 1 (got \"3\")");

    err = refused("# c\nrollout:\n  group_size: 4\n  group_sise: 4\n");
    assert_int_equal(err.line, 4);
    assert_says(&err, "no setting rollout.group_sise; did you mean rollout.group_size?");

    err = refused("model:\n  path: x\nlr: 1e-5\n");
    assert_int_equal(err.line, 3);
    assert_says(&err, "did you mean lr inside the section optimizer?");

    err = refused("modle:\n  path: x\n");
    assert_int_equal(err.line, 1);
    assert_says(&err, "no section modle; sections are model, data");

    err = refused("train:\n  lr: 1e-5\n");
    assert_says(&err, "did you mean optimizer.lr?");

    err = refused("rollout:\n  top_k: [1, 2]\n");
    assert_int_equal(err.line, 2);
    assert_says(&err, "top_k");

    err = refused("rollout:\n  top_k: 1\n  top_k: 2\n");
    assert_says(&err, "already seen: top_k");

    err = refused("rollout:\n top_k: 1\n\ttop_p: 1\n");
    assert_says(&err, "not YAML: found a tab character");
    assert_int_equal(err.line, 2);

    err = refused("- a\n- b\n");
    assert_says(&err, "expected sections");
    err = refused("rollout: {\n");
    assert_string_equal(err.message, "not YAML: did not find expected node content");
    refused("rollout:\n  ? [a, b]\n  : 3\n");
    refused("just words\n");
    refused("rollout: *nowhere\n");
    refused("rollout:\n  top_p: \xff\xfe\n");
    refused("rollout: {top_p: 1\n");
}

static void overrides_are_checked(void **state)
{
    (void)state;
    masa_config config;
    masa_error err = {0};
    const char *unknown[] = {"group_size=4"}, *bare[] = {"rollout.group_size"};
    const char *choice[] = {"algorithm.ratio=both"};
    assert_int_equal(with_set(unknown, 1, &config, &err), MASA_ERR_CONFIG);
    assert_says(&err, "did you mean rollout.group_size?");
    assert_int_equal(with_set(bare, 1, &config, &err), MASA_ERR_CONFIG);
    assert_says(&err, "is not section.key=value");
    assert_int_equal(with_set(choice, 1, &config, &err), MASA_ERR_CONFIG);
    assert_says(&err, "one of token, sequence (got \"both\")");
    /* a refused choice of family leaves the section as it was */
    const char *set[] = {"algorithm.kl_coef=0.5"};
    assert_int_equal(with_set(set, 1, &config, NULL), MASA_OK);
    assert_int_equal(masa_config_set(&config, "algorithm.name", "ppo", NULL), MASA_ERR_CONFIG);
    assert_near(config.algorithm.kl_coef, 0.5, 0);
    masa_config_deinit(&config);
}

/* Files of earlier versions are read, and written as they are called today. */
static void former_keys_are_read(void **state)
{
    (void)state;
    masa_config config;
    masa_text yaml = {0};
    assert_int_equal(parse(&config,
                           "optimizer: {checkpoint_activations: true}\n"
                           "rollout: {cache_tokens: 0}\n",
                           NULL),
                     MASA_OK);
    assert_int_equal(config.optimizer.recompute, MASA_CONFIG_RECOMPUTE_ALWAYS);
    masa_config_print(&config, false, &yaml);
    assert_non_null(strstr(masa_text_get(&yaml), "  recompute: true\n"));
    assert_non_null(strstr(masa_text_get(&yaml), "  cache_memory: 0\n"));
    assert_null(strstr(masa_text_get(&yaml), "checkpoint_activations"));
    assert_null(strstr(masa_text_get(&yaml), "cache_tokens"));
    masa_text_deinit(&yaml);
    assert_int_equal(
        masa_config_set(&config, "optimizer.checkpoint_activations", "false", NULL), MASA_OK);
    assert_int_equal(config.optimizer.recompute, MASA_CONFIG_RECOMPUTE_NEVER);
    assert_int_equal(masa_config_set(&config, "rollout.cache_tokens", "700", NULL), MASA_OK);
    assert_int_equal(config.rollout.cache_memory, 0);
    masa_config_deinit(&config);
    masa_error err = refused("optimizer:\n  checkpoint_activations: maybe\n");
    assert_says(&err, "optimizer.recompute must be one of");
    assert_int_equal(err.line, 2);
}

static void combinations_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"algorithm: {dual_clip: 0.5}\n", "dual_clip"},
        {"algorithm: {overlong_buffer: 300}\n", "overlong_buffer (300)"},
        {"optimizer: {mini_batches: 17}\n", "mini_batches (17)"},
        {"rollout: {max_tokens: 4000}\n", "= 4512"},
        {"meta: {start_step: 3}\n", "set meta.samples"},
        {"meta: {samples: 1}\n", "at least 2"},
        {"meta: {samples: 4, weight_difficulty: 0, weight_length: 0, weight_notion: 0}\n",
         "above 0"},
        {"meta: {samples: 4, length_min: 257}\n", "length_min (257)"},
        {"meta: {samples: 4, max_tokens: 4000}\n", "meta response"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_error err = refused(cases[i].yaml);
        assert_says(&err, cases[i].says);
    }
    masa_config config;
    masa_error err = {0};
    assert_int_equal(parse(&config, "model: {path: m.gguf}\n", NULL), MASA_OK);
    assert_int_equal(masa_config_require(&config, "model.path", &err), MASA_OK);
    assert_int_equal(masa_config_require(&config, "data.train", &err), MASA_ERR_CONFIG);
    assert_says(&err, "data.train is not set");
    masa_config_deinit(&config);
}

/* Whatever is in a configuration, what is printed reads back the same. */
static void printing_reads_back(void **state)
{
    (void)state;
    masa_config config, again;
    const char *hard = "q\" \\ \t\n\r: # - ' {}\x7f \xC2\x85\xE2\x80\xA8\xEF\xBB\xBF "
                       "\xF0\x9F\x99\x82 e\xCC\x81 ~";
    assert_int_equal(parse(&config, NULL, NULL), MASA_OK);
    assert_int_equal(masa_config_set(&config, "data.suffix", hard, NULL), MASA_OK);
    assert_int_equal(masa_config_set(&config, "optimizer.lr", "0.1234567890123456", NULL),
                     MASA_OK);
    assert_int_equal(masa_config_set(&config, "algorithm.name", "gspo", NULL), MASA_OK);
    assert_int_equal(masa_config_set(&config, "algorithm.clip_low", "0.125", NULL), MASA_OK);
    assert_int_equal(masa_config_set(&config, "train.seed", "1000000000000", NULL), MASA_OK);
    for (int comments = 0; comments < 2; comments++) {
        masa_text first = {0}, second = {0};
        masa_config_print(&config, comments, &first);
        masa_error err = {0};
        if (parse(&again, masa_text_get(&first), &err) != MASA_OK)
            fail_msg("line %zu: %s", err.line, err.message);
        masa_config_print(&again, comments, &second);
        assert_string_equal(masa_text_get(&first), masa_text_get(&second));
        assert_string_equal(again.data.suffix, hard);
        assert_true(again.optimizer.lr == config.optimizer.lr);
        masa_config_deinit(&again);
        masa_text_deinit(&first);
        masa_text_deinit(&second);
    }
    masa_config_deinit(&config);
}

static void documentation_is_current(void **state)
{
    (void)state;
    masa_text made = {0}, committed = {0};
    masa_config_markdown(&made);
    assert_int_equal(
        masa_file_read(&committed, MASA_TEST_DATA "/../../../docs/configuration.md", NULL),
        MASA_OK);
    if (strcmp(masa_text_get(&made), masa_text_get(&committed)) != 0)
        fail_msg("run: masa config --markdown > docs/configuration.md");
    masa_text_deinit(&made);
    masa_text_deinit(&committed);
}

static void files_are_loaded_and_written(void **state)
{
    (void)state;
    masa_config config, again;
    char folder[] = "/tmp/masa-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "config.yaml");
    assert_int_equal(masa_config_load(&config, MASA_TEST_DATA "/run.yaml", NULL, NULL, 0, NULL),
                     MASA_OK);
    assert_int_equal(config.rollout.group_size, 16);
    assert_int_equal(config.algorithm.aggregation, MASA_CONFIG_AGGREGATION_CONSTANT);
    assert_int_equal(masa_config_write(&config, path, NULL), MASA_OK);
    assert_int_equal(masa_config_load(&again, path, NULL, NULL, 0, NULL), MASA_OK);
    assert_string_equal(again.model.path, "SmolLM2-135M-Instruct.gguf");
    assert_near(again.rollout.temperature, 0.9, 0);
    masa_config_deinit(&config);
    masa_config_deinit(&again);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(path);
}

static void missing_file_is_an_error(void **state)
{
    (void)state;
    masa_config config;
    masa_error err = {0};
    assert_int_equal(masa_config_load(&config, "/nowhere/run.yaml", NULL, NULL, 0, &err),
                     MASA_ERR_IO);
    assert_says(&err, "/nowhere/run.yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_tables),
        cmocka_unit_test(sources_win_in_order),
        cmocka_unit_test(family_comes_before_its_section),
        cmocka_unit_test(every_family_is_a_preset),
        cmocka_unit_test(presets_of_the_paper_say_what_was_run),
        cmocka_unit_test(bounds_hold_for_every_key),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(overrides_are_checked),
        cmocka_unit_test(former_keys_are_read),
        cmocka_unit_test(combinations_are_checked),
        cmocka_unit_test(printing_reads_back),
        cmocka_unit_test(documentation_is_current),
        cmocka_unit_test(files_are_loaded_and_written),
        cmocka_unit_test(missing_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
