/*
 * A trainer's two calls, as vLLM has them: tokens in and tokens out, and other weights.
 *
 * What vLLM does not have, a trainer of masa's says in the member "masa" of a request: {"key":
 * "0x...", "first_sample": n, "limits": [tokens of each sample]}, from which the response is the
 * same wherever it is made.
 */
#include "service.h"

#include <masa/memory.h>
#include <masa/random.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- generate ---- */

static masa_status read_stop_tokens(job *j, const json_t *params, const service *s,
                                    masa_error *err)
{
    enum { MOST = sizeof j->stop_tokens / sizeof *j->stop_tokens };
    const json_t *list = json_object_get(params, "stop_token_ids");
    masa_tokens ids = {0};
    if (!list || json_is_null(list)) {
        memcpy(j->stop_tokens, s->stop_tokens, sizeof s->stop_tokens);
        j->n_stop_tokens = s->n_stop_tokens;
        return MASA_OK;
    }
    masa_status st =
        json_array_size(list) > MOST
            ? MASA_FAIL(err, MASA_ERR_DATA, "'stop_token_ids' has more than %d", MOST)
            : read_ids(&ids, s, list, "stop_token_ids", err);
    for (size_t i = 0; st == MASA_OK && i < ids.n; i++)
        j->stop_tokens[j->n_stop_tokens++] = ids.ids[i];
    masa_tokens_deinit(&ids);
    return st;
}

static masa_status read_limits(job *j, const json_t *list, size_t n, masa_error *err)
{
    if (!list) return MASA_OK;
    bool valid = json_array_size(list) == n;
    j->limits = masa_alloc(n, sizeof *j->limits);
    for (size_t i = 0; valid && i < n; i++) {
        json_int_t limit = json_integer_value(json_array_get(list, i));
        valid = limit >= 1;
        j->limits[i] = (size_t)limit;
    }
    return valid
               ? MASA_OK
               : MASA_FAIL(err, MASA_ERR_DATA,
                           "'limits' must be a list of 'n' numbers of tokens, each at least 1");
}

/* What is only said among masas. */
static masa_status read_own(job *j, masa_request *out, const json_t *own, size_t n,
                            masa_error *err)
{
    if (!own) return MASA_OK;
    const char *key = json_string_value(json_object_get(own, "key"));
    char *end = NULL;
    if (key) out->key = strtoull(key, &end, 16);
    if (!key || *key == '\0' || *end)
        return MASA_FAIL(err, MASA_ERR_DATA, "'masa' needs a 'key' in hexadecimal digits");
    j->whole = true;
    masa_status st = read_whole(&out->first_sample, own, "first_sample", 0, 1 << 24, err);
    return st == MASA_OK ? read_limits(j, json_object_get(own, "limits"), n, err) : st;
}

/* A trainer's rollouts are not to depend on the server's context. */
static masa_status check_room(const job *j, const service *s, size_t n, size_t longest,
                              masa_error *err)
{
    size_t context = masa_generator_context(s->generator);
    for (size_t i = 0; j->limits && i < n; i++)
        if (i == 0 || j->limits[i] > longest) longest = j->limits[i];
    size_t size = j->prompts[0].n;
    if (size > 0 && size < context && (!j->whole || longest <= context - size)) return MASA_OK;
    return MASA_FAIL(
        err, MASA_ERR_DATA,
        "%zu tokens of prompt and %zu of response do not fit this server's context of "
        "%zu (--context, --cache)",
        size, longest, context);
}

masa_status tokens_read(job *j, const json_t *body, service *s, masa_error *err)
{
    const json_t *params = json_object_get(body, "sampling_params");
    masa_request settings = {.max_tokens = 16};
    size_t n = 1;
    j->prompts = masa_alloc(1, sizeof *j->prompts);
    j->n_prompts = 1;
    masa_status st =
        read_ids(j->prompts, s, json_object_get(body, "token_ids"), "token_ids", err);
    if (st == MASA_OK && !json_is_object(params))
        st = MASA_FAIL(err, MASA_ERR_DATA, "'sampling_params' must be an object");
    if (st == MASA_OK) st = read_whole(&n, params, "n", 1, SERVE_CHOICES_MOST, err);
    if (st == MASA_OK)
        st = read_whole(&settings.max_tokens, params, "max_tokens", 1, 1 << 24, err);
    if (st == MASA_OK) st = read_sampling(&settings.sampling, params, err);
    if (st == MASA_OK) st = read_seed(&settings.key, params, err);
    settings.key = masa_key(settings.key, 0);
    if (st == MASA_OK) st = read_stop_tokens(j, params, s, err);
    if (st == MASA_OK) st = read_own(j, &settings, json_object_get(body, "masa"), n, err);
    if (st == MASA_OK) st = check_room(j, s, n, settings.max_tokens, err);
    settings.sample_max_tokens = j->limits;
    if (st == MASA_OK) job_plan(j, n, &settings);
    return st;
}

