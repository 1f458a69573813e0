/*
 * Writing a Hugging Face folder's tokenizer files. What came from such a folder
 * goes out byte for byte; what came from a GGUF file is written as the fast
 * tokenizer that does the same.
 */
#include "tokenizer_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static void add_token(masa_text *out, const masa_tokenizer *t, int32_t id)
{
    tokenizer_span span = t->tokens[id].text;
    masa_text_add_json(out, t->strings.data + span.at, span.size);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void add_flags(masa_text *out, const tokenizer_added *a)
{
    masa_text_addf(out,
                   "\"single_word\": %s, \"lstrip\": %s, \"rstrip\": %s, "
                   "\"normalized\": %s, \"special\": %s}",
                   truth(a->single_word), truth(a->lstrip), truth(a->rstrip),
                   truth(a->normalized), truth(a->special));
}

static void add_steps(masa_text *out, const masa_tokenizer *t)
{
    /* GPT-2's pattern is part of ByteLevel; other steps are only those of GGUF's names. */
    bool gpt2 = false;
    masa_text_add(out, "{\"type\": \"Sequence\", \"pretokenizers\": [");
    for (const char *p = masa_text_get(&t->signature); *p; p = strchr(p, '\n') + 1) {
        size_t n = (size_t)(strchr(p, '\n') - p - 1);
        if (*p == 'd') {
            masa_text_add(out, "\n    {\"type\": \"Digits\", \"individual_digits\": true},");
        } else if (n == strlen(tokenizer_pattern_gpt2) &&
                   memcmp(p + 1, tokenizer_pattern_gpt2, n) == 0) {
            gpt2 = true;
        } else {
            masa_text_add(out, "\n    {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
            masa_text_add_json(out, p + 1, n);
            masa_text_add(out, "}, \"behavior\": \"Isolated\", \"invert\": false},");
        }
    }
    masa_text_addf(out,
                   "\n    {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                   "\"trim_offsets\": true, \"use_regex\": %s}]}",
                   truth(gpt2));
}

static void add_model(masa_text *out, const masa_tokenizer *t)
{
    masa_text_addf(out,
                   "{\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null,\n"
                   "    \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n"
                   "    \"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": %s,\n"
                   "    \"vocab\": {",
                   truth(t->ignore_merges));
    const char *comma = "";
    for (size_t i = 0; i < t->n; i++) {
        if (!(t->tokens[i].flags & (TOKEN_MODEL | TOKEN_ADDED))) continue;
        masa_text_addf(out, "%s\n      ", comma);
        add_token(out, t, (int32_t)i);
        masa_text_addf(out, ": %zu", i);
        comma = ",";
    }
    masa_text_add(out, "\n    },\n    \"merges\": [");
    for (size_t i = 0; i < t->n_merges; i++) {
        masa_text_addf(out, "%s\n      [", i ? "," : "");
        add_token(out, t, t->merge_list[i].left);
        masa_text_add(out, ", ");
        add_token(out, t, t->merge_list[i].right);
        masa_text_add(out, "]");
    }
    masa_text_add(out, "\n    ]}");
}

/* The bos before every text, if the model wants it. */
static void add_post_processor(masa_text *out, const masa_tokenizer *t)
{
    static const char plain[] = "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                                "\"trim_offsets\": false, \"use_regex\": true}";
    if (!t->add_bos || t->bos < 0) {
        masa_text_add(out, plain);
        return;
    }
    masa_text_addf(out,
                   "{\"type\": \"Sequence\", \"processors\": [%s,\n    "
                   "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
                   "{\"id\": ",
                   plain);
    add_token(out, t, t->bos);
    masa_text_add(out, ", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],\n"
                       "    \"pair\": [{\"SpecialToken\": {\"id\": ");
    add_token(out, t, t->bos);
    masa_text_add(out, ", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
                       "{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}],\n"
                       "    \"special_tokens\": {");
    add_token(out, t, t->bos);
    masa_text_add(out, ": {\"id\": ");
    add_token(out, t, t->bos);
    masa_text_addf(out, ", \"ids\": [%d], \"tokens\": [", t->bos);
    add_token(out, t, t->bos);
    masa_text_add(out, "]}}}]}");
}

static void make_tokenizer_json(masa_text *out, const masa_tokenizer *t)
{
    masa_text_add(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                       "  \"padding\": null,\n  \"added_tokens\": [");
    for (size_t i = 0; i < t->n_added; i++) {
        masa_text_addf(out, "%s\n    {\"id\": %d, \"content\": ", i ? "," : "", t->added[i].id);
        add_token(out, t, t->added[i].id);
        masa_text_add(out, ", ");
        add_flags(out, &t->added[i]);
    }
    masa_text_addf(out, "\n  ],\n  \"normalizer\": %s,\n  \"pre_tokenizer\": ",
                   t->nfc ? "{\"type\": \"NFC\"}" : "null");
    add_steps(out, t);
    masa_text_add(out, ",\n  \"post_processor\": ");
    add_post_processor(out, t);
    masa_text_add(out,
                  ",\n  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                  "\"trim_offsets\": true, \"use_regex\": true},\n  \"model\": ");
    add_model(out, t);
    masa_text_add(out, "\n}\n");
}

static const char *add_named(masa_text *out, const masa_tokenizer *t, const char *comma,
                             const char *name, int32_t id)
{
    if (id < 0) return comma;
    masa_text_addf(out, "%s\n  \"%s\": ", comma, name);
    add_token(out, t, id);
    return ",";
}

static const char *add_special(masa_text *out, const masa_tokenizer *t, const char *comma)
{
    comma = add_named(out, t, comma, "bos_token", t->bos);
    comma = add_named(out, t, comma, "eos_token", t->eos);
    comma = add_named(out, t, comma, "pad_token", t->pad);
    return add_named(out, t, comma, "unk_token", t->gguf_unknown);
}

static void make_config_json(masa_text *out, const masa_tokenizer *t)
{
    masa_text_add(out, "{\n  \"added_tokens_decoder\": {");
    for (size_t i = 0; i < t->n_added; i++) {
        masa_text_addf(out, "%s\n    \"%d\": {\"content\": ", i ? "," : "", t->added[i].id);
        add_token(out, t, t->added[i].id);
        masa_text_add(out, ", ");
        add_flags(out, &t->added[i]);
    }
    masa_text_addf(out,
                   "\n  },\n  \"add_prefix_space\": false,\n  \"add_bos_token\": %s,\n"
                   "  \"clean_up_tokenization_spaces\": false,",
                   truth(t->add_bos));
    if (*add_special(out, t, "")) masa_text_add(out, ",");
    if (t->chat_template) {
        masa_text_add(out, "\n  \"chat_template\": ");
        masa_text_add_json(out, t->chat_template, strlen(t->chat_template));
        masa_text_add(out, ",");
    }
    masa_text_add(out, "\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n");
}

static void make_special_json(masa_text *out, const masa_tokenizer *t)
{
    masa_text_add(out, "{");
    add_special(out, t, "");
    masa_text_add(out, "\n}\n");
}

/* The bytes as they were, or made anew. */
static masa_status write_file(const masa_tokenizer *t, const char *folder, const char *name,
                              const char *original, size_t size,
                              void (*make)(masa_text *, const masa_tokenizer *),
                              masa_error *err)
{
    char *path = masa_path_join(folder, name);
    masa_text text = {0};
    if (!original) make(&text, t);
    masa_status st = masa_file_write(path, original ? original : masa_text_get(&text),
                                     original ? size : text.size, err);
    masa_text_deinit(&text);
    free(path);
    return st;
}

static size_t length(const char *s)
{
    return s ? strlen(s) : 0;
}

masa_status masa_tokenizer_save(const masa_tokenizer *t, const char *folder, masa_error *err)
{
    masa_status st = write_file(t, folder, "tokenizer.json", t->json, t->json_size,
                                make_tokenizer_json, err);
    if (st == MASA_OK)
        st = write_file(t, folder, "tokenizer_config.json", t->config_json,
                        length(t->config_json), make_config_json, err);
    if (st == MASA_OK)
        st = write_file(t, folder, "special_tokens_map.json", t->special_json,
                        length(t->special_json), make_special_json, err);
    if (st == MASA_OK && t->template_file)
        st = write_file(t, folder, "chat_template.jinja", t->template_file,
                        length(t->template_file), NULL, err);
    return st;
}
