#include "eval_watch.h"

#include <masa/clock.h>
#include <masa/terminal.h>

void eval_watch_start(eval_watch *w, FILE *file, const char *name)
{
    w->file = file;
    w->name = name;
    w->terminal = masa_terminal_draws(file);
    w->started_at = w->drawn_at = masa_clock();
    if (file && w->before)
        fprintf(file, "%s: %zu of %zu samples are there already\n", name, w->before, w->total);
}

void eval_watch_count(eval_watch *w, bool judged, bool right)
{
    w->done++;
    if (judged) eval_watch_judged(w, right);
}

void eval_watch_judged(eval_watch *w, bool right)
{
    w->judged++;
    w->right += right;
}

void eval_watch_draw(eval_watch *w, bool now)
{
    double time = masa_clock(), spent = time - w->started_at;
    bool asked = w->asked && *w->asked;
    if (asked) *w->asked = 0;
    if (!w->file || (!now && !asked && time - w->drawn_at < (w->terminal ? 0.1 : 30))) return;
    w->drawn_at = time;
    fprintf(w->file, "%s%s  %zu/%zu samples", w->terminal ? "\r" : "", w->name,
            w->before + w->done, w->total);
    if (w->judged)
        fprintf(w->file, "  right %.1f %%", 100 * (double)w->right / (double)w->judged);
    if (spent > 0) fprintf(w->file, "  %.0f tok/s", (double)w->tokens / spent);
    size_t left = w->total - w->before - w->done;
    if (w->done && left) {
        char text[32];
        masa_duration_text(text, sizeof text, spent / (double)w->done * (double)left);
        fprintf(w->file, "  left %s", text);
    }
    if (w->terminal) fputs("\033[K", w->file);
    if (!w->terminal || asked) fputc('\n', w->file);
    fflush(w->file);
}

void eval_watch_end(eval_watch *w)
{
    if (!w->file) return;
    if (w->done) eval_watch_draw(w, true);
    if (w->terminal && w->done) fputc('\n', w->file);
    masa_text found = {0};
    masa_found_text(&found, &w->found);
    if (found.size) fprintf(w->file, "%s: answers %s\n", w->name, found.data);
    masa_text_deinit(&found);
    if (w->too_long)
        fprintf(w->file,
                "%s: %zu prompts do not fit the model's context; they count as wrong\n",
                w->name, w->too_long);
}
