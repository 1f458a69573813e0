/* A run's store, an SQLite file that anybody may have made: all of it is read. */
#include "scratch.h"

#include <masa/store.h>

#include <string.h>

static size_t weight; /* so that every text is looked at to its end */

static masa_status metric(void *c, long step, const char *name, double value, masa_error *err)
{
    (void)c, (void)step, (void)value, (void)err;
    weight += strlen(name);
    return MASA_OK;
}

static masa_status rollout(void *c, const masa_store_rollout *r, masa_error *err)
{
    (void)c, (void)err;
    weight += strlen(r->problem) + strlen(r->kind) + strlen(r->prompt_text) + strlen(r->text) +
              strlen(r->answer) + strlen(r->cause);
    for (long i = 0; r->ids && i < r->tokens; i++) weight += (size_t)r->ids[i];
    return MASA_OK;
}

static masa_status eval(void *c, const masa_store_eval *e, masa_error *err)
{
    (void)c, (void)err;
    weight += strlen(e->problem) + strlen(e->text) + strlen(e->answer) + strlen(e->cause);
    return MASA_OK;
}

static masa_status decision(void *c, const masa_store_decision *d, masa_error *err)
{
    (void)c, (void)err;
    weight += strlen(d->problem) + strlen(d->kind);
    return MASA_OK;
}

static masa_status event(void *c, long step, const char *rule, const char *text,
                         masa_error *err)
{
    (void)c, (void)step, (void)err;
    weight += strlen(rule) + strlen(text);
    return MASA_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = scratch_put("store.sqlite", data, size);
    masa_store *store = NULL;
    masa_error err = {0};
    masa_store_filter all = MASA_STORE_ALL;
    if (scratch_good(masa_store_open(&store, path, MASA_STORE_READ, &err), &err)) {
        scratch_good(masa_store_metrics(store, 0, -1, NULL, metric, NULL, &err), &err);
        scratch_good(masa_store_rollouts(store, &all, rollout, NULL, &err), &err);
        scratch_good(masa_store_evals(store, 0, -1, eval, NULL, &err), &err);
        scratch_good(masa_store_decisions(store, 0, -1, decision, NULL, &err), &err);
        scratch_good(masa_store_events(store, 0, -1, event, NULL, &err), &err);
        masa_store_close(store);
    }
    free(path);
    return 0;
}
