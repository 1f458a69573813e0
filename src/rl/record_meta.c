#include "record_meta.h"

#include <masa/measures.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

#include "decide.h"

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

/* ---- rewards and parsing ---- */

enum { PASS_RATE, LENGTH, NOTIONS, FIELDS };

typedef struct rollouts {
    double n, tokens, all_tokens; /* meta rollouts, their tokens, tokens of both kinds */
    double rewarded, difficulty, length, notion, total;
    double valid;                            /* all fields */
    double causes[FIELDS][MASA_META_CAUSES]; /* why a field earned nothing */
} rollouts;

static void add_predictions(rollouts *out, const rl_predictions *p)
{
    for (size_t j = 0; j < p->n; j++) {
        const masa_prediction *x = &p->items[j];
        const masa_meta_reward *r = p->rewards ? &p->rewards[j] : NULL;
        out->causes[PASS_RATE][r ? r->difficulty_cause : x->pass_rate_cause]++;
        out->causes[LENGTH][r ? r->length_cause : x->length_cause]++;
        out->causes[NOTIONS][r ? r->notion_cause : x->notion_cause]++;
        out->valid += x->pass_rate_cause == MASA_META_VALID &&
                      x->length_cause == MASA_META_VALID && x->notion_cause == MASA_META_VALID;
        if (!r) continue;
        out->rewarded++;
        out->difficulty += r->difficulty;
        out->length += r->length;
        out->notion += r->notion;
        out->total += r->total;
    }
}

/* Of each field the causes that it can have: what does not parse, then what is not true. */
static masa_status record_causes(rl_session *s, long step, const rollouts *r, masa_error *err)
{
    static const char *const fields[FIELDS] = {"pass_rate", "length", "notions"};
    static const unsigned untrue[FIELDS] = {
        [LENGTH] =
            1u << MASA_META_LIMITED | 1u << MASA_META_NO_CORRECT | 1u << MASA_META_OUTSIDE,
        [NOTIONS] = 1u << MASA_META_NONE_KEPT | 1u << MASA_META_NONE_HELPFUL,
    };
    masa_status st = MASA_OK;
    for (int f = 0; f < FIELDS; f++)
        for (int c = MASA_META_VALID + 1; st == MASA_OK && c < MASA_META_CAUSES; c++) {
            char name[64];
            if (c > MASA_META_OUT_OF_RANGE && !(untrue[f] >> c & 1)) continue;
            snprintf(name, sizeof name, "meta_%s_%s", fields[f],
                     masa_meta_cause_text((masa_meta_cause)c));
            st = masa_run_add_metric(s->run, step, name, share(r->causes[f][c], r->n), err);
        }
    return st;
}

static masa_status record_rollouts(rl_session *s, long step, const rl_draws *draws,
                                   masa_error *err)
{
    rollouts r = {0};
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        for (size_t j = 0; j < d->solutions.n; j++)
            r.all_tokens += (double)d->solutions.rollouts[j].completion.n;
        for (size_t j = 0; j < d->meta.n; j++)
            r.tokens += (double)d->meta.rollouts[j].completion.n;
        r.n += (double)d->meta.n;
        if (d->predictions) add_predictions(&r, d->predictions);
    }
    r.all_tokens += r.tokens;
    const rl_metric metrics[] = {
        {"meta_reward", share(r.total, r.rewarded)},
        {"meta_difficulty", share(r.difficulty, r.rewarded)},
        {"meta_length_reward", share(r.length, r.rewarded)},
        {"meta_notion", share(r.notion, r.rewarded)},
        {"meta_valid", share(r.valid, r.n)},
        {"meta_response_length", share(r.tokens, r.n)},
        {"meta_tokens_share", share(r.tokens, r.all_tokens)},
    };
    masa_status st = rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
    return st == MASA_OK ? record_causes(s, step, &r, err) : st;
}

/* ---- predicted against true, prompt by prompt ---- */

