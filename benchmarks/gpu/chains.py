"""Ops to time: a chain of one op, as text for the compiler and as a function of torch.

A model starts with the rows of a table and ends with one row per sequence, so
that little goes in and out. Between are `count` times the same op; what one op
takes is the difference of two chains. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import dataclasses
import json
import struct

import numpy as np

VOCABULARY = 1000


@dataclasses.dataclass(frozen=True)
class Op:
    """`shape` is (width, inner width) of linears, (heads, head dim, causal) of attention, (width,) of fft_mix."""
    kind: str  # linear, linear_i8, attention, fft_mix, norm
    shape: tuple
    batch: tuple  # sequences, tokens of each

    @property
    def width(self):
        return self.shape[0] * (self.shape[1] if self.kind == "attention" else 1)

    @property
    def name(self):
        sizes = {"linear": "{0}->{1}->{0}", "linear_i8": "{0}->{1}->{0}", "attention": "{0} heads of {1}", "fft_mix": "{0}", "norm": "{0}"}
        causal = ", causal" if self.kind == "attention" and self.shape[2] else ""
        return f"{self.kind} {sizes[self.kind].format(*self.shape)}{causal}, {self.batch[0]}x{self.batch[1]}"

    @property
    def operations(self):
        """Of one op, multiply-adds counted twice; None where a count says little."""
        rows = self.batch[0] * self.batch[1]
        if self.kind.startswith("linear"):
            return 4 * rows * self.shape[0] * self.shape[1]
        if self.kind == "attention":
            return 4 * rows * self.batch[1] * self.width / (2 if self.shape[2] else 1)
        return None


def weights(op, seed=0):
    """Name to array, float32 and int8, as the text wants them."""
    generator = np.random.default_rng(seed)

    def normal(*shape, scale=1.0):
        return (generator.standard_normal(shape) * scale).astype(np.float32)

    made = {"words": normal(VOCABULARY, op.width)}
    if op.kind in ("linear", "linear_i8"):
        width, inner = op.shape
        for name, rows, columns in (("up", inner, width), ("down", width, inner)):
            made[name] = normal(rows, columns, scale=columns ** -0.5)
            if op.kind == "linear_i8":
                scales = np.abs(made[name]).max(axis=1) / 127
                made[name + "_scale"] = scales.astype(np.float32)
                made[name] = np.round(made[name] / scales[:, None]).astype(np.int8)
    if op.kind in ("fft_mix", "norm"):
        made["gamma"] = np.ones(op.width, np.float32)
    return made


def text(op, count):
    """The model as MLIR text."""
    lines, names = [], iter(range(10 ** 6))
    width = op.width
    rows, offsets = f"tensor<?x{width}xf32>", "tensor<?xi32>"

    def add(expression):
        name = f"%v{next(names)}"
        lines.append(f"  {name} = {expression}")
        return name

    def linear(x, weight, into, out_of):
        a, b = f"tensor<?x{out_of}xf32>", f"tensor<?x{into}xf32>"
        if op.kind == "linear":
            return add(f"transformer.linear {x}, %{weight} : ({a}, tensor<{into}x{out_of}xf32>) -> {b}")
        q = f"%q{next(names)}"
        lines.append(f"  {q}, {q}s = transformer.quantize {x} : ({a}) -> (tensor<?x{out_of}xi8>, tensor<?xf32>)")
        return add(f"transformer.linear {q}, %{weight} scales({q}s, %{weight}_scale) : (tensor<?x{out_of}xi8>, "
                   f"tensor<{into}x{out_of}xi8>, tensor<?xf32>, tensor<{into}xf32>) -> {b}")

    def norm(x):
        return add(f"transformer.layer_norm {x}, %gamma {{epsilon = 1.0e-5 : f32}} : ({rows}, tensor<{width}xf32>) -> {rows}")

    given = {name: f"tensor<{'x'.join(map(str, array.shape))}x{'i8' if array.dtype == np.int8 else 'f32'}>"
             for name, array in weights(op).items()}
    for name, kind in given.items():
        lines.append(f"  %{name} = ml_program.global_load_const @{name} : {kind}")
    x = add(f"transformer.embedding %ids, %words : ({offsets}, {given['words']}) -> {rows}")
    for _ in range(count):
        if op.kind.startswith("linear"):
            x = linear(linear(x, "up", op.shape[1], width), "down", width, op.shape[1])
        elif op.kind == "attention":
            causal = ", causal" if op.shape[2] else ""
            x = add(f"transformer.attention {x}, {x}, {x} offsets(%offsets) {{num_heads = {op.shape[0]} : i64, "
                    f"num_kv_heads = {op.shape[0]} : i64{causal}}} : ({rows}, {rows}, {rows}, {offsets}) -> {rows}")
        else:
            x = norm(x)
            if op.kind == "fft_mix":
                x = add(f"transformer.fft_mix {x} offsets(%offsets) : ({rows}, {offsets}) -> {rows}")
    if op.kind == "fft_mix":
        x = norm(x)  # so that the last one fits f16 as well
    x = add(f"transformer.pool cls {x} offsets(%offsets) : ({rows}, {offsets}) -> {rows}")
    globals_ = "\n".join(f"ml_program.global private @{name}(#ml_program.extern : {kind}) : {kind}" for name, kind in given.items())
    return (f"module attributes {{transformer.model = {{max_length = {op.batch[1]} : i64}}}} {{\n{globals_}\n"
            f"func.func @forward(%ids: {offsets} {{transformer.input = \"input_ids\", transformer.limit = {VOCABULARY} : i64}}, "
            f"%offsets: {offsets} {{transformer.input = \"offsets\"}})\n"
            f"    -> ({rows} {{transformer.output = \"y\", transformer.rows = \"sequences\"}}) {{\n"
            + "\n".join(lines) + f"\n  return {x} : {rows}\n}}\n}}\n")


def write_weights(path, arrays):
    """As safetensors."""
    header, at = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "I8" if array.dtype == np.int8 else "F32", "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    path.write_bytes(struct.pack("<Q", len(words)) + words + b"".join(array.tobytes() for array in arrays.values()))


def ids(op):
    return np.random.default_rng(1).integers(0, VOCABULARY, op.batch).astype(np.int32)


def torch_chain(op, count, device, dtype):
    """A function of nothing that computes the same with torch, on arrays that are there already."""
    import torch
    import torch.nn.functional as F
    have = {name: torch.from_numpy(array).to(device) for name, array in weights(op).items()}
    if op.kind == "linear_i8":  # the same numbers, as torch multiplies them
        for name in ("up", "down"):
            have[name] = have[name].float() * have[name + "_scale"][:, None]
    have = {name: array.to(dtype) for name, array in have.items()}
    words = have["words"]
    tokens = torch.from_numpy(ids(op)).to(device).long()
    sequences, length = op.batch

    def attention(x):
        heads, dim, causal = op.shape
        x = x.view(sequences, length, heads, dim).transpose(1, 2)
        return F.scaled_dot_product_attention(x, x, x, is_causal=bool(causal)).transpose(1, 2).reshape(sequences, length, heads * dim)

    def norm(x):
        return F.layer_norm(x, (op.width,), have["gamma"], None, 1e-5)

    def fft(x):  # of f16, torch has transforms of powers of two only
        return torch.fft.fft2(x.float()).real.to(dtype)

    def run():
        x = F.embedding(tokens, words)
        for _ in range(count):
            if op.kind.startswith("linear"):
                x = F.linear(F.linear(x, have["up"]), have["down"])
            elif op.kind == "attention":
                x = attention(x)
            else:
                x = fft(norm(x)) if op.kind == "fft_mix" else norm(x)
        if op.kind == "fft_mix":
            x = norm(x)
        return x[:, 0].float()

    return run
