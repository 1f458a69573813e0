/* tokenizer.json of Hugging Face's `tokenizers`, as far as byte-level BPE goes. */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <jansson.h>
#include <string.h>

static masa_status unsupported(masa_error *err, const char *what, const json_t *part)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                     "%s%s%.60s is not supported; masa reads byte-level BPE tokenizers", what,
                     type ? " of type " : "", type ? type : "");
}

static masa_status malformed(masa_error *err, const char *what)
{
    return MASA_FAIL(err, MASA_ERR_FORMAT, "%s", what);
}

static bool is_type(const json_t *part, const char *type)
{
    const char *has = json_string_value(json_object_get(part, "type"));
    return has && strcmp(has, type) == 0;
}

/* A flag; `missing` when it is absent or null. */
static bool flag(const json_t *part, const char *key, bool missing)
{
    const json_t *value = json_object_get(part, key);
    return json_is_boolean(value) ? json_is_true(value) : missing;
}

static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static masa_status read_vocab(masa_tokenizer *t, json_t *vocab, masa_error *err)
{
    if (!json_is_object(vocab)) return malformed(err, "model.vocab is not an object");
    const char *text;
    size_t n;
    json_t *id;
    json_object_keylen_foreach(vocab, text, n, id)
    {
        if (!json_is_integer(id))
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "model.vocab: the id of \"%.80s\" is not a whole number", text);
        masa_status st = tokenizer_put(t, json_integer_value(id), text, n, TOKEN_MODEL, err);
        if (st != MASA_OK) return st;
    }
    return MASA_OK;
}

/* "left right", or ["left", "right"]. */
static masa_status read_merge(masa_tokenizer *t, const json_t *merge, size_t i, masa_error *err)
{
    const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
    if (json_is_string(merge)) {
        const char *s = json_string_value(merge);
        size_t n = json_string_length(merge);
        const char *space = memchr(s, ' ', n);
        size_t at = space ? (size_t)(space - s) : 0;
        if (space && !memchr(space + 1, ' ', n - at - 1))
            return tokenizer_add_merge(t, s, at, space + 1, n - at - 1, err);
    } else if (json_array_size(merge) == 2 && json_is_string(left) && json_is_string(right)) {
        return tokenizer_add_merge(t, json_string_value(left), json_string_length(left),
                                   json_string_value(right), json_string_length(right), err);
    }
    return MASA_FAIL(err, MASA_ERR_FORMAT, "model.merges[%zu] is not a pair of tokens", i);
}

static masa_status read_model(masa_tokenizer *t, const json_t *model, masa_error *err)
{
    if (!json_is_object(model)) return malformed(err, "it has no model");
    if (json_object_get(model, "type") && !is_type(model, "BPE"))
        return unsupported(err, "a model", model);
    if (!is_empty(json_object_get(model, "continuing_subword_prefix")) ||
        !is_empty(json_object_get(model, "end_of_word_suffix")))
        return unsupported(err, "a prefix or suffix of subwords", NULL);
    if (json_number_value(json_object_get(model, "dropout")) > 0)
        return unsupported(err, "BPE dropout", NULL);
    if (flag(model, "byte_fallback", false))
        return unsupported(err, "byte fallback (a SentencePiece tokenizer)", NULL);
    t->ignore_merges = flag(model, "ignore_merges", false);
    t->fuse_unknown = flag(model, "fuse_unk", false);
    masa_status st = read_vocab(t, json_object_get(model, "vocab"), err);
    const json_t *merges = json_object_get(model, "merges"), *merge;
    if (st == MASA_OK && !json_is_array(merges))
        st = malformed(err, "model.merges is not a list");
    size_t i;
    if (st == MASA_OK) json_array_foreach(merges, i, merge)
        {
            st = read_merge(t, merge, i, err);
            if (st != MASA_OK) break;
        }
    const json_t *unknown = json_object_get(model, "unk_token");
    if (st == MASA_OK && json_is_string(unknown))
        t->unknown =
            tokenizer_lookup(t, json_string_value(unknown), json_string_length(unknown));
    return st;
}

static masa_status read_added(masa_tokenizer *t, const json_t *list, masa_error *err)
{
    size_t i;
    const json_t *token;
    json_array_foreach(list, i, token)
    {
        const json_t *text = json_object_get(token, "content"),
                     *id = json_object_get(token, "id");
        if (!json_is_string(text) || !json_is_integer(id))
            return MASA_FAIL(err, MASA_ERR_FORMAT, "added_tokens[%zu] has no content or id", i);
        bool special = flag(token, "special", false);
        tokenizer_added how = {.special = special,
                               .normalized = flag(token, "normalized", !special),
                               .lstrip = flag(token, "lstrip", false),
                               .rstrip = flag(token, "rstrip", false),
                               .single_word = flag(token, "single_word", false)};
        masa_status st = tokenizer_add_added(t, json_integer_value(id), json_string_value(text),
                                             json_string_length(text), how, err);
        if (st != MASA_OK) return st;
    }
    return MASA_OK;
}

