/* The one table of what parameters the architectures have: names, shapes, places. Reading,
 * checking and writing files, the model's memory and the plan of it all walk it. */
#include <masa/parameters.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef enum width { ONE, VOCAB, HIDDEN, INTERMEDIATE, QUERIES, KEYS, HEAD } width;
typedef enum presence { ALWAYS, UNTIED, BIAS, QK_NORM } presence;

typedef struct spec {
    masa_slot slot;
    const char *name, *gguf_name; /* of a layer's: what follows the layer's prefix */
    width rows, cols;             /* ONE row: a vector */
    presence when;
    bool decay;
    bool rotary; /* the rotary embedding acts on its outputs */
} spec;

/* clang-format off */
static const spec BEFORE_LAYERS[] = {
    {MASA_SLOT_EMBEDDING, "model.embed_tokens.weight", "token_embd.weight", VOCAB, HIDDEN, ALWAYS, true, false},
};

static const spec LAYER[] = {
    {MASA_SLOT_INPUT_NORM, "input_layernorm.weight", "attn_norm.weight", ONE, HIDDEN, ALWAYS, false, false},
    {MASA_SLOT_Q, "self_attn.q_proj.weight", "attn_q.weight", QUERIES, HIDDEN, ALWAYS, true, true},
    {MASA_SLOT_K, "self_attn.k_proj.weight", "attn_k.weight", KEYS, HIDDEN, ALWAYS, true, true},
    {MASA_SLOT_V, "self_attn.v_proj.weight", "attn_v.weight", KEYS, HIDDEN, ALWAYS, true, false},
    {MASA_SLOT_Q_BIAS, "self_attn.q_proj.bias", "attn_q.bias", ONE, QUERIES, BIAS, false, true},
    {MASA_SLOT_K_BIAS, "self_attn.k_proj.bias", "attn_k.bias", ONE, KEYS, BIAS, false, true},
    {MASA_SLOT_V_BIAS, "self_attn.v_proj.bias", "attn_v.bias", ONE, KEYS, BIAS, false, false},
    {MASA_SLOT_Q_NORM, "self_attn.q_norm.weight", "attn_q_norm.weight", ONE, HEAD, QK_NORM, false, false},
    {MASA_SLOT_K_NORM, "self_attn.k_norm.weight", "attn_k_norm.weight", ONE, HEAD, QK_NORM, false, false},
    {MASA_SLOT_OUT, "self_attn.o_proj.weight", "attn_output.weight", HIDDEN, QUERIES, ALWAYS, true, false},
    {MASA_SLOT_MLP_NORM, "post_attention_layernorm.weight", "ffn_norm.weight", ONE, HIDDEN, ALWAYS, false, false},
    {MASA_SLOT_GATE, "mlp.gate_proj.weight", "ffn_gate.weight", INTERMEDIATE, HIDDEN, ALWAYS, true, false},
    {MASA_SLOT_UP, "mlp.up_proj.weight", "ffn_up.weight", INTERMEDIATE, HIDDEN, ALWAYS, true, false},
    {MASA_SLOT_DOWN, "mlp.down_proj.weight", "ffn_down.weight", HIDDEN, INTERMEDIATE, ALWAYS, true, false},
};

static const spec AFTER_LAYERS[] = {
    {MASA_SLOT_FINAL_NORM, "model.norm.weight", "output_norm.weight", ONE, HIDDEN, ALWAYS, false, false},
    {MASA_SLOT_HEAD, "lm_head.weight", "output.weight", VOCAB, HIDDEN, UNTIED, true, false},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static size_t width_of(width w, const masa_model_config *c)
{
    switch (w) {
    case ONE: return 1;
    case VOCAB: return c->vocab_size;
    case HIDDEN: return c->hidden_size;
    case INTERMEDIATE: return c->intermediate_size;
    case QUERIES: return c->n_heads * c->head_dim;
    case KEYS: return c->n_kv_heads * c->head_dim;
    case HEAD: return c->head_dim;
    }
    return 0;
}

static bool is_present(presence when, const masa_model_config *c)
{
    switch (when) {
    case ALWAYS: return true;
    case UNTIED: return !c->tied_embeddings;
    case BIAS: return masa_architecture_traits(c->architecture)->attention_bias;
    case QK_NORM: return masa_architecture_traits(c->architecture)->qk_norm;
    }
    return false;
}

/* A list under way: parameters follow one another in it and in memory. */
typedef struct list {
    const masa_model_config *config;
    masa_parameter *parameters;
    size_t n, offset;
} list;

static void add(list *l, const spec *table, size_t n, size_t layer)
{
    const masa_model_config *c = l->config;
    bool interleaved = masa_architecture_traits(c->architecture)->interleaved;
    char prefix[40] = "", gguf_prefix[32] = "";
    if (layer != MASA_NO_LAYER) {
        snprintf(prefix, sizeof prefix, "model.layers.%zu.", layer);
        snprintf(gguf_prefix, sizeof gguf_prefix, "blk.%zu.", layer);
    }
    for (size_t i = 0; i < n; i++) {
        const spec *s = &table[i];
        if (!is_present(s->when, c)) continue;
        masa_parameter *p = &l->parameters[l->n++];
        *p = (masa_parameter){.slot = s->slot,
                              .layer = layer,
                              .offset = l->offset,
                              .rows = width_of(s->rows, c),
                              .cols = width_of(s->cols, c),
                              .vector = s->rows == ONE,
                              .decay = s->decay,
                              .rotary_dim = s->rotary && interleaved ? c->head_dim : 0};
        int a = snprintf(p->name, sizeof p->name, "%s%s", prefix, s->name);
        int b = snprintf(p->gguf_name, sizeof p->gguf_name, "%s%s", gguf_prefix, s->gguf_name);
        assert(a < (int)sizeof p->name && b < (int)sizeof p->gguf_name);
        (void)a, (void)b;
        l->offset += p->rows * p->cols;
    }
}

masa_parameter *masa_parameters_make(const masa_model_config *config, size_t *n)
{
    size_t most = COUNT(BEFORE_LAYERS) + config->n_layers * COUNT(LAYER) + COUNT(AFTER_LAYERS);
    list l = {.config = config, .parameters = masa_alloc(most, sizeof *l.parameters)};
    add(&l, BEFORE_LAYERS, COUNT(BEFORE_LAYERS), MASA_NO_LAYER);
    for (size_t i = 0; i < config->n_layers; i++) add(&l, LAYER, COUNT(LAYER), i);
    add(&l, AFTER_LAYERS, COUNT(AFTER_LAYERS), MASA_NO_LAYER);
    *n = l.n;
    return l.parameters;
}

size_t masa_parameters_total(const masa_parameter *parameters, size_t n)
{
    const masa_parameter *last = n ? &parameters[n - 1] : NULL;
    return last ? last->offset + last->rows * last->cols : 0;
}
