# Every op, lowered by plain loops and run, agrees with the f64 interpreter.
# REQUIRES: numpy
# RUN: %python %s %t
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np  # noqa: E402
from programs import Case, compare  # noqa: E402

rng = np.random.default_rng(11)
nan, inf = np.nan, np.inf
OFFSETS = [0, 0, 3, 4, 4]  # empty, three tokens, one token, empty


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def small_ints(*shape):
    return rng.integers(-127, 128, shape)


# linear: ranks 1 to 3, every activation, narrow floats, i8, no inputs at all.
for kind in ("f32", "f16", "bf16"):
    for dynamic in (False, True):
        rows = "?" if dynamic else "3"
        for act in ("none", "gelu", "gelu_tanh", "relu", "silu", "tanh") if kind == "f32" else ("gelu",):
            c = Case()
            x, w, b = c.put(normal(3, 5), kind, (None, 5) if dynamic else None), c.put(normal(7, 5), kind), c.put(normal(7), kind)
            c.op(f"linear {x}, {w} bias {b} activation {act}", f"tensor<{rows}x7x{kind}>")
for shape, kind in (((5,), "f32"), ((2, 3, 5), "f32"), ((2, 3, 5), "bf16"), ((0, 5), "f32"), ((3, 0), "f32")):
    c = Case()
    x, w = c.put(normal(*shape), kind), c.put(normal(4, shape[-1]), kind)
    c.op(f"linear {x}, {w}", f"tensor<{'x'.join(map(str, shape[:-1] + (4,)))}x{kind}>")
for kind, dynamic in (("bf16", True), ("f16", False)):  # narrow products, f32 sums
    c = Case()
    x, w = c.put(normal(3, 6), kind, (None, 6) if dynamic else None), c.put(normal(4, 6), kind)
    b = c.put(normal(4))
    c.op(f"linear {x}, {w} bias {b} activation gelu", f"tensor<{'?' if dynamic else 3}x4xf32>")
for shape in ((3, 9), (2, 2, 9)):
    c = Case()
    x, w = c.put(small_ints(*shape), "i8"), c.put(small_ints(4, 9), "i8")
    xs, ws, b = c.put(np.abs(normal(*shape[:-1]))), c.put(np.abs(normal(4))), c.put(normal(4))
    c.op(f"linear {x}, {w} bias {b} scales({xs}, {ws}) activation gelu", f"tensor<{'x'.join(map(str, shape[:-1] + (4,)))}xf32>")
c = Case(dynamic=True)
x, w, b = c.put(normal(2, 3, 5)), c.put(normal(7, 5)), c.put(normal(7))
c.op(f"linear {x}, {w} bias {b}", "tensor<?x?x?xf32>")

# Norms and activations, with rows of zeros, of one value, with NaN and infinity.
ROWS = np.stack([normal(6), np.zeros(6), np.full(6, 3), np.full(6, 30) + normal(6), [nan] + [1] * 5, [inf] + [1] * 5])
for kind, rows, dynamic in (("f32", ROWS, False), ("f32", ROWS, True), ("bf16", ROWS[:3], False), ("f16", ROWS[:3], True)):
    for name in ("layer_norm", "rms_norm"):
        for residual in (False, True):
            c = Case(dynamic)
            x, w = c.put(rows, kind), c.put(normal(6), kind)
            b = ", " + c.put(normal(6), kind) if name == "layer_norm" and not residual else ""
            r = f" residual({c.put(normal(*rows.shape), kind)})" if residual else ""
            c.op(f"{name} {x}, {w}{b}{r} {{epsilon = 1.0e-5 : f32}}", c.types[x])
    c = Case(dynamic)
    x = c.put(rows, kind)
    c.op(f"l2_normalize {x} {{epsilon = 1.0e-12 : f32}}", c.types[x])
    for name in ("gelu", "gelu_tanh", "relu", "silu", "tanh"):
        c = Case(dynamic)
        x = c.put(rows, kind)
        c.op(f"{name} {x}", c.types[x])

# quantize: values, zeros, tiny ones, NaN and infinity; smoothing; a fixed scale.
TRICKY = np.stack([normal(6), np.zeros(6), np.full(6, 1e-35), [nan] + [1] * 5, [-inf] + [1] * 5, [127, 0.5, 1.5, 2.5, -0.5, -126.5]])
for dynamic in (False, True):
    rows, width = ("?", "?") if dynamic else (6, 6)
    for extra in ("", "multiplier", "scale"):
        c = Case(dynamic)
        x = c.put(TRICKY)
        text = {"": lambda: "", "multiplier": lambda: f" multiplier {c.put(np.abs(normal(6)) + 0.5)}",
                "scale": lambda: f" scale({c.put(np.float32(0.5))})"}[extra]()
        c.op(f"quantize {x}{text}", f"tensor<{rows}x{width}xi8>", f"tensor<{rows}xf32>")
    c = Case(dynamic)
    q, s = c.put(small_ints(2, 3, 4), "i8"), c.put([[1, nan, 0.5], [2, 3, 4]])
    c.op(f"dequantize {q}, {s}", "tensor<?x?x?xf32>" if dynamic else "tensor<2x3x4xf32>")

