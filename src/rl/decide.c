#include "decide.h"

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/worth.h>

#include <math.h>
#include <stdlib.h>

/* Positions of a prompt's draws in MASA_STREAM_GATE; of survival one for each rollout. */
enum { DRAW_GATE, DRAW_AUDIT, DRAW_UNCUT, DRAW_SHARE, DRAW_SURVIVAL, DRAW_SPARED = 1 << 20 };

static double uniform(const rl_draw *d, const rl_session *s, size_t position)
{
    return masa_uniform(masa_key((uint64_t)s->config->train.seed, d->number), MASA_STREAM_GATE,
                        position);
}

/* What earlier epochs showed of a draw's problem, as it counts now. */
static masa_belief history_of(const rl_draw *d, const rl_method *method, rl_prompts *prompts,
                              const masa_config *c)
{
    return masa_belief_at(&method->beliefs[rl_prompts_index(prompts, d->number)],
                          rl_prompts_epoch(prompts, d->number), c->meta.gate_discount);
}

/* What the fitted gate knows of a draw. */
typedef struct evidence {
    const masa_forecast *forecast; /* or NULL */
    masa_belief history;           /* of the prompt, as it is now */
    size_t right, wrong;           /* of the draw's scored rollouts */
} evidence;

static evidence evidence_on(const rl_draw *d, const rl_method *method, rl_prompts *prompts,
                            const masa_config *c)
{
    bool asked = d->predictions && c->meta.gate == MASA_CONFIG_GATE_SOFT;
    evidence e = {.forecast = asked ? &d->predictions->forecast : NULL};
    for (size_t j = 0; j < d->solutions.scored; j++) {
        if (rl_cut_off(d, j, c)) continue; /* it might have been right */
        e.right += d->solutions.rollouts[j].correct;
        e.wrong += !d->solutions.rollouts[j].correct;
    }
    e.history = history_of(d, method, prompts, c);
    return e;
}

void rl_set_level(rl_draws *draws, size_t first, const rl_method *method, rl_prompts *prompts,
                  const masa_config *config)
{
    const masa_forecast **forecasts = masa_alloc(draws->n + 1, sizeof *forecasts);
    masa_pass_rate_moments *known = masa_alloc(draws->n + 1, sizeof *known);
    size_t n = 0;
    for (size_t i = 0; i < draws->n; i++) {
        const rl_draw *d = &draws->items[i];
        if (!d->predictions) continue;
        masa_belief history = history_of(d, method, prompts, config);
        forecasts[n] = &d->predictions->forecast;
        known[n++] = masa_gate_fit_moments(&method->fit, NULL, &history);
    }
    double level = masa_gate_fit_level(forecasts, known, n);
    for (size_t i = first; i < draws->n; i++)
        if (draws->items[i].predictions) draws->items[i].predictions->forecast.level = level;
    free(forecasts);
    free(known);
}

/* Whether the fitted gate closes on a draw of which so many rollouts were seen. */
static bool fit_closes(double *value, const rl_draw *d, const evidence *e, size_t seen,
                       const rl_method *method, const masa_config *c)
{
    size_t G = rl_wanted(d, c);
    double threshold = masa_gate_fit_threshold(&method->fit, c->meta.gate_threshold, G);
    *value =
        masa_gate_fit_agreement(&method->fit, e->forecast, &e->history, e->right, e->wrong, G);
    return *value > masa_gate_fit_threshold_after(threshold, seen, G);
}

/* Whether the gate closes on a draw whatever a pass would foretell: it was gated for
 * good, or its own history closes it. (Sampled predictions are there in any case, so they are
 * heard.) */
static bool settled(double *value, const rl_draw *d, const rl_method *method,
                    rl_prompts *prompts, const masa_config *c)
{
    *value = method->shut[rl_prompts_index(prompts, d->number)];
    if (*value > 0) return true;
    if (c->meta.gate != MASA_CONFIG_GATE_SOFT || d->meta.n ||
        c->meta.forecast == MASA_CONFIG_FORECAST_SAMPLES)
        return false;
    evidence e = evidence_on(d, method, prompts, c);
    e.forecast = NULL;
    return fit_closes(value, d, &e, d->solutions.scored, method, c);
}

