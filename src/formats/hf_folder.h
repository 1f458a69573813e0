/* A Hugging Face folder open for reading: its description and its safetensors files,
 * one, or several joined by model.safetensors.index.json. */
#ifndef MASA_FORMATS_HF_FOLDER_H
#define MASA_FORMATS_HF_FOLDER_H

#include <masa/parameters.h>
#include <masa/safetensors.h>

typedef struct formats_hf_folder {
    masa_safetensors **shards;
    size_t n_shards;
    bool copy; /* set it before opening: the files are copied into memory, not mapped */
} formats_hf_folder;

/* Zero-initialise; close also after a failure. */
masa_status formats_hf_folder_open(formats_hf_folder *folder, const char *path,
                                   masa_model_config *config, masa_error *err);
void formats_hf_folder_close(formats_hf_folder *folder);

/* NULL when absent. */
const masa_safetensors_tensor *formats_hf_folder_find(const formats_hf_folder *folder,
                                                      const char *name);

/* An error if a tensor is there that is neither among the parameters nor known to be
 * redundant (a tied head, stored rotary frequencies). */
masa_status formats_hf_folder_refuse_others(const formats_hf_folder *folder,
                                            const masa_parameter *parameters, size_t n,
                                            masa_error *err);

#endif
