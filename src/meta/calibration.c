#include <masa/gate.h>

#include <math.h>

static void add(double *weight, double *sum, double value, double kept)
{
    *weight = kept * *weight + 1;
    *sum = kept * *sum + value;
}

void masa_calibration_update(masa_calibration *c, const masa_forecast *forecast,
                             const masa_statistics_summary *truth, bool gate_closed,
                             const masa_calibration_options *options)
{
    double kept = 1 - 1 / options->window;
    double error =
        forecast->n_pass_rates ? masa_statistics_distance(truth, forecast->pass_rate_mean) : 1;
    add(&c->pass_rate_weight, &c->pass_rate_error, error, kept);
    if (forecast->n_lengths && !truth->limited && truth->n_correct && truth->length_mean > 0)
        add(&c->length_weight, &c->length_error,
            fabs(log(forecast->length / truth->length_mean)), kept);
    bool varies = truth->n_correct > 0 && truth->n_correct < truth->n;
    if (gate_closed && (truth->n_cut == 0 || varies))
        add(&c->gate_weight, &c->gate_right, !varies, kept);
}

static double mean(double sum, double weight)
{
    return weight > 0 ? sum / weight : NAN;
}

double masa_calibration_pass_rate_error(const masa_calibration *c)
{
    return mean(c->pass_rate_error, c->pass_rate_weight);
}

double masa_calibration_length_error(const masa_calibration *c)
{
    return mean(c->length_error, c->length_weight);
}

double masa_calibration_gate_precision(const masa_calibration *c)
{
    return mean(c->gate_right, c->gate_weight);
}

bool masa_calibration_switch(const masa_calibration *c, const masa_calibration_options *o,
                             bool efficient_now)
{
    if (!efficient_now && c->pass_rate_weight < o->least) return false;
    double slack = efficient_now ? o->slack : 1;
    /* "Not beyond" rather than "within": a measure that is NAN is no obstacle. */
    return !(masa_calibration_pass_rate_error(c) > slack * o->pass_rate_error) &&
           !(masa_calibration_length_error(c) > slack * o->length_error) &&
           !(1 - masa_calibration_gate_precision(c) > slack * (1 - o->gate_precision));
}
