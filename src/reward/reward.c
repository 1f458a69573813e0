/* Rewards as sums of their parts. */
#include "ask.h"
#include "form.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct masa_rewards {
    masa_reward_options options; /* without its texts, which are not kept */
    ask_command *command;
    ask_url *url;
    size_t n_asked; /* so far */
};

const char *masa_reward_part_name(masa_reward_part part)
{
    static const char *const names[] = {
        [MASA_REWARD_CORRECTNESS] = "correctness",
        [MASA_REWARD_FORMAT] = "format",
        [MASA_REWARD_LENGTH] = "length",
        [MASA_REWARD_REPETITION] = "repetition",
        [MASA_REWARD_USER] = "user",
    };
    return names[part];
}

static bool given(const char *text)
{
    return text && text[0];
}

bool masa_rewards_are_judged(const masa_reward_options *o)
{
    return o->weights[MASA_REWARD_CORRECTNESS] != 0 || !(given(o->command) || given(o->url));
}

masa_status masa_rewards_open(masa_rewards **out, const masa_reward_options *options,
                              masa_error *err)
{
    masa_rewards *r = masa_alloc(1, sizeof *r);
    r->options = *options;
    masa_status st = MASA_OK;
    if (given(options->command)) st = ask_command_open(&r->command, options, err);
    if (st == MASA_OK && given(options->url)) st = ask_url_open(&r->url, options, err);
    if (st == MASA_OK) *out = r;
    else masa_rewards_close(r);
    return st;
}

void masa_rewards_close(masa_rewards *r)
{
    if (!r) return;
    ask_command_close(r->command);
    ask_url_close(r->url);
    free(r);
}

/* ---- the parts ---- */

static masa_status judge(masa_reward *out, const masa_response *responses, size_t n,
                         const volatile sig_atomic_t *stop, masa_error *err)
{
    masa_judgement *judged = masa_alloc(n + 1, sizeof *judged);
    masa_status st = masa_judge_all(judged, responses, n, stop, err);
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        out[i].correct = judged[i].right;
        out[i].answer = judged[i].answer;
        out[i].found = judged[i].found;
        out[i].parts[MASA_REWARD_CORRECTNESS] = judged[i].right;
    }
    free(judged);
    return st;
}

static masa_status ask_user(masa_rewards *r, masa_reward *out, const masa_response *responses,
                            size_t n, bool judged, masa_error *err)
{
    ask a = {.responses = responses,
             .replies = masa_alloc(n + 1, sizeof *a.replies),
             .n = n,
             .first = r->n_asked};
    masa_status st =
        r->command ? ask_command_run(r->command, &a, err) : ask_url_run(r->url, &a, err);
    r->n_asked += n;
    for (size_t i = 0; i < n; i++) {
        const ask_reply *reply = &a.replies[i];
        if (st != MASA_OK) {
            free(reply->text);
            continue;
        }
        out[i].parts[MASA_REWARD_USER] = reply->reward;
        out[i].text = reply->text;
        if (judged) continue;
        out[i].correct = reply->correct < 0 ? reply->reward >= 0.5 : reply->correct == 1;
    }
    free(a.replies);
    return st;
}

static void measure(masa_reward *out, const masa_response *r, const masa_reward_options *o)
{
    if (o->weights[MASA_REWARD_FORMAT] != 0)
        out->parts[MASA_REWARD_FORMAT] = form_has_answer(r);
    if (o->weights[MASA_REWARD_LENGTH] != 0)
        out->parts[MASA_REWARD_LENGTH] = 1 - (double)r->tokens / (double)o->longest;
    if (o->weights[MASA_REWARD_REPETITION] != 0)
        out->parts[MASA_REWARD_REPETITION] = -form_repetition(r->text, r->size);
}

masa_status masa_rewards_give(masa_rewards *r, masa_reward *out, const masa_response *responses,
                              size_t n, masa_error *err)
{
    const masa_reward_options *o = &r->options;
    bool judged = masa_rewards_are_judged(o);
    masa_status st = MASA_OK;
    for (size_t i = 0; i < n; i++) {
        out[i] = (masa_reward){0};
        for (int k = 0; k < MASA_REWARD_PARTS; k++) out[i].parts[k] = NAN;
    }
    if (judged) st = judge(out, responses, n, o->stop, err);
    if (st == MASA_OK && (r->command || r->url))
        st = ask_user(r, out, responses, n, judged, err);
    for (size_t i = 0; st != MASA_OK && i < n; i++) free(out[i].answer);
    for (size_t i = 0; st == MASA_OK && i < n; i++) {
        measure(&out[i], &responses[i], o);
        for (int k = 0; k < MASA_REWARD_PARTS; k++)
            if (o->weights[k] != 0 && !isnan(out[i].parts[k]))
                out[i].total += o->weights[k] * out[i].parts[k];
    }
    return st;
}
