#!/usr/bin/env python3
"""Checks that PEFT loads the adapters that masa saves, and means the same by them.

    python tools/check_lora.py build/release/tests/test_train_lora

needs torch, transformers and peft. The test program leaves a base model, an
adapter and the merged model; base with adapter must give the merged model's
logits. Fails with an assertion otherwise.
"""
import os
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def logits(model, tokens):
    with torch.no_grad():
        return model.eval()(tokens).logits


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1]], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=dict(os.environ, MASA_KEEP_ADAPTER=folder))
        tokens = torch.randint(0, 40, (3, 20), generator=torch.Generator().manual_seed(1))
        load = lambda name: AutoModelForCausalLM.from_pretrained(
            os.path.join(folder, name), dtype=torch.float32)
        base, merged = logits(load("base"), tokens), logits(load("merged"), tokens)
        adapted = logits(PeftModel.from_pretrained(load("base"), os.path.join(folder, "adapter")),
                         tokens)
        # By its own base_model_name_or_path.
        direct = logits(load("adapter"), tokens)
    apart = (adapted - merged).abs().max().item()
    print(f"adapter against merged: {apart:.2e}, against base: "
          f"{(adapted - base).abs().max().item():.2e}")
    assert apart < 1e-4 < 1e-2 < (adapted - base).abs().max().item()
    assert torch.equal(direct, adapted)


main()