/* Whether the gate closes on a draw; *value is what it is closed by. */
static bool closes(double *value, const rl_draw *d, const rl_method *method,
                   rl_prompts *prompts, const rl_session *s)
{
    const masa_config *c = s->config;
    const masa_forecast *forecast = d->predictions ? &d->predictions->forecast : NULL;
    if (settled(value, d, method, prompts, c)) return true;
    evidence e;
    switch (c->meta.gate) {
    case MASA_CONFIG_GATE_OFF: return false;
    case MASA_CONFIG_GATE_RANDOM:
        *value = c->meta.gate_rate;
        return uniform(d, s, DRAW_GATE) < c->meta.gate_rate;
    case MASA_CONFIG_GATE_HARD:
        *value =
            forecast && masa_gate_closed(forecast, c->meta.gate_sigma, c->meta.gate_tolerance);
        return *value > 0;
    default:
        e = evidence_on(d, method, prompts, c);
        return fit_closes(value, d, &e, d->solutions.scored, method, c);
    }
}

/* After how many more rollouts of a draw the gate is asked again: the fewest pilots on which it
 * would close if all agreed (a rollout that a cutoff stops says less, so that it would not
 * before). 0: on none, so that all that are missing are sampled at once. Shares by worth want
 * the pilots in any case. */
static size_t next_pilot(const rl_draw *d, const rl_method *method, rl_prompts *prompts,
                         const masa_config *c)
{
    size_t pilot = (size_t)c->meta.gate_pilot, G = rl_wanted(d, c), seen = d->solutions.scored;
    if (!pilot || c->meta.size_by_worth) return pilot;
    evidence e = evidence_on(d, method, prompts, c);
    for (size_t more = pilot; seen + more < G; more += pilot) {
        evidence all_right = e, all_wrong = e;
        double value;
        all_right.right += more;
        all_wrong.wrong += more;
        if (fit_closes(&value, d, &all_right, seen + more, method, c) ||
            fit_closes(&value, d, &all_wrong, seen + more, method, c))
            return more;
    }
    return 0;
}

bool rl_decide_again(rl_draw *d, const rl_method *method, rl_prompts *prompts,
                     const rl_session *s)
{
    rl_decision *made = &d->decision;
    evidence e = evidence_on(d, method, prompts, s->config);
    made->pilot = d->solutions.scored;
    bool closed = fit_closes(&made->agreement, d, &e, made->pilot, method, s->config);
    made->spared = closed && uniform(d, s, DRAW_SPARED) < s->config->meta.audit_share;
    made->given_up = closed && !made->spared;
    /* Once two differ, or the rest is wanted anyway, there is nothing left to ask. */
    bool over = made->agreement == 0 || made->spared;
    d->solutions.pilot = over ? 0 : next_pilot(d, method, prompts, s->config);
    return !made->given_up;
}

/* Tokens that a solution of a draw is expected to take; 0: not known. */
static double tokens_of(const rl_draw *d)
{
    const rl_group *g = &d->solutions;
    double sum = 0;
    for (size_t j = 0; j < g->n; j++) sum += (double)g->rollouts[j].completion.n;
    if (g->n) return sum / (double)g->n;
    return d->predictions && d->predictions->forecast.n_lengths
               ? d->predictions->forecast.length
               : 0;
}

void rl_share_out(rl_draws *draws, size_t first, const rl_method *method, rl_prompts *prompts,
                  const rl_session *s)
{
    const masa_config *c = s->config;
    size_t G = (size_t)c->rollout.group_size, most = 2 * G, n = 0, known = 0;
    size_t least = G / 4 > 2 ? G / 4 : 2, pilot = (size_t)c->meta.gate_pilot;
    rl_draw **open = masa_alloc(draws->n + 1, sizeof(rl_draw *));
    size_t *size = masa_alloc(draws->n + 1, sizeof *size);
    double *spread = masa_alloc(2 * draws->n + 1, sizeof *spread), *tokens = spread + draws->n;
    double sum = 0, budget = 0;
    for (size_t i = first; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        const rl_decision *made = &d->decision;
        if (made->gated || made->given_up || made->audited || made->spared ||
            d->solutions.n >= G)
            continue;
        evidence e = evidence_on(d, method, prompts, c);
        e.history.right += (double)e.right;
        e.history.wrong += (double)e.wrong;
        spread[n] = masa_gate_fit_moments(&method->fit, e.forecast, &e.history).spread;
        tokens[n] = tokens_of(d);
        sum += tokens[n];
        known += tokens[n] > 0;
        open[n++] = d;
    }
    for (size_t q = 0; q < n; q++) {
        if (!(tokens[q] > 0)) tokens[q] = known ? sum / (double)known : 1;
        budget += tokens[q] * (double)G;
    }
    masa_worth_allocate(size, spread, tokens, n, budget, pilot > least ? pilot : least, most);
    for (size_t q = 0; q < n; q++) open[q]->solutions.size = size[q];
    free(open);
    free(size);
    free(spread);
}

