/* Joining the sources of a configuration, checking it as a whole, writing it. */
#include "config_entries.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static const char family_key[] = "algorithm.name";

/* The value of a key of an earlier version, under today's name. */
static masa_status set_former(masa_config *config, const config_entry *former,
                              const char *value, masa_error *err)
{
    const config_entry *entry = config_find(former->fallback, strlen(former->fallback));
    /* What a token takes is the model's: whatever the size, results are the same. */
    if (strcmp(former->key, "cache_tokens") == 0) {
        if (strcmp(value, "0") != 0)
            masa_warn("rollout.cache_tokens=%.40s is read as 0: the size of the cache is now "
                      "rollout.cache_memory, in MiB",
                      value);
        value = "0";
    }
    return config_store(config, entry, value, err);
}

static masa_status set_entry(masa_config *config, const config_entry *entry, const char *value,
                             masa_error *err)
{
    if (entry->kind == CONFIG_FORMER) return set_former(config, entry, value, err);
    bool family = strcmp(entry->section, "algorithm") == 0 && strcmp(entry->key, "name") == 0;
    return family ? config_set_family(config, value, err)
                  : config_store(config, entry, value, err);
}

masa_status masa_config_set(masa_config *config, const char *key, const char *value,
                            masa_error *err)
{
    const config_entry *entry = config_find(key, strlen(key));
    if (entry) return set_entry(config, entry, value, err);
    const config_entry *near = config_nearest(key);
    return MASA_FAIL(err, MASA_ERR_CONFIG, "no setting %.100s; did you mean %s.%s?", key,
                     near->section, near->key);
}

/* "key=value" */
static masa_status set_pair(masa_config *config, const char *pair, masa_error *err)
{
    const char *equals = strchr(pair, '=');
    if (!equals)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "'%.100s' is not section.key=value", pair);
    char *key = masa_strndup(pair, (size_t)(equals - pair));
    masa_status st = masa_config_set(config, key, equals + 1, err);
    free(key);
    return st;
}

/* The family comes before the other settings of the same source, wherever it stands. */
static masa_status set_pairs(masa_config *config, const char *const *pairs, size_t n,
                             masa_error *err)
{
    masa_status st = MASA_OK;
    for (int family = 1; family >= 0; family--)
        for (size_t i = 0; i < n && st == MASA_OK; i++) {
            bool is_family =
                masa_starts_with(pairs[i], family_key) && pairs[i][strlen(family_key)] == '=';
            if (is_family == (family == 1)) st = set_pair(config, pairs[i], err);
        }
    return st;
}

static masa_status set_preset(masa_config *config, const char *name, masa_error *err)
{
    const config_preset *preset = config_preset_find(name);
    if (!preset) {
        masa_text list = {0};
        for (size_t i = 0; i < config_n_presets; i++)
            masa_text_addf(&list, "%s%s", i ? ", " : "", config_presets[i].name);
        masa_status st = MASA_FAIL(err, MASA_ERR_CONFIG, "no preset %.60s; presets are %s",
                                   name, masa_text_get(&list));
        masa_text_deinit(&list);
        return st;
    }
    size_t n = 0;
    while (preset->settings[n]) n++;
    return set_pairs(config, preset->settings, n, err);
}

static masa_status set_yaml(masa_config *config, const char *yaml, size_t size,
                            const char *path, masa_error *err)
{
    config_raw *raw = NULL;
    masa_status st = config_raw_parse(&raw, yaml, size, path, err);
    for (int family = 1; family >= 0; family--)
        for (size_t s = 0; s < config_n_sections; s++)
            for (size_t k = 0; k < config_sections[s].n; k++) {
                const config_entry *entry = &config_sections[s].entries[k];
                const char *value = st == MASA_OK ? config_raw_get(raw, s, k) : NULL;
                bool is_family = entry == config_find(family_key, strlen(family_key));
                if (!value || is_family != (family == 1)) continue;
                st = set_entry(config, entry, value, err);
                if (st != MASA_OK)
                    masa_error_at(err, path,
                                  config_line_of(yaml, size, entry->section, entry->key));
            }
    config_raw_free(raw);
    return st;
}

masa_status masa_config_parse(masa_config *out, const char *yaml, size_t size, const char *path,
                              const char *preset, const char *const *overrides, size_t n,
                              masa_error *err)
{
    masa_config config = {0};
    masa_status st = MASA_OK;
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n && st == MASA_OK; k++) {
            const config_entry *entry = &config_sections[s].entries[k];
            st = config_store(&config, entry, config_default(entry), err);
        }
    if (st == MASA_OK && preset) st = set_preset(&config, preset, err);
    if (st == MASA_OK && yaml) st = set_yaml(&config, yaml, size, path, err);
    if (st == MASA_OK) st = set_pairs(&config, overrides, n, err);
    if (st == MASA_OK) st = masa_config_check(&config, err);
    if (st == MASA_OK) *out = config;
    else masa_config_deinit(&config);
    return st;
}

masa_status masa_config_load(masa_config *out, const char *path, const char *preset,
                             const char *const *overrides, size_t n, masa_error *err)
{
    masa_text yaml = {0};
    masa_status st = path ? masa_file_read(&yaml, path, err) : MASA_OK;
    if (st == MASA_OK)
        st = masa_config_parse(out, path ? masa_text_get(&yaml) : NULL, yaml.size, path, preset,
                               overrides, n, err);
    masa_text_deinit(&yaml);
    return st;
}

