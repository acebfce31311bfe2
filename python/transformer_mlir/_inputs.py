"""What a caller passes to `run`, checked and made ready for the C interface.

Every wrong value is one exception with one sentence, raised before anything
is computed. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

FORMS = "expected a list of 1-D integer arrays, or a 2-D integer array with attention_mask="


def as_array(name, value):
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"{name}: cannot be read as an array: {problem}") from None
    if array.size == 0 and isinstance(value, (list, tuple)):
        return array.astype(np.int32)  # NumPy takes an empty list for floats
    return array


def check_integers(name, array):
    if array.dtype == object:
        if all(isinstance(v, int) and not isinstance(v, bool) for v in array.flat):
            raise ValueError(f"{name}: has a value that does not fit 64 bits")
        raise TypeError(f"{name}: has mixed or nested values, {FORMS}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: has dtype {array.dtype}, expected integers")
    return array


def sequence_lists(name, value):
    """A ragged list as a list of 1-D integer arrays."""
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name}: is {type(value).__name__}, {FORMS}")
    rows = []
    for i, row in enumerate(value):
        array = check_integers(f"{name}[{i}]", as_array(f"{name}[{i}]", row))
        if array.ndim != 1:
            raise ValueError(f"{name}[{i}]: has {array.ndim} dimensions, expected 1 (one sequence of ids"
                             " per entry; a single sequence is passed as [ids])")
        rows.append(array)
    return rows


def row_lengths(mask, shape):
    """The lengths that a mask of ones, then zeros, stands for."""
    mask = np.asarray(mask)
    if mask.dtype.kind not in "iub" and mask.size:
        raise TypeError(f"attention_mask: has dtype {mask.dtype}, expected integers or booleans")
    if mask.shape != shape:
        raise ValueError(f"attention_mask: has shape {mask.shape}, expected that of input_ids, {shape}")
    ones = mask == 1
    if ones.all():
        return np.full(shape[0], shape[1], np.int64)
    if not (ones | (mask == 0)).all():
        raise ValueError("attention_mask: has values other than 0 and 1")
    broken = np.flatnonzero((ones[:, 1:] & ~ones[:, :-1]).any(axis=1))
    if broken.size:
        raise ValueError(f"attention_mask: row {broken[0]} is not ones followed by zeros; padding must stand"
                         " at the end of a row")
    return ones.sum(axis=1)


class Tokens:
    """A batch in packed form: lengths, and for each input its values end to end."""

    def __init__(self, ids, attention_mask, types):
        dense = attention_mask is not None or (hasattr(ids, "ndim") and hasattr(ids, "shape"))
        if not dense:
            rows = sequence_lists("input_ids", ids)
            self.lengths = np.array([len(row) for row in rows], np.int64)
            self.ids = np.concatenate(rows) if rows else np.empty(0, np.int32)
            self.types = None if types is None else self.ragged_types(types)
            return
        if isinstance(ids, (list, tuple)) and len({len(row) for row in ids if hasattr(row, "__len__")}) > 1:
            raise ValueError("input_ids: with attention_mask all rows must have the same length; a list of sequences of "
                             "any lengths goes without it")
        array = check_integers("input_ids", as_array("input_ids", ids))
        if array.ndim != 2:
            if array.size == 0 and array.ndim == 1:
                array = array.reshape(0, 0)
            else:
                raise ValueError(f"input_ids: has {array.ndim} dimensions, {FORMS}")
        if attention_mask is None:
            self.lengths = np.full(array.shape[0], array.shape[1], np.int64)
        else:
            mask = np.asarray(attention_mask) if array.size else np.zeros(array.shape, bool)
            self.lengths = row_lengths(mask, array.shape)
        self.keep = None if int(self.lengths.sum()) == array.size else np.arange(array.shape[1]) < self.lengths[:, None]
        self.ids = self.pack(array)
        self.types = None if types is None else self.dense_types(types, array.shape)

    def ragged_types(self, types):
        rows = sequence_lists("token_type_ids", types)
        lengths = [len(row) for row in rows]
        if lengths != self.lengths.tolist():
            raise ValueError("token_type_ids: does not have the sequence lengths of input_ids")
        return np.concatenate(rows) if rows else np.empty(0, np.int32)

    def dense_types(self, types, shape):
        array = check_integers("token_type_ids", as_array("token_type_ids", types))
        if array.shape != shape and (array.size or shape != (0, 0)):
            raise ValueError(f"token_type_ids: has shape {array.shape}, expected that of input_ids, {shape}")
        return self.pack(array.reshape(shape))

    def pack(self, array):
        return array.reshape(-1) if self.keep is None else array[self.keep]


def to_int32(name, values, lengths, limit):
    """`values` in [0, limit) as int32; says which sequence has a wrong one."""
    bound = limit if limit > 0 else 2**31
    if values.size and (values.min() < 0 or values.max() >= bound):
        position = int(np.flatnonzero((values < 0) | (values >= bound))[0])
        sequence = int(np.searchsorted(np.cumsum(lengths), position, side="right"))
        raise ValueError(f"{name}: sequence {sequence} has the value {values[position]}, "
                         f"expected 0 to {bound - 1}")
    return np.ascontiguousarray(values, np.int32)


def check_lengths(lengths, longest):
    if lengths.size and lengths.max() > longest:
        which = int(lengths.argmax())
        raise ValueError(f"input_ids: sequence {which} has {lengths[which]} tokens, "
                         f"and the model takes at most {longest}")


def check_pixels(pixels, width, image):
    """float32 [batch, channels, height, width]; `image` is the model's shape if it is known."""
    array = np.asarray(pixels)
    if array.dtype != np.float32:
        raise TypeError(f"pixel_values: has dtype {array.dtype}, expected float32")
    shape = " x ".join(map(str, image)) if image else f"{width} values"
    if array.ndim != 4:
        raise ValueError(f"pixel_values: has {array.ndim} dimensions, expected 4 (batch, then {shape})")
    if array.shape[1:] != image if image else int(np.prod(array.shape[1:])) != width:
        got = " x ".join(map(str, array.shape[1:]))
        raise ValueError(f"pixel_values: an image is {got}, and the model takes {shape}")
    return np.ascontiguousarray(array)
