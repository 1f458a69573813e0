#include "doctor_internal.h"

#include "conversations.h"
#include "memory_plan.h"
#include "score.h"

#include <masa/device.h>
#include <masa/memory.h>
#include <masa/model_file.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *masa_finding_grade_name(masa_finding_grade grade)
{
    static const char *const names[] = {"fine", "note", "spoils"};
    return names[grade];
}

void masa_findings_deinit(masa_findings *findings)
{
    free(findings->items);
    *findings = (masa_findings){0};
}

void doctor_add(masa_findings *f, const char *check, masa_finding_grade grade,
                const char *remedy, const char *format, ...)
{
    masa_finding finding = {.check = check, .grade = grade, .remedy = remedy};
    va_list args;
    va_start(args, format);
    vsnprintf(finding.message, sizeof finding.message, format, args);
    va_end(args);
    MASA_PUSH(f->items, f->n, f->capacity, finding);
}

/* ---- the template ---- */

/* A turn comes back from its tokens as it was rendered, and an answer goes on where it is
 * asked for. */
static void look_at_round_trip(masa_findings *f, const rl_session *s)
{
    static const char content[] = "2+2? <|im_end|> \xc3\xa9\xe4\xb8\xad \\boxed{4}\n\n  x";
    const masa_message turns[] = {{"user", content}, {"assistant", "It is \\boxed{4}."}};
    masa_tokens ids = {0};
    masa_text rendered = {0}, decoded = {0};
    masa_error err = {0};
    rl_example example = {0};
    masa_status st = masa_chat_encode(&ids, s->chat, turns, 1, true, &err);
    if (st == MASA_OK) st = masa_chat_render(&rendered, s->chat, turns, 1, true, &err);
    if (st != MASA_OK) {
        doctor_add(f, "template", MASA_FINDING_SPOILS, "choose another by model.chat_template",
                   "%s", err.message);
        goto out;
    }
    masa_tokenizer_decode(s->tokenizer, ids.ids, ids.n, false, &decoded);
    if (strcmp(masa_text_get(&rendered), masa_text_get(&decoded)) != 0)
        doctor_add(f, "round trip", MASA_FINDING_NOTE,
                   "look at the tokens with masa tokenize --rendered; the tokenizer "
                   "drops or changes "
                   "characters",
                   "a prompt is not the same after its tokens are decoded");
    else
        doctor_add(f, "round trip", MASA_FINDING_FINE, NULL,
                   "a prompt's tokens decode to the same text");
    if (rl_encode_turn(&example, s, turns, 1, &err) != MASA_OK)
        doctor_add(f, "answer's place", MASA_FINDING_NOTE,
                   "reinforcement learning is not concerned; masa sft needs another "
                   "model.chat_template",
                   "%s", err.message);
    rl_example_deinit(&example);
out:
    masa_tokens_deinit(&ids);
    masa_text_deinit(&rendered);
    masa_text_deinit(&decoded);
}

static masa_status look_at_template(masa_findings *f, rl_session *s, masa_error *err)
{
    masa_error why = {0};
    masa_status st = masa_tokenizer_load(&s->tokenizer, s->config->model.path, err);
    if (st != MASA_OK) return st;
    if (masa_chat_create(&s->chat, s->config->model.chat_template, s->tokenizer, &why) !=
        MASA_OK) {
        doctor_add(f, "template", MASA_FINDING_SPOILS, "choose one by model.chat_template",
                   "%s", why.message);
        return MASA_OK;
    }
    s->n_stop_tokens = masa_chat_stop_tokens(s->stop_tokens, s->chat);
    doctor_add(f, "template", MASA_FINDING_FINE, NULL,
               "the chat template is understood; %zu stop tokens", s->n_stop_tokens);
    if (s->n_stop_tokens == 0)
        doctor_add(f, "stop tokens", MASA_FINDING_SPOILS,
                   "the tokenizer names no end of text (eos_token); add it to "
                   "tokenizer_config.json",
                   "nothing ends a response but its length");
    look_at_round_trip(f, s);
    return MASA_OK;
}

/* ---- memory ---- */

