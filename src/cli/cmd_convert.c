/* masa convert: a model from one format to another, with its tokenizer. */
#include "commands.h"
#include "options.h"

#include <masa/file.h>
#include <masa/gguf_write.h>
#include <masa/model_file.h>
#include <masa/run_folder.h>
#include <masa/tokenizer_export.h>

#include <stdlib.h>
#include <string.h>

static masa_status parse_dtype(masa_save_dtype *out, const char *name, masa_error *err)
{
    static const char *const names[] = {
        [MASA_SAVE_F32] = "f32", [MASA_SAVE_F16] = "f16", [MASA_SAVE_BF16] = "bf16"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (masa_save_dtype)i;
            return MASA_OK;
        }
    return MASA_FAIL(err, MASA_ERR_USAGE, "--dtype takes f32, f16 or bf16, not '%s'", name);
}

static masa_status write_gguf(const char *target, const masa_model_file *model,
                              const masa_tokenizer *tokenizer, masa_save_dtype dtype,
                              masa_error *err)
{
    masa_tokenizer_arrays arrays = {0};
    masa_status st = masa_tokenizer_export(&arrays, tokenizer, err);
    const masa_model_config *config = masa_model_file_config(model);
    if (arrays.vocab.bos < 0) arrays.vocab.bos = config->bos_token;
    if (arrays.vocab.eos < 0) arrays.vocab.eos = config->eos_token;
    if (arrays.vocab.pad < 0) arrays.vocab.pad = config->pad_token;
    if (st == MASA_OK) st = masa_gguf_write_file(target, model, dtype, &arrays.vocab, err);
    masa_tokenizer_arrays_deinit(&arrays);
    return st;
}

static masa_status write_folder(const char *target, const masa_model_file *model,
                                const masa_tokenizer *tokenizer, masa_save_dtype dtype,
                                masa_error *err)
{
    bool ours = !masa_path_exists(target);
    masa_status st = masa_folder_create(target, err);
    /* The model's config.json comes last: with it the folder is whole. */
    if (st == MASA_OK) st = masa_tokenizer_save(tokenizer, target, err);
    if (st == MASA_OK) st = masa_model_folder_write_file(target, model, NULL, NULL, dtype, err);
    if (st != MASA_OK && ours) masa_folder_remove(target, NULL);
    return st;
}

masa_status cli_convert(int argc, char **argv, masa_error *err)
{
    bool helped, force = false;
    const char *name = "bf16";
    const cli_option options[] = {
        CLI_STRING("dtype", 'd', &name, "TYPE", "type of the matrices written: f32, f16, bf16"),
        CLI_FLAG("force", 'f', &force, "write over a target that exists"),
        CLI_END,
    };
    const cli_usage usage = {
        "convert",
        "[OPTIONS] SOURCE TARGET",
        "Writes a model with its tokenizer in another format or element type.",
        "SOURCE is a " CLI_MODEL_HELP ".\nA TARGET that ends in .gguf is "
        "written\n"
        "as GGUF, any other as a Hugging Face folder. Quantised weights become plain "
        "numbers.\n"
        "Example: masa convert model.gguf model-hf",
        2,
        2};
    masa_save_dtype dtype = MASA_SAVE_BF16;
    masa_model_file *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    const char *source = argv[0], *target = argv[1];
    st = parse_dtype(&dtype, name, err);
    if (st == MASA_OK && !force && masa_path_exists(target))
        st = MASA_FAIL(err, MASA_ERR_USAGE, "%s exists; --force writes over it", target);
    char *found = NULL;
    if (st == MASA_OK) st = masa_model_find(&found, source, err);
    if (st == MASA_OK) st = masa_model_file_open(&model, found, err);
    if (st == MASA_OK) st = masa_tokenizer_load(&tokenizer, found, err);
    if (st == MASA_OK)
        st = (masa_ends_with(target, ".gguf") ? write_gguf : write_folder)(
            target, model, tokenizer, dtype, err);
    masa_tokenizer_destroy(tokenizer);
    masa_model_file_close(model);
    free(found);
    return st;
}
