#!/usr/bin/python3
"""A reward: 1 to a response whose last word is the answer.  --set reward.command=examples/reward.py"""
import json, sys

def reward(asked):
    right = asked["cause"] == "eos" and asked["response"].split()[-1:] == [str(asked["problem"]["answer"])]
    return {"id": asked["id"], "reward": float(right), "correct": right}

if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(reward(json.loads(line))), flush=True)
