#include "one_pass.h"

#include "exchange.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = MASA_PASS_RATE_SCALE + 1 };

static masa_status make_prefix(masa_text *out, const rl_prompts *prompts, const masa_config *c,
                               masa_error *err)
{
    masa_meta_options options = rl_prompts_options(prompts, c);
    bool given = strcmp(c->meta.forecast_prefix, "auto") != 0;
    if (given) masa_text_add(out, c->meta.forecast_prefix);
    if (given || masa_meta_add_opening(out, &options)) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "meta.template asks for no pass_rate, which meta.forecast=one_pass "
                     "foretells; say in meta.forecast_prefix how an answer begins up to it");
}

static void encode(masa_tokens *out, const rl_session *s, const char *prefix, int digit)
{
    masa_text text = {0};
    masa_text_addf(&text, "%s%d", prefix, digit);
    masa_tokenizer_encode(s->tokenizer, masa_text_get(&text), text.size, false, out);
    masa_text_deinit(&text);
}

masa_status rl_one_pass_init(rl_one_pass *out, const rl_prompts *prompts, const rl_session *s,
                             masa_error *err)
{
    masa_tokens ids = {0};
    masa_text prefix = {0};
    *out = (rl_one_pass){0};
    masa_status st = make_prefix(&prefix, prompts, s->config, err);
    if (st != MASA_OK) return st;
    encode(&out->prefix, s, masa_text_get(&prefix), 0);
    bool single = out->prefix.n > 0;
    if (single) out->digits[0] = out->prefix.ids[--out->prefix.n];
    for (int k = 1; single && k < DIGITS; k++) {
        ids.n = 0;
        encode(&ids, s, masa_text_get(&prefix), k);
        single = ids.n == out->prefix.n + 1 &&
                 memcmp(ids.ids, out->prefix.ids, out->prefix.n * sizeof *ids.ids) == 0;
        if (single) out->digits[k] = ids.ids[ids.n - 1];
    }
    masa_tokens_deinit(&ids);
    masa_text_deinit(&prefix);
    if (single) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "after meta.forecast_prefix the digits 0 to %d are not one token each; "
                     "let it end where the model's tokens do",
                     MASA_PASS_RATE_SCALE);
}

void rl_one_pass_deinit(rl_one_pass *one_pass)
{
    masa_tokens_deinit(&one_pass->prefix);
}

static void set_forecast(rl_draw *d, const float logprobs[DIGITS])
{
    double probability[DIGITS];
    masa_forecast rate;
    for (int k = 0; k < DIGITS; k++) probability[k] = exp(logprobs[k]);
    masa_forecast_init_one_pass(&rate, probability);
    if (!d->predictions) d->predictions = masa_alloc(1, sizeof *d->predictions);
    masa_forecast *f = &d->predictions->forecast;
    f->n = rate.n;
    f->n_pass_rates = rate.n_pass_rates;
    f->pass_rate_mean = rate.pass_rate_mean;
    f->pass_rate_deviation = rate.pass_rate_deviation;
}

masa_status rl_one_pass_forecast(const rl_one_pass *o, rl_draw *const *draws, size_t n,
                                 rl_session *s, masa_error *err)
{
    masa_sequence *sequences = masa_alloc(n * DIGITS + 1, sizeof *sequences);
    float *logprobs = masa_alloc(n * DIGITS + 1, sizeof *logprobs);
    masa_tokens *prompts = masa_alloc(n + 1, sizeof *prompts);
    for (size_t i = 0; i < n; i++) {
        const masa_tokens *asked = &draws[i]->meta.prompt;
        masa_tokens *p = &prompts[i];
        p->n = asked->n + o->prefix.n;
        p->ids = masa_alloc(p->n, sizeof *p->ids);
        memcpy(p->ids, asked->ids, asked->n * sizeof *p->ids);
        memcpy(p->ids + asked->n, o->prefix.ids, o->prefix.n * sizeof *p->ids);
        for (size_t k = 0; k < DIGITS; k++)
            sequences[i * DIGITS + k] = (masa_sequence){.prompt = p->ids,
                                                        .prompt_size = p->n,
                                                        .response = &o->digits[k],
                                                        .response_size = 1,
                                                        .group = i,
                                                        .logprobs = &logprobs[i * DIGITS + k]};
    }
    masa_status st = masa_trainer_logprobs(s->trainer, sequences, n * DIGITS, NULL, err);
    st = rl_exchange_first(logprobs, n * DIGITS * sizeof *logprobs, st, err);
    for (size_t i = 0; i < n; i++) {
        if (st == MASA_OK) set_forecast(draws[i], logprobs + i * DIGITS);
        masa_tokens_deinit(&prompts[i]);
    }
    free(prompts);
    free(sequences);
    free(logprobs);
    return st;
}