static json_t *choice_of(const service *s, const masa_completion *c)
{
    json_t *ids = json_array(), *logprobs = json_array();
    bool stopped = c->cause == MASA_STOP_EOS;
    for (size_t i = 0; i < c->n; i++) {
        json_array_append_new(ids, json_integer(c->tokens[i]));
        json_array_append_new(logprobs, json_pack("{s:i,s:f}", "token_id", c->tokens[i],
                                                  "logprob", (double)c->logprobs[i]));
    }
    return json_pack("{s:I,s:o,s:{s:o},s:s,s:o,s:[{s:s,s:i,s:I}],s:f}", "index",
                     (json_int_t)c->sample, "token_ids", ids, "logprobs", "content", logprobs,
                     "finish_reason", stopped ? "stop" : "length", "stop_reason",
                     stopped ? json_integer(c->tokens[c->n - 1]) : json_null(),
                     "weight_versions", "version", s->version, "start", 0, "end",
                     (json_int_t)c->n, "seconds", c->seconds);
}

void tokens_finish(service *s, job *j)
{
    json_t *choices = json_array();
    for (size_t i = 0; i < j->n_choices; i++)
        json_array_append_new(choices, choice_of(s, &j->completions[i]));
    job_answer(s, j, json_pack("{s:s,s:o}", "request_id", j->id, "choices", choices));
}

/* ---- reload ---- */

/* The real path of weights that may be read. */
static masa_status find_weights(char **out, const char *path, const service *s, masa_error *err)
{
    char *real = realpath(path, NULL);
    if (!real)
        return MASA_FAIL(err, MASA_ERR_DATA, "cannot open %s: %s", path, strerror(errno));
    size_t n = strcmp(s->weights, "/") == 0 ? 0 : strlen(s->weights);
    bool below = strncmp(real, s->weights, n) == 0 && (real[n] == '/' || real[n] == '\0');
    if (!below) {
        free(real);
        return MASA_FAIL(err, MASA_ERR_DATA, "%s is not in the folder that --weights names",
                         path);
    }
    *out = real;
    return MASA_OK;
}

masa_status reload_read(job *j, const json_t *body, service *s, masa_error *err)
{
    const char *method = json_string_value(json_object_get(body, "method"));
    const json_t *with = json_object_get(body, "kwargs");
    const char *path = json_string_value(json_object_get(with, "weights_path")),
               *version = json_string_value(json_object_get(with, "weight_version"));
    if (!s->weights)
        return MASA_FAIL(
            err, MASA_ERR_DATA,
            "this server's weights stay what they are; --weights FOLDER allows others");
    if (!method || strcmp(method, "reload_weights") != 0 || !path)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "there is 'method' \"reload_weights\" alone, whose "
                         "'kwargs' say the 'weights_path'");
    if (version && strlen(version) >= sizeof s->version)
        return MASA_FAIL(err, MASA_ERR_DATA, "'weight_version' is too long");
    j->version = version ? masa_strdup(version) : NULL;
    return find_weights(&j->path, path, s, err);
}

void reload_run(service *s, job *j)
{
    masa_error err = {0};
    char fingerprint[20];
    bool spoiled;
    masa_status st = masa_model_reload(s->model, j->path, &spoiled, &err);
    if (st != MASA_OK) {
        s->broken = s->broken || spoiled;
        if (s->broken) masa_error_context(&err, "half of %s was read", j->path);
        else
            masa_error_context(&err, "%s is not read, the weights stay %s", j->path,
                               s->version);
        job_fail_with(s, j, st, &err);
        return;
    }
    s->broken = false;
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)masa_model_fingerprint(s->model));
    pthread_mutex_lock(&s->lock);
    snprintf(s->version, sizeof s->version, "%s", j->version ? j->version : fingerprint);
    pthread_mutex_unlock(&s->lock);
    job_answer(s, j,
               json_pack("{s:[{s:s,s:s}]}", "results", "weight_version", s->version,
                         "fingerprint", fingerprint));
}
