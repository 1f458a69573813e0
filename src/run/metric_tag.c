/* Metrics in TensorBoard's groups, which are what a tag has before its first slash. */
#include "run_internal.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <string.h>

static const struct {
    const char *begins, *group;
    bool whole;  /* only the metric of this very name */
    bool strips; /* the tag leaves the beginning out */
} groups[] = {
    {"eval_", "eval", false, true},
    {"meta_", "meta", false, true},
    {"warm_start_", "warm_start", false, true},
    {"bc_", "cloning", false, true},
    {"gate", "gate", false, false},
    {"audited", "gate", false, false},
    {"cut", "gate", false, false},
    {"hinted", "gate", true, false},
    {"acting", "gate", true, false},
    {"length_z_", "meta", false, false},
    {"loss", "policy", true, false},
    {"heldout_loss", "policy", true, false},
    {"lr", "policy", true, false},
    {"entropy", "policy", true, false},
    {"grad_norm", "policy", true, false},
    {"clipped", "policy", true, false},
    {"kl_", "policy", false, false},
    {"logprob_", "policy", false, false},
    {"updates", "policy", true, false},
    {"skipped_", "policy", false, false},
    {"seconds_", "cost", false, false},
    {"total_", "cost", false, false},
    {"cpu_seconds", "cost", true, false},
    {"flops", "cost", true, false},
    {"memory_", "cost", false, false},
    {"disk_", "cost", false, false},
    {"tokens", "cost", false, false},
    {"generated_tokens", "cost", true, false},
    {"prompt_tokens", "cost", true, false},
    {"prefilled_tokens", "cost", true, false},
    {"trained_tokens", "cost", true, false},
    {"recalled_tokens", "cost", true, false},
};

char *run_tag(const char *metric)
{
    const char *group = "rollouts", *name = metric;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        bool fits = groups[i].whole ? strcmp(metric, groups[i].begins) == 0
                                    : masa_starts_with(metric, groups[i].begins);
        if (!fits) continue;
        group = groups[i].group;
        if (groups[i].strips) name += strlen(groups[i].begins);
        break;
    }
    masa_text tag = {0};
    masa_text_addf(&tag, "%s/%s", group, name);
    return masa_text_take(&tag);
}
