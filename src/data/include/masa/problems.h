/** Problems: what is asked, what is expected, and how a response is judged; files of them. */
#ifndef MASA_PROBLEMS_H
#define MASA_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/text.h>

/* How a response is judged. */
typedef enum masa_problem_kind {
    MASA_PROBLEM_MATH, /* the first four as in masa_answer_kind */
    MASA_PROBLEM_NUMERIC,
    MASA_PROBLEM_CHOICE,
    MASA_PROBLEM_LITERAL,
    MASA_PROBLEM_CODE, /* a program that must pass the problem's tests */
} masa_problem_kind;
/** "math", "numeric", "choice", "code_output" or "code". */
const char *masa_problem_kind_name(masa_problem_kind kind);
/** The kind of that name ("literal" is code_output as well); false if there is none. */
bool masa_problem_kind_find(masa_problem_kind *out, const char *name);

/* Strings are NULL where the line has none, unless something else is said. */
typedef struct masa_problem {
    char *id;       /* the line's "id", or "FILE:LINE" */
    size_t place;   /* in the file, among those that count */
    char *problem;  /* raw text, no instruction */
    char *context;  /* a passage that goes before the question */
    char *question; /* all that is asked, without instruction: context, problem, options */
    char *prompt;   /* the user's turn, where a benchmark's description says how it looks */
    char *suffix;   /* the line's "prompt_suffix": the instruction that it asks for */
    char *answer;   /* as text; a JSON number is taken as it is written. Of code: the reference
                     * program, or "" */
    char *solution; /* a worked one */
    int level;      /* difficulty, 0 when not given */
    masa_problem_kind kind;
    unsigned rules;   /* or-ed masa_extract_rule: where the answer may stand */
    double tolerance; /* relative, of numbers; 0: exact */
    char **choices;   /* [n_choices] "A) ..." */
    size_t n_choices;
    char *unit;
    char *preamble, *entry_point; /* of code: what a response may leave out; the function */
    char *tests;       /* of code: a program that raises when the response is wrong */
    char *shown_tests; /* as the line gives them, one a line */
    bool stdio;        /* the program reads standard input: the tests run it as __program__ */
    char *line;        /* JSON, all members of the line and the id; kept only when asked for */
    char **strata;     /* [n_strata] "key=value" of the keys asked for that the line has */
    size_t n_strata;
} masa_problem;

typedef struct masa_problems {
    masa_problem *items;
    size_t n, capacity;
} masa_problems;

/* Names of the members of a line; NULL: the member's own name. */
typedef struct masa_problem_fields {
    char *id, *problem, *answer, *kind, *context, *options, *unit, *tolerance, *solution;
    char *level, *tests, *test_setup_code, *entry_point, *inputs, *outputs;
} masa_problem_fields;

/* How lines are read. Strings are borrowed. */
typedef struct masa_problem_reader {
    masa_problem_fields fields;
    const char *strata;     /* keys with commas between, whose values are kept; NULL: none */
    masa_problem_kind kind; /* of lines that do not say */
    bool one_kind;          /* whatever lines say */
    unsigned rules;         /* 0: the line's "answer_rules", else boxed alone */
    double tolerance;       /* of lines that do not say */
    bool unjudged;          /* lines need no answer, nor a kind that is known */
    bool keep_lines;        /* into `line` */
    const char *advice;     /* how members with other names are told; NULL: nothing */
} masa_problem_reader;

/**
 * Reads every line of a JSON Lines file ("-": standard input); blank lines are skipped.
 * reader NULL: all zero. limit 0: all. MASA_ERR_DATA with path and line: a broken line, no
 * problem or answer, an unknown kind, and a kind without what it needs (options and a letter
 * among them, tests, a Python value); an empty file without a line. Free with
 * masa_problems_deinit.
 */
masa_status masa_problems_load(masa_problems *out, const char *path,
                               const masa_problem_reader *reader, size_t limit,
                               masa_error *err);
/** The same from text in memory; `path` is used in messages and ids only. */
masa_status masa_problems_parse(masa_problems *out, const char *text, size_t size,
                                const char *path, const masa_problem_reader *reader,
                                size_t limit, masa_error *err);
void masa_problems_deinit(masa_problems *problems);
/** Frees what a single problem holds. */
void masa_problem_deinit(masa_problem *problem);

/* What is left to the problem's line: its instruction, its answer rules. */
#define MASA_PROBLEM_AUTO "auto"
/* The instruction of a line that says none; of a program the second. */
#define MASA_PROBLEM_SUFFIX                                                                    \
    "Let's think step by step and output the final answer within \\boxed{}."
#define MASA_PROBLEM_CODE_SUFFIX "Answer with one Python code block."

/**
 * Appends the user's turn that asks for a solution: the problem's own prompt, or question,
 * space, instruction (empty or NULL: nothing behind the question). The instruction is `suffix`,
 * of code `code_suffix`; MASA_PROBLEM_AUTO stands for the line's own, else for the above.
 */
void masa_problem_add_request(masa_text *out, const masa_problem *problem, const char *suffix,
                              const char *code_suffix);
/**
 * Or-ed masa_extract_rule from a setting of answer rules, 0 for MASA_PROBLEM_AUTO: what
 * masa_problem_reader.rules takes. MASA_ERR_CONFIG as masa_extract_rules_parse.
 */
masa_status masa_problem_rules_parse(unsigned *out, const char *names, masa_error *err);
/** The rules that answers of these problems are found by, all of them or-ed. */
unsigned masa_problems_rules(const masa_problems *problems);

/**
 * The index of the problem trained on at draw number `draw` of a run: epochs
 * of n problems, each shuffled by (seed, epoch), or in file order. A function
 * of the draw alone, so a resumed run goes on where it stopped.
 */
typedef struct masa_problem_order {
    size_t n;
    uint64_t seed;
    bool shuffle;
    size_t *order; /* [n]: the order of `epoch`, cached */
    size_t epoch;
} masa_problem_order;

void masa_problem_order_init(masa_problem_order *order, size_t n, uint64_t seed, bool shuffle);
void masa_problem_order_deinit(masa_problem_order *order);
size_t masa_problem_order_get(masa_problem_order *order, size_t draw);

#endif
