#!/usr/bin/env python3
"""Batched decoding with llama.cpp, as `masa bench --sections decode`: 64 random tokens of
its own for every sequence, then new ones, each the most likely.

    generate_llama.py MODEL.gguf [--batch 64] [--new-tokens 256] [--threads 2]

The cache holds float16; flash attention is on, as that is what a server would take. The
choice of tokens is numpy's and not counted: only the time inside llama_decode is, and
reading its logits, which waits for them.
"""
import argparse
import ctypes
import json
import resource
import sys
import time

import llama_cpp as llama
import numpy

PROMPT = 64


@llama.llama_log_callback
def errors_only(level, text, _):
    if level == 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode(errors="replace"))


def put(batch, i, token, position, sequence, wanted):
    batch.token[i] = token
    batch.pos[i] = position
    batch.n_seq_id[i] = 1
    batch.seq_id[i][0] = sequence
    batch.logits[i] = wanted


def decode(context, batch, n):
    batch.n_tokens = n
    status = llama.llama_decode(context, batch)
    if status:
        sys.exit(f"llama_decode failed with {status}")
    llama.llama_synchronize(context)


def open_context(model, arguments):
    parameters = llama.llama_context_default_params()
    # Cells are handed out 256 at a time.
    cells = -(-(PROMPT + arguments.new_tokens) // 256) * 256
    parameters.n_ctx = arguments.batch * cells
    parameters.n_batch = parameters.n_ubatch = 512
    parameters.n_seq_max = arguments.batch
    parameters.n_threads = parameters.n_threads_batch = arguments.threads
    parameters.kv_unified = arguments.unified
    parameters.flash_attn_type = -1 if arguments.unified else 1
    context = llama.llama_init_from_model(model, parameters)
    if not context:
        sys.exit("llama.cpp gives no context of that size")
    return context


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--unified", action="store_true", help="one cache for all sequences")
    arguments = parser.parse_args()
    llama.llama_log_set(errors_only, ctypes.c_void_p(0))
    llama.llama_backend_init()
    print(llama.llama_print_system_info().decode(), file=sys.stderr)
    model = llama.llama_model_load_from_file(
        arguments.model.encode(), llama.llama_model_default_params()
    )
    if not model:
        sys.exit(f"llama.cpp cannot read {arguments.model}")
    vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    description = ctypes.create_string_buffer(128)
    llama.llama_model_desc(model, description, 128)
    context = open_context(model, arguments)
    count = arguments.batch
    batch = llama.llama_batch_init(512, 0, 1)
    prompts = numpy.random.default_rng(count).integers(vocabulary, size=(count, PROMPT))
    tokens = numpy.zeros(count, dtype=numpy.int64)

    start = time.monotonic()
    together = 512 // PROMPT
    for first in range(0, count, together):
        sequences = range(first, min(first + together, count))
        n = 0
        for s in sequences:
            for p in range(PROMPT):
                put(batch, n, int(prompts[s, p]), p, s, p == PROMPT - 1)
                n += 1
        decode(context, batch, n)
        for k, s in enumerate(sequences):
            row = llama.llama_get_logits_ith(context, (k + 1) * PROMPT - 1)
            tokens[s] = numpy.ctypeslib.as_array(row, (vocabulary,)).argmax()
    prompt_seconds = time.monotonic() - start

    # Steps of all sequences at once; the first new token came with the prompts.
    seconds = 0.0
    for step in range(arguments.new_tokens - 1):
        for s in range(count):
            put(batch, s, int(tokens[s]), PROMPT + step, s, 1)
        start = time.monotonic()
        decode(context, batch, count)
        logits = llama.llama_get_logits(context)
        seconds += time.monotonic() - start
        tokens = numpy.ctypeslib.as_array(logits, (count, vocabulary)).argmax(axis=1)
    print(
        json.dumps(
            {
                "peer": "llama.cpp " + llama.__version__,
                "model": description.value.decode(),
                "name": f"batch {count}",
                "tokens_per_second": count * (arguments.new_tokens - 1) / seconds,
                "prompt_tokens_per_second": count * PROMPT / prompt_seconds,
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
