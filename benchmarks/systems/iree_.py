"""IREE, one module per shape; other workloads are refused. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import os
import subprocess
import sys

from workloads import pad


def prepare(folder, checkpoint, shapes):
    import onnxruntime
    from .pytorch import export
    programs = os.path.dirname(sys.executable)
    for shape in shapes:
        stem = folder / f"iree-{shape}"
        if stem.with_suffix(".vmfb").exists():
            continue
        raw = export(stem.with_suffix(".raw.onnx"), checkpoint, tuple(map(int, shape.split("x"))))
        options = onnxruntime.SessionOptions()  # folds constants, so that every shape is static
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = f"{stem}.onnx"
        onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
        subprocess.run([f"{programs}/iree-import-onnx", f"{stem}.onnx", "-o", f"{stem}.mlir", "--opset-version", "17"],
                       check=True)
        subprocess.run([f"{programs}/iree-compile", f"{stem}.mlir", "-o", f"{stem}.part",
                        "--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
                        "--iree-llvmcpu-target-cpu=host", "--iree-opt-data-tiling"], check=True)
        os.rename(f"{stem}.part", f"{stem}.vmfb")  # only what is whole is found again


def load(folder, threads):
    import iree.runtime as runtime
    if threads > 1:
        runtime.flags.parse_flags(f"--task_topology_group_count={threads}")
    config = runtime.Config("local-task" if threads > 1 else "local-sync")
    modules = {}

    def run(given):
        shape = given[0].shape
        if shape not in modules:
            path = folder / f"iree-{shape[0]}x{shape[1]}.vmfb"
            if not path.exists():
                raise RuntimeError(f"IREE has no module for {shape[0]}x{shape[1]}")
            vm = runtime.VmModule.mmap(config.vm_instance, str(path))
            modules[shape] = runtime.load_vm_module(vm, config)
        return modules[shape].main_graph(*given).to_host().copy()

    return pad, run
