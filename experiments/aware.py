#!/usr/bin/env python3
"""How predicted pass rates of a test correlate with true ones, by its parts, and what a problem's
family and level, were their mean pass rates known, would say.

    masa eval --problems toy/test.jsonl --model RUN --samples 8 -t 1 --max-tokens 320 --meta --meta-samples 16 -o s.sqlite
    experiments/aware.py toy/test.jsonl s.sqlite...
"""
import collections
import json
import re
import sqlite3
import statistics
import sys


def means(path):
    """(predicted, true) by a problem's name, of those with a readable prediction."""
    predicted, true = collections.defaultdict(list), collections.defaultdict(list)
    rows = sqlite3.connect(path).execute(
        "SELECT name, samples.kind, text, correct FROM samples JOIN problems ON problem = id")
    for name, kind, text, correct in rows:
        said = re.search(r'"pass_rate"\s*:\s*([0-8])\b', text) if kind == "meta" else None
        if said:
            predicted[name].append(int(said.group(1)) / 8)
        elif kind != "meta":
            true[name].append(correct)
    return {n: (statistics.mean(p), statistics.mean(true[n])) for n, p in predicted.items()}


def correlation(pairs):
    return statistics.correlation(*zip(*pairs)) if len(pairs) > 1 else float("nan")


problems = {p["id"]: p for p in map(json.loads, open(sys.argv[1], encoding="utf-8"))}
taught = ("frontier", "trivial", "hopeless")
print("file, all problems, families and levels that were trained on, by family and level, frontier")
for path in sys.argv[2:]:
    found = means(path)
    known = {n: x for n, x in found.items() if problems[n]["part"] in taught}
    like = collections.defaultdict(list)
    for n, (_, true) in known.items():
        like[problems[n]["family"], problems[n]["level"]].append(true)
    by_kind = [(statistics.mean(like[problems[n]["family"], problems[n]["level"]]), true)
               for n, (_, true) in known.items()]
    frontier = [x for n, x in found.items() if problems[n]["part"] == "frontier"]
    print(path, *("%.2f" % correlation(list(x))
                  for x in (found.values(), known.values(), by_kind, frontier)))
