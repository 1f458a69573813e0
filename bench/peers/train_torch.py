#!/usr/bin/env python3
"""A training pass of transformers and PyTorch, forward and backward, as `masa bench
--sections train` times it: sequences of random tokens, all but the first a target.

    train_torch.py HF_FOLDER [SEQUENCES [LENGTH [--compile]]]

bfloat16 weights and products, the fused attention of PyTorch, every thread. Prints one
JSON line with the best of three repetitions and the process's peak memory.
"""
import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    folder = arguments[0]
    count = int(arguments[1]) if len(arguments) > 1 else 4
    length = int(arguments[2]) if len(arguments) > 2 else 512
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="sdpa"
    )
    model.train()
    vocabulary = model.config.vocab_size
    run = torch.compile(model) if "--compile" in sys.argv else model
    generator = torch.Generator().manual_seed(length)
    tokens = torch.randint(vocabulary, (count, length + 1), generator=generator)
    best = float("inf")
    for _ in range(3):
        start = time.monotonic()
        logits = run(input_ids=tokens[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(
            logits.view(-1, vocabulary), tokens[:, 1:].reshape(-1)
        )
        loss.backward()
        best = min(best, time.monotonic() - start)
        print(f"{time.monotonic() - start:.2f} s", file=sys.stderr, flush=True)
    print(
        json.dumps(
            {
                "peer": "transformers " + ("compiled" if run is not model else "eager"),
                "torch": torch.__version__,
                "name": f"{count} x {length} tokens",
                "tokens_per_second": count * length / best,
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
