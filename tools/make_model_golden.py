#!/usr/bin/env python3
"""Makes the golden files of tests/model/test_golden.c from PyTorch.

    python tools/make_model_golden.py tests/model/data

needs torch, transformers and safetensors. For each architecture: a tiny random
model as a Hugging Face folder, and golden.bin with what transformers computes
from it: logits, log-probabilities at a temperature, the gradient of their
weighted sum for every parameter, and the parameters after one AdamW step.

golden.bin is a list of records until the file ends: name (96 bytes, zero
padded), number of values (uint64), values (float32), all little-endian.
Gradients and updated parameters are named "grad/NAME" and "adamw/NAME".
"""
import os
import struct
import sys

import numpy as np
import torch
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

COMMON = dict(vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
              max_position_embeddings=512, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
              pad_token_id=0)
LENGTHS = [5, 24, 9]
TEMPERATURE = 0.7
ADAMW = dict(lr=0.01, betas=(0.9, 0.95), eps=0.1, weight_decay=0.1)


def models():
    plain = dict(rope_type="default", rope_theta=10000.0)
    # Wavelengths of this head size lie on both sides of the band and inside it.
    llama3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                  high_freq_factor=4.0, original_max_position_embeddings=64)
    yield "llama_tied", LlamaForCausalLM, LlamaConfig(
        **COMMON, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
        rope_parameters=plain)
    yield "llama_scaled", LlamaForCausalLM, LlamaConfig(
        **COMMON, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
        tie_word_embeddings=False, rope_parameters=llama3)
    yield "qwen2", Qwen2ForCausalLM, Qwen2Config(
        **COMMON, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True,
        rope_parameters=dict(plain, rope_theta=1000000.0))
    yield "qwen3", Qwen3ForCausalLM, Qwen3Config(
        **COMMON, num_attention_heads=3, num_key_value_heads=3, head_dim=12,
        tie_word_embeddings=False, rope_parameters=dict(plain, rope_theta=1000000.0))


def randomise(model):
    """Weights large enough that attention is far from uniform."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn_like(p)
            if p.dim() == 2:
                p.copy_(noise * (0.5 if "embed" in name else 0.8 / p.shape[1] ** 0.5))
            else:
                p.copy_(noise * 0.3 + (0.0 if name.endswith("bias") else 1.0))


def write(file, name, values):
    values = np.ascontiguousarray(np.asarray(values, dtype="<f4").reshape(-1))
    file.write(struct.pack("<96sQ", name.encode(), values.size))
    file.write(values.tobytes())


def make(folder, model, generator):
    tokens = [torch.randint(3, COMMON["vocab_size"], (n,), generator=generator)
              for n in LENGTHS]
    weights = torch.randn(sum(LENGTHS) - len(LENGTHS), generator=generator)
    weights[::5] = 0
    logits = [model(t[None]).logits[0] for t in tokens]
    logprobs = torch.cat([
        torch.log_softmax(l[:-1] / TEMPERATURE, -1).gather(1, t[1:, None])[:, 0]
        for l, t in zip(logits, tokens)])
    (logprobs * weights).sum().backward()
    parameters = dict(model.named_parameters())
    with open(os.path.join(folder, "golden.bin"), "wb") as f:
        write(f, "lengths", LENGTHS)
        write(f, "tokens", torch.cat(tokens))
        write(f, "weights", weights)
        write(f, "temperature", [TEMPERATURE])
        write(f, "adamw", [ADAMW["lr"], *ADAMW["betas"], ADAMW["eps"], ADAMW["weight_decay"]])
        write(f, "logits", torch.cat(logits).detach())
        write(f, "logprobs", logprobs.detach())
        for name, p in parameters.items():
            write(f, "grad/" + name, p.grad)
        decay = [p for p in parameters.values() if p.dim() == 2]
        other = [p for p in parameters.values() if p.dim() == 1]
        torch.optim.AdamW([dict(params=decay), dict(params=other, weight_decay=0.0)],
                          **ADAMW).step()
        for name, p in parameters.items():
            write(f, "adamw/" + name, p.detach())


def main():
    root = sys.argv[1]
    for i, (name, kind, config) in enumerate(models()):
        torch.manual_seed(i)
        config._attn_implementation = "eager"
        model = kind(config).float()
        randomise(model)
        folder = os.path.join(root, name)
        model.save_pretrained(folder)
        os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
        make(folder, model, torch.Generator().manual_seed(100 + i))
        size = sum(p.numel() for p in model.parameters())
        print(f"{folder}: {size} parameters")


main()
