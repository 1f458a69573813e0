/** The method's options as a configuration gives them: of training, and the defaults of every
 *  command that scores predictions. */
#ifndef MASA_CONFIG_META_H
#define MASA_CONFIG_META_H

#include <masa/config.h>
#include <masa/meta.h>

/* meta.system that stands for the solutions' (model.system). */
#define MASA_META_SYSTEM_SAME "same"

/* meta.template that stands for the built-in prompt with the problem before what is asked. */
#define MASA_META_PROBLEM_FIRST "problem-first"

masa_meta_options masa_config_meta_options(const masa_config *config);

/** Whether a value of meta.template names a file, and none of the built-in prompts. */
bool masa_meta_template_is_file(const char *value);

/**
 * The text of the meta prompt's system turn; NULL: the built-in one; "": there is none.
 *
 * setting        meta.system
 * problem_first  the built-in prompt begins with the problem: the turn before it is then the
 *                solutions' too unless the setting says otherwise, so that both begin alike
 * solutions      text of the solutions' system turn
 */
const char *masa_meta_system_text(const char *setting, bool problem_first,
                                  const char *solutions);

#endif
