/* Which servers there are, and that they have the weights. */
#include "remote_internal.h"

#include "exchange.h"
#include "factors.h"
#include "flops.h"

#include <masa/dist.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static masa_status add_server(rl_remote *r, const char *url, size_t n, masa_error *err)
{
    while (n > 0 && (url[n - 1] == '/' || url[n - 1] == ' ')) n--;
    while (n > 0 && *url == ' ') url++, n--;
    if (n == 0 || !(masa_starts_with(url, "http://") || masa_starts_with(url, "https://")))
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "rollout.servers: '%.*s' is no URL; give some like http://node7:8000, with "
            "commas between",
            (int)n, url);
    r->urls = masa_realloc(r->urls, r->n + 1, sizeof *r->urls);
    r->urls[r->n++] = masa_strndup(url, n);
    return MASA_OK;
}

static masa_status find_folder(rl_remote *r, const rl_session *s, masa_error *err)
{
    const char *shared = s->config->rollout.weights[0] ? s->config->rollout.weights : s->folder;
    if (!s->run) return MASA_OK;
    masa_status st = masa_folder_create(shared, err);
    char *real = st == MASA_OK ? realpath(shared, NULL) : NULL;
    if (real) r->folder = masa_path_join(real, "rollout-weights");
    free(real);
    return st;
}

masa_status rl_remote_open(rl_session *s, masa_error *err)
{
    const char *urls = s->config->rollout.servers;
    masa_status st = MASA_OK;
    if (!*urls) return MASA_OK;
    rl_remote *r = s->remote = masa_alloc(1, sizeof *r);
    for (const char *p = urls; st == MASA_OK && *p;) {
        size_t n = strcspn(p, ",");
        st = add_server(r, p, n, err);
        p += n + (p[n] == ',');
    }
    r->servers = masa_alloc(r->n, sizeof *r->servers);
    if (st == MASA_OK)
        st = masa_http_open(&r->http, "application/json", s->config->rollout.timeout, s->stop,
                            err);
    return st == MASA_OK ? find_folder(r, s, err) : st;
}

void rl_remote_close(rl_session *s)
{
    rl_remote *r = s->remote;
    if (!r) return;
    if (r->folder) masa_folder_remove(r->folder, NULL);
    masa_http_close(r->http);
    for (size_t i = 0; i < r->n; i++) free(r->urls[i]);
    free(r->urls);
    free(r->servers);
    free(r->folder);
    free(r);
}

bool rl_remote_foreign(const rl_session *s)
{
    bool foreign = false;
    for (size_t i = 0; s->remote && i < s->remote->n; i++)
        foreign |= s->remote->servers[i].foreign;
    return foreign;
}

void remote_leave_out(rl_remote *r, size_t i, const char *why)
{
    if (r->servers[i].there)
        masa_warn("%s samples no more until the weights change: %s", r->urls[i], why);
    r->servers[i].there = false;
    r->servers[i].heard = false; /* who comes back may be another */
    snprintf(r->why, sizeof r->why, "%.150s %.320s", r->urls[i], why);
}

masa_status remote_check_any(const rl_remote *r, masa_error *err)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->servers[i].there) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_IO, "no server of rollout.servers can sample: %s", r->why);
}

/* ---- one call of every server that is there ---- */

/* Fills a call's body, or, with false and nothing in it, leaves the server out of this. */
typedef bool prepare(masa_http_call *call, const rl_session *s, size_t server);
typedef masa_status answered(rl_session *s, size_t server, const masa_http_call *call,
                             masa_error *err);

/* A server that does not answer, or not with what can be used, is left out. */
static masa_status ask_all(rl_session *s, const char *path, prepare *ask, answered *take,
                           masa_error *err)
{
    rl_remote *r = s->remote;
    masa_http_call *calls = masa_alloc(r->n, sizeof *calls);
    size_t *of = masa_alloc(r->n, sizeof *of), n = 0;
    for (size_t i = 0; i < r->n; i++) {
        calls[n] = (masa_http_call){.url = r->urls[i], .path = path};
        if (!r->servers[i].there || (ask && !ask(&calls[n], s, i))) continue;
        of[n++] = i;
    }
    masa_status st = masa_http_all(r->http, calls, n, err);
    for (size_t k = 0; st == MASA_OK && k < n; k++) {
        if (calls[k].status == 200 && take) st = take(s, of[k], &calls[k], err);
        else if (calls[k].status != 200) remote_leave_out(r, of[k], calls[k].why);
    }
    for (size_t k = 0; k < n; k++) masa_http_call_deinit(&calls[k]);
    free(calls);
    free(of);
    return st;
}

