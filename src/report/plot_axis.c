#include "plot_axis.h"

#include <math.h>

#include "html.h"

axis axis_make(double low, double high, double start, double end)
{
    double room = high - low > 0 ? 0 : high != 0 ? fabs(high) * 0.1 : 1;
    return (axis){low - room, high + room, start, end};
}

double axis_place(const axis *a, double value)
{
    return a->start + (value - a->low) / (a->high - a->low) * (a->end - a->start);
}

double axis_step(const axis *a, int most)
{
    double raw = (a->high - a->low) / most, power = pow(10, floor(log10(raw)));
    double head = raw / power - 1e-9; /* 2 that rounding made a little more is 2 */
    return power * (head <= 1 ? 1 : head <= 2 ? 2 : head <= 5 ? 5 : 10);
}

/* Ticks are multiples of the step: one near 0 is 0, whatever rounding left of it. */
static void add_ticks(masa_text *out, const axis *a, const axis *other, bool across)
{
    double step = axis_step(a, across ? 6 : 5), slack = 1e-9 * step;
    for (double k = ceil((a->low - slack) / step); k * step <= a->high + slack; k++) {
        double value = k * step + 0.0; /* which makes -0 a 0 */
        double at = axis_place(a, value);
        if (across)
            masa_text_addf(
                out,
                "<path class=\"tick\" d=\"M%.1f %.1fV%.1f\"/><text class=\"mid\" x=\"%.1f\" "
                "y=\"%.1f\">%.6g</text>\n",
                at, other->start, other->end, at, other->start + 15, value);
        else
            masa_text_addf(
                out,
                "<path class=\"tick\" d=\"M%.1f %.1fH%.1f\"/><text class=\"end\" x=\"%.1f\" "
                "y=\"%.1f\">%.6g</text>\n",
                other->start, at, other->end, other->start - 5, at + 4, value);
    }
}

void frame_axes(masa_text *out, int height, const axis *x, const axis *y, const char *x_title,
                const char *y_title)
{
    add_ticks(out, x, y, true);
    add_ticks(out, y, x, false);
    masa_text_addf(out, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">", (x->start + x->end) / 2,
                   height - 4);
    html_text(out, x_title);
    masa_text_add(out, "</text>\n");
    if (!*y_title) return;
    masa_text_addf(out, "<text class=\"mid\" transform=\"translate(12 %.1f) rotate(-90)\">",
                   (y->start + y->end) / 2);
    html_text(out, y_title);
    masa_text_add(out, "</text>\n");
}

void frame_open(masa_text *out, const char *title, int width, int height, const axis *x,
                const axis *y, const char *x_title, const char *y_title)
{
    masa_text_add(out, "<figure><figcaption>");
    html_text(out, title);
    masa_text_addf(out,
                   "</figcaption>\n<svg viewBox=\"0 0 %d %d\" width=\"%d\" "
                   "height=\"%d\">\n",
                   width, height, width, height);
    frame_axes(out, height, x, y, x_title, y_title);
}

void frame_close(masa_text *out)
{
    masa_text_add(out, "</svg></figure>\n");
}

void picture_open(masa_text *out, int width, int height, const char *style)
{
    masa_text_addf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                   "width=\"%d\" height=\"%d\">\n<style>\n"
                   "text{font:11px sans-serif;fill:#444}.mid{text-anchor:middle}"
                   ".end{text-anchor:end}.tick{stroke:#8884}\n%s</style>\n"
                   "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                   width, height, width, height, style);
}
