/* What the files of this part share: the loaded tokenizer and its steps. */
#ifndef MASA_TOKENIZER_INTERNAL_H
#define MASA_TOKENIZER_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <masa/text.h>
#include <masa/tokenizer.h>

/* Bytes inside the tokenizer's `strings`, by offset so that the text may grow. */
typedef struct tokenizer__span {
    size_t at, size;
} tokenizer__span;

enum {
    TOKEN_KNOWN = 1,   /* the id is taken */
    TOKEN_MODEL = 2,   /* reachable by the BPE merges */
    TOKEN_ADDED = 4,   /* matched before the model sees the text */
    TOKEN_SPECIAL = 8, /* left out by skip_special, plain text in user content */
};

typedef struct tokenizer__token {
    tokenizer__span text;  /* as the file has it: model tokens in the byte-level alphabet */
    tokenizer__span bytes; /* what it decodes to */
    unsigned char flags;
} tokenizer__token;

typedef struct tokenizer__added {
    int32_t id;
    bool special, normalized, lstrip, rstrip, single_word;
} tokenizer__added;

/* Hash from a token's text to its id. */
typedef struct tokenizer__strings {
    int32_t *slots; /* [capacity] id, or -1 */
    size_t capacity, n;
} tokenizer__strings;

typedef struct tokenizer__merge {
    int32_t left, right, rank, result;
} tokenizer__merge;

/* Hash from (left, right) to the merge: a power of two of slots, left < 0 when empty. */
typedef struct tokenizer__merges {
    tokenizer__merge *slots;
    size_t capacity;
} tokenizer__merges;

/* Trie over the bytes of added tokens: first child, next sibling. */
typedef struct tokenizer__node {
    uint32_t child, sibling; /* 0: none; node 0 is the root */
    int32_t added;           /* index of the added token that ends here, or -1 */
    unsigned char byte;
} tokenizer__node;

typedef struct tokenizer__trie {
    tokenizer__node *nodes;
    size_t n, capacity;
    uint32_t first[256]; /* the root's children by byte */
} tokenizer__trie;

typedef enum tokenizer__step_kind {
    STEP_SPLIT,        /* a regular expression; matches and what is between are pieces */
    STEP_DIGITS,       /* runs of numeric characters */
    STEP_DIGIT,        /* single numeric characters */
    STEP_PREFIX_SPACE, /* a space before a piece that has none */
} tokenizer__step_kind;

typedef struct tokenizer__step {
    tokenizer__step_kind kind;
    pcre2_code *code;
} tokenizer__step;

struct masa_tokenizer {
    masa_text strings;
    tokenizer__token *tokens; /* [n] by id */
    size_t n, capacity;
    tokenizer__strings by_text;

    tokenizer__merges merges;
    tokenizer__merge *merge_list; /* [n_merges] in order, for export */
    size_t n_merges, merge_capacity;
    bool ignore_merges;    /* a whole word that is a token is that token */
    bool fuse_unknown;     /* neighbouring unknown bytes make one unknown token */
    int32_t unknown;       /* of the model, or -1: such bytes are dropped */
    int32_t byte_ids[256]; /* the token of a single byte, or -1 */

    tokenizer__added *added; /* [n_added] */
    size_t n_added, added_capacity;
    tokenizer__trie raw, normalized; /* matched before and after the normaliser */

