#include <masa/config_meta.h>

#include <string.h>

masa_meta_options masa_config_meta_options(const masa_config *config)
{
    return (masa_meta_options){
        .base = config->meta.base,
        .weight_difficulty = config->meta.weight_difficulty,
        .weight_length = config->meta.weight_length,
        .weight_notion = config->meta.weight_notion,
        .length_rule = (masa_length_rule)config->meta.length_rule,
        .notion_rule = (masa_notion_rule)config->meta.notion_rule,
        .expert_hopeless = config->meta.bc_hopeless,
        .difficulty_rule = (masa_difficulty_rule)config->meta.difficulty_rule,
        .notion_test = (masa_notion_test)config->meta.notion_test,
        .form = (masa_answer_form)config->meta.form,
        .length_min = config->meta.length_min,
        .length_max = config->rollout.max_tokens,
        .problem_first = strcmp(config->meta.template, MASA_META_PROBLEM_FIRST) == 0,
    };
}

bool masa_meta_template_is_file(const char *value)
{
    return value[0] && strcmp(value, MASA_META_PROBLEM_FIRST) != 0;
}

const char *masa_meta_system_text(const char *setting, bool problem_first,
                                  const char *solutions)
{
    if (strcmp(setting, MASA_META_SYSTEM_SAME) == 0) return solutions;
    if (setting[0]) return setting;
    return problem_first ? solutions : NULL;
}
