/* masa inspect: finds out what a path holds and says so. */
#include "commands.h"
#include "cmd_inspect.h"
#include "options.h"

#include <masa/file.h>
#include <masa/run_folder.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char details[] =
    "PATH is a GGUF file, a Hugging Face folder or the folder of a run. The tensors' names\n"
    "are Hugging Face's in both formats. The filters from --prompt on show rollouts.\n\n"
    "  masa inspect --tensors model.gguf\n"
    "  masa inspect runs/a --follow\n"
    "  masa inspect runs/a --step 1:20\n"
    "  masa inspect runs/a --step 20 --reward :0 --cause length\n"
    "  masa inspect runs/a --rollouts --limit 0 --json > rollouts.jsonl";

/* "3", "3:9", "3:" or ":9" into the ends that are given. */
static masa_status parse_range(const char *text, const char *option, double *low, double *high,
                               masa_error *err)
{
    const char *colon = strchr(text, ':');
    char *end = NULL;
    bool good = *text != '\0' && strcmp(text, ":") != 0;
    if (good && colon != text) {
        *low = strtod(text, &end);
        good = end != text && (*end == '\0' || end == colon);
        if (!colon) *high = *low;
    }
    if (good && colon && colon[1]) {
        *high = strtod(colon + 1, &end);
        good = end != colon + 1 && *end == '\0';
    }
    return good ? MASA_OK
                : MASA_FAIL(err, MASA_ERR_USAGE,
                            "--%s takes a number or a range as 2:8, not "
                            "'%s'",
                            option, text);
}

static masa_status finish_filter(cli_inspect_options *o, const char *step, const char *reward,
                                 masa_error *err)
{
    masa_store_filter *f = &o->filter;
    double first = (double)f->first_step, last = (double)f->last_step;
    masa_status st = step ? parse_range(step, "step", &first, &last, err) : MASA_OK;
    if (st == MASA_OK && reward)
        st = parse_range(reward, "reward", &f->reward_min, &f->reward_max, err);
    f->first_step = (long)first;
    f->last_step = (long)last;
    if (f->limit == 0) f->limit = -1;
    if (f->prompt >= 0 || f->problem || f->kind || f->cause || f->contains || reward)
        o->rollouts = true;
    return st;
}

masa_status cli_inspect(int argc, char **argv, masa_error *err)
{
    bool helped;
    cli_inspect_options o = {.filter = MASA_STORE_ALL};
    const char *step = NULL, *reward = NULL;
    o.filter.limit = 20;
    const cli_option options[] = {
        CLI_FLAG("json", 'j', &o.json, "write JSON Lines"),
        CLI_FLAG(
            "tensors", 't', &o.tensors,
            "of a model, a run's newest too: read every tensor and show its shape, type and range"),
        CLI_STRING("metrics", 'm', &o.metrics, "NAMES",
                   "of a run: which metrics, separated by commas"),
        CLI_FLAG("follow", 'f', &o.follow, "of a run: show its steps as they come"),
        CLI_FLAG("events", 0, &o.events, "of a run: what its health had to say"),
        CLI_FLAG("rollouts", 'r', &o.rollouts, "of a run: read rollouts"),
        CLI_FLAG("evals", 'e', &o.evals, "of a run: the answers of evaluations"),
        CLI_FLAG("decisions", 'd', &o.decisions, "of a run: gates and cutoffs"),
        CLI_FLAG("predictions", 'p', &o.predictions,
                 "of a run: predicted pass rates and lengths beside the true ones"),
        CLI_STRING("step", 's', &step, "RANGE", "steps, as 12 or 10:20"),
        CLI_LONG("prompt", 0, &o.filter.prompt, "N",
                 "rollouts of the step's prompt N; -1: all"),
        CLI_STRING("problem", 0, &o.filter.problem, "ID", "rollouts of a problem"),
        CLI_STRING("kind", 0, &o.filter.kind, "KIND", "solution or meta rollouts"),
        CLI_STRING("cause", 0, &o.filter.cause, "CAUSE", "rollouts stopped by it, as length"),
        CLI_STRING("reward", 0, &reward, "RANGE", "rollouts with this reward, as 0.5:"),
        CLI_STRING("contains", 0, &o.filter.contains, "TEXT", "rollouts with TEXT in them"),
        CLI_LONG("limit", 'n', &o.filter.limit, "N", "most rows of a kind to show; 0: all"),
        CLI_END,
    };
    const cli_usage usage = {"inspect",
                             "[OPTIONS] PATH",
                             "Shows what a model or a run is: shapes and types of a model; "
                             "metrics, rollouts\nand evaluations of a run.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    st = finish_filter(&o, step, reward, err);
    if (st != MASA_OK) return st;
    if (cli_is_run(argv[0]) && !o.tensors) return cli_inspect_run(argv[0], &o, err);
    char *model = NULL;
    st = masa_model_find(&model, argv[0], err);
    if (st == MASA_OK && masa_path_exists(model) && !cli_is_model(model))
        st = MASA_FAIL(err, MASA_ERR_FORMAT,
                       "%s is neither a GGUF file, nor a folder with a config.json (a "
                       "model) or a store.sqlite (a run)",
                       argv[0]);
    if (st == MASA_OK) st = cli_inspect_model(model, &o, err);
    free(model);
    return st;
}
