/* Progress lines. */
#include <masa/clock.h>
#include <masa/memory.h>
#include <masa/progress.h>
#include <masa/text.h>

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct masa_progress {
    FILE *file;
    bool terminal;
    long total, step;
    double step_seconds;  /* smoothed; NaN before the first */
    double drawn_at;      /* when a phase was last drawn */
    masa_text line;       /* of the last step */
    volatile sig_atomic_t *asked;
};

/* Weight of the newest step in the smoothed time: about the last five count. */
static const double smoothing = 0.3;

masa_progress *masa_progress_create(FILE *file, long total)
{
    masa_progress *progress = masa_alloc(1, sizeof *progress);
    progress->file = file;
    progress->terminal = file && isatty(fileno(file));
    progress->total = total;
    progress->step_seconds = NAN;
    return progress;
}

void masa_progress_answer(masa_progress *progress, volatile sig_atomic_t *asked)
{
    progress->asked = asked;
}

void masa_progress_destroy(masa_progress *progress)
{
    if (!progress) return;
    if (progress->terminal && progress->line.size) fputc('\n', progress->file);
    masa_text_deinit(&progress->line);
    free(progress);
}

double masa_progress_left(const masa_progress *progress)
{
    return progress->step_seconds * (double)(progress->total - progress->step);
}

static void add(masa_text *line, const char *format, double value)
{
    char text[64];
    if (!isfinite(value)) return;
    snprintf(text, sizeof text, format, value);
    masa_text_add(line, text);
}

/* \r and "erase to the end of the line" rewrite the line in place. */
static void draw(const masa_progress *progress, const char *more)
{
    fprintf(progress->file, "\r%s%s\033[K", masa_text_get(&progress->line), more);
    fflush(progress->file);
}

void masa_progress_step_done(masa_progress *progress, const masa_progress_step *step)
{
    progress->step = step->step;
    if (isfinite(step->seconds))
        progress->step_seconds =
            isnan(progress->step_seconds)
                ? step->seconds
                : progress->step_seconds + smoothing * (step->seconds - progress->step_seconds);
    masa_text *line = &progress->line;
    char width[24], left[32];
    int digits = snprintf(width, sizeof width, "%ld", progress->total);
    masa_text_clear(line);
    masa_text_addf(line, "step %*ld/%ld", digits, step->step, progress->total);
    add(line, "  reward %.3f", step->reward);
    add(line, "  loss %.4f", step->loss);
    add(line, "  right %.1f%%", 100 * step->accuracy);
    add(line, "  length %.0f", step->length);
    add(line, "  meta %.3f", step->meta);
    add(line, "  gated %.0f%%", 100 * step->gated);
    add(line, "  %.0f tok/s", step->tokens_per_second);
    if (isfinite(masa_progress_left(progress))) {
        masa_duration_text(left, sizeof left, masa_progress_left(progress));
        masa_text_addf(line, "  left %s", left);
    }
    if (!progress->file) return;
    if (progress->terminal) {
        draw(progress, "");
    } else {
        fprintf(progress->file, "%s\n", masa_text_get(line));
        fflush(progress->file);
    }
}

void masa_progress_phase(masa_progress *progress, const char *what, size_t done,
                         size_t total)
{
    double now = masa_clock();
    if (progress->asked && *progress->asked) {
        *progress->asked = 0;
        masa_progress_note(progress, "%s%s%s %zu of %zu in step %ld", masa_text_get(&progress->line),
                           progress->line.size ? "; now " : "", what, done, total,
                           progress->step + 1);
    }
    if (!progress->terminal || now - progress->drawn_at < 0.1) return;
    progress->drawn_at = now;
    masa_text more = {0};
    masa_text_addf(&more, "%s%s %zu", progress->line.size ? "  | " : "", what, done);
    if (total) masa_text_addf(&more, "/%zu", total);
    draw(progress, masa_text_get(&more));
    masa_text_deinit(&more);
}

void masa_progress_note(masa_progress *progress, const char *format, ...)
{
    if (!progress->file) return;
    if (progress->terminal) fputs("\r\033[K", progress->file);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(progress->file, format, arguments);
    va_end(arguments);
    fputc('\n', progress->file);
    if (progress->terminal && progress->line.size) draw(progress, "");
    fflush(progress->file);
}
