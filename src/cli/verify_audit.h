/* Part of masa verify: answers judged different that are near their golds. */
#ifndef MASA_CLI_VERIFY_AUDIT_H
#define MASA_CLI_VERIFY_AUDIT_H

#include <masa/verify.h>

#include <stdio.h>

/* Why an answer that is not equal is near; the first that holds. */
typedef enum audit_reason {
    AUDIT_RULE,    /* another rule finds an answer that is equal */
    AUDIT_ROUNDED, /* equal to 1 % */
    AUDIT_NUMBERS, /* the same numbers, in the same order */
    AUDIT_REASONS,
} audit_reason;

typedef struct audit_case {
    audit_reason reason;
    masa_extract_rule by, other; /* which rule found the answer; RULE: and which would */
    char *answer, *gold, *instead, *text, *where;
    size_t count; /* of the same answer to the same gold */
} audit_case;

typedef struct cli_audit {
    audit_case *items;
    size_t n, capacity;
    size_t near[AUDIT_REASONS], looked_at;
} cli_audit;

/* Looks at one verdict; copies what it keeps. where: says which answer it is ("line 12"). */
void cli_audit_note(cli_audit *a, const char *where, const char *text, size_t size,
                    const char *gold, const masa_verify_options *options,
                    const masa_verify_result *result);
/* The most frequent cases, at most limit of them, and how many there are of each kind. */
void cli_audit_print(cli_audit *a, size_t limit, FILE *out);
void cli_audit_deinit(cli_audit *a);

#endif