/* Soft: each rollout draws beforehand whether it may pass the cutoff. */
static void set_cutoff(rl_draw *d, size_t cutoff, const rl_session *s)
{
    rl_group *g = &d->solutions;
    const masa_config *c = s->config;
    size_t n = (size_t)c->rollout.group_size * (c->meta.size_by_worth ? 2 : 1);
    size_t whole = g->max_tokens;
    d->decision.cutoff = cutoff;
    if (cutoff >= whole) return;
    if (c->meta.cutoff_survival == 0) {
        g->max_tokens = cutoff;
        return;
    }
    g->limits = masa_alloc(n, sizeof *g->limits);
    for (size_t j = 0; j < n; j++)
        g->limits[j] =
            uniform(d, s, DRAW_SURVIVAL + j) < c->meta.cutoff_survival ? whole : cutoff;
}

static masa_status add_hint(rl_draw *d, const rl_session *s, masa_error *err)
{
    rl_group *g = &d->solutions;
    const masa_config *c = s->config;
    masa_text problem = {0};
    masa_tokens prompt = {0};
    char *text = NULL;
    masa_text_add(&problem, d->problem->question);
    size_t before = problem.size;
    masa_hint_add(&problem, &d->predictions->forecast, MASA_HINT_NOTIONS);
    masa_problem hinted = *d->problem;
    hinted.question = problem.data;
    masa_status st = MASA_OK;
    if (problem.size > before) {
        char *user = rl_solution_request(c, &hinted);
        st = rl_prompt(&prompt, &text, s, c->model.system, user, err);
        free(user);
        d->decision.hinted = st == MASA_OK && prompt.n <= (size_t)c->data.max_prompt_tokens;
    }
    if (d->decision.hinted) {
        masa_tokens_deinit(&g->prompt);
        free(g->prompt_text);
        g->prompt = prompt;
        g->prompt_text = text;
    } else {
        masa_tokens_deinit(&prompt);
        free(text);
    }
    masa_text_deinit(&problem);
    return st;
}

/* Of the cutoff for a predicted length; 0: none. */
static double margin_of(const rl_method *method, double predicted, const masa_config *c)
{
    if (c->meta.cutoff_keep == 0 || c->meta.cutoff_margin == 0) return c->meta.cutoff_margin;
    double fitted = masa_cutoff_fit_margin(&method->cutoff, predicted, c->meta.cutoff_keep);
    return fitted > 0 ? fmax(fitted, c->meta.cutoff_margin) : 0;
}

static void close_on(rl_draw *d, const rl_session *s)
{
    d->decision.audited = uniform(d, s, DRAW_AUDIT) < s->config->meta.audit_share;
    d->decision.gated = !d->decision.audited;
}

typedef struct candidate {
    rl_draw *draw;
    double spread; /* expected p (1 - p) */
} candidate;

/* The most telling first; of equals the one drawn first. */
static int by_spread(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    uint64_t i = a->draw->number, j = b->draw->number;
    return a->spread != b->spread ? (a->spread < b->spread) - (a->spread > b->spread)
                                  : (i > j) - (i < j);
}

