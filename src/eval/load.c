/* Problems from the data file of a benchmark. */
#include "problem.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/verify.h>

#include <stdlib.h>
#include <string.h>

typedef struct loading {
    eval_reader reader;
    masa_problems problems;
    const char *path;
    size_t limit;
    bool cut; /* the limit ended the reading */
} loading;

static masa_status load_line(void *context, json_t *line, size_t number, bool *enough,
                             masa_error *err)
{
    loading *l = context;
    masa_problem p;
    if (!eval_line_counts(l->reader.benchmark, line)) return MASA_OK;
    masa_status st = eval_problem_read(&p, &l->reader, line, number, err);
    if (st != MASA_OK) return st;
    p.place = l->problems.n;
    MASA_PUSH(l->problems.items, l->problems.n, l->problems.capacity, p);
    *enough = l->cut = l->limit && l->problems.n == l->limit;
    return MASA_OK;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Results are joined by id. */
static masa_status check_ids(const masa_problems *problems, masa_error *err)
{
    masa_status st = MASA_OK;
    const char **ids = masa_alloc(problems->n, sizeof *ids);
    for (size_t i = 0; i < problems->n; i++) ids[i] = problems->items[i].id;
    qsort(ids, problems->n, sizeof *ids, by_id);
    for (size_t i = 1; st == MASA_OK && i < problems->n; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0)
            st = MASA_FAIL(err, MASA_ERR_DATA, "two problems have the id '%s'", ids[i]);
    free(ids);
    return st;
}

static masa_status missing(const masa_benchmark *b, const char *path, masa_error *err)
{
    if (!b->source) return MASA_FAIL(err, MASA_ERR_IO, "there is no file %s", path);
    return MASA_FAIL(
        err, MASA_ERR_IO,
        "there is no file %s, the data of %s. Get it from: %s. Form: one JSON object "
        "a line. %s",
        path, b->name, b->source, b->form ? b->form : "");
}

static masa_status read_data(loading *l, const char *example_path, masa_error *err)
{
    const masa_benchmark *b = l->reader.benchmark;
    masa_text example = {0};
    if (!masa_path_exists(l->path)) return missing(b, l->path, err);
    if (example_path && !masa_path_exists(example_path)) return missing(b, example_path, err);
    masa_status st = example_path ? masa_file_read(&example, example_path, err) : MASA_OK;
    l->reader.example = example_path ? masa_text_take(&example) : NULL;
    if (st == MASA_OK) st = masa_json_lines_read(l->path, load_line, l, err);
    if (st == MASA_OK && l->problems.n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "no line has %s", b->only);
    if (st == MASA_OK) st = check_ids(&l->problems, err);
    if (st == MASA_OK && b->lines && !l->cut && l->problems.n != (size_t)b->lines)
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "the file has %zu problems of %s, which has %d; is it another split or "
                       "cut short?",
                       l->problems.n, b->name, b->lines);
    if (st != MASA_OK && err && !err->path[0]) masa_error_at(err, l->path, 0);
    free(l->reader.example);
    return st;
}

masa_status masa_benchmark_load(masa_problems *out, const masa_benchmark *benchmark,
                                const char *data_folder, size_t limit, masa_error *err)
{
    const masa_benchmark *b = benchmark;
    loading l = {.reader = {.benchmark = b}, .limit = limit};
    masa_problem_reader *lines = &l.reader.lines;
    lines->tolerance = b->tolerance;
    lines->one_kind = b->kind && masa_problem_kind_find(&lines->kind, b->kind);
    lines->advice = "; a description's \"fields\" name other members";
    if (b->fields) lines->fields = *b->fields;
    masa_status st =
        b->rules ? masa_problem_rules_parse(&lines->rules, b->rules, err) : MASA_OK;
    char *path = data_folder ? masa_path_join(data_folder, b->file) : masa_strdup(b->file);
    char *example = b->example_file
                        ? masa_path_join(data_folder ? data_folder : ".", b->example_file)
                        : NULL;
    l.path = path;
    if (st == MASA_OK) st = read_data(&l, example, err);
    free(path);
    free(example);
    if (st == MASA_OK) *out = l.problems;
    else masa_problems_deinit(&l.problems);
    return st;
}
