/*
 * The little of NCCL's interface that cuda_link.cu uses, as its nccl.h has it since version 2.7:
 * the library is opened at run time, so that neither a build nor a single process needs it.
 */
#ifndef KERNELS_CUDA_NCCL_H
#define KERNELS_CUDA_NCCL_H

#include <stddef.h>

#include "cuda_language.h"

typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
/* Others than these are errors, whose text ncclGetErrorString has. */
typedef enum {
    ncclSuccess = 0,
    ncclInvalidArgument = 4,
    ncclInvalidUsage = 5,
    ncclInProgress = 7
} ncclResult_t;
typedef enum { ncclUint8 = 1 } ncclDataType_t;

/* Its functions: X(result, name, (arguments)). */
#define NCCL_FUNCTIONS(X)                                                                      \
    X(ncclResult_t, ncclGetUniqueId, (ncclUniqueId *))                                         \
    X(ncclResult_t, ncclCommInitRank, (ncclComm_t *, int n, ncclUniqueId, int rank))           \
    X(ncclResult_t, ncclCommDestroy, (ncclComm_t))                                             \
    X(ncclResult_t, ncclCommAbort, (ncclComm_t))                                               \
    X(ncclResult_t, ncclCommGetAsyncError, (ncclComm_t, ncclResult_t *))                       \
    X(ncclResult_t, ncclGroupStart, (void))                                                    \
    X(ncclResult_t, ncclGroupEnd, (void))                                                      \
    X(ncclResult_t, ncclSend,                                                                  \
      (const void *, size_t n, ncclDataType_t, int peer, ncclComm_t, cudaStream_t))            \
    X(ncclResult_t, ncclRecv,                                                                  \
      (void *, size_t n, ncclDataType_t, int peer, ncclComm_t, cudaStream_t))                  \
    X(const char *, ncclGetErrorString, (ncclResult_t))

#endif
