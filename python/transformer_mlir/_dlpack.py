"""Arrays on a GPU, ours and those of other packages, by DLPack.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import ctypes
import threading
import weakref
from ctypes import POINTER, Structure, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p

import numpy as np

CUDA, CUDA_MANAGED = 2, 13
DEFAULT_STREAM = 1  # what CUDA's legacy default stream is called: the model waits for that one
CODES = {"i": 0, "u": 1, "f": 2}
NAME = b"dltensor"


class Device(Structure):
    _fields_ = [("type", c_int32), ("id", c_int32)]


class DataType(Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class Tensor(Structure):
    _fields_ = [("data", c_void_p), ("device", Device), ("ndim", c_int32), ("dtype", DataType),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


class Managed(Structure):
    _fields_ = [("tensor", Tensor), ("context", c_void_p), ("deleter", c_void_p)]


def _python(name, result, *arguments):
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new = _python("PyCapsule_New", ctypes.py_object, c_void_p, ctypes.c_char_p, c_void_p)
_pointer = _python("PyCapsule_GetPointer", c_void_p, ctypes.py_object, ctypes.c_char_p)
# Of a capsule that is being destroyed, which no reference may be made to.
_is_valid = _python("PyCapsule_IsValid", ctypes.c_int, c_void_p, ctypes.c_char_p)
_raw_pointer = _python("PyCapsule_GetPointer", c_void_p, c_void_p, ctypes.c_char_p)


def is_on_device(value):
    """Whether `value` says of itself that its memory is a GPU's."""
    where = getattr(value, "__dlpack_device__", None)
    return where is not None and hasattr(value, "__dlpack__") and int(where()[0]) in (CUDA, CUDA_MANAGED)


class View:
    """The memory of another package's array, as long as this lives."""

    def __init__(self, name, value, dtype):
        self.capsule = value.__dlpack__(stream=DEFAULT_STREAM)
        tensor = Managed.from_address(_pointer(self.capsule, NAME)).tensor
        self.shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
        self.size = int(np.prod(self.shape))
        self.address = (tensor.data or 0) + tensor.byte_offset
        dtype = np.dtype(dtype)
        found = (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes)
        if found != (CODES[dtype.kind], 8 * dtype.itemsize, 1):
            kind = {code: kind for kind, code in (("int", 0), ("uint", 1), ("float", 2), ("bfloat", 4))}.get(found[0], "type")
            raise TypeError(f"{name}: has dtype {kind}{found[1]}, expected {dtype} on a GPU")
        step = 1
        for i in reversed(range(tensor.ndim)):
            if tensor.strides and self.shape[i] > 1 and self.size and tensor.strides[i] != step:
                raise ValueError(f"{name}: is not contiguous, which it has to be on a GPU")
            step *= self.shape[i]


_lent, _lock = {}, threading.Lock()  # what others hold, by the address of its description


@ctypes.CFUNCTYPE(None, c_void_p)
def _delete(managed):
    with _lock:
        _lent.pop(managed, None)


@ctypes.PYFUNCTYPE(None, c_void_p)
def _drop(capsule):
    if _is_valid(capsule, NAME):  # else somebody has taken it, and deletes it
        _delete(_raw_pointer(capsule, NAME))


class DeviceArray:
    """float32 rows on a GPU, which a model has written. Takes part in DLPack: torch.from_dlpack(array)."""

    dtype = np.dtype(np.float32)

    def __init__(self, model, handle, shape, ordinal):
        self.shape, self.size, self.ordinal = shape, int(np.prod(shape)), ordinal
        self.address = handle.device_alloc(4 * self.size)
        self._handle, self._model = handle, model  # which must not be freed first
        weakref.finalize(self, handle.device_free, self.address).atexit = False

    def __repr__(self):
        return f"<transformer_mlir.DeviceArray {self.shape} float32, cuda:{self.ordinal}>"

    def numpy(self):
        """A copy in the host's memory."""
        result = np.empty(self.shape, np.float32)
        self._handle.device_copy(result.ctypes.data, self.address, result.nbytes)
        return result

    def __dlpack_device__(self):
        return CUDA, self.ordinal

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        # The model has finished whatever the stream: there is nothing to wait for.
        if copy or (dl_device is not None and tuple(map(int, dl_device)) != (CUDA, self.ordinal)):
            raise BufferError("the array is lent where it is; numpy() copies it")
        shape = (c_int64 * len(self.shape))(*self.shape)
        tensor = Tensor(self.address, Device(CUDA, self.ordinal), len(self.shape), DataType(CODES["f"], 32, 1),
                        ctypes.cast(shape, POINTER(c_int64)), None, 0)
        managed = Managed(tensor, None, ctypes.cast(_delete, c_void_p))
        where = ctypes.addressof(managed)
        with _lock:
            _lent[where] = (managed, shape, self)
        return _new(where, NAME, ctypes.cast(_drop, c_void_p))
