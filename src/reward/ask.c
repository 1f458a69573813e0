/* The lines of the protocol. */
#include "ask.h"

#include <masa/memory.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ask_add_line(masa_text *out, const ask *a, size_t i)
{
    const masa_response *r = &a->responses[i];
    masa_text_addf(out,
                   "{\"id\":%zu,\"tokens\":%zu,\"cause\":\"%s\",\"response\":", a->first + i,
                   r->tokens, r->cause ? r->cause : "");
    masa_text_add_json(out, r->text, r->size);
    masa_text_addf(out, ",\"problem\":%s}\n", r->problem->line ? r->problem->line : "{}");
}

static masa_status nonsense(const char *who, const char *what, const char *line, size_t size,
                            masa_error *err)
{
    const char *more = size > 80 ? "..." : "";
    size_t shown = masa_utf8_complete(line, size > 80 ? 80 : size);
    return MASA_FAIL(
        err, MASA_ERR_DATA,
        "%s answered '%.*s%s', %s; a reply is a line like {\"id\":0,\"reward\":0.5}, "
        "and all else goes to standard error",
        who, (int)shown, line, more, what);
}

masa_status ask_take_line(ask *a, size_t *i, const char *who, const char *line, size_t size,
                          masa_error *err)
{
    json_t *o = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(o, "id"), *reward = json_object_get(o, "reward"),
                 *correct = json_object_get(o, "correct"), *text = json_object_get(o, "text");
    json_int_t k = json_is_integer(id) ? json_integer_value(id) - (json_int_t)a->first : -1;
    const char *what = NULL;
    if (!json_is_object(o)) what = "which is no JSON object";
    else if (k < 0 || (size_t)k >= a->n) what = "whose \"id\" is none that was asked for";
    else if (a->replies[k].there) what = "to an \"id\" that it had answered already";
    else if (!json_is_number(reward) || !isfinite(json_number_value(reward)))
        what = "which has no number \"reward\"";
    else if (correct && !json_is_boolean(correct))
        what = "whose \"correct\" is not true or false";
    else if (text && !json_is_string(text)) what = "whose \"text\" is no string";
    if (!what) {
        a->replies[k] = (ask_reply){
            .there = true,
            .reward = json_number_value(reward),
            .correct = correct ? json_is_true(correct) : -1,
            .text = text ? masa_strdup(json_string_value(text)) : NULL,
        };
        a->n_there++;
        *i = (size_t)k;
    }
    json_decref(o);
    return what ? nonsense(who, what, line, size, err) : MASA_OK;
}
