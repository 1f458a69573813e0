#include <masa/problems.h>

#include <masa/file.h>
#include <masa/json_lines.h>
#include <masa/memory.h>
#include <masa/random.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A string as it is; a number as it is written in canonical JSON; else NULL. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value)) return masa_strndup(json_string_value(value),
                                                   json_string_length(value));
    if (!json_is_number(value)) return NULL;
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *copy = masa_strdup(dumped);
    free(dumped);
    return copy;
}

void masa_problem_deinit(masa_problem *p)
{
    free(p->id);
    free(p->problem);
    free(p->answer);
    free(p->kind);
    free(p->context);
    free(p->solution);
    for (size_t i = 0; i < p->n_strata; i++) free(p->strata[i]);
    free(p->strata);
}

static void keep_strata(masa_problem *p, const json_t *line, const char *keys)
{
    size_t capacity = 0;
    for (size_t n; keys && *keys; keys += n + (keys[n] == ',')) {
        n = strcspn(keys, ",");
        char *key = masa_strndup(keys, n);
        const json_t *found = json_object_get(line, key);
        char *value = json_is_boolean(found) ? masa_strdup(json_is_true(found) ? "true" : "false")
                                             : value_text(found);
        masa_text pair = {0};
        masa_text_addf(&pair, "%s=%s", key, value ? value : "");
        if (value) MASA_PUSH(p->strata, p->n_strata, capacity, masa_text_take(&pair));
        masa_text_deinit(&pair);
        free(value);
        free(key);
    }
}

static masa_status parse_problem(masa_problem *out, const json_t *line, const char *path,
                                 size_t number, const masa_problem_keys *keys,
                                 masa_error *err)
{
    masa_problem p = {0};
    p.problem = value_text(json_object_get(line, keys->problem));
    p.answer = value_text(json_object_get(line, keys->answer));
    if (!p.problem || !p.answer || !*p.problem) {
        const char *missing = p.problem && *p.problem ? keys->answer : keys->problem;
        masa_problem_deinit(&p);
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the line has no \"%s\" (a string or a number); name the keys "
                         "with data.problem_key and data.answer_key",
                         missing);
    }
    p.id = value_text(json_object_get(line, "id"));
    if (!p.id) {
        masa_text id = {0};
        masa_text_addf(&id, "%s:%zu", path, number);
        p.id = masa_text_take(&id);
    }
    p.kind = value_text(json_object_get(line, keys->kind));
    if (!p.kind) p.kind = masa_strdup("math");
    p.context = value_text(json_object_get(line, "context"));
    p.solution = value_text(json_object_get(line, "solution"));
    const json_t *level = json_object_get(line, "level");
    if (json_is_integer(level)) p.level = (int)json_integer_value(level);
    keep_strata(&p, line, keys->strata);
    *out = p;
    return MASA_OK;
}

typedef struct loading {
    masa_problems problems;
    masa_problem_keys keys;
    const char *path;
    size_t limit; /* 0: all */
} loading;

static masa_status load_line(void *context, json_t *line, size_t number, bool *enough,
                             masa_error *err)
{
    loading *l = context;
    masa_problem p;
    masa_status st = parse_problem(&p, line, l->path, number, &l->keys, err);
    if (st == MASA_OK)
        MASA_PUSH(l->problems.items, l->problems.n, l->problems.capacity, p);
    *enough = l->limit && l->problems.n == l->limit;
    return st;
}

masa_status masa_problems_parse(masa_problems *out, const char *text, size_t size,
                                const char *path, const masa_problem_keys *given,
                                size_t limit, masa_error *err)
{
    loading l = {.keys = {"problem", "answer", "kind", NULL}, .path = path, .limit = limit};
    if (given && given->problem) l.keys.problem = given->problem;
    if (given && given->answer) l.keys.answer = given->answer;
    if (given && given->kind) l.keys.kind = given->kind;
    if (given) l.keys.strata = given->strata;
    masa_status st = masa_json_lines_parse(text, size, path, load_line, &l, err);
    if (st == MASA_OK)
        *out = l.problems;
    else
        masa_problems_deinit(&l.problems);
    return st;
}

masa_status masa_problems_load(masa_problems *out, const char *path,
                               const masa_problem_keys *keys, size_t limit,
                               masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    if (st == MASA_OK)
        st = masa_problems_parse(out, masa_text_get(&text), text.size, path, keys, limit,
                                 err);
    masa_text_deinit(&text);
    return st;
}

void masa_problems_deinit(masa_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) masa_problem_deinit(&problems->items[i]);
    free(problems->items);
    *problems = (masa_problems){0};
}

void masa_problem_order_init(masa_problem_order *order, size_t n, uint64_t seed,
                             bool shuffle)
{
    *order = (masa_problem_order){.n = n, .seed = seed, .shuffle = shuffle};
    order->order = masa_alloc(n, sizeof *order->order);
    order->epoch = SIZE_MAX;
}

void masa_problem_order_deinit(masa_problem_order *order)
{
    free(order->order);
    *order = (masa_problem_order){0};
}

size_t masa_problem_order_get(masa_problem_order *order, size_t draw)
{
    size_t epoch = draw / order->n;
    if (!order->shuffle) return draw % order->n;
    if (epoch != order->epoch) {
        for (size_t i = 0; i < order->n; i++) order->order[i] = i;
        masa_random random =
            masa_random_init(masa_key(order->seed, epoch), MASA_STREAM_DATA);
        masa_random_shuffle(&random, order->order, order->n);
        order->epoch = epoch;
    }
    return order->order[draw % order->n];
}
