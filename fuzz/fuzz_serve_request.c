/* Requests to `masa serve`: a line with the path, then the body. It is refused with a reason, or
 * what is decoded for it is an answer that can be read, whole or as events. In a body @ is a
 * folder with a model, so that weights are reloaded too. */
#include "scratch.h"
#include "serve/service.h"

#include <string.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) abort();                                                             \
    } while (0)

enum { TOKENS = 3, CHOICES = 24 /* of a request that is decoded */ };

static volatile sig_atomic_t stop;

static masa_model *make_model(const masa_tokenizer *tokenizer)
{
    const masa_model_config config = {.architecture = MASA_LLAMA,
                                      .vocab_size = masa_tokenizer_vocab_size(tokenizer),
                                      .hidden_size = 8,
                                      .intermediate_size = 8,
                                      .n_layers = 1,
                                      .n_heads = 2,
                                      .n_kv_heads = 1,
                                      .head_dim = 4,
                                      .max_positions = 48,
                                      .rms_norm_eps = 1e-5f,
                                      .rope_theta = 10000,
                                      .eos_token = 1,
                                      .bos_token = -1,
                                      .pad_token = -1};
    const masa_model_options options = {MASA_F32, false};
    masa_model *model = NULL;
    CHECK(masa_model_create(&model, &config, &options, 1, NULL) == MASA_OK);
    CHECK(masa_model_save(model, scratch, MASA_SAVE_F32, NULL) == MASA_OK);
    return model;
}

static void open_service(service *s)
{
    static masa_serve_options options = {
        .name = "model", .batch = 8, .cache_bytes = 1 << 20, .queue = 4, .stop = &stop};
    masa_tokenizer *tokenizer = NULL;
    masa_chat *chat = NULL;
    masa_text json = {0};
    CHECK(masa_file_read(&json, FUZZ_TOKENIZER, NULL) == MASA_OK);
    free(scratch_put("tokenizer.json", json.data, json.size));
    masa_text_deinit(&json);
    CHECK(masa_tokenizer_load(&tokenizer, scratch, NULL) == MASA_OK);
    CHECK(masa_chat_create(&chat, "chatml", tokenizer, NULL) == MASA_OK);
    options.weights = scratch;
    CHECK(service_open(s, make_model(tokenizer), tokenizer, chat, &options, NULL) == MASA_OK);
}

static void fill_body(masa_text *out, const char *body, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (body[i] == '@') masa_text_add(out, scratch);
        else masa_text_append(out, &body[i], 1);
}

/* What is queued is sound; its responses are made short, so that many inputs are tried. */
static void check_job(job *j, const service *s)
{
    size_t context = masa_generator_context(s->generator), n = 0;
    if (j->kind == JOB_RELOAD) return;
    for (size_t i = 0; i < j->n_prompts; i++) {
        masa_request *r = &j->requests[i];
        CHECK(r->prompt_size > 0 && r->prompt_size < context && r->max_tokens > 0);
        CHECK(r->prompt == j->prompts[i].ids && r->prompt_size == j->prompts[i].n);
        n += r->n_samples;
        r->max_tokens = r->max_tokens < TOKENS ? r->max_tokens : TOKENS;
        for (size_t k = 0; r->sample_max_tokens && k < r->n_samples; k++) {
            CHECK(j->limits[k] > 0 && j->limits[k] < context);
            j->limits[k] = TOKENS;
        }
    }
    CHECK(n > 0 && n == j->n_choices && n <= SERVE_CHOICES_MOST);
    j->gone = n > CHOICES;
}

/* An object with as many choices, or one with an error's reason. */
static void check_object(const char *text, size_t n, const job *j)
{
    json_t *o = json_loadb(text, n, 0, NULL);
    const char *why =
        json_string_value(json_object_get(json_object_get(o, "error"), "message"));
    size_t choices = json_array_size(json_object_get(o, "choices"));
    CHECK(o && (j->status == MHD_HTTP_OK || (why && *why)));
    if (!j->begun && j->status == MHD_HTTP_OK && j->kind != JOB_RELOAD)
        CHECK(choices == j->n_choices);
    json_decref(o);
}

static void check_events(const job *j)
{
    const char *p = masa_text_get(&j->out), *end;
    for (; (end = strstr(p, "\n\n")); p = end + 2) {
        CHECK(strncmp(p, "data: ", 6) == 0);
        p += 6;
        if (strncmp(p, "[DONE]", 6) == 0) CHECK(end[2] == '\0');
        else check_object(p, (size_t)(end - p), j);
    }
    CHECK(*p == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static service s;
    if (!s.generator) open_service(&s);
    const char *text = (const char *)data, *line = memchr(text, '\n', size);
    size_t n = line ? (size_t)(line - text) : size;
    char *path = strndup(text, n);
    job *j = job_create(NULL);
    if (line) fill_body(&j->body, line + 1, size - n - 1);
    job_take(&s, j, path, "POST");
    CHECK(j->queued != j->finished);
    if (j->queued) check_job(j, &s);
    else CHECK(j->status >= 400 && j->status < 500);
    while (decode_round(&s)) {
    }
    CHECK(j->holders == 1 && s.n_running == 0 && !s.first);
    CHECK(j->gone || j->finished);
    CHECK(j->status < 500 || j->kind == JOB_RELOAD);
    if (j->begun) check_events(j);
    else if (j->finished) check_object(masa_text_get(&j->out), j->out.size, j);
    job_release(&s, j);
    CHECK(s.n_jobs == 0);
    free(path);
    return 0;
}
