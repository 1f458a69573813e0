/* Presets: short tables of settings. A preset named as a family (algorithm.name) also
 * says what that family is. */
#include "config_entries.h"

#include <string.h>

#define PRESET(name) static const char *const name[]

PRESET(grpo) = {"algorithm.name=grpo", NULL};
PRESET(dapo) = {
    "algorithm.name=dapo",      "algorithm.aggregation=token_mean", "algorithm.clip_low=0.2",
    "algorithm.clip_high=0.28", "algorithm.dynamic_sampling=true",  NULL};
PRESET(dr_grpo) = {"algorithm.name=dr_grpo", "algorithm.advantage=group_mean",
                   "algorithm.aggregation=constant", "algorithm.clip_high=0.2", NULL};
PRESET(gspo) = {"algorithm.name=gspo", "algorithm.ratio=sequence", "algorithm.clip_low=3e-4",
                "algorithm.clip_high=4e-4", NULL};
PRESET(rloo) = {"algorithm.name=rloo", "algorithm.advantage=leave_one_out",
                "algorithm.aggregation=token_mean", "algorithm.clip_high=0.2", NULL};
PRESET(reinforce_pp) = {"algorithm.name=reinforce_pp", "algorithm.advantage=batch_norm",
                        "algorithm.aggregation=token_mean", "algorithm.clip_high=0.2", NULL};

/* The meta path as small models need it: a short answer, whose form is taught first, cloning as
 * the stronger teacher of its numbers, and one update for both kinds of rollouts, each of the
 * same weight (measured: docs/experiments.md). */
#define META                                                                                   \
    "meta.samples=4", "meta.max_tokens=96", "meta.length_min=4", "meta.bc_enabled=true",       \
        "meta.update=joint", "meta.weight=0.5", "meta.bc_batch=8", "meta.bc_threshold=0",      \
        "meta.bc_hopeless=true", "meta.bc_repair=true", "meta.bc_lr=4e-5",                     \
        "meta.own_moments=true", "meta.warm_start_prompts=32", "meta.warm_start_lr=6e-5"
/* Acting on predictions as it has paid (docs/experiments.md): they are learned from each prompt's
 * outcomes in factors of their own, so that solving is not disturbed, read off in one pass, and
 * asked again once a few rollouts are known. */
#define EFFICIENT                                                                              \
    "meta.samples=2", "meta.share=0", "meta.adapter=16", "meta.form=bare",                     \
        "meta.max_tokens=96", "meta.length_min=4", "meta.forecast=one_pass",                   \
        "meta.bc_enabled=true", "meta.bc_repair=true", "meta.bc_hopeless=true",                \
        "meta.bc_batch=16", "meta.bc_mini_batch=4", "meta.bc_lr=1e-3", "meta.start_step=5",    \
        "meta.gate=soft", "meta.gate_pilot=4", "meta.gate_refill=false",                       \
        "meta.audit_share=0.05", "meta.cutoff_margin=0"
PRESET(masa) = {"algorithm.name=grpo", META, NULL};
PRESET(masa_efficient) = {"algorithm.name=grpo", EFFICIENT, NULL};
/* The same by the model's hidden state alone: no predictions are sampled or learned. */
PRESET(masa_probe) = {"algorithm.name=grpo",   "meta.forecast=probe",  "meta.start_step=1",
                      "meta.gate=soft",        "meta.gate_pilot=4",    "meta.gate_refill=false",
                      "meta.audit_share=0.05", "meta.cutoff_margin=0", NULL};
PRESET(dapo_masa) = {"algorithm.name=dapo", META, NULL};

/* What the authors ran (arXiv:2510.03259, and verl's defaults under their scripts). */
#define PAPER                                                                                  \
    "algorithm.name=grpo", "rollout.prompts_per_step=128", "rollout.group_size=16",            \
        "rollout.max_tokens=8192", "rollout.temperature=1", "rollout.top_p=1",                 \
        "data.max_prompt_tokens=2048", "optimizer.lr=1e-6", "optimizer.warmup_steps=20",       \
        "optimizer.schedule=constant", "optimizer.weight_decay=0.1", "optimizer.grad_clip=1",  \
        "optimizer.tokens_per_pass=16384", "algorithm.aggregation=token_mean",                 \
        "algorithm.dual_clip=10", "algorithm.clip_low=0.2", "algorithm.clip_high=0.28",        \
        "algorithm.kl_coef=0", "train.steps=314"
#define PAPER_META                                                                             \
    "meta.max_tokens=8192", "meta.length_min=128", "meta.update=separate",                     \
        "meta.system=You are a helpful assistant.", "meta.start_step=80", "meta.gate=hard",    \
        "meta.gate_sigma=0.1", "meta.cutoff_audit=0", "meta.audit_share=0"
