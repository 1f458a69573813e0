/**
 * What would spoil a run, looked for before it: the template, the data, and a few groups
 * sampled and judged as a step of the run would.
 */
#ifndef MASA_DOCTOR_H
#define MASA_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <masa/config.h>
#include <masa/error.h>

typedef enum masa_finding_grade {
    MASA_FINDING_FINE,
    MASA_FINDING_NOTE,   /* worth knowing */
    MASA_FINDING_SPOILS, /* the run would be wasted, or its evaluation wrong */
} masa_finding_grade;
/** "fine", "note" or "spoils". */
const char *masa_finding_grade_name(masa_finding_grade grade);

typedef struct masa_finding {
    const char *check; /* "template", "golds", ...; static */
    masa_finding_grade grade;
    char message[400];
    const char *remedy; /* static; NULL when it is fine */
} masa_finding;

typedef struct masa_findings {
    masa_finding *items;
    size_t n, capacity;
} masa_findings;
void masa_findings_deinit(masa_findings *findings);

/**
 * Examines a run of these settings: model.path, data.train and data.test are looked at,
 * and `prompts` problems drawn as the run's first steps would, with rollout.group_size
 * responses to each. Checks that others stand on end it early: without a template, or the
 * memory, nothing is sampled.
 *
 * progress: for people, NULL: nowhere. Free with masa_findings_deinit, on failure too.
 * Errors: only what hinders the examination itself (no such file, no memory); bad data
 * and templates are findings.
 */
masa_status masa_doctor_examine(masa_findings *out, const masa_config *config, size_t prompts,
                                FILE *progress, masa_error *err);

#endif
