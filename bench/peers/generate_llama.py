#!/usr/bin/env python3
"""Batched decoding with llama.cpp (llama-cpp-python's C interface), as `masa bench
--sections decode`: prompts of 64 random tokens, one llama_decode a step for the whole
batch, and the most likely token of each (the sampler costs next to nothing then).

    generate_llama.py MODEL.gguf [BATCH [NEW_TOKENS]]
"""
import ctypes
import json
import os
import random
import resource
import sys
import time

import llama_cpp as ll
import numpy as np

PROMPT = 64


@ll.llama_log_callback
def quiet(level, text, user):
    """Kept by name: llama.cpp calls it as long as it runs."""



def add(batch, token, position, sequence, logits):
    i = batch.n_tokens
    batch.token[i] = token
    batch.pos[i] = position
    batch.n_seq_id[i] = 1
    batch.seq_id[i][0] = sequence
    batch.logits[i] = logits
    batch.n_tokens += 1


def main():
    path = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    new = int(sys.argv[3]) if len(sys.argv) > 3 else 256
    ll.llama_log_set(quiet, ctypes.c_void_p())
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
    vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model))
    params = ll.llama_context_default_params()
    params.n_ctx = count * (PROMPT + new)
    params.n_seq_max = count
    params.n_batch = max(count, PROMPT)
    params.n_ubatch = params.n_batch
    params.n_threads = params.n_threads_batch = os.cpu_count()
    context = ll.llama_init_from_model(model, params)
    batch = ll.llama_batch_init(params.n_batch, 0, 1)
    generator = random.Random(count)
    for s in range(count):
        batch.n_tokens = 0
        for i in range(PROMPT):
            add(batch, generator.randrange(vocabulary), i, s, i == PROMPT - 1)
        if ll.llama_decode(context, batch) != 0:
            sys.exit("llama_decode failed")
    start = time.monotonic()
    tokens = [1] * count
    for step in range(new):
        batch.n_tokens = 0
        for s in range(count):
            add(batch, tokens[s], PROMPT + step, s, True)
        if ll.llama_decode(context, batch) != 0:
            sys.exit("llama_decode failed")
        for s in range(count):
            logits = np.ctypeslib.as_array(ll.llama_get_logits_ith(context, s), (vocabulary,))
            tokens[s] = int(logits.argmax())
    seconds = time.monotonic() - start
    print(
        json.dumps(
            {
                "peer": "llama.cpp",
                "version": ll.__version__,
                "name": f"batch {count}",
                "tokens_per_second": count * new / seconds,
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