/* Closes on what is open beyond the best `places`. */
static void pass_over(rl_draws *draws, size_t first, size_t places, const rl_method *method,
                      rl_prompts *prompts, const rl_session *s)
{
    candidate *open = masa_alloc(draws->n + 1, sizeof *open);
    size_t n = 0;
    for (size_t i = first; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        if (d->decision.gated || d->decision.audited) continue;
        evidence e = evidence_on(d, method, prompts, s->config);
        open[n++] =
            (candidate){d, masa_gate_fit_moments(&method->fit, e.forecast, &e.history).spread};
    }
    qsort(open, n, sizeof *open, by_spread);
    for (size_t q = places; q < n; q++) close_on(open[q].draw, s);
    free(open);
}

/* What is done with a draw that the gate left open. */
static masa_status set_up(rl_draw *d, const rl_method *method, const rl_session *s,
                          masa_error *err)
{
    const masa_config *c = s->config;
    rl_decision *made = &d->decision;
    if (!d->predictions) return MASA_OK;
    const masa_forecast *forecast = &d->predictions->forecast;
    double margin = margin_of(method, forecast->length, c);
    size_t cutoff = masa_cutoff_tokens(forecast, margin, d->solutions.max_tokens);
    made->wished = cutoff;
    if (uniform(d, s, DRAW_UNCUT) >= c->meta.cutoff_audit) set_cutoff(d, cutoff, s);
    return c->meta.notion_hint ? add_hint(d, s, err) : MASA_OK;
}

masa_status rl_decide(rl_draws *draws, size_t first, size_t places, const rl_method *method,
                      rl_prompts *prompts, const rl_session *s, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = first; i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        size_t whole = d->solutions.max_tokens;
        d->decision = (rl_decision){.made = true, .cutoff = whole, .wished = whole};
        if (closes(&d->decision.zero_variance, d, method, prompts, s)) close_on(d, s);
    }
    if (s->config->meta.gate_candidates > 1)
        pass_over(draws, first, places, method, prompts, s);
    /* An audit asks what the prompt's solutions are like when nothing interferes. */
    for (size_t i = first; st == MASA_OK && i < draws->n; i++) {
        rl_draw *d = &draws->items[i];
        if (d->decision.gated || d->decision.audited) continue;
        d->solutions.pilot = next_pilot(d, method, prompts, s->config);
        st = set_up(d, method, s, err);
    }
    return st;
}

bool rl_asked_to_predict(const rl_draw *d, const rl_method *method, rl_prompts *prompts,
                         const rl_session *s)
{
    return s->config->meta.samples > 0 && !method->shut[rl_prompts_index(prompts, d->number)] &&
           uniform(d, s, DRAW_SHARE) < s->config->meta.share;
}

bool rl_needs_forecast(const rl_draw *d, const rl_method *method, rl_prompts *prompts,
                       const rl_session *s)
{
    double value;
    bool audit = uniform(d, s, DRAW_AUDIT) < s->config->meta.audit_share;
    return !method->acting || audit || !settled(&value, d, method, prompts, s->config);
}

bool rl_limited(const rl_draw *d, const masa_config *config)
{
    return d->decision.made && d->decision.cutoff < (size_t)config->rollout.max_tokens;
}

bool rl_flat(const rl_draw *d, const masa_config *config)
{
    size_t right = 0, wrong = 0;
    for (size_t j = 0; j < d->solutions.n; j++) {
        if (rl_cut_off(d, j, config)) continue;
        right += d->solutions.rollouts[j].correct;
        wrong += !d->solutions.rollouts[j].correct;
    }
    return right == 0 || wrong == 0;
}

bool rl_cut_off(const rl_draw *d, size_t rollout, const masa_config *config)
{
    const rl_group *g = &d->solutions;
    const masa_completion *c = &g->rollouts[rollout].completion;
    size_t limit = g->limits ? g->limits[rollout] : g->max_tokens;
    return c->cause == MASA_STOP_LENGTH && limit < (size_t)config->rollout.max_tokens;
}

void rl_weigh_survivors(rl_draw *d, const masa_config *config)
{
    rl_group *g = &d->solutions;
    if (!g->limits) return;
    g->weights = masa_alloc(g->n, sizeof *g->weights);
    for (size_t j = 0; j < g->n; j++) {
        bool passed = g->rollouts[j].completion.n > d->decision.cutoff;
        g->weights[j] = rl_cut_off(d, j, config) ? 0
                        : passed                 ? (float)(1 / config->meta.cutoff_survival)
                                                 : 1;
    }
}
