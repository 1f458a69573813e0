#!/usr/bin/env python3
"""Draws dose and response from the records: how many times less a rollout with a gradient costs when
predictions are acted on, over the share of GRPO's groups without variance, a point a seed. The lines
are the most that a gate could save where all attempts are as long, a backward pass costing three
forward ones. Needs masa and gnuplot; prints the numbers.

    experiments/dose.py build/release/masa docs/dose.svg
"""
import json, pathlib, subprocess, sys

masa, out = sys.argv[1:]
here = pathlib.Path(__file__).parent
points = {"flops": [], "tokens": []}
for mix in "PFHLM":
    table = subprocess.run([masa, "lab", here / f"toy/{mix}.yaml", "--records", here / "records", "--table", "--json"],
                           check=True, capture_output=True, text=True).stdout
    for row in map(json.loads, table.splitlines()):
        if (row["what"], row["arm"]) != ("per_trained_ratio", "predict-pilot") or row["at"] not in points:
            continue
        for seed, less in row["seeds"].items():
            record = json.loads((here / f"records/toy-{mix}/grpo-{seed}.json").read_text())
            shares = [s for s in record["metrics"]["zero_variance"] if s is not None]
            dose = sum(shares) / len(shares)
            points[row["at"]].append((dose, less))
            print(f"{mix} seed {seed}: {dose:.3f} without variance, {less:.2f} times fewer {row['at']}")

blocks = "\n".join(f"${at} << E\n" + "\n".join(f"{x} {y}" for x, y in xy) + "\nE" for at, xy in points.items())
subprocess.run(["gnuplot"], check=True, text=True, input=f"""{blocks}
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output "{out}"
set xlabel "share of GRPO's groups without variance"
set ylabel "times less for a rollout with a gradient"
set xrange [0.5:0.9]
set yrange [0.9:8]
set logscale y 2
set key top left
set grid lc "#dddddd"
plot $flops with points pt 7 lc "#1f77b4" title "FLOPs", \\
     (1 + 3 * (1 - x)) / (4 * (1 - x)) lc "#1f77b4" dt 2 title "at most, attempts alike", \\
     $tokens with points pt 5 lc "#d62728" title "generated tokens", \\
     1 / (1 - x) lc "#d62728" dt 2 title "at most, attempts alike"
""")
