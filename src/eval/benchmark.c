/* Descriptions of benchmarks: YAML through libcyaml, built in or the user's own. */
#include "embedded.h"
#include "problem.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/verify.h>
#include <masa/yaml.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT     MASA_YAML_TEXT
#define OPTIONAL CYAML_FLAG_OPTIONAL

static const cyaml_schema_field_t names[] = {
    TEXT(masa_problem_fields, id, OPTIONAL),
    TEXT(masa_problem_fields, problem, OPTIONAL),
    TEXT(masa_problem_fields, answer, OPTIONAL),
    TEXT(masa_problem_fields, kind, OPTIONAL),
    TEXT(masa_problem_fields, context, OPTIONAL),
    TEXT(masa_problem_fields, options, OPTIONAL),
    TEXT(masa_problem_fields, unit, OPTIONAL),
    TEXT(masa_problem_fields, tolerance, OPTIONAL),
    TEXT(masa_problem_fields, solution, OPTIONAL),
    TEXT(masa_problem_fields, level, OPTIONAL),
    TEXT(masa_problem_fields, tests, OPTIONAL),
    TEXT(masa_problem_fields, test_setup_code, OPTIONAL),
    TEXT(masa_problem_fields, entry_point, OPTIONAL),
    TEXT(masa_problem_fields, inputs, OPTIONAL),
    TEXT(masa_problem_fields, outputs, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    TEXT(masa_benchmark, name, 0),
    TEXT(masa_benchmark, title, OPTIONAL),
    TEXT(masa_benchmark, file, 0),
    CYAML_FIELD_INT("lines", OPTIONAL, masa_benchmark, lines),
    TEXT(masa_benchmark, licence, OPTIONAL),
    TEXT(masa_benchmark, source, OPTIONAL),
    TEXT(masa_benchmark, form, OPTIONAL),
    TEXT(masa_benchmark, kind, OPTIONAL),
    TEXT(masa_benchmark, rules, OPTIONAL),
    CYAML_FIELD_FLOAT("tolerance", OPTIONAL, masa_benchmark, tolerance),
    TEXT(masa_benchmark, only, OPTIONAL),
    TEXT(masa_benchmark, example_file, OPTIONAL),
    CYAML_FIELD_INT("examples", OPTIONAL, masa_benchmark, examples),
    CYAML_FIELD_MAPPING_PTR("fields", CYAML_FLAG_POINTER | OPTIONAL, masa_benchmark, fields,
                            names),
    TEXT(masa_benchmark, question, OPTIONAL),
    TEXT(masa_benchmark, prompt, 0),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, masa_benchmark, fields)};

void masa_benchmark_close(masa_benchmark *benchmark)
{
    if (benchmark) { /* what no description has */
        free(benchmark->suffix);
        free(benchmark->code_suffix);
    }
    masa_yaml_free(&schema, benchmark);
}

/* What the schema cannot say. */
static masa_status check(const masa_benchmark *b, masa_error *err)
{
    masa_problem_kind kind;
    unsigned rules;
    if (!*b->name || !*b->file)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "%s: must not be empty",
                         *b->name ? "file" : "name");
    if (b->kind && !masa_problem_kind_find(&kind, b->kind))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "kind: no kind '%s'; the kinds are math, numeric, choice, "
                         "code_output, code",
                         b->kind);
    if (b->only && !strchr(b->only, '='))
        return MASA_FAIL(err, MASA_ERR_CONFIG, "only: must be member=value, not '%s'", b->only);
    if (b->tolerance < 0 || b->lines < 0 || b->examples < 0)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "tolerance, lines and examples must not be negative");
    if (!strstr(b->prompt, "{question}") && !strstr(b->prompt, "{problem}") &&
        !(b->example_file && strstr(b->prompt, "{example}")))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "prompt: has neither {question} nor {problem} in it");
    masa_status st = b->rules ? masa_extract_rules_parse(&rules, b->rules, err) : MASA_OK;
    if (st != MASA_OK) masa_error_context(err, "rules");
    return st;
}

masa_status masa_benchmark_parse(masa_benchmark **out, const char *yaml, size_t size,
                                 const char *path, masa_error *err)
{
    void *data = NULL;
    masa_status st =
        masa_yaml_parse(&data, &schema, yaml, size, path, "no description of a benchmark", err);
    if (st != MASA_OK) return st;
    st = check(data, err);
    if (st == MASA_OK) {
        *out = data;
    } else {
        masa_error_at(err, path, 0);
        masa_benchmark_close(data);
    }
    return st;
}

const char *masa_benchmark_name(size_t index)
{
    return eval_embedded_benchmarks[index].name;
}

static masa_status no_benchmark(const char *name, masa_error *err)
{
    masa_text all = {0};
    for (size_t i = 0; masa_benchmark_name(i); i++)
        masa_text_addf(&all, "%s%s", i ? ", " : "", masa_benchmark_name(i));
    masa_status st = MASA_FAIL(err, MASA_ERR_USAGE,
                               "no benchmark '%s'; there are %s, or a description file (.yaml)",
                               name, masa_text_get(&all));
    masa_text_deinit(&all);
    return st;
}

masa_status masa_benchmark_open(masa_benchmark **out, const char *name, masa_error *err)
{
    if (strchr(name, '/') || masa_ends_with(name, ".yaml")) {
        masa_text text = {0};
        masa_status st = masa_file_read(&text, name, err);
        if (st == MASA_OK)
            st = masa_benchmark_parse(out, masa_text_get(&text), text.size, name, err);
        masa_text_deinit(&text);
        return st;
    }
    const eval_embedded *e = eval_embedded_benchmarks;
    while (e->name && strcmp(e->name, name) != 0) e++;
    return e->name ? masa_benchmark_parse(out, e->yaml, strlen(e->yaml), name, err)
                   : no_benchmark(name, err);
}

masa_benchmark *masa_benchmark_for_file(const char *path, const char *suffix,
                                        const char *code_suffix)
{
    masa_benchmark *b = masa_alloc(1, sizeof *b);
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t n = strlen(base);
    if (masa_ends_with(base, ".jsonl")) n -= strlen(".jsonl");
    b->name = masa_strndup(base, n);
    b->file = masa_strdup(path);
    b->suffix = suffix ? masa_strdup(suffix) : NULL;
    b->code_suffix = code_suffix ? masa_strdup(code_suffix) : NULL;
    return b;
}