/* How far the lengths of solutions are from what was predicted, in the predictions' own
 * deviations: what the length cutoff goes by. Those that it stopped have no length. */
static masa_status record_length_errors(rl_session *s, long step, const rl_draws *draws,
                                        masa_error *err)
{
    masa_length_errors wrong_and_right[2] = {0}, *e = wrong_and_right;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        const masa_forecast *f = d->predictions ? &d->predictions->forecast : NULL;
        for (size_t j = 0; f && f->n_lengths && j < d->solutions.n; j++) {
            const rl_rollout *r = &d->solutions.rollouts[j];
            if (rl_cut_off(d, j, s->config)) continue;
            masa_length_errors_add(&e[r->correct], (double)r->completion.n, f->length_mean,
                                   f->length_deviation);
        }
    }
    const rl_metric metrics[] = {
        {"length_z_right", masa_length_errors_mean(&e[true])},
        {"length_z_right_deviation", masa_length_errors_deviation(&e[true])},
        {"length_z_wrong", masa_length_errors_mean(&e[false])},
        {"length_z_wrong_deviation", masa_length_errors_deviation(&e[false])},
    };
    return rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
}

typedef struct pairs {
    double *predicted, *truth; /* [n] */
    size_t n;
} pairs;

static void add_pair(pairs *p, double predicted, double truth)
{
    p->predicted[p->n] = predicted;
    p->truth[p->n++] = truth;
}

static masa_status record_pairs(rl_session *s, long step, const rl_draws *draws,
                                masa_error *err)
{
    double *storage = masa_alloc(4 * draws->n + 1, sizeof *storage);
    pairs rate = {storage, storage + draws->n, 0};
    pairs length = {storage + 2 * draws->n, storage + 3 * draws->n, 0};
    masa_calibration_bin deciles[10];
    double log_error = 0;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_predictions *p = draws->items[i].predictions;
        if (!p || !p->truth) continue;
        double true_rate = rl_true_pass_rate(p->truth), true_length = rl_true_length(p->truth);
        if (p->forecast.n_pass_rates && isfinite(true_rate))
            add_pair(&rate, p->forecast.pass_rate_mean, true_rate);
        if (!p->forecast.n_lengths || !isfinite(true_length)) continue;
        add_pair(&length, p->forecast.length, true_length);
        log_error += fabs(log(p->forecast.length / true_length));
    }
    const rl_metric metrics[] = {
        {"meta_pass_rate_error", masa_mean_absolute_error(rate.predicted, rate.truth, rate.n)},
        {"meta_pass_rate_correlation", masa_pearson(rate.predicted, rate.truth, rate.n)},
        {"meta_calibration_error",
         masa_calibration_bins(deciles, 10, rate.predicted, rate.truth, rate.n)},
        {"meta_length_error", share(log_error, (double)length.n)},
        {"meta_length_correlation", masa_pearson(length.predicted, length.truth, length.n)},
    };
    free(storage);
    return rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
}

/* ---- decisions ---- */

/* Whether the group has variance: 1, 0, or -1 where a cutoff hides it, for a rollout that it
 * stopped is wrong for its own reward and might have been right. */
static int seen_variance(const rl_draw *d, const masa_config *config)
{
    const rl_group *g = &d->solutions;
    int right = 0, wrong = 0, cut = 0;
    for (size_t j = 0; j < g->n; j++)
        ++*(rl_cut_off(d, j, config) ? &cut : g->rollouts[j].correct ? &right : &wrong);
    return right && wrong ? 1 : cut ? -1 : 0;
}

