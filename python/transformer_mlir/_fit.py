"""A student without layers, fitted to a model's sentence embeddings: needs torch, and no labels.

A sentence is the rows of its tokens in a table, pooled by attention: one query per head and sentence, made of the
mean of the rows, and the rows themselves, cut into heads, as keys and values. A multilayer perceptron with a shortcut
follows, once per sentence. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import ctypes
import math
import time

import numpy as np

TABLE_RATE, RATE, SETTLE_RATE = 1e-2, 1e-3, 3e-4
BATCH, WARM_UP = 512, 0.05  # sentences a step; the part of the steps whose rate rises
AT_ONCE = 128  # sentences, where nothing is fitted
SIMILARITY = 3.0  # weight of the differences between the similarities within a batch
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
POOL = 32  # batches that are sorted by length together, so that hardly any padding is needed


def need_torch(what="the preset static is fitted with PyTorch", note=" (what it makes runs without)"):
    try:
        import torch
    except ImportError:
        raise RuntimeError(f"{what}: pip install torch{note}") from None
    return torch


@contextlib.contextmanager
def kept_pages():
    """glibc keeps what is freed: the gradients of a table are gone after each step, and to hand their pages back and
    get them anew, all zero, took a quarter of it."""
    try:
        library = ctypes.CDLL(None)
        changed = library.mallopt(M_MMAP_MAX, 0) and library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (AttributeError, OSError, TypeError):  # another C library
        changed = False
    try:
        yield
    finally:
        if changed:
            library.mallopt(M_MMAP_MAX, 65536)
            library.mallopt(M_TRIM_THRESHOLD, 128 << 10)
            library.malloc_trim(0)


def start(rows, counts, width, heads, hidden, inner, seed):
    """The parameters before fitting. `rows`: the original's vector of each token on its own. The table holds
    their principal components, weighted by how often a token is seen; zero queries are mean pooling."""
    generator = np.random.default_rng(seed)
    share = counts / max(1, counts.sum())
    weighted = rows * np.sqrt(share + 0.1 / len(rows))[:, None]
    _, vectors = np.linalg.eigh((weighted.T @ weighted).astype(np.float64))
    # Each head gets strong and weak components.
    basis = vectors[:, ::-1][:, :width].reshape(hidden, width // heads, heads).swapaxes(1, 2).reshape(hidden, width)
    parameters = {"table": rows @ basis, "query.weight": np.zeros((width, width)), "query.bias": np.zeros(width),
                  "up.weight": generator.standard_normal((inner, width)) / math.sqrt(width), "up.bias": np.zeros(inner),
                  "down.weight": np.zeros((hidden, inner)), "down.bias": np.zeros(hidden), "widen.weight": basis}
    return {name: np.ascontiguousarray(value, np.float32) for name, value in parameters.items()}


def apply(torch, parameters, ids, mask, heads):
    """Unit vectors of padded sentences; `mask` is 1 for tokens."""
    functions = torch.nn.functional
    x = functions.embedding(ids, parameters["table"])
    mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    query = functions.linear(mean, parameters["query.weight"], parameters["query.bias"])
    sentences, length, width = x.shape
    split = x.view(sentences, length, heads, width // heads)
    scores = torch.einsum("bnhd,bhd->bnh", split, query.view(sentences, heads, -1)) / math.sqrt(width // heads)
    weights = scores.masked_fill(mask[..., None] == 0, -1e30).softmax(1)
    pooled = torch.einsum("bnh,bnhd->bhd", weights, split).reshape(sentences, width)
    inner = functions.gelu(functions.linear(pooled, parameters["up.weight"], parameters["up.bias"]))
    vector = functions.linear(inner, parameters["down.weight"], parameters["down.bias"]) + \
        functions.linear(pooled, parameters["widen.weight"])
    return functions.normalize(vector, dim=1, eps=1e-12)


def pad(sequences):
    lengths = np.array([len(ids) for ids in sequences])
    mask = np.arange(max(1, lengths.max(initial=1))) < lengths[:, None]
    ids = np.zeros(mask.shape, np.int64)
    ids[mask] = np.concatenate(sequences)
    return ids, mask.astype(np.float32)


def batches(sequences, generator):
    """Indices of all sentences once, batch by batch; the sentences of a batch have about one length."""
    order = generator.permutation(len(sequences))
    found = []
    for begin in range(0, len(order), BATCH * POOL):
        part = sorted(order[begin:begin + BATCH * POOL], key=lambda i: len(sequences[i]))
        found += [part[i:i + BATCH] for i in range(0, len(part), BATCH)]
    return [found[i] for i in generator.permutation(len(found))]


class Fit:
    """`sequences` with the rows of `targets` (of any float type) to fit to; `held` with `held_targets` decides what is kept."""

    def __init__(self, parameters, heads, sequences, targets, held, held_targets, seed):
        self.torch = need_torch()
        self.torch.manual_seed(seed)
        self.take(parameters)
        self.heads, self.sequences, self.targets = heads, sequences, targets
        self.held, self.held_targets = held, held_targets
        self.generator = np.random.default_rng([seed, 3])
        self.first = self.cosine()
        self.best, self.kept, self.epochs, self.interrupted = self.first, self.snapshot(), 0.0, False

    def take(self, parameters, fixed=()):
        self.parameters = {name: self.torch.from_numpy(value.copy()).requires_grad_(name not in fixed)
                           for name, value in parameters.items()}

    def settle(self, parameters, minutes, show):
        """One epoch more for what follows a table that stays as it is, a rounded one."""
        self.take(parameters, fixed=["table"])
        self.best, self.kept = self.cosine(), self.snapshot()
        return self.run(1, minutes, show)

    def snapshot(self):
        return {name: value.detach().numpy().copy() for name, value in self.parameters.items()}

    def vectors(self, sequences):
        found = np.empty((len(sequences), self.targets.shape[1]), np.float32)
        order = np.argsort([len(ids) for ids in sequences], kind="stable")
        with self.torch.no_grad():
            for begin in range(0, len(order), AT_ONCE):
                part = order[begin:begin + AT_ONCE]
                ids, mask = map(self.torch.from_numpy, pad([sequences[i] for i in part]))
                found[part] = apply(self.torch, self.parameters, ids, mask, self.heads).numpy()
        return found

    def cosine(self):
        return float((self.vectors(self.held) * self.held_targets).sum(1).mean())

    def judge(self):
        """Keeps the parameters if the held-out text says that they are the best yet."""
        found = self.cosine()
        if found > self.best:
            self.best, self.kept = found, self.snapshot()
        return found

    def step(self, rows, optimizer):
        ids, mask = map(self.torch.from_numpy, pad([self.sequences[i] for i in rows]))
        theirs = self.torch.from_numpy(self.targets[rows].astype(np.float32))
        ours = apply(self.torch, self.parameters, ids, mask, self.heads)
        loss = 1 - (ours * theirs).sum(1).mean()
        loss = loss + SIMILARITY * (ours @ ours.T - theirs @ theirs.T).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def optimizer(self):
        table, others = self.parameters["table"], [v for name, v in self.parameters.items() if name != "table"]
        groups = [{"params": [table], "lr": TABLE_RATE}] if table.requires_grad else []
        return self.torch.optim.AdamW([*groups, {"params": others, "lr": RATE if groups else SETTLE_RATE}],
                                      betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    def run(self, epochs, minutes, show):
        """The rate falls to 0 at the end of the last epoch, or of the minutes if they are fewer."""
        with kept_pages():
            return self.steps(epochs, minutes, show)

    def steps(self, epochs, minutes, show):
        optimizer = self.optimizer()
        rates = [group["lr"] for group in optimizer.param_groups]
        begun, last, done, before = time.monotonic(), 0.0, 0, self.epochs
        try:
            for epoch in range(epochs):
                parts = batches(self.sequences, self.generator)
                total = epochs * len(parts)
                losses = []
                for rows in parts:
                    spent = (time.monotonic() - begun) / 60
                    progress = max(done / total, spent / minutes if minutes else 0)
                    if progress >= 1:
                        break
                    factor = min(1.0, (progress + 1e-3) / WARM_UP, (1 - progress) / (1 - WARM_UP))
                    for group, rate in zip(optimizer.param_groups, rates):
                        group["lr"] = rate * factor
                    losses.append(self.step(np.asarray(rows), optimizer))
                    done += 1
                    self.epochs = before + done / len(parts)
                    if show and time.monotonic() - last > 5 and done > 10:
                        last = time.monotonic()
                        left = (last - begun) / max(progress, 1e-9) * (1 - progress)
                        show(f"fitting: epoch {epoch + 1} of {epochs}, loss {np.mean(losses[-50:]):.4f}, "
                             f"{left:.0f} s left")
                if losses:
                    found = self.judge()
                    if show:
                        show(f"fitting: epoch {epoch + 1} of {epochs}: held-out cosine {found:.4f}")
        except KeyboardInterrupt:
            self.interrupted = True
            self.judge()
        return self.kept
