"""Programs of one op each, run by the interpreter and by plain loops.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import re
import shutil
import subprocess

import numpy as np

cases, results = [], []
LIBRARIES = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("mlir-runner")))), "lib")


def number(v, kind):
    if kind.startswith("i"):
        return str(int(v))
    if not np.isfinite(v):
        bits = {"f32": ("0x7F800000", "0xFF800000", "0x7FC00000"), "f16": ("0x7C00", "0xFC00", "0x7E00"),
                "bf16": ("0x7F80", "0xFF80", "0x7FC0")}[kind]
        return bits[2 if np.isnan(v) else int(v < 0)]
    return f"{v:.9e}"


def dense(a, kind):
    if a.ndim == 0:
        return number(a, kind)
    return "[" + ", ".join(dense(x, kind) for x in a) + "]"


class Case:
    """One function: constants in, one op, results out."""

    def __init__(self, dynamic=False):
        self.lines, self.types, self.dynamic = [], {}, dynamic

    def add(self, text, type_):
        name = f"%v{len(self.types)}"
        self.lines.append(f"{name} = {text}")
        self.types[name] = type_
        return name

    def put(self, a, kind="f32", shape=None):
        """A constant; `shape` is its type, where None (or all of them) is dynamic."""
        a = np.asarray(a)
        static = "x".join([*map(str, a.shape), kind])
        literal = f"dense<{dense(a, kind)}>" if a.size else "dense<>" if 0 in a.shape else ""
        name = self.add(f"arith.constant {literal} : tensor<{static}>", f"tensor<{static}>")
        if shape is None and not self.dynamic:
            return name
        sizes = ["?" if s is None else str(s) for s in (shape if shape is not None else [None] * a.ndim)]
        wanted = "tensor<" + "x".join([*sizes, kind]) + ">"
        return self.add(f"tensor.cast {name} : {self.types[name]} to {wanted}", wanted)

    def op(self, text, *out):
        """`text` names operands by {0}, {1}...; ends the case."""
        used = re.findall(r"%v\d+|%n", text)
        head = f"{', '.join(f'%r{i}' for i in range(len(out)))} = transformer.{text}"
        elementwise = text.split()[0] in ("gelu", "gelu_tanh", "relu", "silu", "tanh")
        signature = out[0] if elementwise else f"({', '.join(self.types[u] for u in used)}) -> ({', '.join(out)})"
        self.lines.append(f"{head} : {signature}")
        body = "\n  ".join(self.lines)
        names = ", ".join(f"%r{i}" for i in range(len(out)))
        cases.append(f"func.func @case{len(cases)}() -> ({', '.join(out)}) {{\n  {body}\n  return {names} : {', '.join(out)}\n}}\n")
        results.append(out)


def program():
    text = ["func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}"]
    kinds = sorted({r for out in results for r in out})
    for k, type_ in enumerate(kinds):
        element = type_[7:-1].split("x")[-1]
        wide = type_.replace(f"{element}>", "f32>")
        convert = {"f32": None, "f16": "extf", "bf16": "extf"}.get(element, "sitofp")
        lines = [f"%w = arith.{convert} %x : {type_} to {wide}"] if convert else []
        value = "%w" if convert else "%x"
        lines += [f"%c = tensor.cast {value} : {wide} to tensor<*xf32>",
                  "%m = bufferization.to_buffer %c : tensor<*xf32> to memref<*xf32>",
                  "call @printMemrefF32(%m) : (memref<*xf32>) -> ()", "return"]
        text.append(f"func.func private @print{k}(%x: {type_}) {{\n  " + "\n  ".join(lines) + "\n}")
    calls = []
    for i, out in enumerate(results):
        calls.append(f"%c{i}:{len(out)} = call @case{i}() : () -> ({', '.join(out)})")
        calls += [f"call @print{kinds.index(t)}(%c{i}#{j}) : ({t}) -> ()" for j, t in enumerate(out)]
    text.append("func.func @main() {\n  " + "\n  ".join(calls) + "\n  return\n}\n")
    return "\n".join(text)


def hide_sizes(text):
    """Casts behind calls, so that no folding finds the sizes that they forget."""
    kinds = {}

    def call(match):
        name = kinds.setdefault(match.group(2, 3), f"@forget{len(kinds)}")
        return f"func.call {name}({match.group(1)}) : ({match.group(2)}) -> {match.group(3)}"

    text = re.sub(r"tensor\.cast (%v\d+) : (\S+) to (\S+)", call, text)
    return text + "".join(f"func.func private {name}(%x: {a}) -> {b} {{\n  %y = tensor.cast %x : {a} to {b}\n"
                          f"  return %y : {b}\n}}\n" for (a, b), name in kinds.items())


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def numbers(text):
    return np.array([float(x) for x in re.findall(r"-?(?:nan|inf|\d[\d.]*(?:e[+-]?\d+)?)", text)])


def compare(stem):
    """Runs all cases both ways; complains about every one that differs."""
    with open(f"{stem}.mlir", "w", encoding="utf-8") as f:
        f.write("\n".join(cases))
    with open(f"{stem}.run.mlir", "w", encoding="utf-8") as f:
        f.write(hide_sizes("\n".join(cases)) + program())
    exact = re.findall(r"^(case\d+#\d+): (tensor<\S+>) (.*)$", run("transformer-check", "--print", f"{stem}.mlir"), re.M)
    run("transformer-opt", "--transformer-to-llvm-naive", f"{stem}.run.mlir", "-o", f"{stem}.llvm.mlir")
    libraries = [f"{LIBRARIES}/libmlir_{n}runner_utils.so" for n in ("", "c_")]
    printed = run("mlir-runner", "-e", "main", "--entry-point-result=void", f"--shared-libs={','.join(libraries)}",
                  f"{stem}.llvm.mlir")
    # The printer shows memory behind an array of no elements.
    parts = re.split(r"Unranked Memref .*sizes = (\[.*\]) strides .*data = *\n", printed)[1:]
    found = ["" if 0 in numbers(sizes) else text for sizes, text in zip(parts[::2], parts[1::2])]
    assert len(found) == len(exact) == sum(map(len, results)), (len(found), len(exact))
    bad = 0
    for (name, type_, wanted), text in zip(exact, found):
        wanted, got = numbers(wanted), numbers(text)
        tolerance = {"f16": 2e-3, "bf16": 1.6e-2}.get(type_[7:-1].split("x")[-1], 1e-5)
        scale = max(1, np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
        if wanted.shape != got.shape or not np.allclose(got, wanted, rtol=0, atol=tolerance * scale, equal_nan=True):
            bad += 1
            print(f"{name} {type_}\n  wanted {wanted}\n  found  {got}")
            print("  " + next(line for line in cases[int(name[4:].split("#")[0])].splitlines() if "= transformer." in line))
    print(f"{len(exact) - bad} of {len(exact)} results agree")
    assert not bad
