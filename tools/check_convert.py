"""Checks what `masa convert` writes with the programs that people load it in.

    python tools/check_convert.py build/release/masa MODEL.gguf

Converts MODEL.gguf to a Hugging Face folder and back to GGUF, all in float32, and
requires that (1) transformers gives the folder exactly the logits that it gives the
original through its own GGUF reader, (2) the folder's tokenizer gives the same ids and
the same rendered chat as transformers' tokenizer of the original, (3) the GGUF made
from the folder has the same tensors as one made from the original directly, and
(4) llama.cpp continues a prompt greedily with the same text from both, and with the
text that transformers gives. Then it makes random models of the other kinds (Llama 3.1's
rotary scaling, qwen2, qwen3) with the same tokenizer, and requires that a folder made
from each has equal logits and a GGUF the same within float32 rounding. Needs: torch, transformers, gguf, llama-cpp-python.
"""

import pathlib
import subprocess
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np
import torch
from transformers import (AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

PROMPTS = ["The capital of France is", "def fibonacci(n):\n    ", "2 + 2 * 3 = ", "Émile said: “"]
CHAT = [{"role": "user", "content": "What is 7 times 8?"}]
NEW_TOKENS = 32


def convert(masa, source, target):
    subprocess.run([masa, "convert", "--dtype", "f32", source, target], check=True)


def check_folder(original, folder):
    load = dict(dtype=torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(original.parent, gguf_file=original.name, **load)
    ours = AutoModelForCausalLM.from_pretrained(folder, **load)
    their_tokens = AutoTokenizer.from_pretrained(original.parent, gguf_file=original.name)
    our_tokens = AutoTokenizer.from_pretrained(folder)
    texts = []
    for prompt in PROMPTS:
        ids = our_tokens(prompt, return_tensors="pt").input_ids
        assert ids.tolist() == their_tokens(prompt, return_tensors="pt").input_ids.tolist(), prompt
        with torch.no_grad():
            difference = (ours(ids).logits - theirs(ids).logits).abs().max().item()
        assert difference == 0, f"logits of {prompt!r} differ by {difference}"
        out = ours.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False)
        texts.append(our_tokens.decode(out[0, ids.shape[1]:], skip_special_tokens=True))
    render = dict(tokenize=False, add_generation_prompt=True)
    assert our_tokens.apply_chat_template(CHAT, **render) == \
        their_tokens.apply_chat_template(CHAT, **render)
    print("transformers: logits, tokens and chat are equal")
    return texts


def check_tensors(a, b):
    a, b = ({t.name: t for t in gguf.GGUFReader(path).tensors} for path in (a, b))
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        assert np.array_equal(tensor.data, b[name].data), name
    print(f"GGUF: {len(a)} tensors are equal")


def greedy(path):
    model = llama_cpp.Llama(str(path), n_ctx=256, verbose=False)
    return [model(p, max_tokens=NEW_TOKENS, temperature=0)["choices"][0]["text"] for p in PROMPTS]


def random_models(vocab):
    size = dict(vocab_size=vocab, hidden_size=96, intermediate_size=160, num_hidden_layers=3,
                max_position_embeddings=4096, initializer_range=0.2, bos_token_id=1,
                eos_token_id=2)
    rope = dict(rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0,
                high_freq_factor=4.0, original_max_position_embeddings=8192)
    torch.manual_seed(0)
    yield LlamaForCausalLM(LlamaConfig(**size, num_attention_heads=4, num_key_value_heads=2,
                                       head_dim=32, rope_parameters=rope))
    yield Qwen2ForCausalLM(Qwen2Config(**size, num_attention_heads=6, num_key_value_heads=2,
                                       tie_word_embeddings=True))
    yield Qwen3ForCausalLM(Qwen3Config(**size, num_attention_heads=4, num_key_value_heads=2,
                                       head_dim=64, tie_word_embeddings=True))


def check_architecture(masa, model, tokens, scratch):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:  # norms and biases start as ones and zeros
                parameter += 0.2 * torch.randn_like(parameter)
    source, folder, file = (scratch / n for n in ("source", "folder", "model.gguf"))
    for saved in (model.eval(), tokens):
        saved.save_pretrained(source)
    convert(masa, source, folder)
    convert(masa, source, file)
    ids = torch.arange(700, 980, 7)[None]
    again = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        expected = model(ids).logits
        assert torch.equal(again(ids).logits, expected)
    # Keys and values in float32 too.
    llama = llama_cpp.Llama(str(file), n_ctx=256, type_k=0, type_v=0, logits_all=True,
                            verbose=False)
    llama.eval(ids[0].tolist())
    difference = np.abs(np.array(llama.scores[: ids.shape[1]]) - expected[0].numpy()).max()
    print(f"{model.config.model_type}: logits in llama.cpp differ by {difference:.1e}")
    assert difference < 1e-3


def main():
    masa, original = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as scratch:
        folder, direct, back = (pathlib.Path(scratch) / n for n in ("hf", "a.gguf", "b.gguf"))
        convert(masa, original, folder)
        convert(masa, original, direct)
        convert(masa, folder, back)
        check_tensors(direct, back)
        reference = check_folder(original, folder)
        texts = greedy(direct)
        assert texts == greedy(back)
    tokens = AutoTokenizer.from_pretrained(original.parent, gguf_file=original.name)
    for model in random_models(len(tokens)):
        with tempfile.TemporaryDirectory() as scratch:
            check_architecture(masa, model, tokens, pathlib.Path(scratch))
    for prompt, text, expected in zip(PROMPTS, texts, reference):
        print(f"{prompt!r} -> {text!r}")
        assert text == expected, f"transformers says {expected!r}"
    print("llama.cpp: greedy texts are equal to transformers'")


main()
