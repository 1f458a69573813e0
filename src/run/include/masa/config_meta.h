/** The method's options as a configuration gives them: of training, and the defaults of every
 *  command that scores predictions. */
#ifndef MASA_CONFIG_META_H
#define MASA_CONFIG_META_H

#include <masa/config.h>
#include <masa/meta.h>

/* meta.system that stands for the solutions' (model.system). */
#define MASA_META_SYSTEM_SAME "same"

masa_meta_options masa_config_meta_options(const masa_config *config);

#endif
