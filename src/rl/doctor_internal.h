/* What the files of the examination share. */
#ifndef RL_DOCTOR_INTERNAL_H
#define RL_DOCTOR_INTERNAL_H

#include <masa/doctor.h>

#include "prompts.h"

/* Adds a finding; remedy NULL for one that is fine. */
void doctor_add(masa_findings *f, const char *check, masa_finding_grade grade,
                const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Golds that no rule reads, and problems that come twice or stand in both files. */
void doctor_look_at_data(masa_findings *f, const masa_problems *train,
                         const masa_problems *test);
/* Samples n groups and judges them. The session has a model, a tokenizer and a template.
 */
masa_status doctor_sample(masa_findings *f, rl_session *s, rl_prompts *prompts, size_t n,
                          masa_error *err);
masa_generator_options doctor_generator_options(const masa_config *config);

#endif
