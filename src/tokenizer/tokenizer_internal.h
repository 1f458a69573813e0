/* What the files of this part share: the loaded tokenizer and its steps. */
#ifndef MASA_TOKENIZER_INTERNAL_H
#define MASA_TOKENIZER_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <masa/text.h>
#include <masa/tokenizer.h>

/* Bytes inside the tokenizer's `strings`, by offset so that the text may grow. */
typedef struct tokenizer_span {
    size_t at, size;
} tokenizer_span;

enum {
    TOKEN_KNOWN = 1,   /* the id is taken */
    TOKEN_MODEL = 2,   /* reachable by the BPE merges */
    TOKEN_ADDED = 4,   /* matched before the model sees the text */
    TOKEN_SPECIAL = 8, /* left out by skip_special, plain text in user content */
};

typedef struct tokenizer_token {
    tokenizer_span text;  /* as the file has it: model tokens in the byte-level alphabet */
    tokenizer_span bytes; /* what it decodes to */
    unsigned char flags;
} tokenizer_token;

typedef struct tokenizer_added {
    int32_t id;
    bool special, normalized, lstrip, rstrip, single_word;
} tokenizer_added;

/* Hash from a token's text to its id. */
typedef struct tokenizer_strings {
    int32_t *slots; /* [capacity] id, or -1 */
    size_t capacity, n;
} tokenizer_strings;

typedef struct tokenizer_merge {
    int32_t left, right, rank, result;
} tokenizer_merge;

/* Hash from (left, right) to the merge: a power of two of slots, left < 0 when empty. */
typedef struct tokenizer_merges {
    tokenizer_merge *slots;
    size_t capacity;
} tokenizer_merges;

/* Trie over the bytes of added tokens: first child, next sibling. */
typedef struct tokenizer_node {
    uint32_t child, sibling; /* 0: none; node 0 is the root */
    int32_t added;           /* index of the added token that ends here, or -1 */
    unsigned char byte;
} tokenizer_node;

typedef struct tokenizer_trie {
    tokenizer_node *nodes;
    size_t n, capacity;
    uint32_t first[256]; /* the root's children by byte */
} tokenizer_trie;

typedef enum tokenizer_step_kind {
    STEP_SPLIT,        /* a regular expression; matches and what is between are pieces */
    STEP_DIGITS,       /* runs of numeric characters */
    STEP_DIGIT,        /* single numeric characters */
    STEP_PREFIX_SPACE, /* a space before a piece that has none */
} tokenizer_step_kind;

typedef struct tokenizer_step {
    tokenizer_step_kind kind;
    pcre2_code *code;
} tokenizer_step;

struct masa_tokenizer {
    masa_text strings;
    tokenizer_token *tokens; /* [n] by id */
    size_t n, capacity;
    tokenizer_strings by_text;

    tokenizer_merges merges;
    tokenizer_merge *merge_list; /* [n_merges] in order, for export */
    size_t n_merges, merge_capacity;
    bool ignore_merges;    /* a whole word that is a token is that token */
    bool fuse_unknown;     /* neighbouring unknown bytes make one unknown token */
    int32_t unknown;       /* of the model, or -1: such bytes are dropped */
    int32_t byte_ids[256]; /* the token of a single byte, or -1 */

    tokenizer_added *added; /* [n_added] */
    size_t n_added, added_capacity;
    tokenizer_trie raw, normalized; /* matched before and after the normaliser */

    bool nfc;
    tokenizer_step *steps; /* [n_steps] */
    size_t n_steps, step_capacity;
    masa_text signature; /* the steps as text, to know a family's again */

    int32_t bos, eos, pad;
    int32_t gguf_unknown; /* tokenizer.ggml.unknown_token_id, or -1 */
    bool add_bos;
    char *chat_template; /* or NULL */

    /* The files of a Hugging Face folder as they were, NULL when absent. */
    char *json, *config_json, *special_json, *template_file;
    size_t json_size;
};

/* Sets id's text. MASA_ERR_FORMAT when the id or the text is taken, or out of range. */
masa_status tokenizer_put(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                          unsigned char flags, masa_error *err);
int32_t tokenizer_lookup(const masa_tokenizer *t, const char *s, size_t n);
/* Adds "left right" by the texts of the tokens. */
masa_status tokenizer_add_merge(masa_tokenizer *t, const char *left, size_t n_left,
                                const char *right, size_t n_right, masa_error *err);
masa_status tokenizer_add_added(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                                tokenizer_added how, masa_error *err);
/* Builds the hashes and tries once everything was added. */
masa_status tokenizer_finish(masa_tokenizer *t, masa_error *err);
masa_tokenizer *tokenizer_create(void);

