/* The memory and the budget of one comparison. Everything that is parsed or built for
 * it lives in one arena and goes away with it. */
#ifndef MASA_VERIFY_WORK_H
#define MASA_VERIFY_WORK_H

#include <masa/verify.h>

#include <stdint.h>

#include <flint/fmpq.h>

struct node;

/* Longest answer that is looked at, in bytes, and how deep the parser may nest: a root or
 * fraction inside another takes about five levels. */
enum { LONGEST_ANSWER = 16384, DEEPEST_ANSWER = 300, MOST_SYMBOLS = 24 };

typedef struct work {
    const masa_verify_options *options;
    struct block *blocks; /* the arena */
    struct node *numbers; /* nodes that own a FLINT number */
    unsigned long steps;  /* left of the budget */
    bool exhausted;       /* the budget ran out: the verdict is undecided */
    bool second_reading;  /* "1,234" is a list, "2e-3" is 2*e - 3, \tan x/2 is tan(x/2) */
    bool left_reals;      /* some part of what was evaluated last is no real number */
    bool at_point;        /* evaluating at one of several points: another may do better */
    bool ambiguous;       /* the second reading would differ from the first */
    const char *rule;     /* what decided */
    struct {
        const char *name;
        size_t size;
        struct node *call;   /* the call of an unknown function it stands for, or NULL */
    } symbols[MOST_SYMBOLS]; /* letters and names, shared by both answers */
    int n_symbols;
    int depth; /* of the parser's nesting */
} work;

void work_init(work *w, const masa_verify_options *options);
void work_deinit(work *w);

/* Takes n steps from the budget; false (and exhausted) when it is spent. */
bool work_spend(work *w, unsigned long n);
/* Gives up: the comparison will be undecided. Returns false for the caller's return. */
bool work_give_up(work *w);

/* For a value too large to compute with: gives up, or at a point only that point. */
bool work_too_large(work *w);

/* Zeroed memory that lives as long as w. */
void *work_alloc(work *w, size_t size);
char *work_text(work *w, const char *s, size_t n);

/* The number of a name, the same for both answers; -1 (and exhausted) when too many. */
int work_symbol(work *w, const char *name, size_t size);

#endif
