/* Reading a whole file of results. */
#include "results_internal.h"

#include "problem.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

void results_take_sample(masa_result_sample *out, sqlite3_stmt *s, int first)
{
    *out = (masa_result_sample){.sample = (size_t)sqlite3_column_int64(s, first),
                                .answer = results_text(s, first + 2, NULL),
                                .verdict = results_text(s, first + 3, NULL),
                                .right = sqlite3_column_int(s, first + 4) != 0,
                                .tokens = (long)sqlite3_column_int64(s, first + 5),
                                .cause = results_text(s, first + 6, NULL),
                                .seconds = sqlite3_column_double(s, first + 7)};
    out->text = results_text(s, first + 1, &out->text_size);
    if (!out->text) out->text = masa_strdup("");
    if (!out->cause) out->cause = masa_strdup("");
}

void results_samples_free(masa_result_sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(samples[i].text);
        free(samples[i].answer);
        free(samples[i].verdict);
        free(samples[i].cause);
    }
    free(samples);
}

static void set_deinit(masa_result_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        masa_result_problem *p = &set->problems[i];
        free(p->id);
        free(p->question);
        free(p->prompt);
        free(p->gold);
        results_samples_free(p->samples, p->n_samples);
        results_samples_free(p->meta, p->n_meta);
    }
    free(set->problems);
    free(set->benchmark);
    free(set->title);
}

void masa_result_sets_deinit(masa_result_sets *sets)
{
    for (size_t i = 0; i < sets->n; i++) set_deinit(&sets->items[i]);
    free(sets->items);
    *sets = (masa_result_sets){0};
}

/* Columns of a row of read_set, before the sample's. */
enum { ID, NAME, PLACE, KIND, QUESTION, PROMPT, GOLD, TOKENS, META_TOKENS, IS_META, SAMPLE };

static masa_result_problem take_problem(sqlite3_stmt *s)
{
    masa_result_problem p = {
        .id = results_text(s, NAME, NULL),
        .place = (size_t)sqlite3_column_int64(s, PLACE),
        .question = results_text(s, QUESTION, NULL),
        .prompt = results_text(s, PROMPT, NULL),
        .gold = results_text(s, GOLD, NULL),
        .prompt_tokens = (long)sqlite3_column_int64(s, TOKENS),
        .meta_prompt_tokens = (long)sqlite3_column_int64(s, META_TOKENS),
    };
    char *kind = results_text(s, KIND, NULL);
    if (kind) masa_problem_kind_find(&p.kind, kind);
    free(kind);
    return p;
}

static masa_status read_set(masa_result_set *set, masa_results *r, long benchmark,
                            masa_error *err)
{
    sqlite3_stmt *s = NULL;
    size_t capacity = 0, room[2] = {0};
    long last = -1;
    masa_status st = results_prepare(
        r, &s,
        "SELECT problems.id, name, place, problems.kind, question, prompt, gold, "
        "prompt_tokens,"
        " meta_prompt_tokens, samples.kind = 'meta', " RESULTS_SAMPLE_COLUMNS
        " FROM problems JOIN samples ON samples.problem = problems.id WHERE benchmark = "
        "?1"
        " AND samples.sample < iif(samples.kind = 'meta', ?2, ?3)"
        " ORDER BY place, problems.id, samples.kind, samples.sample",
        err);
    if (st != MASA_OK) return st;
    sqlite3_bind_int64(s, 1, benchmark);
    sqlite3_bind_int64(s, 2, (long)set->wanted_meta);
    sqlite3_bind_int64(s, 3, (long)set->wanted_samples);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        long id = (long)sqlite3_column_int64(s, ID);
        if (id != last) {
            masa_result_problem fresh = take_problem(s);
            MASA_PUSH(set->problems, set->n, capacity, fresh);
            room[0] = room[1] = 0;
            last = id;
        }
        masa_result_problem *p = &set->problems[set->n - 1];
        masa_result_sample sample;
        results_take_sample(&sample, s, SAMPLE);
        if (sqlite3_column_int(s, IS_META)) MASA_PUSH(p->meta, p->n_meta, room[1], sample);
        else MASA_PUSH(p->samples, p->n_samples, room[0], sample);
    }
    if (code != SQLITE_DONE) st = results_fail(r, err);
    sqlite3_finalize(s);
    return st;
}

masa_status masa_results_read(masa_result_sets *out, masa_results *r, masa_error *err)
{
    sqlite3_stmt *s = NULL;
    masa_result_sets sets = {0};
    masa_status st = results_prepare(r, &s,
                                     "SELECT id, name, title, problems, samples, "
                                     "meta_samples FROM benchmarks ORDER BY id",
                                     err);
    while (st == MASA_OK && sqlite3_step(s) == SQLITE_ROW) {
        masa_result_set set = {.benchmark = results_text(s, 1, NULL),
                               .title = results_text(s, 2, NULL),
                               .wanted_problems = (size_t)sqlite3_column_int64(s, 3),
                               .wanted_samples = (size_t)sqlite3_column_int64(s, 4),
                               .wanted_meta = (size_t)sqlite3_column_int64(s, 5)};
        st = read_set(&set, r, (long)sqlite3_column_int64(s, 0), err);
        MASA_PUSH(sets.items, sets.n, sets.capacity, set);
    }
    sqlite3_finalize(s);
    if (st == MASA_OK) *out = sets;
    else masa_result_sets_deinit(&sets);
    return st;
}

bool masa_result_complete(const masa_result_set *set, const masa_result_problem *problem)
{
    if (problem->n_samples < set->wanted_samples || problem->n_meta < set->wanted_meta)
        return false;
    for (size_t i = 0; i < problem->n_samples; i++)
        if (!problem->samples[i].verdict) return false;
    return true;
}
