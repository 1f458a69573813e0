/* Meta rollouts: any bytes parse, rewards stay in [0, 1], and an expert text made from
 * them parses to what it was made to say. The input's first line is the problem. */
#include <masa/gate.h>
#include <masa/meta.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) abort();                                                             \
    } while (0)

static void check_reward(const masa_meta_reward *r)
{
    const double parts[] = {r->difficulty, r->length, r->notion, r->total};
    for (int i = 0; i < 4; i++) CHECK(parts[i] >= 0 && parts[i] <= 1);
    CHECK((r->length > 0) == (r->length_cause == MASA_META_VALID));
    CHECK((r->notion > 0) == (r->notion_cause == MASA_META_VALID));
}

static void check_expert(const char *text, size_t size, const masa_prediction *p,
                         const masa_statistics *s, const masa_meta_options *o)
{
    masa_text out = {0};
    masa_prediction again;
    if (masa_expert_text(&out, text, size, p, s, o)) {
        masa_prediction_parse(&again, out.data, out.size, o);
        CHECK(again.pass_rate_cause == MASA_META_VALID && again.pass_rate == 4);
        CHECK(again.length_cause == MASA_META_VALID && again.length == 300);
        CHECK(again.notion_cause == MASA_META_VALID && again.n_notions == p->n_notions);
        for (size_t i = 0; i < p->n_notions; i++)
            CHECK(strcmp(again.notions[i], p->notions[i]) == 0);
        masa_prediction_deinit(&again);
    }
    masa_text_clear(&out);
    CHECK(masa_warm_start_text(&out, s, o));
    masa_prediction_parse(&again, out.data, out.size, o);
    masa_meta_reward r = masa_meta_score(&again, s, o);
    CHECK(r.difficulty == 1 && r.length == 1);
    CHECK(r.notion == 1 || again.n_notions == 0);
    masa_prediction_deinit(&again);
    masa_text_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    masa_text whole = {0}, problem = {0};
    masa_text_append(&whole, (const char *)data, size);
    size_t line = 0;
    while (line < size && data[line] != '\n') line++;
    masa_text_append(&problem, (const char *)data, line);
    const char *const texts[] = {whole.data, "a sieve"};
    const bool correct[] = {true, false};
    const long lengths[] = {300, 20};
    masa_solutions solutions = {2, texts, correct, lengths, NULL};
    for (int rule = 0; rule < 2; rule++) {
        masa_meta_options o = MASA_META_DEFAULTS;
        o.notion_rule = (masa_notion_rule)rule;
        /* A copy of the exact size, so that reading past it is seen. */
        char *text = malloc(size ? size : 1);
        memcpy(text, data, size);
        masa_prediction p;
        masa_prediction_parse(&p, text, size, &o);
        masa_statistics *s = masa_statistics_create(problem.data, &solutions, o.notion_rule);
        masa_meta_reward r = masa_meta_score(&p, s, &o);
        check_reward(&r);
        check_expert(text, size, &p, s, &o);
        masa_forecast f;
        masa_forecast_init(&f, &p, 1, MASA_CUTOFF_MEDIAN);
        CHECK(f.n_notions <= p.n_notions);
        masa_forecast_deinit(&f);
        masa_statistics_destroy(s);
        masa_prediction_deinit(&p);
        free(text);
    }
    masa_text_deinit(&whole);
    masa_text_deinit(&problem);
    return 0;
}
