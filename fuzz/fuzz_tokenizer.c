/* tokenizer.json: whatever loads encodes and decodes; a byte that has a token comes back. */
#include "tokenizer/tokenizer_internal.h"

#include <masa/log.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "Hello it's 12345 \xC3\xA9\x65\xCC\x81 <|im_end|>[LEFT]  \r\n\t x\xFF\xE4\xB8\xAD"
    "\xF0\x9F\x98\x80 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

/* Whether decoding must give the text back: every byte has a token and nothing
 * rewrites the text or takes the space beside an added token. */
static bool comes_back(const masa_tokenizer *t)
{
    if (t->nfc) return false;
    for (size_t i = 0; i < t->n_steps; i++)
        if (t->steps[i].kind == STEP_PREFIX_SPACE) return false;
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].lstrip || t->added[i].rstrip) return false;
    for (size_t i = 0; i < sizeof text - 1; i++)
        if (t->byte_ids[(unsigned char)text[i]] < 0) return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_log_set_sink(NULL);
    masa_tokenizer *t = tokenizer_create();
    masa_tokens ids = {0};
    masa_text back = {0};
    if (tokenizer_read_json(t, (const char *)data, size, NULL) == MASA_OK &&
        tokenizer_finish(t, NULL) == MASA_OK) {
        for (int special = 0; special < 2; special++) {
            ids.n = 0;
            masa_text_clear(&back);
            masa_tokenizer_encode(t, text, sizeof text - 1, special, &ids);
            masa_tokenizer_decode(t, ids.ids, ids.n, false, &back);
            if (comes_back(t) &&
                (back.size != sizeof text - 1 || memcmp(back.data, text, sizeof text - 1) != 0))
                abort();
        }
    }
    masa_tokens_deinit(&ids);
    masa_text_deinit(&back);
    masa_tokenizer_destroy(t);
    return 0;
}
