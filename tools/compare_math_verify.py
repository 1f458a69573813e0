#!/usr/bin/env python3
"""Compares `masa verify` with Math-Verify (PyPI: math-verify) on the same pairs.

Usage: compare_math_verify.py MASA_PROGRAM DATA_FOLDER [OUT.jsonl]
       compare_math_verify.py MASA_PROGRAM ROLLOUTS.jsonl [OUT.jsonl]
       compare_math_verify.py MASA_PROGRAM PAIRS.jsonl [OUT.jsonl]

With a folder of problem files, pairs are made from their gold answers by seeded rules:
rewritings as a model would write them, small mutations, and neighbours from the same
set. With a file of lines {"prediction": ..., "gold": ...}, rollouts, both checkers are
given the same final answer in a box, the one that masa extracts by the rules "any"; and
then the whole responses, where each extracts in its own way. With a file whose lines say
the verdict as well ("equal", and maybe "class"), both are held against it, class by
class. Prints the agreement, and writes every disagreement to OUT.jsonl. Needs Python with math-verify; the product needs
neither.
"""
import json
import os
import random
import re
import subprocess
import sys

SETS = ["math_train", "math_test", "minerva_math", "olympiadbench_math", "aime25", "amc23",
        "gsm8k_test"]


def mutations(gold, rng, others):
    """Answers for a gold: some right, some wrong; the checkers are to say which."""
    yield gold
    yield gold.replace("\\frac", "\\dfrac").replace("\\left", "").replace("\\right", "")
    yield re.sub(r"\\frac\{(\w+)\}\{(\w+)\}", r"\1/\2", gold)
    yield re.sub(r"\\text\{[^}]*\}", "", gold)
    yield re.sub(r"\\sqrt\{(\w+)\}", r"sqrt(\1)", gold)
    yield rng.choice(others)
    digits = [m.start() for m in re.finditer(r"\d", gold)]
    if digits:
        at = rng.choice(digits)
        yield gold[:at] + str((int(gold[at]) + rng.randint(1, 8)) % 10) + gold[at + 1:]
    yield gold[1:] if gold.startswith("-") else "-" + gold
    if "," in gold and gold[0] not in "([":
        yield ",".join(reversed(gold.split(",")))
    if gold[:1] == "(":
        yield "[" + gold[1:]
    if re.fullmatch(r"-?\\frac\{\d+\}\{\d+\}", gold):
        a, b = map(int, re.findall(r"\d+", gold))
        if b:
            yield f"{'-' if gold[0] == '-' else ''}{a / b:.4f}"
            yield f"{'-' if gold[0] == '-' else ''}\\frac{{{3 * a}}}{{{3 * b}}}"
    if re.fullmatch(r"-?\d+", gold):
        yield f"x = {gold}"
        yield f"{gold}.0"
        yield f"{gold} \\text{{ units}}"
    if "=" in gold and gold.count("=") == 1:
        left, right = gold.split("=")
        yield f"{right} = {left}"
        yield right
    if re.search(r"[a-z]", re.sub(r"\\[a-zA-Z]+", "", gold)) and "=" not in gold:
        yield f"({gold}) + 0"
        yield f"y = {gold}"


def make_pairs(folder, count=5000, seed=7):
    rng = random.Random(seed)
    golds = {}
    for name in SETS:
        path = os.path.join(folder, name + ".jsonl")
        with open(path, encoding="utf-8") as lines:
            golds[name] = [str(json.loads(line)["answer"]) for line in lines]
    pool = [(name, gold) for name, items in golds.items() for gold in items
            if not re.fullmatch(r"\d+", gold) or rng.random() < 0.1]
    rng.shuffle(pool)
    pairs, seen = [], set()
    for name, gold in pool:
        for answer in mutations(gold, rng, golds[name]):
            if (answer, gold) in seen or not answer.strip():
                continue
            seen.add((answer, gold))
            pairs.append({"prediction": f"\\boxed{{{answer}}}", "gold": gold})
    rng.shuffle(pairs)
    return pairs[:count]


