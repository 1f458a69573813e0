/* masa convert and masa inspect MODEL, as a user calls them. */
#include "masa_test.h"

#include <masa/file.h>
#include <masa/model_file.h>
#include <sys/wait.h>

static char folder[] = "masa-cli-convert-XXXXXX";

/* A tokenizer for the golden models' 32 ids; the last two have no token. */
static void write_tokenizer(void)
{
    masa_text t = {0};
    masa_text_add(&t, "{\"version\":\"1.0\",\"added_tokens\":[");
    for (int i = 0; i < 3; i++)
        masa_text_addf(&t,
                       "%s{\"id\":%d,\"content\":\"<|%d|>\",\"single_word\":false,"
                       "\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                       "\"special\":true}",
                       i ? "," : "", i, i);
    masa_text_add(&t, "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\","
                      "\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
                      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                      "\"trim_offsets\":true,\"use_regex\":true}]},"
                      "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\","
                      "\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},"
                      "\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (int i = 0; i < 3; i++) masa_text_addf(&t, "\"<|%d|>\":%d,", i, i);
    for (int i = 3; i < 29; i++) masa_text_addf(&t, "\"%c\":%d,", 'a' + i - 3, i);
    masa_text_add(&t, "\"th\":29},\"merges\":[\"t h\"]}}");
    char *path = masa_path_join(folder, "source/tokenizer.json");
    assert_int_equal(masa_file_write(path, t.data, t.size, NULL), MASA_OK);
    free(path);
    path = masa_path_join(folder, "source/tokenizer_config.json");
    static const char config[] = "{\"eos_token\":\"<|2|>\",\"chat_template\":\"{{x}}\","
                                 "\"model_max_length\":1000000000000000019884624838656}";
    assert_int_equal(masa_file_write(path, config, sizeof config - 1, NULL), MASA_OK);
    free(path);
    masa_text_deinit(&t);
}

static int make_source(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *source = masa_path_join(folder, "source");
    masa_model_file *model = NULL;
    assert_int_equal(masa_folder_create(source, NULL), MASA_OK);
    assert_int_equal(masa_model_file_open(&model, MASA_TESTS "/formats/data/qwen3", NULL),
                     MASA_OK);
    assert_int_equal(
        masa_model_folder_write_file(source, model, NULL, NULL, MASA_SAVE_BF16, NULL), MASA_OK);
    masa_model_file_close(model);
    free(source);
    write_tokenizer();
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

/* Output and exit status of `masa ARGUMENTS` in the folder. */
static char output[65536];
static int masa(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "cd '%s' && '%s' %s 2>&1", folder, MASA_PROGRAM,
             arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static masa_text bytes_of(const char *name)
{
    masa_text t = {0};
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_read(&t, path, NULL), MASA_OK);
    free(path);
    return t;
}

static void assert_same_files(const char *a, const char *b)
{
    masa_text x = bytes_of(a), y = bytes_of(b);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    masa_text_deinit(&x);
    masa_text_deinit(&y);
}

static void there_and_back_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(masa("convert source first.gguf"), 0);
    assert_int_equal(masa("convert first.gguf back"), 0);
    assert_int_equal(masa("convert back second.gguf"), 0);
    assert_same_files("first.gguf", "second.gguf");
    assert_same_files("source/model.safetensors", "back/model.safetensors");
    assert_int_equal(masa("convert --dtype f32 source f32.gguf"), 0);
    assert_int_equal(masa("convert --dtype f16 f32.gguf f16"), 0);
    assert_int_equal(masa("inspect f16"), 0);
    assert_non_null(strstr(output, "F16"));
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(masa("convert --dtype q4 source x.gguf"), 2);
    assert_non_null(strstr(output, "f32, f16 or bf16"));
    assert_int_equal(masa("convert absent x.gguf"), 1);
    assert_non_null(strstr(output, "absent"));
    assert_int_equal(masa("convert source source"), 2);
    assert_non_null(strstr(output, "--force"));
    assert_int_equal(masa("convert --force source source"), 0);
    assert_int_equal(masa("convert source no/such/folder/x.gguf"), 1);
    assert_non_null(strstr(output, "no/such/folder/x.gguf"));
    assert_int_equal(masa("convert source"), 2);
}

static void inspects_models(void **state)
{
    (void)state;
    assert_int_equal(masa("inspect source"), 0);
    assert_non_null(strstr(output, "Hugging Face folder, qwen3"));
    assert_non_null(strstr(output, "tied to the embeddings"));
    assert_int_equal(masa("inspect --json --tensors source"), 0);
    assert_non_null(strstr(output, "\"architecture\":\"qwen3\""));
    assert_non_null(strstr(output, "{\"tensor\":\"model.norm.weight\",\"shape\":[16],"
                                   "\"type\":\"BF16\""));
    assert_int_equal(masa("inspect --tensors source"), 0);
    assert_non_null(strstr(output, "model.layers.1.mlp.down_proj.weight"));
    assert_int_equal(masa("inspect ."), 1);
    assert_non_null(strstr(output, "neither a GGUF file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inspects_models),
                                       cmocka_unit_test(there_and_back_is_the_same),
                                       cmocka_unit_test(says_what_is_wrong)};
    return cmocka_run_group_tests(tests, make_source, remove_all);
}
