#include <masa/gate.h>

#include <math.h>
#include <string.h>

bool masa_gate_closed(const masa_forecast *f, double sigma, double tolerance)
{
    return masa_forecast_readable(f) && f->pass_rate_deviation < sigma &&
           (f->pass_rate_mean <= tolerance || 1 - f->pass_rate_mean <= tolerance);
}

size_t masa_cutoff_tokens(const masa_forecast *f, double margin, size_t max_tokens)
{
    if (f->n_lengths == 0 || margin <= 0) return max_tokens;
    double tokens = round(margin * f->length);
    if (tokens >= (double)max_tokens) return max_tokens;
    return tokens < 1 ? 1 : (size_t)tokens;
}

static bool reads_well(const char *notion)
{
    enum { MOST_BYTES = 64 };
    if (strlen(notion) > MOST_BYTES) return false;
    for (const char *p = notion; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) return false;
    return true;
}

size_t masa_hint_add(masa_text *out, const masa_forecast *f, size_t most)
{
    size_t named = 0, available = 0;
    for (size_t i = 0; i < f->n_notions && available < most; i++)
        available += reads_well(f->notions[i]);
    for (size_t i = 0; named < available; i++) {
        if (!reads_well(f->notions[i])) continue;
        masa_text_add(out, named == 0               ? " It could be solved using "
                           : named + 1 == available ? " and "
                                                    : ", ");
        masa_text_add(out, f->notions[i]);
        named++;
    }
    if (named) masa_text_add(out, ".");
    return named;
}

masa_belief masa_belief_at(const masa_belief *belief, long step, double discount)
{
    double kept = pow(discount, (double)(step - belief->step));
    return (masa_belief){kept * belief->right, kept * belief->wrong, step};
}

void masa_belief_update(masa_belief *belief, long step, double right, double wrong,
                        double discount)
{
    *belief = masa_belief_at(belief, step, discount);
    belief->right += right;
    belief->wrong += wrong;
}
