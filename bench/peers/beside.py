#!/usr/bin/env python3
"""masa and a peer in turns on the same model and sizes; one JSON line with both and their
ratio, what each printed on standard error.

    beside.py MODEL.gguf llama|transformers [--batch 64] [--new-tokens 256]
    beside.py MODEL.gguf torch|torch-compiled [--pass 4x512] [--recompute]
    beside.py MODEL.gguf trl [--prompts 16] [--group 8] [--new-tokens 256]

Run it with the Python of the peers' environment (README.md). Every program is a process
of its own; after --rounds rounds the best of each counts. The model is converted once to
bfloat16 into --folder, so that all multiply the same weights.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument(
        "peer", choices=["llama", "transformers", "torch", "torch-compiled", "trl"]
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--pass", dest="size", default="4x512")
    parser.add_argument("--recompute", action="store_true", help="masa: less memory, slower")
    parser.add_argument("--kept-memory", default="-1", help="masa: as of its bench")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--micro-batch", type=int, default=16, help="TRL's, of rollouts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--masa", default=HERE + "/../../build/release/masa")
    parser.add_argument("--folder", default="/tmp/peers")
    return parser.parse_args()


def commands(a, model, folder):
    """masa's section, its options, and the peer's command."""
    script = lambda name: [sys.executable, f"{HERE}/{name}"]
    count, length = a.size.split("x")
    decode = ["--batch", str(a.batch), "--new-tokens", str(a.new_tokens)]
    step = [str(a.prompts), str(a.group), str(a.new_tokens), str(a.micro_batch)]
    if a.peer == "llama":
        threads = ["--threads", str(a.threads)]
        return "decode", decode, script("generate_llama.py") + [model] + decode + threads
    if a.peer == "transformers":
        sizes = [folder, str(a.batch), str(a.new_tokens)]
        return "decode", decode, script("generate_torch.py") + sizes
    if a.peer == "trl":
        options = ["--prompts", step[0], "--group", step[1], "--new-tokens", step[2]]
        options += ["--kept-memory", a.kept_memory]
        return "step", options, script("step_trl.py") + [folder] + step
    compiled = ["--compile"] if a.peer == "torch-compiled" else []
    passes = ["--passes", a.size] + ["--recompute"] * a.recompute
    return "train", passes, script("train_torch.py") + [
        folder, count, length] + compiled


def convert(a):
    model, folder = a.folder + "/bf16.gguf", a.folder + "/hf"
    for target in (model, folder):
        if not os.path.exists(target):
            subprocess.run([a.masa, "convert", a.model, target], check=True)
    return model, folder


def run(command, threads):
    """The JSON lines that a program printed."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{command[1]} ended with {done.returncode}")
    sys.stderr.write(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]


def figures(row):
    names = ("seconds", "tokens_per_second", "peak_memory_mib")
    return {name: round(row[name], 3) for name in names if name in row}


def main():
    a = arguments()
    model, folder = convert(a)
    section, options, peer = commands(a, model, folder)
    masa = [a.masa, "bench", "--model", model, "--json", "--sections", section] + options
    last = {"decode": 0, "train": 0, "step": 3}[section]  # the row that counts
    best = {}
    for _ in range(a.rounds):
        for who, command in (("masa", masa), ("peer", peer)):
            rows = run(command, a.threads)
            row = rows[last] if who == "masa" else rows[-1]
            if who not in best or row["tokens_per_second"] > best[who]["tokens_per_second"]:
                best[who] = row
    ratio = best["masa"]["tokens_per_second"] / best["peer"]["tokens_per_second"]
    print(
        json.dumps(
            {
                "what": f"{section}, {best['masa']['name']}",
                "size": best["peer"]["name"],
                "peer": best["peer"]["peer"],
                "threads": a.threads,
                "masa": figures(best["masa"]),
                "beside": figures(best["peer"]),
                "ratio": round(ratio, 2),
            }
        )
    )


main()
