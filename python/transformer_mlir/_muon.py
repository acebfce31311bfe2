"""Muon: steps of momentum whose directions all have the same size. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import functools

import torch

# p(s) = a s + b s^3 + c s^5 takes singular values between 0 and 1 to near 1 within a few steps.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
LIKE_ADAM = 0.2  # root mean square of a step of Adam, in rates (Liu et al., "Muon is scalable", 2025)


@functools.cache
def multiplies_bf16():
    """Whether the CPU has instructions for products of bf16; without, PyTorch takes longer for them than for f32."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported"))
    return torch.backends.mkldnn.is_available() and any(check() for check in checks if check)


def orthogonal(matrix):
    """`matrix` with its singular values near 1, by Newton-Schulz steps; in bf16, which they are made for, where that is fast."""
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    if multiplies_bf16():
        x = x.bfloat16()
    for _ in range(STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide is matrix else x.T).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For matrices (Jordan et al., "Muon: an optimizer for hidden layers", 2024), with rates as Adam's are.

    torch.optim.Muon multiplies in bfloat16 also where the CPU does that slowly.
    """

    def __init__(self, matrices, lr, momentum=0.9, weight_decay=0.01):
        super().__init__(list(matrices), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                direction = orthogonal(p.grad.lerp(mean, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(direction, alpha=-group["lr"] * LIKE_ADAM * max(p.shape) ** 0.5)
