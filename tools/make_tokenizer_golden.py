"""Makes the tiny tokenizers in tests/tokenizer/data and the hashes of their ids over the
lines of tests/tokenizer/lines.h.

    test_tokenizer_parity --write lines.jsonl      (from the build)
    python tools/make_tokenizer_golden.py lines.jsonl [MODEL.gguf]

With the default model's GGUF file the hash of its tokenizer is made too; without it the
one there stays. Needs tokenizers (and gguf for a model).
"""
import json
import pathlib
import re
import sys

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

DATA = pathlib.Path(__file__).parent.parent / "tests/tokenizer/data"
HASHES = DATA.parent / "hashes.h"
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def special(*texts):
    return [AddedToken(t, special=True, normalized=False) for t in texts]


def trained(lines, pre, normalizer=None, vocab=600, specials=(), alphabet=True):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=list(specials), show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()) if alphabet else []))
    return t


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def smollm2(lines):
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return trained(lines, pre, specials=special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"))


def qwen2(lines):
    t = trained(lines, split(QWEN2), normalizers.NFC())
    t.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    t.add_tokens([AddedToken(x, special=False, normalized=False) for x in ("<tool_call>", "<think>", "</think>")])
    return t


def llama3(lines):
    t = trained(lines, split(LLAMA3), vocab=700)
    t.add_special_tokens(special("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
                                 "<|end_header_id|>", "<|eot_id|>"))
    bos = t.token_to_id("<|begin_of_text|>")
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[("<|begin_of_text|>", bos)])])
    d = json.loads(t.to_str())
    d["model"]["ignore_merges"] = True
    # Tokens that no merge makes: only ignore_merges finds them.
    d["model"]["merges"] = d["model"]["merges"][:-60]
    return Tokenizer.from_str(json.dumps(d))


def quirks(lines):
    """GPT-2's splitting with a prefix space, missing bytes, and every kind of added token."""
    t = trained(lines[:300], pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)]),
        normalizers.NFC(), vocab=420, alphabet=False)
    t.add_special_tokens(special("<unk>", "<|im_end|>"))
    t.add_tokens([AddedToken("[LEFT]", lstrip=True, normalized=False),
                  AddedToken("[RIGHT]", rstrip=True, normalized=False),
                  AddedToken("[BOTH]", lstrip=True, rstrip=True, normalized=False),
                  AddedToken("[WORD]", single_word=True, normalized=False),
                  AddedToken("Word", single_word=True, normalized=True),
                  AddedToken("[ANGSTRO\u0308M]", normalized=True),
                  AddedToken("<|im_end|>x", special=True, normalized=True)])
    d = json.loads(t.to_str())
    d["model"]["vocab"]["<unk>"] = t.token_to_id("<unk>")
    d["model"]["unk_token"] = "<unk>"
    d["model"]["fuse_unk"] = True
    d["model"]["merges"] = [" ".join(m) if isinstance(m, list) else m for m in d["model"]["merges"]]
    return Tokenizer.from_str(json.dumps(d)), json.dumps(d, ensure_ascii=False)


def from_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    assert get("pre") == "smollm"
    tokens = get("tokens")
    t = Tokenizer(models.BPE({s: i for i, s in enumerate(tokens)},
                             [tuple(m.split(" ")) for m in get("merges")]))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(special(*(s for s, kind in zip(tokens, get("token_type")) if kind == 3)))
    return t


def hash_ids(tokenizer, lines, plain):
    h, n = 0xcbf29ce484222325, 0
    tokenizer.encode_special_tokens = plain
    for e in tokenizer.encode_batch(lines, add_special_tokens=False):
        n += len(e.ids)
        for i in e.ids + [0xFFFFFFFF]:
            for b in i.to_bytes(4, "little"):
                h = (h ^ b) * 0x100000001b3 & 0xFFFFFFFFFFFFFFFF
    tokenizer.encode_special_tokens = False
    return h, n


def row(name, tokenizer, lines):
    parsed, n1 = hash_ids(tokenizer, lines, False)
    plain, n2 = hash_ids(tokenizer, lines, True)
    back = all(tokenizer.decode(tokenizer.encode(s, add_special_tokens=False).ids, skip_special_tokens=False) == s
               for s in lines)
    return f'{{"{name}", {parsed:#x}, {plain:#x}, {n1 + n2}, {str(back).lower()}}}'


def main():
    lines = [json.loads(s) for s in open(sys.argv[1], encoding="utf-8")]
    corpus = lines[:4000]
    rows = []
    for make in (smollm2, qwen2, llama3, quirks):
        t, text = made if isinstance(made := make(corpus), tuple) else (made, made.to_str())
        folder = DATA / make.__name__
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
        rows.append(row(make.__name__, t, lines))
    if len(sys.argv) > 2:
        model = row("model", from_gguf(sys.argv[2]), lines)
    else:
        model = re.search(r'parity_model = (.*);', HASHES.read_text()).group(1)
    head = HASHES.read_text().split("enum {")[0]
    body = ",\n    ".join(rows)
    HASHES.write_text(f"{head}enum {{ PARITY_COUNT = {len(rows)} }};\n"
                      f"static const parity_hash parity_hashes[PARITY_COUNT] = {{\n    {body}}};\n"
                      f"static const parity_hash parity_model = {model};\n#endif\n")


if __name__ == "__main__":
    main()
