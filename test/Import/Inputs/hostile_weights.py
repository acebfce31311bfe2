"""Damaged and hostile weight files: number and name of the case -> (maker, expected text).

A maker gets a fresh, valid checkpoint directory and spoils it.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import os
import re
import struct

import checkpoint

WEIGHTS = "model.safetensors"
GOOD = checkpoint.tensors("bert")


def path(directory):
    return os.path.join(directory, WEIGHTS)


def raw(data):
    def spoil(directory):
        with open(path(directory), "wb") as file:
            file.write(data)
    return spoil


def text(header, data=b"", length=None):
    """A file with this text as its header."""
    header = header if isinstance(header, bytes) else header.encode()
    return raw(struct.pack("<Q", len(header) if length is None else length) + header + data)


def one(fields, data=b"\0" * 4, name="w"):
    """A file with one tensor of these fields."""
    return text("{" + json.dumps(name) + ":{" + fields + "}}", data)


def tensor(dtype="F32", shape="[1]", offsets="[0,4]", data=b"\0" * 4):
    return one(f'"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}', data)


def two(first, second, size):
    entry = '"%s":{"dtype":"I8","shape":[%d],"data_offsets":[%d,%d]}'
    parts = [entry % (name, e - b, b, e) for name, (b, e) in (("a", first), ("b", second))]
    return text("{" + ",".join(parts) + "}", b"\0" * size)


def edited(change):
    """The valid header, after `change` of its table, over the valid data."""
    def spoil(directory):
        with open(path(directory), "rb") as file:
            length, = struct.unpack("<Q", file.read(8))
            table, data = json.loads(file.read(length)), file.read()
        data = change(table, data) or data
        checkpoint.write_raw(path(directory), json.dumps(table).encode(), data)
    return spoil


def replaced_by(make):
    def spoil(directory):
        os.remove(path(directory))
        make(path(directory))
    return spoil


def unreadable(directory):
    """No permission; root, who may read all, gets a dangling link."""
    if os.geteuid() == 0:
        os.remove(path(directory))
        os.symlink("nowhere", path(directory))
    else:
        os.chmod(path(directory), 0)


def whitespace(directory):
    with open(path(directory), "wb") as file:
        file.write(struct.pack("<Q", 100_000_000))
        block = b" " * 1_000_000
        for _ in range(100):
            file.write(block)


def many_overlapping(directory):
    entry = '"%07d":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},'
    count = 1_500_000
    length = len(entry % 0) * count
    with open(path(directory), "wb") as file:
        file.write(struct.pack("<Q", length) + b"{")
        for start in range(0, count, 1000):
            block = "".join(entry % i for i in range(start, start + 1000))
            file.write(block.encode()[:-1] + (b"}" if start + 1000 == count else b","))
        file.write(b"\0" * 3)


def long_name(directory):
    one('"dtype":"F32","shape":[1],"data_offsets":[0,4]', name="x" * 1_000_000)(directory)


def truncated(directory):
    os.truncate(path(directory), os.path.getsize(path(directory)) - 7)


WHOLE = "expected a whole number that is not negative"
LARGE = "larger than 2^63 - 1"
ENTRY = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
CASES = {
    "01 empty": (raw(b""), "the file is empty"),
    "02 one byte": (raw(b"x"), "the file has 1 bytes; the header length alone needs 8"),
    "02 seven bytes": (raw(b"1234567"), "the file has 7 bytes"),
    "03 header length 0": (raw(bytes(8)), "the header length 0 is too small"),
    "04 header length 2^64-1": (raw(b"\xff" * 8 + b"{}"),
                                "the header length 18446744073709551615 is larger than 100000000"),
    "05 header length above the cap": (raw(struct.pack("<Q", 100_000_001) + b"{}"),
                                       "100000001 is larger than 100000000"),
    "06 header longer than the file": (raw(struct.pack("<Q", 1000) + b"{}"),
                                       "1000 is larger than the rest of the file, 2 bytes"),
    "07 header cut": (text('{"w":{"dtype":"F32"', length=10, data=b""),
                      "invalid JSON at byte 10: a string does not end"),
    "08 not UTF-8": (text(b'{"\xff":1}'), "invalid JSON at byte 2: not UTF-8"),
    "09 not an object": (text("[1, 2]"), "expected an object, found '[1'"),
    "10 deep brackets": (text('{"w":' + "[" * 100_000), "expected an object"),
    "10 deep metadata": (text('{"__metadata__":{"a":' + "[" * 100_000), "expected a string"),
    "11 only whitespace": (whitespace, "expected an object, found the end of the text"),
    "12 a million overlapping tensors": (many_overlapping, "overlap [0, 4) of tensor '0000000'"),
    "13 duplicate names": (text("{" + ENTRY + "," + ENTRY + "}", b"\0" * 4), "duplicate key 'w'"),
    "14 duplicate fields": (one('"dtype":"F32","dtype":"I8"'), "duplicate key 'dtype'"),
    "15 unknown dtype": (tensor(dtype="F128"), "unknown dtype 'F128' (supported: F64, F32"),
    "16 missing field": (one('"dtype":"F32","shape":[1]'), "the field data_offsets is missing"),
    "17 negative": (tensor(shape="[-1]"), WHOLE),
    "17 fraction": (tensor(shape="[1.5]"), WHOLE),
    "17 exponent": (tensor(shape="[1e19]"), WHOLE),
    "17 too large": (tensor(shape="[18446744073709551616]"), LARGE),
    "17 string": (tensor(shape='["3"]'), WHOLE),
    "17 offset too large": (tensor(offsets="[0,18446744073709551620]"), LARGE),
    "18 element count wraps": (tensor(shape="[4194305,4194305,211106198978564]", offsets="[0,16]",
                                      data=bytes(16)), "does not fit in 63 bits"),
    "18 byte count wraps": (tensor(dtype="F64", shape="[140737488355328,65536]", offsets="[0,0]",
                                   data=b""), "does not fit in 63 bits"),
    "19 rank 1000": (tensor(shape=json.dumps([1] * 1000)), "more than 8 dimensions"),
    "20 end before begin": (tensor(offsets="[4,0]"), "[4, 0) end before they begin"),
    "21 hole": (two((0, 4), (6, 8), 8), "[6, 8) do not begin where the data before them end, at 4"),
    "22 overlap": (two((0, 4), (2, 6), 6), "[2, 6) overlap [0, 4) of tensor 'a'"),
    "23 first offset not 0": (tensor(offsets="[4,8]", data=bytes(8)), "at 0"),
    "24 trailing bytes": (tensor(data=bytes(9)),
                          "end at byte 4 of the data, but the file holds 9 bytes"),
    "25 truncated data": (truncated, "lie outside of the"),
    "26 size and shape differ": (tensor(shape="[1000000]"),
                                 "data_offsets [0, 4) hold 4 bytes but F32[1000000] needs 4000000"),
    "27 type below one byte": (tensor(dtype="F4", shape="[3]"), "unknown dtype 'F4'"),
    "30 hostile name": (one('"dtype":"F32","shape":[2],"data_offsets":[0,4]',
                            name="../a\0\n\x1b[31m\u202e'"),
                        "tensor '../a\\x00\\n\\x1b[31m\\xe2\\x80\\xae\\'': data_offsets"),
    "30 long name": (long_name, "the name has 1000000 bytes; at most 4096"),
    "31 metadata is no string": (text('{"__metadata__":{"format":1}}'),
                                 "__metadata__: invalid JSON"),
    "32 git-lfs pointer": (raw(b"version https://git-lfs.github.com/spec/v1\noid sha256:4665\n"),
                           "this is a git-lfs pointer; the weights themselves are missing"),
    "33 zip": (raw(b"PK\3\4" + b"\x14\0" * 30), "this is a zip archive"),
    "33 pickle": (raw(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." * 4), "this is a Python pickle"),
    "33 GGUF": (raw(b"GGUF\3\0\0\0" + b"\1" * 60), "this is a GGUF file"),
    "33 web page": (raw(b"<!DOCTYPE html><html><body>404</body></html>"), "this is a web page"),
    "34 directory": (replaced_by(os.mkdir), "is a directory; a regular file is needed"),
    "34 pipe": (replaced_by(os.mkfifo), "is a pipe; a regular file is needed"),
    "34 device": (replaced_by(lambda p: os.symlink("/dev/zero", p)), "is a device"),
    "34 unreadable": (unreadable, re.compile("Permission denied|No such file")),
    "34 link to itself": (replaced_by(lambda p: os.symlink(WEIGHTS, p)), "symbolic links"),
    "53 missing tensor": (edited(lambda table, data: drop(table, "embeddings.LayerNorm.bias")),
                          "tensor 'embeddings.LayerNorm.bias' is missing"),
    "15 weight of whole numbers": (
        edited(lambda table, data: table["embeddings.LayerNorm.bias"].update(dtype="I32") or data),
        "has dtype I32 (supported for weights: F32, F16, BF16)"),
}


def drop(table, name):
    """Renames a tensor, so that the data stay covered."""
    table["something.else"] = table.pop(name)


def shards(first, second, weight_map):
    """Splits the tensors over two files and writes this index."""
    def spoil(directory):
        os.remove(path(directory))
        for name, keep in (("a.safetensors", first), ("b.safetensors", second)):
            checkpoint.write(os.path.join(directory, name),
                             {k: v for k, v in GOOD.items() if keep(k)})
        index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
        with open(path(directory) + ".index.json", "w", encoding="utf-8") as file:
            json.dump(index, file)
    return spoil


def in_layers(name):
    return name.startswith("encoder")


def not_in_layers(name):
    return not name.startswith("encoder")


RIGHT = {name: "a.safetensors" if in_layers(name) else "b.safetensors" for name in GOOD}
NOT_HERE = "is not the name of a file in the same directory"
SHARDED = {name: (in_layers, not_in_layers, {**RIGHT, "encoder.layer.0.output.dense.bias": file},
                  expected)
           for name, file, expected in (
               ("38 parent directory", "../a.safetensors", NOT_HERE),
               ("38 absolute", "/etc/a.safetensors", NOT_HERE),
               ("38 subdirectory", "x/a.safetensors", NOT_HERE),
               ("38 NUL", "a.safetensors\0.safetensors", NOT_HERE),
               ("38 no safetensors file", "config.json", "is not a .safetensors file"),
               ("39 shard missing", "c.safetensors", "No such file"),
               ("41 absent from its shard", "b.safetensors", "does not hold it"),
               ("42 index lists itself", WEIGHTS + ".index.json", "is not a .safetensors file"))}
SHARDED["39 two shards missing"] = (in_layers, not_in_layers, {**RIGHT, "x": "c.safetensors", "y": "d.safetensors"},
                                    "shard 'c.safetensors'", "shard 'd.safetensors'")
SHARDED["40 tensor in two shards"] = (in_layers, lambda name: True, RIGHT, "is in two shards")
CASES.update({name: (shards(*args[:3]), *args[3:]) for name, args in SHARDED.items()})


def reversed_order(directory):
    """Entries out of order, a scalar, an empty tensor, whitespace around, no alignment."""
    def change(table, data):
        items = list(table.items())[::-1]
        table.clear()
        table.update(items)
        end = len(data)
        table["scalar"] = {"dtype": "U8", "shape": [], "data_offsets": [end, end + 1]}
        table["empty"] = {"dtype": "F32", "shape": [0, 5], "data_offsets": [end, end]}
        return data + b"\0"
    edited(change)(directory)


def through_links(directory):
    """The layout of a Hugging Face cache: every file is a link to a blob elsewhere."""
    blobs = os.path.join(directory, "..", os.path.basename(directory) + "-blobs")
    os.makedirs(blobs, exist_ok=True)
    for index, name in enumerate(sorted(os.listdir(directory))):
        blob = os.path.join(blobs, str(index))
        os.replace(os.path.join(directory, name), blob)
        os.symlink(os.path.relpath(blob, directory), os.path.join(directory, name))


def unusual_numbers(directory):
    edited(lambda table, data: struct.pack("<4I", 0x7FC00000, 0x7F800000, 0xFF800000, 1) +
           data[16:])(directory)


ACCEPTED = {
    "28 29 odd but legal": reversed_order,
    "36 NaN, inf and denormals": unusual_numbers,
    "38 links of a cache": through_links,
    "53 extra tensors": edited(lambda table, data: table.update(
        extra={"dtype": "U8", "shape": [3], "data_offsets": [len(data), len(data) + 3]})
        or data + b"123"),
    "shards": shards(in_layers, not_in_layers, RIGHT),
}
