#!/usr/bin/env python3
"""A training pass of PyTorch alone on a GPU, forward and backward, as `masa bench --sections
train` times it: sequences of random tokens, all but the first a target.

    train_torch_gpu.py HF_FOLDER [PASSES [DEVICE]]       4x512 and cuda, unless said

The shape is that of the folder's config.json (llama and qwen3), the weights are random float32,
products are bfloat16 (autocast), attention is PyTorch's fused one, nothing is compiled. Prints
one JSON line a pass with the best of five repetitions and the most of the GPU's memory.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.gain.to(x.dtype), self.eps)


def rotate(x, cosine, sine):
    low, high = x.chunk(2, -1)
    return torch.cat((low * cosine - high * sine, high * cosine + low * sine), -1)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner, eps = c["hidden_size"], c["intermediate_size"], c["rms_norm_eps"]
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.dim = c.get("head_dim") or hidden // self.heads
        self.input_norm, self.mlp_norm = Norm(hidden, eps), Norm(hidden, eps)
        self.qkv = nn.Linear(hidden, (self.heads + 2 * self.kv_heads) * self.dim, bias=False)
        self.out = nn.Linear(self.heads * self.dim, hidden, bias=False)
        self.gate_up = nn.Linear(hidden, 2 * inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)
        qwen3 = c["model_type"] == "qwen3"
        self.q_norm = Norm(self.dim, eps) if qwen3 else nn.Identity()
        self.k_norm = Norm(self.dim, eps) if qwen3 else nn.Identity()

    def forward(self, x, cosine, sine):
        count, length, _ = x.shape
        qkv = self.qkv(self.input_norm(x)).view(count, length, -1, self.dim).transpose(1, 2)
        q, k, v = qkv.split((self.heads, self.kv_heads, self.kv_heads), 1)
        q, k = rotate(self.q_norm(q), cosine, sine), rotate(self.k_norm(k), cosine, sine)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.out(y.transpose(1, 2).reshape(count, length, -1))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embedding = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = Norm(c["hidden_size"], c["rms_norm_eps"])

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        dim = self.layers[0].dim
        angles = torch.arange(tokens.shape[1], device=x.device)[:, None] * torch.pow(
            10000, -torch.arange(0, dim, 2, device=x.device) / dim
        )
        cosine, sine = angles.cos().bfloat16(), angles.sin().bfloat16()
        for layer in self.layers:
            x = layer(x, cosine, sine)
        logits = F.linear(self.norm(x), self.embedding.weight)  # tied, as in the model measured
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def measure(model, vocabulary, count, length, device):
    on_gpu = device != "cpu"
    tokens = torch.randint(vocabulary, (count, length + 1), device=device)
    best = float("inf")
    for _ in range(5):
        model.zero_grad(set_to_none=True)
        start = time.monotonic()
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        if on_gpu:
            torch.cuda.synchronize()
        best = min(best, time.monotonic() - start)
    line = {
        "peer": "torch eager",
        "torch": torch.__version__,
        "name": f"{count} x {length} tokens",
        "tokens_per_second": count * length / best,
    }
    if on_gpu:
        line["gpu_memory_mib"] = torch.cuda.max_memory_allocated() / 2**20
    print(json.dumps(line), flush=True)


def main():
    passes = sys.argv[2] if len(sys.argv) > 2 else "4x512"
    device = sys.argv[3] if len(sys.argv) > 3 else "cuda"
    with open(sys.argv[1] + "/config.json") as file:
        config = json.load(file)
    torch.manual_seed(1)
    with torch.device(device):
        model = Model(config)
    for one in passes.split(","):
        count, length = map(int, one.split("x"))
        measure(model, config["vocab_size"], count, length, device)


main()