/* Of a single step audits are few: readers sum the counts over steps (masa_gate_audited). */
static masa_status record_acting(rl_session *s, long step, const rl_draws *draws,
                                 masa_error *err)
{
    double prompts = 0, gated = 0, given_up = 0, spared = 0, spared_flat = 0;
    double hinted = 0, known = 0;
    masa_gate_audit audit = {0};
    double rolled = 0, cut = 0, cutoff = 0, limited = 0;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        const rl_group *g = &d->solutions;
        if (!d->decision.made) continue;
        int variance = seen_variance(d, s->config);
        prompts++;
        gated += d->decision.gated;
        given_up += d->decision.given_up;
        spared += d->decision.spared;
        spared_flat += d->decision.spared && variance == 0;
        bool open = !d->decision.gated && !d->decision.audited;
        audit.closed += !open;
        audit.audited += d->decision.audited;
        audit.audited_flat += d->decision.audited && variance == 0;
        audit.open += open;
        known += open && (variance >= 0 || d->decision.given_up);
        /* What a group that was given up would have been is known as well as it was then. */
        if (open)
            audit.open_flat += d->decision.given_up ? d->decision.agreement : variance == 0;
        hinted += d->decision.hinted;
        for (size_t j = 0; j < g->n; j++) cut += rl_cut_off(d, j, s->config);
        rolled += (double)g->n;
        if (!open) continue;
        cutoff += (double)d->decision.cutoff;
        limited++;
    }
    /* Open prompts of which a cutoff hides it are taken to be as the others. */
    if (known > 0) audit.open_flat *= audit.open / known;
    else audit.open = 0;
    masa_gate_counts counts = masa_gate_audited(&audit);
    const rl_metric metrics[] = {
        {"gated", gated},
        {"gated_share", share(gated, prompts)},
        {"refills", (double)draws->refills},
        {"given_up", given_up},
        {"pilots_audited", spared},
        {"pilots_audited_flat", spared_flat},
        {"audited", audit.audited},
        {"audited_flat", audit.audited_flat},
        {"gate_open", audit.open},
        {"gate_open_flat", audit.open_flat},
        {"gate_precision", masa_gate_precision(&counts)},
        {"gate_recall", masa_gate_recall(&counts)},
        {"gate_f1", masa_gate_f1(&counts)},
        {"gate_base_rate", masa_gate_base_rate(&counts)},
        {"gate_lift", masa_gate_lift(&counts)},
        {"cutoff_tokens", share(cutoff, limited)},
        {"cut_off", share(cut, rolled)},
        {"hinted", share(hinted, prompts - gated)},
    };
    return rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
}

masa_status rl_record_meta(rl_session *s, long step, const rl_draws *draws,
                           const rl_cloning *cloning, bool acting, masa_error *err)
{
    const rl_metric metrics[] = {
        {"acting", acting},
        {"bc_texts", (double)cloning->texts},
        {"bc_loss", cloning->updates ? cloning->loss : NAN},
        {"bc_tokens", (double)cloning->tokens},
    };
    masa_status st = record_rollouts(s, step, draws, err);
    if (st == MASA_OK) st = record_pairs(s, step, draws, err);
    if (st == MASA_OK) st = record_length_errors(s, step, draws, err);
    if (st == MASA_OK && acting) st = record_acting(s, step, draws, err);
    if (st == MASA_OK)
        st = rl_add_metrics(s, step, metrics, sizeof metrics / sizeof *metrics, err);
    return st;
}

masa_status rl_record_warm_start(rl_session *s, const rl_warm_start_stats *y, masa_error *err)
{
    const rl_metric metrics[] = {
        {"warm_start_prompts", (double)y->prompts},
        {"warm_start_texts", (double)y->answers},
        {"warm_start_updates", (double)y->cloning.updates},
        {"warm_start_first_loss", y->first_loss},
        {"warm_start_loss", y->cloning.loss},
        {"generated_tokens", (double)y->generated_tokens},
        {"total_tokens", (double)s->state.tokens},
        {"total_seconds", s->state.seconds},
        {"cpu_seconds", s->state.cpu_seconds},
        {"flops", y->flops},
        {"meta_tokens_share", 1},
        {"meta_flops_share", 1},
    };
    return rl_add_metrics(s, 0, metrics, sizeof metrics / sizeof *metrics, err);
}
