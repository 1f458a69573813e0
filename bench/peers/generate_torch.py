#!/usr/bin/env python3
"""Decoding with transformers, as `masa bench --sections decode`: 64 random tokens, then
new ones at temperature 1.

    generate_torch.py HF_FOLDER [BATCH [NEW_TOKENS]]
"""
import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def main():
    folder = sys.argv[1]
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    new = int(sys.argv[3]) if len(sys.argv) > 3 else 256
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.eval()
    generator = torch.Generator().manual_seed(batch)
    tokens = torch.randint(model.config.vocab_size, (batch, 64), generator=generator)
    with torch.inference_mode():
        seconds = []
        # The first token's time is the prompt's: what is left is decoding.
        for n in (1, new):
            start = time.monotonic()
            model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                do_sample=True,
                top_k=0,
                max_new_tokens=n,
                min_new_tokens=n,
                pad_token_id=0,
            )
            seconds.append(time.monotonic() - start)
    print(
        json.dumps(
            {
                "peer": "transformers",
                "torch": torch.__version__,
                "name": f"batch {batch}",
                "tokens_per_second": batch * (new - 1) / (seconds[1] - seconds[0]),
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
