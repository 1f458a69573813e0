#include <masa/meta.h>
#include <masa/memory.h>

#include "meta_answer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *masa_meta_cause_text(masa_meta_cause cause)
{
    static const char *const texts[] = {
#define X(code, text) text,
        MASA_META_CAUSE_TABLE(X)
#undef X
    };
    return texts[cause];
}

size_t meta_answer_start(const char *text, size_t n)
{
    static const char tag[] = "</meta>";
    size_t size = sizeof tag - 1;
    for (size_t i = n; i >= size; i--)
        if (memcmp(text + i - size, tag, size) == 0) return i;
    return 0;
}

/* An integer in [low, high], in any of JSON's ways of writing it (4, 4.0, 40e-1).
 * Digits without end and 1e400 are numbers too: out of range, not out of type. */
static masa_meta_cause parse_integer(long *out, meta_value value, long low, long high)
{
    if (!value.data) return MASA_META_MISSING;
    if (!strchr("-0123456789", value.data[0])) return MASA_META_WRONG_TYPE;
    char *copy = masa_strndup(value.data, value.size);
    double number = strtod(copy, NULL);
    free(copy);
    if (number != floor(number)) return MASA_META_WRONG_TYPE;
    if (!(number >= (double)low && number <= (double)high)) return MASA_META_OUT_OF_RANGE;
    *out = (long)number;
    return MASA_META_VALID;
}

static masa_meta_cause parse_notions(masa_prediction *out, meta_value value)
{
    if (!value.data) return MASA_META_MISSING;
    json_t *list = json_loadb(value.data, value.size, JSON_DECODE_ANY, NULL);
    bool valid = json_is_array(list);
    size_t n = valid ? json_array_size(list) : 0;
    for (size_t i = 0; valid && i < n; i++) valid = json_is_string(json_array_get(list, i));
    if (valid && n) {
        out->notions = masa_alloc(n, sizeof *out->notions);
        for (size_t i = 0; i < n; i++)
            out->notions[i] = masa_strdup(json_string_value(json_array_get(list, i)));
        out->n_notions = n;
    }
    json_decref(list);
    return valid ? MASA_META_VALID : MASA_META_WRONG_TYPE;
}

void masa_prediction_parse(masa_prediction *out, const char *text, size_t n,
                           const masa_meta_options *options)
{
    size_t start = meta_answer_start(text, n);
    meta_value values[META_KEYS];
    *out = (masa_prediction){
        MASA_META_NO_JSON, MASA_META_NO_JSON, MASA_META_NO_JSON, 0, 0, NULL, 0};
    if (!meta_find_object(values, text + start, n - start, meta_keys)) return;
    long pass_rate = 0;
    out->pass_rate_cause =
        parse_integer(&pass_rate, values[MASA_KEY_PASS_RATE], 0, MASA_PASS_RATE_SCALE);
    out->pass_rate = (int)pass_rate;
    out->length_cause = parse_integer(&out->length, values[MASA_KEY_LENGTH],
                                      options->length_min, options->length_max);
    out->notion_cause = parse_notions(out, values[MASA_KEY_NOTION]);
}

void masa_prediction_deinit(masa_prediction *prediction)
{
    for (size_t i = 0; i < prediction->n_notions; i++) free(prediction->notions[i]);
    free(prediction->notions);
    *prediction = (masa_prediction){0};
}