# unpack_i4: two groups, the rest of a word, products that wrap; as a weight, as a table.
def packed(c):
    p, m = c.put(small_ints(5, 36), "i8"), c.put(small_ints(5, 2), "i8")
    return f"unpack_i4 {p}, {m}", "tensor<5x67xi8>"


c = Case()
c.op(*packed(c))
for text in ("linear {}, {} scales({}, {})", "embedding {}, {} scales({})"):
    c = Case()
    call, type_ = packed(c)
    operands = re.findall(r"%v\d+", call)
    w = c.add(f"transformer.{call} : ({', '.join(c.types[v] for v in operands)}) -> {type_}", type_)
    s = c.put(np.abs(normal(5)))
    if text[0] == "l":
        c.op(text.format(c.put(small_ints(3, 67), "i8"), w, c.put(np.abs(normal(3))), s), "tensor<3x5xf32>")
    else:
        c.op(text.format(c.put([3, 0, 4], "i32"), w, s), "tensor<3x67xf32>")

# Tables and positions.
for ids in ([3, 0, 4], [[1, 2], [0, 4]]):
    for dynamic in (False, True):
        c = Case(dynamic)
        i, t = c.put(ids, "i64" if dynamic else "i32"), c.put(normal(5, 3))
        lead = "?x" * np.ndim(ids) + "?" if dynamic else "x".join(map(str, np.shape(ids))) + "x3"
        c.op(f"embedding {i}, {t}", f"tensor<{lead}xf32>")
c = Case()
i, t, s = c.put([3, 0, 4], "i32"), c.put(small_ints(5, 3), "i8"), c.put(np.abs(normal(5)))
c.op(f"embedding {i}, {t} scales({s})", "tensor<3x3xf32>")
for ids in ("", " ids({})"):
    c = Case()
    o = c.put(OFFSETS, "i32", (None,))
    c.types["%n"] = "index"
    c.lines.append("%n = arith.constant 4 : index")
    extra, attrs = "", "{start = 2 : i64}"
    if ids:
        extra, attrs = f" ids({c.put([5, 1, 7, 1], 'i32', (None,))})", "{padding_id = 1 : i64, start = 2 : i64}"
    c.op(f"positions {o}, %n{extra} {attrs}", "tensor<?xi32>")

# Attention: ragged and dense, grouped heads, causal, masks, other keys.
for kind in ("f32", "bf16"):
    for extra in ("", "causal", "bias", "keys"):
        c = Case()
        x = c.put(normal(4, 12), kind, (None, 12))
        tokens, text = 4, ""
        if extra == "keys":
            tokens, text = 7, ", " + c.put([0, 1, 6, 6, 7], "i32", (None,))
        k, v = c.put(normal(tokens, 6), kind, (None, 6)), c.put(normal(tokens, 10), kind, (None, 10))
        text = f"offsets({c.put(OFFSETS, 'i32', (None,))}{text})"
        if extra == "bias":
            bias = normal(4, 3, 3)
            bias[1, 1] = -inf
            text += f" mask({c.put(bias, kind)})"
        causal = ", causal" if extra == "causal" else ""
        c.op(f"attention {x}, {k}, {v} {text} {{num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f32{causal}}}", f"tensor<?x20x{kind}>")
# Rounded products: rows of zeros, tiny ones, NaN and infinity among the keys.
for products in ("bf16", "i8"):
    for extra in ("", "causal", "bias", "tricky"):
        c = Case()
        q, k, v = normal(4, 12), normal(4, 6), normal(4, 10)
        if extra == "tricky":
            q[0], k[1], v[2], v[3], q[3] = 0, 1e-35, 0, 1e-35, inf
        q, k, v = (c.put(a, "f32", (None, a.shape[1])) for a in (q, k, v))
        text = f"offsets({c.put(OFFSETS, 'i32', (None,))})"
        if extra == "bias":
            bias = normal(4, 3, 3)
            bias[1, 1], bias[2, :, 0] = -inf, -inf
            text += f" mask({c.put(bias)})"
        causal = ", causal" if extra == "causal" else ""
        c.op(f"attention {q}, {k}, {v} {text} products {products} {{num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f32{causal}}}", "tensor<?x20xf32>")
    for hidden in (0, 1):
        c = Case()
        q, k, v = normal(2, 3, 8), normal(2, 5, 8), normal(2, 5, 8)
        k[0, 2] = nan  # hidden, so without influence
        v[1 - hidden, 2] = inf
        q, k, v = (c.put(a) for a in (q, k, v))
        m = c.put(np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]]), "i1")
        c.op(f"attention {q}, {k}, {v} mask({m}) products {products} {{num_heads = 2 : i64, num_kv_heads = 2 : i64}}", "tensor<2x3x8xf32>")
