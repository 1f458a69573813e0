/* What a process has asked of its GPU, as the shim counts it. */
#ifndef GPU_COUNTS_H
#define GPU_COUNTS_H

struct gpu_counts {
    unsigned long launches, products; /* kernels; cuBLASLt's */
    unsigned long copies;             /* within the GPU, and zeros */
    unsigned long puts, gets, waits;  /* copies from the host, to it; synchronisations */
    unsigned long put_bytes;
    unsigned long graphs, replayed; /* launched; what was in them, which counts nowhere else */
};

#ifdef __cplusplus
extern "C"
#endif
    void
    gpu_counted(struct gpu_counts *counts);

#endif
