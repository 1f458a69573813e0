/* How an answer is written: by the words of the prompt that asks for it. */
#include "meta_answer.h"

#include <string.h>

const char *const meta_keys[META_KEYS] = {"math_notion", "pass_rate", "solution_length"};

/* The keys that the text names, in the order of their first mention. */
static size_t find_keys(masa_meta_key keys[META_KEYS], const char *text)
{
    const char *at[META_KEYS];
    size_t n = 0;
    for (int k = 0; k < META_KEYS; k++) {
        const char *found = strstr(text, meta_keys[k]);
        if (!found) continue;
        size_t i = n++;
        for (; i > 0 && at[i - 1] > found; i--) {
            at[i] = at[i - 1];
            keys[i] = keys[i - 1];
        }
        at[i] = found;
        keys[i] = (masa_meta_key)k;
    }
    return n;
}

void masa_meta_follow(masa_meta_options *options, const char *template_text)
{
    masa_meta_key keys[META_KEYS];
    size_t n = find_keys(keys, template_text);
    if (n == 0) return;
    memcpy(options->keys, keys, n * sizeof *keys);
    options->n_keys = n;
    options->form = strstr(template_text, "<meta></meta>") ? MASA_FORM_BARE
                    : strstr(template_text, "<meta>")      ? MASA_FORM_REASONED
                                                           : MASA_FORM_OBJECT;
}

/* Key number i of an answer; META_KEYS behind the last. */
static int key_at(const masa_meta_options *options, size_t i)
{
    if (options->n_keys == 0) return i < META_KEYS ? (int)i : META_KEYS;
    return i < options->n_keys ? (int)options->keys[i] : META_KEYS;
}

static void add_notions(masa_text *out, const masa_prediction *p)
{
    masa_text_addf(out, "\"%s\": [", meta_keys[MASA_KEY_NOTION]);
    for (size_t i = 0; i < p->n_notions; i++) {
        if (i) masa_text_add(out, ", ");
        masa_text_add_json(out, p->notions[i], strlen(p->notions[i]));
    }
    masa_text_add(out, "]");
}

void masa_prediction_add(masa_text *out, const masa_prediction *p,
                         const masa_meta_options *options)
{
    const masa_meta_cause cause[META_KEYS] = {p->notion_cause, p->pass_rate_cause,
                                              p->length_cause};
    const long number[META_KEYS] = {0, p->pass_rate, p->length};
    const char *between = "";
    int k;
    masa_text_add(out, "{");
    for (size_t i = 0; (k = key_at(options, i)) < META_KEYS; i++) {
        if (cause[k] != MASA_META_VALID) continue;
        masa_text_add(out, between);
        if (k == MASA_KEY_NOTION) add_notions(out, p);
        else masa_text_addf(out, "\"%s\": %ld", meta_keys[k], number[k]);
        between = ", ";
    }
    masa_text_add(out, "}");
}

bool masa_meta_add_opening(masa_text *out, const masa_meta_options *options)
{
    bool notions = false;
    size_t i = 0;
    for (; key_at(options, i) < META_KEYS && key_at(options, i) != MASA_KEY_PASS_RATE; i++)
        notions |= key_at(options, i) == MASA_KEY_NOTION;
    if (key_at(options, i) == META_KEYS) return false;
    if (options->form != MASA_FORM_OBJECT) masa_text_add(out, "<meta></meta>\n");
    masa_text_add(out, "{");
    if (notions) masa_text_addf(out, "\"%s\": [], ", meta_keys[MASA_KEY_NOTION]);
    masa_text_addf(out, "\"%s\": ", meta_keys[MASA_KEY_PASS_RATE]);
    return true;
}
