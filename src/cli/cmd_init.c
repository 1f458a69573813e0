/* masa init: a new model with a new tokenizer. */
#include "commands.h"
#include "options.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/tokenizer_make.h>

#include <stdlib.h>
#include <string.h>

typedef struct init_command {
    const char *architecture, *phrases, *corpus;
    long hidden, layers, heads, kv_heads, head_dim, intermediate, vocab, context, seed;
    double rope_theta;
    bool untied, force;
} init_command;

/* --- the tokenizer ------------------------------------------------------------- */

typedef struct phrase_list {
    char **items; /* [n] owned */
    size_t n, capacity;
} phrase_list;

static void phrase_list_deinit(phrase_list *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->items[i]);
    free(list->items);
    *list = (phrase_list){0};
}

/* A line with \n, \t and \\ as what they stand for. */
static masa_status read_phrase(phrase_list *list, const char *s, size_t n, masa_error *err)
{
    static const char letters[] = "nt\\", meanings[] = "\n\t\\";
    masa_text phrase = {0};
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\\') {
            masa_text_append(&phrase, s + i, 1);
            continue;
        }
        const char *found = i + 1 < n ? memchr(letters, s[i + 1], sizeof letters - 1) : NULL;
        if (!found) {
            masa_text_deinit(&phrase);
            return MASA_FAIL(
                err, MASA_ERR_DATA,
                "a backslash in a phrase is followed by n, t or another backslash");
        }
        masa_text_append(&phrase, meanings + (found - letters), 1);
        i++;
    }
    char *text = masa_text_take(&phrase);
    MASA_PUSH(list->items, list->n, list->capacity, text);
    return MASA_OK;
}

static masa_status read_phrases(phrase_list *list, const char *path, masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    const char *p = masa_text_get(&text), *end = p + text.size, *line;
    size_t n;
    for (size_t number = 1; st == MASA_OK && masa_line_next(&p, end, &line, &n); number++) {
        if (n == 0) continue;
        st = read_phrase(list, line, n, err);
        if (st != MASA_OK) masa_error_at(err, path, number);
    }
    masa_text_deinit(&text);
    return st;
}

static masa_status make_tokenizer(masa_tokenizer **out, const init_command *c, masa_error *err)
{
    phrase_list phrases = {0};
    masa_text corpus = {0};
    masa_status st = c->phrases ? read_phrases(&phrases, c->phrases, err) : MASA_OK;
    if (st == MASA_OK && c->corpus) st = masa_file_read(&corpus, c->corpus, err);
    masa_tokenizer_plan plan = {.phrases = (const char *const *)phrases.items,
                                .n_phrases = phrases.n,
                                .vocab = (size_t)c->vocab};
    if (c->corpus) {
        plan.corpus = masa_text_get(&corpus);
        plan.corpus_size = corpus.size;
    }
    if (st == MASA_OK) st = masa_tokenizer_make(out, &plan, err);
    phrase_list_deinit(&phrases);
    masa_text_deinit(&corpus);
    return st;
}

/* --- the model ----------------------------------------------------------------- */

static masa_status parse_architecture(masa_architecture *out, const char *name, masa_error *err)
{
    char names[200];
    if (masa_architecture_find(out, name, strlen(name), NULL) == MASA_OK) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_USAGE, "--architecture takes %s, not '%s'",
                     masa_architecture_names(names, sizeof names), name);
}

static masa_status check(const init_command *c, masa_error *err)
{
    const struct {
        const char *name;
        long value;
    } sizes[] = {{"hidden", c->hidden},     {"layers", c->layers},
                 {"heads", c->heads},       {"kv-heads", c->kv_heads},
                 {"head-dim", c->head_dim}, {"intermediate", c->intermediate},
                 {"context", c->context}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1)
            return MASA_FAIL(err, MASA_ERR_USAGE, "--%s must be positive, not %ld",
                             sizes[i].name, sizes[i].value);
    if (c->vocab < 0 || (c->corpus && c->vocab == 0))
        return MASA_FAIL(err, MASA_ERR_USAGE, "--corpus needs --vocab, the number of tokens");
    return MASA_OK;
}

static masa_status make_config(masa_model_config *out, const init_command *c,
                               const masa_tokenizer *tokenizer, masa_error *err)
{
    size_t tokens = masa_tokenizer_vocab_size(tokenizer), vocab = (size_t)c->vocab;
    if (vocab == 0) vocab = (tokens + 15) / 16 * 16;
    if (vocab < tokens)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--vocab %ld is less than the tokenizer's %zu tokens", c->vocab,
                         tokens);
    masa_architecture architecture = MASA_LLAMA;
    masa_status st = parse_architecture(&architecture, c->architecture, err);
    *out = (masa_model_config){.architecture = architecture,
                               .vocab_size = vocab,
                               .hidden_size = (size_t)c->hidden,
                               .intermediate_size = (size_t)c->intermediate,
                               .n_layers = (size_t)c->layers,
                               .n_heads = (size_t)c->heads,
                               .n_kv_heads = (size_t)c->kv_heads,
                               .head_dim = (size_t)c->head_dim,
                               .max_positions = (size_t)c->context,
                               .rms_norm_eps =
                                   masa_architecture_traits(architecture)->rms_norm_eps,
                               .rope_theta = (float)c->rope_theta,
                               .tied_embeddings = !c->untied,
                               .bos_token = masa_tokenizer_bos(tokenizer),
                               .eos_token = masa_tokenizer_eos(tokenizer),
                               .pad_token = masa_tokenizer_find(tokenizer, "<|endoftext|>")};
    return st;
}

