/* masa inspect RUN: the table of metrics, for people what matters of a step in a line. */
#include "cmd_inspect.h"
#include "output.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A column of the table. */
typedef struct column {
    char *metric, *head;
    double scale, value; /* of the step being read */
} column;

/* What matters, by the metrics' names; a run shows those that it has. */
static const struct {
    const char *metric, *head;
    double scale;
} important[] = {
    {"reward", "reward", 1},
    {"accuracy", "right %", 100},
    {"eval_accuracy", "unseen %", 100},
    {"length", "length", 1},
    {"meta_reward", "meta", 1},
    {"meta_pass_rate_error", "error", 1},
    {"gated_share", "gated %", 100},
    {"loss", "loss", 1},
    {"heldout_loss", "held out", 1},
    {"entropy", "entropy", 1},
    {"grad_norm", "gradient", 1},
};
enum {
    IMPORTANT = sizeof important / sizeof *important,
    STEP_WIDTH = 6,
    GAP = 2,
    NARROW = 8,
    WIDE = 12,
    UNKNOWN_COLUMNS = 8
};

typedef struct table {
    const cli_inspect_options *options;
    column *columns;
    size_t n, capacity;
    char **names; /* of all metrics there are, in the order of their recording */
    size_t n_names, names_capacity;
    long step;           /* being read; -1: none yet */
    size_t read;         /* values of that step so far */
    long shown;          /* the last step with a row, */
    size_t shown_values; /* of so many values */
    long event;          /* the last step whose events are shown */
    masa_text json;
} table;

static bool has_name(const table *t, const char *name)
{
    for (size_t i = 0; i < t->n_names; i++)
        if (strcmp(t->names[i], name) == 0) return true;
    return false;
}

static column *find_column(const table *t, const char *metric)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->columns[i].metric, metric) == 0) return &t->columns[i];
    return NULL;
}

static void add_column(table *t, const char *metric, size_t n, const char *head, double scale)
{
    column c = {masa_strndup(metric, n), head ? masa_strdup(head) : masa_strndup(metric, n),
                scale, NAN};
    MASA_PUSH(t->columns, t->n, t->capacity, c);
}

static void drop_columns(table *t, size_t from)
{
    for (size_t i = from; i < t->n; i++) {
        free(t->columns[i].metric);
        free(t->columns[i].head);
    }
    if (from < t->n) t->n = from;
}

static void add_asked(table *t, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n) add_column(t, list, n, NULL, 1);
        list += n + (list[n] == ',');
    }
}

static int width_of(const column *c)
{
    int least = strcmp(c->head, c->metric) == 0 && c->scale == 1 ? WIDE : NARROW;
    for (int i = 0; i < IMPORTANT; i++)
        if (strcmp(important[i].metric, c->metric) == 0) least = NARROW;
    int head = (int)strlen(c->head);
    return head > least ? head : least;
}

/* First pass: which metrics there are. */
static masa_status see_name(void *context, long step, const char *name, double value,
                            masa_error *err)
{
    (void)step, (void)value, (void)err;
    table *t = context;
    if (!has_name(t, name))
        MASA_PUSH(t->names, t->n_names, t->names_capacity, masa_strdup(name));
    return MASA_OK;
}

/* As many columns as the terminal is wide, the first at least. */
static void choose_columns(table *t)
{
    size_t width = STEP_WIDTH, columns = cli_output_columns();
    if (t->options->metrics) {
        add_asked(t, t->options->metrics);
        return;
    }
    bool reward = has_name(t, "reward"); /* beside it a loss tells nothing */
    for (int i = 0; i < IMPORTANT; i++)
        if (has_name(t, important[i].metric) &&
            !(reward && strcmp(important[i].metric, "loss") == 0))
            add_column(t, important[i].metric, strlen(important[i].metric), important[i].head,
                       important[i].scale);
    for (size_t i = 0; t->n == i && i < t->n_names && i < UNKNOWN_COLUMNS; i++)
        add_column(t, t->names[i], strlen(t->names[i]), NULL, 1);
    for (size_t i = 0; i < t->n; i++) {
        width += GAP + (size_t)width_of(&t->columns[i]);
        if (i > 0 && width > columns) drop_columns(t, i);
    }
}

static void print_head(const table *t)
{
    printf("%*s", STEP_WIDTH, "step");
    for (size_t i = 0; i < t->n; i++)
        printf("%*s%*s", GAP, "", width_of(&t->columns[i]), t->columns[i].head);
    printf("\n");
}

