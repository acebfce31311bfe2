"""sequences.py FILE COUNT IDS: COUNT sequences of the ids (with commas), turned one place further each.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import struct
import sys

path, count = sys.argv[1], int(sys.argv[2])
first = [int(i) for i in sys.argv[3].split(",")]
ids = [first[(i * (r + 1)) % len(first)] for r in range(count) for i in range(len(first))]
lengths = [len(first)] * count
head = {"__metadata__": {"source": f"{count} sequences"},
        "ids": {"dtype": "I32", "shape": [len(ids)], "data_offsets": [0, 4 * len(ids)]},
        "lengths": {"dtype": "I32", "shape": [count], "data_offsets": [4 * len(ids), 4 * (len(ids) + count)]}}
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(ids) + count}i", *ids, *lengths))
