/* Reading the members of a request, with errors that name them. */
#include "service.h"

#include <masa/memory.h>

#include <sys/random.h>

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *o = json_object_get(object, name);
    return json_is_null(o) ? NULL : o;
}

masa_status read_number(double *out, const json_t *object, const char *name, double least,
                        double most, masa_error *err)
{
    const json_t *o = member(object, name);
    if (!o) return MASA_OK;
    double value = json_number_value(o);
    if (!json_is_number(o) || !(value >= least && value <= most))
        return MASA_FAIL(err, MASA_ERR_DATA, "'%s' must be a number from %g to %g", name, least,
                         most);
    *out = value;
    return MASA_OK;
}

masa_status read_whole(size_t *out, const json_t *object, const char *name, size_t least,
                       size_t most, masa_error *err)
{
    const json_t *o = member(object, name);
    if (!o) return MASA_OK;
    json_int_t value = json_integer_value(o);
    if (!json_is_integer(o) || value < 0 || (size_t)value < least || (size_t)value > most)
        return MASA_FAIL(err, MASA_ERR_DATA, "'%s' must be a whole number from %zu to %zu",
                         name, least, most);
    *out = (size_t)value;
    return MASA_OK;
}

masa_status read_switch(bool *out, const json_t *object, const char *name, masa_error *err)
{
    const json_t *o = member(object, name);
    if (!o) return MASA_OK;
    if (!json_is_boolean(o))
        return MASA_FAIL(err, MASA_ERR_DATA, "'%s' must be true or false", name);
    *out = json_is_true(o);
    return MASA_OK;
}

masa_status read_ids(masa_tokens *out, const service *s, const json_t *list, const char *name,
                     masa_error *err)
{
    size_t i, vocab = masa_model_get_config(s->model)->vocab_size;
    const json_t *item;
    if (!json_is_array(list))
        return MASA_FAIL(err, MASA_ERR_DATA, "'%s' must be a list of token ids", name);
    json_array_foreach(list, i, item)
    {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || (size_t)id >= vocab)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "'%s'[%zu] is no token id; they go from 0 to %zu", name, i,
                             vocab - 1);
        MASA_PUSH(out->ids, out->n, out->capacity, (int32_t)id);
    }
    return MASA_OK;
}

masa_status read_sampling(masa_sampling *out, const json_t *object, masa_error *err)
{
    double temperature = 1, top_p = 1, min_p = 0, top_k = 0;
    masa_status st = read_number(&temperature, object, "temperature", 0, 1e4, err);
    if (st == MASA_OK) st = read_number(&top_p, object, "top_p", 1e-6, 1, err);
    if (st == MASA_OK) st = read_number(&min_p, object, "min_p", 0, 1, err);
    if (st == MASA_OK) st = read_number(&top_k, object, "top_k", -1, 1 << 30, err);
    *out = (masa_sampling){(float)temperature, top_k > 0 ? (int)top_k : 0, (float)top_p,
                           (float)min_p};
    return st;
}

masa_status read_seed(uint64_t *out, const json_t *object, masa_error *err)
{
    const json_t *o = member(object, "seed");
    if (o && !json_is_integer(o))
        return MASA_FAIL(err, MASA_ERR_DATA, "'seed' must be a whole number");
    uint64_t seed = (uint64_t)json_integer_value(o);
    if (!o && getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return MASA_FAIL(err, MASA_ERR_IO, "the system has no random numbers; give a 'seed'");
    *out = seed;
    return MASA_OK;
}

void job_plan(job *j, size_t n, const masa_request *settings)
{
    j->requests = masa_alloc(j->n_prompts, sizeof *j->requests);
    j->n_choices = j->unfinished = j->n_prompts * n;
    j->completions = masa_alloc(j->n_choices, sizeof *j->completions);
    for (size_t i = 0; i < j->n_prompts; i++) {
        j->requests[i] = *settings;
        j->requests[i].prompt = j->prompts[i].ids;
        j->requests[i].prompt_size = j->prompts[i].n;
        j->requests[i].n_samples = n;
        j->requests[i].stop_tokens = j->stop_tokens;
        j->requests[i].n_stop_tokens = j->n_stop_tokens;
    }
}
