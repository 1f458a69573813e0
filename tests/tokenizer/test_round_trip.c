/* Whatever text goes through a tokenizer comes back. */
#include "property.h"

#include <masa/memory.h>
#include <masa/text.h>
#include <masa/tokenizer.h>

/* What pre-tokenizers and byte fallbacks treat unlike the rest. */
/* clang-format off */
static const char *const pieces[] = {
    "a", "The", " the", "  ", "\n", "\n\n", "\r\n", "\t", " 12", "3456", "'s", "'LL", ",", "...",
    " (", "\\frac{1}{2}", "=>", "_x", "\xC3\xA9", "e\xCC\x81", "\xE4\xBD\xA0\xE5\xA5\xBD",
    "\xF0\x9F\x98\x80",
    "\xE2\x80\x8D", "\xC2\xA0", "\xEF\xBC\x91", "<|im_end|>", "<|end_of_text|>", "\xFF", "\xE2\x82"};
/* clang-format on */

static bool comes_back(property_draws *d, void *tokenizer)
{
    masa_text text = {0}, back = {0};
    masa_tokens ids = {0};
    size_t n = property_below(d, 60);
    for (size_t i = 0; i < n; i++)
        if (property_below(d, 8)) {
            masa_text_add(&text, pieces[property_below(d, sizeof pieces / sizeof *pieces)]);
        } else {
            char byte = (char)property_below(d, 256);
            masa_text_append(&text, &byte, 1);
        }
    masa_tokenizer_encode(tokenizer, masa_text_get(&text), text.size, false, &ids);
    masa_tokenizer_decode(tokenizer, ids.ids, ids.n, false, &back);
    bool same = back.size == text.size &&
                memcmp(masa_text_get(&back), masa_text_get(&text), text.size) == 0;
    for (size_t i = 0; i < text.size; i++)
        property_note(d, "%02x", (unsigned char)text.data[i]);
    masa_text_deinit(&text);
    masa_text_deinit(&back);
    masa_tokens_deinit(&ids);
    return same;
}

static void texts_come_back(void **state)
{
    (void)state;
    static const char *const names[] = {"smollm2", "llama3"};
    for (size_t k = 0; k < 2; k++) {
        char path[512];
        masa_tokenizer *t = NULL;
        masa_error err = {0};
        snprintf(path, sizeof path, MASA_TEST_DATA "/%s/tokenizer.json", names[k]);
        if (masa_tokenizer_load(&t, path, &err) != MASA_OK) fail_msg("%s", err.message);
        property_check(comes_back, t, 300);
        masa_tokenizer_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
