"""Golden numbers for AdamW from torch.optim.AdamW.

Run:  python tools/make_adamw_golden.py > tests/kernels/data/adamw.txt   (needs torch)

Format: "n steps lr beta1 beta2 eps weight_decay", then n initial weights, then for
every step n gradients and the n weights after it.
"""
import torch

N, STEPS = 37, 3
LR, BETA1, BETA2, EPS, DECAY = 1e-2, 0.9, 0.95, 1e-8, 0.1


def show(values):
    print(" ".join(f"{v:.9g}" for v in values.tolist()))


torch.manual_seed(1)
weight = torch.randn(N, requires_grad=True)
optimizer = torch.optim.AdamW([weight], lr=LR, betas=(BETA1, BETA2), eps=EPS, weight_decay=DECAY)
print(N, STEPS, LR, BETA1, BETA2, EPS, DECAY)
show(weight.detach())
for _ in range(STEPS):
    # Spread over many magnitudes, with one exact zero.
    weight.grad = torch.randn(N) * 10 ** torch.empty(N).uniform_(-6, 2)
    weight.grad[5] = 0
    show(weight.grad)
    optimizer.step()
    show(weight.detach())