/* The step's row, unless it is shown as it is already. */
static void end_step(table *t)
{
    bool known = t->step == t->shown && t->read == t->shown_values;
    if (t->step >= 0 && t->options->json) {
        if (known) masa_text_clear(&t->json);
        inspect_end_object(&t->json);
    } else if (t->step >= 0 && !known) {
        printf("%*ld", STEP_WIDTH, t->step);
        for (size_t i = 0; i < t->n; i++) {
            const column *c = &t->columns[i];
            int width = width_of(c), digits = width == NARROW ? 4 : 5;
            if (isnan(c->value)) printf("%*s%*s", GAP, "", width, "-");
            else printf("%*s%*.*g", GAP, "", width, digits, c->value);
        }
        printf("\n");
    }
    for (size_t i = 0; i < t->n; i++) t->columns[i].value = NAN;
    if (t->step >= 0) t->shown = t->step, t->shown_values = t->read;
    t->step = -1;
    t->read = 0;
}

static masa_status see_metric(void *context, long step, const char *name, double value,
                              masa_error *err)
{
    (void)err;
    table *t = context;
    column *c = find_column(t, name);
    bool json = t->options->json;
    if (!c && (!json || t->options->metrics)) return MASA_OK; /* no row for these alone */
    if (step != t->step) {
        end_step(t);
        if (json) inspect_add_number(&t->json, "step", (double)step);
    }
    if (json) inspect_add_number(&t->json, name, value);
    else c->value = value * c->scale;
    t->step = step;
    t->read++;
    return MASA_OK;
}

static masa_status show_steps(table *t, masa_store *store, long first, masa_error *err)
{
    long last = t->options->filter.last_step;
    masa_status st = masa_store_metrics(store, first, last, NULL, see_metric, t, err);
    end_step(t);
    return st;
}

/* ---- what stands below the table ---- */

static masa_status see_event(void *context, long step, const char *rule, const char *text,
                             masa_error *err)
{
    (void)rule, (void)err;
    table *t = context;
    printf("step %ld: %s\n", step, text);
    t->event = step;
    return MASA_OK;
}

static masa_status show_events(table *t, masa_store *store, masa_error *err)
{
    const masa_store_filter *f = &t->options->filter;
    long first = t->event < f->first_step ? f->first_step : t->event + 1;
    if (t->options->json) return MASA_OK; /* --events */
    return masa_store_events(store, first, f->last_step, see_event, t, err);
}

static void show_others(const table *t)
{
    size_t others = 0;
    for (size_t i = 0; i < t->n_names; i++) {
        if (find_column(t, t->names[i])) continue;
        fprintf(stderr, "%s %s", others++ ? "," : "also recorded (--metrics):", t->names[i]);
    }
    if (others) fprintf(stderr, "\n");
}

/* The lines of the history. */
static masa_status show_history(masa_store *store, masa_error *err)
{
    char *history = NULL;
    masa_status st = masa_run_history(store, &history, err);
    if (st == MASA_OK && history)
        fprintf(stderr, "settings changed (before, now), after\n%s", history);
    free(history);
    return st;
}

static masa_status begin_table(table *t, masa_store *store, masa_error *err)
{
    const masa_store_filter *f = &t->options->filter;
    masa_status st =
        masa_store_metrics(store, f->first_step, f->last_step, NULL, see_name, t, err);
    choose_columns(t);
    if (st == MASA_OK && !t->options->json && t->n) print_head(t);
    return st;
}

/* ---- following ---- */

/* Shows what comes until the process that trains has ended, or the reader has. */
static masa_status follow(table *t, masa_store *store, const char *run, masa_error *err)
{
    masa_status st = MASA_OK;
    for (bool goes_on = true; st == MASA_OK && goes_on;) {
        goes_on =
            masa_run_is_training(run, NULL); /* asked before what it has written is read */
        if (goes_on) sleep(1);
        if (t->n == 0) st = begin_table(t, store, err);
        if (st == MASA_OK) st = show_steps(t, store, t->shown < 0 ? 0 : t->shown, err);
        if (st == MASA_OK) st = show_events(t, store, err);
        if (!cli_output_flush()) return MASA_OK; /* main says so */
    }
    return st;
}

masa_status cli_inspect_metrics(masa_store *store, const char *run,
                                const cli_inspect_options *o, masa_error *err)
{
    table t = {.options = o, .step = -1, .shown = -1, .event = -1};
    masa_status st = begin_table(&t, store, err);
    if (st == MASA_OK) st = show_steps(&t, store, o->filter.first_step, err);
    if (st == MASA_OK) st = show_events(&t, store, err);
    if (st == MASA_OK && o->follow && cli_output_flush()) st = follow(&t, store, run, err);
    if (st == MASA_OK && !o->json) show_others(&t);
    if (st == MASA_OK && !o->json) st = show_history(store, err);
    if (st == MASA_OK && t.shown < 0) fprintf(stderr, "no metrics of these steps and names\n");
    drop_columns(&t, 0);
    for (size_t i = 0; i < t.n_names; i++) free(t.names[i]);
    free(t.names);
    free(t.columns);
    masa_text_deinit(&t.json);
    return st;
}
