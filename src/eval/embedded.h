/* The descriptions of benchmarks/, as the build put them into the program. */
#ifndef EVAL_EMBEDDED_H
#define EVAL_EMBEDDED_H

typedef struct eval_embedded {
    const char *name, *yaml;
} eval_embedded;

extern const eval_embedded eval_embedded_benchmarks[]; /* by name; ends with {NULL, NULL} */

#endif
