/**
 * Answer checking: does the text a model wrote end in the answer that was asked for?
 *
 * Two steps, each usable alone. Extraction finds the one final answer in a text;
 * comparison decides whether two answers mean the same. Nothing here uses a clock:
 * hostile input runs out of a budget of steps and is MASA_VERDICT_UNDECIDED.
 *
 *     masa_verify_options options = MASA_VERIFY_DEFAULTS;
 *     masa_verify_result result;
 *     masa_verify("... so it is \\boxed{\\frac12}.", "0.5", &options, &result);
 *     reward = result.verdict == MASA_VERDICT_EQUAL;
 *
 * Threads: every function is safe to call from any number of threads at once.
 * Errors: none; whatever the bytes are, there is a verdict.
 * The rules in order, and what counts as equal and why: docs/verification.md.
 */
#ifndef MASA_VERIFY_H
#define MASA_VERIFY_H

#include <masa/error.h>
#include <masa/text.h>

#include <stdbool.h>
#include <stddef.h>

typedef enum masa_verdict {
    MASA_VERDICT_EQUAL,
    MASA_VERDICT_DIFFERENT,
    MASA_VERDICT_UNDECIDED, /* the budget ran out; counts as wrong */
    MASA_VERDICT_NO_ANSWER, /* nothing to compare in the prediction */
    MASA_VERDICT_BAD_GOLD,  /* the gold answer is empty or names no option */
} masa_verdict;

/** "equal", "different", "undecided", "no_answer" or "bad_gold". */
const char *masa_verdict_text(masa_verdict verdict);

/* Where an answer may stand. They are tried in the order tags, boxed, phrase, hashes, bold,
 * formula, bare, number, whole; the first that finds something decides, and each takes the
 * last such place in the text. */
typedef enum masa_extract_rule {
    MASA_EXTRACT_NONE = 0,
    MASA_EXTRACT_BOXED = 1,     /* \boxed{...}, \fbox{...} */
    MASA_EXTRACT_PHRASE = 2,    /* "the answer is ...", "Final answer: ..." */
    MASA_EXTRACT_HASHES = 4,    /* "#### ..." */
    MASA_EXTRACT_BOLD = 8,      /* "**...**" */
    MASA_EXTRACT_NUMBER = 16,   /* the last number of the text */
    MASA_EXTRACT_WHOLE = 32,    /* the whole text is the answer */
    MASA_EXTRACT_TAGS = 64,     /* <answer>...</answer> */
    MASA_EXTRACT_FORMULA = 128, /* the last formula: $...$, $$...$$, \(...\), \[...\] */
    MASA_EXTRACT_BARE = 256,    /* the text, if it is one line that is but an answer */
} masa_extract_rule;

/* All rules for text that was not told how to give its answer. */
#define MASA_EXTRACT_ANY                                                                       \
    (MASA_EXTRACT_TAGS | MASA_EXTRACT_BOXED | MASA_EXTRACT_PHRASE | MASA_EXTRACT_HASHES |      \
     MASA_EXTRACT_BOLD | MASA_EXTRACT_FORMULA | MASA_EXTRACT_BARE | MASA_EXTRACT_NUMBER)

/** "boxed", "phrase", "hashes" and so on, or "none". */
const char *masa_extract_rule_text(masa_extract_rule rule);
/** Or-ed rules from their names, comma-separated, "any" among them; MASA_ERR_CONFIG names
 *  the ones there are. */
masa_status masa_extract_rules_parse(unsigned *out, const char *names, masa_error *err);
/** Appends the names of or-ed rules, comma-separated, in the order they are tried. */
void masa_extract_rules_text(masa_text *out, unsigned rules);

/* An answer's place in the text it was taken from. */
typedef struct masa_extraction {
    masa_extract_rule rule; /* which fired; NONE: there is no answer */
    size_t start, size;     /* bytes [start, start + size) of the text */
} masa_extraction;

/**
 * Finds the final answer in text[0..size).
 *
 * rules   or-ed masa_extract_rule
 * out     written always; rule NONE when there is no answer
 *
 * A box that was begun after the last complete one and never closed means that the
 * text was cut off: the boxed rule then finds nothing. Linear in size.
 * Returns whether there is an answer.
 */
bool masa_extract_answer(const char *text, size_t size, unsigned rules, masa_extraction *out);

enum { MASA_EXTRACT_RULES = 9 }; /* that a text's answer can be found by; one bit each */

/* Which rule found how many answers. Zero-initialise. */
typedef struct masa_found {
    size_t by[MASA_EXTRACT_RULES], right[MASA_EXTRACT_RULES]; /* by the rule's bit */
    size_t none;                                              /* texts without an answer */
} masa_found;
/** Counts a text; rule NONE: it has no answer. */
void masa_found_add(masa_found *found, masa_extract_rule rule, bool right);
/** Appends "found by boxed: 7 (5 right), number: 1 (0 right); no answer in 2". */
void masa_found_text(masa_text *out, const masa_found *found);

typedef enum masa_answer_kind {
    MASA_ANSWER_MATH,    /* anything a mathematical problem may ask for */
    MASA_ANSWER_NUMERIC, /* one number, worked out; a tolerance is usual */
    MASA_ANSWER_CHOICE,  /* one letter of several options */
    MASA_ANSWER_LITERAL, /* a Python value, as for "what does this call return" */
} masa_answer_kind;

/** "math", "numeric", "choice" or "code_output". */
const char *masa_answer_kind_text(masa_answer_kind kind);
/** The kind of that name ("literal" is code_output as well); false if there is none. */
bool masa_answer_kind_find(masa_answer_kind *out, const char *name);

typedef struct masa_verify_options {
    masa_answer_kind kind;
    unsigned rules;   /* or-ed masa_extract_rule */
    bool truncated;   /* the text ended at its length limit: it has no answer */
    double tolerance; /* relative to the gold number; 0: exact */
    /* CHOICE: the options' texts in order, with or without "A) "; option k has the k-th
     * letter. May be NULL: then only letters count. Borrowed for the call. */
    const char *const *choices;
    size_t n_choices;
    unsigned long steps; /* budget of elementary steps; 0: the default, some ms */
} masa_verify_options;

#define MASA_VERIFY_DEFAULTS                                                                   \
    {                                                                                          \
        MASA_ANSWER_MATH, MASA_EXTRACT_BOXED, false, 0.0, NULL, 0, 0                           \
    }

typedef struct masa_verify_result {
    masa_verdict verdict;
    masa_extraction extraction; /* where in the prediction */
    const char *extracted;      /* extraction's bytes inside the prediction, not
                                 * NUL-terminated; NULL when there is no answer */
    const char *rule;           /* what decided, a static text such as "number: exact" */
} masa_verify_result;

/**
 * Compares the final answer of a text with the gold answer.
 *
 * prediction   the whole text the model wrote
 * gold         the bare answer; dollar signs or a box around it are fine
 * options      NULL: MASA_VERIFY_DEFAULTS
 * result       written always
 *
 * Strings end at their NUL. The comparison is not symmetric: a detail that the gold
 * leaves out (a unit, the name before "=") is forgiven more easily than a wrong one.
 */
void masa_verify(const char *prediction, const char *gold, const masa_verify_options *options,
                 masa_verify_result *result);

/** The same for text[0..size), which may hold NUL bytes. */
void masa_verify_span(const char *prediction, size_t size, const char *gold,
                      const masa_verify_options *options, masa_verify_result *result);

/** The comparison alone, on bare answers (rules and truncated are not looked at). */
masa_verdict masa_answers_equal(const char *answer, const char *gold,
                                const masa_verify_options *options);

#endif