PRESET(grpo_paper) = {PAPER, NULL};
PRESET(masa_v1) = {PAPER,
                   PAPER_META,
                   "meta.samples=16",
                   "meta.cutoff_margin=2",
                   "meta.bc_enabled=true",
                   "meta.bc_acting=true",
                   "meta.bc_batch=128",
                   "meta.bc_lr=1e-6",
                   NULL};
PRESET(mapr_v2) = {PAPER, PAPER_META, "meta.samples=8", "meta.cutoff_margin=1.5", NULL};

/* SmolLM2-135M answers such problems best when it may answer in its own way: it hardly
 * ever writes a box. Of 16 prompts some seven teach. With all weights trained one seed of three fell
 * again, with factors none did (docs/experiments_more.md). */
PRESET(quickstart) = {"algorithm.name=grpo",
                      EFFICIENT,
                      "meta.bc_batch=8",
                      "meta.bc_passes=2",
                      "meta.bc_lr=2e-3",
                      "data.suffix=Answer with a number.",
                      "data.answer_rules=any",
                      "rollout.prompts_per_step=16",
                      "rollout.temperature=0.7",
                      "rollout.max_tokens=128",
                      "optimizer.lr=4e-4",
                      "lora.rank=16",
                      "optimizer.schedule=cosine",
                      "train.steps=24",
                      "train.eval_every=8",
                      "train.eval_samples=400",
                      "train.save_every=8",
                      "train.keep_checkpoints=1",
                      NULL};

const config_preset config_presets[] = {
    {"grpo", "group-relative advantages, rollouts weighted alike (the defaults)", grpo},
    {"dapo", "all tokens weighted alike, wider upper clip, zero-variance groups replaced",
     dapo},
    {"dr_grpo", "GRPO without the division by deviation and length", dr_grpo},
    {"gspo", "importance ratio of whole sequences", gspo},
    {"rloo", "baseline from the other rollouts of the group", rloo},
    {"reinforce_pp", "REINFORCE++ baseline: advantages scaled by the whole batch",
     reinforce_pp},
    {"quickstart", "a small model on sentences of `masa tasks`, minutes on 2 cores",
     quickstart},
    {"masa", "GRPO with meta rollouts and behaviour cloning; a warm start for small models",
     masa},
    {"masa-efficient",
     "GRPO that skips what the model predicts to have no variance; predictions "
     "in factors of their own",
     masa_efficient},
    {"masa-probe",
     "GRPO that skips what a probe of the model's hidden state foretells to have no variance; no "
     "predictions",
     masa_probe},
    {"dapo-masa", "DAPO with meta rollouts", dapo_masa},
    {"grpo-paper", "GRPO as the authors of the paper ran it (8B models, large machines)",
     grpo_paper},
    {"masa-v1",
     "MASA-efficient of the paper's first version: cloning once predictions are "
     "acted on; start_step=-1 is plain MASA",
     masa_v1},
    {"mapr-v2", "the second version: half the predictions, no cloning", mapr_v2},
};
const size_t config_n_presets = sizeof config_presets / sizeof *config_presets;

const config_preset *config_preset_find(const char *name)
{
    for (size_t i = 0; i < config_n_presets; i++)
        if (strcmp(config_presets[i].name, name) == 0) return &config_presets[i];
    return NULL;
}

const char *masa_config_preset(size_t i, const char **help)
{
    if (i >= config_n_presets) return NULL;
    if (help) *help = config_presets[i].help;
    return config_presets[i].name;
}

masa_status config_set_family(masa_config *config, const char *name, masa_error *err)
{
    static const char head[] = "algorithm.";
    const config_entry *entry = config_find("algorithm.name", strlen("algorithm.name"));
    /* A wrong name must leave the section as it was. */
    masa_status st = config_store(config, entry, name, err);
    const config_preset *preset = st == MASA_OK ? config_preset_find(name) : NULL;
    for (size_t s = 0; preset && s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *other = &config_sections[s].entries[k];
            if (strcmp(other->section, "algorithm") == 0 && other != entry && st == MASA_OK)
                st = config_store(config, other, config_default(other), err);
        }
    for (const char *const *p = preset ? preset->settings : NULL; p && *p && st == MASA_OK;
         p++) {
        size_t n = strcspn(*p, "=");
        const config_entry *other = config_find(*p, n);
        if (strncmp(*p, head, strlen(head)) == 0 && other != entry)
            st = config_store(config, other, *p + n + 1, err);
    }
    return st;
}
