/* The table of architectures, in the order of masa_architecture: a newcomer that computes what
 * these do is a row here and a number there. Absent members of a row are 0, false. */
#ifndef FORMATS_ARCHITECTURE_ROWS_H
#define FORMATS_ARCHITECTURE_ROWS_H

#include <masa/architecture.h>

/* clang-format off */
#define FORMATS_ARCHITECTURES                                                           \
    {.name = "llama", .class_name = "LlamaForCausalLM",                                 \
     .own_member = "\"mlp_bias\": false", .interleaved = true,                          \
     .positions = 2048, .rms_norm_eps = 1e-5f},                                         \
    {.name = "qwen2", .class_name = "Qwen2ForCausalLM",                                 \
     .own_member = "\"use_sliding_window\": false", .attention_bias = true,             \
     .kv_heads = 32, .positions = 32768, .rms_norm_eps = 1e-6f},                        \
    {.name = "qwen3", .class_name = "Qwen3ForCausalLM",                                 \
     .own_member = "\"use_sliding_window\": false", .qk_norm = true,                    \
     .kv_heads = 32, .head_dim = 128, .positions = 32768, .rms_norm_eps = 1e-6f}
/* clang-format on */

extern const masa_traits formats_architectures[];
extern const size_t formats_n_architectures;

#endif