def masa(program, pairs, rules):
    text = "".join(json.dumps(p) + "\n" for p in pairs)
    out = subprocess.run([program, "verify", "--rules", rules, "-"], input=text,
                         capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def math_verify(pair, texts=False):
    """Its verdict; texts: a gold that is more than an answer is given as it is."""
    from math_verify import parse, verify
    try:
        whole = texts and any(sign in pair["gold"] for sign in ("$", "\\boxed", "####"))
        gold = parse(pair["gold"] if whole else f"\\boxed{{{pair['gold']}}}")
        return bool(verify(gold, parse(pair["prediction"])))
    except Exception:  # its timeouts and parser errors count as "not equal"
        return False


def compare(name, pairs, ours):
    """Prints the agreement on pairs; the disagreements."""
    disagreements = []
    for pair, mine in zip(pairs, ours):
        theirs = math_verify(pair)
        if theirs != mine["equal"]:
            disagreements.append({"compared": name, **pair, "masa": mine["verdict"],
                                  "extracted": mine.get("extracted"), "rule": mine["rule"],
                                  "math_verify": theirs})
    agreed = len(pairs) - len(disagreements)
    print(f"{name}: {len(pairs)} pairs, agreement {100 * agreed / len(pairs):.2f} %; "
          f"equal for masa: {sum(m['equal'] for m in ours)}; "
          f"equal only for masa: {sum(d['masa'] == 'equal' for d in disagreements)}, "
          f"only for Math-Verify: {sum(d['math_verify'] for d in disagreements)}")
    return disagreements


def judge(pairs, ours):
    """Both checkers against the verdicts that the pairs state; the pairs that one fails."""
    table, failures = {}, []
    for pair, mine in zip(pairs, ours):
        row = table.setdefault(pair.get("class", "all"), [0] * 5)
        theirs = math_verify(pair, texts=True)
        row[0] += 1
        row[1] += mine["equal"] == pair["equal"]
        row[2] += mine["equal"] and not pair["equal"]
        row[3] += theirs == pair["equal"]
        row[4] += theirs and not pair["equal"]
        if mine["equal"] != pair["equal"] or theirs != pair["equal"]:
            failures.append({**pair, "masa": mine["equal"], "math_verify": theirs})
    total = [sum(column) for column in zip(*table.values())]
    print("| class | pairs | masa right | false equal | Math-Verify right | false equal |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, row in [*sorted(table.items()), ("all", total)]:
        print(f"| {name} | {row[0]} | {row[1]} | {row[2]} | {row[3]} | {row[4]} |")
    return failures


def boxed(pairs, ours):
    """The pairs that have a final answer, with nothing but that."""
    return [{**p, "prediction": f"\\boxed{{{o['extracted']}}}"}
            for p, o in zip(pairs, ours) if o.get("extracted") is not None]


def write(disagreements):
    """One a line, to the file that the command names."""
    if len(sys.argv) > 3:
        with open(sys.argv[3], "w", encoding="utf-8") as out:
            for d in disagreements:
                out.write(json.dumps(d) + "\n")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, source = sys.argv[1:3]
    if os.path.isdir(source):
        pairs = make_pairs(source)
        disagreements = compare("made pairs", pairs, masa(program, pairs, "boxed"))
    else:
        with open(source, encoding="utf-8") as lines:
            rollouts = [json.loads(line) for line in lines]
        ours = masa(program, rollouts, "any")
        if "equal" in rollouts[0]:
            return write(judge(rollouts, ours))
        answers = boxed(rollouts, ours)
        disagreements = compare("final answers", answers, masa(program, answers, "boxed"))
        disagreements += compare("whole responses", rollouts, ours)
    write(disagreements)


if __name__ == "__main__":
    main()