masa_generator_options doctor_generator_options(const masa_config *c)
{
    return (masa_generator_options){
        .max_batch = (size_t)c->rollout.batch,
        .cache_bytes = (size_t)c->rollout.cache_memory << 20,
        .max_context = (size_t)(c->data.max_prompt_tokens + c->rollout.max_tokens),
    };
}

static masa_status plan_memory(masa_findings *f, const rl_session *s, bool *fits,
                               masa_error *err)
{
    const masa_config *c = s->config;
    masa_model_file *file = NULL;
    masa_status st = masa_model_file_open(&file, c->model.path, err);
    if (st != MASA_OK) return st;
    rl_session_options wants = {.reference = c->algorithm.kl_coef > 0,
                                .meta_optimizer = c->meta.own_moments && c->meta.samples > 0};
    masa_generator_options generator = doctor_generator_options(c);
    size_t available = masa_device_available();
    rl_memory_plan plan = rl_memory_plan_make(
        c, masa_model_file_config(file), rl_compute_dtype(c), &wants, &generator, available);
    masa_model_file_close(file);
    *fits = available == 0 || plan.total <= available;
    doctor_add(f, "memory", *fits ? MASA_FINDING_FINE : MASA_FINDING_SPOILS,
               *fits ? NULL
                     : "lower optimizer.tokens_per_pass or rollout.batch, or train "
                       "factors (lora.rank)",
               "the run needs about %zu MiB; %zu MiB are free", plan.total >> 20,
               available >> 20);
    return MASA_OK;
}

/* ---- all of it ---- */

/* A finding instead of an error: the data are what is examined. */
static bool load(masa_findings *f, masa_problems *out, const char *path, const masa_config *c)
{
    masa_problem_reader reader = rl_problem_reader(c);
    masa_error err = {0};
    if (masa_problems_load(out, path, &reader, (size_t)c->data.limit, &err) == MASA_OK)
        return true;
    doctor_add(f, "data", MASA_FINDING_SPOILS,
               "mend the line; data.problem_key, answer_key and kind_key name the keys",
               "%s:%zu: %s", err.path[0] ? err.path : path, err.line, err.message);
    return false;
}

static masa_status sample(masa_findings *f, rl_session *s, size_t n, masa_error *err)
{
    rl_prompts prompts = {0};
    masa_error why = {0};
    unsigned rules = 0;
    masa_model_options options = {rl_compute_dtype(s->config), false};
    masa_status st = masa_model_load(&s->model, s->config->model.path, &options, err);
    if (st == MASA_OK) st = rl_answer_rules(&rules, s->config->data.answer_rules, err);
    if (st == MASA_OK && (rl_prompts_load(&prompts, s->config, rules, &why) != MASA_OK ||
                          rl_prompts_fit(&prompts, s, &why) != MASA_OK))
        doctor_add(f, "prompts", MASA_FINDING_SPOILS, "see the message", "%s", why.message);
    else if (st == MASA_OK) st = doctor_sample(f, s, &prompts, n, err);
    rl_prompts_close(&prompts);
    return st;
}

masa_status masa_doctor_examine(masa_findings *f, const masa_config *config, size_t n,
                                FILE *progress, masa_error *err)
{
    rl_session s = {.config = config, .log = progress};
    masa_problems train = {0}, test = {0};
    bool fits = true;
    *f = (masa_findings){0};
    masa_status st = masa_config_require(config, "model.path", err);
    if (st == MASA_OK) st = masa_config_require(config, "data.train", err);
    if (st == MASA_OK) st = look_at_template(f, &s, err);
    if (st == MASA_OK) st = plan_memory(f, &s, &fits, err);
    if (st != MASA_OK) goto out;
    bool loaded = load(f, &train, config->data.train, config);
    if (loaded && config->data.test[0]) loaded = load(f, &test, config->data.test, config);
    if (loaded) doctor_look_at_data(f, &train, &test);
    s.progress = masa_progress_create(progress, NULL, 1);
    if (loaded && s.chat && fits) st = sample(f, &s, n, err);
out:
    masa_problems_deinit(&train);
    masa_problems_deinit(&test);
    rl_session_close(&s);
    return st;
}
