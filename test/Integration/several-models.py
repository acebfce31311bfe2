# Two models in one process, even when their symbols are global, each called by
# many threads at once.
# RUN: rm -rf %t && mkdir %t && sed 's/0\.5/2.5/' %S/Inputs/tiny.mlir > %t/other.mlir
# RUN: transformer-compile --quiet %S/Inputs/tiny.mlir -o %t/one
# RUN: transformer-compile --quiet %t/other.mlir -o %t/two
# RUN: %python %s %t/one 0.5 %t/two 2.5
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import ctypes
import os
import sys
import threading


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 512)]


class Batch(ctypes.Structure):
    _fields_ = [("sequences", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("offsets", "ids", "types", "pixels")]


class Output(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("capacity", ctypes.c_size_t)]


class Model:
    def __init__(self, directory, bias):
        self.bias = float(bias)
        self.library = ctypes.CDLL(os.path.join(directory, "model.so"), mode=ctypes.RTLD_GLOBAL)
        self.model, error = ctypes.c_void_p(), Error()
        assert self.library.tm_load(directory.encode(), None, ctypes.byref(self.model),
                                    ctypes.byref(error)) == 0, error.message

    def check(self, count):
        """The first feature of a sequence of ones is 2 and the bias."""
        ids = (ctypes.c_int32 * (3 * count))(*[1] * (3 * count))
        offsets = (ctypes.c_int32 * (count + 1))(*range(0, 3 * count + 1, 3))
        rows = (ctypes.c_float * (4 * count))()
        batch = Batch(count, ctypes.addressof(offsets), ctypes.addressof(ids), None, None)
        output = Output(b"sentence_embedding", ctypes.addressof(rows), 4 * count)
        assert self.library.tm_run(self.model, ctypes.byref(batch), ctypes.byref(output),
                                   ctypes.c_int64(1), None) == 0
        return all(row == 2 + self.bias for row in rows[::4])


models = [Model(*pair) for pair in zip(sys.argv[1::2], sys.argv[2::2])]
results = []


def work(number):
    good = all(models[(number + i) % 2].check(1 + (number * 7 + i) % 900) for i in range(30))
    results.append(good)


threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert results == [True] * 8, results
for model in models:
    model.library.tm_free(model.model)
