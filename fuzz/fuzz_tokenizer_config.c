/* tokenizer_config.json beside a good tokenizer.json: what is accepted renders and encodes. */
#include "scratch.h"

#include <masa/chat.h>
#include <masa/tokenizer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static masa_text json;
    if (!json.size && masa_file_read(&json, FUZZ_TOKENIZER, NULL) != MASA_OK) abort();
    free(scratch_put("tokenizer.json", json.data, json.size));
    free(scratch_put("tokenizer_config.json", data, size));
    masa_tokenizer *tokenizer = NULL;
    masa_error err = {0};
    if (!scratch_good(masa_tokenizer_load(&tokenizer, scratch, &err), &err)) return 0;
    masa_chat *chat = NULL;
    if (scratch_good(masa_chat_create(&chat, "auto", tokenizer, &err), &err)) {
        masa_tokens ids = {0};
        masa_message message = {"user", "ab"};
        scratch_good(masa_chat_encode(&ids, chat, &message, 1, true, &err), &err);
        masa_tokens_deinit(&ids);
    }
    masa_chat_destroy(chat);
    masa_tokenizer_destroy(tokenizer);
    return 0;
}
