"""Tunes a compressed model against the original's own outputs: needs torch, and no labels.

The one that is tuned is a module of _graph.py; the original is compiled code. A batch is a few runs of texts of one length each, so that nothing is
padded; a held-out part of the texts decides what is kept. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import time

import numpy as np
import torch

from ._muon import Muon, multiplies_bf16

TOKENS, RUNS = 2000, 4  # of a batch
SIMILARITY = 10.0  # weight of the loss of the similarities within a batch
WARM_UP, DECAY = 0.015, 0.3  # parts of the steps with a rising and with a falling rate
JUDGED = 500  # held-out texts
LOOKS = 5  # times that they are looked at


def rate_for(distance):
    """The highest rate, by how far the model is off before: one that is close needs less."""
    return float(np.interp(distance, [0, 0.04, 0.15], [2e-5, 1e-4, 4e-4]))


class Distillation:
    """`kind` of `output`: "sentence" is compared by cosines, all else by squares over their variance. `target` gives the
    rows that it should have for a list of sequences."""

    def __init__(self, student, target, output, kind, sequences, held, seed, rate=None):
        torch.manual_seed(seed)
        self.student, self.target, self.output, self.kind = student, target, output, kind
        self.generator = np.random.default_rng([seed, 7])
        self.sequences, self.held = sequences, held[:JUDGED]
        self.wanted = [student.results[output]["value"]]
        student.plan(self.wanted)
        order = np.argsort([len(ids) for ids in self.held], kind="stable")
        self.held_batches = [[self.held[i] for i in rows] for rows in self.pack(order, self.held)]
        self.held_targets = [target(part) for part in self.held_batches]
        rows = torch.cat(self.held_targets)
        self.variance = float(rows.var(0).mean().clamp(min=1e-12))
        self.first = self.distance()
        self.best, self.kept, self.interrupted = self.first, self.snapshot(), False
        self.rate = rate_for(self.first) if rate is None else rate
        self.steps, self.tokens, self.losses = 0, 0, []

    def rows(self, part, fast=False):
        """What the tuned model gives; `fast` multiplies in bf16 where the CPU can; norms and residuals stay f32."""
        inputs = self.student.packed(np.concatenate(part), [len(ids) for ids in part])
        with torch.autocast("cpu", torch.bfloat16, enabled=fast and multiplies_bf16()):
            return self.student.compute(inputs, self.wanted)[0].float()

    @staticmethod
    def pack(order, sequences, tokens=TOKENS):
        """Lists of indices, of at most so many tokens each, in the order that is given."""
        found, count = [], 0
        for i in order:
            if not found or count + len(sequences[i]) > tokens:
                found.append([])
                count = 0
            found[-1].append(i)
            count += len(sequences[i])
        return found

    def batches(self):
        """All sequences once: runs of one length, of which RUNS make a batch."""
        by_length = {}
        for i in self.generator.permutation(len(self.sequences)):
            by_length.setdefault(len(self.sequences[i]), []).append(i)
        runs = [run for rows in by_length.values() for run in self.pack(rows, self.sequences, TOKENS // RUNS)]
        order = self.generator.permutation(len(runs))
        return [sum((runs[i] for i in order[begin:begin + RUNS]), []) for begin in range(0, len(order), RUNS)]

    def trained(self):
        tables = self.student.tables()
        return [p for name, p in self.student.named_parameters() if name not in tables]

    def snapshot(self):
        return {name: p.detach().numpy().copy() for name, p in self.student.named_parameters()}

    def difference(self, ours, theirs):
        """Of the outputs: 0 where they are the same."""
        if self.kind == "sentence":
            return 1 - torch.nn.functional.cosine_similarity(ours, theirs, dim=1)
        return (ours - theirs).square().mean(1) / self.variance

    @torch.no_grad()
    def distance(self):
        """Its mean over the held-out texts."""
        found = [self.difference(self.rows(part), theirs) for part, theirs in zip(self.held_batches, self.held_targets)]
        return float(torch.cat(found).double().mean())

    def judge(self):
        """Keeps the weights if the held-out texts say that they are the best yet."""
        found = self.distance()
        if found < self.best:
            self.best, self.kept = found, self.snapshot()
        return found

    def loss(self, part):
        ours, theirs = self.rows(part, fast=True), self.target(part)
        total = self.difference(ours, theirs).mean()
        if self.kind == "sentence":
            a, b = (torch.nn.functional.normalize(rows, dim=1) for rows in (ours, theirs))
            total = total + SIMILARITY * (a @ a.T - b @ b.T).square().mean()
        return total

    def optimizers(self):
        """Muon for the matrices of linears, Adam for biases, norms and what has more dimensions."""
        matrices = [p for p in self.parameters if p.dim() == 2]
        others = [p for p in self.parameters if p.dim() != 2]
        found = [Muon(matrices, self.rate)] if matrices else []
        return found + ([torch.optim.AdamW(others, self.rate, (0.9, 0.98), weight_decay=0.0)] if others else [])

    def step(self, part, optimizers):
        loss = self.loss(part)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        return float(loss.detach())

    def run(self, minutes, steps, show):
        """The rate falls to 0 at the end of the minutes, or of the steps."""
        self.parameters = self.trained()
        optimizers = self.optimizers()
        begun = last = time.monotonic()
        looked, parts = 0, []
        try:
            while True:
                spent = time.monotonic() - begun
                progress = self.steps / steps if steps else spent / (60 * minutes)
                if progress >= 1:
                    break
                factor = min(1.0, (progress + 1e-3) / WARM_UP, (1 - progress) / DECAY)
                for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                    group["lr"] = self.rate * factor
                parts = parts or self.batches()
                rows = parts.pop()
                part = [self.sequences[i] for i in rows]
                self.losses.append(self.step(part, optimizers))
                self.steps += 1
                self.tokens += sum(map(len, part))
                now = time.monotonic()
                if show and now - last > 5 and self.steps > 3:
                    last = now
                    left = spent / max(progress, 1e-9) * (1 - progress)
                    show(f"tuning: loss {np.mean(self.losses[-50:]):.4f}, {self.tokens:,} tokens, {left:.0f} s left")
                if progress * LOOKS > looked + 1:
                    looked += 1
                    found = self.judge()
                    if show:
                        show(f"tuning: held-out {self.words(found)}")
            self.judge()
        except KeyboardInterrupt:
            self.interrupted = True
            self.judge()
        self.seconds = time.monotonic() - begun
        return self.kept

    def words(self, distance):
        return f"cosine {1 - distance:.4f}" if self.kind == "sentence" else f"error {distance:.4f} of the variance"
