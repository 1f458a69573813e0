/* Adding rows. Each statement's parameters are bound in its own order (store.c). */
#include "store_internal.h"

#include <masa/text.h>

#include <math.h>
#include <string.h>

typedef struct binder {
    sqlite3_stmt *statement;
    int n;
} binder;

/* Failures of binding (memory) show when the statement runs. Strings stay the
 * caller's: they are bound for one step only. */
static void bind_text(binder *b, const char *text)
{
    if (!text) text = "";
    if (masa_utf8_valid(text, strlen(text))) {
        sqlite3_bind_text(b->statement, ++b->n, text, -1, SQLITE_STATIC);
        return;
    }
    masa_text valid = {0}; /* readers of other languages stop at bytes that are none */
    masa_text_add_utf8(&valid, text, strlen(text));
    sqlite3_bind_text(b->statement, ++b->n, masa_text_get(&valid), -1, SQLITE_TRANSIENT);
    masa_text_deinit(&valid);
}

static void bind_long(binder *b, long value)
{
    sqlite3_bind_int64(b->statement, ++b->n, value);
}

static void bind_double(binder *b, double value)
{
    if (isfinite(value)) sqlite3_bind_double(b->statement, ++b->n, value);
    else sqlite3_bind_null(b->statement, ++b->n);
}

static masa_status finish(masa_store *store, binder *b, masa_error *err)
{
    masa_status st = store_run(store, b->statement, err);
    sqlite3_clear_bindings(b->statement);
    return st;
}

masa_status masa_store_add_metric(masa_store *store, long step, const char *name, double value,
                                  masa_error *err)
{
    binder b = {store->statements[STORE_METRIC], 0};
    bind_long(&b, step);
    bind_text(&b, name);
    bind_double(&b, value);
    return finish(store, &b, err);
}

/* -1 is what was not read. */
static void bind_count(binder *b, long value)
{
    if (value >= 0) bind_long(b, value);
    else sqlite3_bind_null(b->statement, ++b->n);
}

static masa_status add_prediction(masa_store *store, const masa_store_rollout *rollout,
                                  const masa_store_prediction *p, masa_error *err)
{
    binder b = {store->statements[STORE_PREDICTION], 0};
    bind_long(&b, rollout->step);
    bind_long(&b, rollout->prompt);
    bind_long(&b, rollout->sample);
    bind_count(&b, p->pass_rate);
    bind_count(&b, p->length);
    bind_text(&b, p->notions);
    bind_text(&b, p->cause_pass_rate);
    bind_text(&b, p->cause_length);
    bind_text(&b, p->cause_notions);
    bind_double(&b, p->difficulty);
    bind_double(&b, p->length_reward);
    bind_double(&b, p->notion_reward);
    bind_double(&b, p->true_pass_rate);
    bind_double(&b, p->true_length);
    return finish(store, &b, err);
}

masa_status masa_store_add_reward(masa_store *store, const masa_store_rollout *solution,
                                  const char *part, double value, masa_error *err)
{
    binder b = {store->statements[STORE_REWARD], 0};
    bind_long(&b, solution->step);
    bind_long(&b, solution->prompt);
    bind_long(&b, solution->sample);
    bind_text(&b, part);
    bind_double(&b, value);
    return finish(store, &b, err);
}

masa_status masa_store_add_rollout(masa_store *store, const masa_store_rollout *rollout,
                                   masa_error *err)
{
    /* A prompt's text is kept once for all of its rollouts. */
    binder p = {store->statements[STORE_PROMPT], 0};
    bind_text(&p, rollout->prompt_text);
    masa_status st = finish(store, &p, err);
    if (st != MASA_OK) return st;
    binder b = {store->statements[STORE_ROLLOUT], 0};
    bind_long(&b, rollout->step);
    bind_long(&b, rollout->prompt);
    bind_text(&b, rollout->problem);
    bind_text(&b, rollout->kind);
    bind_long(&b, rollout->sample);
    bind_text(&b, rollout->prompt_text);
    bind_text(&b, rollout->text);
    bind_text(&b, rollout->answer);
    bind_long(&b, rollout->prompt_tokens);
    bind_long(&b, rollout->tokens);
    bind_double(&b, rollout->reward);
    bind_double(&b, rollout->advantage);
    bind_text(&b, rollout->cause);
    bind_double(&b, rollout->logprob);
    bind_double(&b, rollout->seconds);
    bind_text(&b, rollout->said);
    b.n++;
    if (rollout->ids)
        sqlite3_bind_blob64(b.statement, b.n, rollout->ids,
                            (sqlite3_uint64)rollout->tokens * sizeof *rollout->ids,
                            SQLITE_STATIC);
    bind_text(&b, rollout->extracted);
    bind_long(&b, rollout->correct);
    st = finish(store, &b, err);
    if (st != MASA_OK || !rollout->prediction) return st;
    return add_prediction(store, rollout, rollout->prediction, err);
}

masa_status masa_store_add_eval(masa_store *store, const masa_store_eval *eval, masa_error *err)
{
    binder b = {store->statements[STORE_EVAL], 0};
    bind_long(&b, eval->step);
    bind_text(&b, eval->problem);
    bind_long(&b, eval->sample);
    bind_text(&b, eval->text);
    bind_text(&b, eval->answer);
    bind_long(&b, eval->correct);
    bind_long(&b, eval->tokens);
    bind_text(&b, eval->cause);
    bind_text(&b, eval->extracted);
    return finish(store, &b, err);
}

masa_status masa_store_add_decision(masa_store *store, const masa_store_decision *decision,
                                    masa_error *err)
{
    binder b = {store->statements[STORE_DECISION], 0};
    bind_long(&b, decision->step);
    bind_long(&b, decision->prompt);
    bind_text(&b, decision->problem);
    bind_text(&b, decision->kind);
    bind_long(&b, decision->taken);
    bind_double(&b, decision->mean);
    bind_double(&b, decision->deviation);
    bind_double(&b, decision->value);
    bind_text(&b, decision->extra);
    return finish(store, &b, err);
}

masa_status masa_store_add_event(masa_store *store, long step, const char *rule,
                                 const char *text, masa_error *err)
{
    binder b = {store->statements[STORE_EVENT], 0};
    bind_long(&b, step);
    bind_text(&b, rule);
    bind_text(&b, text);
    return finish(store, &b, err);
}

masa_status masa_store_set_info(masa_store *store, const char *key, const char *value,
                                masa_error *err)
{
    binder b = {store->statements[STORE_SET_INFO], 0};
    bind_text(&b, key);
    bind_text(&b, value);
    return finish(store, &b, err);
}
