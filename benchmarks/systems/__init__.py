"""The systems that take part: ours, and those of others where they are installed.

A system is NAME -> System. Its module has `prepare(folder, checkpoint, ...)`,
which makes its files once, and `load(folder, threads, ...)`, which returns two
functions: one turns a batch (lists of ids) into inputs, one computes them.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import importlib
import importlib.util
from typing import NamedTuple


class System(NamedTuple):
    module: str
    options: dict
    needs: tuple  # of packages
    what: str

    @property
    def versions(self):
        """Of these packages the version is of interest, under the names that they are installed by."""
        names = {"iree": "iree-base-compiler"}
        return [names.get(p, p) for p in self.needs if p not in ("transformer_mlir", "onnx")]


SYSTEMS = {
    **{f"tm-{preset}": System("ours", {"preset": preset}, ("transformer_mlir",), f"transformer-mlir, preset {preset}")
       for preset in ("exact", "bf16", "int8", "int4")},
    "pytorch": System("pytorch", {}, ("torch", "transformers"), "PyTorch eager f32, SDPA"),
    "pytorch-mkl": System("pytorch", {}, ("torch", "transformers"), "the same with MKL's fast path forced"),
    "onnxruntime": System("onnx_", {}, ("onnxruntime", "onnx", "torch"), "ONNX Runtime f32"),
    "onnxruntime-int8": System("onnx_", {"int8": True}, ("onnxruntime", "onnx", "torch"),
                               "ONNX Runtime, dynamic int8 per channel"),
    "openvino": System("openvino_", {}, ("openvino", "torch", "onnx"), "OpenVINO f32, dynamic shapes"),
    "openvino-static": System("openvino_", {"static": True}, ("openvino", "torch", "onnx"),
                              "OpenVINO f32, compiled per shape"),
    "openvino-int8": System("openvino_", {"int8": True}, ("openvino", "nncf", "torch", "onnx"),
                            "OpenVINO int8 (NNCF), dynamic shapes"),
    "openvino-int8-static": System("openvino_", {"int8": True, "static": True}, ("openvino", "nncf", "torch", "onnx"),
                                   "OpenVINO int8 (NNCF), compiled per shape"),
    "ctranslate2": System("ctranslate2_", {}, ("ctranslate2", "transformers", "torch"), "CTranslate2 f32"),
    "ctranslate2-int8": System("ctranslate2_", {"int8": True}, ("ctranslate2", "transformers", "torch"),
                               "CTranslate2 int8"),
    "iree": System("iree_", {}, ("iree", "torch", "onnx", "onnxruntime"), "IREE f32, compiled per shape"),
}


def find(name):
    """A system by its name. tm-NAME is an artifact that somebody has put there; +padded fills sentences up."""
    if name not in SYSTEMS and not name.startswith("tm-"):
        raise SystemExit(f"there is no system {name}; there are: {', '.join(SYSTEMS)}")
    own, _, padded = name.partition("+")
    options = {"preset": own[3:], **({"padded": True} if padded else {})}
    return SYSTEMS.get(name) or System("ours", options, ("transformer_mlir",), name)


def missing(name):
    """The first package that a system lacks, or None."""
    return next((p for p in find(name).needs if importlib.util.find_spec(p) is None), None)


def module(name):
    return importlib.import_module(f"systems.{find(name).module}")
