"""Writes tests/formats/data/{llama,qwen2,qwen3}: tiny models saved by transformers.

    python tools/make_folder_golden.py

llama is Llama 3.1's kind in bfloat16, in several shards with an index; qwen2 and
qwen3 are tied, in one file. Weights follow value() of make_gguf_golden.py, which the
tests compute too. Needs: torch, transformers.
"""

import pathlib
import shutil

import torch
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

DATA = pathlib.Path(__file__).parent.parent / "tests/formats/data"
SIZES = dict(vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
             bos_token_id=1, eos_token_id=2)


def value(name, shape):
    n = shape.numel()
    series = (torch.arange(n) * 7 + sum(name.encode())) % 255
    return ((series - 127) / 128).float().reshape(shape)


def write(folder, model, dtype, **saving):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(value(name, parameter.shape))
    shutil.rmtree(DATA / folder, ignore_errors=True)
    model.to(dtype).save_pretrained(DATA / folder, **saving)


write("llama", LlamaForCausalLM(LlamaConfig(
    **SIZES, num_attention_heads=2, num_key_value_heads=1, head_dim=8, rms_norm_eps=1e-5,
    max_position_embeddings=131072, tie_word_embeddings=False,
    rope_parameters=dict(rope_type="llama3", rope_theta=500000.0, factor=8.0,
                         low_freq_factor=1.0, high_freq_factor=4.0,
                         original_max_position_embeddings=8192))),
      torch.bfloat16, max_shard_size=4096)
write("qwen2", Qwen2ForCausalLM(Qwen2Config(
    **SIZES, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True)),
      torch.float32)
write("qwen3", Qwen3ForCausalLM(Qwen3Config(
    **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
    tie_word_embeddings=True)), torch.float16)