static masa_status write_model(const char *target, const masa_model *model,
                               const masa_tokenizer *tokenizer, masa_error *err)
{
    bool ours = !masa_path_exists(target);
    masa_status st = masa_folder_create(target, err);
    if (st == MASA_OK) st = masa_tokenizer_save(tokenizer, target, err);
    if (st == MASA_OK) st = masa_model_save(model, target, MASA_SAVE_F32, err);
    if (st != MASA_OK && ours) masa_folder_remove(target, NULL);
    return st;
}

static masa_status run(const char *target, const init_command *c, masa_error *err)
{
    masa_tokenizer *tokenizer = NULL;
    masa_model *model = NULL;
    masa_model_config config = {0};
    masa_model_options options = {MASA_F32, false};
    masa_status st = make_tokenizer(&tokenizer, c, err);
    if (st == MASA_OK) st = make_config(&config, c, tokenizer, err);
    if (st == MASA_OK)
        st = masa_model_create_fresh(&model, &config, &options, (uint64_t)c->seed, err);
    if (st == MASA_OK) st = write_model(target, model, tokenizer, err);
    if (st == MASA_OK)
        masa_info("%s: %s of %zu parameters, %zu tokens", target, c->architecture,
                  masa_model_parameter_count(model), masa_tokenizer_vocab_size(tokenizer));
    masa_model_destroy(model);
    masa_tokenizer_destroy(tokenizer);
    return st;
}

static const char details[] =
    "OUT becomes a Hugging Face folder in f32. The tokenizer has the special tokens and the\n"
    "template of chatml, every byte, and what --phrases and --corpus add. A phrase is a line,\n"
    "with \\n for a line break: it is one token wherever it stands.\n"
    "Weights are normal: 0.02 in embedding and head, 1/sqrt(inputs) in the other matrices,\n"
    "those that add to the residual stream divided by sqrt(2 layers).\n"
    "Example: masa init tiny --hidden 192 --layers 6 --heads 6 --kv-heads 3 --intermediate 512 \\\n"
    "             --context 640 --phrases phrases.txt";

masa_status cli_init(int argc, char **argv, masa_error *err)
{
    init_command c = {.architecture = "llama",
                      .hidden = 256,
                      .layers = 8,
                      .heads = 8,
                      .context = 1024,
                      .rope_theta = 10000,
                      .seed = 1};
    bool helped;
    char names[200];
    const cli_option options[] = {
        CLI_STRING("architecture", 'a', &c.architecture, "NAME",
                   masa_architecture_names(names, sizeof names)),
        CLI_LONG("hidden", 0, &c.hidden, "N", "width of the residual stream"),
        CLI_LONG("layers", 0, &c.layers, "N", "layers"),
        CLI_LONG("heads", 0, &c.heads, "N", "attention heads"),
        CLI_LONG("kv-heads", 0, &c.kv_heads, "N", "key/value heads; 0: as many"),
        CLI_LONG("head-dim", 0, &c.head_dim, "N", "size of a head; 0: hidden / heads"),
        CLI_LONG("intermediate", 0, &c.intermediate, "N",
                 "width of the feed-forward layers; 0: 8/3 of hidden, up to a multiple of 32"),
        CLI_LONG(
            "vocab", 0, &c.vocab, "N",
            "rows of the embedding; 0: as many as there are tokens, up to a multiple of 16"),
        CLI_LONG("context", 0, &c.context, "N", "most tokens of a text"),
        CLI_FLAG("untied", 0, &c.untied, "a head of its own, instead of the embedding"),
        CLI_DOUBLE("rope-theta", 0, &c.rope_theta, "X", "base of the rotary embedding"),
        CLI_STRING("phrases", 'p', &c.phrases, "FILE",
                   "texts that are one token each, one a line"),
        CLI_STRING("corpus", 'c', &c.corpus, "FILE",
                   "text to learn byte-pair merges from, until there are --vocab tokens"),
        CLI_FLAG("force", 'f', &c.force, "write over a folder that exists"),
        CLI_LONG("seed", 's', &c.seed, "N", "same seed and shape, same weights"),
        CLI_END,
    };
    const cli_usage usage = {"init",
                             "[OPTIONS] OUT",
                             "Makes a new model with random weights, and its tokenizer.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if (c.kv_heads == 0) c.kv_heads = c.heads;
    if (c.head_dim == 0 && c.heads > 0) c.head_dim = c.hidden / c.heads;
    if (c.intermediate == 0) c.intermediate = (c.hidden * 8 / 3 + 31) / 32 * 32;
    st = check(&c, err);
    if (st == MASA_OK && !c.force && masa_path_exists(argv[0]))
        st = MASA_FAIL(err, MASA_ERR_USAGE, "%s exists; --force writes over it", argv[0]);
    return st == MASA_OK ? run(argv[0], &c, err) : st;
}