    bool nfc;
    tokenizer__step *steps; /* [n_steps] */
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
masa_status tokenizer__put(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                           unsigned char flags, masa_error *err);
int32_t tokenizer__lookup(const masa_tokenizer *t, const char *s, size_t n);
/* Adds "left right" by the texts of the tokens. */
masa_status tokenizer__add_merge(masa_tokenizer *t, const char *left, size_t n_left,
                                 const char *right, size_t n_right, masa_error *err);
masa_status tokenizer__add_added(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                                 tokenizer__added how, masa_error *err);
/* Builds the hashes and tries once everything was added. */
masa_status tokenizer__finish(masa_tokenizer *t, masa_error *err);
masa_tokenizer *tokenizer__create(void);

/* byte_level.c: the alphabet that writes every byte as a printable character. */
void tokenizer__bytes_to_alphabet(masa_text *out, const char *s, size_t n);
/* False, appending nothing, when a character is not of the alphabet. */
bool tokenizer__alphabet_to_bytes(masa_text *out, const char *s, size_t n);

/* bpe.c */
typedef struct tokenizer__bpe tokenizer__bpe; /* working memory, one per call of encode */
tokenizer__bpe *tokenizer__bpe_create(void);
void tokenizer__bpe_destroy(tokenizer__bpe *work);
void tokenizer__bpe_word(const masa_tokenizer *t, tokenizer__bpe *work, const char *s, size_t n,
                         masa_tokens *out);
const tokenizer__merge *tokenizer__find_merge(const tokenizer__merges *m, int32_t left,
                                              int32_t right);

/* split.c */
typedef struct tokenizer__piece {
    const char *s;
    size_t n;
} tokenizer__piece;
typedef struct tokenizer__splitter {
    tokenizer__piece *now, *next;
    size_t n_now, cap_now, n_next, cap_next;
    masa_text prefixed; /* text with spaces put in */
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} tokenizer__splitter;
masa_status tokenizer__add_step(masa_tokenizer *t, tokenizer__step_kind kind,
                                const char *pattern, masa_error *err);
/* Valid UTF-8 into pieces, left in splitter->now[0..n_now). */
void tokenizer__split(const masa_tokenizer *t, tokenizer__splitter *splitter, const char *s,
                      size_t n);
void tokenizer__splitter_deinit(tokenizer__splitter *splitter);
extern const char tokenizer__pattern_gpt2[];
extern const char tokenizer__pattern_qwen2[];
extern const char tokenizer__pattern_llama3[];
/* The splitting by GGUF's name ("smollm"), or NULL when it is none of those. */
const char *tokenizer__pre_name(const masa_tokenizer *t);
/* Sets the steps and options that a name stands for; MASA_ERR_UNSUPPORTED. */
masa_status tokenizer__set_pre(masa_tokenizer *t, const char *name, masa_error *err);

/* unicode.c: classes of characters as Hugging Face's tokenizers has them. */
bool tokenizer__is_numeric(unsigned code);
bool tokenizer__is_space(unsigned code);
bool tokenizer__is_word(unsigned code);
/* The pattern with \p{L}, \p{N}, \s and \S written out for this PCRE2. */
masa_status tokenizer__translate_pattern(masa_text *out, const char *pattern, masa_error *err);
/* Appends the normal form C of valid UTF-8. */
void tokenizer__normalize(masa_text *out, const char *s, size_t n);

/* added.c */
masa_status tokenizer__trie_add(tokenizer__trie *trie, int32_t index, const char *s, size_t n);

/* Byte ranges of a text in which special tokens are plain text; ascending. */
typedef struct tokenizer__ranges {
    size_t *at; /* [2n] begin, end, begin, end, ... */
    size_t n, capacity;
} tokenizer__ranges;

typedef struct tokenizer__match {
    size_t begin, end; /* end includes the space that lstrip / rstrip take */
    int32_t added;
} tokenizer__match;

/* Which matches count: all, or not the special ones (in `plain`, or anywhere). */
typedef struct tokenizer__match_rule {
    bool skip_special;
    const tokenizer__ranges *plain; /* or NULL */
    size_t base;                    /* of the text within the ranges */
} tokenizer__match_rule;

/* The first match at or after `from`; false when there is none. */
bool tokenizer__next_added(const masa_tokenizer *t, const tokenizer__trie *trie, const char *s,
                           size_t n, size_t from, const tokenizer__match_rule *rule,
                           tokenizer__match *out);

/* learn.c: adds to t, which has the bytes, at most `most` tokens with their merges, learned
 * from text that `cut` (finished, without merges) cuts at its added tokens and splits. */
masa_status tokenizer__learn(masa_tokenizer *t, const masa_tokenizer *cut, const char *corpus,
                             size_t size, size_t most, masa_error *err);

/* encode.c */
void tokenizer__encode(const masa_tokenizer *t, const char *s, size_t n, bool parse_special,
                       const tokenizer__ranges *plain, masa_tokens *out);

/* load_json.c, load_config.c, load_gguf.c */
masa_status tokenizer__read_json(masa_tokenizer *t, const char *data, size_t size,
                                 masa_error *err);
masa_status tokenizer__read_folder(masa_tokenizer *t, const char *folder, masa_error *err);
masa_status tokenizer__read_gguf(masa_tokenizer *t, const char *path, masa_error *err);

#endif