HIDDEN = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 0]])
for dynamic in (False, True):
    for mask in ("none", "keys", "keys-float", "full", "head", "open", "causal"):
        c = Case()
        sizes = (lambda *s: (None, None, *s[2:])) if dynamic else (lambda *s: s)
        keys = normal(2, 5, 8)
        if mask.startswith("keys"):
            keys[0, 2] = nan  # hidden, so without influence
        q, k, v = (c.put(a, "f32", sizes(*a.shape)) for a in (normal(2, 3, 8), keys, keys))
        text, attrs = "", "num_heads = 2 : i64, num_kv_heads = 2 : i64"
        if mask == "keys":
            text = f" mask({c.put(HIDDEN, 'i1', (None, None) if dynamic else None)})"
        elif mask == "keys-float":
            text = f" mask({c.put(np.where(HIDDEN, normal(2, 5), -inf), 'f32')})"
        elif mask == "full":
            text = f" mask({c.put(normal(2, 2, 3, 5))})"
        elif mask == "head":
            text = f" mask({c.put(normal(1, 1, 3, 5), 'f32', (1, 1, None, None) if dynamic else None)})"
        elif mask == "open":  # only the call knows what is broadcast
            text = f" mask({c.put(normal(1, 2, 3, 5), 'f32', (None, None, 3, None))})"
        elif mask == "causal":
            attrs += ", causal"
        c.op(f"attention {q}, {k}, {v}{text} {{{attrs}}}", "tensor<?x?x8xf32>" if dynamic else "tensor<2x3x8xf32>")

# Mixing along the sequence, pooling, rotation: packed, dense, with a NaN.
SEQUENCES = normal(4, 6)
SEQUENCES[3, 2] = nan
for dynamic in (False, True):
    for op in ("fft_mix {x}", "token_mix {x}, {w}", "token_mix {x}, {m}"):
        for packed in (True, False):
            c = Case()
            data = SEQUENCES if packed else normal(2, 3, 6)
            x = c.put(data, "f32", (None,) * data.ndim if dynamic else None)
            w = c.put(normal(3, 6)) if "{w}" in op else c.put(normal(5, 6, 6)) if "{m}" in op else ""
            o = f" offsets({c.put(OFFSETS, 'i32', (None,))})" if packed else ""
            c.op(op.format(x=x, w=w, m=w) + o, c.types[x])
    for pool in ("mean", "cls", "max"):
        c = Case()
        x, o = c.put(SEQUENCES, "f32", (None, None) if dynamic else None), c.put(OFFSETS, "i32", (None,))
        c.op(f"pool {pool} {x} offsets({o})", "tensor<?x?xf32>" if dynamic else "tensor<?x6xf32>")
        c = Case()
        x = c.put(normal(2, 5, 6), "f16", (None,) * 3 if dynamic else None)
        c.op(f"pool {pool} {x} mask({c.put(HIDDEN, 'i1')})", "tensor<?x?xf16>" if dynamic else "tensor<2x6xf16>")
    for op in ("", ", interleaved", ", rotary_dim = 2 : i64"):
        c = Case()
        x = c.put(normal(2, 3, 8), "f32", (None, None, 8) if dynamic else None)
        p = c.put([[0, 1, 2], [510, 7, 0]], "i32", (None, None) if dynamic else None)
        c.op(f"rope {x}, {p} {{num_heads = 2 : i64, theta = 1.0e4 : f32{op}}}", c.types[x])
for packed in (True, False):
    c = Case()
    x = c.put(normal(4, 6))
    c.types["%n"] = "index"
    c.lines.append("%n = arith.constant 4 : index")
    o = f" offsets({c.put(OFFSETS, 'i32', (None,))})" if packed else ""
    c.op(f"unpool {x}, %n{o}", "tensor<?x6xf32>" if packed else "tensor<4x?x6xf32>")

# Columns, all dimensions static or none; no columns.
for kind, shape, chosen in (("f32", (3, 6), [4, 0, 5]), ("bf16", (2, 3, 6), [1]), ("f16", (6,), [5, 4, 3, 2, 1, 0]), ("f32", (3, 6), [])):
    for dynamic in (False, True):
        c = Case(dynamic)
        x, i = c.put(normal(*shape), kind), c.put(np.array(chosen, dtype=np.int32), "i32")
        sizes = ["?"] * len(shape) if dynamic else [*map(str, shape[:-1]), str(len(chosen))]
        c.op(f"select {x}, {i}", f"tensor<{'x'.join(sizes)}x{kind}>")

# Images.
for dynamic in (False, True):
    c = Case()
    x = c.put(normal(2, 3, 4, 6), "f32", (None, 3, 4, 6) if dynamic else None)
    c.op(f"patches {x} {{size = 2 : i64}}", "tensor<?x12xf32>" if dynamic else "tensor<12x12xf32>")
    c = Case()
    x, r = c.put(normal(6, 4), "bf16", (None, 4) if dynamic else None), c.put(normal(2, 4), "bf16")
    c.op(f"prepend {x}, {r} {{length = 3 : i64}}", f"tensor<{'?' if dynamic else 10}x4xbf16>")

compare(sys.argv[1])