/* byte_level.c: the alphabet that writes every byte as a printable character. */
void tokenizer_bytes_to_alphabet(masa_text *out, const char *s, size_t n);
/* False, appending nothing, when a character is not of the alphabet. */
bool tokenizer_alphabet_to_bytes(masa_text *out, const char *s, size_t n);

/* bpe.c */
typedef struct tokenizer_bpe tokenizer_bpe; /* working memory, one per call of encode */
tokenizer_bpe *tokenizer_bpe_create(void);
void tokenizer_bpe_destroy(tokenizer_bpe *work);
void tokenizer_bpe_word(const masa_tokenizer *t, tokenizer_bpe *work, const char *s, size_t n,
                        masa_tokens *out);
const tokenizer_merge *tokenizer_find_merge(const tokenizer_merges *m, int32_t left,
                                            int32_t right);

/* split.c */
typedef struct tokenizer_piece {
    const char *s;
    size_t n;
} tokenizer_piece;
typedef struct tokenizer_splitter {
    tokenizer_piece *now, *next;
    size_t n_now, cap_now, n_next, cap_next;
    masa_text prefixed; /* text with spaces put in */
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} tokenizer_splitter;
masa_status tokenizer_add_step(masa_tokenizer *t, tokenizer_step_kind kind, const char *pattern,
                               masa_error *err);
/* Valid UTF-8 into pieces, left in splitter->now[0..n_now). */
void tokenizer_split(const masa_tokenizer *t, tokenizer_splitter *splitter, const char *s,
                     size_t n);
void tokenizer_splitter_deinit(tokenizer_splitter *splitter);
extern const char tokenizer_pattern_gpt2[];
extern const char tokenizer_pattern_qwen2[];
extern const char tokenizer_pattern_llama3[];
/* The splitting by GGUF's name ("smollm"), or NULL when it is none of those. */
const char *tokenizer_pre_name(const masa_tokenizer *t);
/* Sets the steps and options that a name stands for; MASA_ERR_UNSUPPORTED. */
masa_status tokenizer_set_pre(masa_tokenizer *t, const char *name, masa_error *err);

/* unicode.c: classes of characters as Hugging Face's tokenizers has them. */
bool tokenizer_is_numeric(unsigned code);
bool tokenizer_is_space(unsigned code);
bool tokenizer_is_word(unsigned code);
/* The pattern with \p{L}, \p{N}, \s and \S written out for this PCRE2. */
masa_status tokenizer_translate_pattern(masa_text *out, const char *pattern, masa_error *err);
/* Appends the normal form C of valid UTF-8. */
void tokenizer_normalize(masa_text *out, const char *s, size_t n);

/* added.c */
masa_status tokenizer_trie_add(tokenizer_trie *trie, int32_t index, const char *s, size_t n);

/* Byte ranges of a text in which special tokens are plain text; ascending. */
typedef struct tokenizer_ranges {
    size_t *at; /* [2n] begin, end, begin, end, ... */
    size_t n, capacity;
} tokenizer_ranges;

typedef struct tokenizer_match {
    size_t begin, end; /* end includes the space that lstrip / rstrip take */
    int32_t added;
} tokenizer_match;

/* Which matches count: all, or not the special ones (in `plain`, or anywhere). */
typedef struct tokenizer_match_rule {
    bool skip_special;
    const tokenizer_ranges *plain; /* or NULL */
    size_t base;                   /* of the text within the ranges */
} tokenizer_match_rule;

/* The first match at or after `from`; false when there is none. */
bool tokenizer_next_added(const masa_tokenizer *t, const tokenizer_trie *trie, const char *s,
                          size_t n, size_t from, const tokenizer_match_rule *rule,
                          tokenizer_match *out);

/* learn.c: adds to t, which has the bytes, at most `most` tokens with their merges, learned
 * from text that `cut` (finished, without merges) cuts at its added tokens and splits. */
masa_status tokenizer_learn(masa_tokenizer *t, const masa_tokenizer *cut, const char *corpus,
                            size_t size, size_t most, masa_error *err);

/* encode.c */
void tokenizer_encode(const masa_tokenizer *t, const char *s, size_t n, bool parse_special,
                      const tokenizer_ranges *plain, masa_tokens *out);

/* load_json.c, load_config.c, load_gguf.c */
masa_status tokenizer_read_json(masa_tokenizer *t, const char *data, size_t size,
                                masa_error *err);
masa_status tokenizer_read_folder(masa_tokenizer *t, const char *folder, masa_error *err);
masa_status tokenizer_read_gguf(masa_tokenizer *t, const char *path, masa_error *err);

#endif
