/* Problems of a benchmark: a line of its data file, and the prompt that its templates make. */
#include "problem.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

bool eval_line_counts(const masa_benchmark *benchmark, const json_t *line)
{
    if (!benchmark->only) return true;
    size_t n = strcspn(benchmark->only, "=");
    char *name = masa_strndup(benchmark->only, n);
    char *value = masa_json_text(json_object_get(line, name));
    bool counts = value && strcmp(value, benchmark->only + n + 1) == 0;
    free(name);
    free(value);
    return counts;
}

static char *join(char *const *items, size_t n)
{
    masa_text text = {0};
    for (size_t i = 0; i < n; i++) masa_text_addf(&text, "%s%s", i ? "\n" : "", items[i]);
    return masa_text_take(&text);
}

/* Fills the templates; without one, question and prompt are those of training. */
static void write_prompt(masa_problem *p, const eval_reader *r)
{
    const masa_benchmark *b = r->benchmark;
    char *options = p->n_choices ? join(p->choices, p->n_choices) : NULL;
    eval_slots slots = {.problem = p->problem,
                        .context = p->context,
                        .options = options,
                        .tests = p->shown_tests,
                        .unit = p->unit && p->unit[0] ? p->unit : NULL,
                        .entry_point = p->entry_point};
    masa_text question = {0}, example = {0}, prompt = {0};
    if (b->question) {
        eval_template_fill(&question, b->question, &slots);
        free(p->question);
        p->question = masa_text_take(&question);
    }
    slots.question = p->question;
    if (r->example) {
        eval_examples_fill(&example, r->example, (size_t)b->examples, &slots);
        slots.example = masa_text_get(&example);
    }
    if (b->prompt) eval_template_fill(&prompt, b->prompt, &slots);
    else masa_problem_add_request(&prompt, p, b->suffix, b->code_suffix);
    p->prompt = masa_text_take(&prompt);
    masa_text_deinit(&example);
    free(options);
}

masa_status eval_problem_read(masa_problem *out, const eval_reader *reader, const json_t *line,
                              size_t number, masa_error *err)
{
    masa_status st =
        masa_problem_read(out, &reader->lines, line, reader->benchmark->name, number, err);
    if (st == MASA_OK) write_prompt(out, reader);
    return st;
}
