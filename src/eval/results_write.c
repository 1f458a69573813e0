/* Adding problems, samples and verdicts. */
#include "results_internal.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {"solution", "meta"};

/* A statement of one use. Failures of binding show when it runs. */
typedef struct query {
    masa_results *results;
    sqlite3_stmt *statement;
    int n;
    masa_status status;
} query;

static query ask(masa_results *r, const char *sql, masa_error *err)
{
    query q = {.results = r};
    q.status = results_prepare(r, &q.statement, sql, err);
    return q;
}

static void bind_long(query *q, long value)
{
    if (q->status == MASA_OK) sqlite3_bind_int64(q->statement, ++q->n, value);
}

static void bind_text(query *q, const char *text, size_t size)
{
    if (q->status != MASA_OK) return;
    if (!text || masa_utf8_valid(text, size)) {
        sqlite3_bind_text(q->statement, ++q->n, text, (int)size, SQLITE_STATIC);
        return;
    }
    masa_text valid = {0}; /* readers of other languages stop at bytes that are none */
    masa_text_add_utf8(&valid, text, size);
    sqlite3_bind_text(q->statement, ++q->n, masa_text_get(&valid), (int)valid.size,
                      SQLITE_TRANSIENT);
    masa_text_deinit(&valid);
}

static void bind_string(query *q, const char *text)
{
    bind_text(q, text, text ? strlen(text) : 0);
}

static void bind_double(query *q, double value)
{
    if (q->status == MASA_OK) sqlite3_bind_double(q->statement, ++q->n, value);
}

/* Runs it to its first row; whether there is one. */
static bool row(query *q, masa_error *err)
{
    if (q->status != MASA_OK) return false;
    int code = sqlite3_step(q->statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) q->status = results_fail(q->results, err);
    return code == SQLITE_ROW;
}

static masa_status finish(query *q)
{
    sqlite3_finalize(q->statement);
    return q->status;
}

static masa_status run(query *q, masa_error *err)
{
    row(q, err);
    return finish(q);
}

masa_status results_add_benchmark(long *id, masa_results *r, const masa_benchmark *benchmark,
                                  size_t problems, size_t samples, size_t meta_samples,
                                  masa_error *err)
{
    query q = ask(r,
                  "INSERT INTO benchmarks (name, title, problems, samples, meta_samples)"
                  " VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                  " problems = excluded.problems, samples = excluded.samples,"
                  " meta_samples = excluded.meta_samples RETURNING id",
                  err);
    bind_string(&q, benchmark->name);
    bind_string(&q, benchmark->title ? benchmark->title : benchmark->name);
    bind_long(&q, (long)problems);
    bind_long(&q, (long)samples);
    bind_long(&q, (long)meta_samples);
    if (row(&q, err)) *id = (long)sqlite3_column_int64(q.statement, 0);
    while (row(&q, err)) continue; /* a RETURNING statement is to be run to its end */
    return finish(&q);
}

