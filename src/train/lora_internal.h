/* The layout of LoRA's factors, shared by lora.c and lora_save.c. */
#ifndef MASA_TRAIN_LORA_INTERNAL_H
#define MASA_TRAIN_LORA_INTERNAL_H

#include <stdbool.h>
#include <masa/linear.h>
#include <masa/lora.h>

typedef struct lora_factor {
    const masa_parameter *parameter; /* W [rows, cols] */
    size_t a, b;                     /* offsets of A [rank, cols] and B [rows, rank] */
} lora_factor;

/* Beside a frozen model the factors of one product lie together: A one below the other, B in a
 * block each, so that the product's outputs of a factor see that factor alone. */
typedef struct lora_thin {
    masa_linear *map;         /* the model's */
    masa_linear_factors pair; /* A [rank, in], s B [out, rank]; rank: of all n */
    size_t first, n;          /* its factors in the list */
    size_t outputs[3];        /* where theirs begin */
} lora_thin;

struct masa_lora {
    masa_model *model;
    masa_lora_options options;
    char *targets;
    float DEVICE *base;           /* W0: all values of the model as they were */
    float DEVICE *values, *grads; /* [count], one allocation */
    float DEVICE *scaled;         /* scratch for the largest A, times the scale */
    size_t count;
    lora_factor *factors;
    size_t n_factors, capacity;
    masa_linear **maps; /* one of every shape that A has: [rank, cols] */
    size_t n_maps, maps_capacity;
    /* Of a frozen model, in the place of base: */
    lora_thin *thin;
    size_t n_thin, thin_capacity;
    bool attached;
    float DEVICE *thin_grads; /* of all pairs */
    size_t thin_count;        /* floats of them */
    void DEVICE *room;        /* scratch of all pairs */
    float DEVICE *staged;     /* scratch of the largest A or B of a pair */
    int32_t DEVICE *index;    /* scratch [rows of the largest matrix], */
    float DEVICE *weight;     /* of whose factors each is scaled by s */
    int32_t *host_index;
};

/* Whether `targets` names the parameter. */
bool lora_is_target(const masa_parameter *p, const char *targets);
/* alpha / rank: s. */
float lora_scale(const masa_lora *lora);

/* lora_thin.c: factors beside a frozen model. Attached from the beginning; grads, values and
 * list are there. */
masa_status lora_thin_create(masa_lora *lora, masa_error *err);
void lora_thin_destroy(masa_lora *lora);
void lora_thin_attach(masa_lora *lora, bool attach);
void lora_thin_pack(masa_lora *lora);
void lora_thin_project(masa_lora *lora);

#endif