static void post(masa_http_call *call, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    masa_text_add(&call->body, text);
    free(text);
    json_decref(object);
}

/* ---- who they are ---- */

static masa_status take_models(rl_session *s, size_t i, const masa_http_call *call,
                               masa_error *err)
{
    json_t *o = json_loadb(masa_text_get(&call->got), call->got.size, 0, NULL);
    const json_t *model = json_array_get(json_object_get(o, "data"), 0);
    const char *owner = json_string_value(json_object_get(model, "owned_by"));
    (void)err;
    s->remote->servers[i].foreign = !owner || strcmp(owner, "masa") != 0;
    if (!model) remote_leave_out(s->remote, i, "serves no model");
    json_decref(o);
    return MASA_OK;
}

/* ---- weights ---- */

static masa_status write_weights(rl_session *s, masa_error *err)
{
    enum { SLACK = 16 << 20 };
    size_t bytes = masa_model_parameter_count(s->model) * sizeof(float) + SLACK;
    masa_status st;
    masa_progress_phase(s->progress, "weights", 0, 0);
    do {
        st = masa_folder_create(s->remote->folder, err);
        if (st == MASA_OK) st = rl_weights_save(s, s->remote->folder, err);
    } while (st == MASA_ERR_IO && rl_session_wait_for_room(s, bytes));
    return st;
}

static bool ask_reload(masa_http_call *call, const rl_session *s, size_t i)
{
    const rl_remote *r = s->remote;
    json_t *with = json_pack("{s:s}", "weights_path", r->folder);
    if (!r->servers[i].foreign)
        json_object_set_new(with, "weight_version", json_string(r->version));
    post(call, json_pack("{s:s,s:o}", "method", "reload_weights", "kwargs", with));
    return true;
}

/* masa's servers say what they have read. */
static masa_status take_reload(rl_session *s, size_t i, const masa_http_call *call,
                               masa_error *err)
{
    rl_remote *r = s->remote;
    if (r->servers[i].foreign) return MASA_OK;
    json_t *o = json_loadb(masa_text_get(&call->got), call->got.size, 0, NULL);
    const char *read = json_string_value(
        json_object_get(json_array_get(json_object_get(o, "results"), 0), "fingerprint"));
    bool same = read && masa_ends_with(r->version, read);
    json_decref(o);
    return same ? MASA_OK
                : MASA_FAIL(err, MASA_ERR_DATA,
                            "%s has read other weights than were written to %s: is it the same "
                            "folder there (rollout.weights)?",
                            r->urls[i], r->folder);
}

/* What vLLM has computed with the old ones. */
static bool ask_reset(masa_http_call *call, const rl_session *s, size_t i)
{
    if (s->remote->servers[i].foreign) masa_text_add(&call->body, "{}");
    return s->remote->servers[i].foreign;
}

static masa_status take_reset(rl_session *s, size_t i, const masa_http_call *call,
                              masa_error *err)
{
    json_t *o = json_loadb(masa_text_get(&call->got), call->got.size, 0, NULL);
    (void)err;
    if (!json_is_true(json_object_get(o, "success")))
        remote_leave_out(s->remote, i,
                         "keeps what it has computed with other weights while it has requests");
    json_decref(o);
    return MASA_OK;
}

/* What vLLM is to call these weights in its answers. */
static bool ask_version(masa_http_call *call, const rl_session *s, size_t i)
{
    if (s->remote->servers[i].foreign)
        post(call, json_pack("{s:s}", "new_version", s->remote->version));
    return s->remote->servers[i].foreign;
}

/* ---- the canary ---- */

enum { CANARY_TOKENS = 16, CANARY_KEY = 0x63616e61 };
static const char canary_text[] = "Numbers: 1, 2, 3, 5, 8, 13,";
/* Mean differences of log-probabilities: what engines of other precision come to, and what is never
 * looked into. */
static const double canary_most = 0.05, canary_least = 0.001;

/* The prompt is the caller's to free. */
static masa_request canary_request(masa_tokens *prompt, const rl_session *s)
{
    masa_tokenizer_encode(s->tokenizer, canary_text, sizeof canary_text - 1, false, prompt);
    return (masa_request){.prompt = prompt->ids,
                          .prompt_size = prompt->n,
                          .n_samples = 1,
                          .key = CANARY_KEY,
                          .max_tokens = CANARY_TOKENS,
                          .sampling = {(float)s->config->rollout.temperature, 0, 1, 0},
                          .stop_tokens = s->stop_tokens,
                          .n_stop_tokens = s->n_stop_tokens};
}

