"""Batches and outputs as the C interface has them: packed, in memory of the host or of a GPU.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

from . import _inputs
from ._dlpack import DeviceArray, View, is_on_device


def is_wanted(arrays, offsets, out, on_device):
    return offsets is not None or out is not None or on_device or any(map(is_on_device, arrays))


def check_device(model, name):
    if model.device == "cpu":
        raise ValueError(f"{name}: is on a GPU, and the model runs on a CPU; copy it to the host first")


class Packed:
    """One call of `model`."""

    def __init__(self, model, handle):
        self.model, self.handle = model, handle

    def array(self, name, value, dtype):
        """A View, or a contiguous NumPy array."""
        if value is None:
            return None
        if is_on_device(value):
            check_device(self.model, name)
            return View(name, value, dtype)
        array = _inputs.as_array(name, value)
        if np.dtype(dtype).kind == "i":
            array = _inputs.check_integers(name, array)
            if array.size and (array.min() < -2**31 or array.max() >= 2**31):
                raise ValueError(f"{name}: has a value that does not fit 32 bits")
        elif array.dtype != dtype:
            raise TypeError(f"{name}: has dtype {array.dtype}, expected {np.dtype(dtype)}")
        return np.ascontiguousarray(array, dtype)

    def offsets(self, value, ids):
        """On the host, where their last one can be checked."""
        if value is None:
            if len(ids.shape) != 2:
                raise ValueError("input_ids: is packed; say with offsets= where each sequence begins, and where the last ends")
            return np.arange(ids.shape[0] + 1, dtype=np.int32) * np.int32(ids.shape[1])
        array = self.array("offsets", value, np.int32)
        if len(array.shape) != 1 or array.size < 1 or len(ids.shape) != 1:
            raise ValueError("offsets: expected 1-D offsets, one more than there are sequences, and 1-D input_ids")
        if isinstance(array, View):
            copied = np.empty(array.shape, np.int32)
            self.handle.device_copy(copied.ctypes.data, array.address, copied.nbytes)
            array = copied
        if array[-1] != ids.size:
            raise ValueError(f"offsets: end with {array[-1]}, and input_ids has {ids.size} values")
        return array

    def destination(self, name, value, shape, on_device):
        """The array for an output, and what the caller gets for it."""
        if value is None and on_device:
            check_device(self.model, "on_device")
            made = DeviceArray(self.model, self.handle, shape, self.model.ordinal)
            return made, made
        if value is None:
            made = np.empty(shape, np.float32)
            return made, made
        if is_on_device(value):
            check_device(self.model, f"out[{name!r}]")
            view = View(f"out[{name!r}]", value, np.float32)
        else:
            view = value
            if not isinstance(value, np.ndarray) or value.dtype != np.float32 or not value.flags.c_contiguous or \
                    not value.flags.writeable:
                raise TypeError(f"out[{name!r}]: expected a NumPy array of float32, contiguous and writeable, "
                                "or an array on the GPU")
        if tuple(view.shape) != shape:
            raise ValueError(f"out[{name!r}]: has shape {tuple(view.shape)}, and the output is {shape}")
        return view, value

    def run(self, arrays, offsets, infos, out, on_device, width):
        """`infos`: name to rows and width of the outputs; `arrays`: ids, types, pixels."""
        out = {} if out is None else out
        unknown = [name for name in out if name not in infos]
        if unknown:
            raise ValueError(f"out: has {unknown[0]!r}, which is not an output that was asked for")
        ids, types = (self.array(n, a, np.int32) for n, a in zip(("input_ids", "token_type_ids"), arrays))
        pixels = self.array("pixel_values", arrays[2], np.float32)
        if pixels is not None:
            if len(pixels.shape) != 4 or pixels.size != pixels.shape[0] * width:
                raise ValueError(f"pixel_values: has shape {tuple(pixels.shape)}, expected images of {width} values")
            sequences, tokens, starts = pixels.shape[0], pixels.shape[0] * self.model.max_length, None
        else:
            starts = self.offsets(offsets, ids)
            sequences, tokens = len(starts) - 1, ids.size
            if types is not None and tuple(types.shape) != tuple(ids.shape):
                raise ValueError(f"token_type_ids: has shape {tuple(types.shape)}, expected that of input_ids, {tuple(ids.shape)}")
        places, results = {}, {}
        for name, (rows, columns) in infos.items():
            places[name], results[name] = self.destination(
                name, out.get(name), (tokens if rows == 0 else sequences, columns), on_device)
        self.handle.run((sequences, starts, ids, types, pixels), places)
        return results, starts
