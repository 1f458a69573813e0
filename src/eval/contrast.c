/* Two files of results, problem by problem. */
#include <masa/summary.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A problem of one set with its measures, by id. */
typedef struct entry {
    const masa_result_problem *problem;
    double values[MASA_CONTRASTS]; /* NAN: it has none */
} entry;

enum { ACCURACY, TOKENS, META_REWARD, DIFFICULTY, LENGTH, NOTION, RATE_ERROR, LENGTH_ERROR };

static const struct {
    const char *name;
    bool lower;
} measures[MASA_CONTRASTS] = {
    [ACCURACY] = {"accuracy", false},         [TOKENS] = {"tokens", true},
    [META_REWARD] = {"meta reward", false},   [DIFFICULTY] = {"difficulty reward", false},
    [LENGTH] = {"length reward", false},      [NOTION] = {"notion reward", false},
    [RATE_ERROR] = {"pass-rate error", true}, [LENGTH_ERROR] = {"log-length error", true},
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->problem->id, ((const entry *)b)->problem->id);
}

static entry entry_of(const masa_result_problem *p)
{
    entry e = {.problem = p};
    double right = 0, tokens = 0;
    for (size_t i = 0; i < p->n_samples; i++) {
        right += p->samples[i].right;
        tokens += (double)p->samples[i].tokens;
    }
    for (int m = 0; m < MASA_CONTRASTS; m++) e.values[m] = NAN;
    e.values[ACCURACY] = right / (double)p->n_samples;
    e.values[TOKENS] = tokens / (double)p->n_samples;
    return e;
}

static void add_meta(entry *e, const masa_meta_record *r)
{
    e->values[META_REWARD] = r->total;
    e->values[DIFFICULTY] = r->difficulty;
    e->values[LENGTH] = r->length;
    e->values[NOTION] = r->notion;
    e->values[RATE_ERROR] = fabs(r->predicted_rate - r->true_rate);
    e->values[LENGTH_ERROR] = fabs(log(r->predicted_length / r->true_length));
}

/* The complete problems of a set by id; caller frees. */
static entry *entries_of(const masa_result_set *set, size_t *n, const masa_meta_judge *judge)
{
    masa_bootstrap_options once = MASA_BOOTSTRAP_DEFAULTS;
    once.resamples = 1; /* its intervals are not looked at */
    masa_meta_summary meta;
    masa_meta_summarise(&meta, set, judge, &once);
    entry *entries = masa_alloc(set->n, sizeof *entries);
    size_t next = 0;
    *n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (!masa_result_complete(set, &set->problems[i])) continue;
        entry *e = &entries[(*n)++];
        *e = entry_of(&set->problems[i]);
        if (next < meta.n && meta.records[next].problem == i)
            add_meta(e, &meta.records[next++]);
    }
    masa_meta_summary_deinit(&meta);
    qsort(entries, *n, sizeof *entries, by_id);
    return entries;
}

/* Keeps the entries that both have, at the same places. */
static masa_status join(entry *a, size_t n_a, entry *b, size_t n_b, size_t *n, masa_error *err)
{
    *n = 0;
    for (size_t i = 0, j = 0; i < n_a && j < n_b;) {
        int order = by_id(&a[i], &b[j]);
        if (order == 0) {
            if (strcmp(a[i].problem->gold, b[j].problem->gold) != 0)
                return MASA_FAIL(err, MASA_ERR_DATA,
                                 "problem '%s' has another answer in each file",
                                 a[i].problem->id);
            a[*n] = a[i];
            b[(*n)++] = b[j];
        }
        i += order <= 0;
        j += order >= 0;
    }
    return *n ? MASA_OK : MASA_FAIL(err, MASA_ERR_DATA, "no problem is complete in both files");
}

static size_t contrast(masa_contrast *out, const entry *a, const entry *b, size_t n,
                       const masa_bootstrap_options *bootstrap)
{
    size_t written = 0;
    double *x = masa_alloc(n, sizeof *x), *y = masa_alloc(n, sizeof *y);
    for (int m = 0; m < MASA_CONTRASTS; m++) {
        size_t both = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(a[i].values[m]) || isnan(b[i].values[m])) continue;
            x[both] = a[i].values[m];
            y[both++] = b[i].values[m];
        }
        if (both == 0) continue;
        out[written++] = (masa_contrast){measures[m].name, measures[m].lower,
                                         masa_paired_compare(x, y, both, bootstrap)};
    }
    free(x);
    free(y);
    return written;
}

masa_status masa_eval_contrast(masa_contrast *out, size_t *n, size_t *unmatched,
                               const masa_result_set *a, const masa_result_set *b,
                               const masa_meta_judge *judge,
                               const masa_bootstrap_options *bootstrap, masa_error *err)
{
    size_t n_a, n_b, both;
    entry *x = entries_of(a, &n_a, judge), *y = entries_of(b, &n_b, judge);
    masa_status st = join(x, n_a, y, n_b, &both, err);
    if (st == MASA_OK) {
        *n = contrast(out, x, y, both, bootstrap);
        *unmatched = n_a + n_b - 2 * both;
    }
    free(x);
    free(y);
    return st;
}