static bool ask_canary(masa_http_call *call, const rl_session *s, size_t i)
{
    masa_tokens prompt = {0};
    masa_request request = canary_request(&prompt, s);
    remote_ask(call, &(remote_piece){&request, 0, 1}, s->remote->servers[i].foreign);
    masa_tokens_deinit(&prompt);
    return true;
}

/* By the trainer, which is no part of what the run costs. */
static masa_status canary_difference(double *out, const masa_completion *c,
                                     const masa_request *request, rl_session *s,
                                     masa_error *err)
{
    float logprobs[CANARY_TOKENS];
    double before = rl_trained_flops(s), sum = 0;
    masa_sequence sequence = {.prompt = request->prompt,
                              .prompt_size = request->prompt_size,
                              .response = c->tokens,
                              .response_size = c->n,
                              .logprobs = logprobs};
    masa_status st = masa_trainer_logprobs(s->trainer, &sequence, 1, NULL, err);
    s->flops_elsewhere -= rl_trained_flops(s) - before;
    for (size_t t = 0; st == MASA_OK && t < c->n; t++)
        sum += fabs(logprobs[t] - c->logprobs[t]);
    *out = sum / (double)c->n;
    return st;
}

/* How an engine computes does not change: a server that comes to differ by far more than at first
 * has not all of the new weights, which the limit for all engines would show much later. */
static masa_status judge_canary(rl_remote *r, size_t i, double difference, masa_error *err)
{
    remote_server *server = &r->servers[i];
    double most = server->heard ? fmax(20 * server->apart, canary_least) : canary_most;
    if (most > canary_most) most = canary_most;
    if (difference <= most) {
        if (!server->heard) server->apart = difference;
        server->heard = true;
        return MASA_OK;
    }
    return MASA_FAIL(err, MASA_ERR_DATA,
                     "%s computes with other weights or settings: a canary's log-probabilities "
                     "differ from the trainer's by %.2g on average, %.2g at most are allowed%s",
                     r->urls[i], difference, most,
                     server->heard ? "; at first they were nearer, so weights that it was to "
                                     "read anew are still old"
                     : server->foreign ? " (vLLM wants --logprobs-mode processed_logprobs)"
                                       : "");
}

static masa_status take_canary(rl_session *s, size_t i, const masa_http_call *call,
                               masa_error *err)
{
    masa_tokens prompt = {0};
    masa_request request = canary_request(&prompt, s);
    masa_completion c = {0};
    double difference = 0;
    masa_status st = remote_take(&c, call, &(remote_piece){&request, 0, 1}, s, err);
    if (st == MASA_OK) st = canary_difference(&difference, &c, &request, s, err);
    if (st == MASA_OK) st = judge_canary(s->remote, i, difference, err);
    masa_completion_deinit(&c);
    masa_tokens_deinit(&prompt);
    return st;
}

/* ---- all of it ---- */

static masa_status sync_all(rl_session *s, masa_error *err)
{
    rl_remote *r = s->remote;
    for (size_t i = 0; i < r->n; i++) r->servers[i].there = true;
    masa_status st = write_weights(s, err);
    if (st == MASA_OK) st = ask_all(s, "/v1/models", NULL, take_models, err);
    if (st == MASA_OK) st = ask_all(s, "/collective_rpc", ask_reload, take_reload, err);
    if (st == MASA_OK) st = ask_all(s, "/reset_prefix_cache", ask_reset, take_reset, err);
    if (st == MASA_OK) st = ask_all(s, "/update_weight_version", ask_version, NULL, err);
    if (st == MASA_OK) st = ask_all(s, "/inference/v1/generate", ask_canary, take_canary, err);
    return st == MASA_OK ? remote_check_any(r, err) : st;
}

masa_status rl_remote_sync(rl_session *s, masa_error *err)
{
    rl_remote *r = s->remote;
    char version[sizeof r->version];
    masa_status st = MASA_OK;
    if (!r) return MASA_OK;
    snprintf(version, sizeof version, "step-%ld-%016llx", s->state.step,
             (unsigned long long)masa_model_fingerprint(s->model));
    if (strcmp(version, r->version) == 0) return MASA_OK;
    snprintf(r->version, sizeof r->version, "%s", version);
    if (masa_dist_rank() == 0) st = sync_all(s, err);
    st = rl_exchange_first(r->servers, r->n * sizeof *r->servers, st, err);
    if (st != MASA_OK) r->version[0] = '\0';
    return st;
}
