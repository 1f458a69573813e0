#include <masa/problems.h>

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/problem_line.h>
#include <masa/random.h>

#include <stdlib.h>

typedef struct loading {
    masa_problems problems;
    masa_problem_reader reader;
    const char *path;
    size_t limit; /* 0: all */
} loading;

static masa_status load_line(void *context, json_t *line, size_t number, bool *enough,
                             masa_error *err)
{
    loading *l = context;
    masa_problem p;
    masa_status st = masa_problem_read(&p, &l->reader, line, l->path, number, err);
    if (st != MASA_OK) return st;
    p.place = l->problems.n;
    MASA_PUSH(l->problems.items, l->problems.n, l->problems.capacity, p);
    *enough = l->limit && l->problems.n == l->limit;
    return MASA_OK;
}

masa_status masa_problems_parse(masa_problems *out, const char *text, size_t size,
                                const char *path, const masa_problem_reader *reader,
                                size_t limit, masa_error *err)
{
    loading l = {.path = path, .limit = limit};
    if (reader) l.reader = *reader;
    masa_status st = masa_json_lines_parse(text, size, path, load_line, &l, err);
    if (st == MASA_OK) *out = l.problems;
    else masa_problems_deinit(&l.problems);
    return st;
}

masa_status masa_problems_load(masa_problems *out, const char *path,
                               const masa_problem_reader *reader, size_t limit, masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    if (st == MASA_OK)
        st =
            masa_problems_parse(out, masa_text_get(&text), text.size, path, reader, limit, err);
    masa_text_deinit(&text);
    return st;
}

void masa_problems_deinit(masa_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) masa_problem_deinit(&problems->items[i]);
    free(problems->items);
    *problems = (masa_problems){0};
}

void masa_problem_order_init(masa_problem_order *order, size_t n, uint64_t seed, bool shuffle)
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
        masa_random random = masa_random_init(masa_key(order->seed, epoch), MASA_STREAM_DATA);
        masa_random_shuffle(&random, order->order, order->n);
        order->epoch = epoch;
    }
    return order->order[draw % order->n];
}
