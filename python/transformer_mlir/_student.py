"""The student of _fit.py in the transformer dialect, as text and a file of weights.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os

from . import _files

TYPES = {"float32": ("F32", "f32"), "int8": ("I8", "i8"), "uint16": ("BF16", "bf16")}  # in a file, in MLIR
NAMES = {"table": "embeddings.weight", "scales": "embeddings.scales", "query.weight": "pooling.query.weight", "query.bias": "pooling.query.bias",
         "up.weight": "dense.up.weight", "up.bias": "dense.up.bias", "down.weight": "dense.down.weight",
         "down.bias": "dense.down.bias", "widen.weight": "dense.widen.weight"}


def tensor(*shape, element="f32"):
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def text_of(parameters, heads, max_length):
    """The model, with one query per sentence: the sequences of the queries are 0, 1, 2..."""
    shapes = {name: tensor(*value.shape, element=TYPES[value.dtype.name][1]) for name, value in parameters.items()}
    (vocabulary, width), (hidden, inner) = parameters["table"].shape, parameters["down.weight"].shape
    narrow, wide, middle, ids = tensor("?", width), tensor("?", hidden), tensor("?", inner), tensor("?", element="i32")
    globals_ = "\n".join(f"  ml_program.global private @{NAMES[name]}(#ml_program.extern : {shape}) : {shape}"
                         for name, shape in shapes.items())
    loads = "\n".join(f"    %{name} = ml_program.global_load_const @{NAMES[name]} : {shape}"
                      for name, shape in shapes.items())
    scales, scales_type = ("scales(%scales) ", f", {shapes['scales']}") if "scales" in shapes else ("", "")
    return f"""module attributes {{transformer.model = {{family = "static", hidden_size = {hidden} : i64, max_length = {max_length} : i64}}}} {{
{globals_}
  func.func @forward(%ids: {ids} {{transformer.input = "input_ids", transformer.limit = {vocabulary} : i64}},
                     %offsets: {ids} {{transformer.input = "offsets"}})
      -> ({wide} {{transformer.output = "sentence_embedding", transformer.rows = "sequences"}}) {{
{loads}
    %tokens = transformer.embedding %ids, %table {scales}: ({ids}, {shapes["table"]}{scales_type}) -> {narrow}
    %mean = transformer.pool mean %tokens offsets(%offsets) : ({narrow}, {ids}) -> {narrow}
    %query = transformer.linear %mean, %query.weight bias %query.bias : ({narrow}, {shapes["query.weight"]}, {shapes["query.bias"]}) -> {narrow}
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0 : i32
    %ends = tensor.dim %offsets, %c0 : {ids}
    %last = arith.index_cast %ends : index to i32
    %all = tensor.from_elements %zero, %last : tensor<2xi32>
    %each = transformer.positions %all, %ends : (tensor<2xi32>, index) -> {ids}
    %pooled = transformer.attention %query, %tokens, %tokens offsets(%each, %offsets) {{num_heads = {heads}, num_kv_heads = {heads}}}
        : ({narrow}, {narrow}, {narrow}, {ids}, {ids}) -> {narrow}
    %inner = transformer.linear %pooled, %up.weight bias %up.bias activation gelu : ({narrow}, {shapes["up.weight"]}, {shapes["up.bias"]}) -> {middle}
    %outer = transformer.linear %inner, %down.weight bias %down.bias : ({middle}, {shapes["down.weight"]}, {shapes["down.bias"]}) -> {wide}
    %wide = transformer.linear %pooled, %widen.weight : ({narrow}, {shapes["widen.weight"]}) -> {wide}
    %sum = arith.addf %outer, %wide : {wide}
    %vector = transformer.l2_normalize %sum {{epsilon = 1.0E-12 : f32}} : ({wide}) -> {wide}
    return %vector : {wide}
  }}
}}
"""


def write(folder, parameters, heads, max_length):
    """model.mlir and model.safetensors in `folder`; returns their paths. Arrays of uint16 are the bits of bf16."""
    model, weights = (os.path.join(folder, name) for name in ("model.mlir", "model.safetensors"))
    with open(model, "w", encoding="utf-8") as file:
        file.write(text_of(parameters, heads, max_length))
    _files.write_tensors(weights, {NAMES[name]: (TYPES[value.dtype.name][0], value) for name, value in parameters.items()})
    return model, weights


def bytes_of(vocabulary, width, hidden, inner):
    """What the compiled weights take in 8 bits, with scales: in bf16 per row of the table, in f32 of the others."""
    table = vocabulary * (width + 2)
    dense = width * width + inner * width + hidden * inner + width * hidden
    return table + dense + 12 * (width + inner + 2 * hidden) + 4096
