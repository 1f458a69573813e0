#!/usr/bin/env python3
"""Whole GRPO steps of TRL's GRPOTrainer, as `masa bench --sections step`: prompts of
about 64 tokens, a group of rollouts each, then the update.

    step_trl.py HF_FOLDER [PROMPTS [GROUP [NEW_TOKENS [MICRO_BATCH]]]]

The reward is the response's length by characters modulo 7: every group has variance. No
rollout ends before its last token; what counts is the tokens really made. Weights and the
optimiser's moments are bfloat16 here, where masa keeps them in float32.
"""
import json
import resource
import sys
import time

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

STEPS = 2


class Clock(TrainerCallback):
    def __init__(self):
        self.starts, self.ends = [], []

    def on_step_begin(self, *_, **__):
        self.starts.append(time.monotonic())

    def on_step_end(self, *_, **__):
        self.ends.append(time.monotonic())


made = []  # tokens of each call of the reward


def reward(completions, completion_ids, **_):
    made.append(sum(len(ids) for ids in completion_ids))
    return [float(len(c) % 7) for c in completions]


def main():
    folder = sys.argv[1]
    numbers = [int(a) for a in sys.argv[2:]]
    prompts, group, new, micro = (numbers + [16, 8, 256, 16][len(numbers):])[:4]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "Write about the number {} and what comes after it, " + "and so on " * 14
    data = Dataset.from_list([{"prompt": text.format(i)} for i in range(prompts * STEPS)])
    config = GRPOConfig(
        output_dir="/tmp/masa-peer-trl",
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=prompts * group // micro,
        num_generations=group,
        max_completion_length=new,
        max_steps=STEPS,
        learning_rate=1e-9,
        beta=0.0,
        temperature=1.0,
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        generation_kwargs={"min_new_tokens": new},
        model_init_kwargs={"dtype": "bfloat16"},
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    clock = Clock()
    trainer = GRPOTrainer(
        model=folder,
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        reward_funcs=reward,
        callbacks=[clock],
    )
    trainer.train()
    best = min(e - s for s, e in zip(clock.starts, clock.ends))
    tokens = sum(made) / STEPS
    print(
        json.dumps(
            {
                "peer": "TRL GRPOTrainer",
                "torch": torch.__version__,
                "name": f"{prompts} x {group} rollouts of {new} tokens",
                "seconds": best,
                "tokens": tokens,
                "tokens_per_second": tokens / best,
                "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