static masa_status insert_problem(long *id, masa_results *r, long benchmark,
                                  const masa_problem *p, long prompt_tokens,
                                  long meta_prompt_tokens, masa_error *err)
{
    query q = ask(r,
                  "INSERT INTO problems (benchmark, name, place, kind, question, prompt, gold,"
                  " prompt_tokens, meta_prompt_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  err);
    bind_long(&q, benchmark);
    bind_string(&q, p->id);
    bind_long(&q, (long)p->place);
    bind_string(&q, masa_problem_kind_name(p->kind));
    bind_string(&q, p->question);
    bind_string(&q, p->prompt);
    bind_string(&q, p->answer);
    bind_long(&q, prompt_tokens);
    bind_long(&q, meta_prompt_tokens);
    row(&q, err);
    if (q.status == MASA_OK) *id = (long)sqlite3_last_insert_rowid(r->db);
    return finish(&q);
}

masa_status results_add_problem(long *id, masa_results *r, long benchmark,
                                const masa_problem *p, long prompt_tokens,
                                long meta_prompt_tokens, masa_error *err)
{
    bool there = false, same = false;
    query q = ask(r,
                  "SELECT id, prompt = ? AND gold = ? AND place = ? FROM problems"
                  " WHERE benchmark = ? AND name = ?",
                  err);
    bind_string(&q, p->prompt);
    bind_string(&q, p->answer);
    bind_long(&q, (long)p->place);
    bind_long(&q, benchmark);
    bind_string(&q, p->id);
    if (row(&q, err)) {
        there = true;
        *id = (long)sqlite3_column_int64(q.statement, 0);
        same = sqlite3_column_int(q.statement, 1) != 0;
    }
    masa_status st = finish(&q);
    if (st != MASA_OK) return st;
    if (!there)
        return insert_problem(id, r, benchmark, p, prompt_tokens, meta_prompt_tokens, err);
    if (!same)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the prompt, answer or place of problem '%s' is another than in %s; "
                         "give another file (--out)",
                         p->id, r->path);
    query u = ask(r, "UPDATE problems SET meta_prompt_tokens = ? WHERE id = ?", err);
    bind_long(&u, meta_prompt_tokens);
    bind_long(&u, *id);
    return run(&u, err);
}

masa_status results_count(size_t *out, masa_results *r, long problem, eval_sample_kind kind,
                          size_t wanted, masa_error *err)
{
    query q = ask(
        r, "SELECT count(*) FROM samples WHERE problem = ? AND kind = ? AND sample < ?", err);
    bind_long(&q, problem);
    bind_string(&q, kind_names[kind]);
    bind_long(&q, (long)wanted);
    if (row(&q, err)) *out = (size_t)sqlite3_column_int64(q.statement, 0);
    return finish(&q);
}

masa_status results_add_sample(masa_results *r, long problem, eval_sample_kind kind,
                               const masa_result_sample *s, const char *rule, masa_error *err)
{
    query q =
        ask(r, "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", err);
    bind_long(&q, problem);
    bind_string(&q, kind_names[kind]);
    bind_long(&q, (long)s->sample);
    bind_text(&q, s->text, s->text_size);
    bind_string(&q, s->answer);
    bind_string(&q, s->verdict);
    bind_string(&q, rule);
    bind_long(&q, s->right);
    bind_long(&q, s->tokens);
    bind_string(&q, s->cause);
    bind_double(&q, s->seconds);
    return run(&q, err);
}

masa_status results_set_verdict(masa_results *r, long problem, size_t sample,
                                const masa_judgement *j, masa_error *err)
{
    query q = ask(r,
                  "UPDATE samples SET answer = ?, verdict = ?, rule = ?, correct = ?"
                  " WHERE problem = ? AND kind = 'solution' AND sample = ?",
                  err);
    bind_string(&q, j->answer);
    bind_string(&q, j->verdict);
    bind_string(&q, j->rule);
    bind_long(&q, j->right);
    bind_long(&q, problem);
    bind_long(&q, (long)sample);
    return run(&q, err);
}

masa_status results_unjudged(masa_result_sample **out, size_t *n, masa_results *r, long problem,
                             masa_error *err)
{
    masa_result_sample *samples = NULL;
    size_t count = 0, capacity = 0;
    query q =
        ask(r,
            "SELECT " RESULTS_SAMPLE_COLUMNS " FROM samples"
            " WHERE problem = ? AND kind = 'solution' AND verdict IS NULL ORDER BY sample",
            err);
    bind_long(&q, problem);
    while (row(&q, err)) {
        masa_result_sample s;
        results_take_sample(&s, q.statement, 0);
        MASA_PUSH(samples, count, capacity, s);
    }
    masa_status st = finish(&q);
    if (st == MASA_OK) *out = samples, *n = count;
    else results_samples_free(samples, count);
    return st;
}
