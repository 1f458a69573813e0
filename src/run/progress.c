/* Progress lines. */
#include <masa/clock.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/progress.h>
#include <masa/terminal.h>
#include <masa/text.h>

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct masa_progress {
    FILE *file, *log; /* NULL: none */
    bool terminal;    /* one that can rewrite a line */
    bool drawn;       /* what goes on stands in the terminal's last line */
    long total, step;
    double step_seconds; /* smoothed; NaN before the first */
    double drawn_at;     /* when it was last drawn */
    masa_text line;      /* of the last step, whole */
    volatile sig_atomic_t *asked;
};

/* Weight of the newest step in the smoothed time: about the last five count. */
static const double smoothing = 0.3;

/* What goes on makes way for a line that stays. */
static void erase(masa_progress *progress)
{
    if (!progress->drawn) return;
    fputs("\r\033[K", progress->file);
    fflush(progress->file);
    progress->drawn = false;
}

/* A line of log.txt, with its time. One that does not arrive is no reason to stop a run. */
static void add_log(const masa_progress *progress, const char *text)
{
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    if (!progress->log) return;
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &parts));
    masa_text shown = {0};
    masa_text_add_line_shown(&shown, text);
    fprintf(progress->log, "%s  %s\n", date, masa_text_get(&shown));
    fflush(progress->log);
    masa_text_deinit(&shown);
}

static void see_message(void *context, masa_log_level level, const char *message)
{
    masa_text line = {0};
    masa_text_addf(&line, "%s%s", level == MASA_LOG_WARN ? "warning: " : "", message);
    add_log(context, masa_text_get(&line));
    masa_text_deinit(&line);
    erase(context);
}

masa_progress *masa_progress_create(FILE *file, FILE *log, long total)
{
    masa_progress *progress = masa_alloc(1, sizeof *progress);
    progress->file = file;
    progress->log = log;
    progress->terminal = masa_terminal_draws(file);
    progress->total = total;
    progress->step_seconds = NAN;
    masa_log_set_watcher(see_message, progress);
    return progress;
}

void masa_progress_answer(masa_progress *progress, volatile sig_atomic_t *asked)
{
    progress->asked = asked;
}

void masa_progress_destroy(masa_progress *progress)
{
    if (!progress) return;
    masa_log_set_watcher(NULL, NULL);
    erase(progress);
    masa_text_deinit(&progress->line);
    free(progress);
}

double masa_progress_left(const masa_progress *progress)
{
    return progress->step_seconds * (double)(progress->total - progress->step);
}

/* ---- the line of a step ---- */

enum { FIELDS = 9, FIELD = 40 };

/* The fields as they stand, and the order in which a narrow terminal loses them. */
typedef struct fields {
    char text[FIELDS][FIELD];
} fields;
enum { STEP, REWARD, LOSS, RIGHT, LENGTH, META, GATED, SPEED, LEFT };
static const int first_lost[] = {SPEED, GATED, META, LENGTH, LEFT, RIGHT, LOSS, REWARD};

static void set(char *field, const char *format, double value)
{
    if (isfinite(value)) snprintf(field, FIELD, format, value);
}

static void fill(fields *f, const masa_progress *progress, const masa_progress_step *step)
{
    char width[24], left[32];
    int digits = snprintf(width, sizeof width, "%ld", progress->total);
    *f = (fields){0};
    snprintf(f->text[STEP], FIELD, "step %*ld/%ld", digits, step->step, progress->total);
    set(f->text[REWARD], "  reward %.3f", step->reward);
    set(f->text[LOSS], "  loss %.4f", step->loss);
    set(f->text[RIGHT], "  right %.1f%%", 100 * step->accuracy);
    set(f->text[LENGTH], "  length %.0f", step->length);
    set(f->text[META], "  meta %.3f", step->meta);
    set(f->text[GATED], "  gated %.0f%%", 100 * step->gated);
    set(f->text[SPEED], "  %.0f tok/s", step->tokens_per_second);
    if (!isfinite(masa_progress_left(progress))) return;
    masa_duration_text(left, sizeof left, masa_progress_left(progress));
    snprintf(f->text[LEFT], FIELD, "  left %s", left);
}

static void join(masa_text *out, const fields *f)
{
    masa_text_clear(out);
    for (int i = 0; i < FIELDS; i++) masa_text_add(out, f->text[i]);
}

void masa_progress_step_done(masa_progress *progress, const masa_progress_step *step)
{
    fields f;
    progress->step = step->step;
    if (isfinite(step->seconds))
        progress->step_seconds =
            isnan(progress->step_seconds)
                ? step->seconds
                : progress->step_seconds + smoothing * (step->seconds - progress->step_seconds);
    fill(&f, progress, step);
    join(&progress->line, &f);
    add_log(progress, masa_text_get(&progress->line));
    if (!progress->file) return;
    masa_text shown = {0};
    size_t columns = masa_terminal_columns(progress->file);
    join(&shown, &f);
    for (size_t i = 0; progress->terminal && shown.size > columns; i++) {
        if (i == sizeof first_lost / sizeof *first_lost) break;
        f.text[first_lost[i]][0] = '\0';
        join(&shown, &f);
    }
    erase(progress);
    fprintf(progress->file, "%s\n", masa_text_get(&shown));
    fflush(progress->file);
    masa_text_deinit(&shown);
}

/* ---- what goes on ---- */

void masa_progress_phase(masa_progress *progress, const char *what, size_t done, size_t total)
{
    double now = masa_clock();
    if (progress->asked && *progress->asked) {
        *progress->asked = 0;
        masa_progress_note(progress, "%s%s%s %zu of %zu in step %ld",
                           masa_text_get(&progress->line), progress->line.size ? "; now " : "",
                           what, done, total, progress->step + 1);
    }
    if (!progress->terminal || now - progress->drawn_at < 0.1) return;
    progress->drawn_at = now;
    masa_text text = {0};
    masa_text_addf(&text, "step %ld: %s %zu", progress->step + 1, what, done);
    if (total) masa_text_addf(&text, "/%zu", total);
    /* One column less than there are: in the last one a terminal may go on to the next line. */
    int columns = (int)masa_terminal_columns(progress->file) - 1;
    fprintf(progress->file, "\r%.*s\033[K", columns, masa_text_get(&text));
    fflush(progress->file);
    progress->drawn = true;
    masa_text_deinit(&text);
}

void masa_progress_note(masa_progress *progress, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_log(progress, text);
    if (!progress->file) return;
    masa_text shown = {0};
    masa_text_add_line_shown(&shown, text);
    erase(progress);
    fprintf(progress->file, "%s\n", masa_text_get(&shown));
    fflush(progress->file);
    masa_text_deinit(&shown);
}
