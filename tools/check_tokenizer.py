"""Compares `masa tokenize` with Hugging Face's tokenizers over every line of a file.

    test_tokenizer_parity --write lines.jsonl
    python tools/check_tokenizer.py build/release/masa MODEL lines.jsonl [tokenizer.json]

MODEL is a GGUF file, a Hugging Face folder or a tokenizer.json; give the tokenizer.json
to compare with when MODEL is a GGUF file. Prints the first lines that differ; exit status
1 if there are any.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer


def masa(program, model, records, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        f.writelines(json.dumps(r) + "\n" for r in records)
        f.flush()
        out = subprocess.run([program, "tokenize", "--model", model, "--file", f.name, *options],
                             check=True, capture_output=True, text=True).stdout
    return [json.loads(s) for s in out.split("\n") if s]


def main():
    program, model, path = sys.argv[1:4]
    lines = [json.loads(s) for s in open(path, encoding="utf-8")]
    reference = sys.argv[4] if len(sys.argv) > 4 else model
    if pathlib.Path(reference).is_dir():
        reference += "/tokenizer.json"
    tokenizer = Tokenizer.from_file(reference)
    wrong = 0
    for plain in (False, True):
        tokenizer.encode_special_tokens = plain
        theirs = [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=False)]
        ours = [r["ids"] for r in masa(program, model, [{"text": s} for s in lines],
                                       *([] if plain else ["--special"]))]
        texts = [r["text"] for r in masa(program, model, [{"ids": ids} for ids in theirs], "--decode")]
        decoded = tokenizer.decode_batch(theirs, skip_special_tokens=False)
        for s, a, b, c, d in zip(lines, ours, theirs, texts, decoded, strict=True):
            # Their byte-level decoder breaks added tokens that are not ASCII; ours does not.
            broken = d.count("\ufffd") > s.count("\ufffd")
            if a != b or (c != d and not broken):
                wrong += 1
                if wrong <= 5:
                    print(f"{s!r}\n  masa {a}\n  them {b}\n  masa {c!r}\n  them {d!r}")
    print(f"{len(lines)} lines, {wrong} differ")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
