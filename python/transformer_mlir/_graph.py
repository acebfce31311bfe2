"""A model as a plain torch.nn.Module, by the compiler's description of its graph (docs/tuning.md).

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import os
import tempfile

import numpy as np
import torch

from . import _files, _inputs, _ops

LIFT = "transformer-fold-weights,transformer-dequantize"  # weights as they are in products, in f32
WEIGHTS, TEXT, GRAPH = "model.safetensors", "model.mlir", "graph.json"
KINDS = {"f32": ("F32", np.float32)}


def lift(run_compiler, arguments, folder, passes=LIFT):
    """Text and weights of a model in `folder`, in f32."""
    weights, text = (os.path.join(folder, name) for name in (WEIGHTS, TEXT))
    run_compiler([*arguments, "--emit=transformer", "-o", text, f"--passes={passes},transformer-save-weights{{file={weights}}}"])
    return folder


def describe(run_compiler, arguments, folder, passes=LIFT):
    """The same, and the graph."""
    lift(run_compiler, arguments, folder, passes)
    run_compiler([os.path.join(folder, TEXT), "--emit=graph", "-o", os.path.join(folder, GRAPH)])
    return folder


def read(folder):
    """The module of what `describe` has written."""
    with open(os.path.join(folder, GRAPH), encoding="utf-8") as file:
        graph = json.load(file)
    return Graph(graph, _files.read_tensors(os.path.join(folder, WEIGHTS)))


def as_offsets(lengths):
    return torch.cat((torch.zeros(1, dtype=torch.long), torch.as_tensor(lengths, dtype=torch.long).cumsum(0)))


class Graph(torch.nn.Module):
    """Parameters have the names of the weights, by module path. Calls take what `Model.run` takes, and give
    a dict of tensors in the form of its results."""

    def __init__(self, graph, weights):
        super().__init__()
        self.description, self.places = graph, {}
        loads = {}
        self.ops = []
        for op in graph["ops"]:
            if op["op"].startswith("ml_program.global_load"):
                loads[op["results"][0]] = op["attributes"]["global"]
            elif op["op"] in _ops.OPS or op["op"] == "arith.constant":
                self.ops.append(op)
            elif op["op"] != "tensor.empty":  # what a transpose writes to
                raise ValueError(f"the model has the op {op['op']}, which to_torch does not know")
        for name in dict.fromkeys(loads.values()):
            kind = graph["weights"][name]["type"]
            if kind == "i32":  # the indices of a select: no parameter
                self.places[name] = self.add(name, torch.from_numpy(np.array(weights[name][1], np.int32)))
                continue
            if kind not in KINDS:
                raise ValueError(f"the weight {name} is {kind}, and not of a form that to_torch makes f32")
            self.places[name] = self.add(name, torch.from_numpy(np.array(weights[name][1], np.float32)))
        self.loads = {value: self.places[name] for value, name in loads.items()}
        self.makers = {result: i for i, op in enumerate(self.ops) for result in op["results"]}
        self.inputs = {one["name"]: one for one in graph["inputs"]}
        self.results = {one["name"]: one for one in graph["outputs"]}
        self.plans = {}

    def add(self, name, value):
        """The module and the name in it of a new parameter."""
        *path, last = name.split(".")
        module = self
        for part in path:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        if value.is_floating_point():
            module.register_parameter(last, torch.nn.Parameter(value))
        else:
            module.register_buffer(last, value)
        return module, last

    @property
    def output_names(self):
        return list(self.results)

    def weight_of(self, value):
        """The name of the weight that a value is; None if it is computed."""
        place = self.loads.get(value)
        return next((name for name, found in self.places.items() if found is place), None)

    def tables(self):
        """The names of what ids are looked up in."""
        return {self.weight_of(op["operands"][1]) for op in self.ops if op["op"] == "transformer.embedding"} - {None}

    def plan(self, wanted):
        """The ops that the values `wanted` need."""
        key = tuple(wanted)
        if key not in self.plans:
            needed, stack = set(), list(wanted)
            while stack:
                place = self.makers.get(stack.pop())
                if place is not None and place not in needed:
                    needed.add(place)
                    for operand in self.ops[place]["operands"]:
                        stack += operand if isinstance(operand, list) else [operand] if operand else []
            self.plans[key] = [self.ops[i] for i in sorted(needed)]
        return self.plans[key]

    def compute(self, inputs, wanted):
        """The values `wanted`, by name in the description, of packed inputs."""
        values = {one["value"]: inputs[name] for name, one in self.inputs.items()}
        for value, (module, name) in self.loads.items():
            values[value] = getattr(module, name)
        batch = _ops.Batch()
        for op in self.plan(wanted):
            if op["op"] == "arith.constant":
                kind = op["types"][0]
                values[op["results"][0]] = _ops.constant(batch, op["attributes"], kind.get("shape"), kind["type"])
                continue
            operands = [values.get(one) if isinstance(one, str) else one and [values[v] for v in one] for one in op["operands"]]
            values[op["results"][0]] = _ops.OPS[op["op"]](batch, op["attributes"], *operands)
        return [values[name] for name in wanted]

    def packed(self, ids, lengths, types=None):
        """Inputs of `compute`: tokens end to end."""
        inputs = {"input_ids": torch.as_tensor(ids, dtype=torch.long), "offsets": as_offsets(lengths)}
        if "token_type_ids" in self.inputs:
            inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"]) if types is None else \
                torch.as_tensor(types, dtype=torch.long)
        return {name: inputs[name] for name in self.inputs}

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, pixel_values=None, outputs=None):
        names = self.output_names if outputs is None else [name for name in self.results if name in outputs]
        if "pixel_values" in self.inputs:
            pixels = torch.as_tensor(pixel_values, dtype=torch.float32)
            inputs = {"pixel_values": pixels}
            rows = self.description["model"].get("max_length", 0)
            if "offsets" in self.inputs:
                inputs["offsets"] = as_offsets([rows] * len(pixels))
            offsets = as_offsets([rows] * len(pixels))
        else:
            given = _inputs.Tokens(input_ids, attention_mask, token_type_ids)
            inputs = self.packed(np.asarray(given.ids, np.int64), given.lengths, given.types)
            offsets = inputs.get("offsets")
        results = dict(zip(names, self.compute(inputs, [self.results[name]["value"] for name in names])))
        if any(self.results[name].get("rows") == "tokens" for name in names):
            results["offsets"] = offsets
        return results