static masa_status read_normalizer(masa_tokenizer *t, const json_t *part, masa_error *err)
{
    if (!part || json_is_null(part)) return MASA_OK;
    if (is_type(part, "NFC")) {
        t->nfc = true;
        return MASA_OK;
    }
    if (!is_type(part, "Sequence")) return unsupported(err, "a normalizer", part);
    size_t i;
    const json_t *inner;
    json_array_foreach(json_object_get(part, "normalizers"), i, inner)
    {
        if (!is_type(inner, "NFC")) return unsupported(err, "a normalizer", inner);
        t->nfc = true;
    }
    return MASA_OK;
}

static masa_status read_split(masa_tokenizer *t, const json_t *part, masa_error *err)
{
    const json_t *pattern = json_object_get(part, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *behavior = json_string_value(json_object_get(part, "behavior"));
    if (!regex) return unsupported(err, "a Split without a Regex", NULL);
    /* Whether matches or what is between them are the delimiters is the same to it. */
    if (!behavior || strcmp(behavior, "Isolated") != 0)
        return unsupported(err, "a Split with a behavior other than Isolated", NULL);
    return tokenizer_add_step(t, STEP_SPLIT, regex, err);
}

/* byte_level: set when a step writes the pieces in the byte-level alphabet. */
static masa_status read_pre_tokenizer(masa_tokenizer *t, const json_t *part, bool *byte_level,
                                      int depth, masa_error *err)
{
    if (*byte_level) return unsupported(err, "a pre-tokenizer after ByteLevel", NULL);
    if (is_type(part, "Split")) return read_split(t, part, err);
    if (is_type(part, "Digits"))
        return tokenizer_add_step(
            t, flag(part, "individual_digits", false) ? STEP_DIGIT : STEP_DIGITS, NULL, err);
    if (is_type(part, "ByteLevel")) {
        masa_status st = MASA_OK;
        *byte_level = true;
        if (flag(part, "add_prefix_space", true))
            st = tokenizer_add_step(t, STEP_PREFIX_SPACE, NULL, err);
        if (st == MASA_OK && flag(part, "use_regex", true))
            st = tokenizer_add_step(t, STEP_SPLIT, tokenizer_pattern_gpt2, err);
        return st;
    }
    if (!is_type(part, "Sequence") || depth > 8)
        return unsupported(err, "a pre-tokenizer", part);
    size_t i;
    const json_t *inner;
    json_array_foreach(json_object_get(part, "pretokenizers"), i, inner)
    {
        masa_status st = read_pre_tokenizer(t, inner, byte_level, depth + 1, err);
        if (st != MASA_OK) return st;
    }
    return MASA_OK;
}

static masa_status check_decoder(const json_t *part, masa_error *err)
{
    if (is_type(part, "ByteLevel")) return MASA_OK;
    if (!is_type(part, "Sequence")) return unsupported(err, "a decoder", part);
    const json_t *decoders = json_object_get(part, "decoders");
    if (json_array_size(decoders) != 1) return unsupported(err, "a decoder", part);
    return is_type(json_array_get(decoders, 0), "ByteLevel")
               ? MASA_OK
               : unsupported(err, "a decoder", json_array_get(decoders, 0));
}

/* Whether the template for one text begins with a special token: the bos. */
static bool begins_with_bos(const json_t *part)
{
    if (is_type(part, "TemplateProcessing")) {
        const json_t *first = json_array_get(json_object_get(part, "single"), 0);
        return json_object_get(first, "SpecialToken") != NULL;
    }
    size_t i;
    const json_t *inner;
    json_array_foreach(json_object_get(part, "processors"), i, inner)
    {
        if (is_type(inner, "TemplateProcessing") && begins_with_bos(inner)) return true;
    }
    return false;
}

masa_status tokenizer_read_json(masa_tokenizer *t, const char *data, size_t size,
                                masa_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(data, size, JSON_ALLOW_NUL, &where);
    if (!root) {
        masa_status st = MASA_FAIL(err, MASA_ERR_FORMAT, "not JSON: %s", where.text);
        if (err && where.line > 0) err->line = (size_t)where.line;
        return st;
    }
    bool byte_level = false;
    masa_status st = read_model(t, json_object_get(root, "model"), err);
    if (st == MASA_OK) st = read_added(t, json_object_get(root, "added_tokens"), err);
    if (st == MASA_OK) st = read_normalizer(t, json_object_get(root, "normalizer"), err);
    if (st == MASA_OK)
        st = read_pre_tokenizer(t, json_object_get(root, "pre_tokenizer"), &byte_level, 0, err);
    if (st == MASA_OK && !byte_level)
        st = unsupported(err, "a pre_tokenizer without ByteLevel", NULL);
    if (st == MASA_OK) st = check_decoder(json_object_get(root, "decoder"), err);
    t->add_bos = begins_with_bos(json_object_get(root, "post_processor"));
    json_decref(root);
    return st;
}
