/* The decisions of a step in the store. */
#include "decide.h"

#include <math.h>
#include <stdio.h>

static masa_status record_pilot(rl_session *s, masa_store_decision row, const rl_draw *d,
                                masa_error *err)
{
    char extra[48];
    row.kind = "pilot";
    row.taken = d->decision.given_up;
    row.mean = row.deviation = NAN;
    row.value = d->decision.agreement;
    snprintf(extra, sizeof extra, "{\"rollouts\":%zu}", d->decision.pilot);
    row.extra = extra;
    masa_status st = masa_store_add_decision(masa_run_store(s->run), &row, err);
    if (st != MASA_OK || !d->decision.spared) return st;
    row.kind = "pilot audit";
    row.taken = true;
    row.value = rl_zero_variance(&d->solutions);
    row.extra = NULL;
    return masa_store_add_decision(masa_run_store(s->run), &row, err);
}

static masa_status record_gate(rl_session *s, masa_store_decision row, const rl_draw *d,
                               masa_error *err)
{
    const masa_forecast *forecast = d->predictions ? &d->predictions->forecast : NULL;
    char extra[96];
    row.kind = "gate";
    row.taken = d->decision.gated;
    row.mean = forecast ? forecast->pass_rate_mean : NAN;
    row.deviation = forecast ? forecast->pass_rate_deviation : NAN;
    row.value = d->decision.zero_variance;
    snprintf(extra, sizeof extra, "{\"predictions\":%zu}",
             forecast ? forecast->n_pass_rates : 0);
    row.extra = extra;
    masa_status st = masa_store_add_decision(masa_run_store(s->run), &row, err);
    if (st == MASA_OK && d->solutions.size) {
        row.kind = "size";
        row.taken = d->solutions.size != (size_t)s->config->rollout.group_size;
        row.value = (double)d->solutions.size;
        st = masa_store_add_decision(masa_run_store(s->run), &row, err);
    }
    if (st != MASA_OK || !d->decision.audited) return st;
    row.kind = "audit";
    row.taken = true;
    row.value = rl_zero_variance(&d->solutions);
    return masa_store_add_decision(masa_run_store(s->run), &row, err);
}

static masa_status record_cutoff(rl_session *s, masa_store_decision row, const rl_draw *d,
                                 masa_error *err)
{
    const masa_forecast *forecast = &d->predictions->forecast;
    const rl_group *g = &d->solutions;
    char extra[96];
    size_t cut = 0;
    for (size_t j = 0; j < g->n; j++) cut += rl_cut_off(d, j, s->config);
    row.kind = "cutoff";
    row.taken = d->decision.cutoff < (size_t)s->config->rollout.max_tokens;
    row.mean = forecast->length_mean;
    row.deviation = forecast->length_deviation;
    row.value = (double)d->decision.cutoff;
    snprintf(extra, sizeof extra, "{\"predictions\":%zu,\"rollouts\":%zu,\"cut\":%zu}",
             forecast->n_lengths, g->n, cut);
    row.extra = extra;
    return masa_store_add_decision(masa_run_store(s->run), &row, err);
}

static masa_status record_hint(rl_session *s, masa_store_decision row, const rl_draw *d,
                               masa_error *err)
{
    masa_text hint = {0}, extra = {0};
    masa_hint_add(&hint, &d->predictions->forecast, MASA_HINT_NOTIONS);
    masa_text_add(&extra, "{\"hint\":");
    masa_text_add_json(&extra, masa_text_get(&hint), hint.size);
    masa_text_add(&extra, "}");
    row.kind = "hint";
    row.taken = d->decision.hinted;
    row.mean = row.deviation = row.value = NAN;
    row.extra = extra.data;
    masa_status st = masa_store_add_decision(masa_run_store(s->run), &row, err);
    masa_text_deinit(&hint);
    masa_text_deinit(&extra);
    return st;
}

/* What a single pass or the probe foretold: no meta rollout says it. */
static masa_status record_forecast(rl_session *s, masa_store_decision row, const rl_draw *d,
                                   masa_error *err)
{
    char extra[48];
    snprintf(extra, sizeof extra, "{\"level\":%.4g}", d->predictions->forecast.level);
    row.extra = extra;
    row.kind = "forecast";
    row.taken = true;
    row.mean = d->predictions->forecast.pass_rate_mean;
    row.deviation = d->predictions->forecast.pass_rate_deviation;
    row.value = d->predictions->truth ? rl_true_pass_rate(d->predictions->truth) : NAN;
    return masa_store_add_decision(masa_run_store(s->run), &row, err);
}

masa_status rl_record_decisions(rl_session *s, long step, const rl_draws *draws,
                                masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        masa_store_decision row = {.step = step, .prompt = (long)i, .problem = d->problem->id};
        if (d->predictions && !d->meta.n && d->predictions->forecast.n_pass_rates)
            st = record_forecast(s, row, d, err);
        if (!d->decision.made) continue;
        if (st == MASA_OK) st = record_gate(s, row, d, err);
        if (st == MASA_OK && d->decision.pilot) st = record_pilot(s, row, d, err);
        if (st == MASA_OK && !d->decision.gated && d->predictions)
            st = record_cutoff(s, row, d, err);
        bool open = !d->decision.gated && !d->decision.audited;
        if (st == MASA_OK && s->config->meta.notion_hint && open && d->predictions)
            st = record_hint(s, row, d, err);
    }
    return st;
}
