"""Operations, parameters, bytes and MACs per module, from the model's text.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import os
import pathlib
import re
import tempfile

from ._compress import check_source, run_compiler
from ._library import levels, open_library

GLOBAL = re.compile(r'ml_program\.global\s+(?:private\s+)?@("[^"]*"|[\w.$-]+)\(.*\)\s*:\s*tensor<([^>]*)>')
LOAD = re.compile(r'(%[\w.$-]+) = ml_program\.global_load(?:_const)? @("[^"]*"|[\w.$-]+)')
OP = re.compile(r'^\s*(?:(%[\w.$-]+(?:, %[\w.$-]+)*)(?::\d+)? = )?(transformer\.\w+|arith\.\w+)\s(.*)$')
# What only reshapes or converts a weight is still that weight.
SAME = re.compile(r"^\s*(%[\w.$-]+) = (?:tensor\.(?:collapse_shape|expand_shape|extract_slice)|arith\.extf"
                  r"|linalg\.transpose ins)[ (]+(%[\w.$-]+)")
LONGEST = re.compile(r"transformer\.model = \{[^}]*max_length = (\d+)")
VALUE = re.compile(r"%[\w.$-]+")
TENSOR = re.compile(r"tensor<([^>]*)>")
BITS = {"f32": 32, "f16": 16, "bf16": 16, "f64": 64, "i64": 64, "i32": 32, "i16": 16, "i8": 8, "i4": 4, "i1": 8}


def shape_of(text):
    """'?x384xf32' as ([None, 384], 'f32')."""
    *sizes, element = text.split(",")[0].strip().split("x")
    return [None if s == "?" else int(s) for s in sizes], element


def model_text(directory):
    """The model in the transformer dialect: the artifact's copy, or imported now."""
    path = check_source(directory)
    stored = pathlib.Path(path) / "model.mlir"
    if os.path.isdir(path) and stored.exists():
        return stored.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "model.mlir"
        run_compiler([path, "--emit=transformer", "-o", str(out)])
        return out.read_text(encoding="utf-8")


def element_count(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def macs(op, types, text, length):
    """Multiply-adds for one sequence of `length` tokens. `types`: operands, then results."""
    shapes = [shape_of(t)[0] for t in types]
    if op == "linear" and len(shapes) > 1 and len(shapes[1]) == 2:
        return length * element_count(shapes[1])
    if op == "attention" and len(shapes) > 2:
        queries, keys, values = shapes[0][-1], shapes[1][-1], shapes[2][-1]
        heads = int((re.search(r"num_heads = (\d+)", text) or [0, 1])[1])
        shared = int((re.search(r"num_kv_heads = (\d+)", text) or [0, heads])[1])
        return length * length * (queries + values // max(shared, 1) * heads) if keys else 0
    return 0


def parent(path):
    return path.rsplit(".", 1)[0] if "." in path else path


class Reader:
    def __init__(self, length, depth):
        self.length, self.depth = length, depth
        self.modules, self.weights, self.where = {}, {}, {}
        self.order = {}  # modules as their ops come
        self.rows = {}  # value: False when it has one row per sequence

    def module(self, path):
        name = ".".join(path.split(".")[:self.depth])
        return self.modules.setdefault(name, {"ops": 0, "parameters": 0, "bytes": 0, "macs": 0})

    def add_weight(self, name, text):
        shape, element = shape_of(text)
        entry, count = self.module(parent(name)), element_count(shape)
        entry["parameters"] += count
        entry["bytes"] += count * BITS.get(element, 32) // 8

    def add_op(self, results, op, rest):
        body, _, signature = rest.rpartition(" : ")
        operands = VALUE.findall(body)
        own = [self.weights[v] for v in operands if v in self.weights]
        known = [self.where[v] for v in operands if v in self.where]
        # Without weights of its own, an op belongs where its first operand was made.
        path = parent(own[0]) if own else known[0] if known else "model"
        dialect, name = op.split(".", 1)
        if name == "attention" and "." in path:
            path = parent(path)
        per_token = name == "unpool" or name != "pool" and all(self.rows.get(v, True) for v in operands)
        for result in results.split(", ") if results else ():
            self.where[result], self.rows[result] = path, per_token
        if dialect == "arith" and not own and name == "constant":
            return
        entry = self.module(path)
        if name == "unpack_i4":  # two numbers in a byte
            shapes = [shape_of(t)[0] for t in TENSOR.findall(signature)]
            entry["parameters"] += element_count(shapes[2]) - element_count(shapes[0])
        self.order.setdefault(id(entry), len(self.order))
        entry["ops"] += 1
        entry["macs"] += macs(name, TENSOR.findall(signature), body, self.length if per_token else 1)

    def read(self, text):
        for line in text.splitlines():
            if found := GLOBAL.search(line):
                self.add_weight(found[1].strip('"'), found[2])
            elif found := LOAD.search(line):
                self.weights[found[1]] = found[2].strip('"')
            elif (found := SAME.match(line)) and found[2] in self.weights:
                self.weights[found[1]] = self.weights[found[2]]
            elif found := OP.match(line):
                self.add_op(*found.groups())
        last = len(self.order)
        return dict(sorted(self.modules.items(), key=lambda item: self.order.get(id(item[1]), last)))


def inspect(directory, length=128, depth=None):
    """Module name to ops, parameters, bytes and MACs of one sequence of `length` tokens, and
    that length: images have their own, and no sequence is longer than the model takes."""
    text = model_text(directory)
    longest = int(found[1]) if (found := LONGEST.search(text)) else length
    length = longest if '"pixel_values"' in text else min(length, longest)
    modules = Reader(length, depth).read(text)
    if not modules:
        raise ValueError(f"{directory}: holds no model in the transformer dialect")
    return modules, length


def code(directory):
    """The CPU levels that an artifact has code for, best first, and the one that this machine would
    run (None: it can run none); None for what is no artifact."""
    folder = pathlib.Path(directory)
    if not (folder / "model.so").is_file():
        return None
    try:
        library = open_library(str(folder / "model.so"))
    except RuntimeError:  # of another architecture
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return {"levels": report["target"]["name"].split(","), "runs_here": None}
    names, picked = levels(library)
    return {"levels": names, "runs_here": picked}


def total(modules):
    return {key: sum(m[key] for m in modules.values()) for key in ("ops", "parameters", "bytes", "macs")}
