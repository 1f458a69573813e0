/** The architectures that are computed, and what tells them apart: a row of traits each. */
#ifndef MASA_ARCHITECTURE_H
#define MASA_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>

/** Numbers the rows of src/formats/architecture_rows.h. */
typedef enum masa_architecture { MASA_LLAMA, MASA_QWEN2, MASA_QWEN3 } masa_architecture;

typedef struct masa_traits {
    const char
        *name; /* model_type of config.json; general.architecture of GGUF, before its keys */
    const char *class_name; /* of transformers, in config.json */
    const char *own_member; /* of config.json, as written: what others do not have */
    bool attention_bias;    /* q, k and v have biases */
    bool qk_norm;           /* RMSNorm on each head of q and k */
    bool interleaved;       /* GGUF keeps the rotary halves of q's and k's heads interleaved */
    /* What transformers takes an absent member of config.json for. */
    size_t kv_heads; /* 0: as many as heads */
    size_t head_dim; /* 0: hidden / heads */
    size_t positions;
    float rms_norm_eps; /* of models that masa init makes */
} masa_traits;

/** Architectures are 0 to this, exclusive. */
size_t masa_architecture_count(void);
const masa_traits *masa_architecture_traits(masa_architecture architecture);
/** "llama", "qwen2", ... */
const char *masa_architecture_name(masa_architecture architecture);
/** The architecture of that name [n]; MASA_ERR_UNSUPPORTED, naming those there are. */
masa_status masa_architecture_find(masa_architecture *out, const char *name, size_t n,
                                   masa_error *err);
/** "llama, qwen2 or ..." into out [size], which is returned: for messages. */
const char *masa_architecture_names(char *out, size_t size);

#endif
