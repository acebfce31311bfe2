# Another compiler takes our linalg: IREE compiles a small encoder, dense and
# packed, and its numbers agree with the definition, written in NumPy (f64).
# REQUIRES: slow, iree.compiler, iree.runtime, numpy
# RUN: transformer-opt --convert-transformer-to-linalg %S/Inputs/dense-encoder.mlir -o %t.dense.mlir
# RUN: transformer-opt --convert-transformer-to-linalg %S/Inputs/packed-encoder.mlir -o %t.packed.mlir
# RUN: %python %s %t.dense.mlir %t.packed.mlir
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import math
import sys

import iree.compiler
import iree.runtime
import numpy as np

rng = np.random.default_rng(7)


def load(path):
    binary = iree.compiler.compile_file(path, target_backends=["llvm-cpu"], extra_args=["--iree-llvmcpu-target-cpu=host"])
    config = iree.runtime.Config("local-sync")
    return iree.runtime.load_vm_module(iree.runtime.VmModule.copy_buffer(config.vm_instance, binary), config)


def weight(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def norm(x, g, b):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-12) * g + b


def gelu(x):
    return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def attention(q, k, v, visible, heads):
    """One sequence; `visible` is [queries, keys]."""
    out = []
    for qh, kh, vh in zip(*(np.split(t, heads, -1) for t in (q, k, v))):
        s = np.where(visible, qh @ kh.T / math.sqrt(qh.shape[-1]), -np.inf)
        e = np.exp(s - s.max(-1, keepdims=True))
        out.append(e / e.sum(-1, keepdims=True) @ vh)
    return np.concatenate(out, -1)


def encoder(ids, mask, table, g, b, wq, wk, wv, wo, w1, b1, w2):
    x = norm(table[ids], g, b)
    visible = np.broadcast_to(mask, (len(ids), len(ids)))
    n = norm(attention(x @ wq.T + b, x @ wk.T + b, x @ wv.T + b, visible, 2) @ wo.T + x, g, b)
    y = norm(gelu(n @ w1.T + b1) @ w2.T + n, g, b)
    m = y[mask].mean(0)
    return y, m / np.linalg.norm(m)


def agree(found, wanted, what):
    error = np.abs(np.asarray(found) - wanted).max()
    print(what, "max abs error", error)
    assert error <= 2e-5 * max(1, np.abs(wanted).max()), what


weights = [weight(10, 8), weight(8), weight(8)] + [weight(8, 8) for _ in range(4)] + [weight(16, 8), weight(16), weight(8, 16)]
ids = np.array([[1, 2, 3, 4], [5, 6, 7, 0]], np.int32)
mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
tokens, pooled = load(sys.argv[1]).encoder(ids, mask, *weights)
exact = [np.float64(w) for w in weights]
for s in range(2):
    y, z = encoder(ids[s], mask[s], *exact)
    agree(np.asarray(tokens)[s], y, "tokens")
    agree(np.asarray(pooled)[s], z, "pooled")

x = weight(6, 8)
offsets = np.array([0, 1, 1, 6], np.int32)
tokens, means = load(sys.argv[2]).encoder(x, offsets)
table = np.arange(5)[:, None] + np.arange(8) / 10
for s, (begin, end) in enumerate(zip(offsets, offsets[1:])):
    length = end - begin
    rows, causal = np.float64(x[begin:end]), np.tril(np.ones((length, length), bool))
    v = rows + table[:length]
    y = attention(rows, v, v, causal, 2) if length else rows
    agree(np.asarray(means)[s], y.mean(0) if length else np.zeros(8), "packed, pooled")
    if length:
        agree(np.asarray(tokens)[begin:end], y, "packed tokens")
