/* The layout of LoRA's factors, shared by lora.c and lora_save.c. */
#ifndef MASA_TRAIN_LORA_INTERNAL_H
#define MASA_TRAIN_LORA_INTERNAL_H

#include <masa/linear.h>
#include <masa/lora.h>

typedef struct lora_factor {
    const masa_parameter *parameter; /* W [rows, cols] */
    size_t a, b;                     /* offsets of A [rank, cols] and B [rows, rank] */
} lora_factor;

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
};

#endif
