"""Writes a profile.safetensors of rows that are given as JSON.

    make-profile.py OUT PATH=ROWS... [--checkpoint NAME]

Each PATH is the module path of a linear, ROWS the rows of its input, each of weight 1.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import json
import struct


def statistics(rows):
    width = len(rows[0])
    columns = range(width)
    total = [sum(row[c] for row in rows) for c in columns]
    yield "count", [float(len(rows))]
    yield "sum", total
    yield "squares", [sum(row[c] ** 2 for row in rows) for c in columns]
    yield "absmax", [max(abs(row[c]) for row in rows) for c in columns]
    yield "gram.weight", [float(len(rows))]
    yield "gram.sum", total
    yield "gram.products", [sum(row[i] * row[j] for row in rows) for i in columns for j in range(i + 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("inputs", nargs="+", metavar="PATH=ROWS")
    parser.add_argument("--checkpoint", default="")
    options = parser.parse_args()
    metadata = {"format": "transformer-mlir profile", "version": "1", "checkpoint": options.checkpoint,
                "source": "rows of a test", "tokens": "0"}
    header, data = {}, b""
    for text in options.inputs:
        path, rows = text.split("=", 1)
        metadata["linear:" + path] = path
        for name, values in statistics(json.loads(rows)):
            packed = struct.pack(f"<{len(values)}d", *values)
            header[f"{path}.{name}"] = {"dtype": "F64", "shape": [len(values)],
                                        "data_offsets": [len(data), len(data) + len(packed)]}
            data += packed
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(options.out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
