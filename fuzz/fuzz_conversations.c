/* Conversations and solutions to learn from: whatever the lines are, either turns that fit and
 * that the tokenizer knows, or an error with a line. */
#include "rl/conversations.h"
#include "scratch.h"

enum { LONGEST = 64 };

static void open_session(rl_session *s, masa_config *config)
{
    static const char *const set[] = {"sft.max_tokens=64", "model.system=You solve."};
    masa_text json = {0};
    if (masa_config_load(config, NULL, NULL, set, 2, NULL) != MASA_OK ||
        masa_file_read(&json, FUZZ_TOKENIZER, NULL) != MASA_OK)
        abort();
    free(scratch_put("tokenizer.json", json.data, json.size));
    masa_text_deinit(&json);
    s->config = config;
    if (masa_tokenizer_load(&s->tokenizer, scratch, NULL) != MASA_OK ||
        masa_chat_create(&s->chat, "chatml", s->tokenizer, NULL) != MASA_OK)
        abort();
    s->n_stop_tokens = 1;
    s->stop_tokens[0] = masa_tokenizer_eos(s->tokenizer);
}

static void check(const masa_tokens *ids, size_t vocabulary)
{
    if (ids->n == 0) abort();
    for (size_t i = 0; i < ids->n; i++)
        if (ids->ids[i] < 0 || (size_t)ids->ids[i] >= vocabulary) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rl_session session;
    static masa_config config;
    if (!session.config) open_session(&session, &config);
    rl_examples examples = {0};
    masa_error err = {0};
    char *path = scratch_put("conversations.jsonl", data, size);
    if (scratch_good(rl_examples_load(&examples, &session, path, &err), &err) &&
        examples.n == 0)
        abort();
    for (size_t i = 0; i < examples.n; i++) {
        const rl_example *e = &examples.items[i];
        check(&e->prompt, masa_tokenizer_vocab_size(session.tokenizer));
        check(&e->response, masa_tokenizer_vocab_size(session.tokenizer));
        if (e->prompt.n + e->response.n > LONGEST) abort();
    }
    rl_examples_deinit(&examples);
    free(path);
    return 0;
}
