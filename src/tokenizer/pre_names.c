/* The ways of splitting that GGUF files call by name ("tokenizer.ggml.pre"). */
#include "tokenizer_internal.h"

#include <string.h>

static const struct {
    const char *name;
    bool digits; /* single digits are cut out first */
    const char *pattern;
    bool nfc, ignore_merges;
} families[] = {
    {"smollm", true, tokenizer_pattern_gpt2, false, false},
    {"gpt-2", false, tokenizer_pattern_gpt2, false, false},
    {"qwen2", false, tokenizer_pattern_qwen2, true, false},
    {"llama-bpe", false, tokenizer_pattern_llama3, false, true},
    /* Other names that converters write for the same three. */
    {"smaug-bpe", false, tokenizer_pattern_llama3, false, true},
    {"llama3", false, tokenizer_pattern_llama3, false, true},
    {"llama-v3", false, tokenizer_pattern_llama3, false, true},
    {"deepseek-r1-qwen", false, tokenizer_pattern_qwen2, true, false},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

masa_status tokenizer_set_pre(masa_tokenizer *t, const char *name, masa_error *err)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        if (strcmp(families[i].name, name) != 0) continue;
        masa_status st = MASA_OK;
        if (families[i].digits) st = tokenizer_add_step(t, STEP_DIGIT, NULL, err);
        if (st == MASA_OK) st = tokenizer_add_step(t, STEP_SPLIT, families[i].pattern, err);
        t->nfc = families[i].nfc;
        t->ignore_merges = families[i].ignore_merges;
        return st;
    }
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                     "the tokenizer splits text in a way called \"%.60s\"; masa knows smollm, "
                     "gpt-2, qwen2 and llama-bpe: use the model's Hugging Face folder, whose "
                     "tokenizer.json says how",
                     name);
}

const char *tokenizer_pre_name(const masa_tokenizer *t)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        masa_text expected = {0};
        masa_text_addf(&expected, "%ss%s\n", families[i].digits ? "d\n" : "",
                       families[i].pattern);
        /* llama.cpp does not normalise, so nfc need not agree. */
        bool same = strcmp(masa_text_get(&expected), masa_text_get(&t->signature)) == 0 &&
                    t->ignore_merges == families[i].ignore_merges;
        masa_text_deinit(&expected);
        if (same) return families[i].name;
    }
    return NULL;
}
