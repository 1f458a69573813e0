#include "checkup.h"

#include <masa/log.h>
#include <masa/memory.h>

typedef struct reading {
    rl_health *health;
    long step; /* being read; 0: none yet */
} reading;

static masa_status see(void *context, long step, const char *name, double value,
                       masa_error *err)
{
    (void)err;
    reading *r = context;
    if (r->step && step != r->step) rl_health_step(r->health, r->step, NULL, NULL);
    r->step = step;
    rl_health_see(r->health, name, value);
    return MASA_OK;
}

masa_status rl_checkup_start(rl_session *s, long steps, masa_error *err)
{
    reading r = {.health = &s->health};
    rl_health_init(&s->health, steps, s->config->meta.weight_notion > 0);
    if (s->state.step < 1) return MASA_OK;
    masa_status st =
        masa_store_metrics(masa_run_store(s->run), 1, s->state.step, NULL, see, &r, err);
    if (st == MASA_OK && r.step) rl_health_step(&s->health, r.step, NULL, NULL);
    rl_health_restart(&s->health);
    return st;
}

typedef struct findings {
    rl_session *session;
    masa_status status;
    masa_error *err;
} findings;

static void take(void *context, const char *rule, const char *text)
{
    findings *f = context;
    rl_session *s = f->session;
    masa_warn("step %ld: %s", s->state.step, text);
    if (f->status == MASA_OK)
        f->status =
            masa_store_add_event(masa_run_store(s->run), s->state.step, rule, text, f->err);
}

masa_status rl_checkup(rl_session *s, masa_error *err)
{
    reading r = {.health = &s->health};
    findings f = {s, MASA_OK, err};
    long step = s->state.step;
    if (!s->run) return MASA_OK;
    if (step < 1 || step <= s->health.step) return MASA_OK;
    masa_status st = masa_store_metrics(masa_run_store(s->run), step, step, NULL, see, &r, err);
    if (st == MASA_OK) rl_health_step(&s->health, step, take, &f);
    return st == MASA_OK ? f.status : st;
}

masa_status rl_checkup_record(rl_session *s, long step, masa_error *err)
{
    const double mib = 1 << 20;
    masa_status st =
        masa_run_add_metric(s->run, step, "memory_mib", (double)masa_memory_used() / mib, err);
    if (st == MASA_OK)
        st = masa_run_add_metric(s->run, step, "disk_free_mib",
                                 (double)masa_run_room(s->run) / mib, err);
    return st;
}
