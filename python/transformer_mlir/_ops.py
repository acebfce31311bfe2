"""The ops of the transformer dialect in PyTorch, each from its definition in docs/generated/dialect.md.

Values are tensors, Python numbers (of index type), and what `Rows` tells of a batch.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import math

import torch
from torch.nn import functional

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64, "i1": torch.bool,
         "i8": torch.int8, "i32": torch.int32, "i64": torch.int64, "index": torch.int64}
ACTIVATIONS = {"none": lambda x: x, "gelu": functional.gelu, "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
               "relu": torch.relu, "silu": functional.silu, "tanh": torch.tanh}


class Rows:
    """Sequences by their offsets: packed rows as [sequences, longest, ...] and back."""

    def __init__(self, offsets):
        self.lengths = (offsets[1:] - offsets[:-1]).long()
        self.count, self.total = len(self.lengths), int(offsets[-1])
        self.longest = int(self.lengths.max()) if self.count else 0
        self.equal = self.count * self.longest == self.total
        self.mask = None
        if not self.equal:
            self.mask = torch.arange(self.longest) < self.lengths[:, None]

    def padded(self, x):
        if self.equal:
            return x.reshape(self.count, self.longest, *x.shape[1:])
        full = x.new_zeros(self.count, self.longest, *x.shape[1:])
        full[self.mask] = x
        return full

    def packed(self, x):
        return x.reshape(self.total, *x.shape[2:]) if self.equal else x[self.mask]

    def runs(self):
        """(first sequence, after the last, first row, after the last) of neighbours of one length."""
        lengths, found, row = self.lengths.tolist(), [], 0
        for i, length in enumerate(lengths):
            if i and length == lengths[i - 1]:
                found[-1][1], found[-1][3] = i + 1, row + length
            else:
                found.append([i, i + 1, row, row + length])
            row += length
        return found


class Batch:
    """What ops of one call share."""

    def __init__(self):
        self.known = {}

    def rows(self, offsets):
        key = id(offsets)
        if key not in self.known:
            self.known[key] = (Rows(offsets), offsets)
        return self.known[key][0]

    def runs(self, offsets, key_offsets):
        """Rows of queries and of keys, and their offsets, of neighbours whose lengths are equal: a few
        runs of them need no padding. None where there are many, or one."""
        key = (id(offsets), id(key_offsets))
        if key not in self.known:
            own = self.rows(offsets)
            theirs = own if key_offsets is None else self.rows(key_offsets)
            found = theirs.runs()
            self.known[key] = None
            if 1 < len(found) <= max(2, theirs.count // 4) and own.count == theirs.count:
                self.known[key] = [(
                    slice(int(offsets[i]), int(offsets[j])), slice(begin, end), offsets[i:j + 1] - offsets[i],
                    None if key_offsets is None else key_offsets[i:j + 1] - key_offsets[i]) for i, j, begin, end in found]
        return self.known[key]


def linear(batch, a, x, weight, bias=None, *scales):
    return ACTIVATIONS[a.get("activation", "none")](functional.linear(x, weight, bias))


def embedding(batch, a, ids, table, scales=None):
    rows = functional.embedding(ids, table)
    return rows if scales is None else rows * (functional.embedding(ids, scales[:, None]) if len(scales) > 1 else scales)


def norm_input(x, residual):
    return x if residual is None else x + residual


def layer_norm(batch, a, x, weight, bias=None, residual=None):
    return functional.layer_norm(norm_input(x, residual), weight.shape, weight, bias, a["epsilon"])


def rms_norm(batch, a, x, weight, residual=None):
    x = norm_input(x, residual)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + a["epsilon"]) * weight


def attention(batch, a, query, key, value, offsets=None, key_offsets=None, mask=None):
    heads, shared = a["num_heads"], a["num_kv_heads"]
    packed = offsets is not None
    if packed and mask is None and (parts := batch.runs(offsets, key_offsets)):
        return torch.cat([attention(Batch(), a, query[q], key[k], value[k], own, theirs) for q, k, own, theirs in parts])
    if packed:
        queries, keys = batch.rows(offsets), batch.rows(offsets if key_offsets is None else key_offsets)
        query, key, value = queries.padded(query), keys.padded(key), keys.padded(value)
    q, k, v = (x.unflatten(-1, (n, -1)).transpose(1, 2) for x, n in ((query, heads), (key, shared), (value, shared)))
    if shared != heads:
        k, v = (x.repeat_interleave(heads // shared, 1) for x in (k, v))
    scores = (q * a.get("scale", 1 / math.sqrt(q.shape[-1]))) @ k.transpose(-1, -2)
    seen = None  # false: hidden
    if mask is not None and packed:
        scores = scores + mask[None, :, :q.shape[2], :k.shape[2]]
    elif mask is not None:
        mask = mask[:, None, None, :] if mask.dim() == 2 else mask
        seen = mask if mask.dtype == torch.bool else None
        scores = scores if seen is not None else scores + mask
    if packed and keys.mask is not None:
        seen = keys.mask[:, None, None, :]
    if a.get("causal"):
        ends = keys.lengths - queries.lengths if packed else torch.full((len(q),), k.shape[2] - q.shape[2])
        own = torch.arange(q.shape[2], device=q.device)[:, None] + ends.to(q.device)[:, None, None]
        causal = (torch.arange(k.shape[2], device=q.device) <= own)[:, None]
        seen = causal if seen is None else seen & causal
    if seen is None:
        weights = scores.softmax(-1)
    else:  # a row that sees no key is zeros
        weights = scores.masked_fill(~seen, -math.inf).softmax(-1)
        weights = weights.masked_fill(~seen.any(-1, keepdim=True), 0)
    y = (weights @ v).transpose(1, 2).flatten(2)
    return queries.packed(y) if packed else y


def fft_mix(batch, a, x, offsets=None):
    if offsets is None:
        return torch.fft.fft2(x, dim=(-2, -1)).real
    rows = batch.rows(offsets)
    if rows.equal:
        return rows.packed(torch.fft.fft2(rows.padded(x), dim=(1, 2)).real)
    parts = torch.split(x, rows.lengths.tolist())
    return torch.cat([torch.fft.fft2(part).real if len(part) else part for part in parts])


def pool(batch, a, x, offsets=None, mask=None):
    if offsets is not None:
        rows = batch.rows(offsets)
        x, mask, counts = rows.padded(x), rows.mask, rows.lengths[:, None]
    else:
        counts = torch.full((len(x), 1), x.shape[1]) if mask is None else mask.sum(1, keepdim=True)
    if a["kind"] == "cls":
        return x[:, 0] * (counts > 0) if x.shape[1] else x.new_zeros(len(x), x.shape[2])
    if a["kind"] == "max":
        found = x if mask is None else x.masked_fill(~mask[..., None], -math.inf)
        return found.amax(1).masked_fill(counts == 0, 0) if x.shape[1] else x.new_zeros(len(x), x.shape[2])
    return (x if mask is None else x * mask[..., None]).sum(1) / counts.clamp(min=1)


def unpool(batch, a, x, length, offsets=None):
    if offsets is None:
        return x[:, None].expand(-1, int(length), -1)
    return torch.repeat_interleave(x, batch.rows(offsets).lengths, 0)


def positions(batch, a, offsets, tokens, ids=None):
    begin, rows = a.get("start", 0), batch.rows(offsets)
    if ids is None:
        first = torch.repeat_interleave(offsets[:-1].long(), rows.lengths)
        return torch.arange(int(tokens), device=offsets.device) - first + begin
    counted = ids != a["padding_id"]
    before = rows.packed(torch.cumsum(rows.padded(counted.long()), 1))
    return torch.where(counted, before - 1 + begin, torch.full_like(before, begin - 1))


def token_mix(batch, a, x, weight, offsets=None):
    rows = None if offsets is None else batch.rows(offsets)
    x = x if rows is None else rows.padded(x)
    reach, length = len(weight) // 2, x.shape[1]
    wide = functional.pad(x, (0, 0, reach, reach))
    parts = (wide[:, i:i + length] * w if weight.dim() == 2 else wide[:, i:i + length] @ w.T for i, w in enumerate(weight))
    y = sum(parts)
    return y if rows is None else rows.packed(y)


def select(batch, a, x, indices):
    return x[..., indices.long()]


def l2_normalize(batch, a, x):
    return functional.normalize(x, dim=-1, eps=a["epsilon"])


def rope(batch, a, x, at):
    heads = a["num_heads"]
    parts = x.unflatten(-1, (heads, -1))
    turned = a.get("rotary_dim") or parts.shape[-1]
    rates = a.get("theta", 1e4) ** (-torch.arange(0, turned, 2, dtype=torch.float64) / turned)
    angles = (at.double()[..., None] * rates)[..., None, :]
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    if a.get("interleaved"):
        left, right = parts[..., 0:turned:2], parts[..., 1:turned:2]
        both = torch.stack((left * cosine - right * sine, left * sine + right * cosine), -1).flatten(-2)
    else:
        left, right = parts[..., :turned // 2], parts[..., turned // 2:turned]
        both = torch.cat((left * cosine - right * sine, left * sine + right * cosine), -1)
    return torch.cat((both, parts[..., turned:]), -1).flatten(-2)


def patches(batch, a, x):
    size = a["size"]
    images, channels, height, width = x.shape
    x = x.reshape(images, channels, height // size, size, width // size, size)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels * size * size)


def prepend(batch, a, x, rows):
    parts = x.reshape(-1, a["length"], x.shape[-1])
    return torch.cat((rows.expand(len(parts), -1, -1), parts), 1).flatten(0, 1)


def extract_slice(batch, a, x, offsets=None, sizes=None, strides=None):
    given = [iter(v if isinstance(v, list) else [v] if v is not None else []) for v in (offsets, sizes, strides)]
    index = []
    for begin, count, stride in zip(*(a["static_" + n] for n in ("offsets", "sizes", "strides"))):
        begin, count, stride = (int(next(rest)) if value is None else value
                                for value, rest in zip((begin, count, stride), given))
        index.append(slice(begin, begin + (count - 1) * stride + 1 if count else begin, stride))
    return x[tuple(index)]


def constant(batch, a, shape, kind):
    value = a["value"]
    if shape is None:
        return value
    made = torch.tensor(value, dtype=TYPES[kind])
    return made.expand(shape) if made.numel() == 1 else made.reshape(shape)


PLAIN = {"gelu", "gelu_tanh", "relu", "silu", "tanh"}
OPS = {f"transformer.{f.__name__}": f for f in (linear, embedding, layer_norm, rms_norm, attention, fft_mix, pool, unpool,
                                                positions, token_mix, select, l2_normalize, rope, patches, prepend)}
OPS |= {f"transformer.{name}": lambda batch, a, x, f=ACTIVATIONS[name]: f(x) for name in PLAIN}
OPS |= {"transformer.observe": lambda batch, a, x: None,
        "arith.addf": lambda batch, a, x, y: x + y, "arith.subf": lambda batch, a, x, y: x - y,
        "arith.mulf": lambda batch, a, x, y: x * y, "arith.divf": lambda batch, a, x, y: x / y,
        "arith.negf": lambda batch, a, x: -x, "arith.addi": lambda batch, a, x, y: x + y,
        "arith.subi": lambda batch, a, x, y: x - y, "arith.muli": lambda batch, a, x, y: x * y,
        "arith.index_cast": lambda batch, a, x: x, "tensor.cast": lambda batch, a, x: x,
        "tensor.dim": lambda batch, a, x, i: x.shape[int(i)], "tensor.extract_slice": extract_slice,
        "tensor.from_elements": lambda batch, a, *parts: torch.tensor([int(part) for part in parts]),
        "tensor.concat": lambda batch, a, *parts: torch.cat(parts, a["dim"]),
        "linalg.transpose": lambda batch, a, x, out: x.permute(a["permutation"])}
