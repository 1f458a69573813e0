"""Checks what `masa convert` writes with the programs that people load it in.

    python tools/check_convert.py build/release/masa MODEL.gguf

Converts MODEL.gguf to a Hugging Face folder and back to GGUF, all in float32, and
requires that (1) transformers gives the folder exactly the logits that it gives the
original through its own GGUF reader, (2) the folder's tokenizer gives the same ids and
the same rendered chat as transformers' tokenizer of the original, (3) the GGUF made
from the folder has the same tensors as one made from the original directly, and
(4) llama.cpp continues a prompt greedily with the same text from both, and with the
text that transformers gives. Needs: torch, transformers, gguf, llama-cpp-python.
"""

import pathlib
import subprocess
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

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
    for prompt, text, expected in zip(PROMPTS, texts, reference):
        print(f"{prompt!r} -> {text!r}")
        assert text == expected, f"transformers says {expected!r}"
    print("llama.cpp: greedy texts are equal to transformers'")


main()
