"""Golden numbers for clipping, schedule, decay and AdamW together, from torch.

Run:  python tools/make_optimizer_golden.py > tests/train/data/optimizer.txt   (needs torch)

Format: "steps lr beta1 beta2 eps weight_decay grad_clip warmup total", the number of
parameters, for each its size and whether it is decayed, all initial weights in order;
then for every step all gradients, their norm before clipping, and all weights after it.
The parameters are those of the tiny Llama in tests/train/test_optimizer.c.
"""
import math

import torch

STEPS, LR, BETA1, BETA2, EPS, DECAY, CLIP, WARMUP, TOTAL = 5, 0.05, 0.9, 0.95, 1e-8, 0.1, 2.0, 2, 6
HIDDEN, INNER, VOCAB = 2, 3, 4
SHAPES = [(VOCAB, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN),
          (HIDDEN, HIDDEN), (HIDDEN,), (INNER, HIDDEN), (INNER, HIDDEN), (HIDDEN, INNER), (HIDDEN,)]


def rate(step):
    """step is 1-based; cosine from the end of the warm-up to one step after the last."""
    if step < WARMUP:
        return step / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (TOTAL + 1 - WARMUP)))


def show(tensors):
    print(" ".join(f"{v:.9g}" for t in tensors for v in t.flatten().tolist()))


torch.manual_seed(3)
weights = [torch.randn(shape, requires_grad=True) for shape in SHAPES]
optimizer = torch.optim.AdamW(
    [{"params": [w for w in weights if w.dim() == 2], "weight_decay": DECAY},
     {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0}],
    lr=LR, betas=(BETA1, BETA2), eps=EPS)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: rate(done + 1))
print(STEPS, LR, BETA1, BETA2, EPS, DECAY, CLIP, WARMUP, TOTAL)
print(len(weights))
print(" ".join(f"{w.numel()} {int(w.dim() == 2)}" for w in weights))
show(w.detach() for w in weights)
for step in range(STEPS):
    for w in weights:
        w.grad = torch.randn_like(w) * (0.2, 3.0)[step % 2]  # below and above the clip
    show(w.grad for w in weights)
    print(f"{torch.nn.utils.clip_grad_norm_(weights, CLIP).item():.9g}")
    optimizer.step()
    schedule.step()
    show(w.detach() for w in weights)