void masa_config_deinit(masa_config *config)
{
    for (size_t s = 0; s < config_n_sections; s++)
        for (size_t k = 0; k < config_sections[s].n; k++) {
            const config_entry *entry = &config_sections[s].entries[k];
            if (entry->kind == CONFIG_TEXT) free(*(char **)((char *)config + entry->offset));
        }
    *config = (masa_config){0};
}

static masa_status check_meta(const masa_config *config, masa_error *err)
{
    long longest = config->data.max_prompt_tokens + config->meta.max_tokens;
    bool blind = config->meta.gate == MASA_CONFIG_GATE_HISTORY ||
                 config->meta.gate == MASA_CONFIG_GATE_RANDOM;
    if (config->meta.samples == 0) {
        bool acts = config->meta.start_step >= 0 && !blind &&
                    config->meta.forecast != MASA_CONFIG_FORECAST_PROBE;
        return !acts && config->meta.warm_start_prompts == 0
                   ? MASA_OK
                   : MASA_FAIL(err, MASA_ERR_CONFIG,
                               "meta.%s needs meta rollouts: set meta.samples%s",
                               acts ? "start_step" : "warm_start_prompts",
                               acts ? ", or meta.forecast=probe" : "");
    }
    if (config->meta.samples == 1)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "meta.samples must be 0 (none) or at least 2: a rollout is rewarded "
                         "relative to its group");
    if (config->meta.reward_shuffle && config->meta.bc_enabled)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "meta.reward_shuffle hides what meta.bc_enabled would teach: set "
                         "meta.bc_enabled to false");
    if (config->meta.weight_difficulty + config->meta.weight_length +
            config->meta.weight_notion <=
        0)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "one of meta.weight_difficulty, meta.weight_length and "
                         "meta.weight_notion must be above 0");
    if (config->meta.length_min > config->rollout.max_tokens)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "meta.length_min (%ld) must not exceed rollout.max_tokens (%ld)",
                         config->meta.length_min, config->rollout.max_tokens);
    if (config->optimizer.tokens_per_pass < longest)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "optimizer.tokens_per_pass (%ld) must hold the longest prompt and "
                         "meta response, data.max_prompt_tokens + meta.max_tokens = %ld",
                         config->optimizer.tokens_per_pass, longest);
    return MASA_OK;
}

masa_status masa_config_check(const masa_config *config, masa_error *err)
{
    long longest = config->data.max_prompt_tokens + config->rollout.max_tokens;
    if (config->algorithm.dual_clip > 0 && config->algorithm.dual_clip <= 1)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "algorithm.dual_clip must be 0 (off) or above 1 (got %g)",
                         config->algorithm.dual_clip);
    if (config->algorithm.overlong_buffer > config->rollout.max_tokens)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "algorithm.overlong_buffer (%ld) must not exceed "
                         "rollout.max_tokens (%ld)",
                         config->algorithm.overlong_buffer, config->rollout.max_tokens);
    if (config->train.eval_rollouts > 1 && config->train.eval_temperature == 0)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "train.eval_rollouts (%ld) above 1 needs train.eval_temperature above "
                         "0: greedy responses are all the same",
                         config->train.eval_rollouts);
    if (config->optimizer.mini_batches > config->rollout.prompts_per_step)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "optimizer.mini_batches (%ld) must not exceed "
                         "rollout.prompts_per_step (%ld)",
                         config->optimizer.mini_batches, config->rollout.prompts_per_step);
    if (config->optimizer.tokens_per_pass < longest)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "optimizer.tokens_per_pass (%ld) must hold the longest prompt and "
                         "response, data.max_prompt_tokens + rollout.max_tokens = %ld",
                         config->optimizer.tokens_per_pass, longest);
    if (config->reward.command[0] && config->reward.url[0])
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "reward.command and reward.url exclude each other; give one");
    return check_meta(config, err);
}

masa_status masa_config_require(const masa_config *config, const char *key, masa_error *err)
{
    const config_entry *entry = config_find(key, strlen(key));
    if (entry && entry->kind == CONFIG_TEXT &&
        **(char *const *)((const char *)config + entry->offset))
        return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_CONFIG,
                     "%s is not set; write it in the run file or give --set %s=...", key, key);
}

void masa_config_print(const masa_config *config, bool comments, masa_text *out)
{
    for (size_t s = 0; s < config_n_sections; s++) {
        const config_section *section = &config_sections[s];
        if (comments) masa_text_addf(out, "%s# %s\n", s ? "\n" : "", section->help);
        masa_text_addf(out, "%s:\n", section->name);
        for (size_t k = 0; k < section->n; k++) {
            if (section->entries[k].kind == CONFIG_FORMER) continue;
            if (comments) masa_text_addf(out, "  # %s\n", section->entries[k].help);
            masa_text_addf(out, "  %s: ", section->entries[k].key);
            config_print_value(config, &section->entries[k], out);
            masa_text_add(out, "\n");
        }
    }
}

masa_status masa_config_write(const masa_config *config, const char *path, masa_error *err)
{
    masa_text yaml = {0};
    masa_config_print(config, false, &yaml);
    masa_status st = masa_file_write(path, yaml.data, yaml.size, err);
    masa_text_deinit(&yaml);
    return st;
}
