"""Writes tests/formats/data/quants.gguf and llama.gguf with the `gguf` package.

    python tools/make_gguf_golden.py

quants.gguf has, for every element type, a tensor of that type and the values that
gguf.quants gives for it, as F32, under the name "expected.TYPE". llama.gguf is a tiny
Llama 3.1 with the layout of llama.cpp's converter: rows of q and k permuted, the
frequency divisors in rope_freqs.weight. Its weights follow the formula in value(),
which the tests compute too. Needs: numpy, gguf.
"""

import math
import pathlib

import gguf
import numpy as np

DATA = pathlib.Path(__file__).parent.parent / "tests/formats/data"
T = gguf.GGMLQuantizationType


def value(name, shape):
    """Element i of a tensor: exact in bfloat16, and another series for every name."""
    n = int(np.prod(shape))
    series = (np.arange(n) * 7 + sum(name.encode())) % 255
    return ((series - 127) / 128).astype(np.float32).reshape(shape)


def blocks_of_noise(rng, kind, scale_at):
    """One row of 256 elements with random bits and plausible 16-bit scales."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (256 // block, size), dtype=np.uint8)
    for at in scale_at:
        scales = rng.normal(0, 0.05, len(raw)).astype(np.float16)
        raw[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return raw.reshape(1, -1)


def write_quants():
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(DATA / "quants.gguf", "none")
    scales = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2],
              T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
    for kind in (T.F32, T.F16, T.BF16, *scales):
        if kind in scales:
            raw = blocks_of_noise(rng, kind, scales[kind])
        else:
            # Normal, subnormal, zero and infinite values of every sign.
            row = rng.normal(0, 1, (1, 256)).astype(np.float32)
            row[0, :8] = [0, -0.0, 1e-6, -6e-8, 65504, np.inf, -np.inf, 2**-14]
            raw = gguf.quants.quantize(row, kind)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        writer.add_tensor("expected." + kind.name, gguf.quants.dequantize(raw, kind))
    finish(writer)


def permuted(weight, heads):
    """llama.cpp's order of rotary rows: (head, half, pair) becomes (head, pair, half)."""
    rows, cols = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def rope_divisors(theta, dim, factor=8.0, low=1.0, high=4.0, original=8192):
    out = []
    for freq in 1.0 / theta ** (np.arange(0, dim, 2, dtype=np.float32) / dim):
        wave = 2 * math.pi / freq
        smooth = (original / wave - low) / (high - low)
        between = 1 / ((1 - smooth) / factor + smooth)
        out.append(1.0 if wave < original / high else factor if wave > original / low else between)
    return np.array(out, dtype=np.float32)


def write_llama():
    vocab, hidden, inner, layers, heads, kv_heads, head = 32, 16, 24, 2, 2, 1, 8
    w = gguf.GGUFWriter(DATA / "llama.gguf", "llama")
    w.add_block_count(layers)
    w.add_context_length(131072)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(inner)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(500000.0)
    w.add_rope_dimension_count(head)
    w.add_vocab_size(vocab)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("llama-bpe")
    w.add_token_list([f"t{i}" for i in range(vocab)])
    w.add_token_types([1] * vocab)
    w.add_tensor("rope_freqs.weight", rope_divisors(500000.0, head))

    def add(name, hf_name, *shape, permute=0):
        tensor = value(hf_name, shape)
        w.add_tensor(name, permuted(tensor, permute) if permute else tensor)

    add("token_embd.weight", "model.embed_tokens.weight", vocab, hidden)
    for i in range(layers):
        ours, theirs = f"blk.{i}.", f"model.layers.{i}."
        add(ours + "attn_norm.weight", theirs + "input_layernorm.weight", hidden)
        add(ours + "attn_q.weight", theirs + "self_attn.q_proj.weight", heads * head, hidden,
            permute=heads)
        add(ours + "attn_k.weight", theirs + "self_attn.k_proj.weight", kv_heads * head, hidden,
            permute=kv_heads)
        add(ours + "attn_v.weight", theirs + "self_attn.v_proj.weight", kv_heads * head, hidden)
        add(ours + "attn_output.weight", theirs + "self_attn.o_proj.weight", hidden, heads * head)
        add(ours + "ffn_norm.weight", theirs + "post_attention_layernorm.weight", hidden)
        add(ours + "ffn_gate.weight", theirs + "mlp.gate_proj.weight", inner, hidden)
        add(ours + "ffn_up.weight", theirs + "mlp.up_proj.weight", inner, hidden)
        add(ours + "ffn_down.weight", theirs + "mlp.down_proj.weight", hidden, inner)
    add("output_norm.weight", "model.norm.weight", hidden)
    add("output.weight", "lm_head.weight", vocab, hidden)
    finish(w)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write_quants()
write_llama()
