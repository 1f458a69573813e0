/*
 * Pre-tokenization: a text is cut into pieces step by step, each step working on
 * the pieces of the one before. Merges never cross a piece.
 */
#include "tokenizer_internal.h"

#include <masa/log.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* The patterns of the families, as their tokenizer.json has them. GPT-2's is what
 * "ByteLevel" with use_regex stands for. */
const char tokenizer_pattern_gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char tokenizer_pattern_qwen2[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const char tokenizer_pattern_llama3[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/* Steps of one match; a family's pattern needs a few per character. A hostile pattern
 * ends here instead of never. */
enum { MATCH_LIMIT = 1 << 24, JIT_STACK_FIRST = 1 << 15, JIT_STACK_MOST = 1 << 24 };

static masa_status compile(pcre2_code **out, const char *pattern, masa_error *err)
{
    masa_text translated = {0};
    masa_status st = tokenizer_translate_pattern(&translated, pattern, err);
    if (st == MASA_OK) {
        int code;
        size_t at;
        /* Oniguruma's ^ and $ are always those of a line. */
        *out = pcre2_compile((PCRE2_SPTR)masa_text_get(&translated), translated.size,
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code, &at, NULL);
        if (*out) {
            /* Without a just-in-time compiler the matcher interprets. */
            pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
        } else {
            char why[128];
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
            st = MASA_FAIL(err, MASA_ERR_FORMAT,
                           "the splitting pattern \"%.100s\" is not valid: %s", pattern, why);
        }
    }
    masa_text_deinit(&translated);
    return st;
}

masa_status tokenizer_add_step(masa_tokenizer *t, tokenizer_step_kind kind, const char *pattern,
                               masa_error *err)
{
    tokenizer_step step = {.kind = kind};
    if (pattern) {
        masa_status st = compile(&step.code, pattern, err);
        if (st != MASA_OK) return st;
    }
    MASA_PUSH(t->steps, t->n_steps, t->step_capacity, step);
    static const char letters[] = {
        [STEP_SPLIT] = 's', [STEP_DIGITS] = 'D', [STEP_DIGIT] = 'd', [STEP_PREFIX_SPACE] = 'p'};
    masa_text_addf(&t->signature, "%c%s\n", letters[kind], pattern ? pattern : "");
    return MASA_OK;
}

void tokenizer_splitter_deinit(tokenizer_splitter *sp)
{
    free(sp->now);
    free(sp->next);
    masa_text_deinit(&sp->prefixed);
    pcre2_match_data_free(sp->match);
    pcre2_match_context_free(sp->context);
    pcre2_jit_stack_free(sp->stack);
    *sp = (tokenizer_splitter){0};
}

static void push(tokenizer_splitter *sp, const char *s, size_t n)
{
    if (n) MASA_PUSH(sp->next, sp->n_next, sp->cap_next, ((tokenizer_piece){s, n}));
}

static void out_of_memory(void)
{
    masa_memory_out(0, "splitting a text (PCRE2)");
}

static void prepare_match(tokenizer_splitter *sp)
{
    if (sp->match) return;
    sp->match = pcre2_match_data_create(1, NULL);
    sp->context = pcre2_match_context_create(NULL);
    sp->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    if (!sp->match || !sp->context || !sp->stack) out_of_memory();
    pcre2_jit_stack_assign(sp->context, NULL, sp->stack);
    pcre2_set_match_limit(sp->context, MATCH_LIMIT);
}

/* Matches are pieces, and so is what lies between them. */
static void split_by_pattern(tokenizer_splitter *sp, const pcre2_code *code,
                             tokenizer_piece piece)
{
    prepare_match(sp);
    size_t from = 0, at = 0;
    while (at < piece.n) {
        int rc = pcre2_match(code, (PCRE2_SPTR)piece.s, piece.n, at, PCRE2_NO_UTF_CHECK,
                             sp->match, sp->context);
        if (rc == PCRE2_ERROR_NOMEMORY) out_of_memory();
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
            masa_warn("the tokenizer's splitting pattern gave up on a text (PCRE2 error %d)",
                      rc);
        if (rc < 0) break;
        const size_t *found = pcre2_get_ovector_pointer(sp->match);
        size_t begin = found[0], end = found[1];
        if (begin < at || end < begin) break; /* a look-behind with \K-like effects */
        if (begin == end) {
            unsigned skipped;
            at = begin;
            at += begin < piece.n ? masa_utf8_decode(piece.s + at, piece.n - at, &skipped) : 1;
            continue;
        }
        push(sp, piece.s + from, begin - from);
        push(sp, piece.s + begin, end - begin);
        from = at = end;
    }
    push(sp, piece.s + from, piece.n - from);
}

static void split_digits(tokenizer_splitter *sp, tokenizer_piece piece, bool single)
{
    size_t from = 0;
    bool inside = false;
    for (size_t i = 0; i < piece.n;) {
        unsigned code;
        size_t size = masa_utf8_decode(piece.s + i, piece.n - i, &code);
        bool numeric = tokenizer_is_numeric(code);
        if (numeric != inside || (numeric && single)) {
            push(sp, piece.s + from, i - from);
            from = i;
        }
        inside = numeric;
        i += size;
    }
    push(sp, piece.s + from, piece.n - from);
}

/* Puts the spaces into a copy of all pieces, which the pieces then point into. */
static void prefix_spaces(tokenizer_splitter *sp)
{
    masa_text copy = {0};
    for (size_t i = 0; i < sp->n_now; i++) {
        if (sp->now[i].s[0] != ' ') masa_text_append(&copy, " ", 1);
        masa_text_append(&copy, sp->now[i].s, sp->now[i].n);
    }
    size_t at = 0;
    for (size_t i = 0; i < sp->n_now; i++) {
        size_t n = sp->now[i].n + (sp->now[i].s[0] != ' ');
        push(sp, copy.data + at, n);
        at += n;
    }
    masa_text_deinit(&sp->prefixed);
    sp->prefixed = copy;
}

void tokenizer_split(const masa_tokenizer *t, tokenizer_splitter *sp, const char *s, size_t n)
{
    sp->n_now = 0;
    if (n) MASA_PUSH(sp->now, sp->n_now, sp->cap_now, ((tokenizer_piece){s, n}));
    for (size_t k = 0; k < t->n_steps; k++) {
        const tokenizer_step *step = &t->steps[k];
        sp->n_next = 0;
        if (step->kind == STEP_PREFIX_SPACE) prefix_spaces(sp);
        for (size_t i = 0; i < sp->n_now; i++) {
            if (step->kind == STEP_SPLIT) split_by_pattern(sp, step->code, sp->now[i]);
            else if (step->kind != STEP_PREFIX_SPACE)
                split_digits(sp, sp->now[i], step->kind == STEP_DIGIT);
        }
        tokenizer_piece *pieces = sp->now;
        size_t capacity = sp->cap_now;
        sp->now = sp->next, sp->cap_now = sp->cap_next, sp->n_now = sp->n_next;
        sp->next = pieces, sp->cap_next = capacity;
    }
}
