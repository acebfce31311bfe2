"""The C interface of a compiled model (model.h) through ctypes.

ctypes releases the GIL in calls, and needs no build of its own.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import ctypes
import os
import platform
import struct
import threading
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p

ABI_VERSION = 4
OK, INVALID_ARGUMENT, FILE_ERROR, MISMATCH, UNSUPPORTED_CPU, OUT_OF_MEMORY = range(6)
MACHINES = {62: "x86_64", 183: "aarch64"}  # by their number in ELF
EXCEPTIONS = {INVALID_ARGUMENT: ValueError, FILE_ERROR: OSError, OUT_OF_MEMORY: MemoryError}


class Error(Structure):
    _fields_ = [("status", c_int32), ("message", c_char * 512)]


class Options(Structure):
    _fields_ = [("abi_version", c_uint32), ("threads", c_int32), ("pin", c_int32), ("device", c_int32)]


class TensorInfo(Structure):
    _fields_ = [("name", c_char_p), ("type", c_int32), ("rows", c_int32), ("width", c_int64), ("limit", c_int64)]


class Batch(Structure):
    _fields_ = [("sequences", c_int64), ("offsets", c_void_p), ("input_ids", c_void_p),
                ("token_type_ids", c_void_p), ("pixel_values", c_void_p)]


class Output(Structure):
    _fields_ = [("name", c_char_p), ("data", c_void_p), ("capacity", c_size_t)]


class ProfileSpan(Structure):
    _fields_ = [("op", c_char_p), ("path", c_char_p), ("nanoseconds", c_int64), ("runs", c_int64)]


class ProfileEvent(Structure):
    _fields_ = [("span", c_int64), ("begin", c_int64), ("end", c_int64), ("thread", c_int32), ("reserved", c_int32)]


PROTOTYPES = {
    "tm_abi_version": (c_int32, []),
    "tm_build_id": (c_char_p, []),
    "tm_target": (c_char_p, []),
    "tm_load": (c_int, [c_char_p, POINTER(Options), POINTER(c_void_p), POINTER(Error)]),
    "tm_free": (None, [c_void_p]),
    "tm_input_count": (c_int64, [c_void_p]),
    "tm_input_info": (c_int, [c_void_p, c_int64, POINTER(TensorInfo)]),
    "tm_output_count": (c_int64, [c_void_p]),
    "tm_output_info": (c_int, [c_void_p, c_int64, POINTER(TensorInfo)]),
    "tm_max_length": (c_int64, [c_void_p]),
    "tm_threads": (c_int32, [c_void_p]),
    "tm_run": (c_int, [c_void_p, POINTER(Batch), POINTER(Output), c_int64, POINTER(Error)]),
}
SINCE_2 = {
    "tm_profile_start": (c_int, [c_void_p, c_int64, POINTER(Error)]),
    "tm_profile_spans": (c_int64, [c_void_p, POINTER(ProfileSpan), c_int64]),
    "tm_profile_events": (c_int64, [c_void_p, POINTER(ProfileEvent), c_int64]),
    "tm_profile_stop": (None, [c_void_p]),
}
SINCE_3 = {"tm_level": (c_char_p, [c_void_p])}
SINCE_4 = {
    "tm_device": (c_char_p, []),
    "tm_device_alloc": (c_int, [c_void_p, c_size_t, POINTER(c_void_p), POINTER(Error)]),
    "tm_device_free": (None, [c_void_p, c_void_p]),
    "tm_device_copy": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t, POINTER(Error)]),
}

_opened, _lock = {}, threading.Lock()


def _spelling(path):
    """A spelling of `path` that this process uses for this very file only.

    dlopen knows a library by the text of its path: for an artifact that was
    compiled anew in the same place it would answer with the old code.
    """
    info = os.stat(path)
    with _lock:
        seen = _opened.setdefault(os.path.abspath(path), [])
        key = (info.st_dev, info.st_ino, info.st_mtime_ns, info.st_size)
        if key not in seen:
            seen.append(key)
        directory, name = os.path.split(os.path.abspath(path))
        return directory + "/." * seen.index(key) + "/" + name


def declare(library, prototypes):
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def check_whole(path):
    """dlopen maps a file that was cut short, and the process dies of it: the table that the
    linker writes last must be there."""
    if not os.path.isfile(path):
        raise RuntimeError(f"{path}: is not a regular file")
    with open(path, "rb") as file:
        start, size = file.read(64), os.fstat(file.fileno()).st_size
    if start[:6] != b"\x7fELF\x02\x01" or len(start) < 64:
        return  # dlopen says what it is
    machine = MACHINES.get(struct.unpack_from("<H", start, 18)[0])
    if machine and platform.machine() in MACHINES.values() and machine != platform.machine():
        raise RuntimeError(f"{path}: was compiled for {machine}, and this machine is {platform.machine()}; "
                           "compile the checkpoint for a CPU level of it (target_cpu)")
    entry, count = struct.unpack_from("<HH", start, 58)
    end = struct.unpack_from("<Q", start, 40)[0] + entry * count
    if size < end:
        raise RuntimeError(f"{path}: was cut short: it has {size} bytes of {end}; compile the checkpoint again")


def open_library(path):
    check_whole(path)
    try:
        library = ctypes.CDLL(_spelling(path), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        declare(library, PROTOTYPES)
        version = library.tm_abi_version()
        for since, prototypes in ((2, SINCE_2), (3, SINCE_3), (4, SINCE_4)):
            if since <= version <= ABI_VERSION:
                declare(library, prototypes)
    except (OSError, AttributeError) as problem:
        raise RuntimeError(f"{path}: is not a compiled model that this system can load: {problem}") from None
    if not 1 <= version <= ABI_VERSION:
        raise RuntimeError(f"{path}: has interface version {version}, and this package supports 1 to {ABI_VERSION}; "
                           "compile the checkpoint again")
    library.version = version
    return library


def check(status, error):
    if status != OK:
        raise EXCEPTIONS.get(status, RuntimeError)(error.message.decode("utf-8", "replace"))


def device_of(library):
    """What the code runs on: "cpu" or "cuda"."""
    return library.tm_device().decode() if library.version >= 4 else "cpu"


def levels(library, model=None):
    """The CPU levels or GPU chips that there is code for, best first, and the one that runs: in `model`, or on
    this machine if it were loaded (None: it could not be)."""
    all_levels = library.tm_target().decode()
    picked = library.tm_level(model) if library.version >= 3 else all_levels.encode()
    return all_levels.split(","), picked and picked.decode()


def address_of(array):
    """Of a NumPy array, or of what _dlpack has found on a device."""
    return array.address if hasattr(array, "address") else array.ctypes.data


class Handle:
    """A loaded model of one library."""

    def __init__(self, directory, threads, pin, device=None):
        """`device`: what the code must be for, "cpu" or "cuda", and the number of the GPU; None: what it is for."""
        self.library = open_library(os.path.join(directory, "model.so"))
        self.kind = device_of(self.library)
        if device and device[0] != self.kind:
            raise RuntimeError(
                f"{directory}: was compiled for NVIDIA GPUs; to run it on a CPU, compile the checkpoint with "
                "transformer-compile --target=cpu" if self.kind == "cuda" else
                f"{directory}: was compiled for CPUs; to run it on a GPU, compile the checkpoint with "
                "transformer-compile --target=nvptx")
        self.pointer, error = c_void_p(), Error()
        options = Options(self.library.version, threads, pin, device[1] if device else 0)
        check(self.library.tm_load(os.fsencode(directory), byref(options), byref(self.pointer), byref(error)), error)

    def free(self):
        self.library.tm_free(self.pointer)
        self.pointer = c_void_p()

    def infos(self, kind):
        """Name to TensorInfo of all inputs or outputs, in order."""
        result, info = {}, TensorInfo()
        for index in range(getattr(self.library, f"tm_{kind}_count")(self.pointer)):
            check(getattr(self.library, f"tm_{kind}_info")(self.pointer, index, byref(info)), Error())
            result[info.name.decode()] = (info.type, info.rows, info.width, info.limit)
        return result

    def run(self, batch, outputs):
        """`batch`: sequences and arrays or None; `outputs`: name to array."""
        address = [None if array is None else address_of(array) for array in batch[1:]]
        wanted = (Output * max(1, len(outputs)))(
            *[Output(name.encode(), address_of(array), array.size) for name, array in outputs.items()])
        error = Error()
        check(self.library.tm_run(self.pointer, byref(Batch(batch[0], *address)), wanted, len(outputs),
                                  byref(error)), error)

    def device_alloc(self, size):
        memory, error = c_void_p(), Error()
        check(self.library.tm_device_alloc(self.pointer, size, byref(memory), byref(error)), error)
        return memory.value

    def device_free(self, address):
        if self.pointer:
            self.library.tm_device_free(self.pointer, address)

    def device_copy(self, to, source, size):
        error = Error()
        check(self.library.tm_device_copy(self.pointer, to, source, size, byref(error)), error)

    def start_profile(self, events):
        if self.library.version < 2:
            raise RuntimeError("the artifact is from before profiles; compile the checkpoint again")
        error = Error()
        check(self.library.tm_profile_start(self.pointer, events, byref(error)), error)

    def stop_profile(self):
        self.library.tm_profile_stop(self.pointer)

    def _list(self, function, item):
        count = function(self.pointer, None, 0)
        items = (item * max(1, count))()
        return items[:function(self.pointer, items, count)] if count else []

    def profile_spans(self):
        """(op, path, nanoseconds, runs) of each span."""
        return [(s.op.decode(), s.path.decode(), s.nanoseconds, s.runs)
                for s in self._list(self.library.tm_profile_spans, ProfileSpan)]

    def profile_events(self):
        """(span, begin, end, thread) of each event, times in nanoseconds."""
        return [(e.span, e.begin, e.end, e.thread) for e in self._list(self.library.tm_profile_events, ProfileEvent)]
